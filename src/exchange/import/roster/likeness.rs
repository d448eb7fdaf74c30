//! Whether two records are of the same person, by their names and birth dates.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Date, Nullable, Text};

use super::Intake;
use crate::db::Sql;
use crate::error::Error;
use crate::exchange::edexml::{Person, PersonKind};
use crate::text::fold;

/// What a record says of a person, as far as it says anything; names as they are compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Traits {
    given: Option<String>,
    family: Option<String>,
    born: Option<NaiveDate>,
}

/// By what people are recognized without a key: given name, family name and birth date.
pub(super) type Identity = (String, String, NaiveDate);

/// Whether two values are the same; nothing if one is not known.
fn same<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> Option<bool> {
    one.zip(other).map(|(one, other)| one == other)
}

impl Traits {
    pub(super) fn new(given: Option<&str>, family: Option<&str>, born: Option<NaiveDate>) -> Self {
        Self { given: given.map(fold), family: family.map(fold), born }
    }

    /// What the file says.
    pub(super) fn of(person: &Person) -> Self {
        let Person { given_name, family_name, birth_date, .. } = person;
        let name = |name: Option<&String>| name.map(|name| fold(name));
        Self { given: name(given_name.value()), family: name(family_name.value()), born: birth_date.value().copied() }
    }

    pub(super) fn identity(&self) -> Option<Identity> {
        Some((self.given.clone()?, self.family.clone()?, self.born?))
    }

    fn given(&self, other: &Self) -> Option<bool> {
        same(self.given.as_ref(), other.given.as_ref())
    }

    fn family(&self, other: &Self) -> Option<bool> {
        same(self.family.as_ref(), other.family.as_ref())
    }

    fn born(&self, other: &Self) -> Option<bool> {
        same(self.born.as_ref(), other.born.as_ref())
    }

    /// Whether the names bear out what a key says that another system may have given to somebody else: the family name
    /// does and the given name does not deny it, or, after a marriage, the given name and the birth date do.
    pub(super) fn bears_out(&self, other: &Self) -> bool {
        match (self.born(other), self.family(other)) {
            (Some(false), _) => false,
            (_, Some(true)) => self.given(other) != Some(false),
            (Some(true), _) => self.given(other) == Some(true),
            _ => false,
        }
    }

    /// Whether all but the given name bear out what such a key says: many are called by another than they are registered
    /// under.
    pub(super) fn bears_out_but_for_the_given_name(&self, other: &Self) -> bool {
        self.family(other) == Some(true) && self.born(other) == Some(true)
    }

    /// Whether a key of the sender's own was given to somebody else. One thing that differs is a correction.
    pub(super) fn denies(&self, other: &Self, kind: PersonKind) -> bool {
        let second = match kind {
            PersonKind::Pupil => self.born(other),
            // Rosters do not say when teachers were born.
            PersonKind::Teacher => self.given(other),
        };
        self.family(other) == Some(false) && second == Some(false)
    }

    /// Whether somebody with the same key and another pseudonym is the same person.
    pub(super) fn is_alike(&self, other: &Self, kind: PersonKind) -> bool {
        match kind {
            PersonKind::Pupil => self.family == other.family && self.born(other) == Some(true),
            PersonKind::Teacher => {
                let names = (self.given(other), self.family(other));
                names == (Some(true), Some(true)) && self.born(other) != Some(false)
            }
        }
    }
}

impl Intake<'_> {
    /// What is stored of these people.
    pub(super) fn traits_of(&mut self, ids: &[i64]) -> Result<HashMap<i64, Traits>, Error> {
        type Columns = (BigInt, Nullable<Text>, Nullable<Text>, Nullable<Date>);
        type Tuple = (i64, Option<String>, Option<String>, Option<NaiveDate>);
        let sql = Sql::new("SELECT id, given_name, family_name, birth_date FROM participants WHERE id").in_ids(ids);
        let rows = sql.load::<Columns, Tuple>(self.conn)?.into_iter();
        Ok(rows.map(|(id, given, family, born)| (id, Traits::new(given.as_deref(), family.as_deref(), born))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Traits;
    use crate::exchange::edexml::PersonKind::{Pupil, Teacher};

    fn traits(given: &str, family: &str, born: &str) -> Traits {
        let name = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        Traits::new(name(given).as_deref(), name(family).as_deref(), born.parse().ok())
    }

    #[test]
    fn a_key_of_another_system_needs_the_names() {
        let anna = traits("Anna", "Bos", "2018-05-02");
        for (given, family, born, expected) in [
            ("anna", "BOS", "2018-05-02", true),
            ("Anna", "Bos", "", true),
            ("", "Bos", "", true),
            ("Anna", "Pol", "2018-05-02", true),
            ("Anna", "", "2018-05-02", true),
            ("Anna", "Bos", "2018-05-03", false),
            ("Bram", "Bos", "2018-05-02", false),
            ("Bram", "Bos", "", false),
            ("Anna", "Pol", "", false),
            ("Bram", "Pol", "2018-05-02", false),
            ("", "Pol", "2018-05-02", false),
            ("", "", "2018-05-02", false),
            ("Anna", "", "", false),
            ("", "", "", false),
        ] {
            assert_eq!(anna.bears_out(&traits(given, family, born)), expected, "{given} {family} {born}");
        }
    }

    #[test]
    fn a_key_of_the_senders_own_is_believed_unless_two_things_differ() {
        let anna = traits("Anna", "Bos", "2018-05-02");
        for (given, family, born, pupil, teacher) in [
            ("Bram", "Pol", "2017-01-01", true, true),
            ("Anna", "Pol", "2017-01-01", true, false),
            ("Bram", "Pol", "2018-05-02", false, true),
            ("Bram", "Pol", "", false, true),
            ("Anna", "Bos", "2017-01-01", false, false),
            ("Bram", "Bos", "2017-01-01", false, false),
            ("", "", "2017-01-01", false, false),
        ] {
            let other = traits(given, family, born);
            assert_eq!((anna.denies(&other, Pupil), anna.denies(&other, Teacher)), (pupil, teacher), "{other:?}");
        }
    }
}
