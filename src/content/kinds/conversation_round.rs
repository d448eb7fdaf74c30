//! Conversation rounds.

use chrono::{NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::check::{Checks, NAME, TEXT};
use crate::content::kind::{Kind, check_order};
use crate::error::Code;

/// The most slots that are added at once.
const MAX_AT_ONCE: usize = 500;
/// The longest slot, in hours.
const LONGEST: i64 = 24;

/// A time at which one talk can take place. Moments are in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub starts_at: NaiveDateTime,
    pub ends_at: NaiveDateTime,
    pub location: Option<String>,
}

/// Talks about children, for which guardians book slots. Moments are in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationRound {
    pub description: Option<String>,
    pub booking_opens_at: Option<NaiveDateTime>,
    pub booking_closes_at: Option<NaiveDateTime>,
    /// The slots with which a new round begins; they have a table of their own.
    #[serde(skip)]
    pub slots: Vec<Slot>,
}

impl Kind for ConversationRound {
    const FIELD: &'static str = "conversationRound";

    fn check(&self, checks: &mut Checks) {
        checks.prose(&Self::at("description"), self.description.as_deref(), TEXT);
        check_order(checks, &Self::at("bookingClosesAt"), self.booking_opens_at, self.booking_closes_at);
        Slot::check_all(&self.slots, &Self::at("slots"), checks);
    }

    fn texts(&self) -> Vec<&str> {
        self.description.as_deref().into_iter().collect()
    }
}

impl Slot {
    /// Collects everything that is wrong with new slots. Slots may overlap: there can be several teachers.
    pub fn check_all(slots: &[Self], field: &str, checks: &mut Checks) {
        if slots.len() > MAX_AT_ONCE {
            return checks.refuse(Code::TooMany, field, format!("At most {MAX_AT_ONCE} slots can be added at once."));
        }
        for (n, slot) in slots.iter().enumerate() {
            checks.line(&format!("{field}.{n}.location"), slot.location.as_deref(), NAME);
            let field = format!("{field}.{n}.endsAt");
            if slot.ends_at <= slot.starts_at {
                checks.refuse(Code::InvalidDate, &field, "A slot must end after it starts.");
            } else if slot.ends_at - slot.starts_at > TimeDelta::hours(LONGEST) {
                checks.refuse(Code::InvalidDate, &field, format!("A slot lasts at most {LONGEST} hours."));
            }
        }
    }
}
