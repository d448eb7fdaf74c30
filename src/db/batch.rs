//! Rows on their way into a statement, many at a time.
//!
//! They travel as JSON in one bind parameter, so that the text of a statement does not depend on their number: a
//! connection keeps every statement that it has prepared by its text, and one with a marker for every value would
//! stay behind for each length that a list happens to have.

use chrono::NaiveDateTime;
use diesel::sql_types::BigInt;
use serde::Serialize;

use super::{Conn, Dialect, Sql};
use crate::error::Error;

/// How many rows one statement takes.
pub const CHUNK: usize = 5_000;

/// Holds rows until the transaction ends, in the order of their keys and as strongly as the dialect says it; SQLite, with its
/// one writer, has nothing to hold.
///
/// # Errors
/// What the database answers.
pub fn hold(conn: &mut Conn, table: &'static str, ids: &[i64], lock: fn(Dialect) -> &'static str) -> Result<(), Error> {
    let lock = lock(conn.dialect());
    if lock.is_empty() {
        return Ok(());
    }
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    for ids in sorted.chunks(CHUNK) {
        let sql = Sql::new("SELECT id FROM ").text(table).text(" WHERE id").in_ids(ids);
        sql.text(" ORDER BY id").text(lock).load::<BigInt, i64>(conn)?;
    }
    Ok(())
}

/// The type of a column, which PostgreSQL has to be told.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    Int,
    /// A list, which SQLite keeps as JSON.
    Ints,
    Text,
    Date,
    /// Written as [`instant`] does.
    Instant,
    Flag,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::Int => "bigint",
            Self::Ints => "bigint[]",
            Self::Text => "text",
            Self::Date => "date",
            Self::Instant => "timestamp",
            Self::Flag => "boolean",
        }
    }
}

/// An instant as both databases store it: SQLite keeps the text as it is.
pub fn instant(at: NaiveDateTime) -> String {
    at.format("%F %T%.f").to_string()
}

/// A column: its name, which is also the rows' name for it, and its type.
pub type Column = (&'static str, Type);

/// A row that is stored already, with its new values.
#[derive(Serialize)]
pub struct Keyed<'r, T> {
    pub id: i64,
    #[serde(flatten)]
    pub row: &'r T,
}

/// The rows as something to select from, called `r`.
///
/// # Errors
/// `Internal` when they cannot be written as JSON.
pub fn rows(dialect: Dialect, columns: &[Column], rows: &[impl Serialize]) -> Result<Sql, Error> {
    let json = serde_json::to_string(rows).map_err(|error| Error::internal(error.to_string()))?;
    Ok(match dialect {
        Dialect::Sqlite => {
            let columns = list(columns, |(name, _)| format!("value ->> '{name}' AS {name}"));
            Sql::new(format!("(SELECT {columns} FROM json_each(")).string(json).text(")) r")
        }
        Dialect::Postgres => {
            let columns = list(columns, |(name, kind)| format!("{name} {}", kind.name()));
            Sql::new("json_to_recordset(").string(json).text(format!("::json) r ({columns})"))
        }
    })
}

/// The names of the columns.
pub fn names(columns: &[Column]) -> String {
    list(columns, |(name, _)| (*name).to_owned())
}

/// The columns of `r`.
pub fn values(columns: &[Column]) -> String {
    list(columns, |(name, _)| format!("r.{name}"))
}

/// The columns set to those of `r`.
pub fn assignments(columns: &[Column]) -> String {
    list(columns, |(name, _)| format!("{name} = r.{name}"))
}

fn list(columns: &[Column], each: impl Fn(&Column) -> String) -> String {
    columns.iter().map(each).collect::<Vec<_>>().join(", ")
}
