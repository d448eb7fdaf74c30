//! An end that is known already, and the note beside it (M5b).

use serde_json::{Value, json};

use super::{leave, participant, rows};
use crate::harness::{World, both};

const ENDED: &str = "membership { endDate endReason { code } endNote status } warnings { code message }";

fn end(world: &World, membership: &str, on: &str, more: Value) -> Value {
    let mut input = json!({ "membershipId": membership, "endDate": on, "endReasonCode": "LEFT" });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.done("endMembership", ENDED, input)
}

fn codes(payload: &Value) -> Vec<&str> {
    payload["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

fn dated(payload: &Value) -> [&Value; 3] {
    let membership = &payload["membership"];
    [&membership["endDate"], &membership["endReason"]["code"], &membership["endNote"]]
}

both! {
    fn m5b_an_earlier_end_is_kept_and_postponed_only_where_it_is_asked_for(world) {
        let group = world.group("Koor");
        let jan = world.person("Jan", "Jansen");
        let id = world.add(&group, &[&jan], "2026-01-01").remove(0);
        end(world, &id, "2026-10-01", json!({ "note": "Verhuist", "endReasonCode": "MOVED_OUT" }));
        let history = world.rows("history");
        let kept = end(world, &id, "2026-12-01", json!({ "note": "Later" }));
        assert_eq!((dated(&kept), codes(&kept)), ([&json!("2026-10-01"), &json!("MOVED_OUT"), &json!("Verhuist")], vec!["ENDED_EARLIER"]));
        let message = kept["warnings"][0]["message"].as_str().unwrap();
        assert!(message.contains("2026-10-01") && message.contains("The note that was given is not written"), "{message}");
        assert_eq!(world.rows("history"), history, "nothing was changed");
        let postponed = end(world, &id, "2026-12-01", json!({ "replaceEnd": true }));
        assert_eq!((dated(&postponed), codes(&postponed)), ([&json!("2026-12-01"), &json!("LEFT"), &json!("Verhuist")], vec![]), "a note stays where no other is given");
        let noted = end(world, &id, "2026-11-01", json!({ "note": "Eerder" }));
        assert_eq!((dated(&noted), codes(&noted)), ([&json!("2026-11-01"), &json!("LEFT"), &json!("Eerder")], vec!["NOTE_REPLACED"]), "an earlier end takes its place");
        let again = end(world, &id, "2026-11-01", json!({ "note": "Eerder" }));
        assert_eq!((dated(&again), codes(&again)), ([&json!("2026-11-01"), &json!("LEFT"), &json!("Eerder")], vec![]));
    }

    fn m5b_what_is_over_is_ended_anew_only_where_it_is_asked_for(world) {
        let group = world.group("Koor");
        let jan = world.person("Jan", "Jansen");
        let id = world.add(&group, &[&jan], "2026-01-01").remove(0);
        end(world, &id, "2026-09-01", json!({}));
        let later = json!({ "membershipId": id, "endDate": "2026-09-20", "endReasonCode": "LEFT" });
        assert_eq!(world.refused("endMembership", later), ["INVALID_DATE"]);
        let corrected = end(world, &id, "2026-09-20", json!({ "replaceEnd": true }));
        assert_eq!((&corrected["membership"]["status"], codes(&corrected)), (&json!("ACTIVE"), vec![]));
    }

    /// M5b: taking the end back takes the note along, and says so; a note without an end is refused.
    fn m5b_no_note_is_dropped_without_a_word(world) {
        let group = world.group("Koor");
        let jan = world.person("Jan", "Jansen");
        let id = world.add(&group, &[&jan], "2026-01-01").remove(0);
        let update = |more: Value| {
            let mut input = json!({ "membershipId": id });
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        assert_eq!(world.refused("updateMembership", update(json!({ "note": "Los" }))), ["INVALID_VALUE"]);
        end(world, &id, "2026-10-01", json!({ "note": "Verhuist" }));
        let changed = world.done("updateMembership", ENDED, update(json!({ "endDate": "2026-11-01" })));
        assert_eq!((dated(&changed), codes(&changed)), ([&json!("2026-11-01"), &json!("LEFT"), &json!("Verhuist")], vec![]));
        let reopened = world.done("updateMembership", ENDED, update(json!({ "endDate": null })));
        assert_eq!((dated(&reopened), codes(&reopened)), ([&Value::Null; 3], vec!["NOTE_REPLACED"]));
        end(world, &id, "2026-10-01", json!({ "note": "Verhuist" }));
        let meant = world.done("updateMembership", ENDED, update(json!({ "endDate": null, "note": null })));
        assert_eq!(codes(&meant), [""; 0]);
    }

    fn m5b_whoever_leaves_keeps_the_note_beside_the_end(world) {
        let group = world.group_with(None, json!({ "name": "Brief", "subscriptionGroup": true }));
        let [jan, piet] = ["Jan", "Piet"].map(|name| world.person(name, "X"));
        for id in world.add(&group, &[&jan, &piet], "2026-01-01") {
            end(world, &id, "2026-12-01", json!({ "note": "Verhuist" }));
        }
        let left = leave(world, &group, &jan);
        assert_eq!((&left["membership"]["status"], &left["membership"]["endNote"], codes(&left)), (&json!("ENDED"), &json!("Verhuist"), vec![]));
        let input = json!({ "groupId": group, "note": "Te veel" });
        let left = world.done_as(&participant(world, &piet), "unsubscribe", "membership { endNote } warnings { code }", input);
        assert_eq!((&left["membership"]["endNote"], codes(&left)), (&json!("Te veel"), vec!["NOTE_REPLACED"]));
    }

    /// S5: taking back the end of whoever left by themselves brings them back, so it is asked for.
    fn s5_the_end_of_whoever_left_is_not_taken_back_by_others(world) {
        let group = world.group_with(None, json!({ "name": "Brief", "subscriptionGroup": true }));
        let jan = world.person("Jan", "Jansen");
        let id = world.add(&group, &[&jan], "2026-01-01").remove(0);
        leave(world, &group, &jan);
        for later in [Value::Null, json!("2026-12-01")] {
            let input = json!({ "membershipId": id, "endDate": later });
            assert_eq!(world.refused("updateMembership", input), ["OPTED_OUT"]);
        }
        let postpone = json!({ "membershipId": id, "endDate": "2026-12-01", "endReasonCode": "LEFT", "replaceEnd": true });
        assert_eq!(world.refused("endMembership", postpone), ["OPTED_OUT"]);
        let note = json!({ "membershipId": id, "note": "Te veel post" });
        world.done("updateMembership", "membership { id }", note);
        let meant = json!({ "membershipId": id, "endDate": null, "includeOptedOut": true });
        world.done("updateMembership", "membership { id }", meant);
        assert_eq!(world.members(&group, None), ["Jan Jansen"]);
    }

    /// M5b, A3: the end of a derived membership is that of what it follows from.
    fn m5b_a_derived_membership_ends_no_later_than_its_source(world) {
        let source = world.group("Bron");
        let group = world.group_with(None, json!({ "name": "Gevoed", "sourceGroupId": source }));
        let jan = world.person("Jan", "Jansen");
        let of_source = world.add(&source, &[&jan], "2026-01-01").remove(0);
        end(world, &of_source, "2026-12-01", json!({}));
        let found = world.data("query($id: ID!) { group(id: $id) { memberships(first: 1) { edges { node { id } } } } }", json!({ "id": group }));
        let derived = found["group"]["memberships"]["edges"][0]["node"]["id"].as_str().unwrap();
        let kept = end(world, derived, "2027-01-01", json!({}));
        assert_eq!((dated(&kept)[0], codes(&kept)), (&json!("2026-12-01"), vec!["ENDED_EARLIER"]));
        assert_eq!(world.rows("opt_outs"), 0);
        let postpone = json!({ "membershipId": derived, "endDate": "2027-01-01", "endReasonCode": "LEFT", "replaceEnd": true });
        assert_eq!(world.refused("endMembership", postpone), ["DERIVED_MEMBERSHIP"]);
        assert_eq!(rows(world, &group), ["Jan Jansen SOURCE_GROUP 2026-09-15 2026-12-01 -"]);
    }
}
