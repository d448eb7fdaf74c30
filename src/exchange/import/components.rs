//! `group_components.csv`: what composites are made of.

use std::collections::HashMap;

use diesel::sql_types::{BigInt, Text};
use serde::Serialize;

use super::batch::{self, CHUNK, Column, Type, names, overtaken, values, written};
use super::report::Fate;
use super::{Outcome, Run, Step};
use crate::db::Sql;
use crate::error::Error;
use crate::exchange::bundle::{Component, ErrorCode, Group, Reference, Shown};
use crate::groups::Settings;
use crate::groups::composition::Mode;
use crate::history::{Action, Change};
use crate::id::{self, Kind};

const COLUMNS: &[Column] =
    &[("composite_id", Type::Int), ("component_id", Type::Int), ("mode", Type::Text), ("position", Type::Int)];

/// The components of composites, in their order.
type Components = HashMap<i64, Vec<(i64, Mode)>>;

#[derive(Serialize)]
struct Row {
    composite_id: i64,
    component_id: i64,
    mode: Mode,
    position: usize,
}

impl<'r> Run<'r> {
    /// Whether the import may change what groups are made of or follow from. What is new has no key yet and so differs
    /// from anything stored.
    pub(super) fn composes(&mut self) -> Result<bool, Error> {
        let bundle = self.bundle;
        let cells = self.cells("groups.csv");
        let points = |row: &Group| {
            row.restricted_to.is_some() || row.source_group.is_some() || row.via_home_address == Some(true)
        };
        let (known, new): (Vec<&Group>, Vec<&Group>) =
            bundle.groups.iter().partition(|row| self.known.groups.contains_key(&*row.external_id));
        if new.iter().any(|row| points(row)) {
            return Ok(true);
        }
        for chunk in known.chunks(CHUNK) {
            let stored = self.stored_groups(chunk)?;
            for row in chunk {
                let before = self.known.groups.get(&*row.external_id).and_then(|place| stored.get(&place.id));
                let Some(before) = before.map(|stored| &stored.settings) else { continue };
                let after = self.merge_settings(row, before.clone(), &cells);
                let to_new = [&row.restricted_to, &row.source_group]
                    .into_iter()
                    .flatten()
                    .any(|to| self.known.group(to).is_none());
                if to_new || leads_elsewhere(before, &after) {
                    return Ok(true);
                }
            }
        }
        let stored = self.stored_components()?;
        Ok(self.composites().iter().any(|(composite, rows)| {
            let before = self.known.group(composite).and_then(|id| stored.get(&id));
            before.is_none_or(|before| self.wanted(rows, before).is_none_or(|wanted| wanted != *before))
        }))
    }

    /// Makes the components of every composite that the file names exactly those that it lists, in its order.
    pub(super) fn components(&mut self) -> Result<(), Error> {
        let rows = &self.bundle.components;
        let stored = self.stored_components()?;
        let mut changed: Vec<(i64, Vec<(i64, Mode)>)> = Vec::new();
        for (composite, rows) in self.composites() {
            let Some(place) = self.known.groups.get(&*composite.id).cloned() else { continue };
            if self.is_kept_elsewhere(place.organization) {
                self.refuse_elsewhere(composite.at, "group", &composite.id);
                continue;
            }
            if place.dynamic {
                let id = Shown(&composite.id);
                let message = format!("the members of {id} follow from a filter; a dynamic group has no components");
                self.log.report(composite.at, ErrorCode::DynamicGroup, message);
                continue;
            }
            let before = stored.get(&place.id).map(Vec::as_slice).unwrap_or_default();
            let Some(after) = self.wanted(&rows, before) else { continue };
            self.count_components(&rows, before, &after);
            if before != after {
                let change = Change { field: "components".to_owned(), before: text(before), after: text(&after) };
                self.journal.note_group(Action::Updated, place.id, vec![change]);
                changed.push((place.id, after));
            }
        }
        self.write_components(&changed)?;
        self.tell(Step::Components, rows.len(), rows.len());
        self.journal.write_groups(self.conn, self.scope)
    }

