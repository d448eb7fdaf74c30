//! `groups.csv`: groups and their settings.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::sql_types::{BigInt, Text};
use serde::Serialize;

use super::batch::{self, CHUNK, Column, Keyed, Type, assignments, hold, names, overtaken, values, written};
use super::cells::Cells;
use super::components::leads_elsewhere;
use super::known::Place;
use super::report::{Fate, Kept};
use super::settings::take_back;
use super::since::{Maker, Since};
use super::{Outcome, Run, Step, aliases};
use crate::access::sight::Sight;
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::exchange::bundle::{ErrorCode, Group, Lack, Shown, Target};
use crate::groups::Settings;
use crate::groups::commands::fields;
use crate::groups::store::{self, GroupRow, Written};
use crate::history::{self, Action, Change, Entity, Fields};
use crate::scope::Scope;

/// The file.
const FILE: &str = "groups.csv";

/// The columns that are written, but for those that point to other groups.
const COLUMNS: &[Column] = &[
    ("external_id", Type::Text),
    ("name", Type::Text),
    ("sort_key", Type::Text),
    ("search_text", Type::Text),
    ("description", Type::Text),
    ("category_id", Type::Int),
    ("organization_id", Type::Int),
    ("responsible_id", Type::Int),
    ("composition", Type::Text),
    ("start_date", Type::Date),
    ("completed_on", Type::Date),
    ("closed", Type::Flag),
    ("visible_on_portal", Type::Flag),
    ("visible_with_contact", Type::Flag),
    ("changeable_on_portal", Type::Flag),
    ("neighbourhood_role", Type::Text),
    ("subscription_group", Type::Flag),
    ("via_home_address", Type::Flag),
    ("analytics_group", Type::Flag),
    ("contribution_group", Type::Flag),
    ("mail_group", Type::Flag),
    ("member_directory", Type::Flag),
    ("year_group", Type::Int),
];
const POINTERS: &[Column] = &[("restricted_to_id", Type::Int), ("source_group_id", Type::Int)];
const ID: Column = ("id", Type::Int);

/// What is stored of a group.
pub(super) struct Stored {
    pub settings: Settings,
    updated_at: NaiveDateTime,
}

/// What a new group points to, which may be a new group itself.
#[derive(Serialize)]
struct Pointers {
    restricted_to_id: Option<i64>,
    source_group_id: Option<i64>,
}

impl Stored {
    /// The change of this group, which has that key, to other settings.
    ///
    /// # Errors
    /// `Internal` when the filter cannot be written as JSON.
    pub(super) fn update(&self, id: i64, settings: Settings, scope: &Scope) -> Result<Update, Error> {
        Ok(Update { id, after: Written::new(settings, scope.instant())?, read_at: self.updated_at })
    }
}

/// A record that is stored and differs.
pub(super) struct Update {
    id: i64,
    after: Written,
    read_at: NaiveDateTime,
}

/// What is stored of these groups.
///
/// # Errors
/// What the database answers.
pub(super) fn stored_groups(conn: &mut Conn, ids: &[i64]) -> Result<HashMap<i64, Stored>, Error> {
    let found = store::by_ids(conn, &Sight::unlimited(), true, ids)?;
    Ok(found.into_iter().filter_map(stored).collect())
}

/// The statement that writes new groups that do not point to other groups, as far as what it returns.
///
/// # Errors
/// `Internal` when they cannot be written as JSON.
pub(super) fn insertion(conn: &Conn, scope: &Scope, writes: &[Written]) -> Result<Sql, Error> {
    let now = scope.instant();
    let source = batch::rows(conn.dialect(), COLUMNS, writes)?;
    Ok(Sql::new(format!("INSERT INTO groups ({}, created_at, updated_at) SELECT ", names(COLUMNS)))
        .text(format!("{}, ", values(COLUMNS)))
        .instant(now)
        .text(", ")
        .instant(now)
        .text(" FROM ")
        .then(source)
        .text(" RETURNING "))
}

/// Writes what differs, in one statement.
///
/// # Errors
/// `Conflict` when somebody else changed the same; what the database answers.
pub(super) fn write_changed(conn: &mut Conn, scope: &Scope, updates: &[Update]) -> Result<(), Error> {
    if updates.is_empty() {
        return Ok(());
    }
    let read: Vec<_> = updates.iter().map(|update| (update.id, update.read_at)).collect();
    hold(conn, "groups", &read)?;
    let rows: Vec<_> = updates.iter().map(|update| Keyed { id: update.id, row: &update.after }).collect();
    let source = batch::rows(conn.dialect(), &[&[ID], COLUMNS, POINTERS].concat(), &rows)?;
    let columns = [COLUMNS, POINTERS].concat();
    let sql = Sql::new(format!("UPDATE groups SET {}, updated_at = ", assignments(&columns)))
        .instant(scope.instant())
        .text(" FROM ")
        .then(source);
    written(sql.text(" WHERE groups.id = r.id").execute(conn))?;
    Ok(())
}

