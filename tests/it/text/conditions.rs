//! G9: what makes members says whom it means.

use kring::db::Sql;
use kring::id::{self, Kind};
use serde_json::{Value, json};

use super::{address_in, number};
use crate::harness::World;

cases!(
    g9_a_condition_that_says_nothing_is_refused_where_members_are_made,
    g9_everybody_is_said_in_words,
    g9_a_filter_that_was_there_before_goes_on,
    a_list_of_what_says_nothing_is_empty,
);

const ADD: &str = "mutation($g: ID!, $f: ParticipantFilter) { addMemberships(input: { groupId: $g, filter: $f }) \
                   { added userErrors { code field } } }";

/// Conditions that say nothing, each with its name.
fn empty_conditions() -> Vec<(&'static str, Value)> {
    let texts = ["search", "complexNumber", "dwellingType", "city", "postalCode"];
    let nothing = ["", "  ", "´", "\u{200b}", "\u{a0}\u{3164}", "\u{301}"];
    let mut conditions = Vec::new();
    for name in texts {
        conditions.extend(nothing.iter().map(|text| (name, json!(text))));
    }
    for name in
        texts.iter().chain(&["bornFrom", "bornUntil", "kinds", "currentGroupId", "organizationId", "externalIds"])
    {
        conditions.push((name, Value::Null));
    }
    conditions.extend([("kinds", json!([])), ("externalIds", json!([])), ("externalIds", json!(["A", ""]))]);
    conditions.extend(["-", "'", "…", "(.)"].map(|text| ("search", json!(text))));
    conditions
}

fn g9_a_condition_that_says_nothing_is_refused_where_members_are_made(world: &World) {
    let group = world.group("G");
    world.person("Ann", "A");
    let before = world.rows("groups");
    for (name, value) in empty_conditions() {
        // Beside a condition that says something it is refused all the same.
        for filter in [json!({ name: value }), json!({ name: value, "bornFrom": "1900-01-01" })] {
            if name == "bornFrom" && filter[name].is_string() {
                continue;
            }
            let made = world.data(ADD, json!({ "g": group, "f": filter }))["addMemberships"].take();
            let error = json!({ "code": "EMPTY_CONDITION", "field": ["input", "filter", name] });
            assert_eq!(made, json!({ "added": 0, "userErrors": [error] }), "{filter}");
            let settings = json!({ "settings": { "name": "D", "memberFilter": filter } });
            assert_eq!(world.refused("createGroup", settings), ["EMPTY_CONDITION"], "{filter}");
            let settings = json!({ "groupId": group, "settings": { "memberFilter": filter } });
            assert_eq!(world.refused("updateGroup", settings), ["EMPTY_CONDITION"], "{filter}");
        }
    }
    assert_eq!((world.rows("groups"), world.rows("memberships")), (before, 0));
    // A variable that is not given leaves nothing behind.
    let query = "mutation($g: ID!, $c: String) { addMemberships(input: { groupId: $g, filter: { city: $c } }) \
                 { added userErrors { code } } }";
    let made = world.data(query, json!({ "g": group }))["addMemberships"].take();
    assert_eq!(made, json!({ "added": 0, "userErrors": [{ "code": "EMPTY_CONDITION" }] }));
}

fn g9_everybody_is_said_in_words(world: &World) {
    let group = world.group("G");
    world.person("Ann", "A");
    world.person("Bob", "B");
    let add = |filter: Value| world.data(ADD, json!({ "g": group, "f": filter }))["addMemberships"].take();
    for filter in [json!({}), json!({ "everybody": false })] {
        assert_eq!(add(filter.clone())["userErrors"][0]["code"], "EMPTY_CONDITION", "{filter}");
        let settings = json!({ "settings": { "name": "D", "memberFilter": filter } });
        assert_eq!(world.refused("createGroup", settings), ["EMPTY_CONDITION"], "{filter}");
    }
    let both = json!({ "everybody": true, "search": "ann" });
    assert_eq!(
        add(both)["userErrors"][0],
        json!({ "code": "INVALID_VALUE", "field": ["input", "filter", "everybody"] })
    );
    assert_eq!(add(json!({ "everybody": true })), json!({ "added": 2, "userErrors": [] }));
    let dynamic = world.group_with(None, json!({ "name": "D", "memberFilter": { "everybody": true } }));
    assert_eq!(world.members(&dynamic, None), ["Ann A", "Bob B"]);
    let query = "query($id: ID!) { group(id: $id) { memberFilter { everybody unreadable search } } }";
    let shown = world.data(query, json!({ "id": dynamic }))["group"]["memberFilter"].take();
    assert_eq!(shown, json!({ "everybody": true, "unreadable": false, "search": null }));
}

fn g9_a_filter_that_was_there_before_goes_on(world: &World) {
    world.person("Ann", "A");
    let group = world.group_with(None, json!({ "name": "D", "memberFilter": { "search": "ann" } }));
    let key = id::decode_as(Kind::Group, &group).unwrap();
    let sql = Sql::new("UPDATE groups SET member_filter = '{\"search\":\"´\"}' WHERE id = ").int(key);
    world.db.write(|conn| Ok(sql.execute(conn)?)).unwrap();
    let change = json!({ "groupId": group, "settings": { "description": "Old" } });
    world.done("updateGroup", "group { id }", change);
    assert_eq!(world.members(&group, None), Vec::<String>::new(), "and a search for nothing finds nobody");
}

fn a_list_of_what_says_nothing_is_empty(world: &World) {
    let (group, person) = (world.group("Koor"), world.person("Ann", "A"));
    world.add(&group, &[&person], "2026-01-01");
    address_in(world, "1", "Utrecht");
    let input = json!({ "newsItem": { "title": "Nieuws", "body": "Er is iets." } });
    let query = "mutation($input: CreateContentInput!) { createContent(input: $input) { content { id } } }";
    world.data(query, json!({ "input": input }));
    let query = "query($t: String) { participants(filter: { search: $t }) { totalCount } \
                 cities: participants(filter: { city: $t }) { totalCount } \
                 codes: participants(filter: { postalCode: $t }) { totalCount } groups(filter: { text: $t }) { totalCount } \
                 memberships(filter: { text: $t }) { totalCount } contents(filter: { text: $t }) { totalCount } }";
    let counts = |text: Value| -> Vec<i64> {
        let found = world.data(query, json!({ "t": text }));
        ["participants", "cities", "codes", "groups", "memberships", "contents"]
            .map(|list| found[list]["totalCount"].as_i64().unwrap())
            .to_vec()
    };
    assert_eq!(counts(Value::Null), [2, 2, 2, 1, 1, 1], "null is no condition");
    for text in ["", " ", "´", "\u{200b}", "-"] {
        assert_eq!(counts(json!(text)), [0; 6], "{text:?}");
    }
    assert_eq!(number(world, json!({ "kinds": [] })), 0);
    let long = vec!["a"; 21].join(" ");
    let many = world.ask(query, json!({ "t": long }));
    assert_eq!(many["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "words are not left out in silence: {many}");
}
