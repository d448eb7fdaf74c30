//! Many at once: whatever is done side by side, in the end memberships are what a simple model says (S4, M2, A1 to A3).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate};
use diesel::sql_types::{BigInt, Date, Nullable, Text};
use kring::access::Role;
use kring::db::Sql;
use kring::id::{self, Kind};
use serde_json::{Value, json};

use crate::harness::{World, both, text, today};

/// A small generator of numbers, so that a failing run can be repeated.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    pub fn of<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[self.roll(all.len())]
    }

    fn day(&mut self) -> NaiveDate {
        today() + Days::new(*self.of(&[0, 0, 0, 5, 20, 60]))
    }
}

/// The groups and people of one run.
struct Field {
    people: Vec<String>,
    addresses: Vec<String>,
    /// Plain groups that can be components.
    cells: Vec<String>,
    /// A composite of some of the cells.
    composite: String,
    /// Subscription groups, fed by the composite, by each other and by addresses.
    fed: Vec<String>,
}

fn field(world: &World) -> Field {
    let people = (0..8).map(|n| world.person(&format!("P{n}"), "Aa")).collect();
    let addresses = (0..3).map(|n| world.address(None, "Dorpsstraat", &n.to_string())).collect();
    let cells: Vec<String> = (0..3).map(|n| world.group(&format!("Cell {n}"))).collect();
    let composite = world.group("Composite");
    world.compose(&composite, "ANY", &[(&cells[0], "INCLUDE"), (&cells[1], "INCLUDE")]);
    let fed = |name: &str, settings: Value| {
        let mut all = json!({ "name": name, "subscriptionGroup": true });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        world.group_with(None, all)
    };
    let first = fed("First", json!({ "sourceGroupId": composite }));
    let second = fed("Second", json!({ "sourceGroupId": first, "viaHomeAddress": true }));
    let third = fed("Third", json!({ "viaHomeAddress": true }));
    Field { people, addresses, cells, composite, fed: vec![first, second, third] }
}

const MUTATIONS: &str = "
    mutation Add($input: AddMembershipsInput!) { done: addMemberships(input: $input) { userErrors { code } } }
    mutation End($input: EndMembershipInput!) { done: endMembership(input: $input) { userErrors { code } } }
    mutation Compose($input: SetGroupComponentsInput!) { done: setGroupComponents(input: $input) { userErrors { code } } }
    mutation Update($input: UpdateGroupInput!) { done: updateGroup(input: $input) { userErrors { code } } }
    mutation Join($input: SubscribeInput!) { done: subscribe(input: $input) { userErrors { code } } }
    mutation Leave($input: UnsubscribeInput!) { done: unsubscribe(input: $input) { userErrors { code } } }
    mutation Move($input: RegisterResidencyInput!) { done: registerResidency(input: $input) { userErrors { code } } }
    mutation Depart($input: EndResidencyInput!) { done: endResidency(input: $input) { userErrors { code } } }";

