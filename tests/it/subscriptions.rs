//! Joining and leaving by oneself (S1 to S5), and what is offered.

use kring::access::Role;
use serde_json::{Value, json};

use crate::harness::{RUNTIME, World, both, once, text};

const SUBSCRIPTIONS: &str = include_str!("operations/subscriptions.graphql");

fn send(world: &World, token: &str, operation: &str, input: Value) -> Value {
    let body =
        json!({ "query": SUBSCRIPTIONS, "operationName": operation, "variables": { "input": input } }).to_string();
    let (status, text) = RUNTIME.block_on(world.send(World::post(Some(token), body)));
    assert_eq!(status, 200, "{text}");
    let mut answer: Value = serde_json::from_str(&text).unwrap();
    assert!(answer.get("errors").is_none(), "{text}");
    let field = if operation == "Subscribe" { "subscribe" } else { "unsubscribe" };
    answer["data"][field].take()
}

fn codes(payload: &Value) -> Vec<String> {
    payload["userErrors"].as_array().unwrap().iter().map(|error| text(&error["code"])).collect()
}

fn newsletter(world: &World, settings: Value) -> String {
    let mut all = json!({ "name": "Nieuwsbrief", "subscriptionGroup": true });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    world.group_with(None, all)
}

fn participant(world: &World, id: &str) -> String {
    world.token(Role::Participant, Some(id), None)
}

