//! G2: where the portal settings are enforced, a closed group takes no new members.

use crate::error::Code;
use crate::subscriptions::rule::{Facts, Rule, Wish};

/// G2, closed.
pub struct Open;

impl Rule for Open {
    fn check(&self, wish: Wish, facts: &Facts) -> Option<(Code, String)> {
        (wish == Wish::Join && facts.enforced && facts.closed)
            .then(|| (Code::GroupClosed, "This group is closed and takes no new members.".to_owned()))
    }
}
