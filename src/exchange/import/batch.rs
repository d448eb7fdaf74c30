//! Rows of a bundle on their way into the database.

use chrono::NaiveDateTime;
use diesel::QueryResult;
use diesel::sql_types::{BigInt, Timestamp};

pub(super) use crate::db::batch::{CHUNK, Column, Keyed, Type, assignments, names, rows, values};
use crate::db::{Conn, Sql, violation};
use crate::error::{Code, Error};

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
