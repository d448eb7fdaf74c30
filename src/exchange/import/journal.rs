//! The history of what an import does (M7), written many entries at a time.

use std::collections::BTreeMap;
use std::mem;

use serde::Serialize;

use super::batch::{self, CHUNK, Column, Type, names, values};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::history::{Action, Change, Entity};
use crate::scope::Scope;

const COLUMNS: &[Column] =
    &[("action", Type::Text), ("entity", Type::Text), ("entity_id", Type::Int), ("changes", Type::Text)];

#[derive(Serialize)]
struct Entry {
    action: Action,
    entity: Entity,
    entity_id: i64,
    changes: String,
}

/// Entries that are still to be written.
#[derive(Default)]
pub(super) struct Journal {
    entries: Vec<Entry>,
    /// What happened to groups so far. Their settings and their components come from different files and are one
    /// change all the same.
    groups: BTreeMap<i64, (Action, Vec<Change>)>,
}

impl Journal {
    /// Notes what was done to an object.
    ///
    /// # Errors
    /// `Internal` when the changes cannot be written as JSON.
    pub(super) fn note(&mut self, action: Action, entity: Entity, id: i64, changes: &[Change]) -> Result<(), Error> {
        let changes = serde_json::to_string(changes).map_err(|error| Error::internal(error.to_string()))?;
        self.entries.push(Entry { action, entity, entity_id: id, changes });
        Ok(())
    }

    /// Notes what was done to a group; the first action is what the whole is called.
    pub(super) fn note_group(&mut self, action: Action, id: i64, changes: Vec<Change>) {
        self.groups.entry(id).or_insert_with(|| (action, Vec::new())).1.extend(changes);
    }

    /// Writes what was noted of groups along with the rest.
    ///
    /// # Errors
    /// What the database answers.
    pub(super) fn write_groups(&mut self, conn: &mut Conn, scope: &Scope) -> Result<(), Error> {
        for (id, (action, changes)) in mem::take(&mut self.groups) {
            self.note(action, Entity::Group, id, &changes)?;
        }
        self.write(conn, scope)
    }

    /// Writes what was noted, groups left out.
    ///
    /// # Errors
    /// What the database answers.
    pub(super) fn write(&mut self, conn: &mut Conn, scope: &Scope) -> Result<(), Error> {
        for entries in mem::take(&mut self.entries).chunks(CHUNK) {
            let rows = batch::rows(conn.dialect(), COLUMNS, entries)?;
            Sql::new(format!("INSERT INTO history (at, actor_id, actor_name, {}) SELECT ", names(COLUMNS)))
                .instant(scope.instant())
                .text(", ")
                .int(scope.viewer.participant)
                .text(", ")
                .string(scope.viewer.name.clone())
                .text(format!(", {} FROM ", values(COLUMNS)))
                .then(rows)
                .execute(conn)?;
        }
        Ok(())
    }
}