/// One change, whatever becomes of it: a refusal is an answer, an error is a fault.
fn change(world: &World, field: &Field, token: &str, dice: &mut Dice) -> &'static str {
    let person = dice.of(&field.people).clone();
    let (operation, input) = match dice.roll(10) {
        0 | 1 => {
            ("Add", json!({ "groupId": dice.of(&field.cells), "participantIds": [person], "startDate": dice.day() }))
        }
        2 => {
            let whom = if dice.roll(2) == 0 { person } else { dice.of(&field.addresses).clone() };
            ("Add", json!({ "groupId": dice.of(&field.fed), "participantIds": [whom], "startDate": dice.day() }))
        }
        3 => {
            let all = open(world, "memberships");
            if all.is_empty() {
                return "nothing";
            }
            let key = id::encode(Kind::Membership, *dice.of(&all));
            ("End", json!({ "membershipId": key, "endReasonCode": "LEFT", "endDate": dice.day() }))
        }
        4 => {
            let modes = ["INCLUDE", "INCLUDE", "EXCLUDE"];
            let mut cells: Vec<&String> = field.cells.iter().collect();
            cells.remove(dice.roll(cells.len()));
            let components: Vec<Value> =
                cells.iter().map(|cell| json!({ "groupId": cell, "mode": dice.of(&modes) })).collect();
            (
                "Compose",
                json!({ "groupId": field.composite, "composition": dice.of(&["ANY", "ALL"]), "components": components }),
            )
        }
        5 => {
            let sources = [Some(&field.composite), Some(&field.cells[2]), None];
            ("Update", json!({ "groupId": field.fed[0], "settings": { "sourceGroupId": dice.of(&sources) } }))
        }
        6 => ("Join", json!({ "groupId": dice.of(&field.fed), "participantId": person })),
        7 => ("Leave", json!({ "groupId": dice.of(&field.fed), "participantId": person })),
        8 => (
            "Move",
            json!({ "participantId": person, "addressId": dice.of(&field.addresses), "startDate": dice.day() }),
        ),
        _ => {
            let all = open(world, "residencies");
            if all.is_empty() {
                return "nothing";
            }
            let key = id::encode(Kind::Residency, *dice.of(&all));
            ("Depart", json!({ "residencyId": key, "endDate": dice.day() }))
        }
    };
    let body = json!({ "query": MUTATIONS, "operationName": operation, "variables": { "input": input } }).to_string();
    let (_, text) = crate::harness::RUNTIME.block_on(world.send(World::post(Some(token), body)));
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert!(answer.get("errors").is_none(), "{operation}: {text}");
    let conflict =
        answer["data"]["done"]["userErrors"].as_array().unwrap().iter().any(|error| error["code"] == "CONFLICT");
    if conflict { "conflict" } else { "answered" }
}

fn open(world: &World, table: &'static str) -> Vec<i64> {
    world
        .db
        .read(|conn| {
            Ok(Sql::new("SELECT id FROM ")
                .text(table)
                .text(" WHERE end_date IS NULL ORDER BY id")
                .load::<BigInt, i64>(conn)?)
        })
        .unwrap()
}

type Period = (i64, i64, NaiveDate, Option<NaiveDate>);

/// What is stored, read by plain statements.
pub struct Stored {
    by_hand: Vec<Period>,
    derived: Vec<Period>,
    residencies: Vec<Period>,
    opt_outs: HashMap<(i64, i64), NaiveDate>,
    components: HashMap<i64, (String, Vec<(i64, String)>)>,
    fed: BTreeMap<i64, (Option<i64>, bool)>,
}

pub fn stored(world: &World) -> Stored {
    type Columns = (BigInt, BigInt, Date, Nullable<Date>);
    world
        .db
        .read(|conn| {
            let memberships = |derived: bool| {
                let which = if derived { " IN " } else { " NOT IN " };
                Sql::new("SELECT group_id, participant_id, start_date, end_date FROM memberships WHERE annulled_at IS NULL AND origin")
                    .text(which)
                    .text("('SOURCE_GROUP', 'HOME_ADDRESS') ORDER BY id")
            };
            let mut components: HashMap<i64, (String, Vec<(i64, String)>)> = HashMap::new();
            let sql = Sql::new("SELECT g.id, g.composition, c.component_id, c.mode FROM groups g JOIN group_components c ON c.composite_id = g.id");
            for (group, composition, component, mode) in sql.load::<(BigInt, Text, BigInt, Text), (i64, String, i64, String)>(conn)? {
                components.entry(group).or_insert((composition, Vec::new())).1.push((component, mode));
            }
            let fed = Sql::new("SELECT id, source_group_id, CASE WHEN via_home_address THEN 1 ELSE 0 END FROM groups WHERE subscription_group");
            Ok(Stored {
                by_hand: memberships(false).load::<Columns, Period>(conn)?,
                derived: memberships(true).load::<Columns, Period>(conn)?,
                residencies: Sql::new("SELECT address_id, participant_id, start_date, end_date FROM residencies").load::<Columns, Period>(conn)?,
                opt_outs: Sql::new("SELECT group_id, participant_id, since FROM opt_outs")
                    .load::<(BigInt, BigInt, Date), (i64, i64, NaiveDate)>(conn)?
                    .into_iter()
                    .map(|(group, who, since)| ((group, who), since))
                    .collect(),
                components,
                fed: fed
                    .load::<(BigInt, Nullable<BigInt>, diesel::sql_types::Integer), (i64, Option<i64>, i32)>(conn)?
                    .into_iter()
                    .map(|(group, source, home)| (group, (source, home == 1)))
                    .collect(),
            })
        })
        .unwrap()
}

