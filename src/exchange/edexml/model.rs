//! What a roster says, as plain data.

use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime};
use serde::Serialize;

use crate::db::text_enum::text_enum;
use crate::exchange::bundle::{At, Gender, Warning};
use crate::school::year::SchoolYear;

/// What a file says of one field. An element that is not there leaves alone what is stored, and so does an empty one:
/// systems write one for everything that they were not told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stated<T> {
    /// Nothing.
    #[default]
    Unsaid,
    /// That there is none.
    Empty,
    /// This.
    Is(T),
}

impl<T> Stated<T> {
    /// What it makes of what is stored.
    pub fn over(self, stored: Option<T>) -> Option<T> {
        match self {
            Self::Unsaid => stored,
            Self::Empty => None,
            Self::Is(value) => Some(value),
        }
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Unsaid | Self::Empty => None,
        }
    }
}

/// `school`: where the roster comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct School {
    /// Where the element begins; the file as a whole when there is none.
    pub at: At,
    /// `schooljaar`.
    pub year: Option<SchoolYear>,
    /// `peildatum`: the day for which the roster holds.
    pub reference_date: Option<NaiveDate>,
    /// `aanmaakdatum`: when the file was made, by the sender's clock.
    pub made_at: Option<NaiveDateTime>,
}

text_enum! {
    /// The kinds of groups, each with keys of its own.
    GroupKind {
        /// `groep`: the group that a pupil belongs to.
        Home = "GROUP",
        /// `samengestelde_groep`: pupils of several groups.
        CrossYear = "CROSS_YEAR",
    }
}

/// `groep` or `samengestelde_groep`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Where the element begins.
    pub at: At,
    /// Which of the two it is.
    pub kind: GroupKind,
    /// The sender's key.
    pub key: Arc<str>,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: Stated<String>,
    /// The year group from 1 to 8; none for other codes.
    pub year_group: Stated<u8>,
    /// Whether it is of those who are no longer at the school.
    pub historical: bool,
}

text_enum! {
    /// The kinds of people, each with keys of their own.
    PersonKind {
        /// `leerling`.
        Pupil = "PUPIL",
        /// `leerkracht`.
        Teacher = "TEACHER",
    }
}

/// A key that stands for a group, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The element with the key.
    pub at: At,
    /// The kind of the group.
    pub kind: GroupKind,
    /// The group's key.
    pub key: Arc<str>,
    /// Whether the person is there only as a parent who helps.
    pub as_parent: bool,
}

/// `leerling` or `leerkracht`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Where the element begins.
    pub at: At,
    /// Which of the two it is.
    pub kind: PersonKind,
    /// The sender's key.
    pub key: Arc<str>,
    /// The pseudonym under which the person is known throughout education.
    pub eck_id: Option<String>,
    /// The name that the person goes by, or else all given names, or else initials.
    pub given_name: Stated<String>,
    /// What stands before the family name; it is said together with it.
    pub name_prefix: Stated<String>,
    /// The family name without its prefix.
    pub family_name: Stated<String>,
    /// The birth date.
    pub birth_date: Stated<NaiveDate>,
    /// The gender.
    pub gender: Stated<Gender>,
    /// The e-mail address.
    pub email: Stated<String>,
    /// `instroomdatum`: the first day at the school.
    pub joined: Option<NaiveDate>,
    /// `uitstroomdatum`: the first day on which the person is no longer at the school.
    pub left: Option<NaiveDate>,
    /// Whether the person counts as one of those who are no longer at the school.
    pub historical: bool,
    /// The groups that the person belongs to or leads.
    pub groups: Vec<Reference>,
}

/// When a person of the file is at the school, as seen from a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// From that day or a later one on, until the end if one is known.
    Within {
        /// The first day.
        from: NaiveDate,
        /// The first day on which it is over.
        until: Option<NaiveDate>,
    },
    /// No longer, since a day that is not after that day, if it is known.
    Left(Option<NaiveDate>),
}

impl Person {
    /// When the person is at the school, as seen from `day`, the day of the file.
    pub fn stay(&self, day: NaiveDate) -> Stay {
        let from = self.joined.map_or(day, |joined| joined.max(day));
        match self.left {
            Some(left) if left <= from => Stay::Left((left <= day).then_some(left)),
            None if self.historical => Stay::Left(None),
            until => Stay::Within { from, until },
        }
    }
}

/// Something that the standard knows and that is not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// What it is, by its names in the standard.
    pub what: String,
    /// How often it stands in the file.
    pub times: u64,
}

/// A roster, checked as far as that goes without knowing what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// Where it comes from.
    pub school: School,
    /// The groups, in the order of the file.
    pub groups: Vec<Group>,
    /// Pupils and teachers, in the order of the file.
    pub people: Vec<Person>,
    /// What is known and was not read.
    pub passed_over: Vec<PassedOver>,
    /// What does not stop the import.
    pub warnings: Vec<Warning>,
}
