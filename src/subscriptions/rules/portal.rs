//! G2: where the portal settings are enforced, only a group that is visible and changeable on the portal is joined there.
//! Leaving is open all the same (S2).

use crate::error::Code;
use crate::subscriptions::rule::{Facts, Rule, Wish};

/// G2, visible and changeable on the portal.
pub struct Portal;

impl Rule for Portal {
    fn check(&self, wish: Wish, facts: &Facts) -> Option<(Code, String)> {
        let fixed = facts.enforced && !(facts.visible_on_portal && facts.changeable_on_portal);
        (wish == Wish::Join && fixed).then(|| {
            let message = "This group cannot be joined on the portal. Please ask the organization.";
            (Code::NotChangeableOnPortal, message.to_owned())
        })
    }
}
