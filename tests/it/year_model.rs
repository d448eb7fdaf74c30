//! The year transition over schools made at random: whatever the school, what applying, linking again and undoing leave is
//! what the rules say (Y2, Y3, Y5, Y6, Y7), and nobody sees what they should not.

mod built;
mod drawn;
mod dump;
mod faults;
mod rules;
mod stale;
mod together;
mod undoing;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use diesel::sql_types::{BigInt, Text};
use kring::db::Sql;
use serde_json::{Value, json};

use crate::harness::{World, both, text, today};
use crate::races::Dice;
use built::{Built, group_id, group_of, item_id, item_of, person_of};
use drawn::{Drawn, Fate, KINDS, RECORDS, State};
use dump::{assert_unchanged, assert_unchanged_but, dump};
use rules::{Figures, Row, Rules};

/// How many schools are made; `KRING_TEST_CASES` multiplies it.
const CASES: u64 = 12;

const DOCUMENT: &str = "
    mutation Plan($input: PlanYearTransitionInput!) { done: planYearTransition(input: $input) { yearTransition { id status } userErrors { code message } } }
    query Preview($id: ID!) { yearTransition(id: $id) { ...T } }
    mutation Apply($input: ApplyYearTransitionInput!) { done: applyYearTransition(input: $input) { yearTransition { ...T } userErrors { code message } } }
    mutation Relink($input: RelinkContentInput!) { done: relinkContent(input: $input) { relinked userErrors { code message } } }
    mutation Undo($input: UndoYearTransitionInput!) { done: undoYearTransition(input: $input) {
        membershipsRestored membershipsAnnulled linksRestored linksLeft userErrors { code message } } }
    mutation Withdraw($input: WithdrawContentInput!) { done: withdrawContent(input: $input) { userErrors { code message } } }
    mutation Publish($input: PublishContentInput!) { done: publishContent(input: $input) { userErrors { code message } } }
    fragment T on YearTransition { id status preview { token warnings { code message } groups { group { id } moving staying leaving linksToBreak { kind count }
        recordsToErase { kind count } members(first: 50) { edges { node { participant { id } outcome toGroup { id } } } } } } }
    query Broken($id: ID!) { yearTransition(id: $id) { unlinkedContent(first: 100) { totalCount edges { group { id } node { id } } } } }";

