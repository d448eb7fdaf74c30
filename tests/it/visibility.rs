//! Who sees which content: what every kind of viewer gets on every path equals what a simple model allows (K1 to K5).

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use kring::access::Role;
use kring::id::{self, Kind};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::content::{make, publish};
use crate::harness::{World, both, text};

const PEOPLE: usize = 8;
const GROUPS: usize = 7;
/// The groups from here on are composites of those before them.
const SIMPLE: usize = 4;
const CASES: u32 = 6;

/// Where a membership stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Now,
    Past,
    Later,
    Never,
}

/// Whom an item is for: organizations 0 and 1, groups and people by number.
#[derive(Clone, Debug, Default)]
struct For {
    everyone: bool,
    organization: bool,
    staff: bool,
    groups: Vec<usize>,
    people: Vec<usize>,
}

/// What becomes of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Draft,
    Published,
    Scheduled,
    Withdrawn,
    /// Published, withdrawn and published again.
    Again,
    /// Published for everyone first, and then for whom it is.
    Narrowed,
}

#[derive(Clone, Debug)]
struct Item {
    organization: usize,
    maker: Option<usize>,
    audience: For,
    fate: Fate,
}

#[derive(Clone, Debug)]
struct Plan {
    /// Which organization keeps each person's record.
    kept: Vec<Option<usize>>,
    /// Which organization owns each group: a composite is of those of its own.
    owned: Vec<usize>,
    memberships: Vec<(usize, usize, When, bool)>,
    guardians: BTreeSet<(usize, usize)>,
    components: Vec<(usize, usize, bool)>,
    all: [bool; GROUPS],
    items: Vec<Item>,
}

fn plans() -> impl Strategy<Value = Plan> {
    let when = prop_oneof![6 => Just(When::Now), 1 => Just(When::Past), 1 => Just(When::Later), 1 => Just(When::Never)];
    let membership = (0..GROUPS, 0..PEOPLE, when, prop::bool::weighted(0.25));
    let guardian = (0..PEOPLE, 0..PEOPLE)
        .prop_filter("nobody looks after their own guardian", |(child, guardian)| child < guardian);
    let component = (SIMPLE..GROUPS, 0..GROUPS - 1, prop::bool::weighted(0.75));
    let audience = (
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        prop::collection::vec(0..GROUPS, 0..3),
        prop::collection::vec(0..PEOPLE, 0..2),
    )
        .prop_map(|(everyone, organization, staff, groups, people)| For {
            everyone,
            organization,
            staff,
            groups,
            people,
        });
    let fate = prop_oneof![5 => Just(Fate::Published), 1 => Just(Fate::Draft), 1 => Just(Fate::Scheduled), 1 => Just(Fate::Withdrawn), 1 => Just(Fate::Again), 1 => Just(Fate::Narrowed)];
    let item = (0..2_usize, prop::option::weighted(0.3, 0..PEOPLE), audience, fate)
        .prop_map(|(organization, maker, audience, fate)| Item { organization, maker, audience, fate });
    (
        prop::collection::vec(prop::option::of(0..2_usize), PEOPLE),
        prop::collection::vec(0..2_usize, GROUPS),
        prop::collection::vec(membership, 10..24),
        prop::collection::btree_set(guardian, 0..6),
        prop::collection::vec(component, 2..9),
        prop::array::uniform7(any::<bool>()),
        prop::collection::vec(item, 8..16),
    )
        .prop_map(|(kept, owned, memberships, guardians, components, all, items)| {
            let mut plan = Plan { kept, owned, memberships, guardians, components, all, items };
            plan.tidy();
            plan
        })
}

impl Plan {
    /// Leaves out what the rules refuse: two memberships of one person in one group, circles, and groups of another
    /// organization.
    fn tidy(&mut self) {
        let mut seen = BTreeSet::new();
        self.memberships.retain(|(group, person, ..)| seen.insert((*group, *person)));
        let mut seen = BTreeSet::new();
        let owned = self.owned.clone();
        self.components.retain(|(composite, component, _)| {
            component < composite && owned[*component] == owned[*composite] && seen.insert((*composite, *component))
        });
        for item in &mut self.items {
            item.audience.groups.retain(|group| owned[*group] == item.organization);
        }
    }
}

/// The rules as one would explain them to somebody.
struct Model<'p> {
    plan: &'p Plan,
    effective: Vec<BTreeSet<usize>>,
}

