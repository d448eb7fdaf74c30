//! S1: only a subscription group can be joined or left by oneself.

use crate::error::Code;
use crate::subscriptions::rule::{Facts, Rule, Wish};

/// S1.
pub struct SubscriptionGroup;

impl Rule for SubscriptionGroup {
    fn check(&self, wish: Wish, facts: &Facts) -> Option<(Code, String)> {
        (!facts.subscription_group).then(|| {
            let what = if wish == Wish::Join { "join" } else { "leave" };
            let message = format!("You cannot {what} this group by yourself. Please ask the organization.");
            (Code::NotASubscriptionGroup, message)
        })
    }
}
