//! Y4, M2: whatever others do at the same moment, it happens wholly before a transition or wholly after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::sql_types::{BigInt, Nullable, Text};
use kring::db::Sql;
use kring::id::{self, Kind};
use serde_json::{Value, json};

use super::built::{Built, group_id, group_key, item_id, person_id, person_key};
use super::drawn::Drawn;
use super::times;
use crate::harness::{World, both, text, today};
use crate::races::{Dice, stored};
use crate::year::{School, apply, planned};

const EDITORS: u64 = 10;
const EDITS: usize = 12;
/// How many schools are made; `KRING_TEST_CASES` multiplies it.
const CASES: u64 = 2;

const DOCUMENT: &str = "
    mutation Add($input: AddMembershipsInput!) { done: addMemberships(input: $input) { memberships(first: 1) { edges { node { id } } } userErrors { code } } }
    mutation End($input: EndMembershipInput!) { done: endMembership(input: $input) { userErrors { code } } }
    mutation Annul($input: AnnulMembershipInput!) { done: annulMembership(input: $input) { userErrors { code } } }
    mutation Change($input: UpdateMembershipInput!) { done: updateMembership(input: $input) { userErrors { code } } }
    mutation Move($input: MoveMembersInput!) { done: moveMembers(input: $input) { userErrors { code } } }
    mutation Join($input: SubscribeInput!) { done: subscribe(input: $input) { userErrors { code } } }
    mutation Leave($input: UnsubscribeInput!) { done: unsubscribe(input: $input) { userErrors { code } } }
    mutation Make($input: CreateContentInput!) { done: createContent(input: $input) { content { id } userErrors { code } } }
    mutation Publish($input: PublishContentInput!) { done: publishContent(input: $input) { userErrors { code } } }
    mutation Withdraw($input: WithdrawContentInput!) { done: withdrawContent(input: $input) { userErrors { code } } }
    mutation Update($input: UpdateGroupInput!) { done: updateGroup(input: $input) { userErrors { code } } }
    mutation Compose($input: SetGroupComponentsInput!) { done: setGroupComponents(input: $input) { userErrors { code } } }
    mutation Apply($input: ApplyYearTransitionInput!) { done: applyYearTransition(input: $input) { userErrors { code message } } }
    query Preview($id: ID!) { yearTransition(id: $id) { id preview { token } } }";

/// What was done by the editors, and when each of them was answered.
#[derive(Default)]
struct Done {
    /// Memberships by hand of the plan's groups, of before the effective date.
    memberships: Mutex<Vec<(i64, Instant)>>,
    /// Items that were linked to a group of the plan, and to which.
    links: Mutex<Vec<(i64, i64, Instant)>>,
    /// Records of the year that ends, by table and text.
    records: Mutex<Vec<(&'static str, String, Instant)>>,
    conflicts: AtomicUsize,
    slowest: Mutex<Duration>,
}

struct Stage<'b, 'd> {
    built: &'b Built<'d>,
    token: String,
    done: Done,
}

impl Stage<'_, '_> {
    /// Sends a change; a refusal is an answer, an error is a fault.
    fn send(&self, operation: &str, input: Value) -> (Value, Option<String>) {
        let started = Instant::now();
        let mut answer = self.built.send(&self.token, DOCUMENT, operation, json!({ "input": input }));
        let mut slowest = self.done.slowest.lock().unwrap();
        *slowest = started.elapsed().max(*slowest);
        let code = answer["done"]["userErrors"][0]["code"].as_str().map(ToOwned::to_owned);
        if code.as_deref() == Some("CONFLICT") {
            self.done.conflicts.fetch_add(1, Ordering::Relaxed);
        }
        (answer["done"].take(), code)
    }

    fn some_membership(&self, dice: &mut Dice) -> Option<String> {
        let sql = "SELECT id FROM memberships WHERE annulled_at IS NULL AND end_date IS NULL AND origin = 'MANUAL' ORDER BY id";
        let all = self.built.world.db.read(|conn| Ok(Sql::new(sql).load::<BigInt, i64>(conn)?)).unwrap();
        (!all.is_empty()).then(|| id::encode(Kind::Membership, *dice.of(&all)))
    }

