//! `categories.csv`: the categories of groups, which all organizations share.

use std::collections::{HashMap, HashSet};

use diesel::sql_types::{BigInt, Nullable, Text};

use super::batch::{CHUNK, overtaken, written};
use super::report::Fate;
use super::{Outcome, Run, Step, aliases};
use crate::db::Sql;
use crate::error::Error;
use crate::exchange::bundle::{Category, ErrorCode, Lack, Shown};
use crate::groups::store::{self, CategoryRow, WrittenCategory};
use crate::history::{self, Action, Change, Entity, Fields};
use crate::text::sort_key;

/// A row that is to be written.
struct Write<'b> {
    row: &'b Category,
    /// The key of the stored category, unless it is new.
    id: Option<i64>,
    after: WrittenCategory,
    changes: Vec<Change>,
}

impl<'r> Run<'r> {
    /// Writes the categories that are new or have another name.
    pub(super) fn categories(&mut self) -> Result<(), Error> {
        let rows = &self.bundle.categories;
        let stored = self.stored_categories()?;
        if let Some(writes) = self.compare_categories(&stored) {
            self.write_categories(&writes)?;
        }
        self.tell(Step::Categories, rows.len(), rows.len());
        self.journal.write(self.conn, self.scope)
    }

    /// What is to be written; nothing at all if a row was refused, since its name may then still be another's.
    fn compare_categories(&mut self, stored: &[CategoryRow]) -> Option<Vec<Write<'r>>> {
        let bundle = self.bundle;
        let by_key: HashMap<i64, &CategoryRow> = stored.iter().map(|row| (row.id, row)).collect();
        let of_row = |name: &str| by_key.get(self.known.categories.get(name)?).copied();
        let renamed: HashSet<i64> =
            bundle.categories.iter().filter_map(|row| Some(of_row(&row.external_id)?.id)).collect();
        // Names are unique: first come those of categories that the bundle cannot rename.
        let mut names: HashMap<String, Option<&CategoryRow>> = stored
            .iter()
            .filter(|row| !renamed.contains(&row.id))
            .map(|row| (row.sort_key.clone(), Some(row)))
            .collect();
        let mut writes = Vec::new();
        let mut refused = false;
        for row in &bundle.categories {
            let known = of_row(&row.external_id);
            let stored_name = known.map(|known| known.name.clone());
            let Some(name) = row.name.clone().or(stored_name) else {
                if let Some(Lack { at, message }) = &row.lack {
                    self.log.report(*at, ErrorCode::MissingValue, message.as_str());
                }
                refused = true;
                continue;
            };
            let namesake = names.insert(sort_key(&name), None);
            // One made by hand becomes the sender's when it has the name.
            let by_hand = namesake.flatten().filter(|found| found.external_id.is_none() && known.is_none());
            if namesake.is_some() && by_hand.is_none() {
                let message = format!("another category is called {} already", Shown(&name));
                self.log.report(row.at, ErrorCode::NameTaken, message);
                refused = true;
                continue;
            }
            let before = known.or(by_hand);
            let old = before.map(|row| fields(&row.name, row.external_id.as_deref())).unwrap_or_default();
            let external_id = aliases::kept(&row.external_id, before.and_then(|row| row.external_id.clone()));
            let changes = history::diff(&old, &fields(&name, external_id.as_deref()));
            let sort_key = sort_key(&name);
            let after = WrittenCategory { external_id, name, sort_key };
            if changes.is_empty() {
                self.report.unchanged(Step::Categories, row.at, &Shown(&row.external_id));
            } else if self.scope.viewer.administrator {
                writes.push(Write { row, id: before.map(|row| row.id), after, changes });
            } else {
                let message = "all organizations share the categories; an administrator has to make or rename them";
                self.log.report(row.at, ErrorCode::AdministratorOnly, message);
                refused = true;
            }
        }
        (!refused).then_some(writes)
    }

    fn write_categories(&mut self, writes: &[Write<'r>]) -> Result<(), Error> {
        // Categories may swap names, so all that change give theirs up before any takes a new one.
        let changed: Vec<i64> = writes.iter().filter_map(|write| write.id).collect();
        if !changed.is_empty() {
            let sql = Sql::new("UPDATE group_categories SET sort_key = '/' || id WHERE id").in_ids(&changed);
            if written(sql.execute(self.conn))? != changed.len() {
                return Err(overtaken());
            }
        }
        for write in writes {
            let (id, action, outcome) = if let Some(id) = write.id {
                written(store::update_category(self.conn, id, &write.after))?;
                (id, Action::Updated, Outcome::Updated)
            } else {
                let id = written(store::insert_category(self.conn, &write.after))?;
                (id, Action::Created, Outcome::Created)
            };
            self.known.categories.insert(write.row.external_id.to_string(), id);
            let (at, key) = (write.row.at, &Shown(&write.row.external_id));
            self.report.count(&Fate { step: Step::Categories, at, key, outcome, changes: &write.changes }, None);
            self.journal.note(action, Entity::Category, id, &write.changes)?;
        }
        Ok(())
    }

    /// The categories that have an external id or a name of the bundle.
    fn stored_categories(&mut self) -> Result<Vec<CategoryRow>, Error> {
        let mut stored: HashMap<i64, CategoryRow> = HashMap::new();
        for rows in self.bundle.categories.chunks(CHUNK) {
            let ids: Vec<i64> =
                rows.iter().filter_map(|row| self.known.categories.get(&*row.external_id).copied()).collect();
            let keys: Vec<String> = rows.iter().filter_map(|row| Some(sort_key(row.name.as_ref()?))).collect();
            let sql = Sql::new("SELECT id, external_id, name, sort_key FROM group_categories WHERE id")
                .in_ids(&ids)
                .text(" OR sort_key")
                .in_strings(&keys);
            let found = sql.load::<(BigInt, Nullable<Text>, Text, Text), CategoryRow>(self.conn)?;
            stored.extend(found.into_iter().map(|row| (row.id, row)));
        }
        Ok(stored.into_values().collect())
    }
}

fn fields(name: &str, external_id: Option<&str>) -> Fields {
    vec![("name", Some(name.to_owned())), ("externalId", external_id.map(ToOwned::to_owned))]
}
