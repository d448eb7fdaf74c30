//! Kring: group and membership administration behind one GraphQL gateway.

pub mod access;
pub mod db;
pub mod error;
pub mod graphql;
pub mod groups;
pub mod history;
pub mod id;
pub mod members;
pub mod page;
pub mod people;
pub mod scope;
pub mod text;