both! {
    fn s4_joining_and_leaving_word_for_word(world) {
        let group = newsletter(world, json!({}));
        let anna = world.person("Anna", "Aa");
        let token = participant(world, &anna);
        let joined = send(world, &token, "Subscribe", json!({ "groupId": group, "clientMutationId": "1" }));
        let membership = &joined["membership"];
        assert_eq!(joined["userErrors"], json!([]));
        assert_eq!(*membership, json!({
            "id": membership["id"], "startDate": "2026-09-15", "startReason": { "code": "SELF_SUBSCRIBED" },
            "origin": "SUBSCRIPTION", "status": "ACTIVE", "group": { "id": group, "memberCount": 1 },
        }));
        let again = send(world, &token, "Subscribe", json!({ "groupId": group, "clientMutationId": "1" }));
        assert_eq!(again["membership"]["id"], membership["id"], "a repeated request has the first answer");
        assert_eq!(codes(&send(world, &token, "Subscribe", json!({ "groupId": group }))), ["ALREADY_MEMBER"]);
        let left = send(world, &token, "Unsubscribe", json!({ "groupId": group, "endReasonCode": "LEFT", "note": "Te veel" }));
        assert_eq!(left["membership"], json!({
            "id": membership["id"], "endDate": "2026-09-15", "endReason": { "code": "LEFT" }, "endNote": "Te veel",
            "status": "ENDED", "group": { "id": group, "memberCount": 0 },
        }));
        assert_eq!(codes(&send(world, &token, "Unsubscribe", json!({ "groupId": group }))), ["NOT_A_MEMBER"]);
        let back = send(world, &token, "Subscribe", json!({ "groupId": group }));
        assert_ne!(back["membership"]["id"], membership["id"], "coming back makes a new row");
        let left = send(world, &token, "Unsubscribe", json!({ "groupId": group }));
        assert_eq!(left["membership"]["endReason"]["code"], "SELF_UNSUBSCRIBED");
    }

    fn s1_only_a_subscription_group(world) {
        let plain = world.group("Plain");
        let anna = world.person("Anna", "Aa");
        world.add(&plain, &[&anna], "2026-01-01");
        let token = participant(world, &anna);
        for (operation, expected) in [("Subscribe", vec!["NOT_A_SUBSCRIPTION_GROUP", "ALREADY_MEMBER"]), ("Unsubscribe", vec!["NOT_A_SUBSCRIPTION_GROUP"])] {
            assert_eq!(codes(&send(world, &token, operation, json!({ "groupId": plain }))), expected);
        }
    }

    fn s2_restricted_to_the_effective_members_of_a_group(world) {
        let [council, cell] = ["Council", "Cell"].map(|name| world.group(name));
        world.compose(&council, "ANY", &[(&cell, "INCLUDE")]);
        let group = newsletter(world, json!({ "restrictedToId": council }));
        let [anna, bas] = ["Anna", "Bas"].map(|name| world.person(name, name));
        let member = world.add(&cell, &[&anna], "2026-09-01");
        let [anna, bas] = [anna, bas].map(|id| participant(world, &id));
        assert_eq!(codes(&send(world, &bas, "Subscribe", json!({ "groupId": group }))), ["NOT_ELIGIBLE"]);
        assert_eq!(codes(&send(world, &bas, "Unsubscribe", json!({ "groupId": group }))), ["NOT_A_MEMBER"], "leaving is not restricted");
        assert_eq!(codes(&send(world, &anna, "Subscribe", json!({ "groupId": group }))), [""; 0]);
        world.end(&member[0], "2026-09-15");
        assert_eq!(codes(&send(world, &anna, "Unsubscribe", json!({ "groupId": group }))), [""; 0]);
    }

    fn s3_oneself_a_guardian_an_administrator_and_nobody_else(world) {
        let [here, elsewhere] = ["Hier", "Daar"].map(|name| world.organization(name));
        let group = world.group_with(Some(&here), json!({ "name": "Koor", "subscriptionGroup": true }));
        let person = |name: &str| world.person_of(Some(&here), name, name);
        let [mother, child, other] = ["Moeder", "Kind", "Ander"].map(person);
        let stranger = world.person_of(Some(&elsewhere), "Vreemde", "Vreemde");
        world.done("addGuardian", "child { id }", json!({ "childId": child, "guardianId": mother }));
        let for_child = json!({ "groupId": group, "participantId": child });
        let tokens = [
            (participant(world, &other), vec!["FORBIDDEN"]),
            (participant(world, &stranger), vec!["FORBIDDEN"]),
            (world.token(Role::Staff, Some(&other), Some(&here)), vec!["FORBIDDEN"]),
            (world.token(Role::MembershipAdministrator, None, Some(&elsewhere)), vec!["FORBIDDEN"]),
            (participant(world, &mother), vec![]),
        ];
        for (token, expected) in &tokens {
            assert_eq!(codes(&send(world, token, "Subscribe", for_child.clone())), *expected);
        }
        let unknown = json!({ "groupId": group, "participantId": "UGFydGljaXBhbnQ6OTk5OTk" });
        assert_eq!(codes(&send(world, &tokens[0].0, "Subscribe", unknown.clone())), ["FORBIDDEN"], "nobody learns who exists");
        let gone = json!({ "groupId": "R3JvdXA6OTk5OTk", "participantId": child });
        assert_eq!(codes(&send(world, &tokens[0].0, "Subscribe", gone)), ["FORBIDDEN"], "nor which groups");
        let administrator = world.token(Role::MembershipAdministrator, None, Some(&here));
        assert_eq!(codes(&send(world, &administrator, "Unsubscribe", for_child)), [""; 0]);
        assert_eq!(codes(&send(world, &administrator, "Subscribe", json!({ "groupId": group }))), ["REQUIRED"]);
        assert_eq!(codes(&send(world, &administrator, "Subscribe", json!({ "groupId": group, "participantId": stranger }))), ["NOT_FOUND"]);
        assert_eq!(codes(&send(world, &administrator, "Subscribe", unknown)), ["NOT_FOUND"]);
        let own = participant(world, &stranger);
        assert_eq!(codes(&send(world, &own, "Subscribe", json!({ "groupId": group }))), ["NOT_FOUND"], "a group of another organization");
        assert_eq!(codes(&send(world, &own, "Subscribe", json!({ "groupId": "R3JvdXA6OTk5OTk" }))), ["NOT_FOUND"], "an unknown group");
        let body = json!({ "query": SUBSCRIPTIONS, "operationName": "Subscribe", "variables": { "input": { "groupId": group } } }).to_string();
        let (_, answer) = RUNTIME.block_on(world.send(World::post(None, body)));
        assert!(answer.contains("UNAUTHENTICATED"), "{answer}");
    }

    fn a_token_of_a_participant_who_is_gone(world) {
        let group = newsletter(world, json!({}));
        let token = participant(world, "UGFydGljaXBhbnQ6OTk5OTk");
        assert_eq!(codes(&send(world, &token, "Subscribe", json!({ "groupId": group }))), ["NOT_FOUND"]);
        assert_eq!(world.rows("memberships"), 0);
    }

    fn s5_whoever_leaves_a_fed_group_stays_out_until_joining_again(world) {
        let source = world.group("Source");
        let group = newsletter(world, json!({ "sourceGroupId": source }));
        let anna = world.person("Anna", "Aa");
        let sources = world.add(&source, &[&anna], "2026-09-01");
        let token = participant(world, &anna);
        assert_eq!(codes(&send(world, &token, "Subscribe", json!({ "groupId": group }))), ["ALREADY_MEMBER"]);
        let left = send(world, &token, "Unsubscribe", json!({ "groupId": group }));
        assert_eq!((&left["membership"]["status"], &left["membership"]["endReason"]["code"]), (&json!("ENDED"), &json!("SELF_UNSUBSCRIBED")));
        assert_eq!(world.members(&source, None), ["Anna Aa"], "the source is not touched");
        let switch = |source: Option<&str>| {
            world.done("updateGroup", "group { id }", json!({ "groupId": group, "settings": { "sourceGroupId": source } }));
        };
        world.end(&sources[0], "2026-09-15");
        world.add(&source, &[&anna], "2026-09-15");
        switch(None);
        switch(Some(&source));
        assert_eq!(world.members(&group, None), [""; 0], "no later sync brings her back");
        assert_eq!(codes(&send(world, &token, "Subscribe", json!({ "groupId": group }))), [""; 0]);
        let membership = send(world, &token, "Subscribe", json!({ "groupId": group }));
        assert_eq!(codes(&membership), ["ALREADY_MEMBER"]);
        let query = "{ viewer { memberships(first: 9, filter: { origin: SUBSCRIPTION }) { edges { node { id } } } } }";
        let own = world.data_as(&token, query, json!({}));
        let id = text(&own["viewer"]["memberships"]["edges"][0]["node"]["id"]);
        world.done("annulMembership", "membership { id }", json!({ "membershipId": id }));
        assert_eq!(world.members(&group, None), ["Anna Aa"], "having joined again, she is fed again");
    }

    fn g2_an_organization_can_enforce_its_portal_settings(world) {
        let organization = world.organization("Vereniging");
        let anna = world.person_of(Some(&organization), "Anna", "Aa");
        let token = participant(world, &anna);
        let group = world.group_with(Some(&organization), json!({ "name": "Koor", "subscriptionGroup": true }));
        let settings = |settings: Value| {
            world.done("updateGroup", "group { id }", json!({ "groupId": group, "settings": settings }));
        };
        let enforce = |enforce: bool| {
            let input = json!({ "participantId": organization, "details": { "organization": { "enforcePortalSettings": enforce } } });
            world.done("updateParticipant", "participant { id }", input);
        };
        let attempt = |operation: &str| codes(&send(world, &token, operation, json!({ "groupId": group })));
        assert_eq!((attempt("Subscribe"), attempt("Unsubscribe")), (vec![], vec![]), "hidden and fixed, it can be joined and left");
        enforce(true);
        assert_eq!(attempt("Subscribe"), ["NOT_CHANGEABLE_ON_PORTAL"]);
        settings(json!({ "visibleOnPortal": true }));
        assert_eq!(attempt("Subscribe"), ["NOT_CHANGEABLE_ON_PORTAL"]);
        settings(json!({ "changeableOnPortal": true }));
        assert_eq!(attempt("Subscribe"), [""; 0]);
        world.done("closeGroup", "group { id }", json!({ "groupId": group }));
        assert_eq!(attempt("Unsubscribe"), [""; 0], "a closed group can be left");
        assert_eq!(attempt("Subscribe"), ["GROUP_CLOSED"]);
        enforce(false);
        assert_eq!(attempt("Subscribe"), [""; 0]);
        enforce(true);
        settings(json!({ "changeableOnPortal": false }));
        assert_eq!(attempt("Unsubscribe"), [""; 0], "whatever the settings, it can be left");
    }

    fn the_viewer_sees_what_can_be_joined_and_left_and_why_not(world) {
        let [here, elsewhere] = ["Hier", "Daar"].map(|name| world.organization(name));
        let owned = |owner: &str, name: &str, settings: Value| {
            let mut all = json!({ "name": name, "subscriptionGroup": true });
            all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
            world.group_with(Some(owner), all)
        };
        let [mother, child] = ["Moeder", "Kind"].map(|name| world.person_of(Some(&here), name, name));
        world.done("addGuardian", "child { id }", json!({ "childId": child, "guardianId": mother }));
        let board = world.group_with(Some(&here), json!({ "name": "Board" }));
        owned(&here, "A open", json!({}));
        owned(&here, "B hidden and restricted", json!({ "restrictedToId": board }));
        owned(&here, "C restricted", json!({ "restrictedToId": board, "visibleOnPortal": true }));
        let member = owned(&here, "D member", json!({}));
        let left = owned(&here, "E left", json!({}));
        owned(&elsewhere, "F elsewhere", json!({ "visibleOnPortal": true }));
        world.group_with(Some(&here), json!({ "name": "G plain", "visibleOnPortal": true }));
        let added = world.add(&left, &[&child], "2026-01-01");
        world.end(&added[0], "2026-09-01");
        world.add(&member, &[&child], "2026-01-01");
        let query = "query($id: ID, $first: Int, $after: String) { viewer { subscriptions(participantId: $id, first: $first, after: $after) { totalCount pageInfo { endCursor hasNextPage } edges { node { \
                     group { name } membership { status } canSubscribe subscribeErrors { code message } canUnsubscribe unsubscribeErrors { code } } } } } }";
        let list = |token: &str, id: Option<&str>| {
            let data = world.data_as(token, query, json!({ "id": id }));
            let found = &data["viewer"]["subscriptions"];
            let codes = |errors: &Value| errors.as_array().unwrap().iter().map(|error| text(&error["code"])).collect::<Vec<_>>().join(",");
            let lines: Option<Vec<String>> = found["edges"].as_array().map(|edges| edges.iter().map(|edge| {
                let node = &edge["node"];
                assert_eq!(node["canSubscribe"], json!(node["subscribeErrors"] == json!([])));
                assert_eq!(node["canUnsubscribe"], json!(node["unsubscribeErrors"] == json!([])));
                format!("{}: {} join[{}] leave[{}]", text(&node["group"]["name"]), node["membership"]["status"].as_str().unwrap_or("-"), codes(&node["subscribeErrors"]), codes(&node["unsubscribeErrors"]))
            }).collect());
            assert!(lines.as_ref().is_none_or(|lines| found["totalCount"] == json!(lines.len())));
            lines
        };
        let expected = vec![
            "A open: - join[] leave[NOT_A_MEMBER]".to_owned(),
            "C restricted: - join[NOT_ELIGIBLE] leave[NOT_A_MEMBER]".to_owned(),
            "D member: ACTIVE join[ALREADY_MEMBER] leave[]".to_owned(),
            "E left: ENDED join[] leave[NOT_A_MEMBER]".to_owned(),
        ];
        let guardian = participant(world, &mother);
        assert_eq!(list(&guardian, Some(&child)).unwrap(), expected);
        assert_eq!(list(&participant(world, &child), None).unwrap(), expected);
        let administrator = world.token(Role::MembershipAdministrator, None, Some(&here));
        assert_eq!(list(&administrator, Some(&child)).unwrap(), expected);
        assert_eq!(list(&administrator, None), None);
        assert_eq!(list(&world.token(Role::MembershipAdministrator, None, Some(&elsewhere)), Some(&child)), None);
        assert_eq!(list(&participant(world, &child), Some(&mother)), None);
        let page = world.data_as(&guardian, query, json!({ "id": child, "first": 3 }));
        let info = &page["viewer"]["subscriptions"]["pageInfo"];
        let rest = world.data_as(&guardian, query, json!({ "id": child, "first": 3, "after": info["endCursor"] }));
        assert_eq!(rest["viewer"]["subscriptions"]["edges"].as_array().unwrap().len(), 1);
        let before = world.db.statements();
        list(&guardian, Some(&child));
        assert!(world.db.statements() - before < 25, "{}", world.db.statements() - before);
    }
}

