//! People whom an earlier roster brought, found again by their keys.

use std::collections::{HashMap, HashSet};

use super::Intake;
use super::keys::PersonKeys;
use super::likeness::Traits;
use super::people::Known;
use super::report::word_of_person;
use crate::error::Error;
use crate::exchange::bundle::{At, ErrorCode, Shown};
use crate::exchange::edexml::{Person, PersonKind};
use crate::exchange::import::batch::CHUNK;

/// Who was found again, and whose record cannot be told.
pub(super) struct Matched<'r> {
    pub known: Vec<Known<'r>>,
    pub refused: HashSet<At>,
}

impl<'r> Intake<'r> {
    /// Finds people again: first by the pseudonym that they keep for life, then by the key of the sender.
    pub(super) fn match_people(&mut self, stored: &[PersonKeys]) -> Result<Matched<'r>, Error> {
        let roster = self.roster;
        let by_eck: HashMap<(PersonKind, &str), &PersonKeys> =
            stored.iter().filter_map(|keys| Some(((keys.kind, keys.eck_id.as_deref()?), keys))).collect();
        let by_las: HashMap<(PersonKind, &str), &PersonKeys> =
            stored.iter().filter_map(|keys| Some(((keys.kind, keys.las_key.as_deref()?), keys))).collect();
        let mut claimed: HashMap<i64, &'r Person> = HashMap::new();
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
        let mut by_key = Vec::new();
        for person in roster.people.iter().filter(|person| !found.contains(&person.at)) {
            let Some(keys) = by_las.get(&(person.kind, &*person.key)) else { continue };
            match claimed.get(&keys.participant_id) {
                // Both have a pseudonym: the key went from one to the other.
                Some(_) if person.eck_id.is_some() => {}
                Some(other) => {
                    self.refuse_second_claim(person, other.at);
                    refused.insert(person.at);
                }
                None => by_key.push((person, *keys)),
            }
        }
        known.extend(self.settle_doubts(&by_key)?);
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

    /// A known key is either that of the same person, of whom something was corrected, or it was given to somebody else.
    /// With another pseudonym only whoever has the same name is taken for the same; without, whoever is not another
    /// person altogether.
    fn settle_doubts(&mut self, by_key: &[(&'r Person, &PersonKeys)]) -> Result<Vec<Known<'r>>, Error> {
        let mut same = Vec::new();
        let mut warnings = Vec::new();
        for by_key in by_key.chunks(CHUNK) {
            let ids: Vec<i64> = by_key.iter().map(|(_, keys)| keys.participant_id).collect();
            let stored = self.traits_of(&ids)?;
            for (person, keys) in by_key {
                let id = keys.participant_id;
                let traits = Traits::of(person);
                let other_eckid = person.eck_id.is_some() && keys.eck_id.is_some();
                let is_same = stored.get(&id).is_some_and(|stored| {
                    if other_eckid { traits.is_alike(stored, person.kind) } else { !traits.denies(stored, person.kind) }
                });
                if is_same {
                    same.push(Known { person, id, adopted: false });
                }
                let message = match (is_same, other_eckid) {
                    (true, false) => continue,
                    (true, true) => format!("the {} {} has another eckid now", word_of_person(person.kind), person.key),
                    (false, _) => given_away(person, other_eckid),
                };
                warnings.push((person.at, message));
            }
        }
        self.warn_each(warnings);
        Ok(same)
    }
}

/// That a known key is somebody else's now.
fn given_away(person: &Person, other_eckid: bool) -> String {
    let by = match (other_eckid, person.kind) {
        (true, PersonKind::Pupil) => "eckid and by name or birth date",
        (true, PersonKind::Teacher) => "eckid and by name",
        (false, PersonKind::Pupil) => "name and by birth date",
        (false, PersonKind::Teacher) => "both names",
    };
    let (key, word) = (Shown(&person.key), word_of_person(person.kind));
    format!("the key {key} was given to another {word}, by {by}; they are kept apart")
}
