//! Memberships: periods, reasons, origins, adding many, ending, correcting, annulling, history, repetition.

use serde_json::{Value, json};

use crate::harness::{World, both, ids, text};

const MEMBERSHIPS: &str = "query($id: ID!, $status: MembershipStatusFilter, $on: Date) { group(id: $id) { memberCount(asOf: $on) \
     memberships(first: 100, filter: { status: $status, asOf: $on }) { totalCount edges { node { id status startDate endDate } } } } }";

fn list(world: &World, group: &str, status: &str, on: Option<&str>) -> Vec<String> {
    let found = world.data(MEMBERSHIPS, json!({ "id": group, "status": status, "on": on }));
    let connection = &found["group"]["memberships"];
    assert_eq!(connection["totalCount"], json!(connection["edges"].as_array().unwrap().len()));
    ids(connection)
}

fn membership(world: &World, id: &str) -> Value {
    let query = "query($id: ID!) { membership(id: $id) { startDate startReason { code } endDate endReason { code } endNote role origin \
                 status annulledAt group { id } participant { id } } }";
    world.data(query, json!({ "id": id }))["membership"].take()
}

both! {
    fn m1_leaving_works_at_once(world) {
        let group = world.group("G");
        let jan = world.person("Jan", "Jansen");
        let id = world.add(&group, &[&jan], "2026-09-01").remove(0);
        assert_eq!(list(world, &group, "ACTIVE", Some("2026-08-31")), Vec::<String>::new());
        assert_eq!(list(world, &group, "SCHEDULED", Some("2026-08-31")), [id.clone()]);
        assert_eq!(list(world, &group, "ACTIVE", Some("2026-09-01")), [id.clone()]);
        world.done("endMembership", "membership { endDate }", json!({ "membershipId": id, "endReasonCode": "LEFT", "note": "Verhuisd" }));
        assert_eq!(membership(world, &id), json!({
            "startDate": "2026-09-01", "startReason": { "code": "JOINED" }, "endDate": "2026-09-15", "endReason": { "code": "LEFT" },
            "endNote": "Verhuisd", "role": "MEMBER", "origin": "MANUAL", "status": "ENDED", "annulledAt": null,
            "group": { "id": group }, "participant": { "id": jan },
        }));
        assert_eq!(list(world, &group, "ACTIVE", None), Vec::<String>::new());
        assert_eq!(list(world, &group, "ACTIVE", Some("2026-09-14")), [id.clone()]);
        assert_eq!(list(world, &group, "ENDED", None), [id.clone()]);
        assert_eq!(list(world, &group, "ANY", None), [id]);
        // Whoever joins and leaves on one day was never a member, and may come back that day.
        let again = world.add(&group, &[&jan], "2026-09-15").remove(0);
        world.end(&again, "2026-09-15");
        assert_eq!(list(world, &group, "ACTIVE", Some("2026-09-15")), Vec::<String>::new());
        world.add(&group, &[&jan], "2026-09-15");
    }

    fn m2_periods_never_overlap_and_coming_back_makes_a_new_row(world) {
        let group = world.group("G");
        let jan = world.person("Jan", "Jansen");
        let first = world.add(&group, &[&jan], "2026-01-01").remove(0);
        world.end(&first, "2026-10-01");
        let second = world.add(&group, &[&jan], "2026-10-01").remove(0);
        assert_ne!(first, second);
        for (id, change) in [
            (&first, json!({ "endDate": "2026-10-02" })),
            (&first, json!({ "endDate": null })),
            (&second, json!({ "startDate": "2026-09-30" })),
        ] {
            let mut input = json!({ "membershipId": id });
            input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            assert_eq!(world.refused("updateMembership", input), ["OVERLAPPING_PERIOD"], "{change}");
        }
        let between = json!({ "groupId": group, "participantIds": [jan], "startDate": "2025-06-01" });
        assert_eq!(world.refused("addMemberships", between), ["OVERLAPPING_PERIOD"]);
        assert_eq!(world.members(&group, Some("2026-09-30")).len(), 1);
        assert_eq!(world.members(&group, Some("2026-10-01")).len(), 1);
    }

    fn m3_every_start_and_end_has_a_reason(world) {
        let group = world.group("G");
        let jan = world.person("Jan", "Jansen");
        let unknown = json!({ "groupId": group, "participantIds": [jan], "startReasonCode": "NOPE" });
        assert_eq!(world.refused("addMemberships", unknown), ["NOT_FOUND"]);
        let made = world.done("createStartReason", "startReason { id code label system retired }", json!({ "code": "ELECTED", "label": "Gekozen" }));
        let reason = text(&made["startReason"]["id"]);
        assert_eq!(made["startReason"], json!({ "id": reason, "code": "ELECTED", "label": "Gekozen", "system": false, "retired": false }));
        let elected = json!({ "groupId": group, "participantIds": [jan], "startReasonCode": "ELECTED" });
        world.done("addMemberships", "added", elected.clone());
        let id = list(world, &group, "ACTIVE", None).remove(0);
        assert_eq!(world.refused("endMembership", json!({ "membershipId": id })), ["REASON_REQUIRED"]);
        assert_eq!(world.refused("updateMembership", json!({ "membershipId": id, "endDate": "2026-12-01" })), ["REASON_REQUIRED"]);
        // A reason in use is retired, not deleted; then it is kept, and not offered any more.
        assert_eq!(world.refused("deleteStartReason", json!({ "reasonId": reason })), ["IN_USE"]);
        world.done("updateStartReason", "startReason { retired }", json!({ "reasonId": reason, "retired": true }));
        let piet = world.person("Piet", "Pietersen");
        let mut again = elected;
        again["participantIds"] = json!([piet]);
        assert_eq!(world.refused("addMemberships", again), ["REASON_RETIRED"]);
        assert_eq!(membership(world, &id)["startReason"]["code"], "ELECTED");
        let codes = |data: &Value| data["startReasons"].as_array().unwrap().iter().map(|reason| text(&reason["code"])).collect::<Vec<_>>();
        assert!(!codes(&world.data("{ startReasons { code } }", json!({}))).contains(&"ELECTED".to_owned()));
        assert!(codes(&world.data("{ startReasons(includeRetired: true) { code } }", json!({}))).contains(&"ELECTED".to_owned()));
    }

    fn m3_system_reasons_come_with_the_gateway_and_stay(world) {
        let found = world.data("{ startReasons { id code system } endReasons { id code system } }", json!({}));
        for (list, code) in [("startReasons", "SELF_SUBSCRIBED"), ("startReasons", "MOVED_IN"), ("startReasons", "JOINED_SOURCE_GROUP"),
            ("startReasons", "YEAR_TRANSITION"), ("startReasons", "IMPORTED"), ("endReasons", "SELF_UNSUBSCRIBED"), ("endReasons", "MOVED_OUT")] {
            let reason = found[list].as_array().unwrap().iter().find(|reason| reason["code"] == code).unwrap();
            assert_eq!(reason["system"], json!(true));
            let (delete, update) = if list == "startReasons" { ("deleteStartReason", "updateStartReason") } else { ("deleteEndReason", "updateEndReason") };
            assert_eq!(world.refused(delete, json!({ "reasonId": reason["id"] })), ["IN_USE"]);
            assert_eq!(world.refused(update, json!({ "reasonId": reason["id"], "retired": true })), ["IN_USE"]);
        }
        let never_given = world.done("createEndReason", "endReason { id }", json!({ "code": "GONE", "label": "Weg" }));
        let id = &never_given["endReason"]["id"];
        assert_eq!(world.done("deleteEndReason", "deletedId", json!({ "reasonId": id }))["deletedId"], *id);
        for code in ["", "lower", "WITH SPACE", "É"] {
            assert!(!world.refused("createEndReason", json!({ "code": code, "label": "L" })).is_empty());
        }
        assert_eq!(world.refused("createEndReason", json!({ "code": "LEFT", "label": "L" })), ["NOT_UNIQUE"]);
    }

    fn m4_role_and_status_are_those_of_the_date(world) {
        let group = world.group("G");
        let [jan, piet] = ["Jan", "Piet"].map(|name| world.person(name, "X"));
        let leader = json!({ "groupId": group, "participantIds": [jan], "startDate": "2026-10-01", "role": "LEADER" });
        let added = world.done("addMemberships", "memberships { edges { node { role status origin } } }", leader);
        assert_eq!(added["memberships"]["edges"][0]["node"], json!({ "role": "LEADER", "status": "SCHEDULED", "origin": "MANUAL" }));
        world.add(&group, &[&piet], "2026-09-15");
        let query = "query($id: ID!) { group(id: $id) { memberships(filter: { status: ANY, role: LEADER }) { edges { node { participant { id } } } } } }";
        assert_eq!(world.data(query, json!({ "id": group }))["group"]["memberships"]["edges"], json!([{ "node": { "participant": { "id": jan } } }]));
    }

    fn m5_many_are_added_at_once_all_or_nobody(world) {
        let group = world.group("G");
        let [a, b, c] = ["A", "B", "C"].map(|name| world.person("P", name));
        world.add(&group, &[&a], "2026-01-01");
        world.add(&group, &[&b], "2026-12-01");
        let unknown = kring::id::encode(kring::id::Kind::Participant, 9_999);
        let selection = "added alreadyMember dryRun refused { participant { id } code message } memberships { totalCount edges { node { id startDate } } }";
        let input = |extra: Value| {
            let mut input = json!({ "groupId": group, "participantIds": [a, b, c, unknown, c], "startDate": "2026-09-01" });
            input.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            input
        };
        let send = |extra: Value| {
            let query = format!("mutation($input: AddMembershipsInput!) {{ addMemberships(input: $input) {{ {selection} userErrors {{ code message }} }} }}");
            world.data(&query, json!({ "input": input(extra) }))["addMemberships"].take()
        };
        let (before, history) = (world.rows("memberships"), world.rows("history"));
        let whole = send(json!({}));
        assert_eq!((whole["added"].clone(), whole["alreadyMember"].clone()), (json!(0), json!(1)));
        assert_eq!(whole["refused"].as_array().unwrap().len(), 2);
        assert_eq!(whole["userErrors"].as_array().unwrap().len(), 1);
        assert_eq!((world.rows("memberships"), world.rows("history")), (before, history), "nobody was added");
        let rehearsed = send(json!({ "allowPartial": true, "dryRun": true }));
        assert_eq!((world.rows("memberships"), world.rows("history")), (before, history), "a dry run changes nothing");
        let done = send(json!({ "allowPartial": true }));
        for figure in ["added", "alreadyMember", "refused"] {
            assert_eq!(rehearsed[figure], done[figure], "a dry run shows the same figures");
        }
        assert_eq!((done["added"].clone(), done["alreadyMember"].clone()), (json!(1), json!(1)));
        let refused = done["refused"].as_array().unwrap();
        assert!(refused.iter().any(|one| one["participant"] == json!(null) && one["code"] == "NOT_FOUND"));
        assert!(refused.iter().any(|one| one["participant"]["id"] == json!(b) && one["code"] == "OVERLAPPING_PERIOD"));
        assert_eq!(done["memberships"]["totalCount"], json!(1));
        assert_eq!(done["memberships"]["edges"][0]["node"]["startDate"], "2026-09-01");
        assert_eq!(rehearsed["memberships"]["totalCount"], json!(0));
        assert_eq!((world.rows("memberships"), world.rows("history")), (before + 1, history + 1));
    }

    fn m5_a_filter_finds_whom_to_add(world) {
        let group = world.group("G");
        let source = world.group("Source");
        let addresses: Vec<String> = (1..=3).map(|n| world.address(None, "Dorpsstraat", &n.to_string())).collect();
        for (n, address) in addresses.iter().enumerate() {
            let details = json!({ "address": { "complexNumber": if n < 2 { "C1" } else { "C2" }, "dwellingType": "Flat" } });
            world.done("updateParticipant", "participant { id }", json!({ "participantId": address, "details": details }));
        }
        let jan = world.person("Jan", "Jansen");
        world.add(&source, &[&jan], "2026-01-01");
        let add = |filter: Value| world.done("addMemberships", "added alreadyMember", json!({ "groupId": group, "filter": filter }));
        assert_eq!(add(json!({ "kinds": ["ADDRESS"], "complexNumber": "c1", "dwellingType": "FLAT" }))["added"], json!(2));
        assert_eq!(add(json!({ "kinds": ["ADDRESS"] }))["added"], json!(1));
        assert_eq!(add(json!({ "city": "utrecht" }))["alreadyMember"], json!(3));
        assert_eq!(add(json!({ "currentGroupId": source }))["added"], json!(1));
        assert_eq!(add(json!({ "search": "nobody at all" }))["added"], json!(0));
        let neither = json!({ "groupId": group });
        assert_eq!(world.refused("addMemberships", neither), ["REQUIRED"]);
        let both = json!({ "groupId": group, "participantIds": [jan], "filter": {} });
        assert_eq!(world.refused("addMemberships", both), ["REQUIRED"]);
    }

    fn m6_an_annulled_membership_is_gone_from_lists_and_kept_in_history(world) {
        let group = world.group("G");
        let top = world.group("T");
        world.compose(&top, "ANY", &[(&group, "INCLUDE")]);
        let jan = world.person("Jan", "Jansen");
        let id = world.add(&group, &[&jan], "2026-01-01").remove(0);
        world.done("annulMembership", "membership { annulledAt }", json!({ "membershipId": id }));
        assert_eq!(list(world, &group, "ANY", None), Vec::<String>::new());
        assert_eq!(world.members(&group, None), Vec::<String>::new());
        assert_eq!(world.members(&top, None), Vec::<String>::new());
        let query = "query($id: ID!, $m: ID!) { participant(id: $id) { memberships(filter: { status: ANY }) { totalCount } } \
                     membership(id: $m) { annulledAt history(first: 5) { edges { node { action changes { field } } } } } memberships(filter: { status: ANY }) { totalCount } }";
        let found = world.data(query, json!({ "id": jan, "m": id }));
        assert_eq!(found["participant"]["memberships"]["totalCount"], json!(0));
        assert_eq!(found["memberships"]["totalCount"], json!(0));
        assert_eq!(found["membership"]["annulledAt"], "2026-09-15T10:00:00Z");
        assert_eq!(found["membership"]["history"]["edges"][0]["node"], json!({ "action": "ANNULLED", "changes": [{ "field": "annulledAt" }] }));
        for (mutation, input) in [
            ("endMembership", json!({ "membershipId": id, "endReasonCode": "LEFT" })),
            ("updateMembership", json!({ "membershipId": id, "role": "LEADER" })),
        ] {
            assert_eq!(world.refused(mutation, input), ["INVALID_VALUE"]);
        }
        // It stands in nobody's way any more.
        world.add(&group, &[&jan], "2026-01-01");
    }

    fn m7_every_change_of_a_membership_is_in_its_history(world) {
        let group = world.group("G");
        let jan = world.person("Jan", "Jansen");
        let id = world.add(&group, &[&jan], "2026-01-01").remove(0);
        world.done("updateMembership", "membership { id }", json!({ "membershipId": id, "startDate": "2026-02-01", "role": "LEADER", "startReasonCode": "MOVED_IN" }));
        world.end(&id, "2026-09-15");
        let query = "query($id: ID!) { membership(id: $id) { history(first: 10) { totalCount edges { node { action actor { displayName participant { id } } changes { field before after } } } } } }";
        let history = world.data(query, json!({ "id": id }))["membership"]["history"].take();
        assert_eq!(history["totalCount"], json!(3));
        let node = |n: usize| history["edges"][n]["node"].clone();
        assert_eq!(node(0)["action"], "ENDED");
        assert_eq!(node(0)["changes"], json!([
            { "field": "endDate", "before": null, "after": "2026-09-15" }, { "field": "endReason", "before": null, "after": "LEFT" },
        ]));
        assert_eq!(node(1)["changes"], json!([
            { "field": "startDate", "before": "2026-01-01", "after": "2026-02-01" },
            { "field": "startReason", "before": "JOINED", "after": "MOVED_IN" },
            { "field": "role", "before": "MEMBER", "after": "LEADER" },
        ]));
        assert_eq!(node(2)["action"], "CREATED");
        assert_eq!(node(2)["actor"], json!({ "displayName": "Tester", "participant": null }));
        // A refused change leaves no trace.
        let before = world.rows("history");
        world.refused("updateMembership", json!({ "membershipId": id, "endDate": "2025-01-01" }));
        assert_eq!(world.rows("history"), before);
    }

    fn ends_are_checked(world) {
        let group = world.group("G");
        let jan = world.person("Jan", "Jansen");
        let id = world.add(&group, &[&jan], "2026-05-01").remove(0);
        let end = |on: &str| json!({ "membershipId": id, "endDate": on, "endReasonCode": "LEFT" });
        assert_eq!(world.refused("endMembership", end("2026-04-30")), ["INVALID_DATE"]);
        world.done("endMembership", "membership { status }", end("2026-12-31"));
        // An end that is still to come can be moved; one that is past is corrected.
        world.done("endMembership", "membership { status }", end("2026-09-01"));
        assert_eq!(world.refused("endMembership", end("2026-09-02")), ["INVALID_DATE"]);
        let reopened = world.done("updateMembership", "membership { endDate endReason { code } status }", json!({ "membershipId": id, "endDate": null }));
        assert_eq!(reopened["membership"], json!({ "endDate": null, "endReason": null, "status": "ACTIVE" }));
        let nobody = kring::id::encode(kring::id::Kind::Membership, 9_999);
        assert_eq!(world.refused("endMembership", json!({ "membershipId": nobody, "endReasonCode": "LEFT" })), ["NOT_FOUND"]);
    }

    fn a_repeated_mutation_is_carried_out_once(world) {
        let group = world.group("G");
        let jan = world.person("Jan", "Jansen");
        let input = json!({ "groupId": group, "participantIds": [jan], "startDate": "2026-09-01", "clientMutationId": "tab-1" });
        let selection = "clientMutationId added alreadyMember memberships { edges { node { id } } }";
        let first = world.done("addMemberships", selection, input.clone());
        let history = world.rows("history");
        let second = world.done("addMemberships", selection, input.clone());
        assert_eq!(first, second);
        assert_eq!(first["added"], json!(1));
        assert_eq!(first["clientMutationId"], "tab-1");
        assert_eq!(world.rows("history"), history);
        let mut other = input;
        other["startDate"] = json!("2026-09-02");
        assert_eq!(world.refused("addMemberships", other), ["CLIENT_MUTATION_ID_REUSED"]);
        // What was refused was not done, so it may be tried again.
        let wrong = json!({ "settings": { "name": "" }, "clientMutationId": "tab-2" });
        assert_eq!(world.refused("createGroup", wrong), ["REQUIRED"]);
        let right = json!({ "settings": { "name": "N" }, "clientMutationId": "tab-2" });
        let made = world.done("createGroup", "group { id }", right.clone());
        assert_eq!(world.done("createGroup", "group { id }", right), made);
        for bad in ["".to_owned(), "x".repeat(201)] {
            assert_eq!(world.refused("createGroup", json!({ "settings": { "name": "N" }, "clientMutationId": bad })), ["INVALID_VALUE"]);
        }
    }
}
