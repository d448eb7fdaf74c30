//! Reads a roster in EDEXML 2.1: the pupils, groups and teachers that a student information system hands over, as plain
//! data, or a list of everything that is wrong, each with line and column.
//!
//! Nothing here touches the database, and nothing of the file is kept but what a roster needs: national identity numbers
//! and addresses of photos are passed over unread.
//!
//! ```text
//! input    bytes into UTF-8, and where in the file one is
//!   scan   text into markup: quick-xml, fenced in against hostile files
//!   grammar  which element may stand where, and which of them are kept
//!   build  markup into drafts of groups and people
//!   draft  what an element says so far
//!   passed what is not read, and how often it stands there
//!   values   what the text of an element may be
//!   check  what they owe each other: keys that are unique, groups that are there
//! model    what a roster says
//! ```
//!
//! A file is read from front to back in bounded memory. The root is `EDEX`, or `leerlinggegevens` inside a SOAP message of
//! UWLR; elements go by their local names.

mod build;
mod check;
mod draft;
mod grammar;
mod input;
mod model;
mod passed;
mod scan;
mod values;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

pub use model::{Group, GroupKind, PassedOver, Person, PersonKind, Reference, Roster, School, Stated, Stay};

use super::bundle::{At, BundleErrors, ErrorCode, Log};
use build::Builder;

/// The file as places name it.
pub const FILE: &str = "EDEXML";

/// Most bytes of a file.
pub const FILE_BYTES: u64 = 1 << 30;

/// Reads and checks the roster in a file.
///
/// # Errors
/// Everything that is wrong with it, by line and column.
pub fn read(path: &Path) -> Result<Roster, BundleErrors> {
    let unreadable = |error: std::io::Error| {
        let mut log = Log::default();
        log.report(At::file(FILE), ErrorCode::FileUnreadable, format!("the file cannot be opened: {error}"));
        BundleErrors { what: "file", ..log.into_errors(Vec::new()) }
    };
    let file = File::open(path).map_err(unreadable)?;
    read_from(BufReader::new(file))
}

/// Reads and checks the roster that `input` holds.
///
/// # Errors
/// Everything that is wrong with it, by line and column.
pub fn read_from(input: impl Read) -> Result<Roster, BundleErrors> {
    let mut builder = Builder::default();
    builder.read(input, FILE_BYTES);
    builder.finish()
}
