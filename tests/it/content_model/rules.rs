//! The rules of who sees content (K1 to K5), as plainly as they can be said.

use std::collections::BTreeSet;

use kring::access::Role;

use super::plan::{Composition, GROUPS, Group, Item, Membership, Mix, PEOPLE, Plan, State, Viewer, When, viewers};

/// One way by which an item comes to a viewer: the audience, of whom, and the groups on the way.
pub type Path = (&'static str, Option<usize>, Vec<usize>);

/// Everything that holds at one moment.
pub struct Rules<'p> {
    plan: &'p Plan,
    /// Whether the content was published already, and memberships and groups have changed since.
    later: bool,
}

impl<'p> Rules<'p> {
    pub fn at_first(plan: &'p Plan) -> Self {
        Self { plan, later: false }
    }

    pub fn in_the_end(plan: &'p Plan) -> Self {
        Self { plan, later: true }
    }

    fn in_force(&self, when: When) -> bool {
        when == When::Current || when == if self.later { When::Joined } else { When::Ended }
    }

    fn composition(&self, group: usize) -> &Composition {
        let group = &self.plan.groups[group];
        group.later.as_ref().filter(|_| self.later).unwrap_or(&group.composition)
    }

    /// Who is in a group by a membership or by its filter. A filter finds an organization's people: whom it keeps, and
    /// whoever was, is or will be in one of its groups.
    fn direct(&self, group: usize) -> BTreeSet<usize> {
        let Group { owner, colour, .. } = &self.plan.groups[group];
        if let Some(colour) = colour {
            let known = |membership: &Membership| {
                membership.when != When::Annulled && (self.later || membership.when != When::Joined)
            };
            let was_in = |person: usize| {
                self.plan.memberships.iter().any(|membership| {
                    membership.person == person
                        && known(membership)
                        && self.plan.groups[membership.group].owner == *owner
                })
            };
            let people = (0..PEOPLE).filter(|person| person % 2 == *colour);
            return people
                .filter(|person| owner.is_none() || self.plan.kept[*person] == *owner || was_in(*person))
                .collect();
        }
        let inside = self.plan.memberships.iter().filter(|one| one.group == group && self.in_force(one.when));
        inside.map(|membership| membership.person).collect()
    }

    fn members(&self, group: usize) -> BTreeSet<usize> {
        let composition = self.composition(group);
        let of = |taken: bool| {
            composition
                .components
                .iter()
                .filter(move |(_, included)| *included == taken)
                .map(|(below, _)| self.members(*below))
        };
        let included = if composition.all {
            of(true).reduce(|all, one| &all & &one).unwrap_or_default()
        } else {
            of(true).flatten().collect()
        };
        of(false).fold(&self.direct(group) | &included, |left, out| &left - &out)
    }

    fn chains(&self, group: usize, person: usize) -> Vec<Vec<usize>> {
        if !self.members(group).contains(&person) {
            return Vec::new();
        }
        let itself = self.direct(group).contains(&person).then(Vec::new).into_iter();
        let included = self.composition(group).components.iter().filter(|(_, included)| *included);
        let below = included.flat_map(|(below, _)| self.chains(*below, person));
        itself.chain(below).map(|chain| std::iter::once(group).chain(chain).collect()).collect()
    }

    pub fn of(&'p self, viewer: &Viewer) -> View<'p> {
        let own = viewer.participant.map_or_else(BTreeSet::new, |who| {
            let children = self.plan.guardians.iter().filter(|(_, guardian)| *guardian == who).map(|(child, _)| *child);
            children.chain([who]).collect()
        });
        let belongs = (0..GROUPS).filter(|group| !self.members(*group).is_disjoint(&own)).collect();
        let leads = self.plan.memberships.iter().filter(|membership| {
            membership.leads && self.in_force(membership.when) && Some(membership.person) == viewer.participant
        });
        View {
            rules: self,
            viewer: viewer.clone(),
            own,
            belongs,
            leads: leads.map(|membership| membership.group).collect(),
        }
    }
}

/// What one viewer sees.
pub struct View<'p> {
    rules: &'p Rules<'p>,
    pub viewer: Viewer,
    own: BTreeSet<usize>,
    belongs: BTreeSet<usize>,
    leads: BTreeSet<usize>,
}

