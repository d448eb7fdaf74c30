//! A stored filter that cannot be read concerns its own group, and nobody else.

use kring::access::Role;
use kring::db::Sql;
use kring::id::{self, Kind};
use serde_json::{Value, json};

use super::number;
use crate::harness::World;

cases!(
    g9_a_nul_never_comes_into_a_filter,
    an_unreadable_filter_makes_nobody_a_member_and_stops_nobody_else,
    an_unreadable_filter_can_be_replaced,
);

/// Filters that are JSON, and yet cannot be read or compared.
const UNREADABLE: [&str; 8] = [
    r#"{"city":"a\u0000b"}"#,
    r#"{"search":"a\u0000"}"#,
    r#"{"external_ids":["\u0000"]}"#,
    r#"{"kinds":["ALIEN"]}"#,
    r#"{"planet":"Mars"}"#,
    r#"{"born_from":"never"}"#,
    r#"["city"]"#,
    "17",
];

/// Writes a filter past the gateway, as an older program or another one may have done.
fn store(world: &World, group: &str, filter: &str) {
    let group = id::decode_as(Kind::Group, group).unwrap();
    let sql = Sql::new("UPDATE groups SET member_filter = ").string(filter).text(" WHERE id = ").int(group);
    world.db.write(|conn| Ok(sql.execute(conn)?)).unwrap();
    let touch = Sql::new("UPDATE composition_revision SET revision = revision + 1");
    world.db.write(|conn| Ok(touch.execute(conn)?)).unwrap();
}

fn g9_a_nul_never_comes_into_a_filter(world: &World) {
    let group = world.group("G");
    let texts = ["search", "complexNumber", "dwellingType", "city", "postalCode"];
    for text in ["a\0b", "a\u{202e}b", "a\nb", "a\tb", "\u{2066}a"] {
        let filters = texts.iter().map(|name| json!({ *name: text })).chain([json!({ "externalIds": ["x", text] })]);
        for filter in filters {
            let settings = json!({ "settings": { "name": "D", "memberFilter": filter } });
            assert_eq!(world.refused("createGroup", settings), ["INVALID_VALUE"], "{filter}");
            let settings = json!({ "groupId": group, "settings": { "memberFilter": filter } });
            assert_eq!(world.refused("updateGroup", settings), ["INVALID_VALUE"], "{filter}");
            let addition = json!({ "groupId": group, "filter": filter });
            assert_eq!(world.refused("addMemberships", addition), ["INVALID_VALUE"], "{filter}");
            let query = "query($filter: ParticipantFilter) { participants(filter: $filter) { totalCount } }";
            let listed = world.ask(query, json!({ "filter": filter }));
            assert_eq!(listed["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{filter}: {listed}");
        }
    }
    assert_eq!(world.rows("groups"), 1);
}

/// What everybody asks all the time.
fn goes_on(world: &World, group: &str, person: &str, why: &str) {
    let query = "query($g: ID!, $p: ID!) { group(id: $g) { isMember(participantId: $p) effectiveMemberCount } \
                 participant(id: $p) { effectiveGroups { totalCount edges { node { name } } } } \
                 groups { edges { node { name kind effectiveMemberCount memberFilter { unreadable } } } } \
                 contents { totalCount } }";
    let found = world.ask(query, json!({ "g": group, "p": person }));
    assert!(found.get("errors").is_none(), "{why}: {found}");
    assert_eq!(found["data"]["group"], json!({ "isMember": true, "effectiveMemberCount": 1 }), "{why}");
    let groups = &found["data"]["participant"]["effectiveGroups"];
    assert_eq!(groups["edges"], json!([{ "node": { "name": "Fed" } }, { "node": { "name": "Plain" } }]), "{why}");
    let token = world.token(Role::Participant, Some(person), None);
    let query = "{ viewer { feed { totalCount } subscriptions { totalCount } } groups { totalCount } }";
    let seen = world.ask_as(Some(&token), query, json!({}));
    assert!(seen.get("errors").is_none(), "{why}: {seen}");
}

fn an_unreadable_filter_makes_nobody_a_member_and_stops_nobody_else(world: &World) {
    let (person, plain) = (world.person("Ann", "Lee"), world.group("Plain"));
    world.add(&plain, &[&person], "2026-01-01");
    // Groups that take their members from a dynamic one are worked out together with the others.
    world.group_with(None, json!({ "name": "Fed", "sourceGroupId": plain }));
    let settings = json!({ "name": "Poison", "memberFilter": { "search": "nobody" } });
    let poison = world.group_with(None, settings);
    world.group_with(None, json!({ "name": "From poison", "sourceGroupId": poison }));
    let composite = world.group("Composite");
    world.compose(&composite, "ANY", &[(&poison, "INCLUDE")]);
    for (n, filter) in UNREADABLE.iter().enumerate() {
        store(world, &poison, filter);
        goes_on(world, &plain, &person, filter);
        for group in [&poison, &composite] {
            assert_eq!(world.members(group, None), Vec::<String>::new(), "{filter}");
        }
        let query = "query($id: ID!) { group(id: $id) { kind memberFilter { unreadable city everybody kinds } } }";
        let shown = world.data(query, json!({ "id": poison }))["group"].take();
        let told = json!({ "unreadable": true, "city": null, "everybody": false, "kinds": null });
        assert_eq!(shown, json!({ "kind": "DYNAMIC", "memberFilter": told }), "{filter}");
        // Writing goes on as well: members, people and groups that others follow from, and content.
        let other = world.person("Bob", &format!("B{n}"));
        let membership = world.add(&plain, &[&other], "2026-01-01").remove(0);
        world.done("annulMembership", "membership { id }", json!({ "membershipId": membership }));
        let title = json!({ "newsItem": { "title": "t", "body": "b" } });
        let query = "mutation($input: CreateContentInput!) { createContent(input: $input) { content { id } } }";
        assert!(world.data(query, json!({ "input": title }))["createContent"]["content"]["id"].is_string());
    }
    assert_eq!(number(world, json!({ "search": "ann" })), 1);
}

fn an_unreadable_filter_can_be_replaced(world: &World) {
    world.person("Ann", "Lee");
    let group = world.group_with(None, json!({ "name": "D", "memberFilter": { "search": "ann" } }));
    store(world, &group, UNREADABLE[0]);
    let renamed = json!({ "groupId": group, "settings": { "name": "E" } });
    let after = world.done("updateGroup", "group { name memberFilter { unreadable } }", renamed);
    assert_eq!(after["group"], json!({ "name": "E", "memberFilter": { "unreadable": true } }));
    let stored = "SELECT member_filter FROM groups WHERE name = 'E'";
    let text = world.db.read(|conn| Ok(Sql::new(stored).first::<diesel::sql_types::Text, String>(conn)?)).unwrap();
    assert_eq!(text.as_deref(), Some(UNREADABLE[0]), "what cannot be read is kept");
    let replaced = json!({ "groupId": group, "settings": { "memberFilter": { "search": "ann" } } });
    world.done("updateGroup", "group { id }", replaced);
    assert_eq!(world.members(&group, None), ["Ann Lee"]);
    store(world, &group, UNREADABLE[3]);
    let plain: Value = json!({ "groupId": group, "settings": { "memberFilter": null } });
    let after = world.done("updateGroup", "group { kind }", plain);
    assert_eq!(after["group"]["kind"], "STATIC");
    world.done("deleteGroup", "deletedId", json!({ "groupId": group }));
}
