//! Conversation rounds.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use crate::check::{Checks, TEXT};
use crate::content::kind::{Kind, check_order};

/// Talks about children, for which guardians book slots. Moments are in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationRound {
    pub description: Option<String>,
    pub booking_opens_at: Option<NaiveDateTime>,
    pub booking_closes_at: Option<NaiveDateTime>,
}

impl Kind for ConversationRound {
    const FIELD: &'static str = "conversationRound";

    fn check(&self, checks: &mut Checks) {
        checks.text(&Self::at("description"), self.description.as_deref(), TEXT);
        check_order(checks, &Self::at("bookingClosesAt"), self.booking_opens_at, self.booking_closes_at);
    }

    fn texts(&self) -> Vec<&str> {
        self.description.as_deref().into_iter().collect()
    }
}
