//! A cursor belongs to one list: those of others, and what is none, are refused by every list of the schema.

use std::collections::BTreeMap;

use kring::id::{self, Kind};
use serde_json::{Value, json};

use super::graph::{Graph, Way};
use crate::harness::{World, text};

cases!(cursors_of_other_lists_and_garbled_ones_are_refused);

/// A world in which many lists have an entry; an object of each type that is there.
fn fill(world: &World) -> BTreeMap<&'static str, String> {
    let organization = world.organization("Vereniging");
    let person = world.person_of(Some(&organization), "Ann", "A");
    let child = world.person_of(Some(&organization), "Bo", "A");
    let home = world.address(Some(&organization), "Straat", "1");
    world.done("registerResidency", "residency { id }", json!({ "participantId": person, "addressId": home }));
    world.done("addGuardian", "child { id }", json!({ "childId": child, "guardianId": person }));
    let settings = json!({ "name": "Koor", "subscriptionGroup": true });
    let group = world.group_with(Some(&organization), settings);
    let membership = world.add(&group, &[&person, &child], "2026-01-01").remove(0);
    let category = world.done("createGroupCategory", "groupCategory { id }", json!({ "name": "Zang" }));
    let query = "mutation($input: CreateContentInput!) { createContent(input: $input) { content { id } } }";
    let mut made = Vec::new();
    for item in [
        json!({ "newsItem": { "title": "Nieuws", "body": "b" } }),
        json!({ "discussion": { "title": "Praat" } }),
        json!({ "signUpForm": { "title": "Mee", "places": 3 } }),
    ] {
        let (name, mut value) = item.as_object().unwrap().iter().next().map(|(k, v)| (k.clone(), v.clone())).unwrap();
        value["organizationId"] = json!(organization);
        let id = text(&world.data(query, json!({ "input": { name: value } }))["createContent"]["content"]["id"]);
        let shown = json!({ "contentId": id, "availability": { "everyone": true, "groupIds": [group] } });
        world.done("publishContent", "content { id }", shown);
        made.push(id);
    }
    let topic = json!({ "contentId": made[1], "title": "t", "body": "b" });
    let topic = text(&world.done("createTopic", "topic { id }", topic)["topic"]["id"]);
    world.done("createReply", "reply { id }", json!({ "topicId": topic, "body": "b" }));
    BTreeMap::from([
        ("Group", group),
        ("Person", person),
        ("Organization", organization),
        ("Address", home),
        ("Membership", membership),
        ("GroupCategory", text(&category["groupCategory"]["id"])),
        ("NewsItem", made.remove(0)),
        ("Discussion", made.remove(0)),
        ("SignUpForm", made.remove(0)),
    ])
}

/// What a list answers to a cursor: the error, or nothing.
fn answer(world: &World, way: &Way<'_>, argument: &str, cursor: &str) -> Option<String> {
    let needed =
        if way.field.arguments.iter().any(|one| one.node.name.node == "question") { ", question: 1" } else { "" };
    let page = if argument == "after" { "first" } else { "last" };
    let arguments = format!("{page}: 1, {argument}: $c{needed}");
    let document = way.document("($c: String)", &arguments, "{ edges { __typename } }");
    let found = world.ask(&document, json!({ "c": cursor }));
    found.get("errors").map(|errors| {
        let code = &errors[0]["extensions"]["code"];
        assert!(code.is_string(), "{document}: {found}");
        text(code)
    })
}

fn cursors_of_other_lists_and_garbled_ones_are_refused(world: &World) {
    let (graph, ids) = (Graph::read(), fill(world));
    let ways = graph.ways(&ids, |field| field.arguments.iter().any(|argument| argument.node.name.node == "after"));
    assert!(ways.len() > 30, "only {} lists", ways.len());
    // A cursor of every list that has an entry; the lists of an interface are the same for all that have it.
    let mut cursors: BTreeMap<String, String> = BTreeMap::new();
    let mut there = Vec::new();
    for way in &ways {
        let asked = way.field.arguments.iter().any(|one| one.node.name.node == "question");
        if asked {
            continue;
        }
        let found = world.ask(&way.document("", "first: 1", "{ edges { cursor } }"), json!({}));
        // Nothing is asked of a list of an object that is not there.
        if is_there(&found["data"]) {
            there.push(way);
        }
        if let Some(cursor) = first_cursor(&found["data"]) {
            assert_eq!(answer(world, way, "after", &cursor), None, "{} takes its own cursor", way.name());
            assert_eq!(answer(world, way, "before", &cursor), None, "{} takes its own cursor", way.name());
            cursors.insert(way.name(), cursor);
        }
    }
    assert!(cursors.len() > 10, "only {:?} have an entry", cursors.keys().collect::<Vec<_>>());
    assert!(there.len() > 20, "only {} lists are there", there.len());
    for way in there {
        for (name, cursor) in &cursors {
            let same = way.name().rsplit('.').next() == name.rsplit('.').next() && way.parent != "Query";
            if way.name() != *name && !same {
                let refused = answer(world, way, "after", cursor);
                assert_eq!(refused.as_deref(), Some("BAD_USER_INPUT"), "{} takes a cursor of {name}", way.name());
            }
        }
        for garbled in garbled(cursors.get(&way.name()).map_or("", String::as_str)) {
            let refused = answer(world, way, "before", &garbled);
            assert_eq!(refused.as_deref(), Some("BAD_USER_INPUT"), "{} takes {garbled:?}", way.name());
        }
    }
}

/// Whether the list of a document is there.
fn is_there(data: &Value) -> bool {
    match data {
        Value::Object(fields) => fields.contains_key("edges") || fields.values().any(is_there),
        Value::Array(all) => all.iter().any(is_there),
        _ => false,
    }
}

fn first_cursor(data: &Value) -> Option<String> {
    match data {
        Value::Object(fields) => match fields.get("cursor") {
            Some(cursor) => cursor.as_str().map(ToOwned::to_owned),
            None => fields.values().find_map(first_cursor),
        },
        Value::Array(all) => all.iter().find_map(first_cursor),
        _ => None,
    }
}

/// What is no cursor: texts, cursors as one could make them by oneself, and a cursor with a character changed.
fn garbled(cursor: &str) -> Vec<String> {
    use base64::Engine;
    let made = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let mut garbled = vec![
        String::new(),
        "x".to_owned(),
        "\0".to_owned(),
        "\u{202e}".to_owned(),
        "é".repeat(20),
        made("[]"),
        made("[\"name\",\"a\",1]"),
        made("[\"name\",\"a\\u0000\",1]"),
        made("[\"start\",\"+262142-12-31\",1]"),
        made("[\"newest\",9223372036854775808]"),
        id::encode(Kind::Group, 1),
    ];
    for n in (0..cursor.len()).step_by(5) {
        let other = if &cursor[n..=n] == "A" { "B" } else { "A" };
        garbled.push(format!("{}{other}{}", &cursor[..n], &cursor[n + 1..]));
    }
    garbled
}
