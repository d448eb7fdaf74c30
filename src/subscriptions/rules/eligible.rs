//! S2: joining may be restricted to the members of another group. Leaving never is: consent is as easy to withdraw as to give.

use crate::error::Code;
use crate::subscriptions::rule::{Facts, Rule, Wish};

/// S2.
pub struct Eligible;

impl Rule for Eligible {
    fn check(&self, wish: Wish, facts: &Facts) -> Option<(Code, String)> {
        (wish == Wish::Join && !facts.eligible)
            .then(|| (Code::NotEligible, "Only members of a certain other group can join this one.".to_owned()))
    }
}
