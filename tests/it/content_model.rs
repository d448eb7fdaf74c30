//! Leak tests: over small worlds made at random, whatever anybody is answered about content, on every path, is what the
//! rules say: no more and no less.

mod changing;
mod pages;
mod plan;
mod rules;

use std::cell::Cell;
use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use kring::access::Role;
use kring::id::{self, Kind};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::harness::{World, both, now, text, today};
use crate::http::Served;
use crate::live::{Client, gauge, until};
use plan::{
    COLOURS, Composition, Fate, GROUPS, ITEMS, Item, Mix, PEOPLE, Plan, State, Viewer, WORDS, When, plans, viewers,
};
use rules::{Path, Rules, View, maker};

const CASES: u32 = 7;
/// In how many of the worlds changes are followed over a WebSocket as well.
const FOLLOWED: u64 = 3;

/// A plan carried out: the identifiers of what it holds.
struct Built {
    world: World,
    participants: Vec<String>,
    groups: Vec<String>,
    items: Vec<String>,
    /// How many answers were compared with the rules, each about one item on one path for one viewer.
    checks: Cell<u64>,
}

fn minute(minute: usize) -> DateTime<Utc> {
    now() + Duration::minutes(i64::try_from(minute).unwrap())
}

impl Built {
    fn new(like: &World, plan: &Plan) -> Self {
        let world = if like.is_postgres() { World::postgres() } else { World::sqlite() };
        let organizations = ["Alfa", "Bravo"].map(|name| world.organization(name));
        let of = |owner: Option<usize>| owner.map(|n| organizations[n].as_str());
        let person = |(n, kept): (usize, &Option<usize>)| world.person_of(of(*kept), COLOURS[n % 2], &format!("P{n}"));
        let mut participants: Vec<String> = plan.kept.iter().enumerate().map(person).collect();
        participants.extend(organizations.iter().cloned());
        let groups = plan.groups.iter().enumerate().map(|(n, group)| {
            let filter = group.colour.map(|colour| json!({ "kinds": ["PERSON"], "search": COLOURS[colour] }));
            world.group_with(of(group.owner), json!({ "name": format!("G{n}"), "memberFilter": filter }))
        });
        let groups = groups.collect();
        let mut built = Self { world, participants, groups, items: Vec::new(), checks: Cell::new(0) };
        for (child, guardian) in &plan.guardians {
            let pair = json!({ "childId": built.participants[*child], "guardianId": built.participants[*guardian] });
            built.world.done("addGuardian", "child { id }", pair);
        }
        for (n, group) in plan.groups.iter().enumerate().filter(|(_, group)| group.colour.is_none()) {
            built.compose(n, &group.composition);
        }
        let ended = built.join(plan, |when| when != When::Joined);
        built.items = plan.items.iter().map(|item| built.make(plan, item)).collect();
        for n in 0..4 {
            built.world.turn_clock(minute(n), chrono_tz::Europe::Amsterdam);
            for (item, id) in plan.items.iter().zip(&built.items).filter(|(item, _)| item.minute == n) {
                built.publish(item, id);
            }
        }
        built.world.turn_clock(minute(10), chrono_tz::Europe::Amsterdam);
        built.change(plan, &ended);
        built
    }

    /// What happens after the content was published.
    fn change(&self, plan: &Plan, ended: &[String]) {
        for membership in ended {
            self.world.end(membership, &today().to_string());
        }
        self.join(plan, |when| when == When::Joined);
        for (n, group) in plan.groups.iter().enumerate() {
            if let Some(later) = &group.later {
                self.compose(n, later);
            }
            if group.closed {
                self.world.done("closeGroup", "group { id }", json!({ "groupId": self.groups[n] }));
            }
        }
    }

