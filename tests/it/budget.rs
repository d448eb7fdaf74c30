//! The statements that a document takes: fixed by the document, whatever the number of rows.

use kring::access::Role;
use serde_json::{Value, json};

use crate::content::{School, news, publish};
use crate::harness::{World, both};

const TREE: &str = include_str!("operations/group_tree.graphql");
const GROUPS: &str = include_str!("operations/groups.graphql");
const EFFECTIVE: &str = include_str!("operations/effective_members.graphql");
const HISTORY: &str = include_str!("operations/person_history.graphql");

/// An association of a given size: a composite of composites of groups, all with members.
fn fill(world: &World, groups: usize, members: usize) -> (String, String) {
    let people: Vec<String> = (0..members).map(|n| world.person("P", &format!("N{n}"))).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let top = world.group("Top");
    let mut middles = Vec::new();
    for m in 0..groups {
        let middle = world.group_with(None, json!({ "name": format!("Middle {m}"), "responsibleId": people[0] }));
        let lows: Vec<String> = (0..groups).map(|n| world.group(&format!("Low {m}.{n}"))).collect();
        for low in &lows {
            for id in world.add(low, &people, "2026-01-01").iter().take(1) {
                world.end(id, "2026-06-01");
            }
        }
        let parts: Vec<(&str, &str)> = lows.iter().map(|low| (low.as_str(), "INCLUDE")).collect();
        world.compose(&middle, "ANY", &parts);
        middles.push(middle);
    }
    let parts: Vec<(&str, &str)> = middles.iter().map(|middle| (middle.as_str(), "INCLUDE")).collect();
    world.compose(&top, "ANY", &parts);
    (top, people[members - 1].to_owned())
}

fn spent(world: &World, token: &str, query: &str, variables: Value) -> u64 {
    // The first request may fill what a process keeps, such as the composition.
    world.data_as(token, query, variables.clone());
    let before = world.db.statements();
    world.data_as(token, query, variables);
    world.db.statements() - before
}

both! {
    fn statements_do_not_grow_with_rows(world) {
        let (small, _) = fill(world, 1, 2);
        let (large, person) = fill(world, 4, 12);
        let token = world.administrator();
        let member = world.token(Role::Participant, Some(&person), None);
        let documents: [(&str, &str, Value, Value, u64); 5] = [
            ("group_tree", TREE, json!({ "id": small, "members": 20 }), json!({ "id": large, "members": 20 }), 10),
            ("groups", GROUPS, json!({ "first": 1 }), json!({ "first": 100 }), 7),
            ("effective_members", EFFECTIVE, json!({ "id": small, "first": 1 }), json!({ "id": large, "first": 100 }), 9),
            ("person_history", HISTORY, json!({ "id": person }), json!({ "id": person }), 9),
            ("viewer", "query($n: Int) { viewer { participant { displayName effectiveGroups(first: $n) { totalCount edges { implicit via { groups { name } } node { name } } } } memberships { totalCount edges { node { id } } } } }",
                json!({ "n": 1 }), json!({ "n": 100 }), 6),
        ];
        for (name, query, few, many, budget) in documents {
            let (a, b) = (spent(world, &token, query, few.clone()), spent(world, &token, query, many.clone()));
            assert!(a <= budget && b <= budget, "{name}: {a} and {b} statements, budget {budget}");
            assert_eq!(b, spent(world, &token, query, many.clone()), "{name}");
            let viewer = spent(world, &member, query, many);
            assert!(viewer <= budget + 7, "{name}: {viewer} statements for a member");
        }
    }

    fn look_ups_at_the_root_are_gathered(world) {
        let groups: Vec<String> = (0..25).map(|n| world.group(&format!("G{n}"))).collect();
        let document: String = groups.iter().enumerate().map(|(n, id)| format!("g{n}: group(id: \"{id}\") {{ name }} ")).collect();
        assert_eq!(spent(world, &world.administrator(), &format!("{{ {document} }}"), json!({})), 1);
        assert_eq!(spent(world, &world.administrator(), "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": groups })), 1);
    }

    fn an_addition_takes_as_many_statements_for_one_as_for_many(world) {
        let group = world.group("G");
        let people: Vec<String> = (0..60).map(|n| world.person("P", &format!("N{n}"))).collect();
        let add = |people: &[String]| {
            let before = world.db.statements();
            world.done("addMemberships", "added refused { participant { id } }", json!({ "groupId": group, "participantIds": people }));
            world.db.statements() - before
        };
        let one = add(&people[..1]);
        assert_eq!(add(&people[1..]), one);
        // On PostgreSQL one of them holds what groups are made of; one reads who opted out.
        assert!(one <= 10, "{one} statements");
    }

    fn content_takes_as_many_statements_for_one_item_as_for_many(world) {
        let school = School::new(world);
        let administrator = school.administrator(world);
        let mother = world.token(Role::Participant, Some(&school.mother), None);
        let feed = "query($n: Int!) { viewer { feed(first: $n) { totalCount pageInfo { endCursor } edges { via { audience participant { displayName } groups { name } } \
                    node { title creatorName organization { displayName } availability { everyone groups { name } participants { displayName } } \
                    links(first: 5) { totalCount edges { node { group { name } } } } ... on NewsItem { body } } } } } }";
        let groups = "query($n: Int!) { groups(first: $n) { edges { node { name content(first: $n) { totalCount edges { linkedAt node { title } } } } } } }";
        let list = "query($n: Int!) { contents(first: $n, filter: { text: \"lees\" }) { totalCount edges { node { title ... on NewsItem { body } } } } }";
        let documents = [("feed", feed, 14), ("groups", groups, 10), ("contents", list, 9)];
        let spend = |n: i64| -> Vec<(u64, u64)> {
            let spent = |token: &str, query: &str| spent(world, token, query, json!({ "n": n }));
            documents.iter().map(|(_, query, _)| (spent(&mother, query), spent(&administrator, query))).collect()
        };
        publish(world, &administrator, &news(world, &school, "one"), json!({ "groupIds": [school.class] }));
        // So that neither page holds the whole list, and both are counted.
        publish(world, &administrator, &news(world, &school, "two"), json!({ "groupIds": [school.class, school.whole] }));
        let few = spend(1);
        for n in 0..25 {
            let group = world.group_with(Some(&school.organization), json!({ "name": format!("Groep {n}") }));
            world.add(&group, &[&school.child], "2026-01-01");
            publish(world, &administrator, &news(world, &school, &format!("Item {n}")), json!({ "groupIds": [group, school.whole], "organization": true }));
        }
        let many = spend(20);
        for ((name, _, budget), (few, (member, administrator))) in documents.iter().zip(few.into_iter().zip(many)) {
            // A page that holds the whole list spares the count.
            assert!(member <= few.0 && administrator <= few.1, "{name}: {few:?}, then {member} and {administrator}");
            assert!(few.0 <= *budget && few.1 <= *budget, "{name}: {few:?} statements, budget {budget}");
        }
    }
}