impl<'p> Model<'p> {
    fn new(plan: &'p Plan) -> Self {
        let mut effective: Vec<BTreeSet<usize>> = Vec::new();
        for group in 0..GROUPS {
            let current = |m: &&(usize, usize, When, bool)| m.0 == group && m.2 == When::Now;
            let mut members: BTreeSet<usize> = plan.memberships.iter().filter(current).map(|m| m.1).collect();
            let parts =
                |include: bool| plan.components.iter().filter(move |c| c.0 == group && c.2 == include).map(|c| c.1);
            let included: Vec<usize> = parts(true).collect();
            if plan.all[group] {
                let everywhere = |person: &usize| included.iter().all(|part| effective[*part].contains(person));
                if !included.is_empty() {
                    members.extend((0..PEOPLE).filter(everywhere));
                }
            } else {
                members.extend(included.iter().flat_map(|part| effective[*part].clone()));
            }
            for part in parts(false) {
                members.retain(|person| !effective[part].contains(person));
            }
            effective.push(members);
        }
        Self { plan, effective }
    }

    fn leads(&self, person: usize, group: usize) -> bool {
        self.plan.memberships.contains(&(group, person, When::Now, true))
    }

    /// The person and the children.
    fn family(&self, person: usize) -> Vec<usize> {
        let children = self.plan.guardians.iter().filter(|(_, guardian)| *guardian == person).map(|(child, _)| *child);
        std::iter::once(person).chain(children).collect()
    }

    fn in_group(&self, viewer: &Viewer, group: usize) -> bool {
        let Some(person) = viewer.person else { return false };
        self.leads(person, group) || self.family(person).iter().any(|own| self.effective[group].contains(own))
    }

    fn addressed(&self, viewer: &Viewer, item: &Item) -> bool {
        let (audience, organization) = (&item.audience, item.organization);
        let published = matches!(item.fate, Fate::Published | Fate::Again | Fate::Narrowed);
        let works = viewer.works == Some(organization);
        // Leading is one's own: a guardian does not come to belong to an organization because the child leads.
        let family = viewer.person.map(|person| self.family(person)).unwrap_or_default();
        let of_organization = family.iter().any(|own| self.plan.kept[*own] == Some(organization))
            || (0..GROUPS).any(|group| self.plan.owned[group] == organization && self.in_group(viewer, group));
        published
            && (audience.everyone
                || audience.organization && (works || of_organization)
                || audience.staff && works
                || audience.people.iter().any(|person| family.contains(person))
                || audience.groups.iter().any(|group| self.in_group(viewer, *group)))
    }

    fn manages(&self, viewer: &Viewer, item: &Item) -> bool {
        let made = item.maker.is_some() && viewer.person == item.maker && !viewer.administrator;
        let leads = |person: usize| {
            (0..GROUPS).any(|group| self.plan.owned[group] == item.organization && self.leads(person, group))
        };
        viewer.administrator
            || viewer.administers && viewer.works == Some(item.organization)
            || made && (viewer.works == Some(item.organization) || viewer.person.is_some_and(leads))
    }
}

/// Who asks: a person, somebody who works for an organization, both, the administrator, or nobody.
#[derive(Clone, Debug, Default)]
struct Viewer {
    person: Option<usize>,
    works: Option<usize>,
    administers: bool,
    administrator: bool,
}

fn viewers() -> Vec<Viewer> {
    let mut viewers: Vec<Viewer> =
        (0..PEOPLE).map(|person| Viewer { person: Some(person), ..Viewer::default() }).collect();
    for organization in 0..2 {
        for administers in [false, true] {
            for person in [None, Some(organization)] {
                viewers.push(Viewer { person, works: Some(organization), administers, administrator: false });
            }
        }
    }
    viewers.push(Viewer { administrator: true, ..Viewer::default() });
    viewers.push(Viewer::default());
    viewers
}

/// The organizations, people, groups and items as they were made.
struct Built {
    organizations: Vec<String>,
    people: Vec<String>,
    groups: Vec<String>,
    items: Vec<String>,
    checks: Cell<usize>,
}

