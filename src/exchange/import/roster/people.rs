//! The people of a roster: found by their keys, adopted or registered, and brought up to date.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Date, Nullable, Text};

use super::Intake;
use super::again::Matched;
use super::keys::PersonKeys;
use super::report::{Became, Row, word_of_person};
use crate::error::Error;
use crate::exchange::bundle::{At, ErrorCode, Shown};
use crate::exchange::edexml::{PassedOver, Person, PersonKind, Stated, Stay};
use crate::exchange::import::Step;
use crate::exchange::import::batch::{CHUNK, overtaken, written};
use crate::exchange::import::participants::store::{Update, insertion, stored_participants, write_changed};
use crate::history::{self, Action, Change, Entity};
use crate::people::commands::fields;
use crate::people::store::Written;
use crate::people::{Details, Gender, ParticipantKind};

/// A person of the file and the stored one that it is.
pub(super) struct Known<'r> {
    pub person: &'r Person,
    pub id: i64,
    pub adopted: bool,
}

/// What tells new people apart: those who are the same in all of this are the same altogether.
type Content = (Option<String>, Option<String>, Option<String>, Option<NaiveDate>, Option<Gender>, Option<String>);

fn content(details: &Details) -> Content {
    let Details { given_name, name_prefix, family_name, birth_date, gender, email, .. } = details.clone();
    (given_name, name_prefix, family_name, birth_date, gender, email)
}

impl<'r> Intake<'r> {
    /// Writes the people that are new or differ from what is stored.
    pub(super) fn take_in_people(&mut self) -> Result<(), Error> {
        let total = self.roster.people.len();
        self.tell(Step::Participants, 0, total);
        let stored = self.known_people()?;
        let Matched { mut known, refused } = self.match_people(&stored)?;
        let new = self.unmatched(&known, &refused);
        let adopted = self.adopt_people(&new, &known)?;
        known.extend(adopted);
        for (n, known) in known.chunks(CHUNK).enumerate() {
            self.tell(Step::Participants, n * CHUNK, total);
            self.update_people(known)?;
            self.journal.write(self.conn, self.scope)?;
        }
        self.pass_over_left(&known, &refused);
        let new = self.unmatched(&known, &refused);
        self.warn_of_lookalikes(&new, &stored, &known)?;
        for (n, people) in new.chunks(CHUNK).enumerate() {
            self.tell(Step::Participants, known.len() + n * CHUNK, total);
            self.insert_people(people)?;
            self.journal.write(self.conn, self.scope)?;
        }
        let changed = self.changed_keys(&stored);
        self.write_people_keys(&changed)?;
        self.tell(Step::Participants, total, total);
        Ok(())
    }

