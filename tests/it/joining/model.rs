//! Additions to drawn groups: what people did for themselves stands, nobody is untied, and a rehearsal tells the truth.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::{add, figures, leave};
use crate::harness::{World, both, text};

/// What somebody has to do with the group.
#[derive(Clone, Copy, Debug)]
enum State {
    Nothing,
    /// A membership by hand, from a month and perhaps until another.
    Member(u32, Option<u32>),
    /// A member of the source since so long that they are fed today.
    Fed,
    /// The same from a later month on.
    FedLater(u32),
    /// Fed, and gone by themselves.
    Gone,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    month: u32,
    by_filter: bool,
    include_opted_out: bool,
    make_permanent: bool,
    allow_partial: bool,
}

fn states() -> impl Strategy<Value = Vec<State>> {
    let state = prop_oneof![
        Just(State::Nothing),
        (1..=12_u32, proptest::option::of(1..=6_u32))
            .prop_map(|(from, months)| { State::Member(from, months.map(|months| (from + months).min(12))) }),
        Just(State::Fed),
        (10..=12_u32).prop_map(State::FedLater),
        Just(State::Gone),
    ];
    proptest::collection::vec(state, 1..6)
}

fn asked() -> impl Strategy<Value = Asked> {
    (1..=12_u32, any::<[bool; 4]>()).prop_map(
        |(month, [by_filter, include_opted_out, make_permanent, allow_partial])| Asked {
            month,
            by_filter,
            include_opted_out,
            make_permanent,
            allow_partial,
        },
    )
}

fn day(month: u32) -> String {
    format!("2026-{month:02}-01")
}

/// Who has which rows in the group, by name.
fn stored(world: &World, group: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let query = "query($id: ID!) { group(id: $id) { memberships(first: 100, filter: { status: ANY }) { edges { node { \
        id origin startDate endDate endReason { code } participant { id } } } } } }";
    let found = world.data(query, json!({ "id": group }));
    for edge in found["group"]["memberships"]["edges"].as_array().unwrap() {
        let node = &edge["node"];
        all.entry(text(&node["participant"]["id"])).or_default().insert(node.to_string());
    }
    all
}

fn check(world: &World, n: usize, states: &[State], asked: Asked) {
    let mark = format!("Proef{n}");
    let source = world.group(&format!("Bron {n}"));
    let group = world
        .group_with(None, json!({ "name": format!("Groep {n}"), "subscriptionGroup": true, "sourceGroupId": source }));
    let people: Vec<String> = (0..states.len()).map(|k| world.person(&format!("P{k}"), &mark)).collect();
    for (who, state) in people.iter().zip(states) {
        match state {
            State::Nothing => {}
            State::Member(from, until) => {
                let id = world.add(&group, &[who], &day(*from)).remove(0);
                if let Some(until) = until.filter(|until| until > from) {
                    world.end(&id, &day(until));
                }
            }
            State::Fed => drop(world.add(&source, &[who], "2026-01-01")),
            State::FedLater(from) => drop(world.add(&source, &[who], &day(*from))),
            State::Gone => {
                world.add(&source, &[who], "2026-01-01");
                leave(world, &group, who);
            }
        }
    }
    let mut input = json!({
        "groupId": group, "startDate": day(asked.month), "allowPartial": asked.allow_partial,
        "includeOptedOut": asked.include_opted_out, "makePermanent": asked.make_permanent,
    });
    if asked.by_filter {
        input["filter"] = json!({ "search": mark });
    } else {
        input["participantIds"] = json!(people);
    }
    let before = stored(world, &group);
    let mut rehearsed = input.clone();
    rehearsed["dryRun"] = json!(true);
    let dry = add(world, rehearsed);
    assert_eq!(stored(world, &group), before, "a dry run changes nothing: {states:?} {asked:?}");
    let done = add(world, input);
    for field in ["added", "alreadyMember", "optedOut", "refused", "userErrors"] {
        assert_eq!(dry[field], done[field], "{field}: {states:?} {asked:?}");
    }
    verify(&people, states, asked, &done, &before, &stored(world, &group));
}

fn verify(
    people: &[String],
    states: &[State],
    asked: Asked,
    done: &Value,
    before: &BTreeMap<String, BTreeSet<String>>,
    after: &BTreeMap<String, BTreeSet<String>>,
) {
    let context = || format!("{states:?} {asked:?} {done}");
    let [added, already, opted_out, refused] = figures(done);
    let whole = refused > 0 && !asked.allow_partial;
    assert_eq!(whole, done["userErrors"] != json!([]), "{}", context());
    assert_eq!(done["memberships"]["totalCount"], json!(added), "{}", context());
    let ids: BTreeSet<String> = done["refused"].as_array().unwrap().iter().map(|one| text(&one["id"])).collect();
    assert_eq!(i64::try_from(ids.len()).unwrap(), refused, "each refusal names another id: {}", context());
    let none = BTreeSet::new();
    let mut changed = 0;
    for (who, state) in people.iter().zip(states) {
        let (was, is) = (before.get(who).unwrap_or(&none), after.get(who).unwrap_or(&none));
        let same = was == is;
        changed += i64::from(!same);
        if matches!(state, State::Gone) && !asked.include_opted_out {
            assert!(same, "S5: {}", context());
        }
        if !asked.make_permanent {
            assert!(was.is_subset(is), "A3: nothing that stood is changed: {}", context());
        }
        if ids.contains(who) {
            assert!(same, "who is refused stays as they are: {}", context());
        }
    }
    assert_eq!(changed, added, "who is counted as added is added, and nobody else: {}", context());
    if !whole {
        assert_eq!(added + already + opted_out + refused, i64::try_from(people.len()).unwrap(), "{}", context());
    }
}

both! {
    fn m5_additions_keep_what_people_did_and_are_what_was_rehearsed(world) {
        let config = Config { cases: 40, failure_persistence: None, max_shrink_iters: 40, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let number = std::cell::Cell::new(0);
        runner.run(&(states(), asked()), |(states, asked)| {
            number.set(number.get() + 1);
            check(world, number.get(), &states, asked);
            Ok(())
        }).unwrap();
    }
}
