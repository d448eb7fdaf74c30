//! S4: one joins a group once, and leaves only what one is in.

use crate::error::Code;
use crate::subscriptions::rule::{Facts, Rule, Standing, Wish};

/// S4.
pub struct Once;

impl Rule for Once {
    fn check(&self, wish: Wish, facts: &Facts) -> Option<(Code, String)> {
        match (wish, facts.standing) {
            (Wish::Join, Standing::Member) => Some((Code::AlreadyMember, "You are a member already.".to_owned())),
            (Wish::Join, Standing::Scheduled(from)) => {
                Some((Code::AlreadyMember, format!("You will be a member from {from} on.")))
            }
            (Wish::Leave, Standing::None) => Some((Code::NotAMember, "You are not a member.".to_owned())),
            (Wish::Leave, Standing::Scheduled(from)) => {
                let message =
                    format!("You are not a member yet, but will be from {from} on. Please ask the organization.");
                Some((Code::NotAMember, message))
            }
            (Wish::Leave, Standing::Implicit) => {
                let message = "You belong to this group because you belong to one that it is made of; leave that one.";
                Some((Code::NotAMember, message.to_owned()))
            }
            _ => None,
        }
    }
}
