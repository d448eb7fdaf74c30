//! Pages stay right while content comes and goes: whatever stayed visible throughout is in them once.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use proptest::prelude::*;

const MANY: usize = 18;

/// What happens to an item between two pages.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// It is shown to the reader.
    Shown,
    /// It is shown to others instead.
    Moved,
    Withdrawn,
    /// It is put off until tomorrow.
    PutOff,
}

/// Which items are shown at first, and what happens to which before each of the pages.
type Story = (Vec<bool>, Vec<Vec<(usize, Turn)>>, i32, bool);

fn stories() -> impl Strategy<Value = Story> {
    let turn = prop_oneof![4 => Just(Turn::Shown), 1 => Just(Turn::Moved), 1 => Just(Turn::Withdrawn), 1 => Just(Turn::PutOff)];
    let between = prop::collection::vec((0..MANY, turn), 0..3);
    (prop::collection::vec(prop::bool::weighted(0.6), MANY), prop::collection::vec(between, 6), 1..6, any::<bool>())
}

struct Reading {
    world: World,
    groups: [String; 2],
    items: Vec<String>,
    reader: String,
    /// Since which minute each item is shown to the reader, as far as it is.
    shown: BTreeMap<usize, usize>,
    minute: usize,
}

impl Reading {
    fn new(like: &World) -> Self {
        let world = if like.is_postgres() { World::postgres() } else { World::sqlite() };
        let organization = world.organization("De Wilg");
        let groups = ["A", "B"].map(|name| world.group_with(Some(&organization), json!({ "name": name })));
        let child = world.person("Kind", "A");
        world.add(&groups[0], &[&child], "2026-01-01");
        let make = |n: usize| {
            let page = json!({ "page": { "title": format!("Titel {}", n * 7 % 5), "body": "x" } });
            text(&world.done("createContent", "content { id }", page)["content"]["id"])
        };
        let items = (0..MANY).map(make).collect();
        let reader = world.token(Role::Participant, Some(&child), None);
        Self { world, groups, items, reader, shown: BTreeMap::new(), minute: 0 }
    }

    fn turn(&mut self, item: usize, turn: Turn) {
        self.minute = (self.minute + 1).min(50);
        self.world.turn_clock(minute(self.minute), chrono_tz::Europe::Amsterdam);
        let publish = |group: &str, at: Option<&str>| {
            let input =
                json!({ "contentId": self.items[item], "availability": { "groupIds": [group] }, "publishAt": at });
            self.world.done("publishContent", "content { id }", input);
        };
        match turn {
            Turn::Shown => publish(&self.groups[0], None),
            Turn::Moved => publish(&self.groups[1], None),
            Turn::PutOff => publish(&self.groups[0], Some("2026-09-16T10:00:00Z")),
            Turn::Withdrawn => {
                drop(self.world.done("withdrawContent", "content { id }", json!({ "contentId": self.items[item] })))
            }
        }
        match turn {
            Turn::Shown => drop(self.shown.entry(item).or_insert(self.minute)),
            Turn::Moved | Turn::Withdrawn | Turn::PutOff => drop(self.shown.remove(&item)),
        }
    }

    /// One page of the feed, of the group and of the list by title, each from its own cursor.
    fn page(&self, forward: bool, size: i32, at: &[Value; 3]) -> [Value; 3] {
        let (number, cursor) = if forward { ("first", "after") } else { ("last", "before") };
        let list = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { id } }";
        let query = format!(
            "query($g: ID!, $a: String, $b: String, $c: String) {{ viewer {{ feed({number}: {size}, {cursor}: $a) {{ {list} }} }} \
             group(id: $g) {{ content({number}: {size}, {cursor}: $b) {{ {list} }} }} \
             contents({number}: {size}, {cursor}: $c, orderBy: {{ field: TITLE }}) {{ {list} }} }}"
        );
        let variables = json!({ "g": self.groups[0], "a": at[0], "b": at[1], "c": at[2] });
        let mut answer = self.world.data_as(&self.reader, &query, variables);
        [answer["viewer"]["feed"].take(), answer["group"]["content"].take(), answer["contents"].take()]
    }

    fn read(&mut self, turns: &[Vec<(usize, Turn)>], forward: bool, size: i32) {
        let mut throughout: BTreeSet<usize> = self.shown.keys().copied().collect();
        let mut ever = throughout.clone();
        let (mut found, mut at) = (<[Vec<String>; 3]>::default(), <[Value; 3]>::default());
        let mut more = [true; 3];
        let mut turns = turns.iter();
        while more != [false; 3] {
            let pages = self.page(forward, size, &at);
            for (n, page) in pages.iter().enumerate() {
                if more[n] {
                    found[n].extend(page["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["id"])));
                    let info = &page["pageInfo"];
                    more[n] = info[if forward { "hasNextPage" } else { "hasPreviousPage" }] == true;
                    at[n] = info[if forward { "endCursor" } else { "startCursor" }].clone();
                }
            }
            for (item, turn) in turns.next().into_iter().flatten() {
                self.turn(*item, *turn);
                throughout.retain(|item| self.shown.contains_key(item));
                ever.extend(self.shown.keys());
            }
        }
        let ids = |items: &BTreeSet<usize>| items.iter().map(|n| self.items[*n].clone()).collect::<BTreeSet<String>>();
        for list in found {
            let once: BTreeSet<String> = list.iter().cloned().collect();
            for id in ids(&throughout) {
                assert_eq!(list.iter().filter(|found| **found == id).count(), 1, "{id} stayed visible: {list:?}");
            }
            assert!(once.is_subset(&ids(&ever)), "{list:?} has what was never shown");
        }
    }
}

both! {
    /// K4: keyset pages stay right while content comes and goes.
    fn k4_pages_stay_right_while_content_comes_and_goes(world) {
        let config = Config { cases: 10, failure_persistence: None, max_shrink_iters: 20, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let outcome = runner.run(&stories(), |(shown, turns, size, forward)| {
            let mut reading = Reading::new(world);
            for (item, _) in shown.iter().enumerate().filter(|(_, shown)| **shown) {
                reading.turn(item * 5 % MANY, Turn::Shown);
            }
            reading.read(&turns, forward, size);
            reading.read(&turns, !forward, size);
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    }
}
