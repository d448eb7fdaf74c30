//! The history of participants, groups and memberships (M7): who changed which field, when, from what to what.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::Queryable;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};
use serde::{Deserialize, Serialize};

use crate::db::announce::Kind as Announced;
use crate::db::batch::{self, CHUNK, Column, Type, names, values};
use crate::db::text_enum::text_enum;
use crate::db::{Conn, Dialect, Sql};
use crate::error::Error;
use crate::page::{KeyType, Order, Page, Window};
use crate::scope::{Scope, Source};

text_enum! {
    /// What was done.
    Action {
        Created = "CREATED",
        Updated = "UPDATED",
        Ended = "ENDED",
        Annulled = "ANNULLED",
        Deleted = "DELETED",
    }
}

text_enum! {
    /// To what it was done.
    Entity {
        Participant = "PARTICIPANT",
        Group = "GROUP",
        Membership = "MEMBERSHIP",
        Category = "CATEGORY",
        StartReason = "START_REASON",
        EndReason = "END_REASON",
        Content = "CONTENT",
    }
}

impl Action {
    /// How it is announced of a membership.
    pub fn announced(self) -> Announced {
        match self {
            Self::Created => Announced::Created,
            Self::Updated | Self::Deleted => Announced::Updated,
            Self::Ended => Announced::Ended,
            Self::Annulled => Announced::Annulled,
        }
    }
}

/// One field that changed. Values are written as GraphQL shows them; `None` is the absence of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub field: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// One entry.
#[derive(Clone, Debug, Queryable)]
pub struct HistoryRow {
    pub id: i64,
    pub at: NaiveDateTime,
    pub actor_id: Option<i64>,
    pub actor_name: String,
    pub action: Action,
    pub entity: Entity,
    pub entity_id: i64,
    pub changes: String,
}

/// Fields by name, as they are before or after a change.
pub type Fields = Vec<(&'static str, Option<String>)>;

/// What differs between two states of the same fields.
pub fn diff(before: &[(&'static str, Option<String>)], after: &[(&'static str, Option<String>)]) -> Vec<Change> {
    let old: HashMap<&str, &Option<String>> = before.iter().map(|(field, value)| (*field, value)).collect();
    after
        .iter()
        .filter_map(|(field, value)| {
            let before = old.get(field).copied().cloned().flatten();
            (before != *value).then(|| Change { field: (*field).to_owned(), before, after: value.clone() })
        })
        .collect()
}

/// Writes one entry for each of the objects, in the transaction of the change itself.
///
/// # Errors
/// What the database answers.
pub fn record(
    conn: &mut Conn,
    scope: &Scope,
    action: Action,
    entity: Entity,
    ids: &[i64],
    changes: &[Change],
) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let changes = serde_json::to_string(changes).map_err(|error| Error::internal(error.to_string()))?;
    let sql = made_by(scope, "action, entity, entity_id, changes")
        .string(action.as_str())
        .text(", ")
        .string(entity.as_str())
        .text(", source.value, ")
        .string(changes)
        .text(" FROM ");
    let sql = match conn.dialect() {
        Dialect::Sqlite => {
            sql.text("json_each(").string(serde_json::Value::from(ids.to_vec()).to_string()).text(") source")
        }
        Dialect::Postgres => sql.text("unnest(").id_array(ids).text(") source (value)"),
    };
    sql.execute(conn)?;
    Ok(())
}

/// The statement that writes entries, as far as the columns that follow from who is at work and when.
fn made_by(scope: &Scope, columns: &str) -> Sql {
    let sql = Sql::new(format!("INSERT INTO history (at, actor_id, actor_name, source, {columns}) SELECT "))
        .instant(scope.instant())
        .text(", ")
        .int(scope.viewer.participant)
        .text(", ")
        .string(scope.viewer.name.clone());
    match scope.source {
        Some(source) => sql.text(", ").string(source.as_str()).text(", "),
        None => sql.text(", NULL, "),
    }
}

/// What was done to one object, its changes as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    action: Action,
    entity: Entity,
    entity_id: i64,
    changes: String,
}

impl Entry {
    /// What was done to an object.
    ///
    /// # Errors
    /// `Internal` when the changes cannot be written as JSON.
    pub fn new(action: Action, entity: Entity, entity_id: i64, changes: &[Change]) -> Result<Self, Error> {
        let changes = serde_json::to_string(changes).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Self { action, entity, entity_id, changes })
    }
}

