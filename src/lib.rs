//! Kring: group and membership administration behind one GraphQL gateway.

pub mod access;
pub mod app;
pub mod check;
pub mod config;
pub mod db;
pub mod error;
pub mod exchange;
pub mod graphql;
pub mod groups;
pub mod history;
pub mod http;
pub mod id;
pub mod members;
pub mod page;
pub mod people;
pub mod repeat;
pub mod scope;
pub mod text;
