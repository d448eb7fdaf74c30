//! The keys by which the sender knows people and groups, as they are stored.

use std::collections::HashMap;

use diesel::sql_types::{BigInt, Nullable, Text};
use serde::Serialize;

use super::Intake;
use crate::db::Sql;
use crate::error::Error;
use crate::exchange::edexml::{GroupKind, PersonKind};
use crate::exchange::import::batch::{CHUNK, Column, Type, names, rows, values, written};

/// The keys of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct PersonKeys {
    pub participant_id: i64,
    pub kind: PersonKind,
    /// None when the sender gave it to somebody else.
    pub las_key: Option<String>,
    pub eck_id: Option<String>,
}

/// The key of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct GroupKey {
    pub group_id: i64,
    pub kind: GroupKind,
    pub las_key: String,
}

const PEOPLE: &[Column] =
    &[("participant_id", Type::Int), ("kind", Type::Text), ("las_key", Type::Text), ("eck_id", Type::Text)];
const GROUPS: &[Column] = &[("group_id", Type::Int), ("kind", Type::Text), ("las_key", Type::Text)];

impl Intake<'_> {
    /// The people of all rosters of the organization.
    pub(super) fn known_people(&mut self) -> Result<Vec<PersonKeys>, Error> {
        type Columns = (BigInt, Text, Nullable<Text>, Nullable<Text>);
        let sql = Sql::new("SELECT participant_id, kind, las_key, eck_id FROM roster_people WHERE organization_id = ");
        let sql = sql.int(self.organization).text(" ORDER BY participant_id");
        let rows = sql.load::<Columns, (i64, PersonKind, Option<String>, Option<String>)>(self.conn)?;
        Ok(rows
            .into_iter()
            .map(|(participant_id, kind, las_key, eck_id)| PersonKeys { participant_id, kind, las_key, eck_id })
            .collect())
    }

    /// The groups of all rosters of the organization.
    pub(super) fn known_groups(&mut self) -> Result<HashMap<(GroupKind, String), i64>, Error> {
        let sql = Sql::new("SELECT kind, las_key, group_id FROM roster_groups WHERE organization_id = ");
        let rows = sql.int(self.organization).load::<(Text, Text, BigInt), (GroupKind, String, i64)>(self.conn)?;
        Ok(rows.into_iter().map(|(kind, key, group)| ((kind, key), group)).collect())
    }

    /// Writes the keys of people that are new or differ. Those that were there are taken away first: two people may have
    /// changed keys with each other.
    pub(super) fn write_people_keys(&mut self, changed: &[PersonKeys]) -> Result<(), Error> {
        let ids: Vec<i64> = changed.iter().map(|keys| keys.participant_id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let sql = Sql::new("DELETE FROM roster_people WHERE organization_id = ").int(self.organization);
        sql.text(" AND participant_id").in_ids(&ids).execute(self.conn)?;
        for keys in changed.chunks(CHUNK) {
            self.insert_keys("roster_people", PEOPLE, keys)?;
        }
        Ok(())
    }

    /// Writes the keys of groups that are new.
    pub(super) fn write_group_keys(&mut self, new: &[GroupKey]) -> Result<(), Error> {
        for keys in new.chunks(CHUNK) {
            self.insert_keys("roster_groups", GROUPS, keys)?;
        }
        Ok(())
    }

    fn insert_keys(&mut self, table: &'static str, columns: &[Column], keys: &[impl Serialize]) -> Result<(), Error> {
        let sql = Sql::new(format!("INSERT INTO {table} (organization_id, {}) SELECT ", names(columns)))
            .int(self.organization)
            .text(format!(", {} FROM ", values(columns)))
            .then(rows(self.conn.dialect(), columns, keys)?);
        written(sql.execute(self.conn))?;
        Ok(())
    }
}