fn build(world: &World, plan: &Plan) -> Built {
    let organizations: Vec<String> = ["Alfa", "Bravo"].map(|name| world.organization(name)).to_vec();
    let of = |organization: usize| Some(organizations[organization].as_str());
    let people: Vec<String> = plan
        .kept
        .iter()
        .enumerate()
        .map(|(n, kept)| world.person_of(kept.and_then(of), &format!("P{n}"), "Aa"))
        .collect();
    let groups: Vec<String> = plan
        .owned
        .iter()
        .enumerate()
        .map(|(n, owner)| world.group_with(of(*owner), json!({ "name": format!("G{n}") })))
        .collect();
    for (child, guardian) in &plan.guardians {
        world.done(
            "addGuardian",
            "child { id }",
            json!({ "childId": people[*child], "guardianId": people[*guardian] }),
        );
    }
    for group in SIMPLE..GROUPS {
        let parts: Vec<(&str, &str)> = plan
            .components
            .iter()
            .filter(|c| c.0 == group)
            .map(|c| (groups[c.1].as_str(), if c.2 { "INCLUDE" } else { "EXCLUDE" }))
            .collect();
        world.compose(&groups[group], if plan.all[group] { "ALL" } else { "ANY" }, &parts);
    }
    for (group, person, when, leader) in &plan.memberships {
        let start = if *when == When::Later { "2026-10-01" } else { "2026-01-01" };
        let input = json!({ "groupId": groups[*group], "participantIds": [people[*person]], "startDate": start, "role": if *leader { "LEADER" } else { "MEMBER" } });
        let made = world.done("addMemberships", "memberships(first: 1) { edges { node { id } } }", input);
        let id = text(&made["memberships"]["edges"][0]["node"]["id"]);
        match when {
            When::Past => world.end(&id, "2026-09-15"),
            When::Never => drop(world.done("annulMembership", "membership { id }", json!({ "membershipId": id }))),
            When::Now | When::Later => {}
        }
    }
    let built = Built { organizations, people, groups, items: Vec::new(), checks: Cell::new(0) };
    let items = plan.items.iter().enumerate().map(|(n, item)| built.publish(world, n, item)).collect();
    Built { items, ..built }
}

impl Built {
    fn publish(&self, world: &World, n: usize, item: &Item) -> String {
        let organization = self.organizations[item.organization].as_str();
        let administrator = world.token(Role::MembershipAdministrator, None, Some(organization));
        // A maker is given the right to make something for this one token only.
        let maker = item.maker.map(|person| world.token(Role::Staff, Some(&self.people[person]), Some(organization)));
        let content = json!({ "title": format!("Item {n}"), "organizationId": organization, "body": "Zomerfeest" });
        let kind = if n.is_multiple_of(2) { "newsItem" } else { "page" };
        let id = make(world, maker.as_deref().unwrap_or(&administrator), json!({ kind: content }));
        let ids =
            |all: &[String], wanted: &[usize]| wanted.iter().map(|n| all[*n].clone()).collect::<BTreeSet<String>>();
        let mut audience = item.audience.clone();
        if !audience.everyone
            && !audience.organization
            && !audience.staff
            && audience.groups.is_empty()
            && audience.people.is_empty()
        {
            audience.staff = true;
        }
        let availability = json!({ "everyone": audience.everyone, "organization": audience.organization, "staff": audience.staff,
            "groupIds": ids(&self.groups, &audience.groups), "participantIds": ids(&self.people, &audience.people) });
        let owner = world.administrator();
        match item.fate {
            Fate::Draft => {}
            Fate::Published => publish(world, &owner, &id, availability),
            Fate::Scheduled => drop(world.done(
                "publishContent",
                "content { id }",
                json!({ "contentId": id, "availability": availability, "publishAt": "2026-09-15T10:00:01Z" }),
            )),
            Fate::Withdrawn | Fate::Again => {
                publish(world, &owner, &id, availability.clone());
                world.done("withdrawContent", "content { id }", json!({ "contentId": id }));
                if item.fate == Fate::Again {
                    publish(world, &owner, &id, availability);
                }
            }
            Fate::Narrowed => {
                publish(world, &owner, &id, json!({ "everyone": true }));
                publish(world, &owner, &id, availability);
            }
        }
        id
    }

    fn token(&self, world: &World, viewer: &Viewer) -> Option<String> {
        let person = viewer.person.map(|person| self.people[person].as_str());
        if viewer.administrator {
            return Some(world.administrator());
        }
        match (viewer.works, person) {
            (Some(organization), person) => {
                let role = if viewer.administers { Role::MembershipAdministrator } else { Role::Staff };
                Some(world.token(role, person, Some(&self.organizations[organization])))
            }
            (None, Some(id)) => Some(crate::content::person(world, id)),
            (None, None) => None,
        }
    }

