//! Small worlds of organizations, groups, people and content, made at random.

use std::collections::BTreeSet;

use kring::access::Role;
use proptest::prelude::*;

pub const PEOPLE: usize = 7;
pub const GROUPS: usize = 7;
pub const ITEMS: usize = 16;
/// People, and after them the two organizations, which are participants as well.
pub const PARTICIPANTS: usize = PEOPLE + 2;
pub const WORDS: [&str; 3] = ["appel", "peer", "vijg"];
pub const COLOURS: [&str; 2] = ["Rood", "Blauw"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Past,
    Current,
    /// Until today: it was current when the content was published.
    Ended,
    Future,
    Annulled,
    /// It begins after the content was published.
    Joined,
}

#[derive(Clone, Copy, Debug)]
pub struct Membership {
    pub group: usize,
    pub person: usize,
    pub when: When,
    pub leads: bool,
}

/// Whether all components must hold a member or any, and the groups before this one, each taken in or left out.
#[derive(Clone, Debug, Default)]
pub struct Composition {
    pub all: bool,
    pub components: Vec<(usize, bool)>,
}

#[derive(Clone, Debug)]
pub struct Group {
    pub owner: Option<usize>,
    pub composition: Composition,
    /// What it is made of after the content was published, if that changes.
    pub later: Option<Composition>,
    /// Whoever has this colour for a given name belongs; then it has neither components nor memberships.
    pub colour: Option<usize>,
    pub closed: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Mix {
    pub everyone: bool,
    pub organization: bool,
    pub staff: bool,
    pub groups: BTreeSet<usize>,
    pub participants: BTreeSet<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Draft,
    Published,
    Scheduled,
    Withdrawn,
    PublishedAgain,
    Changed,
    NeverShown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Draft,
    Scheduled,
    Published,
    Withdrawn,
}

#[derive(Clone, Debug)]
pub struct Item {
    pub organization: Option<usize>,
    pub kind: usize,
    /// A viewer, by number; the administrator where that one may not.
    pub maker: usize,
    pub fate: Fate,
    pub mixes: [Mix; 2],
    /// In which minute it is published.
    pub minute: usize,
    pub title: usize,
    pub word: usize,
    pub starts: Option<usize>,
}

impl Item {
    pub fn state(&self) -> State {
        match self.fate {
            Fate::Draft => State::Draft,
            Fate::Scheduled => State::Scheduled,
            Fate::Withdrawn | Fate::NeverShown => State::Withdrawn,
            Fate::Published | Fate::PublishedAgain | Fate::Changed => State::Published,
        }
    }

    /// To whom it is linked in the end.
    pub fn links(&self) -> Option<&Mix> {
        match self.fate {
            Fate::Draft | Fate::Withdrawn | Fate::NeverShown => None,
            Fate::Published | Fate::Scheduled => Some(&self.mixes[0]),
            Fate::PublishedAgain | Fate::Changed => Some(&self.mixes[1]),
        }
    }

    pub fn kind(&self) -> (&'static str, &'static str) {
        [
            ("newsItem", "NEWS_ITEM"),
            ("page", "PAGE"),
            ("calendarItem", "CALENDAR_ITEM"),
            ("activity", "ACTIVITY"),
            ("dossier", "DOSSIER"),
        ][self.kind]
    }

