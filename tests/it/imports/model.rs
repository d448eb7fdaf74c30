//! Whatever is stored, whatever was done by hand and whatever a sender delivers: a second time changes nothing, no two
//! periods overlap (M2), what was done in Kring stays (P6), and no membership is lost.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use super::{BASE, MEMBERS, deliver, known, membership_nodes};
use crate::harness::{World, both, text, today};
use crate::races::Dice;

const GROUPS: [&str; 3] = ["L", "N", "F"];
const PEOPLE: [&str; 3] = ["A", "B", "C"];
const REASONS: [&str; 3] = ["", "JOINED", "MOVED_IN_AGAIN"];

/// What a sender says of one pair: periods that do not overlap.
type Said = BTreeMap<(usize, usize), Vec<(NaiveDate, Option<NaiveDate>)>>;

fn day(dice: &mut Dice) -> NaiveDate {
    today() - Days::new(300) + Days::new(30 * u64::try_from(dice.roll(20)).unwrap())
}

fn periods(dice: &mut Dice) -> Vec<(NaiveDate, Option<NaiveDate>)> {
    let mut days: Vec<NaiveDate> = (0..2 * dice.roll(3)).map(|_| day(dice)).collect();
    days.sort();
    let mut periods: Vec<(NaiveDate, Option<NaiveDate>)> =
        days.chunks(2).map(|days| (days[0], Some(days[1]))).collect();
    periods.dedup_by(|later, earlier| later.0 == earlier.0 && later.0 == later.1.unwrap());
    if dice.roll(2) == 0 {
        let last = periods.last().and_then(|(_, end)| *end).unwrap_or(today() - Days::new(200));
        let start = last.max(day(dice));
        if periods.last().is_none_or(|(from, _)| *from < start) {
            periods.push((start, None));
        }
    }
    // Two periods of no day on the same day would be the same row twice.
    periods.dedup_by_key(|(start, _)| *start);
    periods
}

fn bundle(said: &Said, dice: &mut Dice) -> String {
    let mut file = MEMBERS.to_owned();
    for ((group, person), periods) in said {
        for (start, end) in periods {
            let reason = dice.of(&REASONS);
            let role = dice.of(&["", "MEMBER", "LEADER"]);
            let (end, why) =
                end.map_or((String::new(), ""), |end| (end.to_string(), *dice.of(&["", "LEFT", "EXPIRED"])));
            file += &format!("\n{},{},{start},{reason},{end},{why},{role}", GROUPS[*group], PEOPLE[*person]);
        }
    }
    file
}

fn said(dice: &mut Dice) -> Said {
    let mut said = Said::new();
    for group in 0..GROUPS.len() {
        for person in 0..PEOPLE.len() {
            let periods = periods(dice);
            if !periods.is_empty() {
                said.insert((group, person), periods);
            }
        }
    }
    said
}

/// What somebody does by hand; what is not allowed just now is not done.
fn edit(world: &World, dice: &mut Dice) {
    let group = *dice.of(&GROUPS);
    let nodes = membership_nodes(world, group);
    let by = |mutation: &str, input: &str, value: Value| {
        let query = format!("mutation($i: {input}!) {{ {mutation}(input: $i) {{ userErrors {{ code }} }} }}");
        world.data(&query, json!({ "i": value }));
    };
    if dice.roll(4) == 0 || nodes.is_empty() {
        let person = known(world, "participants", PEOPLE[dice.roll(PEOPLE.len())]);
        let input =
            json!({ "groupId": known(world, "groups", group), "participantIds": [person], "startDate": day(dice) });
        return by("addMemberships", "AddMembershipsInput", input);
    }
    let id = &dice.of(&nodes)["id"];
    match dice.roll(5) {
        0 => by(
            "endMembership",
            "EndMembershipInput",
            json!({ "membershipId": id, "endDate": day(dice), "endReasonCode": "LEFT", "note": "by hand" }),
        ),
        1 => by("updateMembership", "UpdateMembershipInput", json!({ "membershipId": id, "startDate": day(dice) })),
        2 => by("updateMembership", "UpdateMembershipInput", json!({ "membershipId": id, "endDate": null })),
        3 => by(
            "updateMembership",
            "UpdateMembershipInput",
            json!({ "membershipId": id, "endDate": day(dice), "endReasonCode": "LEFT", "role": dice.of(&["MEMBER", "LEADER"]) }),
        ),
        _ => by("annulMembership", "AnnulMembershipInput", json!({ "membershipId": id })),
    }
}