    fn edit(&self, dice: &mut Dice, serial: usize) {
        let drawn = self.built.drawn;
        let group = dice.roll(drawn.years() + 2);
        let person = dice.roll(drawn.people_count());
        match dice.roll(12) {
            0 | 1 => {
                let start = super::drawn::day(2026, 2, 2);
                let (done, code) = self.send(
                    "Add",
                    json!({ "groupId": group_id(group), "participantIds": [person_id(person)], "startDate": start }),
                );
                if code.is_none() && drawn.is_planned(group) {
                    let made = &done["memberships"]["edges"][0]["node"]["id"];
                    if let Some(made) = made.as_str() {
                        let key = id::decode_as(Kind::Membership, made).unwrap();
                        self.done.memberships.lock().unwrap().push((key, Instant::now()));
                    }
                }
            }
            2 | 3 => {
                let Some(membership) = self.some_membership(dice) else { return };
                let (operation, input) = match dice.roll(3) {
                    0 => ("End", json!({ "membershipId": membership, "endReasonCode": "LEFT", "endDate": today() })),
                    1 => ("Annul", json!({ "membershipId": membership })),
                    _ => ("Change", json!({ "membershipId": membership, "role": "LEADER" })),
                };
                self.send(operation, input);
            }
            4 => {
                let other = (group + 1) % drawn.years();
                self.send("Move", json!({ "fromGroupId": group_id(group), "toGroupId": group_id(other), "participantIds": [person_id(person)] }));
            }
            5 => {
                let fed = drawn.groups.len() - 2;
                let operation = *dice.of(&["Join", "Leave"]);
                self.send(operation, json!({ "groupId": group_id(fed), "participantId": person_id(person) }));
            }
            6 | 7 => self.publish(group, serial),
            8 => {
                let item = item_id(dice.roll(drawn.items.len()));
                self.send("Withdraw", json!({ "contentId": item }));
            }
            9 => {
                self.send(
                    "Update",
                    json!({ "groupId": group_id(group), "settings": { "description": format!("{serial}") } }),
                );
            }
            10 => {
                let composite = group_id(drawn.years() + 3);
                let parts: Vec<Value> =
                    [group, (group + 1) % drawn.years()].map(|part| json!({ "groupId": group_id(part) })).into();
                self.send("Compose", json!({ "groupId": composite, "composition": "ANY", "components": parts }));
            }
            _ => self.record(group, person, serial),
        }
    }

    fn publish(&self, group: usize, serial: usize) {
        let item =
            json!({ "newsItem": { "title": format!("N{serial}"), "body": "x", "organizationId": self.built.school } });
        let item = text(&self.send("Make", item).0["content"]["id"]);
        let (_, code) =
            self.send("Publish", json!({ "contentId": item, "availability": { "groupIds": [group_id(group)] } }));
        if code.is_none() && self.built.drawn.is_planned(group) {
            let key = id::decode_as(Kind::Content, &item).unwrap();
            self.done.links.lock().unwrap().push((key, group_key(group), Instant::now()));
        }
    }

    fn record(&self, group: usize, person: usize, serial: usize) {
        let name = format!("R{serial}");
        let sql = format!(
            "INSERT INTO leave_requests (participant_id, group_id, school_year, from_date, until_date, reason, made_by_name, created_at) \
             VALUES ({}, {}, 2025, '2026-05-04', '2026-05-04', '{name}', 'Ouder', '2026-05-01 08:00:00.000000')",
            person_key(person),
            group_key(group)
        );
        self.built.world.db.write(|conn| Ok(Sql::new(sql).execute(conn)?)).unwrap();
        if self.built.drawn.is_planned(group) {
            self.done.records.lock().unwrap().push(("leave_requests", name, Instant::now()));
        }
    }