    fn compose(&self, group: usize, composition: &Composition) {
        let part = |(below, included): &(usize, bool)| {
            (self.groups[*below].as_str(), if *included { "INCLUDE" } else { "EXCLUDE" })
        };
        let components: Vec<(&str, &str)> = composition.components.iter().map(part).collect();
        self.world.compose(&self.groups[group], if composition.all { "ALL" } else { "ANY" }, &components);
    }

    /// Adds memberships, and answers with those that are to end later.
    fn join(&self, plan: &Plan, wanted: impl Fn(When) -> bool) -> Vec<String> {
        let mut ending = Vec::new();
        for membership in plan.memberships.iter().filter(|membership| wanted(membership.when)) {
            let start = if membership.when == When::Future {
                today() + Duration::days(1)
            } else {
                today() - Duration::days(30)
            };
            let input = json!({ "groupId": self.groups[membership.group], "participantIds": [self.participants[membership.person]],
                "startDate": start.to_string(), "role": if membership.leads { "LEADER" } else { "MEMBER" } });
            let added = self.world.done("addMemberships", "memberships(first: 1) { edges { node { id } } }", input);
            let id = text(&added["memberships"]["edges"][0]["node"]["id"]);
            match membership.when {
                When::Past => self.world.end(&id, &today().to_string()),
                When::Annulled => {
                    drop(self.world.done("annulMembership", "membership { id }", json!({ "membershipId": id })))
                }
                When::Ended => ending.push(id),
                When::Current | When::Future | When::Joined => {}
            }
        }
        ending
    }

    fn organization(&self, organization: Option<usize>) -> Option<&String> {
        organization.map(|n| &self.participants[PEOPLE + n])
    }

    fn make(&self, plan: &Plan, item: &Item) -> String {
        let starts = item.starts().map(|hour| format!("2026-09-16T{hour:02}:00:00Z"));
        let mut fields = json!({ "title": title(item), "organizationId": self.organization(item.organization) });
        let (body, word) = match item.kind {
            0 | 1 => ("body", WORDS[item.word]),
            _ => ("description", WORDS[item.word]),
        };
        fields[body] = json!(format!("Over een {word}"));
        if item.kind == 2 || item.kind == 3 {
            fields["startsAt"] = json!(starts);
        }
        let token = self.token(&maker(plan, item)).unwrap();
        text(
            &self.world.done_as(&token, "createContent", "content { id }", json!({ item.kind().0: fields }))["content"]
                ["id"],
        )
    }

    fn publish(&self, item: &Item, id: &str) {
        let publish = |mix: &Mix, at: Option<&str>| {
            let of = |all: &[String], some: &BTreeSet<usize>| some.iter().map(|n| all[*n].clone()).collect::<Vec<_>>();
            let availability = json!({ "everyone": mix.everyone, "organization": mix.organization, "staff": mix.staff,
                "groupIds": of(&self.groups, &mix.groups), "participantIds": of(&self.participants, &mix.participants) });
            let input = json!({ "contentId": id, "availability": availability, "publishAt": at });
            self.world.done("publishContent", "content { id }", input);
        };
        let withdraw = || drop(self.world.done("withdrawContent", "content { id }", json!({ "contentId": id })));
        match item.fate {
            Fate::Draft => {}
            Fate::Published => publish(&item.mixes[0], None),
            Fate::Scheduled => publish(&item.mixes[0], Some("2026-09-15T10:11:00Z")),
            Fate::Withdrawn | Fate::PublishedAgain => {
                publish(&item.mixes[0], None);
                withdraw();
                if item.fate == Fate::PublishedAgain {
                    publish(&item.mixes[1], None);
                }
            }
            Fate::Changed => {
                publish(&item.mixes[0], None);
                publish(&item.mixes[1], None);
            }
            Fate::NeverShown => {
                publish(&item.mixes[0], Some("2026-09-15T10:09:00Z"));
                withdraw();
            }
        }
    }