impl Built<'_> {
    fn ask(&self, operation: &str, variables: Value) -> Value {
        self.send(&self.administrator(), DOCUMENT, operation, variables)
    }

    /// A mutation that must be carried out.
    fn done(&self, operation: &str, input: Value) -> Value {
        let mut data = self.ask(operation, json!({ "input": input }));
        assert_eq!(data["done"]["userErrors"], json!([]), "{operation}");
        data["done"].take()
    }

    fn planned(&self) -> Value {
        let planned = self.done("Plan", self.wanted());
        self.ask("Preview", json!({ "id": planned["yearTransition"]["id"] }))["yearTransition"].take()
    }

    fn apply(&self, transition: &Value) -> Value {
        let token = &transition["preview"]["token"];
        let input = json!({ "yearTransitionId": transition["id"], "previewToken": token });
        self.done("Apply", input)["yearTransition"].take()
    }

    /// Y2: the figures are those of the model.
    fn check_preview(&self, rules: &Rules<'_>, transition: &Value) {
        let groups = transition["preview"]["groups"].as_array().unwrap();
        let expected = rules.preview();
        assert_eq!(groups.len(), expected.len());
        for group in groups {
            let place = group_of(&group["group"]["id"]);
            let figures = &expected[&place];
            let counts = |list: &Value| -> BTreeMap<String, usize> {
                let number = |count: &Value| usize::try_from(count["count"].as_u64().unwrap()).unwrap();
                list.as_array().unwrap().iter().map(|one| (text(&one["kind"]), number(one))).collect()
            };
            let named =
                |counts: &BTreeMap<&str, usize>| counts.iter().map(|(kind, n)| ((*kind).to_owned(), *n)).collect();
            assert_eq!(counts(&group["linksToBreak"]), named(&figures.links), "links of group {place}");
            assert_eq!(counts(&group["recordsToErase"]), named(&figures.records), "records of group {place}");
            let found = [&group["moving"], &group["staying"], &group["leaving"]].map(|count| count.as_u64().unwrap());
            let count = |which: fn(&Fate) -> bool| u64::try_from(figures.count(which)).unwrap();
            let wanted = [
                count(|fate| matches!(fate, Fate::Moves(_))),
                count(|fate| *fate == Fate::Stays),
                count(|fate| *fate == Fate::Leaves),
            ];
            assert_eq!(found, wanted, "members of group {place}");
            self.check_members(place, figures, &group["members"]);
        }
    }

    fn check_members(&self, group: usize, figures: &Figures, members: &Value) {
        let mut found: BTreeMap<(usize, usize), Vec<Fate>> = BTreeMap::new();
        for edge in members["edges"].as_array().unwrap() {
            let node = &edge["node"];
            let fate = match node["outcome"].as_str().unwrap() {
                "MOVES" => Fate::Moves(group_of(&node["toGroup"]["id"])),
                "STAYS" => Fate::Stays,
                _ => Fate::Leaves,
            };
            found.entry((group, person_of(&node["participant"]["id"]))).or_default().push(fate);
        }
        let sorted = |fates: &BTreeMap<(usize, usize), Vec<Fate>>| -> BTreeMap<(usize, usize), Vec<String>> {
            let words = |fates: &Vec<Fate>| {
                let mut words: Vec<String> = fates.iter().map(|fate| format!("{fate:?}")).collect();
                words.sort();
                words
            };
            fates.iter().map(|(key, fates)| (*key, words(fates))).collect()
        };
        assert_eq!(sorted(&found), sorted(&figures.fates), "members of group {group}");
    }

    /// Y3, A1 to A3, M2: memberships by hand are those of the model, and derived ones follow from them.
    fn check_memberships(&self, rules: &Rules<'_>, since: NaiveDate) {
        let (by_hand, derived) = self.memberships();
        let mut expected = rules.rows.clone();
        expected.sort();
        let only =
            |one: &[Row], other: &[Row]| one.iter().filter(|row| !other.contains(row)).cloned().collect::<Vec<_>>();
        assert!(
            by_hand == expected,
            "memberships by hand: there are {:#?} instead of {:#?}",
            only(&by_hand, &expected),
            only(&expected, &by_hand)
        );
        let mut days: BTreeSet<NaiveDate> =
            [0, 1, 5, 15, 25, 35, 45, 55, 70, 365].map(|n| today() + Days::new(n)).into();
        days.extend((1..=13).map(|n| today() - Days::new(n * 28)).filter(|day| *day < since));
        for group in (0..self.drawn.groups.len()).filter(|group| self.drawn.groups[*group].source.is_some()) {
            for day in days.iter().filter(|day| **day >= drawn::day(2025, 9, 10)) {
                let holds = |(of, _, start, end): &&(usize, usize, NaiveDate, Option<NaiveDate>)| {
                    *of == group && start <= day && end.is_none_or(|end| *day < end)
                };
                let found: Vec<usize> = derived.iter().filter(holds).map(|(_, person, ..)| *person).collect();
                let expected: Vec<usize> = rules.derived(group, *day).into_iter().collect();
                let mut sorted = found.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, expected, "derived members of group {group} on {day}");
            }
        }
        let all: Vec<usize> = (0..self.drawn.groups.len()).collect();
        for day in [today(), today() + Days::new(30)] {
            let expected: Vec<BTreeSet<usize>> = all.iter().map(|group| rules.members(*group, day)).collect();
            assert_eq!(self.members(&all, day), expected, "effective members on {day}");
        }
    }

    /// Y5, K1 to K5: everybody is shown what the model says, on every path, and nothing else.
    fn check_sight(&self, rules: &Rules<'_>, when: &str) {
        for person in 0..self.drawn.people_count() {
            let (seen, groups) = self.shown_to(person);
            assert_eq!(seen, rules.seen(person), "what P{person} sees {when}");
            let open = rules.shown_to(person);
            for (group, shown) in groups {
                let expected = if open.contains(&group) { rules.shown(group) } else { BTreeSet::new() };
                assert_eq!(shown, expected, "what G{group} shows to P{person} {when}");
            }
        }
    }

    /// What is open and what was broken, read from the tables.
    fn check_links(&self, rules: &Rules<'_>, transition: &Value) {
        let (open, records) = self
            .world
            .db
            .read(|conn| {
                let open = Sql::new("SELECT content_id, audience, coalesce(group_id, participant_id, 0) FROM content_links WHERE unlinked_at IS NULL")
                    .load::<(BigInt, Text, BigInt), (i64, String, i64)>(conn)?;
                let mut records = 0;
                for (table, _) in RECORDS {
                    records += Sql::new(format!("SELECT COUNT(*) FROM {table}")).first::<BigInt, i64>(conn)?.unwrap();
                }
                Ok((open.into_iter().collect::<BTreeSet<_>>(), records))
            })
            .unwrap();
        let expected: BTreeSet<(i64, String, i64)> = rules
            .links
            .iter()
            .map(|(item, link)| {
                let (audience, target) = match link {
                    drawn::Audience::Everyone => ("EVERYONE", 0),
                    drawn::Audience::Organization => ("ORGANIZATION", 1),
                    drawn::Audience::Participant(who) => ("PARTICIPANT", built::person_key(*who)),
                    drawn::Audience::Group(group) => ("GROUP", built::group_key(*group)),
                };
                (i64::try_from(*item + 1).unwrap(), audience.to_owned(), target)
            })
            .collect();
        assert_eq!(open, expected, "open links");
        assert_eq!(usize::try_from(records).unwrap(), rules.records.len(), "records");
        let broken = self.ask("Broken", json!({ "id": transition["id"] }))["yearTransition"]["unlinkedContent"].take();
        let found: BTreeSet<(usize, usize)> = broken["edges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|edge| (item_of(&edge["node"]["id"]), group_of(&edge["group"]["id"])))
            .collect();
        let own: BTreeSet<(usize, usize)> =
            rules.broken.iter().copied().filter(|(item, _)| !self.drawn.items[*item].elsewhere).collect();
        let visible: BTreeSet<(usize, usize)> =
            found.iter().copied().filter(|(item, _)| !self.drawn.items[*item].elsewhere).collect();
        assert_eq!(visible, own, "broken links");
    }

    /// Y6: by links, by groups, by kinds, and everything twice.
    fn relink(&self, dice: &mut Dice, rules: &mut Rules<'_>, transition: &Value) {
        let own: Vec<(usize, usize)> =
            rules.broken.iter().copied().filter(|(item, _)| !self.drawn.items[*item].elsewhere).collect();
        let groups: Vec<usize> = (0..self.drawn.groups.len()).filter(|n| !self.drawn.groups[*n].elsewhere).collect();
        let mut wanted: Vec<(usize, usize)> = Vec::new();
        let mut links = Vec::new();
        for _ in 0..dice.roll(4).min(own.len()) {
            let to = if dice.roll(3) == 0 { self.drawn.choir() } else { *dice.of(&groups) };
            let pair = (dice.of(&own).0, to);
            wanted.push(pair);
            links.extend(
                [pair; 2].map(|(item, group)| json!({ "contentId": item_id(item), "groupId": group_id(group) })),
            );
        }
        let mut mapping = Vec::new();
        for _ in 0..dice.roll(4) {
            let (from, to) = (dice.of(&self.drawn.moves).group, *dice.of(&groups));
            let kinds: Option<Vec<usize>> =
                (dice.roll(2) == 0).then(|| vec![dice.roll(KINDS.len()), dice.roll(KINDS.len())]);
            wanted.extend(rules.shown_by(from, kinds.as_deref(), true).into_iter().map(|item| (item, to)));
            let names = kinds.map(|kinds| kinds.into_iter().map(|kind| KINDS[kind]).collect::<Vec<_>>());
            mapping.push(json!({ "fromGroupId": group_id(from), "toGroupId": group_id(to), "kinds": names }));
        }
        if links.is_empty() && mapping.is_empty() {
            return;
        }
        let input = json!({ "yearTransitionId": transition["id"], "links": links, "mapping": mapping });
        let made = self.done("Relink", input.clone())["relinked"].clone();
        assert_eq!(made, json!(rules.relink(&wanted)), "how many were linked again");
        assert_eq!(self.done("Relink", input)["relinked"], json!(0), "all of them are linked already");
    }

    /// A maker takes an item away, or shows it to the choir and nobody else.
    fn touch(&self, dice: &mut Dice, rules: &mut Rules<'_>) {
        let shown = |item: &usize| !self.drawn.items[*item].elsewhere && rules.states[*item] == State::Published;
        let choir = self.drawn.choir();
        // Best one that the choir is shown again, so that its maker has to do no more than agree.
        let again = (0..self.drawn.items.len()).filter(|item| rules.relinked.contains(&(*item, choir))).find(shown);
        let items: Vec<usize> = (0..self.drawn.items.len()).filter(shown).collect();
        if items.is_empty() || again.is_none() && dice.roll(3) == 0 {
            return;
        }
        let item = again.unwrap_or_else(|| *dice.of(&items));
        if again.is_none() && dice.roll(2) == 0 {
            self.done("Withdraw", json!({ "contentId": item_id(item) }));
            rules.touch(item, None);
        } else {
            let before: Vec<_> = rules.links.iter().copied().filter(|(other, _)| *other == item).collect();
            let input = json!({ "contentId": item_id(item), "availability": { "groupIds": [group_id(choir)] } });
            self.done("Publish", input);
            if again.is_some() || before != [(item, drawn::Audience::Group(choir))] {
                rules.touch(item, Some(choir));
            }
        }
    }
}