    /// Applies as a person would: looks at the preview anew as often as something has changed. Answers with when the preview
    /// was asked for that was applied.
    fn apply(&self, transition: &str) -> Instant {
        for _ in 0..200 {
            let asked = Instant::now();
            let preview = self.built.send(&self.token, DOCUMENT, "Preview", json!({ "id": transition }));
            let token = &preview["yearTransition"]["preview"]["token"];
            let (done, code) = self.send("Apply", json!({ "yearTransitionId": transition, "previewToken": token }));
            match code.as_deref() {
                None => return asked,
                Some("PREVIEW_STALE" | "CONFLICT") => {}
                Some(other) => panic!("{other}: {done}"),
            }
        }
        panic!("never applied");
    }

    /// What was answered before the preview was asked for is done by the transition, and nothing is done by half.
    fn check(&self, applied: Instant, transition: i64) {
        let world = &self.built.world;
        type Member = (i64, i64, String);
        let (members, open, figures, broken, texts) = world
            .db
            .read(|conn| {
                let of = |sql: &'static str| Sql::new(sql).int(transition);
                let members = of("SELECT membership_id, group_id, outcome FROM year_transition_members WHERE transition_id = ")
                    .load::<(BigInt, BigInt, Text), Member>(conn)?;
                let open = Sql::new("SELECT id, content_id, group_id FROM content_links WHERE unlinked_at IS NULL AND group_id IS NOT NULL")
                    .load::<(BigInt, BigInt, BigInt), (i64, i64, i64)>(conn)?;
                let figures = of("SELECT figures FROM year_transition_moves WHERE transition_id = ").load::<Text, String>(conn)?;
                let broken = of("SELECT COUNT(*) FROM content_links WHERE broken_by_id = ").first::<BigInt, i64>(conn)?;
                let texts = Sql::new("SELECT reason FROM leave_requests").load::<Nullable<Text>, Option<String>>(conn)?;
                Ok((members, open, figures, broken.unwrap(), texts))
            })
            .unwrap();
        let planned: BTreeSet<i64> = self.built.drawn.moves.iter().map(|planned| group_key(planned.group)).collect();
        let noted: BTreeSet<i64> = members.iter().map(|(membership, ..)| *membership).collect();
        let ended = self.over();
        for (membership, at) in self.done.memberships.lock().unwrap().iter().filter(|(_, at)| *at < applied) {
            assert!(
                noted.contains(membership) || ended.contains(membership),
                "membership {membership} was forgotten, {at:?}"
            );
        }
        let originally =
            i64::try_from(self.built.drawn.items.iter().map(|item| item.links.len()).sum::<usize>()).unwrap();
        for (link, item, group) in open.iter().filter(|(.., group)| planned.contains(group)) {
            assert!(*link > originally, "link {link} of item {item} to group {group} is open");
        }
        for (item, group, _) in self.done.links.lock().unwrap().iter().filter(|(.., at)| *at < applied) {
            assert!(
                !open.iter().any(|(_, other, of)| (other, of) == (item, group)),
                "item {item} is shown to group {group}"
            );
        }
        for (_, name, _) in self.done.records.lock().unwrap().iter().filter(|(.., at)| *at < applied) {
            assert!(!texts.contains(&Some(name.clone())), "record {name} was forgotten");
        }
        self.check_sums(&figures, &members, broken);
    }

    /// Memberships that are over or annulled.
    fn over(&self) -> BTreeSet<i64> {
        let sql = Sql::new("SELECT id FROM memberships WHERE annulled_at IS NOT NULL OR end_date <= ").date(today());
        self.built.world.db.read(|conn| Ok(sql.load::<BigInt, i64>(conn)?)).unwrap().into_iter().collect()
    }

