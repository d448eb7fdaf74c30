//! The documents that clients send, word for word.

use serde_json::{Value, json};

use crate::harness::{World, both, once, text};

const GROUPS: &str = include_str!("operations/groups.graphql");
const GROUP_TREE: &str = include_str!("operations/group_tree.graphql");
const EFFECTIVE_MEMBERS: &str = include_str!("operations/effective_members.graphql");
const PERSON_HISTORY: &str = include_str!("operations/person_history.graphql");
const MEMBERSHIPS: &str = include_str!("operations/memberships.graphql");
const CONTENT: &str = include_str!("operations/content.graphql");
const FEED: &str = include_str!("operations/feed.graphql");
const SCHOOL_RECORDS: &str = include_str!("operations/school_records.graphql");

/// Sends one operation of a document that holds several.
fn send(world: &World, document: &str, operation: &str, variables: Value) -> Value {
    let body = json!({ "query": document, "operationName": operation, "variables": variables }).to_string();
    let token = world.administrator();
    let (status, text) = crate::harness::RUNTIME.block_on(world.send(World::post(Some(&token), body)));
    assert_eq!(status, 200, "{text}");
    let mut answer: Value = serde_json::from_str(&text).unwrap();
    assert!(answer.get("errors").is_none(), "{text}");
    answer["data"].take()
}

both! {
    fn groups(world) {
        let jan = world.person("Jan", "Jansen");
        let group = world.group_with(None, json!({ "name": "Board", "externalId": "B", "responsibleId": jan }));
        world.add(&group, &[&jan], "2026-01-01");
        let found = send(world, GROUPS, "Groups", json!({ "first": 10, "filter": { "text": "board" } }));
        let node = &found["groups"]["edges"][0]["node"];
        assert_eq!(*node, json!({
            "id": group, "externalId": "B", "name": "Board", "kind": "STATIC", "closed": false, "category": null,
            "responsible": { "id": jan, "displayName": "Jan Jansen" }, "memberCount": 1, "effectiveMemberCount": 1,
        }));
        let earlier = send(world, GROUPS, "Groups", json!({ "first": 10, "asOf": "2025-12-31" }));
        assert_eq!(earlier["groups"]["edges"][0]["node"]["memberCount"], json!(0));
    }

    fn memberships_and_the_tree(world) {
        let people: Vec<String> = ["Cornelis", "Anna", "Bas"].map(|name| world.person(name, name)).to_vec();
        let [top, middle, low] = ["Top", "Middle", "Low"].map(|name| world.group(name));
        let set = |group: &str, component: &str| {
            send(world, MEMBERSHIPS, "SetComponents", json!({ "input": { "groupId": group, "composition": "ANY", "components": [{ "groupId": component, "mode": "INCLUDE" }] } }))
        };
        set(&middle, &low);
        let done = set(&top, &middle);
        assert_eq!(done["setGroupComponents"]["group"]["components"], json!([{ "mode": "INCLUDE", "group": { "id": middle, "name": "Middle" } }]));
        let input = json!({ "groupId": low, "participantIds": people, "startDate": "2026-09-01", "startReasonCode": "JOINED", "role": "MEMBER", "dryRun": false });
        let added = send(world, MEMBERSHIPS, "AddMemberships", json!({ "input": input }));
        assert_eq!(added["addMemberships"]["added"], json!(3));
        assert_eq!(added["addMemberships"]["memberships"]["totalCount"], json!(3));
        let tree = send(world, GROUP_TREE, "GroupTree", json!({ "id": top, "members": 2 }));
        let lowest = &tree["group"]["components"][0]["group"]["components"][0]["group"];
        assert_eq!(lowest["memberships"]["totalCount"], json!(3));
        assert_eq!(lowest["memberships"]["edges"][0]["node"], json!({
            "startDate": "2026-09-01", "startReason": { "code": "JOINED", "label": "Joined" }, "endDate": null, "endReason": null,
            "role": "MEMBER", "origin": "MANUAL", "participant": { "id": people[1], "displayName": "Anna Anna", "kind": "PERSON" },
        }));
        assert_eq!(lowest["memberships"]["edges"].as_array().unwrap().len(), 2);
        let effective = send(world, EFFECTIVE_MEMBERS, "EffectiveMembers", json!({ "id": top, "first": 2 }));
        let members = &effective["group"]["effectiveMembers"];
        assert_eq!((effective["group"]["effectiveMemberCount"].clone(), members["totalCount"].clone()), (json!(3), json!(3)));
        assert_eq!(members["edges"][0]["via"][0]["groups"], json!([
            { "id": top, "name": "Top" }, { "id": middle, "name": "Middle" }, { "id": low, "name": "Low" },
        ]));
        let membership = text(&added["addMemberships"]["memberships"]["edges"][0]["node"]["id"]);
        let ended = send(world, MEMBERSHIPS, "EndMembership", json!({ "input": { "membershipId": membership, "endReasonCode": "LEFT", "note": "Weg" } }));
        assert_eq!(ended["endMembership"]["membership"], json!({
            "id": membership, "endDate": "2026-09-15", "endReason": { "code": "LEFT" }, "endNote": "Weg", "status": "ENDED",
        }));
        let query = "query($id: ID!) { membership(id: $id) { participant { id } } }";
        let person = world.data(query, json!({ "id": membership }))["membership"]["participant"]["id"].clone();
        let history = send(world, PERSON_HISTORY, "PersonHistory", json!({ "id": person }));
        let node = &history["participant"]["memberships"]["edges"][0]["node"];
        assert_eq!(node["group"], json!({ "id": low, "name": "Low", "category": null }));
        assert_eq!(node["history"]["edges"][0]["node"]["action"], "ENDED");
        assert_eq!(node["history"]["edges"][1]["node"]["action"], "CREATED");
    }
}

once! {
    fn the_copies_are_those_that_clients_send() {
        let shared = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/operations");
        for (name, copy) in [("groups", GROUPS), ("group_tree", GROUP_TREE), ("effective_members", EFFECTIVE_MEMBERS), ("person_history", PERSON_HISTORY), ("memberships", MEMBERSHIPS), ("content", CONTENT), ("feed", FEED), ("school_records", SCHOOL_RECORDS)] {
            if let Ok(original) = std::fs::read_to_string(shared.join(format!("{name}.graphql"))) {
                assert_eq!(copy, original, "{name}");
            }
        }
    }
}
