//! Rows on their way into a statement, many at a time.
//!
//! They travel as JSON in one bind parameter, so that the text of a statement does not depend on their number: a
//! connection keeps every statement that it has prepared by its text, and one with a marker for every value would
//! stay behind for each length that a file happens to have.

use chrono::NaiveDateTime;
use diesel::QueryResult;
use diesel::sql_types::{BigInt, Timestamp};
use serde::Serialize;

use crate::db::{Conn, Dialect, Sql, violation};
use crate::error::{Code, Error};

/// How many rows one statement takes.
pub(super) const CHUNK: usize = 5_000;

/// The type of a column, which PostgreSQL has to be told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Type {
    Int,
    Text,
    Date,
    Flag,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::Int => "bigint",
            Self::Text => "text",
            Self::Date => "date",
            Self::Flag => "boolean",
        }
    }
}

/// A column: its name, which is also the rows' name for it, and its type.
pub(super) type Column = (&'static str, Type);

/// A row that is stored already, with its new values.
#[derive(Serialize)]
pub(super) struct Keyed<'r, T> {
    pub id: i64,
    #[serde(flatten)]
    pub row: &'r T,
}

/// The rows as something to select from, called `r`.
///
/// # Errors
/// `Internal` when they cannot be written as JSON.
pub(super) fn rows(dialect: Dialect, columns: &[Column], rows: &[impl Serialize]) -> Result<Sql, Error> {
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
pub(super) fn names(columns: &[Column]) -> String {
    list(columns, |(name, _)| (*name).to_owned())
}

/// The columns of `r`.
pub(super) fn values(columns: &[Column]) -> String {
    list(columns, |(name, _)| format!("r.{name}"))
}

/// The columns set to those of `r`.
pub(super) fn assignments(columns: &[Column]) -> String {
    list(columns, |(name, _)| format!("{name} = r.{name}"))
}

fn list(columns: &[Column], each: impl Fn(&Column) -> String) -> String {
    columns.iter().map(each).collect::<Vec<_>>().join(", ")
}

/// Locks rows that are about to be changed, and makes sure that nobody changed them since they were read. Nothing else
/// is locked, so that an import holds up nobody who works on other records.
///
/// # Errors
/// `Conflict` when somebody did; what the database answers.
pub(super) fn hold(conn: &mut Conn, table: &'static str, read: &[(i64, NaiveDateTime)]) -> Result<(), Error> {
    if read.is_empty() {
        return Ok(());
    }
    let mut read = read.to_vec();
    read.sort_unstable();
    let ids: Vec<i64> = read.iter().map(|(id, _)| *id).collect();
    let sql = Sql::new("SELECT id, updated_at FROM ").text(table).text(" WHERE id").in_ids(&ids).text(" ORDER BY id");
    let found = sql.text(conn.dialect().for_update()).load::<(BigInt, Timestamp), (i64, NaiveDateTime)>(conn)?;
    if found == read { Ok(()) } else { Err(overtaken()) }
}

/// What a write answers, constraints of the schema among it: all that a bundle can violate has been looked at before,
/// so that only somebody else's change in the meantime can be behind it.
///
/// # Errors
/// `Conflict`; what the database answers.
pub(super) fn written<T>(outcome: QueryResult<T>) -> Result<T, Error> {
    outcome.map_err(|error| if violation(&error).is_some() { overtaken() } else { error.into() })
}

/// The answer to an import that met somebody else's change.
pub(super) fn overtaken() -> Error {
    let message =
        "Somebody changed the same records while they were being imported. Nothing was imported; please try again.";
    Error::rejected(Code::Conflict, message)
}