    fn token(&self, viewer: &Viewer) -> Option<String> {
        let key = |n: usize| id::decode_as(Kind::Participant, &self.participants[n]).unwrap();
        let mut grants: Vec<_> = viewer.grants.iter().map(|(role, of)| (*role, Some(key(PEOPLE + of)))).collect();
        grants.extend(viewer.administrator.then_some((Role::Administrator, None)));
        grants.extend(viewer.participant.map(|_| (Role::Participant, None)));
        let sign =
            || self.world.keys.sign(viewer.participant.map(key), &grants, "Tester", now(), Duration::hours(1)).unwrap();
        (!grants.is_empty()).then(sign)
    }

    /// Sends a document that must be answered without errors.
    fn ask(&self, token: Option<&str>, query: &str, variables: Value) -> Value {
        let mut answer = self.world.ask_as(token, query, variables);
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].take()
    }

    fn count(&self, checks: usize) {
        self.checks.set(self.checks.get() + u64::try_from(checks).unwrap());
    }

    /// The identifiers of some items.
    fn ids(&self, items: &[usize]) -> Vec<String> {
        items.iter().map(|n| self.items[*n].clone()).collect()
    }

    /// Compares a list with what is expected, in its order.
    fn same(&self, found: &Value, expected: &[usize], what: &str) {
        let ids: Vec<String> = found["edges"]
            .as_array()
            .unwrap_or_else(|| panic!("{what}: {found}"))
            .iter()
            .map(|edge| text(&edge["node"]["id"]))
            .collect();
        assert_eq!(ids, self.ids(expected), "{what}");
        assert_eq!(found["totalCount"], json!(expected.len()), "{what}: the count");
        self.count(ITEMS);
    }

    /// Everything that one viewer is answered.
    fn check(&self, plan: &Plan, view: &View<'_>, cursors: &Value) {
        let token = self.token(&view.viewer);
        let token = token.as_deref();
        self.check_items(plan, view, token);
        self.check_lists(plan, view, token);
        self.check_feed(plan, view, token, cursors);
        self.check_pages(plan, view, token);
        if let Some(token) = token {
            self.check_groups(plan, view, token);
            self.check_refusals(plan, view, token);
        }
    }

    /// One item at a time, by `content`, `node` and `nodes`, and what of it is for those who may change it.
    fn check_items(&self, plan: &Plan, view: &View<'_>, token: Option<&str>) {
        let fields = "id title state canEdit availability { everyone organization staff } links { totalCount } history { totalCount }";
        let singles: String =
            self.items.iter().enumerate().map(|(n, id)| format!("c{n}: content(id: \"{id}\") {{ ...F }} ")).collect();
        let query = format!(
            "query($ids: [ID!]!) {{ {singles} nodes(ids: $ids) {{ ...F }} }} fragment F on Content {{ {fields} }}"
        );
        let found = self.ask(token, &query, json!({ "ids": self.items }));
        let nodes: String = self
            .items
            .iter()
            .enumerate()
            .map(|(n, id)| format!("n{n}: node(id: \"{id}\") {{ ... on Content {{ {fields} }} }} "))
            .collect();
        let by_node = self.ask(token, &format!("{{ {nodes} }}"), json!({}));
        for (n, item) in plan.items.iter().enumerate() {
            let single = &found[format!("c{n}")];
            assert_eq!(single, &found["nodes"][n], "item {n} of {:?}", view.viewer);
            assert_eq!(single, &by_node[format!("n{n}")], "item {n} of {:?}", view.viewer);
            assert_eq!(!single.is_null(), view.sees(item), "item {n} of {:?}: {single}", view.viewer);
            if view.sees(item) {
                let manages = view.manages(item);
                assert_eq!(
                    (&single["id"], &single["title"], &single["state"]),
                    (&json!(self.items[n]), &json!(title(item)), &json!(state(item)))
                );
                assert_eq!(single["canEdit"], json!(manages), "item {n} of {:?}", view.viewer);
                for field in ["availability", "links", "history"] {
                    assert_eq!(!single[field].is_null(), manages, "{field} of item {n} of {:?}", view.viewer);
                }
                let links = item.links();
                let has = |has: fn(&Mix) -> bool| links.is_some_and(has);
                let to = json!({ "everyone": has(|mix| mix.everyone), "organization": has(|mix| mix.organization), "staff": has(|mix| mix.staff) });
                assert!(!manages || single["availability"] == to, "item {n} of {:?}: {single}", view.viewer);
            }
            self.count(7);
        }
    }

    /// Lists in every order and with every filter.
    fn check_lists(&self, plan: &Plan, view: &View<'_>, token: Option<&str>) {
        type Keep = fn(&View<'_>, &Item) -> bool;
        let lists: [(&str, Keep, Option<fn(&Item) -> usize>, bool); 14] = [
            ("", |_, _| true, None, true),
            ("orderBy: { field: CREATED_AT, direction: ASC }", |_, _| true, None, false),
            ("orderBy: { field: TITLE }", |_, _| true, Some(|item| item.title), false),
            ("orderBy: { field: TITLE, direction: DESC }", |_, _| true, Some(|item| item.title), true),
            (
                "orderBy: { field: STARTS_AT }",
                |_, item| item.starts().is_some(),
                Some(|item| item.starts().unwrap()),
                false,
            ),
            (
                "orderBy: { field: STARTS_AT, direction: DESC }",
                |_, item| item.starts().is_some(),
                Some(|item| item.starts().unwrap()),
                true,
            ),
            ("filter: { states: [PUBLISHED] }", |_, item| item.state() == State::Published, None, true),
            (
                "filter: { states: [DRAFT, WITHDRAWN] }",
                |_, item| matches!(item.state(), State::Draft | State::Withdrawn),
                None,
                true,
            ),
            ("filter: { states: [SCHEDULED] }", |_, item| item.state() == State::Scheduled, None, true),
            ("filter: { kinds: [PAGE, ACTIVITY] }", |_, item| item.kind == 1 || item.kind == 3, None, true),
            ("filter: { text: \"appel\" }", |_, item| item.word == 0, None, true),
            ("filter: { organizationId: $of }", |_, item| item.organization == Some(0), None, true),
            ("filter: { editable: true }", |view, item| view.manages(item), None, true),
            (
                "filter: { text: \"titel peer\", kinds: [NEWS_ITEM, DOSSIER] }",
                |_, item| item.word == 1 && [0, 4].contains(&item.kind),
                None,
                true,
            ),
        ];
        let ask = |(n, (arguments, ..)): (usize, &(&str, Keep, Option<fn(&Item) -> usize>, bool))| {
            format!("l{n}: contents(first: 20 {arguments}) {{ totalCount edges {{ node {{ id }} }} }} ")
        };
        let query: String = lists.iter().enumerate().map(ask).collect();
        let found =
            self.ask(token, &format!("query($of: ID!) {{ {query} }}"), json!({ "of": self.participants[PEOPLE] }));
        for (n, (arguments, keep, key, descending)) in lists.iter().enumerate() {
            let mut expected: Vec<usize> =
                (0..ITEMS).filter(|n| view.sees(&plan.items[*n]) && keep(view, &plan.items[*n])).collect();
            expected.sort_by_key(|n| (key.map_or(0, |key| key(&plan.items[*n])), *n));
            if *descending {
                expected.reverse();
            }
            self.same(&found[format!("l{n}")], &expected, &format!("contents({arguments}) of {:?}", view.viewer));
        }
    }

    /// What a group shows.
    fn check_groups(&self, plan: &Plan, view: &View<'_>, token: &str) {
        let list = "totalCount edges { node { id } }";
        let ask = |(n, id): (usize, &String)| {
            format!(
                "g{n}: group(id: \"{id}\") {{ content(first: 20) {{ {list} }} pages: content(last: 20, kinds: [PAGE]) {{ {list} }} }} "
            )
        };
        let query: String = self.groups.iter().enumerate().map(ask).collect();
        let found = self.ask(Some(token), &format!("{{ {query} }}"), json!({}));
        for group in 0..GROUPS {
            let shown = &found[format!("g{group}")];
            assert_eq!(!shown.is_null(), view.finds(group), "group {group} of {:?}", view.viewer);
            if shown.is_null() {
                continue;
            }
            let mut expected: Vec<usize> = (0..ITEMS).filter(|n| view.shows(group, &plan.items[*n])).collect();
            newest_first(plan, &mut expected);
            self.same(&shown["content"], &expected, &format!("content of group {group} for {:?}", view.viewer));
            expected.retain(|n| plan.items[*n].kind == 1);
            self.same(&shown["pages"], &expected, &format!("pages of group {group} for {:?}", view.viewer));
        }
    }

    /// What is refused is refused as if it were not there to those who do not see it.
    fn check_refusals(&self, plan: &Plan, view: &View<'_>, token: &str) {
        let others: Vec<usize> = (0..ITEMS).filter(|n| !view.manages(&plan.items[*n])).collect();
        if others.is_empty() {
            return;
        }
        let ask = |n: &usize| {
            let id = &self.items[*n];
            match n % 3 {
                0 => format!("m{n}: withdrawContent(input: {{ contentId: \"{id}\" }}) {{ ...E }} "),
                1 => format!(
                    "m{n}: publishContent(input: {{ contentId: \"{id}\", availability: {{ everyone: true }} }}) {{ ...E }} "
                ),
                _ => format!(
                    "m{n}: updateContent(input: {{ contentId: \"{id}\", content: {{ page: {{ title: \"x\", body: \"x\" }} }} }}) {{ ...E }} "
                ),
            }
        };
        let query: String = others.iter().map(ask).collect();
        let refusal = "fragment E on ContentPayload { content { id } userErrors { code field } }";
        let found = self.ask(Some(token), &format!("mutation {{ {query} }} {refusal}"), json!({}));
        for n in others {
            let code = if view.sees(&plan.items[n]) { "FORBIDDEN" } else { "NOT_FOUND" };
            let expected =
                json!({ "content": null, "userErrors": [{ "code": code, "field": ["input", "contentId"] }] });
            assert_eq!(found[format!("m{n}")], expected, "item {n} of {:?}", view.viewer);
            self.count(1);
        }
    }
}