    /// The people of the file that are not among these, were not refused, and are or will be at the school: whoever left
    /// before anybody here knew them is none of its people.
    fn unmatched(&self, known: &[Known<'r>], refused: &HashSet<At>) -> Vec<&'r Person> {
        let unknown = self.unknown(known, refused);
        unknown.filter(|person| matches!(person.stay(self.date), Stay::Within { .. })).collect()
    }

    fn unknown<'s>(
        &'s self,
        known: &[Known<'r>],
        refused: &'s HashSet<At>,
    ) -> impl Iterator<Item = &'r Person> + use<'s, 'r> {
        let known: HashSet<At> = known.iter().map(|known| known.person.at).collect();
        let people = self.roster.people.iter();
        people.filter(move |person| !known.contains(&person.at) && !refused.contains(&person.at))
    }

    fn pass_over_left(&mut self, known: &[Known<'r>], refused: &HashSet<At>) {
        let left = |person: &&Person| matches!(person.stay(self.date), Stay::Left(_));
        let left: Vec<PersonKind> = self.unknown(known, refused).filter(left).map(|person| person.kind).collect();
        for (kind, word) in [(PersonKind::Pupil, "leerling"), (PersonKind::Teacher, "leerkracht")] {
            let times = left.iter().filter(|found| **found == kind).count();
            if times > 0 {
                let what = format!("{word} who left before {} and was not known", self.date);
                self.report.passed_over.push(PassedOver { what, times: u64::try_from(times).unwrap_or(u64::MAX) });
            }
        }
    }

    fn update_people(&mut self, known: &[Known<'r>]) -> Result<(), Error> {
        let ids: Vec<i64> = known.iter().map(|known| known.id).collect();
        let stored = stored_participants(self.conn, &ids)?;
        let mut updates: Vec<Update> = Vec::new();
        for Known { person, id, adopted } in known {
            let Some(stored) = stored.get(id) else { return Err(overtaken()) };
            if stored.details.organization_id != Some(self.organization) {
                let message = format!("the record of {} is kept by another organization by now", Shown(&person.key));
                self.refuse(person.at, ErrorCode::OtherOrganization, message);
                continue;
            }
            let details = merge(person, stored.details.clone());
            let changes = history::diff(&fields(&stored.details), &fields(&details));
            let became = match (adopted, changes.is_empty()) {
                (true, _) => Became::Adopted,
                (false, true) => Became::Unchanged,
                (false, false) => Became::Updated,
            };
            self.count_person(person, *id, became, &changes);
            if changes.is_empty() {
                continue;
            }
            self.touched.insert(*id);
            self.journal.note(Action::Updated, Entity::Participant, *id, &changes)?;
            updates.push(stored.update(*id, details, self.scope));
        }
        write_changed(self.conn, self.scope, &updates)
    }

    fn insert_people(&mut self, people: &[&Person]) -> Result<(), Error> {
        type Columns =
            (BigInt, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Date>, Nullable<Text>, Nullable<Text>);
        type Tuple =
            (i64, Option<String>, Option<String>, Option<String>, Option<NaiveDate>, Option<Gender>, Option<String>);
        let organization_id = Some(self.organization);
        let new = |person: &&Person| merge(person, Details { organization_id, ..Details::default() });
        let details: Vec<Details> = people.iter().map(new).collect();
        let now = self.scope.instant();
        let write = |details: &Details| Written::new(ParticipantKind::Person, details.clone(), now);
        let writes: Vec<Written> = details.iter().map(write).collect();
        let sql = insertion(self.conn, self.scope, &writes)?;
        let sql = sql.text("id, given_name, name_prefix, family_name, birth_date, gender, email");
        let mut ids: HashMap<Content, Vec<i64>> = HashMap::new();
        for (id, given, prefix, family, birth_date, gender, email) in written(sql.load::<Columns, Tuple>(self.conn))? {
            ids.entry((given, prefix, family, birth_date, gender, email)).or_default().push(id);
        }
        for (person, details) in people.iter().zip(&details) {
            let id = ids.get_mut(&content(details)).and_then(Vec::pop).ok_or_else(overtaken)?;
            let changes = history::diff(&[], &fields(details));
            self.count_person(person, id, Became::Created, &changes);
            self.created.insert(id);
            self.journal.note(Action::Created, Entity::Participant, id, &changes)?;
            self.touched.insert(id);
        }
        Ok(())
    }

    fn count_person(&mut self, person: &Person, id: i64, became: Became, changes: &[Change]) {
        self.people.insert(key(person), id);
        self.report.of_people(person.kind).count(became);
        let fields = changes.iter().filter(|_| became != Became::Created).map(|change| change.field.clone());
        let row = Row {
            at: person.at,
            kind: word_of_person(person.kind),
            key: person.key.to_string(),
            became,
            changed: fields.collect(),
            joined: Vec::new(),
            left: Vec::new(),
        };
        if let Some(place) = self.add_row(row) {
            self.rows.insert(id, place);
        }
    }

    /// The keys that are new or differ from what is stored. A key that the sender gave to somebody else is taken away from
    /// whoever had it.
    fn changed_keys(&self, stored: &[PersonKeys]) -> Vec<PersonKeys> {
        let before: HashMap<i64, &PersonKeys> = stored.iter().map(|keys| (keys.participant_id, keys)).collect();
        let mut here = HashSet::new();
        let mut changed = Vec::new();
        for person in &self.roster.people {
            let Some(id) = self.people.get(&key(person)).copied() else { continue };
            here.insert(id);
            let old = before.get(&id).copied();
            let keys = PersonKeys {
                participant_id: id,
                kind: person.kind,
                las_key: Some(person.key.to_string()),
                eck_id: person.eck_id.clone().or_else(|| old.and_then(|old| old.eck_id.clone())),
            };
            if old != Some(&keys) {
                changed.push(keys);
            }
        }
        for keys in stored.iter().filter(|keys| !here.contains(&keys.participant_id)) {
            let given_away =
                keys.las_key.as_ref().is_some_and(|las| self.people.contains_key(&(keys.kind, las.as_str().into())));
            if given_away {
                changed.push(PersonKeys { las_key: None, ..keys.clone() });
            }
        }
        changed
    }
}

fn key(person: &Person) -> (PersonKind, Arc<str>) {
    (person.kind, Arc::clone(&person.key))
}

/// What a person of the file makes of what is stored. Whatever the file has no word for stays.
fn merge(person: &Person, old: Details) -> Details {
    let gender = match person.gender {
        Stated::Is(gender) => Stated::Is(Gender::from(gender)),
        Stated::Empty => Stated::Empty,
        Stated::Unsaid => Stated::Unsaid,
    };
    Details {
        given_name: person.given_name.clone().over(old.given_name),
        name_prefix: person.name_prefix.clone().over(old.name_prefix),
        family_name: person.family_name.clone().over(old.family_name),
        birth_date: person.birth_date.clone().over(old.birth_date),
        gender: gender.over(old.gender),
        email: person.email.clone().over(old.email),
        ..old
    }
}
