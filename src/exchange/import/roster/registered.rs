//! People who were registered before the sender's first roster, and those who look like somebody of an earlier one.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text};

use super::Intake;
use super::adopt::{Doubt, Found};
use super::keys::PersonKeys;
use super::likeness::{Identity, Traits};
use super::people::Known;
use super::report::word_of_person;
use crate::db::Sql;
use crate::error::Error;
use crate::exchange::bundle::{At, Shown};
use crate::exchange::edexml::{Person, PersonKind};
use crate::exchange::import::batch::CHUNK;

/// A registered person who has no key of the sender.
struct Candidate {
    id: i64,
    external_id: Option<String>,
    traits: Traits,
    /// Is somebody's guardian: nobody that a pupil is.
    guardian: bool,
    /// Leads a group, which a child may do as well.
    leads: bool,
    /// Has guardians or is a member of a class: nobody that a teacher is.
    child: bool,
}

impl Candidate {
    fn is_suited(&self, kind: PersonKind) -> bool {
        match kind {
            PersonKind::Pupil => !self.guardian && (!self.leads || self.child),
            PersonKind::Teacher => !self.child,
        }
    }

    /// Whether it is the person whose key is its external id. Another system may have used the same for somebody else.
    fn is_meant_by(&self, kind: PersonKind, traits: &Traits, by_name: &HashSet<Identity>) -> bool {
        // Whoever has the very names is meant rather than whoever has only the key and another given name.
        let is_named = || traits.identity().is_some_and(|identity| by_name.contains(&identity));
        let bears_out =
            self.traits.bears_out(traits) || self.traits.bears_out_but_for_the_given_name(traits) && !is_named();
        self.is_suited(kind) && bears_out
    }
}

const CANDIDATES: &str = "SELECT p.id, p.external_id, p.given_name, p.family_name, p.birth_date, \
     EXISTS (SELECT 1 FROM guardianships u WHERE u.guardian_id = p.id AND NOT u.ended), EXISTS (SELECT 1 FROM memberships m \
     WHERE m.participant_id = p.id AND m.annulled_at IS NULL AND m.role = 'LEADER' AND m.start_date <= d.today \
     AND (m.end_date IS NULL OR m.end_date > d.today)), \
     (EXISTS (SELECT 1 FROM guardianships u WHERE u.child_id = p.id AND NOT u.ended) OR EXISTS (SELECT 1 FROM memberships m \
     JOIN groups g ON g.id = m.group_id WHERE m.participant_id = p.id AND m.annulled_at IS NULL AND m.role = 'MEMBER' \
     AND m.start_date <= d.today AND (m.end_date IS NULL OR m.end_date > d.today) AND (g.year_group IS NOT NULL \
     OR EXISTS (SELECT 1 FROM roster_groups r WHERE r.group_id = g.id AND r.kind = 'GROUP')))) FROM participants p CROSS JOIN (SELECT ";