fn title(item: &Item) -> String {
    format!("Titel {}", char::from(b'a' + u8::try_from(item.title).unwrap()))
}

fn state(item: &Item) -> &'static str {
    match item.state() {
        State::Draft => "DRAFT",
        State::Scheduled => "SCHEDULED",
        State::Published => "PUBLISHED",
        State::Withdrawn => "WITHDRAWN",
    }
}

fn newest_first(plan: &Plan, items: &mut [usize]) {
    items.sort_by_key(|n| std::cmp::Reverse((plan.items[*n].minute, *n)));
}

both! {
    /// K1 to K5, for everybody and on every path.
    fn k1_k2_k3_k4_k5_what_anybody_is_answered_is_what_the_rules_say(world) {
        let config = Config { cases: CASES, failure_persistence: None, max_shrink_iters: 10, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let (checks, worlds) = (Cell::new(0), Cell::new(0));
        let outcome = runner.run(&plans(), |plan| {
            let built = Built::new(world, &plan);
            let rules = Rules::in_the_end(&plan);
            let cursors = built.cursors();
            for viewer in viewers() {
                built.check(&plan, &rules.of(&viewer), &cursors);
            }
            worlds.set(worlds.get() + 1);
            if worlds.get() <= FOLLOWED {
                built.follow(&plan, &rules);
            }
            checks.set(checks.get() + built.checks.get());
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
        assert!(checks.get() > 80_000, "only {} checks", checks.get());
    }
}
