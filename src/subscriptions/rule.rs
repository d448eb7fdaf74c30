//! What a rule of joining and leaving is, and the list of all of them.

use super::rules;
use crate::error::{Code, Rejection};

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Join,
    Leave,
}

/// In whose name somebody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acting {
    /// For oneself, or as guardian for a child.
    Own,
    /// As administrator of the organization that owns the group.
    Administrator,
    /// For somebody else, without the right to.
    Stranger,
}

/// Where somebody stands with a group today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No membership is in force, and none is to come.
    None,
    /// A membership is in force.
    Member,
    /// None is in force, and one that was made by hand starts on a later day.
    Scheduled(chrono::NaiveDate),
    /// None is in force, but the person belongs to the group through its components.
    Implicit,
}

/// All that the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub acting: Acting,
    pub subscription_group: bool,
    /// Whether the person is an effective member of the group to which joining is restricted; true when it is not restricted.
    pub eligible: bool,
    /// Whether the organization keeps to the portal settings of its groups.
    pub enforced: bool,
    pub closed: bool,
    pub visible_on_portal: bool,
    pub changeable_on_portal: bool,
    pub standing: Standing,
}

/// One rule of joining and leaving.
pub trait Rule: Sync {
    /// Why the wish cannot be granted, as far as this rule is concerned; in words that a member understands.
    fn check(&self, wish: Wish, facts: &Facts) -> Option<(Code, String)>;

    /// Whether nothing else may be told when this rule refuses, because it would say something about somebody who is
    /// none of the viewer's business.
    fn conceals(&self) -> bool {
        false
    }
}

/// Every rule. A new one is a file in `rules` and a line here.
pub const RULES: &[&dyn Rule] = &[
    &rules::acting::Acting,
    &rules::subscription_group::SubscriptionGroup,
    &rules::eligible::Eligible,
    &rules::open::Open,
    &rules::portal::Portal,
    &rules::standing::Once,
];

/// Everything that stands in the way.
pub fn refusals(wish: Wish, facts: &Facts) -> Vec<Rejection> {
    let mut refusals = Vec::new();
    for rule in RULES {
        if let Some((code, message)) = rule.check(wish, facts) {
            refusals.push(Rejection::new(code, message));
            if rule.conceals() {
                break;
            }
        }
    }
    refusals
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told, what is changed about the facts, and what joining and leaving are then refused for.
    type Case<'c> = (&'c str, fn(&mut Facts), &'c [Code], &'c [Code]);

    /// A wish that every rule grants.
    fn granted(wish: Wish) -> Facts {
        Facts {
            acting: Acting::Own,
            subscription_group: true,
            eligible: true,
            enforced: false,
            closed: false,
            visible_on_portal: false,
            changeable_on_portal: false,
            standing: if wish == Wish::Join { Standing::None } else { Standing::Member },
        }
    }

    fn codes(wish: Wish, facts: &Facts) -> Vec<Code> {
        refusals(wish, facts).into_iter().map(|refusal| refusal.code).collect()
    }

    #[test]
    fn every_rule_alone() {
        use Code::{
            AlreadyMember, Forbidden, GroupClosed, NotAMember, NotASubscriptionGroup, NotChangeableOnPortal,
            NotEligible,
        };
        let day = chrono::NaiveDate::default();
        let change: &[Case<'_>] = &[
            ("nothing in the way", |_| {}, &[], &[]),
            ("S1", |f| f.subscription_group = false, &[NotASubscriptionGroup], &[NotASubscriptionGroup]),
            ("S2", |f| f.eligible = false, &[NotEligible], &[]),
            ("S3 a stranger", |f| f.acting = Acting::Stranger, &[Forbidden], &[Forbidden]),
            ("S3 an administrator", |f| f.acting = Acting::Administrator, &[], &[]),
            ("S4 a member", |f| f.standing = Standing::Member, &[AlreadyMember], &[]),
            ("S4 no member", |f| f.standing = Standing::None, &[], &[NotAMember]),
            ("S4 through components", |f| f.standing = Standing::Implicit, &[], &[NotAMember]),
            ("G2 not enforced", |f| f.closed = true, &[], &[]),
            ("G2 enforced, hidden", |f| f.enforced = true, &[NotChangeableOnPortal], &[]),
            (
                "G2 enforced, not changeable",
                |f| (f.enforced, f.visible_on_portal) = (true, true),
                &[NotChangeableOnPortal],
                &[],
            ),
            (
                "G2 enforced, closed",
                |f| (f.enforced, f.visible_on_portal, f.changeable_on_portal, f.closed) = (true, true, true, true),
                &[GroupClosed],
                &[],
            ),
        ];
        for (name, change, joining, leaving) in change {
            for (wish, expected) in [(Wish::Join, joining), (Wish::Leave, leaving)] {
                let mut facts = granted(wish);
                change(&mut facts);
                assert_eq!(codes(wish, &facts), *expected, "{name}, {wish:?}");
            }
        }
        let scheduled = Facts { standing: Standing::Scheduled(day), ..granted(Wish::Join) };
        assert_eq!(
            (codes(Wish::Join, &scheduled), codes(Wish::Leave, &scheduled)),
            (vec![AlreadyMember], vec![NotAMember])
        );
    }

    #[test]
    fn all_that_applies_is_told_except_to_a_stranger() {
        let nothing = Facts {
            subscription_group: false,
            eligible: false,
            enforced: true,
            closed: true,
            standing: Standing::Member,
            ..granted(Wish::Join)
        };
        assert_eq!(codes(Wish::Join, &nothing).len(), 5);
        let stranger = Facts { acting: Acting::Stranger, ..nothing };
        assert_eq!(codes(Wish::Join, &stranger), [Code::Forbidden]);
    }
}
