//! Participants: persons, organizations and addresses; where they live and who looks after whom.

pub mod commands;
pub mod filter;
pub mod guardians;
pub mod named_store;
pub mod place_store;
pub mod rules;
pub mod store;
mod stored_filter;

use chrono::NaiveDate;

use crate::db::text_enum::text_enum;

text_enum! {
    /// What a participant is.
    ParticipantKind {
        Person = "PERSON",
        Organization = "ORGANIZATION",
        Address = "ADDRESS",
    }
}

text_enum! {
    /// A person's gender as registered.
    Gender {
        Female = "FEMALE",
        Male = "MALE",
        Other = "OTHER",
        Unknown = "UNKNOWN",
    }
}

/// A place that mail goes to: where an address participant is, or the postal address of another (P1b).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub street: Option<String>,
    pub house_number: Option<String>,
    pub postal_code: Option<String>,
    pub city: Option<String>,
    pub country: Option<String>,
}

impl Place {
    /// Whether nothing is known of it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is recorded of a participant; which fields apply depends on the kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    pub external_id: Option<String>,
    pub given_name: Option<String>,
    pub name_prefix: Option<String>,
    pub family_name: Option<String>,
    pub name: Option<String>,
    pub birth_date: Option<NaiveDate>,
    pub gender: Option<Gender>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub street: Option<String>,
    pub house_number: Option<String>,
    pub postal_code: Option<String>,
    pub city: Option<String>,
    /// The country of a postal address.
    pub country: Option<String>,
    pub complex_number: Option<String>,
    pub dwelling_type: Option<String>,
    pub organization_id: Option<i64>,
    /// Whether the groups of an organization keep to their portal settings (G2).
    pub enforce_portal_settings: bool,
    /// Whether a person's address and contacts are told to nobody but the administrators of the organization that keeps the
    /// record and the person (V7).
    pub shielded: bool,
}

impl Details {
    /// The name to show: "Jan van den Berg", the organization's name, or "Dorpsstraat 1, Utrecht".
    pub fn display_name(&self, kind: ParticipantKind) -> String {
        match kind {
            ParticipantKind::Person => {
                let family = crate::text::with_prefix(self.name_prefix.as_deref(), self.family_name.as_deref());
                join(&[&self.given_name, &family], " ")
            }
            ParticipantKind::Organization => self.name.clone().unwrap_or_default(),
            ParticipantKind::Address => {
                let line = join(&[&self.street, &self.house_number], " ");
                let line = Some(line).filter(|line| !line.is_empty());
                join(&[&line, &self.postal_code, &self.city], ", ")
            }
        }
    }

    /// What the participant is ordered by.
    pub fn sort_key(&self, kind: ParticipantKind) -> String {
        match kind {
            ParticipantKind::Person => crate::text::person_sort_key(
                self.given_name.as_deref(),
                self.name_prefix.as_deref(),
                self.family_name.as_deref(),
            ),
            _ => crate::text::sort_key(&self.display_name(kind)),
        }
    }

    /// What a search looks in.
    pub fn search_text(&self, kind: ParticipantKind) -> String {
        match kind {
            ParticipantKind::Person => crate::text::searchable_person(
                self.given_name.as_deref(),
                self.name_prefix.as_deref(),
                self.family_name.as_deref(),
            ),
            _ => crate::text::searchable([self.display_name(kind).as_str()]),
        }
    }
}

fn join(parts: &[&Option<String>], separator: &str) -> String {
    parts.iter().filter_map(|part| part.as_deref()).collect::<Vec<_>>().join(separator)
}