fn at_midnight(mut world: World) {
    let group = newsletter(&world, json!({}));
    let anna = world.person("Anna", "Aa");
    let midnight = chrono::TimeZone::with_ymd_and_hms(&chrono::Utc, 2026, 9, 15, 22, 0, 0).unwrap();
    let grants = [(Role::Participant, None)];
    let key = kring::id::decode_as(kring::id::Kind::Participant, &anna);
    let token = world.keys.sign(key, &grants, "Anna", midnight, chrono::Duration::hours(1)).unwrap();
    let moments = [
        (midnight - chrono::Duration::milliseconds(1), chrono_tz::Europe::Amsterdam, "2026-09-15"),
        (midnight, chrono_tz::Europe::Amsterdam, "2026-09-16"),
        (midnight, chrono_tz::America::Curacao, "2026-09-15"),
        (midnight, chrono_tz::Pacific::Kiritimati, "2026-09-16"),
    ];
    for (moment, zone, date) in moments {
        world.turn_clock(moment, zone);
        let joined = send(&world, &token, "Subscribe", json!({ "groupId": group }));
        assert_eq!(joined["membership"]["startDate"], json!(date), "{moment} {zone}");
        assert_eq!(joined["membership"]["status"], "ACTIVE");
        let left = send(&world, &token, "Unsubscribe", json!({ "groupId": group }));
        assert_eq!(
            (&left["membership"]["endDate"], &left["membership"]["status"]),
            (&json!(date), &json!("ENDED")),
            "{moment} {zone}"
        );
    }
}

once! {
    fn s4_the_date_is_that_of_the_zone_to_the_second() {
        at_midnight(World::sqlite());
    }

    fn the_copy_is_what_clients_send() {
        let shared = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/operations/subscriptions.graphql");
        if let Ok(original) = std::fs::read_to_string(shared) {
            assert_eq!(SUBSCRIPTIONS, original);
        }
    }
}