impl<'r> Intake<'r> {
    /// People who were registered before the sender's first roster: by the sender's key if the names bear it out, or
    /// else by their names and birth date.
    pub(super) fn adopt_people(&mut self, new: &[&'r Person], known: &[Known<'r>]) -> Result<Vec<Known<'r>>, Error> {
        let taken: HashSet<i64> = known.iter().map(|known| known.id).collect();
        let candidates: Vec<Candidate> =
            self.candidates_for(new)?.into_iter().filter(|candidate| !taken.contains(&candidate.id)).collect();
        let by_external_id: HashMap<&str, &Candidate> =
            candidates.iter().filter_map(|candidate| Some((candidate.external_id.as_deref()?, candidate))).collect();
        let by_name: HashSet<Identity> =
            candidates.iter().filter_map(|candidate| candidate.traits.identity()).collect();
        let traits: Vec<Traits> = new.iter().map(|person| Traits::of(person)).collect();
        let (mut meant, mut others) = (Vec::new(), Vec::new());
        for (n, (person, traits)) in new.iter().zip(&traits).enumerate() {
            match by_external_id.get(&*person.key) {
                Some(candidate) if candidate.is_meant_by(person.kind, traits, &by_name) => {
                    meant.push((n, candidate.id))
                }
                Some(candidate) => others.push((*person, candidate.id)),
                None => {}
            }
        }
        let mut found = Found::by_key(&meant);
        for kind in [PersonKind::Pupil, PersonKind::Teacher] {
            let named = new.iter().zip(&traits).enumerate().filter(|(_, (person, _))| person.kind == kind);
            let named = named.filter_map(|(n, (_, traits))| Some((n, traits.identity()?)));
            let suited = candidates.iter().filter(|candidate| candidate.is_suited(kind));
            found.pair(named, suited.filter_map(|candidate| Some((candidate.traits.identity()?, candidate.id))));
        }
        let taken = found.settle();
        others.retain(|(_, id)| !taken.contains(id));
        self.warn_of_others(&others);
        let told: HashSet<At> = others.iter().map(|(person, _)| person.at).collect();
        let untold = new.iter().zip(&traits).enumerate();
        let untold = untold.filter(|(n, (person, _))| !found.adopted.contains_key(n) && !told.contains(&person.at));
        self.warn_of_unsuited(untold.map(|(_, (person, traits))| (*person, traits)), &candidates);
        self.warn_of_doubts(new, &found);
        let adopted = found.adopted.into_iter();
        let mut adopted: Vec<Known<'r>> =
            adopted.filter_map(|(n, id)| Some(Known { person: new.get(n)?, id, adopted: true })).collect();
        adopted.sort_unstable_by_key(|known| known.person.at);
        Ok(adopted)
    }

    /// Whoever has the key of somebody else as an external id is not touched.
    fn warn_of_others(&mut self, others: &[(&Person, i64)]) {
        let warning = |(person, _): &(&Person, i64)| {
            let message = format!(
                "another person is registered under the external id {}, the key of this {}, and was left alone",
                Shown(&person.key),
                word_of_person(person.kind)
            );
            (person.at, message)
        };
        self.warn_each(others.iter().map(warning).collect());
    }

    /// Whoever has the names and the birth date of somebody and cannot be that pupil or teacher is told, since that may yet be
    /// a mistake in what is stored.
    fn warn_of_unsuited<'p>(
        &mut self,
        people: impl Iterator<Item = (&'p Person, &'p Traits)>,
        candidates: &[Candidate],
    ) {
        let mut unsuited: HashSet<(PersonKind, Identity)> = HashSet::new();
        for kind in [PersonKind::Pupil, PersonKind::Teacher] {
            let of_kind = candidates.iter().filter(|candidate| !candidate.is_suited(kind));
            unsuited.extend(of_kind.filter_map(|candidate| Some((kind, candidate.traits.identity()?))));
        }
        let is_unsuited = |person: &Person, traits: &Traits| {
            traits.identity().is_some_and(|identity| unsuited.contains(&(person.kind, identity)))
        };
        let warning = |person: &Person| {
            let why = match person.kind {
                PersonKind::Pupil => "is a guardian or leads a group",
                PersonKind::Teacher => "has guardians or is a member of a class",
            };
            let message = format!(
                "somebody with the names and the birth date of the {} {} is registered, {why} and was left alone",
                word_of_person(person.kind),
                Shown(&person.key)
            );
            (person.at, message)
        };
        let warnings = people.filter(|(person, traits)| is_unsuited(person, traits));
        self.warn_each(warnings.map(|(person, _)| warning(person)).collect());
    }

    fn warn_of_doubts(&mut self, new: &[&Person], found: &Found) {
        let warning = |(n, doubt): (&usize, &Doubt)| {
            let person = new.get(*n)?;
            let (word, key) = (word_of_person(person.kind), Shown(&person.key));
            let message = match doubt {
                Doubt::Several => format!(
                    "several registered people could be the {word} {key}; none of them was taken, and a new one registered"
                ),
                Doubt::Shared => format!(
                    "the {word} {key} and others of this file could be the same registered person, who was not taken; a \
                     new one was registered"
                ),
            };
            Some((person.at, message))
        };
        let warnings = found.doubts.iter().filter_map(warning).collect();
        self.warn_each(warnings);
    }

    /// People of the organization without a key who have the key of one of these, or the birth date.
    fn candidates_for(&mut self, new: &[&Person]) -> Result<Vec<Candidate>, Error> {
        type Columns = (BigInt, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Date>, Bool, Bool, Bool);
        type Tuple = (i64, Option<String>, Option<String>, Option<String>, Option<NaiveDate>, bool, bool, bool);
        let mut candidates: HashMap<i64, Candidate> = HashMap::new();
        for new in new.chunks(CHUNK) {
            let keys = sorted(new.iter().map(|person| person.key.to_string()));
            let dates = birth_dates(new);
            for (column, values) in [("p.external_id", &keys), ("CAST(p.birth_date AS TEXT)", &dates)] {
                let sql = Sql::new(CANDIDATES).date(self.scope.today).text(
                    " AS today) d WHERE p.kind = 'PERSON' AND NOT EXISTS (SELECT 1 FROM roster_people r \
                     WHERE r.participant_id = p.id AND r.organization_id = p.organization_id) AND p.organization_id = ",
                );
                let sql = sql.int(self.organization).text(" AND ").text(column).in_strings(values);
                for (id, external_id, given, family, born, guardian, leads, child) in
                    sql.load::<Columns, Tuple>(self.conn)?
                {
                    let traits = Traits::new(given.as_deref(), family.as_deref(), born);
                    candidates.insert(id, Candidate { id, external_id, traits, guardian, leads, child });
                }
            }
        }
        let mut candidates: Vec<Candidate> = candidates.into_values().collect();
        candidates.sort_unstable_by_key(|candidate| candidate.id);
        Ok(candidates)
    }

    /// New pupils who have the names and the birth date of somebody whom an earlier roster knew and this one does not
    /// are registered anew, since the sender says that they are others; and that is told.
    pub(super) fn warn_of_lookalikes(
        &mut self,
        new: &[&'r Person],
        stored: &[PersonKeys],
        known: &[Known<'r>],
    ) -> Result<(), Error> {
        type Columns = (BigInt, Nullable<Text>, Nullable<Text>, Nullable<Date>);
        type Tuple = (i64, Option<String>, Option<String>, Option<NaiveDate>);
        let here: HashSet<i64> = known.iter().map(|known| known.id).collect();
        let away = stored.iter().filter(|keys| keys.kind == PersonKind::Pupil && !here.contains(&keys.participant_id));
        let away: HashMap<i64, &PersonKeys> = away.map(|keys| (keys.participant_id, keys)).collect();
        if away.is_empty() {
            return Ok(());
        }
        let pupils: Vec<&Person> = new.iter().copied().filter(|person| person.kind == PersonKind::Pupil).collect();
        let mut alike: HashMap<i64, Traits> = HashMap::new();
        for pupils in pupils.chunks(CHUNK) {
            let sql = Sql::new(
                "SELECT p.id, p.given_name, p.family_name, p.birth_date FROM roster_people r \
                 JOIN participants p ON p.id = r.participant_id WHERE r.kind = 'PUPIL' AND r.organization_id = ",
            );
            let sql = sql.int(self.organization).text(" AND CAST(p.birth_date AS TEXT)");
            for (id, given, family, born) in sql.in_strings(&birth_dates(pupils)).load::<Columns, Tuple>(self.conn)? {
                alike.insert(id, Traits::new(given.as_deref(), family.as_deref(), born));
            }
        }
        alike.retain(|id, _| away.contains_key(id));
        let mut found = Found::default();
        let named = pupils.iter().enumerate().filter_map(|(n, person)| Some((n, Traits::of(person).identity()?)));
        found.pair(named, alike.iter().filter_map(|(id, traits)| Some((traits.identity()?, *id))));
        let warning = |(n, id): (&usize, &i64)| {
            let (person, keys) = (pupils.get(*n)?, away.get(id)?);
            let who = keys.las_key.as_deref().or(keys.eck_id.as_deref());
            let who = who.map_or_else(|| "somebody".to_owned(), |key| Shown(key).to_string());
            let message = format!(
                "the pupil {} looks like {who}, whom an earlier roster knew under another key; registered anew",
                Shown(&person.key)
            );
            Some((person.at, message))
        };
        let warnings = found.adopted.iter().filter_map(warning).collect();
        self.warn_each(warnings);
        Ok(())
    }
}

fn birth_dates(people: &[&Person]) -> Vec<String> {
    sorted(people.iter().filter_map(|person| person.birth_date.value()).map(ToString::to_string))
}

fn sorted(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut values: Vec<String> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}
