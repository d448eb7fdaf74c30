//! The rules of sight once more, as plainly as they can be said, against small worlds made at random.

use std::collections::BTreeSet;

use chrono::{Duration, NaiveDate};
use kring::access::Role;
use kring::id::{self, Kind};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::harness::{World, both, now, text, today};

const CASES: u32 = 40;
const PEOPLE: usize = 5;
const GROUPS: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Past,
    Current,
    Future,
    Annulled,
}

#[derive(Clone, Debug)]
struct Group {
    owner: Option<usize>,
    directory: bool,
    portal: bool,
    all: bool,
    /// Groups before this one, and whether each is excluded.
    components: Vec<(usize, bool)>,
}

/// Two organizations, whatever they and nobody keep, and how it hangs together.
#[derive(Clone, Debug)]
struct Plan {
    kept: Vec<Option<usize>>,
    groups: Vec<Group>,
    /// Group, person, when; each pair once.
    memberships: Vec<(usize, usize, When)>,
    /// Child, guardian.
    guardians: Vec<(usize, usize)>,
}

fn owner() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![1 => Just(None), 3 => Just(Some(0)), 2 => Just(Some(1))]
}

fn plans() -> impl Strategy<Value = Plan> {
    let group = (
        owner(),
        any::<bool>(),
        prop::bool::weighted(0.2),
        any::<bool>(),
        prop::collection::vec((0..GROUPS, prop::bool::weighted(0.3)), 0..3),
    );
    let when = prop_oneof![1 => Just(When::Past), 4 => Just(When::Current), 1 => Just(When::Future), 1 => Just(When::Annulled)];
    let guardian = (0..PEOPLE).prop_flat_map(|guardian| (0..=guardian, Just(guardian)));
    (
        prop::collection::vec(owner(), PEOPLE),
        prop::collection::vec(group, GROUPS),
        prop::collection::vec((0..GROUPS, 0..PEOPLE, when), 0..12),
        prop::collection::vec(guardian, 0..3),
    )
        .prop_map(|(kept, groups, memberships, guardians)| Plan {
            kept,
            groups: groups
                .into_iter()
                .enumerate()
                .map(|(n, (owner, directory, portal, all, components))| Group {
                    owner,
                    directory,
                    portal,
                    all,
                    components: each_once(components.into_iter().filter(|(below, _)| *below < n), |(below, _)| *below),
                })
                .collect(),
            memberships: each_once(memberships.into_iter(), |(group, person, _)| (*group, *person)),
            guardians: each_once(guardians.into_iter().filter(|(child, guardian)| child != guardian), |pair| *pair),
        })
}

fn each_once<T, K: Ord>(items: impl Iterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut seen = BTreeSet::new();
    items.filter(|item| seen.insert(key(item))).collect()
}

/// Who asks: an organization and what for, and a person; by their numbers in the plan.
#[derive(Clone, Copy, Debug)]
struct Asker {
    organization: Option<(usize, Role)>,
    person: Option<usize>,
}

/// What the rules say of one asker. Past, current and future memberships make somebody an organization's own; what an
/// organization may see is its own people and groups; what a person may see is oneself and one's children, the groups
/// that these were ever in or belong to, groups that the portal offers, and who is in their directories today.
struct Model<'a> {
    plan: &'a Plan,
    own: BTreeSet<usize>,
    organization: Option<usize>,
    administers: bool,
    directories: BTreeSet<usize>,
    groups: BTreeSet<usize>,
    people: BTreeSet<usize>,
}

