//! What is stored of participants, and the statements that change many of them at once.

use std::collections::HashMap;

use chrono::NaiveDateTime;

use crate::access::sight::Sight;
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::exchange::import::batch::{self, Column, Keyed, Type, assignments, hold, names, values, written};
use crate::people::store::{self, ParticipantRow, Written};
use crate::people::{Details, ParticipantKind};
use crate::scope::Scope;

/// The columns that are written, but for the key of the order.
const COLUMNS: &[Column] = &[
    ("external_id", Type::Text),
    ("kind", Type::Text),
    ("given_name", Type::Text),
    ("name_prefix", Type::Text),
    ("family_name", Type::Text),
    ("name", Type::Text),
    ("birth_date", Type::Date),
    ("gender", Type::Text),
    ("email", Type::Text),
    ("phone", Type::Text),
    ("street", Type::Text),
    ("house_number", Type::Text),
    ("postal_code", Type::Text),
    ("city", Type::Text),
    ("country", Type::Text),
    ("complex_number", Type::Text),
    ("dwelling_type", Type::Text),
    ("organization_id", Type::Int),
    ("enforce_portal_settings", Type::Flag),
    ("display_name", Type::Text),
    ("search_text", Type::Text),
    ("email_key", Type::Text),
    ("postal_key", Type::Text),
    ("city_key", Type::Text),
    ("complex_key", Type::Text),
    ("dwelling_key", Type::Text),
];
const SORT_KEY: Column = ("sort_key", Type::Text);
const ID: Column = ("id", Type::Int);

/// What is stored of a participant.
pub(in crate::exchange::import) struct Stored {
    pub kind: ParticipantKind,
    pub details: Details,
    sort_key: String,
    updated_at: NaiveDateTime,
}

impl Stored {
    /// The change of this participant, who has that key, to other details.
    pub(in crate::exchange::import) fn update(&self, id: i64, details: Details, scope: &Scope) -> Update {
        let after = Written::new(self.kind, details, scope.instant());
        let moves = after.sort_key != self.sort_key;
        Update { id, after, read_at: self.updated_at, moves }
    }
}

/// A record that is stored and differs.
pub(in crate::exchange::import) struct Update {
    id: i64,
    after: Written,
    read_at: NaiveDateTime,
    /// Whether its place in the order of names changes, and that of its memberships with it.
    moves: bool,
}

/// What is stored of these participants.
///
/// # Errors
/// What the database answers.
pub(in crate::exchange::import) fn stored_participants(
    conn: &mut Conn,
    ids: &[i64],
) -> Result<HashMap<i64, Stored>, Error> {
    let found = store::by_ids(conn, &Sight::unlimited(), true, ids)?;
    Ok(found.into_iter().filter_map(stored).collect())
}

/// The statement that writes new participants, as far as what it returns.
///
/// # Errors
/// `Internal` when they cannot be written as JSON.
pub(in crate::exchange::import) fn insertion(conn: &Conn, scope: &Scope, writes: &[Written]) -> Result<Sql, Error> {
    let now = scope.instant();
    let columns = [COLUMNS, &[SORT_KEY]].concat();
    let source = batch::rows(conn.dialect(), &columns, writes)?;
    Ok(Sql::new(format!("INSERT INTO participants ({}, created_at, updated_at) SELECT ", names(&columns)))
        .text(format!("{}, ", values(&columns)))
        .instant(now)
        .text(", ")
        .instant(now)
        .text(" FROM ")
        .then(source)
        .text(" RETURNING "))
}

/// Writes what differs, in a number of statements that does not depend on how much it is.
///
/// # Errors
/// `Conflict` when somebody else changed the same; what the database answers.
pub(in crate::exchange::import) fn write_changed(
    conn: &mut Conn,
    scope: &Scope,
    updates: &[Update],
) -> Result<(), Error> {
    if updates.is_empty() {
        return Ok(());
    }
    let read: Vec<_> = updates.iter().map(|update| (update.id, update.read_at)).collect();
    hold(conn, "participants", &read)?;
    let rows: Vec<_> = updates.iter().map(|update| Keyed { id: update.id, row: &update.after }).collect();
    let set = Sql::new(format!("UPDATE participants SET {}, updated_at = ", assignments(COLUMNS)));
    update_from(conn, set.instant(scope.instant()), &[&[ID], COLUMNS].concat(), &rows)?;
    // The key of the order is repeated by memberships, which the database has to look through for every row that this
    // statement sets it in, changed or not.
    let moved: Vec<_> = updates
        .iter()
        .filter(|update| update.moves)
        .map(|update| Keyed { id: update.id, row: &update.after })
        .collect();
    if !moved.is_empty() {
        let set = Sql::new("UPDATE participants SET sort_key = r.sort_key");
        update_from(conn, set, &[ID, SORT_KEY], &moved)?;
    }
    Ok(())
}

fn update_from(conn: &mut Conn, set: Sql, columns: &[Column], rows: &[Keyed<'_, Written>]) -> Result<(), Error> {
    let source = batch::rows(conn.dialect(), columns, rows)?;
    written(set.text(" FROM ").then(source).text(" WHERE participants.id = r.id").execute(conn))?;
    Ok(())
}

fn stored(row: ParticipantRow) -> Option<(i64, Stored)> {
    let (id, sort_key) = (row.id, row.sort_key.clone());
    let (kind, details, updated_at) = row.into_details()?;
    Some((id, Stored { kind, details, sort_key, updated_at }))
}
