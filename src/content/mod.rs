//! Content: what is shown to people, and to whom.
//!
//! `kind` lists the kinds, each in a file under `kinds`; `visibility` is the one place that decides who sees an item, and
//! every path takes its condition from there; `commands` makes, changes, publishes and withdraws; `following` says what is
//! told of that to whoever is connected; `store` has the rows. `taking_part` says for whom somebody may act in an item;
//! `rounds` has the slots of conversation rounds, `sign_ups` the entries of sign-up forms, `surveys` what was answered,
//! `discussions` what was said, `recipients` to whom newsletters go, and `files` the files.

pub mod calendar;
pub mod commands;
pub mod discussions;
pub mod files;
pub mod following;
pub mod kind;
pub mod kinds;
pub mod recipients;
pub mod rounds;
pub mod sign_ups;
pub mod staying;
pub mod store;
pub mod surveys;
pub mod taking_part;
pub mod visibility;

use chrono::NaiveDateTime;

use crate::db::text_enum::text_enum;

text_enum! {
    /// To whom a link shows an item (K1).
    Audience {
        /// To everybody, signed in or not.
        Everyone = "EVERYONE",
        /// To all who belong to the organization.
        Organization = "ORGANIZATION",
        /// To those who work for the organization.
        Staff = "STAFF",
        /// To one participant.
        Participant = "PARTICIPANT",
        /// To those who belong to a group.
        Group = "GROUP",
    }
}

text_enum! {
    /// Why an item is no longer shown to somebody.
    UnlinkReason {
        /// Its availability was changed.
        Changed = "CHANGED",
        /// It was withdrawn.
        Withdrawn = "WITHDRAWN",
        /// The school year was over.
        YearTransition = "YEAR_TRANSITION",
    }
}

text_enum! {
    /// Where an item stands.
    State {
        /// It was never published.
        Draft = "DRAFT",
        /// It is to be published at a later moment.
        Scheduled = "SCHEDULED",
        /// It is shown to its audience.
        Published = "PUBLISHED",
        /// It is shown to nobody any more.
        Withdrawn = "WITHDRAWN",
    }
}

impl State {
    /// Where an item stands at a moment.
    pub fn at(published_at: Option<NaiveDateTime>, withdrawn_at: Option<NaiveDateTime>, now: NaiveDateTime) -> Self {
        match (published_at, withdrawn_at) {
            (_, Some(_)) => Self::Withdrawn,
            (None, None) => Self::Draft,
            (Some(at), None) if at > now => Self::Scheduled,
            _ => Self::Published,
        }
    }
}

/// To whom an item is to be shown (K1): any mix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Availability {
    pub everyone: bool,
    pub organization: bool,
    pub staff: bool,
    pub groups: Vec<i64>,
    pub participants: Vec<i64>,
}

impl Availability {
    /// Whether it is for nobody.
    pub fn is_empty(&self) -> bool {
        !self.everyone && !self.organization && !self.staff && self.groups.is_empty() && self.participants.is_empty()
    }
}