impl<'a> Model<'a> {
    fn new(plan: &'a Plan, asker: Asker) -> Self {
        let organization = asker.organization.map(|(organization, _)| organization);
        let own: BTreeSet<usize> = asker
            .person
            .into_iter()
            .flat_map(|person| {
                plan.guardians
                    .iter()
                    .filter(move |(_, guardian)| *guardian == person)
                    .map(|(child, _)| *child)
                    .chain([person])
            })
            .collect();
        let belongs = |group: usize| !effective(plan, group).is_disjoint(&own);
        let was_in = |group: usize, people: &BTreeSet<usize>| {
            plan.memberships
                .iter()
                .any(|(of, person, when)| *of == group && people.contains(person) && *when != When::Annulled)
        };
        let owned = |group: usize| organization.is_some() && plan.groups[group].owner == organization;
        let portal = |group: usize| asker.person.is_some() && plan.groups[group].portal;
        let directories: BTreeSet<usize> =
            (0..GROUPS).filter(|group| plan.groups[*group].directory && belongs(*group)).collect();
        let groups = (0..GROUPS)
            .filter(|group| owned(*group) || portal(*group) || belongs(*group) || was_in(*group, &own))
            .collect();
        let people = (0..PEOPLE).filter(|person| {
            let kept = organization.is_some() && plan.kept[*person] == organization;
            let among = |group: usize| direct(plan, group).contains(person);
            kept || own.contains(person)
                || (0..GROUPS).any(|group| owned(group) && was_in(group, &BTreeSet::from([*person])))
                || directories.iter().any(|group| among(*group))
        });
        let people = people.collect();
        let administers = asker.organization.is_some_and(|(_, role)| role == Role::MembershipAdministrator);
        Self { plan, own, organization, administers, directories, groups, people }
    }

    fn owned(&self, group: usize) -> bool {
        self.organization.is_some() && self.plan.groups[group].owner == self.organization
    }

    /// Of whom it may be told that they belong to a group.
    fn known(&self, group: usize) -> BTreeSet<usize> {
        let disclosed = self.owned(group) || self.directories.contains(&group);
        let told = effective(self.plan, group).into_iter();
        told.filter(|person| if disclosed { self.people.contains(person) } else { self.own.contains(person) }).collect()
    }

    /// The memberships in lists, or with the annulled ones that can be looked up.
    fn memberships(&self, annulled: bool) -> BTreeSet<usize> {
        let seen = |(group, person, when): &(usize, usize, When)| {
            let own = self.own.contains(person);
            let open = own || self.owned(*group);
            let concerned = own || self.owned(*group) && self.administers;
            if *when == When::Annulled { annulled && concerned } else { open }
        };
        (0..self.plan.memberships.len()).filter(|n| seen(&self.plan.memberships[*n])).collect()
    }
}

fn direct(plan: &Plan, group: usize) -> BTreeSet<usize> {
    plan.memberships
        .iter()
        .filter(|(of, _, when)| *of == group && *when == When::Current)
        .map(|(_, person, _)| *person)
        .collect()
}

fn effective(plan: &Plan, group: usize) -> BTreeSet<usize> {
    let components = &plan.groups[group].components;
    let of = |excluded: bool| {
        components.iter().filter(move |(_, out)| *out == excluded).map(|(below, _)| effective(plan, *below))
    };
    let included = if plan.groups[group].all {
        of(false).reduce(|all, one| &all & &one).unwrap_or_default()
    } else {
        of(false).flatten().collect()
    };
    let members = &direct(plan, group) | &included;
    of(true).fold(members, |left, out| &left - &out)
}

/// A plan carried out: the identifiers of what it holds.
struct Built {
    organizations: Vec<String>,
    people: Vec<String>,
    groups: Vec<String>,
    memberships: Vec<String>,
}

fn build(world: &World, plan: &Plan) -> Built {
    let organizations = ["Alfa", "Bravo"].map(|name| world.organization(name)).to_vec();
    let of = |owner: Option<usize>| owner.map(|n| organizations[n].as_str());
    let people: Vec<String> =
        plan.kept.iter().enumerate().map(|(n, kept)| world.person_of(of(*kept), "P", &n.to_string())).collect();
    let groups = plan.groups.iter().enumerate().map(|(n, group)| {
        let settings = json!({ "name": format!("G{n}"), "memberDirectory": group.directory, "subscriptionGroup": group.portal, "visibleOnPortal": group.portal });
        world.group_with(of(group.owner), settings)
    });
    let groups: Vec<String> = groups.collect();
    for (n, group) in plan.groups.iter().enumerate() {
        let components: Vec<(&str, &str)> = group
            .components
            .iter()
            .map(|(below, out)| (groups[*below].as_str(), if *out { "EXCLUDE" } else { "INCLUDE" }))
            .collect();
        world.compose(&groups[n], if group.all { "ALL" } else { "ANY" }, &components);
    }
    let day = |days: i64| -> NaiveDate { today() + Duration::days(days) };
    let memberships = plan.memberships.iter().map(|(group, person, when)| {
        let start = if *when == When::Future { day(1) } else { day(-30) };
        let membership = world.add(&groups[*group], &[&people[*person]], &start.to_string()).remove(0);
        match when {
            // The first day on which it is over is today.
            When::Past => world.end(&membership, &day(0).to_string()),
            When::Annulled => {
                drop(world.done("annulMembership", "membership { id }", json!({ "membershipId": membership })))
            }
            When::Current | When::Future => {}
        }
        membership
    });
    let memberships = memberships.collect();
    for (child, guardian) in &plan.guardians {
        world.done(
            "addGuardian",
            "child { id }",
            json!({ "childId": people[*child], "guardianId": people[*guardian] }),
        );
    }
    Built { organizations, people, groups, memberships }
}

