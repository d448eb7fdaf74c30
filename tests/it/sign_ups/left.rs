//! Whoever signed up and no longer sees the form: the place is free, the entry may be withdrawn and is never promoted.

use chrono::{Duration, TimeZone, Utc};
use kring::access::Role;
use kring::id::{self, Kind};
use serde_json::{Value, json};

use super::{ENTRY, FORM, form, listed, places, sign_up, who, withdraw};
use crate::content::{School, make, person, publish};
use crate::harness::{World, both, ids, text};
use crate::rounds::{Family, codes, families, together};

/// The membership of the class of each of these children.
fn memberships(world: &World, school: &School, all: &[Family]) -> Vec<String> {
    let query = "query($id: ID!, $who: ID!) { participant(id: $who) { memberships(first: 9, filter: { groupId: $id }) { edges { node { id } } } } }";
    let of = |family: &Family| {
        let found = world.data(query, json!({ "id": school.class, "who": family.child }));
        ids(&found["participant"]["memberships"]).remove(0)
    };
    all.iter().map(of).collect()
}

const NODE: &str = "query($id: ID!) { node(id: $id) { ... on SignUpEntry { status position } } }";

fn status(world: &World, token: &str, entry: &Value) -> Value {
    world.data_as(token, NODE, json!({ "id": entry["id"] }))["node"].take()
}

/// The token of a family on another day than the first.
fn later(world: &World, who: &str) -> String {
    let key = id::decode_as(Kind::Participant, who);
    let at = Utc.with_ymd_and_hms(2026, 9, 20, 10, 0, 0).unwrap();
    world.keys.sign(key, &[(Role::Participant, None)], "Later", at, Duration::hours(1)).unwrap()
}