    /// When it takes place, as an hour of the next day.
    pub fn starts(&self) -> Option<usize> {
        match self.kind {
            2 => Some(self.starts.unwrap_or_default()),
            3 => self.starts,
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub kept: Vec<Option<usize>>,
    pub groups: Vec<Group>,
    /// Each pair once.
    pub memberships: Vec<Membership>,
    /// Child, guardian.
    pub guardians: Vec<(usize, usize)>,
    pub items: Vec<Item>,
}

/// Who asks: a participant, and what the token grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Viewer {
    pub participant: Option<usize>,
    pub grants: Vec<(Role, usize)>,
    pub administrator: bool,
}

/// Everybody who asks. The administrator is the first.
pub fn viewers() -> Vec<Viewer> {
    use Role::{MembershipAdministrator as Administers, Staff};
    let of =
        |participant, grants: &[(Role, usize)]| Viewer { participant, grants: grants.to_vec(), administrator: false };
    let mut viewers = vec![
        Viewer { administrator: true, ..Viewer::default() },
        Viewer { administrator: true, participant: Some(3), ..Viewer::default() },
        Viewer::default(),
        of(None, &[(Administers, 0)]),
        of(None, &[(Administers, 1)]),
        of(None, &[(Staff, 0)]),
        of(None, &[(Staff, 1)]),
        of(None, &[(Staff, 0), (Staff, 1)]),
        of(Some(0), &[(Staff, 0)]),
        of(Some(1), &[(Administers, 1)]),
        of(Some(2), &[(Administers, 0), (Staff, 1)]),
        of(Some(3), &[(Staff, 1)]),
    ];
    viewers.extend((0..PARTICIPANTS).map(|n| of(Some(n), &[])));
    viewers
}

fn owner() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![1 => Just(None), 4 => Just(Some(0)), 3 => Just(Some(1))]
}

fn composition() -> impl Strategy<Value = Composition> {
    let components = prop::collection::vec((0..GROUPS, prop::bool::weighted(0.7)), 0..4);
    (any::<bool>(), components).prop_map(|(all, components)| Composition { all, components })
}

fn group() -> impl Strategy<Value = Group> {
    let colour = prop::option::weighted(0.2, 0..2_usize);
    (owner(), composition(), prop::option::weighted(0.3, composition()), colour, prop::bool::weighted(0.2))
        .prop_map(|(owner, composition, later, colour, closed)| Group { owner, composition, later, colour, closed })
}

fn membership() -> impl Strategy<Value = Membership> {
    let when = prop_oneof![
        1 => Just(When::Past), 6 => Just(When::Current), 2 => Just(When::Ended), 1 => Just(When::Future),
        1 => Just(When::Annulled), 2 => Just(When::Joined)
    ];
    (0..GROUPS, 0..PEOPLE, when, prop::bool::weighted(0.3)).prop_map(|(group, person, when, leads)| Membership {
        group,
        person,
        when,
        leads,
    })
}

fn mix() -> impl Strategy<Value = Mix> {
    (
        prop::bool::weighted(0.12),
        prop::bool::weighted(0.25),
        prop::bool::weighted(0.25),
        prop::collection::btree_set(0..GROUPS, 0..3),
        prop::collection::btree_set(0..PARTICIPANTS, 0..2),
    )
        .prop_map(|(everyone, organization, staff, groups, participants)| Mix {
            everyone,
            organization,
            staff,
            groups,
            participants,
        })
}

fn item() -> impl Strategy<Value = Item> {
    let fate = prop_oneof![
        1 => Just(Fate::Draft), 7 => Just(Fate::Published), 1 => Just(Fate::Scheduled), 1 => Just(Fate::Withdrawn),
        2 => Just(Fate::PublishedAgain), 3 => Just(Fate::Changed), 1 => Just(Fate::NeverShown)
    ];
    let looks = (0..4_usize, 0..6_usize, 0..WORDS.len(), prop::option::of(0..4_usize));
    (owner(), 0..5_usize, 0..viewers().len(), fate, [mix(), mix()], looks).prop_map(
        |(organization, kind, maker, fate, mut mixes, (minute, title, word, starts))| {
            for mix in &mut mixes {
                // What belongs to no organization is not for one; and every item is for somebody.
                mix.organization &= organization.is_some();
                mix.staff &= organization.is_some();
                if !(mix.everyone || mix.organization || mix.staff)
                    && mix.groups.is_empty()
                    && mix.participants.is_empty()
                {
                    mix.groups.insert(title);
                }
            }
            Item { organization, kind, maker, fate, mixes, minute, title, word, starts }
        },
    )
}

pub fn plans() -> impl Strategy<Value = Plan> {
    let guardian = (0..PEOPLE, 0..PEOPLE);
    (
        prop::collection::vec(owner(), PEOPLE),
        prop::collection::vec(group(), GROUPS),
        prop::collection::vec(membership(), 8..22),
        prop::collection::vec(guardian, 0..6),
        prop::collection::vec(item(), ITEMS),
        0..PEOPLE,
    )
        .prop_map(|(kept, groups, memberships, guardians, items, outcast)| {
            let below = |n: usize, composition: Composition| Composition {
                components: each_once(composition.components.into_iter().filter(|(below, _)| *below < n), |part| {
                    part.0
                }),
                ..composition
            };
            let groups: Vec<Group> = groups
                .into_iter()
                .enumerate()
                .map(|(n, group)| match group.colour {
                    Some(_) => Group { composition: Composition::default(), later: None, ..group },
                    None => Group {
                        composition: below(n, group.composition),
                        later: group.later.map(|later| below(n, later)),
                        ..group
                    },
                })
                .collect();
            let by_hand = kept_out(&groups, outcast).into_iter().chain(memberships);
            let by_hand = by_hand.filter(|membership| groups[membership.group].colour.is_none());
            let memberships = each_once(by_hand, |membership| (membership.group, membership.person));
            let guardians = guardians.into_iter().filter(|(child, guardian)| child != guardian);
            Plan { kept, groups, memberships, guardians: each_once(guardians, |pair| *pair), items }
        })
}

/// Somebody leads each group that leaves another out, and is in what is left out.
fn kept_out(groups: &[Group], person: usize) -> Vec<Membership> {
    let of = |group, leads| Membership { group, person, when: When::Current, leads };
    let out =
        |group: &Group| group.composition.components.iter().find(|(_, included)| !included).map(|(below, _)| *below);
    let pairs =
        groups.iter().enumerate().filter_map(|(n, group)| out(group).map(|below| [of(n, true), of(below, false)]));
    pairs.take(1).flatten().collect()
}

fn each_once<T, K: Ord>(items: impl Iterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut seen = BTreeSet::new();
    items.filter(|item| seen.insert(key(item))).collect()
}
