//! Adding members (M5) and ending memberships (M5b) without undoing what people did for themselves, and leaving (S2).

mod ending;
mod model;
mod moving;

use kring::access::Role;
use kring::id::{self, Kind};
use serde_json::{Value, json};

use crate::harness::{World, both, text};

/// What an addition shows.
const FIGURES: &str = "added alreadyMember optedOut refused { id participant { displayName } code message } \
    memberships(first: 50) { totalCount edges { node { participant { displayName } } } }";

/// An addition, carried out or refused as a whole.
fn add(world: &World, input: Value) -> Value {
    let query = format!(
        "mutation($i: AddMembershipsInput!) {{ addMemberships(input: $i) {{ {FIGURES} userErrors {{ code message }} }} }}"
    );
    world.data(&query, json!({ "i": input }))["addMemberships"].take()
}

fn figures(payload: &Value) -> [i64; 4] {
    let refused = payload["refused"].as_array().unwrap().len();
    let number = |field: &str| payload[field].as_i64().unwrap();
    [number("added"), number("alreadyMember"), number("optedOut"), i64::try_from(refused).unwrap()]
}

fn participant(world: &World, id: &str) -> String {
    world.token(Role::Participant, Some(id), None)
}

fn leave(world: &World, group: &str, who: &str) -> Value {
    let input = json!({ "groupId": group });
    world.done_as(&participant(world, who), "unsubscribe", "membership { id status endNote } warnings { code }", input)
}

/// Of a group: everybody's memberships as "name origin start end note".
fn rows(world: &World, group: &str) -> Vec<String> {
    let query = "query($id: ID!) { group(id: $id) { memberships(first: 100, filter: { status: ANY }, \
        orderBy: { field: PARTICIPANT_NAME, direction: ASC }) { edges { node { origin startDate endDate endNote participant { displayName } } } } } }";
    let found = world.data(query, json!({ "id": group }));
    let of = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let row = |edge: &Value| {
        let node = &edge["node"];
        let parts = [
            &node["participant"]["displayName"],
            &node["origin"],
            &node["startDate"],
            &node["endDate"],
            &node["endNote"],
        ];
        parts.map(of).join(" ")
    };
    found["group"]["memberships"]["edges"].as_array().unwrap().iter().map(row).collect()
}

