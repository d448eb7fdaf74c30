//! `participants.csv`: persons, organizations and addresses.

mod merge;
pub(super) mod store;

use diesel::sql_types::{BigInt, Text};

use super::batch::{CHUNK, written};
use super::cells::Cells;
use super::keeper::Keeper;
use super::known::Party;
use super::report::{Fate, Kept};
use super::since::{Maker, Since};
use super::{Outcome, Owner, Run, Step, aliases};
use crate::error::Error;
use crate::exchange::bundle::{At, ErrorCode, Lack, Participant, Shown, Target};
use crate::history::{self, Action, Change, Entity};
use crate::people::commands::fields;
use crate::people::store::Written;
use crate::people::{Details, ParticipantKind, rules};
use merge::{lacking, merge, not_of_kind, take_back};
use store::{Stored, Update, insertion, stored_participants, write_changed};

/// The file.
const FILE: &str = "participants.csv";

impl Run<'_> {
    /// Writes the participants that are new or differ from what is stored.
    pub(super) fn participants(&mut self) -> Result<(), Error> {
        let cells = self.cells(FILE);
        let first = self.write_keeper(&cells)?;
        let rows = self.bundle.participants.iter().filter(|row| first != Some(row.at));
        let rows: Vec<&Participant> = rows.collect();
        for (n, chunk) in rows.chunks(CHUNK).enumerate() {
            self.tell(Step::Participants, n * CHUNK, rows.len());
            let (known, mut new): (Vec<&Participant>, Vec<&Participant>) =
                chunk.iter().partition(|row| self.known.participants.contains_key(&*row.external_id));
            // An id of the API that leads nowhere was refused already.
            new.retain(|row| !aliases::is_one(&row.external_id));
            self.update_participants(&known, &cells)?;
            self.insert_participants(&new, &cells)?;
            self.journal.write(self.conn, self.scope)?;
        }
        self.tell(Step::Participants, rows.len(), rows.len());
        let new = std::mem::take(&mut self.newcomers);
        self.note_duplicates(&new)
    }

    /// Writes the organization for which the bundle is imported before anything that it is to keep, if it is new, and
    /// returns its place.
    fn write_keeper(&mut self, cells: &Cells) -> Result<Option<At>, Error> {
        let (Keeper::Coming, Some(Owner::ExternalId(id))) = (self.keeper, &self.options.organization) else {
            return Ok(None);
        };
        let Some(row) = self.bundle.participants.iter().find(|row| *row.external_id == **id) else { return Ok(None) };
        self.insert_participants(&[row], cells)?;
        if let Some(party) = self.known.participants.get(id) {
            self.keeper = Keeper::Stored(party.id);
        }
        Ok(Some(row.at))
    }

    fn insert_participants(&mut self, rows: &[&Participant], cells: &Cells) -> Result<(), Error> {
        let now = self.scope.instant();
        let organization_id = self.keeper.id();
        let mut new: Vec<(&Participant, ParticipantKind, Details)> = Vec::with_capacity(rows.len());
        for row in rows {
            self.check_birth_date(row);
            match (&row.lack, row.kind) {
                (None, Some(kind)) => {
                    let nothing = Details { organization_id, ..Details::default() };
                    new.push((row, kind.into(), merge(row, cells, nothing)));
                }
                (Some(Lack { at, message }), _) => {
                    self.log.report(*at, ErrorCode::MissingValue, message.as_str());
                }
                (None, None) => {}
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let writes: Vec<Written> =
            new.iter().map(|(_, kind, details)| Written::new(*kind, details.clone(), now)).collect();
        let sql = insertion(self.conn, self.scope, &writes)?.text("external_id, id");
        let ids: std::collections::HashMap<String, i64> =
            written(sql.load::<(Text, BigInt), (String, i64)>(self.conn))?.into_iter().collect();
        for (row, kind, details) in &new {
            let Some(id) = ids.get(&*row.external_id) else { continue };
            let changes = history::diff(&[], &fields(details));
            self.count_participant(row, Outcome::Created, &changes, None);
            self.journal.note(Action::Created, Entity::Participant, *id, &changes)?;
            if *kind == ParticipantKind::Person {
                self.newcomers.push((row.at, *id));
            }
            let party = Party { id: *id, kind: *kind, organization: organization_id };
            self.known.participants.insert(row.external_id.to_string(), party);
        }
        Ok(())
    }

    fn update_participants(&mut self, rows: &[&Participant], cells: &Cells) -> Result<(), Error> {
        let ids: Vec<i64> =
            rows.iter().filter_map(|row| Some(self.known.participants.get(&*row.external_id)?.id)).collect();
        let stored = stored_participants(self.conn, &ids)?;
        let mut differing = Vec::new();
        for row in rows {
            let Some(id) = self.known.participants.get(&*row.external_id).map(|party| party.id) else { continue };
            let Some(stored) = stored.get(&id) else { continue };
            self.check_birth_date(row);
            if !self.may_change_participant(row, id, stored) {
                continue;
            }
            let wanted = merge(row, cells, stored.details.clone());
            self.emptied.add(cells, FILE, &fields(&stored.details), &fields(&wanted));
            if wanted == stored.details {
                self.count_participant(row, Outcome::Unchanged, &[], None);
            } else {
                differing.push((*row, id, stored, wanted));
            }
        }
        let ids: Vec<i64> = differing.iter().map(|(_, id, ..)| *id).collect();
        let since = Since::load(self.conn, Entity::Participant, &ids)?;
        let mut updates = Vec::new();
        for (row, id, stored, wanted) in differing {
            updates.extend(self.correct_participant(row, id, stored, wanted, &since)?);
        }
        write_changed(self.conn, self.scope, &updates)
    }

    /// The change of a participant to what the row wants, but for what was changed in Kring since a bundle said it (P6).
    fn correct_participant(
        &mut self,
        row: &Participant,
        id: i64,
        stored: &Stored,
        mut wanted: Details,
        since: &Since,
    ) -> Result<Option<Update>, Error> {
        let mut kept = Vec::new();
        for change in history::diff(&fields(&stored.details), &fields(&wanted)) {
            if since.maker(id, &change.field, change.before.as_deref()) == Maker::Hand {
                take_back(&mut wanted, &stored.details, &change.field);
                kept.push(Kept::new(&change.field, change.before, change.after));
            }
        }
        let note = (!kept.is_empty()).then(|| format!("{}: {}", Shown(&row.external_id), Kept::list(&kept)));
        let changes = history::diff(&fields(&stored.details), &fields(&wanted));
        if let Some(message) = lacking(stored.kind, &wanted) {
            self.log.report(row.at, ErrorCode::MissingValue, message);
            return Ok(None);
        }
        if changes.is_empty() {
            self.count_participant(row, Outcome::Kept, &[], note.as_deref());
            return Ok(None);
        }
        self.count_participant(row, Outcome::Updated, &changes, note.as_deref());
        self.journal.note(Action::Updated, Entity::Participant, id, &changes)?;
        Ok(Some(stored.update(id, wanted, self.scope)))
    }

    fn count_participant(&mut self, row: &Participant, outcome: Outcome, changes: &[Change], note: Option<&str>) {
        let key = &Shown(&row.external_id);
        self.report.count(&Fate { step: Step::Participants, at: row.at, key, outcome, changes }, note);
    }

    /// P1b: nobody is born tomorrow.
    fn check_birth_date(&mut self, row: &Participant) {
        if let Some(Err(fault)) = row.birth_date.map(|date| rules::birth_date(date, self.scope.today)) {
            self.log.report(row.at, ErrorCode::InvalidDate, fault.message);
        }
    }

    fn may_change_participant(&mut self, row: &Participant, id: i64, stored: &Stored) -> bool {
        let hidden = self.known.hidden.contains(&(Target::Participant, row.external_id.to_string()));
        let own = self.keeper.id() == Some(id);
        if hidden || !own && self.is_kept_elsewhere(stored.details.organization_id) {
            self.refuse_elsewhere(row.at, "participant", &row.external_id);
            return false;
        }
        let (external_id, kind) = (Shown(&row.external_id), stored.kind.as_str());
        if row.kind.is_some_and(|kind| stored.kind != kind.into()) {
            let message = format!("{external_id} is stored as {kind}, and a participant's kind cannot change");
            self.log.report(row.at, ErrorCode::KindChanged, message);
            return false;
        }
        let others = not_of_kind(row, stored.kind);
        for column in &others {
            let message = format!("{external_id} is of kind {kind}, which has no {column}");
            self.log.report(row.at, ErrorCode::FieldNotAllowed, message);
        }
        others.is_empty()
    }
}
