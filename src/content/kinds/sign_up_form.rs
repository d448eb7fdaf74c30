//! Sign-up forms.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use crate::check::{Checks, TEXT};
use crate::content::kind::{Kind, check_order};
use crate::error::Code;

/// Something to sign up for. Moments are in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignUpForm {
    pub description: Option<String>,
    /// How many can take part; nobody counts when absent.
    pub places: Option<i32>,
    pub opens_at: Option<NaiveDateTime>,
    pub closes_at: Option<NaiveDateTime>,
}

impl Kind for SignUpForm {
    const FIELD: &'static str = "signUpForm";

    fn check(&self, checks: &mut Checks) {
        checks.prose(&Self::at("description"), self.description.as_deref(), TEXT);
        check_order(checks, &Self::at("closesAt"), self.opens_at, self.closes_at);
        if self.places.is_some_and(|places| !(0..=1_000_000).contains(&places)) {
            checks.refuse(Code::InvalidValue, &Self::at("places"), "This must be from 0 to 1,000,000.");
        }
    }

    fn texts(&self) -> Vec<&str> {
        self.description.as_deref().into_iter().collect()
    }
}
