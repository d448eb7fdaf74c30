//! A field that fails at run time is null with an error at its path, and takes nothing along (section 6.4.4).

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};

use crate::harness::{World, both, once};

/// The paths and codes of an answer's errors.
fn told(answer: &Value) -> Vec<(Value, Value)> {
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| (error["path"].clone(), error["extensions"]["code"].clone())).collect()
}

fn at(path: Value) -> (Value, Value) {
    (path, json!("BAD_USER_INPUT"))
}

fn setting(world: &World) -> (String, String) {
    let (group, ann) = (world.group("G"), world.person("Ann", "Lee"));
    world.add(&group, &[&ann], "2026-01-01");
    (group, ann)
}

both! {
    fn a_nested_field_that_fails_leaves_the_rest(world) {
        let (group, _) = setting(world);
        let query = "query($id: ID!) { version group(id: $id) { name history(first: 0) { totalCount } memberCount \
            m: memberships(last: 101) { totalCount } isMember(participantId: \"xx\") } viewer { today } }";
        let answer = world.ask(query, json!({ "id": group }));
        assert_eq!(answer["data"]["group"], json!({ "name": "G", "history": null, "memberCount": 1, "m": null, "isMember": null }));
        assert_eq!(answer["data"]["viewer"]["today"], "2026-09-15");
        let mut paths = told(&answer);
        paths.sort_by_key(|(path, _)| path.to_string());
        assert_eq!(paths, [at(json!(["group", "history"])), at(json!(["group", "isMember"])), at(json!(["group", "m"]))]);
        assert!(answer["errors"][0]["locations"][0]["column"].is_number());
    }

    fn it_fails_at_each_path_where_it_stands(world) {
        let (group, ann) = setting(world);
        world.add(&group, &[&world.person("Bob", "Day")], "2026-01-01");
        let query = "query($id: ID!) { group(id: $id) { memberships(orderBy: { field: PARTICIPANT_NAME, direction: ASC }) { edges { node { \
            participant { displayName memberships(after: \"no cursor\") { totalCount } } } } } } }";
        let answer = world.ask(query, json!({ "id": group }));
        let names: Vec<&Value> = answer["data"]["group"]["memberships"]["edges"].as_array().unwrap().iter()
            .map(|edge| &edge["node"]["participant"]["displayName"]).collect();
        assert_eq!(names, ["Bob Day", "Ann Lee"]);
        let path = |n: usize| at(json!(["group", "memberships", "edges", n, "node", "participant", "memberships"]));
        assert_eq!(told(&answer), [path(0), path(1)]);
        // Where nobody has the field there is no error.
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on Person { memberships(first: 0) { totalCount } } } }";
        let answer = world.ask(query, json!({ "ids": [group, ann, ann] }));
        assert_eq!(answer["data"]["nodes"], json!([{ "__typename": "Group" }, { "__typename": "Person", "memberships": null },
            { "__typename": "Person", "memberships": null }]));
        assert_eq!(told(&answer), [at(json!(["nodes", 1, "memberships"])), at(json!(["nodes", 2, "memberships"]))]);
    }

    /// What is noticed only when a page is read, such as a cursor of another order, fails as alone.
    fn a_cursor_of_another_order_fails_alone(world) {
        let (group, _) = setting(world);
        let query = "query($id: ID!, $after: String) { group(id: $id) { name memberships(first: 1) { edges { cursor } } \
            other: memberships(after: $after, orderBy: { field: PARTICIPANT_NAME }) { totalCount edges { cursor } } } }";
        let cursor = world.data(query, json!({ "id": group }))["group"]["memberships"]["edges"][0]["cursor"].clone();
        let answer = world.ask(query, json!({ "id": group, "after": cursor }));
        assert_eq!(answer["data"]["group"]["name"], "G");
        assert_eq!(answer["data"]["group"]["other"], json!(null));
        assert_eq!(told(&answer), [at(json!(["group", "other"]))]);
    }

    fn what_a_mutation_has_made_is_told_whatever_its_selection_asks(world) {
        let query = "mutation { a: createGroup(input: { settings: { name: \"Kept\" } }) { group { name memberships(first: 0) { totalCount } } userErrors { code } } \
            b: createGroup(input: { settings: { name: \"Kept 2\" } }) { group { name isMember(participantId: \"xx\") } } }";
        let answer = world.ask(query, json!({}));
        assert_eq!(answer["data"], json!({ "a": { "group": { "name": "Kept", "memberships": null }, "userErrors": [] },
            "b": { "group": { "name": "Kept 2", "isMember": null } } }));
        assert_eq!(told(&answer), [at(json!(["a", "group", "memberships"])), at(json!(["b", "group", "isMember"]))]);
        assert_eq!(world.rows("groups"), 2);
    }

    /// A nullable variable may stand where a default is. Null for it is an error of the field alone (sections 5.8.5 and 6.4.1).
    fn null_in_place_of_a_default_fails_the_field(world) {
        let (group, _) = setting(world);
        let query = "query($id: ID!, $d: OrderDirection) { group(id: $id) { name memberships(orderBy: { field: START_DATE, direction: $d }) { totalCount } } }";
        let answer = world.ask(query, json!({ "id": group, "d": null }));
        assert_eq!(answer["data"], json!({ "group": { "name": "G", "memberships": null } }));
        assert_eq!(told(&answer), [at(json!(["group", "memberships"]))]);
    }

    fn fields_come_as_selected_for_each_type(world) {
        let (group, ann) = setting(world);
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Person { displayName } ... on Group { name kind } id ... on Person { familyName id } \
            ... on Group { displayName: name name memberCount } } }";
        let body = json!({ "query": query, "variables": { "ids": [group, ann] } }).to_string();
        let (_, text) = crate::harness::RUNTIME.block_on(world.send(World::post(Some(&world.administrator()), body)));
        let expected = format!("{{\"data\":{{\"nodes\":[{{\"name\":\"G\",\"kind\":\"STATIC\",\"id\":\"{group}\",\"displayName\":\"G\",\"memberCount\":1}},\
            {{\"displayName\":\"Ann Lee\",\"id\":\"{ann}\",\"familyName\":\"Lee\"}}]}}}}");
        assert_eq!(text, expected);
        // Within one interface, whose types share an order only in part.
        let query = "query($id: ID!) { participant(id: $id) { ... on Organization { x: name } displayName ... on Person { x: familyName } ...F } } fragment F on Participant { id }";
        let body = json!({ "query": query, "variables": { "id": ann } }).to_string();
        let (_, text) = crate::harness::RUNTIME.block_on(world.send(World::post(Some(&world.administrator()), body)));
        assert_eq!(text, format!("{{\"data\":{{\"participant\":{{\"displayName\":\"Ann Lee\",\"x\":\"Lee\",\"id\":\"{ann}\"}}}}}}"));
    }
}

/// Whose only argument is a date, which is either none or a date once the request is let in.
const CANNOT_FAIL: [&str; 2] = ["memberCount", "effectiveMemberCount"];

once! {
    fn every_field_that_can_fail_can_be_null() {
        for definition in parse_schema(kring::graphql::types_sdl()).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.as_str();
            let TypeKind::Object(object) = &definition.node.kind else { continue };
            if ["Query", "Mutation", "Subscription"].contains(&name) {
                continue;
            }
            for field in &object.fields {
                let (field, ty) = (&field.node, &field.node.ty.node);
                let can_fail = !field.arguments.is_empty() && !CANNOT_FAIL.contains(&field.name.node.as_str());
                assert!(!can_fail || ty.nullable, "{name}.{}", field.name.node);
            }
        }
    }
}
