//! The history of what an import does (M7), written many entries at a time.

use std::collections::BTreeMap;
use std::mem;

use crate::db::Conn;
use crate::error::Error;
use crate::history::{self, Action, Change, Entity, Entry};
use crate::scope::Scope;

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
        self.entries.push(Entry::new(action, entity, id, changes)?);
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
        history::record_each(conn, scope, &mem::take(&mut self.entries))
    }
}
