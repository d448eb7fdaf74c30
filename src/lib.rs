//! Kring: group and membership administration behind one GraphQL gateway.
//!
//! Where things are:
//!
//! - [`app`], [`config`]: from settings to a running gateway; `main.rs` and `cli.rs` are the command line.
//! - [`http`]: routes, the guard before the parser, permits, metrics, the explorer; `live` is the socket for subscriptions.
//! - [`graphql`]: the schema. `engine` turns selections into rows and JSON; `types` has one table of fields for each type;
//!   `query` and `mutation` are the roots.
//! - [`exchange`]: what comes in from other systems: bundles of CSV files, rosters of schools in EDEXML.
//! - [`subscriptions`]: joining and leaving by oneself, a rule in each file.
//! - [`members`]: memberships with their reasons; `effective` is the one door to who belongs to a group, `derive` keeps
//!   automatic participation in step, and `causes` has the changes of groups and people that it follows from.
//! - [`content`]: what is shown to people; `kinds` has a file for each kind, `visibility` alone decides who sees an item.
//! - [`groups`]: settings and composition; [`people`]: participants, residencies, guardians.
//! - [`school`]: what a school keeps of its pupils for one school year.
//! - [`year`]: from one school year to the next: plan, preview, apply, relink, undo; moves during the year.
//! - [`mail`]: e-mail to new members, from the outbox to the mail server.
//! - [`text`]: the door for texts, and the keys by which they are compared; [`keys`] makes those that are stored anew.
//! - [`access`]: tokens, roles, `table` (which fields) and `sight` (which objects).
//! - [`log`]: what no log holds.
//! - [`db`]: pools, transactions and the two backends behind one connection type; `announce` tells of changes.
//!
//! What always holds:
//!
//! - Everything that one query reads is one state of the database; every mutation is one transaction, history included.
//! - The number of statements follows from the document, never from the number of rows.
//! - Nothing is read or done without an entry in `access::table`, and nothing out of sight is read at all.
//! - Periods of one participant in one group never overlap, and no group gets its members from itself.
//! - The moment and the date come from [`scope::Scope`], never from the machine's clock.

pub mod access;
pub mod app;
pub mod check;
pub mod config;
pub mod content;
pub mod db;
pub mod error;
pub mod exchange;
pub mod graphql;
pub mod groups;
pub mod history;
pub mod http;
pub mod id;
pub mod keys;
pub mod log;
pub mod mail;
pub mod members;
pub mod page;
pub mod people;
pub mod repeat;
pub mod school;
pub mod scope;
pub mod subscriptions;
pub mod text;
pub mod year;
