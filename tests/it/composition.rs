//! Composites: who belongs to a group through others, why, and on which date.

use std::collections::{BTreeSet, HashMap, HashSet};

use kring::groups::chains::{Allowance, Chains, MAX_CHAINS};
use kring::groups::composition::{Composition, Compositions, Members, Mode, Node};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{World, both, once, text};

/// People A to E, and groups of them by their letters.
fn groups_of<const N: usize>(world: &World, groups: [&str; N]) -> ([String; N], HashMap<char, String>) {
    let people: HashMap<char, String> = "ABCDE".chars().map(|c| (c, world.person("P", &c.to_string()))).collect();
    let made = groups.map(|letters| {
        let group = world.group(&format!("group {letters}"));
        let members: Vec<&str> = letters.chars().map(|c| people[&c].as_str()).collect();
        if !members.is_empty() {
            world.add(&group, &members, "2026-01-01");
        }
        group
    });
    (made, people)
}

fn letters(world: &World, group: &str) -> String {
    world.members(group, None).iter().map(|name| name.trim_start_matches("P ")).collect()
}

both! {
    fn g3_any_unites_all_intersects_and_exclusion_takes_away(world) {
        let ([ab, bc, none, whole], _) = groups_of(world, ["AB", "BC", "", ""]);
        let cases: [(&str, &[(&str, &str)], &str); 11] = [
            ("ANY", &[(&ab, "INCLUDE"), (&bc, "INCLUDE")], "ABC"),
            ("ALL", &[(&ab, "INCLUDE"), (&bc, "INCLUDE")], "B"),
            ("ALL", &[(&ab, "INCLUDE"), (&none, "INCLUDE")], ""),
            ("ANY", &[(&ab, "INCLUDE"), (&none, "INCLUDE")], "AB"),
            ("ALL", &[(&none, "INCLUDE")], ""),
            ("ALL", &[(&ab, "INCLUDE")], "AB"),
            ("ANY", &[(&ab, "INCLUDE"), (&bc, "EXCLUDE")], "A"),
            ("ALL", &[(&ab, "INCLUDE"), (&bc, "EXCLUDE")], "A"),
            ("ANY", &[(&ab, "INCLUDE"), (&none, "EXCLUDE")], "AB"),
            ("ANY", &[(&ab, "EXCLUDE")], ""),
            ("ALL", &[(&ab, "EXCLUDE")], ""),
        ];
        for (composition, components, expected) in cases {
            world.compose(&whole, composition, components);
            assert_eq!(letters(world, &whole), expected, "{composition} {components:?}");
        }
    }

    fn g3_a_person_in_one_excluded_group_of_several_is_out(world) {
        let ([all, b, c, whole], _) = groups_of(world, ["ABCDE", "B", "C", ""]);
        world.compose(&whole, "ANY", &[(&all, "INCLUDE"), (&b, "EXCLUDE"), (&c, "EXCLUDE")]);
        assert_eq!(letters(world, &whole), "ADE");
    }

    fn g3_direct_members_of_a_composite_count_and_exclusion_wins(world) {
        let ([ab, bc, e, whole], people) = groups_of(world, ["AB", "BC", "E", ""]);
        world.add(&whole, &[&people[&'D'], &people[&'E']], "2026-01-01");
        world.compose(&whole, "ALL", &[(&ab, "INCLUDE"), (&bc, "INCLUDE"), (&e, "EXCLUDE")]);
        assert_eq!(letters(world, &whole), "BD");
    }

    fn g3_nesting_is_exact_at_any_depth(world) {
        let ([ab, bc, d, both, not_d, deep], _) = groups_of(world, ["AB", "BC", "D", "", "", ""]);
        world.compose(&both, "ALL", &[(&ab, "INCLUDE"), (&bc, "INCLUDE")]);
        world.compose(&not_d, "ANY", &[(&both, "INCLUDE"), (&d, "INCLUDE")]);
        world.compose(&deep, "ANY", &[(&not_d, "INCLUDE"), (&d, "EXCLUDE")]);
        assert_eq!(letters(world, &not_d), "BD");
        assert_eq!(letters(world, &deep), "B");
        let mut top = deep;
        for n in 0..60 {
            let next = world.group(&format!("level {n}"));
            world.compose(&next, if n % 2 == 0 { "ALL" } else { "ANY" }, &[(&top, "INCLUDE")]);
            top = next;
        }
        assert_eq!(letters(world, &top), "B");
    }

    fn g5_one_effective_member_however_many_paths_lead_there(world) {
        let ([ab, left, right, top], people) = groups_of(world, ["AB", "", "", ""]);
        world.compose(&left, "ANY", &[(&ab, "INCLUDE")]);
        world.compose(&right, "ANY", &[(&ab, "INCLUDE")]);
        world.compose(&top, "ANY", &[(&left, "INCLUDE"), (&right, "INCLUDE"), (&ab, "INCLUDE")]);
        world.add(&top, &[&people[&'B']], "2026-02-01");
        let query = "query($id: ID!) { group(id: $id) { effectiveMembers(first: 10) { edges { implicit via { groups { name } } node { displayName } } } } }";
        let found = world.data(query, json!({ "id": top }));
        let edges = found["group"]["effectiveMembers"]["edges"].as_array().unwrap();
        assert_eq!(edges.len(), 2);
        let chains = |edge: &Value| -> BTreeSet<String> {
            edge["via"].as_array().unwrap().iter().map(|path| {
                path["groups"].as_array().unwrap().iter().map(|group| text(&group["name"])).collect::<Vec<_>>().join(" > ")
            }).collect()
        };
        let expected: BTreeSet<String> = ["group > group AB", "group > group > group AB"].iter().map(|s| (*s).to_owned()).collect();
        assert_eq!((edges[0]["node"]["displayName"].as_str(), edges[0]["implicit"].as_bool()), (Some("P A"), Some(true)));
        assert_eq!(chains(&edges[0]), expected);
        assert_eq!(edges[0]["via"].as_array().unwrap().len(), 3, "two composites and the direct component");
        assert_eq!(edges[1]["implicit"], json!(false));
        assert_eq!(edges[1]["via"].as_array().unwrap().len(), 4, "the direct membership is a way of its own");
    }

    fn g5_a_chain_leads_only_through_groups_one_belongs_to(world) {
        let ([ab, b, both, top], people) = groups_of(world, ["AB", "B", "", ""]);
        world.compose(&both, "ALL", &[(&ab, "INCLUDE"), (&b, "INCLUDE")]);
        world.compose(&top, "ANY", &[(&both, "INCLUDE"), (&ab, "INCLUDE")]);
        let query = "query($id: ID!) { participant(id: $id) { effectiveGroups(first: 10) { totalCount edges { implicit node { id } via { groups { id } } } } } }";
        let of = |letter: char| world.data(query, json!({ "id": people[&letter] }))["participant"]["effectiveGroups"].take();
        let a = of('A');
        assert_eq!(a["totalCount"], json!(2), "A is in AB and in the top, not in the intersection");
        let top_edge = a["edges"].as_array().unwrap().iter().find(|edge| edge["node"]["id"] == json!(top)).unwrap().clone();
        assert_eq!(top_edge["via"], json!([{ "groups": [{ "id": top }, { "id": ab }] }]));
        assert_eq!(of('B')["totalCount"], json!(4));
        let _ = both;
    }

    fn g6_effective_membership_is_current_after_every_write(world) {
        let ([ab, c, top], people) = groups_of(world, ["AB", "C", ""]);
        world.compose(&top, "ANY", &[(&ab, "INCLUDE")]);
        assert_eq!(letters(world, &top), "AB");
        world.compose(&top, "ANY", &[(&ab, "INCLUDE"), (&c, "INCLUDE")]);
        assert_eq!(letters(world, &top), "ABC");
        let membership = world.add(&c, &[&people[&'D']], "2026-09-01").remove(0);
        assert_eq!(letters(world, &top), "ABCD");
        world.end(&membership, "2026-09-15");
        assert_eq!(letters(world, &top), "ABC");
    }

    fn g6_any_date_can_be_asked_for(world) {
        let ([a, top], people) = groups_of(world, ["A", ""]);
        world.compose(&top, "ANY", &[(&a, "INCLUDE")]);
        let later = world.add(&a, &[&people[&'B']], "2026-10-01").remove(0);
        world.done("updateMembership", "membership { id }", json!({ "membershipId": later, "endDate": "2026-11-01", "endReasonCode": "LEFT" }));
        for (on, expected) in [("2025-12-31", 0), ("2026-01-01", 1), ("2026-09-30", 1), ("2026-10-01", 2), ("2026-10-31", 2), ("2026-11-01", 1), ("9999-12-31", 1)] {
            assert_eq!(world.members(&top, Some(on)).len(), expected, "{on}");
            let query = "query($id: ID!, $p: ID!, $on: Date) { group(id: $id) { isMember(participantId: $p, asOf: $on) memberCount(asOf: $on) } }";
            let found = world.data(query, json!({ "id": top, "p": people[&'B'], "on": on }));
            assert_eq!(found["group"]["isMember"], json!(expected == 2), "{on}");
            assert_eq!(found["group"]["memberCount"], json!(0), "the composite itself has no memberships");
        }
    }

    fn dynamic_groups_compute_their_members_and_compose(world) {
        let ([ab, top], people) = groups_of(world, ["AB", ""]);
        let dynamic = world.group_with(None, json!({ "name": "D", "memberFilter": { "currentGroupId": ab } }));
        assert_eq!(letters(world, &dynamic), "AB");
        let searched = world.group_with(None, json!({ "name": "S", "memberFilter": { "search": "c" } }));
        assert_eq!(letters(world, &searched), "C");
        world.compose(&top, "ANY", &[(&dynamic, "INCLUDE"), (&searched, "INCLUDE")]);
        assert_eq!(letters(world, &top), "ABC");
        let query = "query($id: ID!, $p: ID!) { group(id: $id) { isMember(participantId: $p) memberFilter { search currentGroup { id } } } }";
        let found = world.data(query, json!({ "id": dynamic, "p": people[&'A'] }));
        assert_eq!(found["group"], json!({ "isMember": true, "memberFilter": { "search": null, "currentGroup": { "id": ab } } }));
        let circle = json!({ "groupId": ab, "settings": { "sourceGroupId": dynamic } });
        assert_eq!(world.refused("updateGroup", circle), ["CYCLE_DETECTED"]);
    }

    fn part_of_leads_upwards(world) {
        let ([a, middle, top], _) = groups_of(world, ["A", "", ""]);
        world.compose(&middle, "ANY", &[(&a, "INCLUDE")]);
        world.compose(&top, "ANY", &[(&middle, "INCLUDE"), (&a, "EXCLUDE")]);
        let query = "query($id: ID!) { group(id: $id) { partOf { mode group { id partOf { group { id } } } } } }";
        let parts = &world.data(query, json!({ "id": a }))["group"]["partOf"];
        assert_eq!(parts.as_array().unwrap().len(), 2);
        let excluded = parts.as_array().unwrap().iter().find(|part| part["mode"] == "EXCLUDE").unwrap();
        assert_eq!(excluded["group"]["id"], json!(top));
    }

    fn pages_of_effective_members_meet_without_gaps(world) {
        let group = world.group("G");
        let top = world.group("T");
        let people: Vec<String> = (0..25).map(|n| world.person("X", &format!("Naam{n:02}"))).collect();
        world.add(&group, &people.iter().map(String::as_str).collect::<Vec<_>>(), "2026-01-01");
        world.compose(&top, "ANY", &[(&group, "INCLUDE")]);
        for (direction, expected) in [("ASC", (0..25).collect::<Vec<_>>()), ("DESC", (0..25).rev().collect())] {
            let mut after = json!(null);
            let mut names = Vec::new();
            loop {
                let query = format!("query($id: ID!, $after: String) {{ group(id: $id) {{ effectiveMembers(first: 10, after: $after, orderBy: {{ field: NAME, direction: {direction} }}) {{ pageInfo {{ hasNextPage endCursor }} edges {{ node {{ displayName }} }} }} }} }}");
                let page = world.data(&query, json!({ "id": top, "after": after }))["group"]["effectiveMembers"].take();
                names.extend(page["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["displayName"])));
                if page["pageInfo"]["hasNextPage"] == json!(false) {
                    break;
                }
                after = page["pageInfo"]["endCursor"].clone();
            }
            let expected: Vec<String> = expected.into_iter().map(|n| format!("X Naam{n:02}")).collect();
            assert_eq!(names, expected);
        }
    }
}

/// The rule as the text says it, person by person, without sets.
fn belongs(nodes: &HashMap<i64, Node>, direct: &HashMap<i64, BTreeSet<u64>>, group: i64, person: u64) -> bool {
    let stands = direct.get(&group).is_some_and(|members| members.contains(&person));
    let Some(node) = nodes.get(&group) else { return stands };
    let of = |wanted: Mode| node.components.iter().filter(move |(_, mode)| *mode == wanted).map(|(id, _)| *id);
    let included: Vec<bool> = of(Mode::Include).map(|id| belongs(nodes, direct, id, person)).collect();
    let composed = match node.composition {
        Composition::Any => included.iter().any(|one| *one),
        Composition::All => !included.is_empty() && included.iter().all(|one| *one),
    };
    (stands || composed) && !of(Mode::Exclude).any(|id| belongs(nodes, direct, id, person))
}

const GROUPS: i64 = 9;
const PEOPLE: u64 = 6;

type World9 = (HashMap<i64, Node>, HashMap<i64, BTreeSet<u64>>);

/// Compositions without cycles: a group is only made of groups with a lower number.
fn compositions() -> impl Strategy<Value = World9> {
    let node = |group: i64| {
        let components = prop::collection::btree_map(0..group.max(1), any::<bool>(), 0..4);
        (any::<bool>(), components).prop_map(move |(all, components)| Node {
            composition: if all { Composition::All } else { Composition::Any },
            dynamic: false,
            components: components
                .into_iter()
                .filter(|(id, _)| *id < group)
                .map(|(id, exclude)| (id, if exclude { Mode::Exclude } else { Mode::Include }))
                .collect(),
        })
    };
    let nodes: Vec<_> = (0..GROUPS).map(node).collect();
    let direct = prop::collection::vec(prop::collection::btree_set(0..PEOPLE, 0..4), usize::try_from(GROUPS).unwrap());
    (nodes, direct).prop_map(|(nodes, direct)| ((0..).zip(nodes).collect(), (0..).zip(direct).collect()))
}

once! {
    fn g3_set_arithmetic_equals_the_rule_for_every_person() {
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() });
        runner.run(&compositions(), |(nodes, direct)| {
            let graph = Compositions::new(nodes.clone());
            let sets: Members = direct.iter().map(|(group, members)| (*group, members.iter().copied().collect())).collect();
            let all: Vec<i64> = (0..GROUPS).collect();
            let downwards = graph.evaluate(&all, &sets);
            let upwards = graph.evaluate_upwards(&sets);
            for group in all {
                for person in 0..PEOPLE {
                    let expected = belongs(&nodes, &direct, group, person);
                    prop_assert_eq!(downwards[&group].contains(person), expected);
                    let found = upwards.get(&group).is_some_and(|members| members.contains(person));
                    prop_assert_eq!(found, expected);
                    if let Some(union) = graph.plain_union(group) {
                        let united = union.iter().any(|id| direct[id].contains(&person));
                        prop_assert_eq!(united, expected);
                    }
                    check_chains(&graph, &upwards, &direct, group, person, expected)?;
                }
            }
            Ok(())
        }).unwrap();
    }

    fn g4_no_cycle_escapes() {
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() });
        let strategy = (compositions(), 0..GROUPS, prop::collection::btree_set(0..GROUPS, 0..4));
        runner.run(&strategy, |((nodes, _), group, components)| {
            let components: Vec<i64> = components.into_iter().collect();
            let found = Compositions::new(nodes.clone()).cycle(group, &components);
            let reaches = components.iter().any(|start| {
                let mut stack = vec![*start];
                while let Some(at) = stack.pop() {
                    if at == group { return true; }
                    // Edges lead to lower numbers only, so this ends.
                    stack.extend(nodes[&at].components.iter().map(|(id, _)| *id));
                }
                false
            });
            prop_assert_eq!(found.is_some(), reaches);
            if let Some(path) = found {
                prop_assert_eq!(path.first(), Some(&group));
                prop_assert_eq!(path.last(), Some(&group));
                prop_assert!(components.contains(&path[1]));
                for pair in path[1..].windows(2) {
                    prop_assert!(nodes[&pair[0]].components.iter().any(|(id, _)| *id == pair[1]));
                }
            }
            Ok(())
        }).unwrap();
    }
}