/// The identifiers in a connection, which must be as many as it says.
fn listed(connection: &Value) -> BTreeSet<String> {
    let edges = connection["edges"].as_array().unwrap();
    assert_eq!(connection["totalCount"], json!(edges.len()), "the count is that of the list");
    edges.iter().map(|edge| text(&edge["node"]["id"])).collect()
}

const PAGE: &str = "{ totalCount edges { node { id } } }";

impl Built {
    fn token(&self, world: &World, asker: Asker) -> String {
        let key = |id: &str| id::decode_as(Kind::Participant, id);
        let mut grants = Vec::new();
        if let Some((organization, role)) = asker.organization {
            grants.push((role, key(&self.organizations[organization])));
        }
        let person = asker.person.and_then(|person| key(&self.people[person]));
        if person.is_some() {
            grants.push((Role::Participant, None));
        }
        world.keys.sign(person, &grants, "Tester", now(), Duration::hours(1)).unwrap()
    }

    /// Compares what one asker is answered with what the model says.
    fn check(&self, world: &World, plan: &Plan, asker: Asker) {
        let token = self.token(world, asker);
        let model = Model::new(plan, asker);
        let of = |all: &[String], some: &BTreeSet<usize>| -> BTreeSet<String> {
            some.iter().map(|n| all[*n].clone()).collect()
        };
        let (groups, memberships) = (of(&self.groups, &model.groups), of(&self.memberships, &model.memberships(false)));
        let mut participants = of(&self.people, &model.people);
        participants.extend(model.organization.map(|n| self.organizations[n].clone()));
        let query = format!(
            "query($ids: [ID!]!) {{ groups(first: 50) {PAGE} participants(first: 50) {PAGE} memberships(first: 50, filter: {{ status: ANY }}) {PAGE} nodes(ids: $ids) {{ id }} }}"
        );
        let all: Vec<&String> =
            self.organizations.iter().chain(&self.people).chain(&self.groups).chain(&self.memberships).collect();
        let found = world.data_as(&token, &query, json!({ "ids": all }));
        assert_eq!(listed(&found["groups"]), groups, "groups of {asker:?}");
        assert_eq!(listed(&found["participants"]), participants, "participants of {asker:?}");
        assert_eq!(listed(&found["memberships"]), memberships, "memberships of {asker:?}");
        let nodes: BTreeSet<String> = found["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|node| !node.is_null())
            .map(|node| text(&node["id"]))
            .collect();
        let looked_up = of(&self.memberships, &model.memberships(true));
        assert_eq!(nodes, &(&groups | &participants) | &looked_up, "nodes of {asker:?}");
        for group in &model.groups {
            self.check_group(world, &token, &model, *group);
        }
        for person in &model.people {
            self.check_person(world, &token, &model, *person);
        }
    }

    fn check_group(&self, world: &World, token: &str, model: &Model<'_>, group: usize) {
        let asked = (0..PEOPLE)
            .map(|n| format!("p{n}: isMember(participantId: \"{}\")", self.people[n]))
            .collect::<Vec<_>>()
            .join(" ");
        let query = format!(
            "query($id: ID!) {{ group(id: $id) {{ effectiveMembers(first: 50) {PAGE} memberships(first: 50, filter: {{ status: ANY }}) {PAGE} \
             components {{ group {{ id }} }} partOf {{ group {{ id }} }} {asked} }} }}"
        );
        let found = world.data_as(token, &query, json!({ "id": self.groups[group] }))["group"].take();
        let known = model.known(group);
        assert_eq!(
            listed(&found["effectiveMembers"]),
            known.iter().map(|n| self.people[*n].clone()).collect(),
            "members of {group}"
        );
        for person in 0..PEOPLE {
            assert_eq!(found[format!("p{person}")], json!(known.contains(&person)), "{person} in {group}");
        }
        let direct = model.memberships(false).into_iter().filter(|n| model.plan.memberships[*n].0 == group);
        assert_eq!(
            listed(&found["memberships"]),
            direct.map(|n| self.memberships[n].clone()).collect(),
            "memberships of {group}"
        );
        let linked = |field: &str| -> BTreeSet<String> {
            found[field].as_array().unwrap().iter().map(|part| text(&part["group"]["id"])).collect()
        };
        let components =
            |n: usize| model.plan.groups[n].components.iter().map(|(below, _)| *below).collect::<BTreeSet<_>>();
        let below = model.groups.iter().filter(|n| components(group).contains(n)).map(|n| self.groups[*n].clone());
        assert_eq!(linked("components"), below.collect());
        let above = model.groups.iter().filter(|n| components(**n).contains(&group)).map(|n| self.groups[*n].clone());
        assert_eq!(linked("partOf"), above.collect());
    }

    fn check_person(&self, world: &World, token: &str, model: &Model<'_>, person: usize) {
        let query = format!(
            "query($id: ID!, $of: ID) {{ participant(id: $id) {{ effectiveGroups(first: 50) {{ totalCount edges {{ node {{ id }} via {{ groups {{ id }} }} }} }} \
             memberships(first: 50, filter: {{ status: ANY }}) {PAGE} }} groups(filter: {{ memberId: $of }}) {PAGE} }}"
        );
        let id = &self.people[person];
        let found = world.data_as(token, &query, json!({ "id": id, "of": id }));
        let belongs = model.groups.iter().filter(|group| model.known(**group).contains(&person));
        let belongs: BTreeSet<String> = belongs.map(|n| self.groups[*n].clone()).collect();
        let effective = &found["participant"]["effectiveGroups"];
        assert_eq!(listed(effective), belongs, "groups of {person}");
        let paths = effective["edges"].as_array().unwrap().iter().flat_map(|edge| edge["via"].as_array().unwrap());
        let named = paths.flat_map(|path| path["groups"].as_array().unwrap()).map(|group| text(&group["id"]));
        assert!(named.collect::<BTreeSet<_>>().is_subset(&belongs), "the paths of {person} name more than the groups");
        let of_person = |n: &usize| model.plan.memberships[*n].1 == person;
        let direct: Vec<usize> = model.memberships(false).into_iter().filter(of_person).collect();
        assert_eq!(
            listed(&found["participant"]["memberships"]),
            direct.iter().map(|n| self.memberships[*n].clone()).collect()
        );
        let current = direct.iter().filter(|n| model.plan.memberships[**n].2 == When::Current);
        assert_eq!(
            listed(&found["groups"]),
            current.map(|n| self.groups[model.plan.memberships[*n].0].clone()).collect(),
            "groups with {person}"
        );
    }
}

both! {
    fn what_anybody_sees_is_what_the_rules_say(world) {
        let config = Config { cases: CASES, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let outcome = runner.run(&plans(), |plan| {
            let fresh = if world.is_postgres() { World::postgres() } else { World::sqlite() };
            let built = build(&fresh, &plan);
            let grants = [Role::MembershipAdministrator, Role::Staff].into_iter().flat_map(|role| [(0, role), (1, role)]);
            let for_organizations = grants.map(|grant| Asker { organization: Some(grant), person: None });
            let for_themselves = (0..PEOPLE).map(|person| Asker { organization: None, person: Some(person) });
            let for_both = [(1, Role::MembershipAdministrator), (0, Role::Staff)].map(|grant| Asker { organization: Some(grant), person: Some(0) });
            for asker in for_organizations.chain(for_themselves).chain(for_both) {
                built.check(&fresh, &plan, asker);
            }
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    }
}