fn on(periods: &[Period], group: i64, day: NaiveDate) -> HashSet<i64> {
    let within = |(of, _, start, end): &&Period| *of == group && *start <= day && end.is_none_or(|end| day < end);
    periods.iter().filter(within).map(|(_, who, ..)| *who).collect()
}

impl Stored {
    /// Who belongs to a group on a day, as the rules say it: no row that was derived is looked at.
    fn members(&self, group: i64, day: NaiveDate) -> HashSet<i64> {
        let mut direct = on(&self.by_hand, group, day);
        direct.extend(self.derived_members(group, day));
        self.combined(group, day, direct)
    }

    fn combined(&self, group: i64, day: NaiveDate, mut members: HashSet<i64>) -> HashSet<i64> {
        let Some((composition, components)) = self.components.get(&group) else { return members };
        let of = |mode: &str| {
            components
                .iter()
                .filter(|(_, found)| found == mode)
                .map(|(id, _)| self.members(*id, day))
                .collect::<Vec<_>>()
        };
        let included = of("INCLUDE");
        if composition == "ANY" {
            members.extend(included.iter().flatten());
        } else if let Some(first) = included.first() {
            members.extend(first.iter().filter(|who| included.iter().all(|all| all.contains(who))));
        }
        for out in of("EXCLUDE") {
            members.retain(|who| !out.contains(who));
        }
        members
    }

    fn derived_members(&self, group: i64, day: NaiveDate) -> HashSet<i64> {
        let Some((source, home)) = self.fed.get(&group) else { return HashSet::new() };
        let by_hand = on(&self.by_hand, group, day);
        let stays_out = |who: &i64| self.opt_outs.get(&(group, *who)).is_some_and(|since| *since <= day);
        let mut derived: HashSet<i64> = source.map(|source| self.members(source, day)).unwrap_or_default();
        derived.retain(|who| !by_hand.contains(who) && !stays_out(who));
        if *home {
            let addresses: HashSet<i64> = derived.union(&by_hand).copied().collect();
            for address in addresses {
                derived.extend(on(&self.residencies, address, day));
            }
            derived.retain(|who| !by_hand.contains(who) && !stays_out(who));
        }
        derived
    }

    pub fn check(&self, seed: u64) {
        for days in [0, 1, 5, 10, 20, 40, 60, 100, 1_000] {
            let day = today() + Days::new(days);
            for group in self.fed.keys() {
                let sorted = |people: HashSet<i64>| people.into_iter().collect::<BTreeSet<i64>>();
                let found = sorted(on(&self.derived, *group, day));
                assert_eq!(
                    found,
                    sorted(self.derived_members(*group, day)),
                    "seed {seed}: group {group} on {day} (A1, A2, A3, S5)"
                );
            }
        }
        let all: Vec<Period> = self.by_hand.iter().chain(&self.derived).copied().collect();
        for (n, (group, who, start, end)) in all.iter().enumerate() {
            for (other_group, other, from, until) in &all[n + 1..] {
                let overlap = start < &until.unwrap_or(NaiveDate::MAX)
                    && from < &end.unwrap_or(NaiveDate::MAX)
                    && end.is_none_or(|end| *start < end)
                    && until.is_none_or(|until| *from < until);
                assert!((group, who) != (other_group, other) || !overlap, "seed {seed}: M2");
            }
        }
    }
}

