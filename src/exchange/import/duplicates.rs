//! People who were registered anew and are probably known already, under another key (P1). They are told, and kept apart.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Date, Nullable, Text};

use super::Run;
use super::batch::CHUNK;
use super::notes::{Note, NoteKind};
use crate::db::Sql;
use crate::error::Error;
use crate::exchange::bundle::{At, Shown};
use crate::id::{self, Kind};
use crate::text::fold;

/// How many people may share a name and birth date, or an e-mail address, that still tells something.
const SHARED: usize = 20;

type Columns = (BigInt, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Date>, Nullable<Text>);
type Tuple = (i64, Option<String>, Option<String>, Option<String>, Option<String>, Option<NaiveDate>, Option<String>);

/// What tells a person from others.
struct Known {
    id: i64,
    external_id: Option<String>,
    given: Option<String>,
    name: String,
    /// The name as it is compared: which part of it stands where does not matter.
    folded: String,
    born: Option<NaiveDate>,
    email: Option<String>,
}

impl From<Tuple> for Known {
    fn from((id, external_id, given, prefix, family, born, email): Tuple) -> Self {
        let parts = [given.as_deref(), prefix.as_deref(), family.as_deref()];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let folded = letters(&name);
        Self { id, external_id, given, name, folded, born, email: email.map(|email| fold(&email)) }
    }
}

impl Known {
    /// Under what to look for people who are like this one.
    fn keys(&self) -> impl Iterator<Item = String> {
        let named = self.born.map(|born| format!("{born} {}", self.folded));
        named.into_iter().chain(self.email.clone())
    }

    /// Why two are probably the same person, if they are.
    fn is_like(&self, other: &Self) -> Option<&'static str> {
        if self.born.is_some() && self.born == other.born && self.folded == other.folded {
            return Some("the same name and birth date");
        }
        let born_alike = self.born.is_none() || other.born.is_none() || self.born == other.born;
        let same_address = self.email.is_some() && self.email == other.email;
        // Families share an address.
        (same_address && born_alike && given_alike(self.given.as_deref(), other.given.as_deref()))
            .then_some("the same e-mail address, and no other given name")
    }

    fn called(&self) -> String {
        let key = self.external_id.clone().unwrap_or_else(|| id::encode(Kind::Participant, self.id));
        format!("{} ({})", Shown(&key), self.name)
    }
}

/// A name without what stands between its letters.
fn letters(name: &str) -> String {
    fold(name).chars().filter(|letter| letter.is_alphanumeric()).collect()
}

/// Whether two given names can be one person's: the same, an initial of the other, or not known.
fn given_alike(one: Option<&str>, other: Option<&str>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return true };
    let (one, other) = (letters(one), letters(other));
    let initial = |short: &str, long: &str| short.chars().count() == 1 && long.starts_with(short);
    one == other || initial(&one, &other) || initial(&other, &one)
}

impl Run<'_> {
    /// Notes which of the people who were registered are probably known already, to the organization or in the bundle.
    pub(super) fn note_duplicates(&mut self, new: &[(At, i64)]) -> Result<(), Error> {
        let places: HashMap<i64, At> = new.iter().map(|(at, id)| (*id, *at)).collect();
        let ids: Vec<i64> = new.iter().map(|(_, id)| *id).collect();
        for ids in ids.chunks(CHUNK) {
            let sql = Sql::new(PEOPLE).text("p.id").in_ids(ids);
            let people: Vec<Known> = sql.load::<Columns, Tuple>(self.conn)?.into_iter().map(Known::from).collect();
            let alike = self.people_like(&people)?;
            let mut by: HashMap<String, Vec<&Known>> = HashMap::new();
            for known in &alike {
                for key in known.keys() {
                    by.entry(key).or_default().push(known);
                }
            }
            for person in &people {
                let mut told = HashSet::new();
                let same = person.keys().filter_map(|key| by.get(&key));
                // What so many share tells nobody apart.
                for known in same.filter(|same| same.len() <= SHARED).flatten() {
                    // Of two that are both new, the later is told of.
                    let later = places.get(&known.id).is_some_and(|at| places.get(&person.id) <= Some(at));
                    let Some(why) = person.is_like(known).filter(|_| known.id != person.id && !later) else { continue };
                    if let (true, Some(at)) = (told.insert(known.id), places.get(&person.id)) {
                        let message =
                            format!("{} is probably a duplicate of {}: {why}", person.called(), known.called());
                        self.report.notes.add(Note { at: *at, kind: NoteKind::Duplicate, message, code: None });
                    }
                }
            }
        }
        Ok(())
    }

    /// People within the organization's reach who have a birth date or an e-mail address of one of these.
    fn people_like(&mut self, people: &[Known]) -> Result<Vec<Known>, Error> {
        let born: HashSet<String> =
            people.iter().filter_map(|person| person.born).map(|born| born.to_string()).collect();
        let emails: HashSet<String> = people.iter().filter_map(|person| person.email.clone()).collect();
        let sql = Sql::new(PEOPLE)
            .text("p.kind = 'PERSON' AND (CAST(p.birth_date AS TEXT)")
            .in_strings(&born.into_iter().collect::<Vec<_>>())
            .text(" OR lower(p.email)")
            .in_strings(&emails.into_iter().collect::<Vec<_>>())
            .text(")");
        let sql = match self.keeper.id() {
            Some(keeper) if self.scope.viewer.administrator => {
                sql.text(" AND (p.organization_id IS NULL OR p.organization_id = ").int(keeper).text(")")
            }
            Some(keeper) => sql.text(" AND p.organization_id = ").int(keeper),
            None => sql,
        };
        let rows = sql.text(" ORDER BY p.id").load::<Columns, Tuple>(self.conn)?;
        Ok(rows.into_iter().map(Known::from).collect())
    }
}

const PEOPLE: &str = "SELECT p.id, p.external_id, p.given_name, p.name_prefix, p.family_name, p.birth_date, p.email \
                      FROM participants p WHERE ";

#[cfg(test)]
mod tests {
    use super::*;

    fn known(given: &str, family: &str, born: &str, email: &str) -> Known {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Known::from((1, None, text(given), None, text(family), born.parse().ok(), text(email)))
    }

    #[test]
    fn p1_who_is_probably_the_same_is_told_and_families_are_not() {
        let anna = known("Anna", "van der Aalders", "1980-01-01", "anna@example.org");
        for (given, family, born, email, expected) in [
            ("anna", "Van der AALDERS", "1980-01-01", "", true),
            ("Anna", "Vander Aalders", "1980-01-01", "", true),
            ("Anna", "van der Aalders", "", "", false),
            ("Anna", "van der Aalders", "1980-01-02", "", false),
            ("A.", "Bos", "", "ANNA@example.org", true),
            ("Anna", "Bos", "1980-01-01", "anna@example.org", true),
            ("Anna", "Bos", "1950-01-01", "anna@example.org", false),
            ("Bram", "van der Aalders", "2010-01-01", "anna@example.org", false),
            ("Bram", "van der Aalders", "", "anna@example.org", false),
        ] {
            let other = known(given, family, born, email);
            assert_eq!(anna.is_like(&other).is_some(), expected, "{given} {family} {born} {email}");
            assert_eq!(other.is_like(&anna).is_some(), expected, "the other way round");
        }
    }
}