const ENTRY: &[Column] =
    &[("action", Type::Text), ("entity", Type::Text), ("entity_id", Type::Int), ("changes", Type::Text)];

/// Writes entries that differ from object to object, in the transaction of the changes themselves.
///
/// # Errors
/// What the database answers.
pub fn record_each(conn: &mut Conn, scope: &Scope, entries: &[Entry]) -> Result<(), Error> {
    for entries in entries.chunks(CHUNK) {
        let rows = batch::rows(conn.dialect(), ENTRY, entries)?;
        made_by(scope, &names(ENTRY)).text(format!("{} FROM ", values(ENTRY))).then(rows).execute(conn)?;
    }
    Ok(())
}

type HistorySql = (BigInt, Timestamp, Nullable<BigInt>, Text, Text, Text, BigInt, Text);
const COLUMNS: &str = "SELECT h.id, h.at, h.actor_id, h.actor_name, h.action, h.entity, h.entity_id, h.changes";

/// The newest first.
pub fn order() -> Order {
    Order { name: "newest", columns: &[("h.id", KeyType::Int)], descending: true }
}

/// A page of history for each of the objects, in one statement.
///
/// # Errors
/// `BadInput` for a cursor of another list; what the database answers.
pub fn pages(
    conn: &mut Conn,
    entity: Entity,
    ids: &[i64],
    window: &Window,
) -> Result<HashMap<i64, Page<HistoryRow>>, Error> {
    let order = order();
    let inner = |sql: Sql| {
        let sql = sql
            .text(" FROM history h WHERE h.entity = ")
            .string(entity.as_str())
            .text(" AND h.entity_id = parent.value");
        Ok::<_, Error>(window.order_by(window.conditions(sql, &order)?, &order).text(" LIMIT ").int(window.fetch()))
    };
    let sql = match conn.dialect() {
        Dialect::Sqlite => {
            let parents = serde_json::Value::from(ids.to_vec()).to_string();
            let sql = Sql::new(COLUMNS).text(" FROM json_each(").string(parents);
            inner(sql.text(") parent CROSS JOIN history h ON h.id IN (SELECT h.id"))?.text(")")
        }
        Dialect::Postgres => {
            let sql = Sql::new("SELECT h.* FROM unnest(").id_array(ids).text(") parent (value) CROSS JOIN LATERAL (");
            inner(sql.text(COLUMNS))?.text(") h")
        }
    };
    let rows = window.order_by(sql, &order).load::<HistorySql, HistoryRow>(conn)?;
    let mut by_parent: HashMap<i64, Vec<HistoryRow>> = HashMap::new();
    for row in rows {
        by_parent.entry(row.entity_id).or_default().push(row);
    }
    Ok(by_parent.into_iter().map(|(parent, rows)| (parent, window.page(rows))).collect())
}

/// How many entries each of the objects has.
///
/// # Errors
/// What the database answers.
pub fn counts(conn: &mut Conn, entity: Entity, ids: &[i64]) -> Result<HashMap<i64, i64>, Error> {
    let sql = Sql::new("SELECT h.entity_id, COUNT(*) FROM history h WHERE h.entity = ")
        .string(entity.as_str())
        .text(" AND h.entity_id")
        .in_ids(ids)
        .text(" GROUP BY h.entity_id");
    Ok(sql.load::<(BigInt, BigInt), (i64, i64)>(conn)?.into_iter().collect())
}

/// What is known of a change that was made: to which object, by which import, and what.
pub struct Past {
    pub entity_id: i64,
    pub action: Action,
    pub source: Option<Source>,
    pub changes: Vec<Change>,
}

/// All that happened to each of the objects, the oldest first.
///
/// # Errors
/// What the database answers; `Internal` for an entry that cannot be read.
pub fn pasts(conn: &mut Conn, entity: Entity, ids: &[i64]) -> Result<Vec<Past>, Error> {
    let sql = Sql::new("SELECT h.entity_id, h.action, h.source, h.changes FROM history h WHERE h.entity = ")
        .string(entity.as_str())
        .text(" AND h.entity_id")
        .in_ids(ids)
        .text(" ORDER BY h.entity_id, h.id");
    let rows = sql.load::<(BigInt, Text, Nullable<Text>, Text), (i64, Action, Option<Source>, String)>(conn)?;
    let past = |(entity_id, action, source, changes): (i64, Action, Option<Source>, String)| {
        let changes = serde_json::from_str(&changes).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Past { entity_id, action, source, changes })
    };
    rows.into_iter().map(past).collect()
}