both! {
    fn one_after_another_memberships_follow_as_the_model_says(world) {
        let field = field(world);
        let token = world.administrator();
        for seed in 0..3 {
            let mut dice = Dice(seed);
            for _ in 0..40 {
                let outcome = change(world, &field, &token, &mut dice);
                assert_ne!(outcome, "conflict", "nobody else is there");
            }
            stored(world).check(seed);
        }
    }

    fn a1_a2_a3_m2_s4_sixteen_at_once_end_as_the_model_says(world) {
        let field = field(world);
        let token = world.administrator();
        let conflicts: usize = std::thread::scope(|threads| {
            let all: Vec<_> = (0..16_u64)
                .map(|seed| {
                    let (field, token) = (&field, &token);
                    threads.spawn(move || {
                        let mut dice = Dice(1_000 + seed);
                        (0..15).filter(|_| change(world, field, token, &mut dice) == "conflict").count()
                    })
                })
                .collect();
            all.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        stored(world).check(1_000);
        assert!(conflicts == 0, "{conflicts} of 240 changes met a deadlock");
    }

    fn s4_thirty_requests_to_join_give_one_membership(world) {
        let group = world.group_with(None, json!({ "name": "Koor", "subscriptionGroup": true }));
        let anna = world.person("Anna", "Aa");
        let token = world.token(Role::Participant, Some(&anna), None);
        let answers: Vec<Value> = std::thread::scope(|threads| {
            let all: Vec<_> = (0..30)
                .map(|_| {
                    let (token, group) = (&token, &group);
                    threads.spawn(move || {
                        let query = "mutation($g: ID!) { subscribe(input: { groupId: $g }) { membership { id } userErrors { code } } }";
                        world.data_as(token, query, json!({ "g": group }))["subscribe"].take()
                    })
                })
                .collect();
            all.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let joined = answers.iter().filter(|answer| answer["userErrors"] == json!([])).count();
        let refused = answers.iter().filter(|answer| answer["userErrors"][0]["code"] == "ALREADY_MEMBER").count();
        assert_eq!((joined, refused, world.rows("memberships")), (1, 29, 1));
        assert_eq!(text(&world.data("query($id: ID!) { group(id: $id) { name } }", json!({ "id": group }))["group"]["name"]), "Koor");
    }

    fn a_composition_is_changed_however_many_join_and_leave_meanwhile(world) {
        let group = world.group_with(None, json!({ "name": "Koor", "subscriptionGroup": true }));
        let [whole, part] = ["Whole", "Part"].map(|name| world.group(name));
        let token = world.administrator();
        let over = AtomicBool::new(false);
        let waited: Vec<Duration> = std::thread::scope(|threads| {
            for n in 0..15 {
                let (group, token, over) = (&group, &token, &over);
                threads.spawn(move || {
                    let input = json!({ "groupId": group, "participantId": world.person(&format!("P{n}"), "Aa") });
                    let query = "mutation($input: SubscribeInput!) { subscribe(input: $input) { userErrors { code } } }";
                    while !over.load(Ordering::Relaxed) {
                        world.data_as(token, query, json!({ "input": input }));
                    }
                });
            }
            let waited = (0..5).map(|_| {
                let since = Instant::now();
                let input = json!({ "groupId": whole, "components": [{ "groupId": part }] });
                let answer = world.ask("mutation($input: SetGroupComponentsInput!) { setGroupComponents(input: $input) { userErrors { code } } }", json!({ "input": input }));
                (since.elapsed(), answer)
            }).collect::<Vec<_>>();
            over.store(true, Ordering::Relaxed);
            waited.into_iter().inspect(|(_, answer)| assert!(answer.get("errors").is_none(), "{answer}")).map(|(waited, _)| waited).collect()
        });
        assert!(waited.iter().max() < Some(&Duration::from_secs(5)), "{waited:?}");
    }
}