    fn same(&self, found: &BTreeSet<String>, expected: impl Iterator<Item = usize>, what: &str) {
        let expected: BTreeSet<String> = expected.map(|n| self.items[n].clone()).collect();
        self.checks.set(self.checks.get() + self.items.len());
        assert_eq!(*found, expected, "{what}");
    }

    /// Asks on every path what the viewer sees.
    fn check(&self, world: &World, plan: &Plan, model: &Model<'_>, viewer: &Viewer) {
        let token = self.token(world, viewer);
        let ask = |query: &str, variables: Value| {
            let mut answer = world.ask_as(token.as_deref(), query, variables);
            assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
            answer["data"].take()
        };
        let all = || 0..plan.items.len();
        let live = |n: &usize| matches!(plan.items[*n].fate, Fate::Published | Fate::Again | Fate::Narrowed);
        let manages = |n: &usize| model.manages(viewer, &plan.items[*n]);
        let addressed = |n: &usize| model.addressed(viewer, &self.with_default(&plan.items[*n]));
        let sees = |n: &usize| manages(n) || addressed(n);
        let said = |what: &str| format!("{what} of {viewer:?}");

        let found = ask(LISTS, json!({}));
        self.same(&listed(&found["contents"]), all().filter(sees), &said("the list"));
        self.same(&listed(&found["search"]), all().filter(sees), &said("the search"));
        self.same(&listed(&found["pages"]), all().filter(sees).filter(|n| n % 2 == 1), &said("the list of pages"));
        self.same(&listed(&found["mine"]), all().filter(manages), &said("what can be changed"));
        let shown = |n: &usize| sees(n) && live(n);
        self.same(&listed(&found["viewer"]["feed"]), all().filter(shown), &said("the feed"));
        self.same(
            &listed(&found["viewer"]["news"]),
            all().filter(shown).filter(|n| n % 2 == 0),
            &said("the feed of news"),
        );
        for edge in found["viewer"]["feed"]["edges"].as_array().unwrap() {
            let n = self.items.iter().position(|id| edge["node"]["id"] == **id).unwrap();
            assert_eq!(edge["via"] != json!([]), addressed(&n), "{}", said("why item is seen"));
        }
        self.same(&self.paged(&ask), all().filter(shown), &said("the feed page by page"));

        // One by one, as nodes, and what is told of them.
        let document: String =
            self.items.iter().enumerate().map(|(n, id)| format!("a{n}: content(id: \"{id}\") {{ ...C }} ")).collect();
        let single = ask(
            &format!(
                "{{ {document} }} fragment C on Content {{ id canEdit availability {{ everyone }} links {{ totalCount }} history {{ totalCount }} }}"
            ),
            json!({}),
        );
        let nodes =
            ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": self.items }))["nodes"].take();
        for (n, id) in self.items.iter().enumerate() {
            let item = &single[format!("a{n}")];
            assert_eq!(item["id"].as_str(), sees(&n).then_some(id.as_str()), "{}", said(&format!("item {n}")));
            assert_eq!(nodes[n]["id"].as_str(), sees(&n).then_some(id.as_str()), "{}", said(&format!("node {n}")));
            for withheld in ["availability", "links", "history"] {
                assert_eq!(item[withheld].is_object(), manages(&n), "{}", said(&format!("{withheld} of item {n}")));
            }
            self.checks.set(self.checks.get() + 5);
        }
        if token.is_some() {
            self.check_groups(plan, model, viewer, &ask, &manages, &live);
            self.check_refusals(world, token.as_deref().unwrap(), &sees, &manages);
        }
    }

    /// An item for nobody is for staff, as it was published.
    fn with_default(&self, item: &Item) -> Item {
        let mut item = item.clone();
        let a = &item.audience;
        if !a.everyone && !a.organization && !a.staff && a.groups.is_empty() && a.people.is_empty() {
            item.audience.staff = true;
        }
        item
    }

