//! The people of a roster: found by their keys, adopted or registered, and brought up to date.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Date, Nullable, Text};

use super::Intake;
use super::adopt::Found;
use super::keys::PersonKeys;
use super::report::{Became, Row, word_of_person};
use crate::db::Sql;
use crate::error::Error;
use crate::exchange::bundle::{At, ErrorCode, Shown};
use crate::exchange::edexml::{Person, PersonKind, Stated};
use crate::exchange::import::Step;
use crate::exchange::import::batch::{CHUNK, overtaken, written};
use crate::exchange::import::participants::{Update, insertion, stored_participants, write_changed};
use crate::history::{self, Action, Change, Entity};
use crate::people::commands::fields;
use crate::people::store::Written;
use crate::people::{Details, Gender, ParticipantKind};
use crate::text::fold;

/// A person of the file and the stored one that it is.
struct Known<'r> {
    person: &'r Person,
    id: i64,
    adopted: bool,
}

/// Who was found again, and whose record cannot be told.
struct Matched<'r> {
    known: Vec<Known<'r>>,
    refused: HashSet<At>,
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
        let new = self.unmatched(&known, &refused);
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

    /// The people of the file that are not among these, and were not refused.
    fn unmatched(&self, known: &[Known<'r>], refused: &HashSet<At>) -> Vec<&'r Person> {
        let known: HashSet<At> = known.iter().map(|known| known.person.at).collect();
        let people = self.roster.people.iter();
        people.filter(|person| !known.contains(&person.at) && !refused.contains(&person.at)).collect()
    }

    /// Finds people again: first by the pseudonym that they keep for life, then by the key of the sender.
    fn match_people(&mut self, stored: &[PersonKeys]) -> Result<Matched<'r>, Error> {
        let roster = self.roster;
        let by_eck: HashMap<(PersonKind, &str), &PersonKeys> =
            stored.iter().filter_map(|keys| Some(((keys.kind, keys.eck_id.as_deref()?), keys))).collect();
        let by_las: HashMap<(PersonKind, &str), &PersonKeys> =
            stored.iter().filter_map(|keys| Some(((keys.kind, keys.las_key.as_deref()?), keys))).collect();
        let mut claimed: HashMap<i64, &Person> = HashMap::new();
        for person in &roster.people {
            let eck_id = person.eck_id.as_deref();
            if let Some(keys) = eck_id.and_then(|eck_id| by_eck.get(&(person.kind, eck_id))) {
                claimed.insert(keys.participant_id, person);
            }
        }
        let mut refused = HashSet::new();
        let mut known: Vec<Known<'r>> =
            claimed.iter().map(|(id, person)| Known { person, id: *id, adopted: false }).collect();
        let found: HashSet<At> = known.iter().map(|known| known.person.at).collect();
        let mut doubtful = Vec::new();
        for person in roster.people.iter().filter(|person| !found.contains(&person.at)) {
            let Some(keys) = by_las.get(&(person.kind, &*person.key)) else { continue };
            match claimed.get(&keys.participant_id) {
                // Both have a pseudonym: the key went from one to the other.
                Some(_) if person.eck_id.is_some() => {}
                Some(other) => {
                    self.refuse_second_claim(person, other.at);
                    refused.insert(person.at);
                }
                None if person.eck_id.is_some() && keys.eck_id.is_some() => doubtful.push((person, *keys)),
                None => known.push(Known { person, id: keys.participant_id, adopted: false }),
            }
        }
        known.extend(self.settle_doubts(&doubtful)?);
        known.sort_unstable_by_key(|known| known.person.at);
        Ok(Matched { known, refused })
    }

    fn refuse_second_claim(&mut self, person: &Person, other: At) {
        let message = format!(
            "the key {} is known as that of the {} in line {}, column {}, who has another one now; one of them needs \
             an eckid of their own",
            Shown(&person.key),
            word_of_person(person.kind),
            other.line,
            other.column
        );
        self.refuse(person.at, ErrorCode::SamePerson, message);
    }

    /// A known key with another pseudonym is either a person whose pseudonym was corrected, or a key that was given to
    /// somebody else. Only whoever has the same name and birth date is taken for the same.
    fn settle_doubts(&mut self, doubtful: &[(&'r Person, &PersonKeys)]) -> Result<Vec<Known<'r>>, Error> {
        let mut same = Vec::new();
        for doubtful in doubtful.chunks(CHUNK) {
            let ids: Vec<i64> = doubtful.iter().map(|(_, keys)| keys.participant_id).collect();
            let stored = stored_participants(self.conn, &ids)?;
            for (person, keys) in doubtful {
                let details = stored.get(&keys.participant_id).map(|stored| &stored.details);
                if details.is_some_and(|details| is_alike(person, details)) {
                    same.push(Known { person, id: keys.participant_id, adopted: false });
                    let message = format!("the {} {} has another eckid now", word_of_person(person.kind), person.key);
                    self.warn(person.at, &message);
                } else {
                    let message = format!(
                        "the key {} was given to another {}, by eckid and by name or birth date; they are kept apart",
                        Shown(&person.key),
                        word_of_person(person.kind)
                    );
                    self.warn(person.at, &message);
                }
            }
        }
        Ok(same)
    }

    /// People who were registered before the sender's first roster: by the sender's key, or else by their names and
    /// birth date.
    fn adopt_people(&mut self, new: &[&'r Person], known: &[Known<'r>]) -> Result<Vec<Known<'r>>, Error> {
        let mut found = Found::default();
        let taken: HashSet<i64> = known.iter().map(|known| known.id).collect();
        let candidates: Vec<Candidate> =
            self.candidates_for(new)?.into_iter().filter(|candidate| !taken.contains(&candidate.id)).collect();
        let by_external_id = candidates.iter().filter_map(|found| Some((found.external_id.as_deref()?, found.id)));
        found.pair(new.iter().map(|person| &*person.key).enumerate(), by_external_id);
        let by_id: HashMap<i64, &Candidate> = candidates.iter().map(|candidate| (candidate.id, candidate)).collect();
        // Another system may have used the same key for somebody else.
        found.adopted.retain(|place, id| {
            let person = new.get(*place);
            let candidate = by_id.get(id);
            !person.zip(candidate).is_some_and(|(person, candidate)| candidate.is_somebody_else(person))
        });
        let named = new.iter().enumerate().filter_map(|(n, person)| Some((n, identity_of(person)?)));
        found.pair(named, candidates.iter().filter_map(|candidate| Some((candidate.identity()?, candidate.id))));
        for (_, person) in new.iter().enumerate().filter(|(n, _)| found.ambiguous.contains(n)) {
            let message = format!(
                "several registered people could be the {} {}; none of them was taken, and a new one registered",
                word_of_person(person.kind),
                Shown(&person.key)
            );
            self.warn(person.at, &message);
        }
        let mut adopted: Vec<Known<'r>> = found
            .adopted
            .into_iter()
            .filter_map(|(place, id)| Some(Known { person: new.get(place)?, id, adopted: true }))
            .collect();
        adopted.sort_unstable_by_key(|known| known.person.at);
        Ok(adopted)
    }

    /// People of the organization without a key who have the key of one of these, or the birth date.
    fn candidates_for(&mut self, new: &[&Person]) -> Result<Vec<Candidate>, Error> {
        type Columns = (BigInt, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Date>);
        type Tuple = (i64, Option<String>, Option<String>, Option<String>, Option<NaiveDate>);
        let mut candidates: HashMap<i64, Candidate> = HashMap::new();
        for new in new.chunks(CHUNK) {
            let mut keys: Vec<String> = new.iter().map(|person| person.key.to_string()).collect();
            let dates = new.iter().filter_map(|person| person.birth_date.value()).map(ToString::to_string);
            let mut dates: Vec<String> = dates.collect();
            for list in [&mut keys, &mut dates] {
                list.sort_unstable();
                list.dedup();
            }
            for (column, values) in [("p.external_id", &keys), ("CAST(p.birth_date AS TEXT)", &dates)] {
                let sql = Sql::new(
                    "SELECT p.id, p.external_id, p.given_name, p.family_name, p.birth_date FROM participants p \
                     WHERE p.kind = 'PERSON' AND NOT EXISTS (SELECT 1 FROM roster_people r \
                     WHERE r.participant_id = p.id AND r.organization_id = p.organization_id) AND p.organization_id = ",
                );
                let sql = sql.int(self.organization).text(" AND ").text(column).in_strings(values);
                for (id, external_id, given_name, family_name, birth_date) in sql.load::<Columns, Tuple>(self.conn)? {
                    candidates.insert(id, Candidate { id, external_id, given_name, family_name, birth_date });
                }
            }
        }
        let mut candidates: Vec<Candidate> = candidates.into_values().collect();
        candidates.sort_unstable_by_key(|candidate| candidate.id);
        Ok(candidates)
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

/// A registered person who has no key of the sender.
struct Candidate {
    id: i64,
    external_id: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    birth_date: Option<NaiveDate>,
}

/// By what people are recognized: given name, family name and birth date.
type Identity = (String, String, NaiveDate);

impl Candidate {
    fn identity(&self) -> Option<Identity> {
        Some((fold(self.given_name.as_deref()?), fold(self.family_name.as_deref()?), self.birth_date?))
    }

    /// Whether the birth dates say so.
    fn is_somebody_else(&self, person: &Person) -> bool {
        self.birth_date.zip(person.birth_date.value().copied()).is_some_and(|(one, other)| one != other)
    }
}

fn identity_of(person: &Person) -> Option<Identity> {
    let name = |name: &Stated<String>| name.value().map(|name| fold(name));
    Some((name(&person.given_name)?, name(&person.family_name)?, *person.birth_date.value()?))
}

/// Whether a person has the family name and the birth date that are stored.
fn is_alike(person: &Person, details: &Details) -> bool {
    let name = |name: Option<&String>| name.map(|name| fold(name));
    name(person.family_name.value()) == name(details.family_name.as_ref())
        && person.birth_date.value().copied() == details.birth_date
        && details.birth_date.is_some()
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