impl View<'_> {
    fn group(&self, group: usize) -> bool {
        self.belongs.contains(&group) || self.leads.contains(&group)
    }

    fn is_staff_of(&self, organization: usize) -> bool {
        self.viewer.grants.iter().any(|(_, of)| *of == organization)
    }

    fn owned(&self, groups: &BTreeSet<usize>, organization: usize) -> bool {
        groups.iter().any(|group| self.rules.plan.groups[*group].owner == Some(organization))
    }

    fn is_of(&self, organization: usize) -> bool {
        self.is_staff_of(organization)
            || self.own.contains(&(PEOPLE + organization))
            || self.own.iter().any(|who| *who < PEOPLE && self.rules.plan.kept[*who] == Some(organization))
            || self.owned(&self.belongs, organization)
            || self.owned(&self.leads, organization)
    }

    /// Whether the viewer makes content for an organization.
    pub fn works_for(&self, organization: Option<usize>) -> bool {
        let works = |organization| self.is_staff_of(organization) || self.owned(&self.leads, organization);
        self.viewer.administrator || organization.is_some_and(works)
    }

    /// Every way by which an item comes to the viewer.
    pub fn paths(&self, item: &Item) -> Vec<Path> {
        let Some(mix) = item.links().filter(|_| item.state() == State::Published) else { return Vec::new() };
        let mut paths: Vec<Path> = Vec::new();
        let organization = item.organization;
        if mix.everyone {
            paths.push(("EVERYONE", None, Vec::new()));
        }
        if mix.organization && organization.is_some_and(|organization| self.is_of(organization)) {
            paths.push(("ORGANIZATION", None, Vec::new()));
        }
        if mix.staff && organization.is_some_and(|organization| self.is_staff_of(organization)) {
            paths.push(("STAFF", None, Vec::new()));
        }
        paths.extend(mix.participants.intersection(&self.own).map(|who| ("PARTICIPANT", Some(*who), Vec::new())));
        for group in mix.groups.iter().filter(|group| self.group(**group)) {
            let before = paths.len();
            for who in &self.own {
                paths.extend(self.rules.chains(*group, *who).into_iter().map(|chain| ("GROUP", Some(*who), chain)));
            }
            if paths.len() == before {
                // A leader who is kept out as a member.
                paths.push(("GROUP", None, vec![*group]));
            }
        }
        paths.sort();
        paths
    }

    /// Whether the viewer may change an item; whoever only leads groups may while it is shown to these and to participants.
    pub fn manages(&self, item: &Item) -> bool {
        self.manages_as_shown_to(item, item.links())
    }

    /// The same once it is shown to nobody any more.
    pub fn manages_withdrawn(&self, item: &Item) -> bool {
        self.manages_as_shown_to(item, None)
    }

    fn manages_as_shown_to(&self, item: &Item, mix: Option<&Mix>) -> bool {
        let administers = |organization| self.viewer.grants.contains(&(Role::MembershipAdministrator, organization));
        let employs = |organization| self.is_staff_of(organization);
        let made = same(&maker(self.rules.plan, item), &self.viewer);
        let leads_all =
            mix.is_none_or(|mix| !(mix.everyone || mix.organization || mix.staff) && mix.groups.is_subset(&self.leads));
        self.viewer.administrator
            || item.organization.is_some_and(administers)
            || made && item.organization.is_some_and(employs)
            || made && self.works_for(item.organization) && leads_all
    }

    pub fn sees(&self, item: &Item) -> bool {
        self.manages(item) || !self.paths(item).is_empty()
    }

    /// Whether a group shows an item to the viewer.
    pub fn shows(&self, group: usize, item: &Item) -> bool {
        let linked = item.state() == State::Published && item.links().is_some_and(|mix| mix.groups.contains(&group));
        linked && (self.group(group) || self.manages(item))
    }

    /// Whether the viewer sees the group itself.
    pub fn finds(&self, group: usize) -> bool {
        let owner = self.rules.plan.groups[group].owner;
        let was_in = self.rules.plan.memberships.iter().any(|membership| {
            membership.group == group && self.own.contains(&membership.person) && membership.when != When::Annulled
        });
        self.viewer.administrator
            || owner.is_some_and(|owner| self.is_staff_of(owner))
            || self.belongs.contains(&group)
            || was_in
    }
}

/// A person is one and the same whatever the token grants; programmes differ by what they may.
fn same(one: &Viewer, other: &Viewer) -> bool {
    if one.participant.is_some() { one.participant == other.participant } else { one == other }
}

/// Who made an item: whoever the plan says, if that one worked for the organization then.
pub fn maker(plan: &Plan, item: &Item) -> Viewer {
    let viewer = viewers().swap_remove(item.maker);
    let may = Rules::at_first(plan).of(&viewer).works_for(item.organization);
    if may { viewer } else { viewers().swap_remove(0) }
}