    /// The feed in pages of two, from the front and from the end.
    fn paged(&self, ask: &dyn Fn(&str, Value) -> Value) -> BTreeSet<String> {
        let mut forward = Vec::new();
        let mut after = Value::Null;
        loop {
            let query = "query($after: String) { viewer { feed(first: 2, after: $after) { pageInfo { hasNextPage endCursor } edges { node { id } } } } }";
            let page = ask(query, json!({ "after": after }))["viewer"]["feed"].take();
            forward.extend(page["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["id"])));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        let mut backward = Vec::new();
        let mut before = Value::Null;
        loop {
            let query = "query($before: String) { viewer { feed(last: 3, before: $before) { pageInfo { hasPreviousPage startCursor } edges { node { id } } } } }";
            let page = ask(query, json!({ "before": before }))["viewer"]["feed"].take();
            backward.splice(0..0, page["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["id"])));
            before = page["pageInfo"]["startCursor"].clone();
            if page["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
        }
        assert_eq!(forward, backward);
        let found: BTreeSet<String> = forward.iter().cloned().collect();
        assert_eq!(found.len(), forward.len(), "an item comes twice");
        found
    }

    /// What the groups show that the viewer may know of.
    fn check_groups(
        &self,
        plan: &Plan,
        model: &Model<'_>,
        viewer: &Viewer,
        ask: &dyn Fn(&str, Value) -> Value,
        manages: &dyn Fn(&usize) -> bool,
        live: &dyn Fn(&usize) -> bool,
    ) {
        let found = ask(
            "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Group { id content(first: 50) { totalCount edges { node { id } } } } } }",
            json!({ "ids": self.groups }),
        );
        let mut shown = BTreeMap::new();
        for (group, node) in found["nodes"].as_array().unwrap().iter().enumerate() {
            if node.is_object() {
                shown.insert(group, listed(&node["content"]));
            }
        }
        for (group, found) in shown {
            let linked = |n: &usize| plan.items[*n].audience.groups.contains(&group);
            let all = viewer.administrator || model.in_group(viewer, group);
            self.same(
                &found,
                (0..plan.items.len()).filter(|n| linked(n) && live(n) && (all || manages(n))),
                &format!("group {group} of {viewer:?}"),
            );
        }
    }

    /// Who does not see an item is told that there is none, and who only sees it that it is not theirs.
    fn check_refusals(
        &self,
        world: &World,
        token: &str,
        sees: &dyn Fn(&usize) -> bool,
        manages: &dyn Fn(&usize) -> bool,
    ) {
        for (n, id) in self.items.iter().enumerate().filter(|(n, _)| !manages(n)) {
            let code = if sees(&n) { "FORBIDDEN" } else { "NOT_FOUND" };
            assert_eq!(world.refused_as(token, "withdrawContent", json!({ "contentId": id })), [code], "item {n}");
            self.checks.set(self.checks.get() + 1);
        }
        let never = id::encode(Kind::Content, 999_999);
        assert_eq!(world.refused_as(token, "withdrawContent", json!({ "contentId": never })), ["NOT_FOUND"]);
    }
}

const LISTS: &str = "{ contents(first: 50) { totalCount edges { node { id } } } search: contents(first: 50, filter: { text: \"zomer\" }, orderBy: { field: TITLE, direction: ASC }) { totalCount edges { node { id } } } \
    pages: contents(first: 50, filter: { kinds: [PAGE] }) { totalCount edges { node { id } } } mine: contents(first: 50, filter: { editable: true }) { totalCount edges { node { id } } } \
    viewer { feed(first: 50) { totalCount edges { via { audience } node { id } } } news: feed(first: 50, kinds: [NEWS_ITEM]) { totalCount edges { node { id } } } } }";

/// The ids of a list that is shown whole, and counted right.
fn listed(list: &Value) -> BTreeSet<String> {
    let ids: Vec<String> = list["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["id"])).collect();
    assert_eq!(list["totalCount"], json!(ids.len()), "the count says something else than the list");
    ids.into_iter().collect()
}

both! {
    /// K1 to K5.
    fn what_anybody_sees_of_content_is_what_the_rules_say(world) {
        let config = Config { cases: CASES, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let checks = Cell::new(0);
        let outcome = runner.run(&plans(), |plan| {
            let fresh = if world.is_postgres() { World::postgres() } else { World::sqlite() };
            let built = build(&fresh, &plan);
            let model = Model::new(&plan);
            for viewer in viewers() {
                built.check(&fresh, &plan, &model, &viewer);
            }
            checks.set(checks.get() + built.checks.get());
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
        assert!(checks.get() > 5_000, "{} checks", checks.get());
    }
}