/// All that becomes of one school.
fn check(like: &World, seed: u64) {
    let mut dice = Dice(seed);
    let drawn = Drawn::new(&mut dice);
    let mut built = Built::new(like, &drawn);
    let mut rules = Rules::new(&drawn);
    built.check_memberships(&rules, today());
    let before = dump(&built.world);
    let transition = built.planned();
    assert_unchanged_but(&before, &built.world, &["year_transition"], "planning changes nothing");
    let planned = dump(&built.world);
    built.check_preview(&rules, &transition);
    if seed.is_multiple_of(3) {
        built.check_sight(&rules, "before");
    }
    assert_unchanged(&planned, &built.world, "a preview changes nothing");

    let original = rules.clone();
    rules.apply();
    let applied = built.apply(&transition);
    assert_eq!(applied["preview"], transition["preview"], "what was done is what the preview said (Y2)");
    let but = [
        "year_transition",
        "memberships",
        "content_links",
        "absence_reports",
        "leave_requests",
        "lunch_stays",
        "history",
        "outbox",
    ];
    assert_unchanged_but(&planned, &built.world, &but, "nothing else is changed (Y3)");
    built.check_memberships(&rules, drawn.effective);
    built.check_links(&rules, &transition);
    built.check_sight(&rules, "after");

    built.minutes_later(5);
    let again = built.apply(&transition);
    assert_eq!(again, applied, "applied once, it answers the same again (Y4)");
    built.relink(&mut dice, &mut rules, &transition);
    built.touch(&mut dice, &mut rules);
    built.check_links(&rules, &transition);
    built.check_sight(&rules, "after linking again");

    built.minutes_later(10);
    let (ended, made) =
        (original.rows.iter().filter(|row| !rules.rows.contains(row)).count(), rules.rows.len() - original.rows.len());
    let (restored, left) = rules.undo(&original);
    let undone = built.done("Undo", json!({ "yearTransitionId": transition["id"] }));
    assert_eq!(
        undone,
        json!({ "membershipsRestored": ended, "membershipsAnnulled": made, "linksRestored": restored, "linksLeft": left, "userErrors": [] })
    );
    built.check_memberships(&rules, drawn.effective);
    built.check_links(&rules, &transition);
    built.check_sight(&rules, "after undoing");

    built.minutes_later(15);
    let transition = built.planned();
    rules.apply();
    built.apply(&transition);
    built.check_memberships(&rules, drawn.effective);
    built.check_links(&rules, &transition);
}

/// How many times as many schools as usual are made.
fn times() -> u64 {
    std::env::var("KRING_TEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

both! {
    fn y2_y3_y5_y6_y7_what_becomes_of_any_school_is_what_the_rules_say(world) {
        for seed in 0..CASES * times() {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(world, seed)));
            if let Err(panic) = outcome {
                let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                panic!("school {seed}: {text}");
            }
        }
    }
}
