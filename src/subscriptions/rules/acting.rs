//! S3: one joins and leaves for oneself and for one's children; administrators for anyone.

use crate::error::Code;
use crate::subscriptions::rule::{self, Facts, Rule, Wish};

/// S3.
pub struct Acting;

impl Rule for Acting {
    fn check(&self, _: Wish, facts: &Facts) -> Option<(Code, String)> {
        (facts.acting == rule::Acting::Stranger).then(|| {
            let message = "You can join and leave groups for yourself and for children whose guardian you are.";
            (Code::Forbidden, message.to_owned())
        })
    }

    fn conceals(&self) -> bool {
        true
    }
}
