//! S2: joining and leaving may be restricted to the members of another group.

use crate::error::Code;
use crate::subscriptions::rule::{Facts, Rule, Wish};

/// S2.
pub struct Eligible;

impl Rule for Eligible {
    fn check(&self, wish: Wish, facts: &Facts) -> Option<(Code, String)> {
        (!facts.eligible).then(|| {
            let what = if wish == Wish::Join { "join" } else { "leave" };
            let message = format!("Only members of a certain other group can {what} this one.");
            (Code::NotEligible, message)
        })
    }
}