    /// The rows of each composite, in the order in which the file comes to name it.
    fn composites(&self) -> Vec<(&'r Reference, Vec<&'r Component>)> {
        let mut composites: Vec<(&'r Reference, Vec<&'r Component>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for row in &self.bundle.components {
            let place = *places.entry(&row.composite.id).or_insert_with(|| {
                composites.push((&row.composite, Vec::new()));
                composites.len() - 1
            });
            if let Some((_, rows)) = composites.get_mut(place) {
                rows.push(row);
            }
        }
        composites
    }

    /// What the rows of one composite ask for; nothing if a component was refused or is still to be written.
    fn wanted(&self, rows: &[&Component], before: &[(i64, Mode)]) -> Option<Vec<(i64, Mode)>> {
        let cells = self.cells("group_components.csv");
        let old: HashMap<i64, Mode> = before.iter().copied().collect();
        let component = |row: &&Component| {
            let id = self.known.group(&row.component)?;
            let mode = cells.over("mode", row.mode.map(Into::into), old.get(&id).copied());
            Some((id, mode.unwrap_or(Mode::Include)))
        };
        rows.iter().map(component).collect()
    }

    fn count_components(&mut self, rows: &[&Component], before: &[(i64, Mode)], after: &[(i64, Mode)]) {
        let old: HashMap<i64, (usize, Mode)> =
            before.iter().enumerate().map(|(position, (id, mode))| (*id, (position, *mode))).collect();
        let mut kept = 0;
        for (position, (row, (id, mode))) in rows.iter().zip(after).enumerate() {
            let outcome = match old.get(id) {
                None => Outcome::Created,
                Some(found) if *found == (position, *mode) => Outcome::Unchanged,
                Some(_) => Outcome::Updated,
            };
            kept += u64::from(outcome != Outcome::Created);
            let key = format!("{} in {}", Shown(&row.component.id), Shown(&row.composite.id));
            let fate = Fate { step: Step::Components, at: row.at, key: &key, outcome, changes: &[] };
            self.report.count(&fate, None);
        }
        let before = u64::try_from(before.len()).unwrap_or(u64::MAX);
        self.report.components.removed += before.saturating_sub(kept);
    }

    fn write_components(&mut self, changed: &[(i64, Vec<(i64, Mode)>)]) -> Result<(), Error> {
        if changed.is_empty() {
            return Ok(());
        }
        if !self.composes {
            return Err(overtaken());
        }
        let ids: Vec<i64> = changed.iter().map(|(composite, _)| *composite).collect();
        Sql::new("DELETE FROM group_components WHERE composite_id").in_ids(&ids).execute(self.conn)?;
        let rows: Vec<Row> = changed
            .iter()
            .flat_map(|(composite_id, components)| {
                components.iter().enumerate().map(|(position, (component_id, mode))| Row {
                    composite_id: *composite_id,
                    component_id: *component_id,
                    mode: *mode,
                    position,
                })
            })
            .collect();
        for chunk in rows.chunks(CHUNK) {
            let source = batch::rows(self.conn.dialect(), COLUMNS, chunk)?;
            let sql = Sql::new(format!("INSERT INTO group_components ({}) SELECT ", names(COLUMNS)));
            written(sql.text(format!("{} FROM ", values(COLUMNS))).then(source).execute(self.conn))?;
        }
        let sql =
            Sql::new("UPDATE groups SET updated_at = ").instant(self.scope.instant()).text(" WHERE id").in_ids(&ids);
        sql.execute(self.conn)?;
        Ok(())
    }

    /// What the composites of the bundle are made of.
    fn stored_components(&mut self) -> Result<Components, Error> {
        let ids: Vec<i64> = self.composites().iter().filter_map(|(composite, _)| self.known.group(composite)).collect();
        let rows = Sql::new("SELECT composite_id, component_id, mode FROM group_components WHERE composite_id")
            .in_ids(&ids)
            .text(" ORDER BY composite_id, position, component_id")
            .load::<(BigInt, BigInt, Text), (i64, i64, Mode)>(self.conn)?;
        let mut components = Components::new();
        for (composite, component, mode) in rows {
            components.entry(composite).or_default().push((component, mode));
        }
        Ok(components)
    }
}

/// Whether what a group is made of or leads to differs between two states of its settings.
pub(super) fn leads_elsewhere(before: &Settings, after: &Settings) -> bool {
    before.composition != after.composition
        || before.restricted_to_id != after.restricted_to_id
        || before.source_group_id != after.source_group_id
        || before.via_home_address != after.via_home_address
        || before.is_fed() && before.closed != after.closed
}

/// Components as history shows them.
fn text(components: &[(i64, Mode)]) -> Option<String> {
    let texts: Vec<String> =
        components.iter().map(|(id, mode)| format!("{} {}", mode.as_str(), id::encode(Kind::Group, *id))).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}