both! {
    /// M5, A3, S5: a filter brings nobody back who left, and unties nobody from the source.
    fn m5_a_filter_brings_back_nobody_and_unties_nobody(world) {
        let source = world.group("Leden");
        let group = world.group_with(None, json!({ "name": "Nieuwskring", "subscriptionGroup": true, "sourceGroupId": source }));
        let [anna, bram, clara] = [("Anna", "Aalders"), ("Bram", "Berg"), ("Clara", "Cohen")].map(|(given, family)| world.person(given, family));
        let sources = world.add(&source, &[&anna, &bram], "2025-01-01");
        leave(world, &group, &anna);
        let input = |more: Value| {
            let mut input = json!({ "groupId": group, "filter": { "kinds": ["PERSON"] } });
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        let before = (world.rows("memberships"), world.rows("history"));
        let dry = add(world, input(json!({ "dryRun": true })));
        assert_eq!((figures(&dry), &dry["userErrors"]), ([1, 1, 1, 0], &json!([])));
        assert_eq!((world.rows("memberships"), world.rows("history")), before);
        let done = add(world, input(json!({})));
        assert_eq!((figures(&done), &done["userErrors"]), ([1, 1, 1, 0], &json!([])), "a dry run shows the same figures");
        assert_eq!(done["memberships"]["edges"], json!([{ "node": { "participant": { "displayName": "Clara Cohen" } } }]));
        assert_eq!(rows(world, &group), [
            "Anna Aalders SOURCE_GROUP 2026-09-15 2026-09-15 -", "Bram Berg SOURCE_GROUP 2026-09-15 - -", "Clara Cohen MANUAL 2026-09-15 - -",
        ]);
        // The same for one who is named.
        let named = add(world, json!({ "groupId": group, "participantIds": [anna, bram, clara] }));
        assert_eq!((figures(&named), &named["userErrors"]), ([0, 2, 1, 0], &json!([])));
        world.end(&sources[1], "2026-09-15");
        assert_eq!(world.members(&group, None), ["Clara Cohen"], "Bram leaves the one with the other");
    }

    fn m5_both_are_done_when_they_are_asked_for(world) {
        let source = world.group("Leden");
        let group = world.group_with(None, json!({ "name": "Nieuwskring", "subscriptionGroup": true, "sourceGroupId": source }));
        let [anna, bram] = [("Anna", "Aa"), ("Bram", "Bb")].map(|(given, family)| world.person(given, family));
        let sources = world.add(&source, &[&anna, &bram], "2025-01-01");
        leave(world, &group, &anna);
        let ask = |more: &str| {
            let mut input = json!({ "groupId": group, "participantIds": [anna, bram], "dryRun": true });
            input[more] = json!(true);
            figures(&add(world, input))
        };
        assert_eq!((ask("includeOptedOut"), ask("makePermanent"), ask("allowPartial")), ([1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 1, 0]));
        let all = json!({ "groupId": group, "participantIds": [anna, bram], "includeOptedOut": true, "makePermanent": true });
        assert_eq!(figures(&add(world, all)), [2, 0, 0, 0]);
        for source in &sources {
            world.end(source, "2026-09-15");
        }
        assert_eq!(world.members(&group, None), ["Anna Aa", "Bram Bb"]);
        // Anna did not join again by herself: once this is over she stays out.
        let found = world.data("query($id: ID!) { group(id: $id) { memberships(first: 9) { edges { node { id participant { displayName } } } } } }", json!({ "id": group }));
        for edge in found["group"]["memberships"]["edges"].as_array().unwrap() {
            world.end(&text(&edge["node"]["id"]), "2026-09-15");
        }
        world.add(&source, &[&anna, &bram], "2026-09-15");
        assert_eq!(world.members(&group, None), ["Bram Bb"]);
    }

    /// M5: only who is a member counts as one; who was or is to be one is told so.
    fn m5_a_period_that_lies_elsewhere_is_told(world) {
        let group = world.group("Koor");
        let people = ["Over", "Later", "Since", "Now", "Before"].map(|name| world.person(name, "X"));
        let [over, later, since, now, before] = &people;
        let ended = world.add(&group, &[over], "2026-01-01").remove(0);
        world.end(&ended, "2026-06-01");
        world.add(&group, &[later], "2026-12-01");
        world.add(&group, &[since], "2026-09-01");
        world.add(&group, &[now], "2026-01-01");
        let ended = world.add(&group, &[before], "2025-01-01").remove(0);
        world.end(&ended, "2025-06-01");
        let payload = add(world, json!({ "groupId": group, "participantIds": people, "startDate": "2026-03-01", "allowPartial": true }));
        assert_eq!(figures(&payload), [1, 1, 0, 3]);
        let told = |id: &str| payload["refused"].as_array().unwrap().iter().find(|one| one["id"] == id).cloned().unwrap();
        for (id, words) in [(over, "was a member from 2026-01-01 until 2026-06-01"), (later, "is to be a member from 2026-12-01 on"), (since, "has been a member since 2026-09-01")] {
            assert_eq!(told(id)["code"], "OVERLAPPING_PERIOD");
            assert!(text(&told(id)["message"]).contains(words), "{}", told(id));
        }
    }

    /// M5, K3: each refusal names the id that was asked for; somebody out of sight is refused as nobody is.
    fn m5_every_refusal_names_the_id_that_was_asked_for(world) {
        let [here, elsewhere] = ["Hier", "Daar"].map(|name| world.organization(name));
        let group = world.group_with(Some(&here), json!({ "name": "Koor" }));
        let anna = world.person_of(Some(&here), "Anna", "Aa");
        let hidden = world.person_of(Some(&elsewhere), "Verborgen", "Vv");
        let unknown = id::encode(Kind::Participant, 999_999);
        let clerk = world.token(Role::MembershipAdministrator, None, Some(&here));
        let query = format!("mutation($i: AddMembershipsInput!) {{ addMemberships(input: $i) {{ {FIGURES} userErrors {{ code }} }} }}");
        let asked = json!([anna, unknown, hidden, "geen id", group, anna, unknown, "geen id", ""]);
        let input = json!({ "groupId": group, "participantIds": asked, "allowPartial": true });
        let payload = world.data_as(&clerk, &query, json!({ "i": input }))["addMemberships"].take();
        assert_eq!(figures(&payload), [1, 0, 0, 5]);
        let mut refused: Vec<(String, String)> = payload["refused"].as_array().unwrap().iter().map(|one| (text(&one["id"]), text(&one["code"]))).collect();
        refused.sort();
        let mut expected = vec![(unknown.clone(), "NOT_FOUND"), (hidden.clone(), "NOT_FOUND"), ("geen id".into(), "INVALID_VALUE"), (group.clone(), "INVALID_VALUE"), (String::new(), "INVALID_VALUE")];
        expected.sort();
        assert_eq!(refused, expected.into_iter().map(|(id, code)| (id, code.to_owned())).collect::<Vec<_>>());
        let of = |id: &str| payload["refused"].as_array().unwrap().iter().find(|one| one["id"] == id).cloned().unwrap();
        assert_eq!((&of(&unknown)["message"], &of(&unknown)["participant"]), (&of(&hidden)["message"], &of(&hidden)["participant"]));
        // A filter names nobody, so the id is that of whom it found.
        world.add(&group, &[&world.person_of(Some(&here), "Later", "Ll")], "2026-12-01");
        let payload = add(world, json!({ "groupId": group, "filter": { "search": "later" }, "startDate": "2026-09-01" }));
        assert_eq!((&payload["refused"][0]["participant"]["displayName"], &payload["userErrors"][0]["code"]), (&json!("Later Ll"), &json!("OVERLAPPING_PERIOD")));
        assert_eq!(id::decode(&text(&payload["refused"][0]["id"])).map(|(kind, _)| kind), Some(Kind::Participant));
    }

    /// S2: whoever is no longer eligible, or never was, leaves; so does everybody where portal settings are enforced.
    fn s2_every_member_may_leave(world) {
        let organization = world.organization("Vereniging");
        let own = |settings: Value| world.group_with(Some(&organization), settings);
        let members = own(json!({ "name": "Leden" }));
        let letter = own(json!({ "name": "Ledenbrief", "subscriptionGroup": true, "restrictedToId": members }));
        let [anna, bram, clara, kind] = ["Anna", "Bram", "Clara", "Kind"].map(|name| world.person_of(Some(&organization), name, name));
        world.done("addGuardian", "child { id }", json!({ "childId": kind, "guardianId": anna }));
        let of_members = world.add(&members, &[&anna, &bram, &kind], "2025-01-01");
        for who in [&anna, &bram, &kind] {
            world.done_as(&participant(world, who), "subscribe", "membership { id }", json!({ "groupId": letter }));
        }
        world.add(&letter, &[&clara], "2026-09-01");
        world.end(&of_members[1], "2026-09-15");
        world.end(&of_members[2], "2026-09-15");
        assert_eq!(world.members(&letter, None).len(), 4, "a membership does not end with eligibility");
        let enforce = json!({ "participantId": organization, "details": { "organization": { "enforcePortalSettings": true } } });
        world.done("updateParticipant", "participant { id }", enforce);
        const OFFER: &str = "query($id: ID) { viewer { subscriptions(participantId: $id) { edges { node { group { id } canSubscribe canUnsubscribe unsubscribeErrors { code } } } } } }";
        for (token, whom) in [(participant(world, &bram), &bram), (participant(world, &clara), &clara), (participant(world, &anna), &kind)] {
            let offered = |can_leave: bool| {
                let found = world.data_as(&token, OFFER, json!({ "id": whom }));
                let errors = if can_leave { json!([]) } else { json!([{ "code": "NOT_A_MEMBER" }]) };
                let expected = json!([{ "node": { "group": { "id": letter }, "canSubscribe": false, "canUnsubscribe": can_leave, "unsubscribeErrors": errors } }]);
                assert_eq!(found["viewer"]["subscriptions"]["edges"], expected);
            };
            offered(true);
            world.done_as(&token, "unsubscribe", "membership { status }", json!({ "groupId": letter, "participantId": whom }));
            offered(false);
        }
        assert_eq!(world.members(&letter, None), ["Anna Anna"]);
        // Joining is as before.
        assert_eq!(world.refused_as(&participant(world, &bram), "subscribe", json!({ "groupId": letter })), ["NOT_ELIGIBLE", "NOT_CHANGEABLE_ON_PORTAL"]);
        let plain = own(json!({ "name": "Koor" }));
        world.add(&plain, &[&anna], "2025-01-01");
        assert_eq!(world.refused_as(&participant(world, &anna), "unsubscribe", json!({ "groupId": plain })), ["NOT_A_SUBSCRIPTION_GROUP"]);
    }

    /// S2: administrators are told who is in a restricted group and may no longer join it, in a fixed number of statements.
    fn s2_members_who_are_no_longer_eligible_are_listed(world) {
        let organization = world.organization("Vereniging");
        let own = |settings: Value| world.group_with(Some(&organization), settings);
        let cell = own(json!({ "name": "Cel" }));
        let council = own(json!({ "name": "Raad" }));
        world.compose(&council, "ANY", &[(&cell, "INCLUDE")]);
        let people: Vec<String> = ["Anna", "Bram", "Clara", "Dirk", "Eva"].iter().map(|name| world.person_of(Some(&organization), name, "X")).collect();
        let all: Vec<&str> = people.iter().map(String::as_str).collect();
        let memberships = world.add(&cell, &all, "2025-01-01");
        let letter = own(json!({ "name": "Brief", "subscriptionGroup": true, "restrictedToId": council }));
        // Four come to it by hand or by themselves, and Eva because the cell feeds it.
        world.add(&letter, &all[..3], "2026-09-01");
        world.done_as(&participant(world, all[3]), "subscribe", "membership { id }", json!({ "groupId": letter }));
        const LIST: &str = "query($id: ID!, $first: Int, $after: String) { group(id: $id) { ineligibleMemberships(first: $first, after: $after) { totalCount pageInfo { endCursor hasNextPage } edges { node { origin participant { displayName } } } } } }";
        let list = |token: &str, first: i64, after: Value| world.data_as(token, LIST, json!({ "id": letter, "first": first, "after": after }))["group"]["ineligibleMemberships"].take();
        let names = |found: &Value| found["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["participant"]["displayName"])).collect::<Vec<_>>();
        let clerk = world.token(Role::MembershipAdministrator, None, Some(&organization));
        assert_eq!(list(&clerk, 10, Value::Null)["totalCount"], 0);
        for membership in [0, 2, 3] {
            world.end(&memberships[membership], "2026-09-15");
        }
        let found = list(&clerk, 2, Value::Null);
        assert_eq!((names(&found), &found["totalCount"], &found["pageInfo"]["hasNextPage"]), (vec!["Anna X".to_owned(), "Clara X".into()], &json!(3), &json!(true)));
        let rest = list(&clerk, 2, found["pageInfo"]["endCursor"].clone());
        assert_eq!((names(&rest), &rest["edges"][0]["node"]["origin"], &rest["pageInfo"]["hasNextPage"]), (vec!["Dirk X".to_owned()], &json!("SUBSCRIPTION"), &json!(false)));
        for token in [participant(world, all[0]), world.token(Role::Staff, None, Some(&organization))] {
            assert_eq!(list(&token, 9, Value::Null), Value::Null);
        }
        // Whoever follows from another group is none of them.
        let fed = own(json!({ "name": "Gevoed", "subscriptionGroup": true, "restrictedToId": council, "sourceGroupId": letter }));
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Group { ineligibleMemberships(first: 1) { totalCount edges { node { id } } } } } }";
        let found = world.data_as(&clerk, query, json!({ "ids": [fed, cell] }));
        assert_eq!(found["nodes"], json!([{ "ineligibleMemberships": { "totalCount": 0, "edges": [] } }, { "ineligibleMemberships": { "totalCount": 0, "edges": [] } }]));
        let groups: Vec<String> = (0..20).map(|n| own(json!({ "name": format!("Brief {n}"), "subscriptionGroup": true, "restrictedToId": if n % 2 == 0 { &council } else { &cell } }))).collect();
        for group in &groups {
            world.add(group, &all, "2026-09-01");
        }
        let spent = |ids: &[String]| {
            world.data_as(&clerk, query, json!({ "ids": ids }));
            let before = world.db.statements();
            let found = world.data_as(&clerk, query, json!({ "ids": ids }));
            assert!(found["nodes"].as_array().unwrap().iter().all(|node| node["ineligibleMemberships"]["totalCount"] == 3), "{found}");
            world.db.statements() - before
        };
        assert_eq!(spent(&groups[..1]), spent(&groups));
    }
}