impl Run<'_> {
    /// Writes the groups that are new or differ from what is stored, and those that are gone and had members.
    pub(super) fn groups(&mut self, gone: &[String]) -> Result<(), Error> {
        let rows = &self.bundle.groups;
        let cells = self.cells(FILE);
        let (known, new): (Vec<&Group>, Vec<&Group>) =
            rows.iter().partition(|row| self.known.groups.contains_key(&*row.external_id));
        let new = self.complete_groups(new);
        // New groups first, so that every group has a key to point to.
        for chunk in new.chunks(CHUNK) {
            self.insert_groups(chunk, &cells)?;
        }
        for chunk in new.chunks(CHUNK) {
            self.point_groups(chunk, &cells)?;
        }
        for (n, chunk) in known.chunks(CHUNK).enumerate() {
            self.tell(Step::Groups, new.len() + n * CHUNK, rows.len());
            self.update_groups(chunk, &cells)?;
        }
        self.insert_placeholders(gone)?;
        self.tell(Step::Groups, rows.len(), rows.len());
        Ok(())
    }

    /// Those of the new groups that have a name; the others are refused. An id of the API that leads nowhere was refused
    /// already.
    fn complete_groups<'b>(&mut self, rows: Vec<&'b Group>) -> Vec<&'b Group> {
        let (complete, lacking): (Vec<&Group>, Vec<&Group>) =
            rows.into_iter().filter(|row| !aliases::is_one(&row.external_id)).partition(|row| row.lack.is_none());
        for Lack { at, message } in lacking.iter().filter_map(|row| row.lack.as_ref()) {
            self.log.report(*at, ErrorCode::MissingValue, message.as_str());
        }
        complete
    }

    /// Writes new groups that do not point to other groups yet.
    fn insert_groups(&mut self, rows: &[&Group], cells: &Cells) -> Result<(), Error> {
        let mut new = Vec::new();
        for row in rows {
            let settings = self.new_settings(row, cells);
            self.check_group(row, &settings, false);
            new.push(Settings { restricted_to_id: None, source_group_id: None, ..settings });
        }
        self.insert_settings(&new)
    }

    /// Writes new groups, and knows them from here on.
    fn insert_settings(&mut self, new: &[Settings]) -> Result<(), Error> {
        let now = self.scope.instant();
        let writes =
            new.iter().map(|settings| Written::new(settings.clone(), now)).collect::<Result<Vec<_>, Error>>()?;
        if writes.is_empty() {
            return Ok(());
        }
        let sql = insertion(self.conn, self.scope, &writes)?.text("external_id, id");
        let ids = written(sql.load::<(Text, BigInt), (String, i64)>(self.conn))?;
        let organizations: HashMap<&str, Option<i64>> = new
            .iter()
            .filter_map(|settings| Some((settings.external_id.as_deref()?, settings.organization_id)))
            .collect();
        for (external_id, id) in ids {
            let organization = organizations.get(external_id.as_str()).copied().flatten();
            self.known.groups.insert(external_id, Place { id, dynamic: false, organization });
        }
        Ok(())
    }

    /// Lets new groups point to others, and notes them as they are then.
    fn point_groups(&mut self, rows: &[&Group], cells: &Cells) -> Result<(), Error> {
        let mut pointers = Vec::new();
        for row in rows {
            let Some(id) = self.known.groups.get(&*row.external_id).map(|place| place.id) else { continue };
            let settings = self.new_settings(row, cells);
            let changes = differences(&Settings::default(), &settings);
            self.count_group(row, Outcome::Created, &changes, None);
            self.journal.note_group(Action::Created, id, changes);
            self.warn_of_open_subscription(&settings);
            let Settings { restricted_to_id, source_group_id, .. } = settings;
            if restricted_to_id.is_some() || source_group_id.is_some() {
                pointers.push((id, Pointers { restricted_to_id, source_group_id }));
            }
        }
        if pointers.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = pointers.iter().map(|(id, row)| Keyed { id: *id, row }).collect();
        let source = batch::rows(self.conn.dialect(), &[&[ID], POINTERS].concat(), &rows)?;
        let sql = Sql::new(format!("UPDATE groups SET {} FROM ", assignments(POINTERS))).then(source);
        written(sql.text(" WHERE groups.id = r.id").execute(self.conn))?;
        Ok(())
    }

    fn update_groups(&mut self, rows: &[&Group], cells: &Cells) -> Result<(), Error> {
        let stored = self.stored_groups(rows)?;
        let mut differing = Vec::new();
        for row in rows {
            let Some(place) = self.known.groups.get(&*row.external_id).cloned() else { continue };
            let Some(stored) = stored.get(&place.id) else { continue };
            let hidden = self.known.hidden.contains(&(Target::Group, row.external_id.to_string()));
            if hidden || self.is_kept_elsewhere(place.organization) {
                self.refuse_elsewhere(row.at, "group", &row.external_id);
                continue;
            }
            let wanted = self.merge_settings(row, stored.settings.clone(), cells);
            self.emptied.add(cells, FILE, &all_fields(&stored.settings), &all_fields(&wanted));
            if wanted == stored.settings && self.check_group(row, &wanted, place.dynamic) {
                self.count_group(row, Outcome::Unchanged, &[], None);
            } else if wanted != stored.settings {
                differing.push((*row, place, stored, wanted));
            }
        }
        let ids: Vec<i64> = differing.iter().map(|(_, place, ..)| place.id).collect();
        let since = Since::load(self.conn, Entity::Group, &ids)?.with_unsaid(all_fields(&Settings::default()));
        let mut updates = Vec::new();
        for (row, place, stored, wanted) in differing {
            updates.extend(self.correct_group(row, &place, stored, wanted, &since)?);
        }
        write_changed(self.conn, self.scope, &updates)
    }

    /// The change of a group to what the row wants, but for what was changed in Kring since a bundle said it (P6).
    fn correct_group(
        &mut self,
        row: &Group,
        place: &Place,
        stored: &Stored,
        mut wanted: Settings,
        since: &Since,
    ) -> Result<Option<Update>, Error> {
        let mut kept = Vec::new();
        for change in differences(&stored.settings, &wanted) {
            if since.maker(place.id, &change.field, change.before.as_deref()) == Maker::Hand {
                take_back(&mut wanted, &stored.settings, &change.field);
                kept.push(Kept::new(&change.field, change.before, change.after));
            }
        }
        if !self.check_group(row, &wanted, place.dynamic) {
            return Ok(None);
        }
        let note = (!kept.is_empty()).then(|| format!("{}: {}", Shown(&row.external_id), Kept::list(&kept)));
        let changes = differences(&stored.settings, &wanted);
        if changes.is_empty() {
            self.count_group(row, Outcome::Kept, &[], note.as_deref());
            return Ok(None);
        }
        if leads_elsewhere(&stored.settings, &wanted) && !self.composes {
            return Err(overtaken());
        }
        self.count_group(row, Outcome::Updated, &changes, note.as_deref());
        self.journal.note_group(Action::Updated, place.id, changes);
        Ok(Some(stored.update(place.id, wanted, self.scope)?))
    }

    fn count_group(&mut self, row: &Group, outcome: Outcome, changes: &[Change], note: Option<&str>) {
        let key = &Shown(&row.external_id);
        self.report.count(&Fate { step: Step::Groups, at: row.at, key, outcome, changes }, note);
    }

    /// Makes the groups that are gone, closed from the start, so that the memberships in them have a place.
    fn insert_placeholders(&mut self, gone: &[String]) -> Result<(), Error> {
        let organization_id = self.keeper.id();
        let new: Vec<Settings> = gone
            .iter()
            .map(|id| Settings {
                external_id: Some(id.clone()),
                name: id.clone(),
                organization_id,
                closed: true,
                ..Settings::default()
            })
            .collect();
        for chunk in new.chunks(CHUNK) {
            self.insert_settings(chunk)?;
        }
        for settings in &new {
            let Some(id) = settings.external_id.as_deref() else { continue };
            let Some(place) = self.known.groups.get(id) else { continue };
            let changes = differences(&Settings::default(), settings);
            self.journal.note_group(Action::Created, place.id, changes);
        }
        if !gone.is_empty() {
            self.report.warnings.push(format!(
                "{} groups are no longer in groups.csv and were made, closed and named after their external id, to keep the \
                 memberships that have ended there: {}",
                gone.len(),
                gone.join(", ")
            ));
        }
        self.report.placeholders = gone.to_vec();
        Ok(())
    }

    /// What is stored of the groups of these rows.
    pub(super) fn stored_groups(&mut self, rows: &[&Group]) -> Result<HashMap<i64, Stored>, Error> {
        let ids: Vec<i64> = rows.iter().filter_map(|row| Some(self.known.groups.get(&*row.external_id)?.id)).collect();
        stored_groups(self.conn, &ids)
    }
}

/// What differs between two states of a group, its components left out.
pub(super) fn differences(before: &Settings, after: &Settings) -> Vec<Change> {
    history::diff(&all_fields(before), &all_fields(after))
}

/// The fields as history shows them.
fn all_fields(settings: &Settings) -> Fields {
    let mut fields = fields(settings);
    fields.push(("composition", Some(settings.composition.as_str().to_owned())));
    fields
}

fn stored(row: GroupRow) -> Option<(i64, Stored)> {
    let id = row.id;
    row.into_settings().map(|(settings, updated_at)| (id, Stored { settings, updated_at }))
}
