//! Who is no longer in the file, and who stays in a group where the file does not have them.

use std::collections::{HashMap, HashSet};

use super::Intake;
use super::keys::PersonKeys;
use super::memberships::{Changed, Pair, in_force};
use super::report::{Became, Row, word_of_person};
use crate::error::Error;
use crate::exchange::bundle::{At, Shown};
use crate::exchange::edexml::{FILE, GroupKind, Person, PersonKind};
use crate::exchange::import::memberships::Stored;
use crate::members::{Origin, Role};
use crate::people::store::display_names;

/// How the report calls somebody.
pub(super) struct Calling {
    /// Where they stand in the file; the file as a whole for whoever is no longer in it.
    pub at: At,
    pub kind: PersonKind,
    /// In words that begin a sentence.
    pub words: String,
}

impl Intake<'_> {
    /// Counts who is no longer in the file and was in a group until now, and tells of each who joined or left which group.
    pub(super) fn count_changed(&mut self, changed: &Changed) -> Result<(), Error> {
        let here: HashSet<i64> = self.people.values().copied().collect();
        let gone: HashSet<i64> = changed.ended.iter().map(|(_, who)| *who).filter(|who| !here.contains(who)).collect();
        if !gone.is_empty() {
            self.count_gone(&gone)?;
        }
        self.name_groups(changed)
    }

    fn count_gone(&mut self, gone: &HashSet<i64>) -> Result<(), Error> {
        let mut gone: Vec<PersonKeys> =
            self.known_people()?.into_iter().filter(|keys| gone.contains(&keys.participant_id)).collect();
        gone.sort_unstable_by(|one, other| (one.kind, &one.las_key).cmp(&(other.kind, &other.las_key)));
        let nameless = gone.iter().filter(|keys| keys.las_key.is_none() && keys.eck_id.is_none());
        let nameless: Vec<i64> = nameless.map(|keys| keys.participant_id).collect();
        let names = if nameless.is_empty() { HashMap::new() } else { display_names(self.conn, &nameless)? };
        for PersonKeys { participant_id, kind, las_key, eck_id } in gone {
            self.report.of_people(kind).count(Became::Left);
            let key = las_key.or(eck_id).or_else(|| names.get(&participant_id).cloned()).unwrap_or_default();
            let row = Row {
                at: At::file(FILE),
                kind: word_of_person(kind),
                key,
                became: Became::Left,
                changed: Vec::new(),
                joined: Vec::new(),
                left: Vec::new(),
            };
            if let Some(place) = self.add_row(row) {
                self.rows.insert(participant_id, place);
            }
        }
        Ok(())
    }

    /// The groups that each row of the report joined and left.
    fn name_groups(&mut self, changed: &Changed) -> Result<(), Error> {
        if self.report.rows.is_none() {
            return Ok(());
        }
        let groups: HashSet<i64> = changed.started.iter().chain(&changed.ended).map(|(group, _)| *group).collect();
        let names = self.names_of_groups(&groups.into_iter().collect::<Vec<_>>())?;
        let Some(rows) = self.report.rows.as_mut() else { return Ok(()) };
        for (pairs, joined) in [(&changed.started, true), (&changed.ended, false)] {
            for (group, participant) in pairs {
                let place = self.rows.get(participant).copied();
                let (Some(row), Some(name)) = (place.and_then(|place| rows.get_mut(place)), names.get(group)) else {
                    continue;
                };
                if joined { &mut row.joined } else { &mut row.left }.push(name.clone());
            }
        }
        Ok(())
    }

    /// Tells which pupils are in a group where the file does not have them, and stay since no roster put them there.
    /// Cross-year groups are left out: whoever joins one besides is no exception.
    pub(super) fn warn_of_staying(&mut self, stored: &[Stored], wants: impl Fn(Pair) -> bool) -> Result<(), Error> {
        let stays = |row: &&Stored| {
            matches!(row.origin, Origin::Manual | Origin::Subscription)
                && row.said.role == Role::Member
                && in_force(&row.said, self.scope.today)
                && !wants(row.said.span().pair)
        };
        let staying: Vec<&Stored> = stored.iter().filter(stays).collect();
        if staying.is_empty() {
            return Ok(());
        }
        let homes = self.known_groups()?.into_iter().filter(|((kind, _), _)| *kind == GroupKind::Home);
        let homes: HashSet<i64> = homes.map(|(_, group)| group).collect();
        let people = self.callings(&staying.iter().map(|row| row.said.participant_id).collect())?;
        let names = self.names_of_groups(&staying.iter().map(|row| row.said.group_id).collect::<Vec<_>>())?;
        let mut warnings = Vec::new();
        for row in staying.into_iter().filter(|row| homes.contains(&row.said.group_id)) {
            let (Some(person), Some(group)) = (people.get(&row.said.participant_id), names.get(&row.said.group_id))
            else {
                continue;
            };
            if person.kind != PersonKind::Pupil {
                continue;
            }
            let how = match row.origin {
                Origin::Subscription => "where they signed up",
                _ => "where they were put by hand",
            };
            warnings.push((person.at, format!("{} stays in {group}, {how}", person.words)));
        }
        self.warn_each(warnings);
        Ok(())
    }

    /// How the report calls these people, if they are of the roster or one before it.
    pub(super) fn callings(&mut self, people: &HashSet<i64>) -> Result<HashMap<i64, Calling>, Error> {
        let in_file = self.roster.people.iter();
        let here: HashMap<i64, &Person> = in_file
            .filter_map(|person| Some((*self.people.get(&(person.kind, person.key.clone()))?, person)))
            .filter(|(id, _)| people.contains(id))
            .collect();
        let keys = self.known_people()?.into_iter().filter(|keys| people.contains(&keys.participant_id));
        let calling = |keys: PersonKeys| {
            let person = here.get(&keys.participant_id);
            let key = keys.las_key.as_deref().or(keys.eck_id.as_deref()).map(|key| format!(" {}", Shown(key)));
            let gone = if person.is_none() { ", who is no longer in the file," } else { "" };
            let words = format!("the {}{}{gone}", word_of_person(keys.kind), key.unwrap_or_default());
            let at = person.map_or(At::file(FILE), |person| person.at);
            (keys.participant_id, Calling { at, kind: keys.kind, words })
        };
        Ok(keys.map(calling).collect())
    }
}