both! {
    fn k2_who_leaves_the_group_frees_the_place(world) {
        let school = School::new(world);
        let all = families(world, &school, 5);
        let form = form(world, &school, json!({ "places": 2 }));
        let entries: Vec<Value> = all.iter().map(|family| sign_up(world, &family.token, &form, &family.child)).collect();
        let of_class = memberships(world, &school, &all);
        // The first, who has a place, and the third, who waits, leave.
        for n in [0, 2] {
            world.end(&of_class[n], "2026-09-15");
        }
        let found = listed(world, &school, &form);
        let child = |n: usize| all[n].child.clone();
        assert_eq!((who(&found, "PLACED"), who(&found, "WAITING")), (vec![child(1), child(3)], vec![child(4)]), "the next moves up");
        for n in [0, 2] {
            assert_eq!(status(world, &all[n].token, &entries[n]), json!({ "status": "LAPSED", "position": null }));
            assert_eq!(world.data_as(&all[n].token, "query($id: ID!) { content(id: $id) { id } }", json!({ "id": form }))["content"], Value::Null);
        }
        // Never promoted, however many places there are.
        places(world, &school, &form, json!(5));
        assert_eq!(who(&listed(world, &school, &form), "PLACED"), [child(1), child(3), child(4)]);
        places(world, &school, &form, Value::Null);
        assert_eq!(who(&listed(world, &school, &form), "PLACED"), [child(1), child(3), child(4)]);
        // The family may withdraw; nobody else may, and to others there is no such entry.
        for token in [&all[1].token, &person(world, &school.stranger)] {
            assert_eq!(world.refused_as(token, "withdrawSignUp", json!({ "entryId": entries[0]["id"] })), ["NOT_FOUND"]);
            assert_eq!(status(world, token, &entries[0]), Value::Null);
        }
        let gone = withdraw(world, &all[0].token, &entries[0]);
        assert_eq!((&gone["status"], &gone["position"]), (&json!("WITHDRAWN"), &Value::Null));
        assert_eq!(world.refused_as(&all[0].token, "withdrawSignUp", json!({ "entryId": entries[0]["id"] })), ["NOT_SIGNED_UP"]);
        let query = "query($id: ID!) { content(id: $id) { ... on SignUpForm { entries(includeWithdrawn: true) { totalCount edges { node { status } } } } } }";
        let kept = world.data_as(&school.administrator(world), query, json!({ "id": form }))["content"]["entries"].take();
        let found: Vec<String> = kept["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["status"])).collect();
        assert_eq!((found, &kept["totalCount"]), (["WITHDRAWN", "PLACED", "LAPSED", "PLACED", "PLACED"].map(str::to_owned).to_vec(), &json!(5)));
        // Whoever manages the form withdraws what has lapsed, too.
        assert_eq!(withdraw(world, &school.administrator(world), &entries[2])["status"], "WITHDRAWN");
        // Withdrawn by its makers, the form is out of everybody's sight, and with it what belongs to it.
        world.done("withdrawContent", "content { id }", json!({ "contentId": form }));
        assert_eq!(world.refused_as(&all[1].token, "withdrawSignUp", json!({ "entryId": entries[1]["id"] })), ["NOT_FOUND"]);
        assert_eq!(listed(world, &school, &form).len(), 3, "nobody lost a place by that");
    }

    /// Who comes back later starts at the end: somebody else was told to have the place.
    fn who_comes_back_signs_up_anew(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let all = families(&world, &school, 2);
        let form = form(&world, &school, json!({ "places": 1 }));
        let entries: Vec<Value> = all.iter().map(|family| sign_up(&world, &family.token, &form, &family.child)).collect();
        let of_class = memberships(&world, &school, &all);
        // It ends on a day to come, and a new one begins later: nothing is written on these days.
        world.end(&of_class[0], "2026-09-17");
        world.add(&school.class, &[&all[0].child], "2026-09-19");
        let child = |n: usize| all[n].child.clone();
        assert_eq!(who(&listed(&world, &school, &form), "PLACED"), [child(0)]);
        world.turn_clock(Utc.with_ymd_and_hms(2026, 9, 20, 10, 0, 0).unwrap(), chrono_tz::Europe::Amsterdam);
        let query = "query($id: ID!) { content(id: $id) { ... on SignUpForm { entryCount waitingCount placesLeft viewerEntries { id status position } } } }";
        let own = world.data_as(&later(&world, &child(0)), query, json!({ "id": form }))["content"].take();
        assert_eq!(own, json!({ "entryCount": 1, "waitingCount": 0, "placesLeft": 0, "viewerEntries": [{ "id": entries[0]["id"], "status": "LAPSED", "position": null }] }));
        let again = world.done_as(&later(&world, &child(0)), "signUp", ENTRY, json!({ "contentId": form }))["entry"].take();
        assert_eq!((&again["status"], &again["position"]), (&json!("WAITING"), &json!(1)));
        assert_ne!(again["id"], entries[0]["id"]);
        assert_eq!(world.refused_as(&later(&world, &child(0)), "signUp", json!({ "contentId": form })), ["ALREADY_SIGNED_UP"]);
    }

    /// K2, K5: whatever takes the form out of sight frees the place, and nothing else does.
    fn whoever_loses_sight_otherwise_frees_the_place_too(world) {
        let school = School::new(world);
        let all = families(world, &school, 3);
        let clerk = school.administrator(world);
        let choir = world.group_with(Some(&school.organization), json!({ "name": "Koor" }));
        let in_choir = world.add(&choir, &[&all[0].child, &all[1].child], "2026-08-01");
        let forms: Vec<String> = (0..3).map(|n| make(world, &clerk, json!({ "signUpForm": { "title": format!("Formulier {n}"), "places": 1, "organizationId": school.organization } }))).collect();
        publish(world, &clerk, &forms[0], json!({ "groupIds": [choir, school.whole] }));
        publish(world, &clerk, &forms[1], json!({ "groupIds": [choir], "participantIds": [all[0].child] }));
        publish(world, &clerk, &forms[2], json!({ "organization": true }));
        for form in &forms {
            for family in &all[..2] {
                sign_up(world, &family.token, form, &family.child);
            }
        }
        let placed = |form: usize| who(&listed(world, &school, &forms[form]), "PLACED");
        let child = |n: usize| all[n].child.clone();
        // Out of the choir they see the first by the class, and the second only as far as it is for them alone.
        for membership in &in_choir {
            world.end(membership, "2026-09-15");
        }
        assert_eq!((placed(0), placed(1), placed(2)), (vec![child(0)], vec![child(0)], vec![child(0)]));
        assert_eq!(listed(world, &school, &forms[1]).len(), 1);
        // A component that is taken out takes them along; they belong to the organization all the same.
        world.compose(&school.whole, "ANY", &[]);
        assert_eq!((listed(world, &school, &forms[0]).len(), listed(world, &school, &forms[2]).len()), (0, 2));
        // Shown to others, it is no longer shown to them.
        publish(world, &clerk, &forms[1], json!({ "participantIds": [all[2].child] }));
        assert_eq!(listed(world, &school, &forms[1]).len(), 0);
        sign_up(world, &all[2].token, &forms[1], &child(2));
        publish(world, &clerk, &forms[1], json!({ "everyone": true }));
        assert_eq!(placed(1), [child(0)], "to everybody means to them as well");
    }

    /// Fewer places than have one: whoever does it is told how many lose it.
    fn fewer_places_than_entries_warn(world) {
        let school = School::new(world);
        let all = families(world, &school, 4);
        let form = form(world, &school, json!({ "places": 3 }));
        for family in &all {
            sign_up(world, &family.token, &form, &family.child);
        }
        let change = |places: Value| {
            let content = json!({ "signUpForm": { "title": "Schoolreis", "places": places } });
            let input = json!({ "contentId": form, "content": content });
            world.done_as(&school.administrator(world), "updateContent", "warnings { code message }", input)["warnings"].take()
        };
        assert_eq!(change(json!(3)), json!([]));
        let warned = change(json!(1));
        assert_eq!(warned[0]["code"], "FEWER_PLACES");
        assert!(text(&warned[0]["message"]).contains("The last 2 of them"), "{warned}");
        assert_eq!(who(&listed(world, &school, &form), "PLACED").len(), 1);
        assert_eq!((change(json!(4)), change(Value::Null), change(json!(10))), (json!([]), json!([]), json!([])));
        assert_eq!(change(json!(0))[0]["code"], "FEWER_PLACES");
    }

    /// Signing up, withdrawing and leaving the group at once: whoever is left has places in the order of their numbers.
    fn many_sign_up_while_others_leave(world) {
        let school = School::new(world);
        let all = families(world, &school, 30);
        let of_class = memberships(world, &school, &all);
        let form = form(world, &school, json!({ "places": 8 }));
        const SIGN_UP: &str = "mutation($input: SignUpInput!) { signUp(input: $input) { entry { id } userErrors { code } } }";
        let outcomes = together(32, |n| {
            if n >= 30 {
                for _ in 0..10 {
                    listed(world, &school, &form);
                }
                return Vec::new();
            }
            let leaves = n % 3 == 0;
            if leaves && n % 2 == 0 {
                world.end(&of_class[n], "2026-09-15");
            }
            let input = json!({ "contentId": form, "participantId": all[n].child });
            let payload = world.data_as(&all[n].token, SIGN_UP, json!({ "input": input }))["signUp"].take();
            if leaves && n % 2 == 1 {
                world.end(&of_class[n], "2026-09-15");
            }
            codes(&payload)
        });
        for (n, outcome) in outcomes.iter().enumerate() {
            let gone = n < 30 && n % 6 == 0;
            assert_eq!(*outcome == ["NOT_FOUND"], gone, "{n}: {outcome:?}");
        }
        let found = listed(world, &school, &form);
        let stays: Vec<String> = (0..30).filter(|n| n % 3 != 0).map(|n| all[n].child.clone()).collect();
        let mut signed: Vec<String> = found.iter().map(|(who, ..)| who.clone()).collect();
        signed.sort();
        let mut expected = stays;
        expected.sort();
        assert_eq!(signed, expected);
        assert_eq!(who(&found, "PLACED").len(), 8);
        let own = world.data_as(&all[1].token, FORM, json!({ "id": form }))["content"].take();
        assert_eq!((&own["entryCount"], &own["placesLeft"]), (&json!(20), &json!(0)));
    }
}