    /// Y2: the sums of the figures are the numbers of rows.
    fn check_sums(&self, figures: &[String], members: &[(i64, i64, String)], broken: i64) {
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        for text in figures {
            let figures: Value = serde_json::from_str(text).unwrap();
            for name in ["moving", "staying", "leaving"] {
                *sums.entry(name).or_default() += figures[name].as_i64().unwrap();
            }
            let links = figures["links_to_break"].as_array().unwrap();
            *sums.entry("links").or_default() +=
                links.iter().map(|count| count["count"].as_i64().unwrap()).sum::<i64>();
        }
        let number = |outcome: &str| i64::try_from(members.iter().filter(|(.., of)| of == outcome).count()).unwrap();
        let rows = [
            ("leaving", number("LEAVES")),
            ("links", broken),
            ("moving", number("MOVES")),
            ("staying", number("STAYS")),
        ];
        assert_eq!(sums, rows.into(), "figures and rows");
    }
}

fn run(like: &World, seed: u64) {
    let mut dice = Dice(9_000 + seed);
    let drawn = Drawn::new(&mut dice);
    let built = Built::new(like, &drawn);
    let transition = text(&built.planned()["id"]);
    let stage = Stage { built: &built, token: built.administrator(), done: Done::default() };
    let started = Instant::now();
    let applied = std::thread::scope(|threads| {
        let editors: Vec<_> = (0..EDITORS)
            .map(|editor| {
                let stage = &stage;
                threads.spawn(move || {
                    let mut dice = Dice(seed * 100 + editor);
                    for n in 0..EDITS {
                        stage.edit(&mut dice, usize::try_from(editor).unwrap() * 1_000 + n);
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(30));
        let applied = stage.apply(&transition);
        editors.into_iter().for_each(|editor| editor.join().unwrap());
        applied
    });
    assert!(started.elapsed() < Duration::from_secs(60), "nobody hangs");
    let slowest = *stage.done.slowest.lock().unwrap();
    assert!(slowest < Duration::from_secs(10), "the slowest took {slowest:?}");
    stage.check(applied, id::decode_as(Kind::YearTransition, &transition).unwrap());
    stored(&built.world).check(seed);
}

/// Applies from several threads at once, and answers with what each was told.
fn at_once(world: &World, transitions: &[(&str, &Value)]) -> Vec<Value> {
    std::thread::scope(|threads| {
        let all: Vec<_> = transitions
            .iter()
            .map(|(token, transition)| threads.spawn(move || apply(world, token, transition)))
            .collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

both! {
    fn y4_m2_others_come_wholly_before_or_wholly_after(world) {
        for seed in 0..CASES * times() {
            run(world, seed);
        }
    }

    /// Y4: eight at once give one transition and one answer.
    fn y4_applying_at_once_is_applying_once(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let transition = planned(world, &token, school.plan());
        let answers = at_once(world, &[(token.as_str(), &transition); 8]);
        assert_eq!((&answers[0]["userErrors"], &answers[0]["yearTransition"]["status"]), (&json!([]), &json!("APPLIED")));
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
        assert_eq!((world.rows("year_transition_members"), world.rows("year_transition_starts")), (7, 4));
        assert_eq!(world.members(&school.last, None), ["Kind2 Wilg", "Kind3 Wilg"]);
    }

    /// Y4: of two transitions of one school one is applied, whichever comes first; those of two schools do not hinder each
    /// other.
    fn y4_two_transitions_of_one_school_do_not_run_at_once(world) {
        let (school, other) = (School::new(world), School::new(world));
        let tokens = [&school, &other].map(|school| school.administrator(world));
        let mut first = school.plan();
        first["fromSchoolYear"] = json!("2024-2025");
        first["toSchoolYear"] = json!("2025-2026");
        first["effectiveOn"] = json!("2026-07-31");
        let first = planned(world, &tokens[0], first);
        let next = planned(world, &tokens[0], school.plan());
        let elsewhere = planned(world, &tokens[1], other.plan());
        let [own, others] = tokens.each_ref().map(String::as_str);
        let answers = at_once(world, &[(own, &next), (own, &first), (own, &next), (others, &elsewhere), (own, &next)]);
        for applied in [1, 3] {
            assert_eq!(answers[applied]["userErrors"], json!([]), "{applied}");
        }
        for refused in [0, 2, 4] {
            let code = answers[refused]["userErrors"][0]["code"].as_str();
            assert!(matches!(code, Some("TRANSITION_OUT_OF_ORDER" | "PREVIEW_STALE")), "{}", answers[refused]);
        }
        for school in [&school, &other] {
            assert_eq!(world.members(&school.last, None), ["Kind2 Wilg", "Kind3 Wilg"]);
        }
    }
}