/// Every chain from a group down to one in which the person stands, without those that are not told of, each once.
fn every_chain(
    graph: &Compositions,
    stands: &[i64],
    belongs_to: &HashSet<i64>,
    told: &dyn Fn(i64) -> bool,
    group: i64,
) -> BTreeSet<Vec<i64>> {
    let mut found = BTreeSet::new();
    if !belongs_to.contains(&group) {
        return found;
    }
    let own = || told(group).then_some(group).into_iter();
    if stands.contains(&group) {
        found.insert(own().collect());
    }
    for (component, mode) in graph.node(group).map_or(&[][..], |node| &node.components) {
        if *mode == Mode::Include {
            let below = every_chain(graph, stands, belongs_to, told, *component);
            found.extend(below.into_iter().map(|chain| own().chain(chain).collect::<Vec<i64>>()));
        }
    }
    found
}

/// G5: what is told are all chains, each once, the shortest first; to whoever may not know of every group as well.
fn check_chains(
    graph: &Compositions,
    effective: &Members,
    direct: &HashMap<i64, BTreeSet<u64>>,
    group: i64,
    person: u64,
    expected: bool,
) -> Result<(), TestCaseError> {
    let belongs_to: HashSet<i64> =
        effective.iter().filter(|(_, members)| members.contains(person)).map(|(group, _)| *group).collect();
    let mut stands: Vec<i64> =
        direct.iter().filter(|(_, members)| members.contains(&person)).map(|(group, _)| *group).collect();
    stands.sort_unstable();
    let everything = |_| true;
    let some = |id: i64| id == group || id % 3 != 0;
    for told in [&everything as &dyn Fn(i64) -> bool, &some] {
        let mut allowance = Allowance::default();
        let mut chains = Chains::new(graph, &stands, &belongs_to, told, &mut allowance).unwrap();
        let chains = chains.to(group, usize::MAX, &mut allowance).unwrap();
        prop_assert_eq!(!chains.is_empty(), expected);
        let all = every_chain(graph, &stands, &belongs_to, told, group);
        prop_assert_eq!(chains.len(), all.len().min(MAX_CHAINS));
        prop_assert!(chains.is_sorted_by_key(Vec::len));
        let shown: BTreeSet<Vec<i64>> = chains.into_iter().collect();
        prop_assert_eq!(shown.len(), all.len().min(MAX_CHAINS));
        prop_assert!(shown.is_subset(&all));
    }
    Ok(())
}
