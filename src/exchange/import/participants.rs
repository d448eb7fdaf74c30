//! `participants.csv`: persons, organizations and addresses.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDateTime;
use diesel::sql_types::{BigInt, Text};

use super::batch::{self, CHUNK, Column, Keyed, Type, assignments, hold, names, values, written};
use super::keeper::Keeper;
use super::known::Party;
use super::report::Fate;
use super::{Outcome, Owner, Run, Step};
use crate::access::sight::Sight;
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::exchange::bundle::{At, ErrorCode, Participant, Shown, Target};
use crate::history::{self, Action, Change, Entity};
use crate::people::commands::fields;
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
pub(super) struct Stored {
    pub kind: ParticipantKind,
    pub details: Details,
    sort_key: String,
    updated_at: NaiveDateTime,
}

impl Stored {
    /// The change of this participant, who has that key, to other details.
    pub(super) fn update(&self, id: i64, details: Details, scope: &Scope) -> Update {
        let after = Written::new(self.kind, details, scope.instant());
        let moves = after.sort_key != self.sort_key;
        Update { id, after, read_at: self.updated_at, moves }
    }
}

/// A record that is stored and differs.
pub(super) struct Update {
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
pub(super) fn stored_participants(conn: &mut Conn, ids: &[i64]) -> Result<HashMap<i64, Stored>, Error> {
    let found = store::by_ids(conn, &Sight::unlimited(), true, ids)?;
    Ok(found.into_iter().filter_map(stored).collect())
}

/// The statement that writes new participants, as far as what it returns.
///
/// # Errors
/// `Internal` when they cannot be written as JSON.
pub(super) fn insertion(conn: &Conn, scope: &Scope, writes: &[Written]) -> Result<Sql, Error> {
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
pub(super) fn write_changed(conn: &mut Conn, scope: &Scope, updates: &[Update]) -> Result<(), Error> {
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

impl Run<'_> {
    /// Writes the participants that are new or differ from what is stored.
    pub(super) fn participants(&mut self) -> Result<(), Error> {
        let columns = self.columns("participants.csv");
        let first = self.write_keeper(&columns)?;
        let rows = self.bundle.participants.iter().filter(|row| first != Some(row.at));
        let rows: Vec<&Participant> = rows.collect();
        for (n, chunk) in rows.chunks(CHUNK).enumerate() {
            self.tell(Step::Participants, n * CHUNK, rows.len());
            let (known, new): (Vec<&Participant>, Vec<&Participant>) =
                chunk.iter().partition(|row| self.known.participants.contains_key(&*row.external_id));
            self.update_participants(&known, &columns)?;
            self.insert_participants(&new, &columns)?;
            self.journal.write(self.conn, self.scope)?;
        }
        self.tell(Step::Participants, rows.len(), rows.len());
        Ok(())
    }

    /// Writes the organization for which the bundle is imported before anything that it is to keep, if it is new, and
    /// answers with its place.
    fn write_keeper(&mut self, columns: &HashSet<&'static str>) -> Result<Option<At>, Error> {
        let (Keeper::Coming, Some(Owner::ExternalId(id))) = (self.keeper, &self.options.organization) else {
            return Ok(None);
        };
        let Some(row) = self.bundle.participants.iter().find(|row| *row.external_id == **id) else { return Ok(None) };
        self.insert_participants(&[row], columns)?;
        if let Some(party) = self.known.participants.get(id) {
            self.keeper = Keeper::Stored(party.id);
        }
        Ok(Some(row.at))
    }

    fn insert_participants(&mut self, rows: &[&Participant], columns: &HashSet<&'static str>) -> Result<(), Error> {
        let now = self.scope.instant();
        let organization_id = self.keeper.id();
        let new: Vec<Details> =
            rows.iter().map(|row| merge(row, columns, Details { organization_id, ..Details::default() })).collect();
        let writes: Vec<Written> =
            rows.iter().zip(&new).map(|(row, details)| Written::new(row.kind.into(), details.clone(), now)).collect();
        if writes.is_empty() {
            return Ok(());
        }
        let sql = insertion(self.conn, self.scope, &writes)?.text("external_id, id");
        let ids: HashMap<String, i64> =
            written(sql.load::<(Text, BigInt), (String, i64)>(self.conn))?.into_iter().collect();
        for (row, details) in rows.iter().zip(&new) {
            let Some(id) = ids.get(&*row.external_id) else { continue };
            let changes = history::diff(&[], &fields(details));
            self.count_participant(row, Outcome::Created, &changes, None);
            self.journal.note(Action::Created, Entity::Participant, *id, &changes)?;
            let party = Party { id: *id, kind: row.kind.into(), organization: organization_id };
            self.known.participants.insert(row.external_id.to_string(), party);
        }
        Ok(())
    }

    fn update_participants(&mut self, rows: &[&Participant], columns: &HashSet<&'static str>) -> Result<(), Error> {
        let ids: Vec<i64> =
            rows.iter().filter_map(|row| Some(self.known.participants.get(&*row.external_id)?.id)).collect();
        let stored = stored_participants(self.conn, &ids)?;
        let mut updates = Vec::new();
        for row in rows {
            let Some(id) = self.known.participants.get(&*row.external_id).map(|party| party.id) else { continue };
            let Some(stored) = stored.get(&id) else { continue };
            if self.may_change_participant(row, id, stored) {
                updates.extend(self.compare_participant(row, id, stored, columns)?);
            }
        }
        write_changed(self.conn, self.scope, &updates)
    }

    fn count_participant(&mut self, row: &Participant, outcome: Outcome, changes: &[Change], note: Option<&str>) {
        let key = &Shown(&row.external_id);
        self.report.count(&Fate { step: Step::Participants, at: row.at, key, outcome, changes }, note);
    }

    fn may_change_participant(&mut self, row: &Participant, id: i64, stored: &Stored) -> bool {
        let hidden = self.known.hidden.contains(&(Target::Participant, row.external_id.to_string()));
        let own = self.keeper.id() == Some(id);
        if hidden || !own && self.is_kept_elsewhere(stored.details.organization_id) {
            self.refuse_elsewhere(row.at, "participant", &row.external_id);
            return false;
        }
        if stored.kind != row.kind.into() {
            let id = Shown(&row.external_id);
            let message = format!("{id} is stored as {}, and a participant's kind cannot change", stored.kind.as_str());
            self.log.report(row.at, ErrorCode::KindChanged, message);
            return false;
        }
        true
    }

    fn compare_participant(
        &mut self,
        row: &Participant,
        id: i64,
        stored: &Stored,
        columns: &HashSet<&'static str>,
    ) -> Result<Option<Update>, Error> {
        let details = merge(row, columns, stored.details.clone());
        let changes = history::diff(&fields(&stored.details), &fields(&details));
        if changes.is_empty() {
            self.count_participant(row, Outcome::Unchanged, &[], None);
            return Ok(None);
        }
        self.count_participant(row, Outcome::Updated, &changes, None);
        self.journal.note(Action::Updated, Entity::Participant, id, &changes)?;
        Ok(Some(stored.update(id, details, self.scope)))
    }
}

fn stored(row: ParticipantRow) -> Option<(i64, Stored)> {
    let (id, sort_key) = (row.id, row.sort_key.clone());
    let (kind, details, updated_at) = row.into_details()?;
    Some((id, Stored { kind, details, sort_key, updated_at }))
}

/// What a row makes of what is stored: a column that the file does not have leaves it alone, an empty field clears it.
fn merge(row: &Participant, columns: &HashSet<&'static str>, old: Details) -> Details {
    let text = |column: &str, new: &Option<String>, old: Option<String>| {
        if columns.contains(column) { new.clone() } else { old }
    };
    Details {
        external_id: Some(row.external_id.to_string()),
        given_name: text("given_name", &row.given_name, old.given_name),
        name_prefix: text("name_prefix", &row.name_prefix, old.name_prefix),
        family_name: text("family_name", &row.family_name, old.family_name),
        name: text("name", &row.name, old.name),
        birth_date: if columns.contains("birth_date") { row.birth_date } else { old.birth_date },
        gender: if columns.contains("gender") { row.gender.map(Into::into) } else { old.gender },
        email: text("email", &row.email, old.email),
        phone: text("phone", &row.phone, old.phone),
        street: text("street", &row.street, old.street),
        house_number: text("house_number", &row.house_number, old.house_number),
        postal_code: text("postal_code", &row.postal_code, old.postal_code),
        city: text("city", &row.city, old.city),
        complex_number: text("complex_number", &row.complex_number, old.complex_number),
        dwelling_type: text("dwelling_type", &row.dwelling_type, old.dwelling_type),
        organization_id: old.organization_id,
        enforce_portal_settings: old.enforce_portal_settings,
    }
}