fn all(world: &World) -> BTreeMap<String, Value> {
    let nodes = GROUPS.iter().flat_map(|group| membership_nodes(world, group));
    nodes.map(|node| (text(&node["id"]), node)).collect()
}

/// What history says of a membership: fields by name, with who made their value last.
fn makers(world: &World, id: &str) -> BTreeMap<String, (Value, bool)> {
    let query = "query($id: ID!) { node(id: $id) { ... on Membership { history(first: 100) { edges { node { action actor { displayName } changes { field after } } } } } } }";
    let data = world.data(query, json!({ "id": id }));
    let mut makers = BTreeMap::new();
    for edge in data["node"]["history"]["edges"].as_array().unwrap().iter().rev() {
        let by_hand = edge["node"]["actor"]["displayName"] != "kring import";
        for change in edge["node"]["changes"].as_array().unwrap() {
            makers.insert(text(&change["field"]), (change["after"].clone(), by_hand));
        }
    }
    makers
}

fn value(node: &Value, field: &str) -> Value {
    match field {
        "startReason" | "endReason" => node[field]["code"].clone(),
        field => node[field].clone(),
    }
}

/// Holds what is stored after a delivery against what was stored before it.
fn check(world: &World, before: &BTreeMap<String, Value>, seed: u64) {
    let after = all(world);
    for (id, node) in before {
        let derived = node["origin"] == "SOURCE_GROUP";
        if derived {
            continue;
        }
        let now = after.get(id).unwrap_or_else(|| panic!("seed {seed}: a membership is lost: {node}"));
        for (field, (last, by_hand)) in makers(world, id) {
            if by_hand && ["startDate", "startReason", "endDate", "endReason", "role"].contains(&field.as_str()) {
                assert_eq!(value(now, &field), last, "seed {seed}: {field} was made by hand: {node}");
            }
        }
    }
    let mut spans: BTreeMap<(String, String), Vec<(String, String)>> = BTreeMap::new();
    for group in GROUPS {
        for node in membership_nodes(world, group) {
            let end = node["endDate"].as_str().unwrap_or("9999").to_owned();
            let span = (text(&node["startDate"]), end);
            if span.0 < span.1 {
                spans.entry((group.to_owned(), text(&node["participant"]["externalId"]))).or_default().push(span);
            }
        }
    }
    for ((group, person), mut spans) in spans {
        spans.sort();
        assert!(spans.windows(2).all(|two| two[0].1 <= two[1].0), "seed {seed}: {person} in {group}: {spans:?}");
    }
}

both! {
    fn p6_bundles_and_hands_come_to_terms(world) {
        deliver(world, BASE);
        deliver(world, &[("groups.csv", "external_id,name,source_group\nS,Source,\nF,Fed,S"), ("memberships.csv", "group,participant,start_date\nS,A,2026-01-01\nS,C,2026-01-01")]);
        for seed in 0..12 {
            let mut dice = Dice(seed * 77 + 5);
            for _ in 0..3 {
                let file = bundle(&said(&mut dice), &mut dice);
                let before = all(world);
                deliver(world, &[("memberships.csv", &file)]);
                check(world, &before, seed);
                let stored = all(world);
                let again = deliver(world, &[("memberships.csv", &file)]);
                assert!(again.is_idle(), "seed {seed}: {again}\n{file}");
                assert_eq!(all(world), stored, "seed {seed}: a second time changes nothing");
                for _ in 0..4 {
                    edit(world, &mut dice);
                }
            }
        }
    }
}
