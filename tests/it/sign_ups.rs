//! Sign-up forms: places, a waiting list that moves up, and nobody reads over another's shoulder.

mod left;

use std::collections::BTreeSet;

use chrono::Duration;
use kring::access::Role;
use kring::id::{self, Kind};
use serde_json::{Value, json};

use crate::content::{School, make, person, publish};
use crate::harness::{World, both, now, text};
use crate::rounds::{codes, families, together};

/// A form for the class.
fn form(world: &World, school: &School, fields: Value) -> String {
    let mut input = json!({ "title": "Schoolreis", "organizationId": school.organization });
    input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let token = school.administrator(world);
    let id = make(world, &token, json!({ "signUpForm": input }));
    publish(world, &token, &id, json!({ "groupIds": [school.class] }));
    id
}

fn places(world: &World, school: &School, form: &str, places: Value) {
    let content = json!({ "signUpForm": { "title": "Schoolreis", "places": places } });
    world.done_as(
        &school.administrator(world),
        "updateContent",
        "content { id }",
        json!({ "contentId": form, "content": content }),
    );
}

const ENTRY: &str = "entry { id status position note participantName enteredByName withdrawnAt participant { id } }";

fn sign_up(world: &World, token: &str, form: &str, who: &str) -> Value {
    world.done_as(token, "signUp", ENTRY, json!({ "contentId": form, "participantId": who }))["entry"].take()
}

fn withdraw(world: &World, token: &str, entry: &Value) -> Value {
    world.done_as(token, "withdrawSignUp", ENTRY, json!({ "entryId": entry["id"] }))["entry"].take()
}

fn refusal(world: &World, token: &str, form: &str, who: &str) -> Vec<String> {
    world.refused_as(token, "signUp", json!({ "contentId": form, "participantId": who }))
}

const FORM: &str = "query($id: ID!) { content(id: $id) { ... on SignUpForm { places entryCount waitingCount placesLeft \
    viewerEntries { id status position participant { id } note } \
    entries(first: 100) { totalCount edges { node { id status position note participantName participant { id } } } } } } }";

/// One who signed up, as the list says it.
type Listed = (String, String, i64);

/// Who signed up, in order, after checking that the order and all counts are what they must be.
fn listed(world: &World, school: &School, form: &str) -> Vec<Listed> {
    let found = world.data_as(&school.administrator(world), FORM, json!({ "id": form }))["content"].take();
    let nodes: Vec<&Value> = found["entries"]["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]).collect();
    let all: Vec<Listed> = nodes
        .iter()
        .map(|entry| (text(&entry["participant"]["id"]), text(&entry["status"]), entry["position"].as_i64().unwrap()))
        .collect();
    let places = found["places"].as_u64().map_or(usize::MAX, |places| usize::try_from(places).unwrap());
    for (n, (_, status, position)) in all.iter().enumerate() {
        let (expected, place) = if n < places { ("PLACED", n + 1) } else { ("WAITING", n + 1 - places) };
        assert_eq!((status.as_str(), *position), (expected, i64::try_from(place).unwrap()), "{all:?}");
    }
    assert_eq!((&found["entryCount"], &found["entries"]["totalCount"]), (&json!(all.len()), &json!(all.len())));
    assert_eq!(found["waitingCount"], json!(all.len().saturating_sub(places)));
    let left = (places != usize::MAX).then(|| places.saturating_sub(all.len()));
    assert_eq!(found["placesLeft"], json!(left));
    all
}

fn who(listed: &[Listed], status: &str) -> Vec<String> {
    listed.iter().filter(|(_, found, _)| found == status).map(|(who, ..)| who.clone()).collect()
}

both! {
    fn the_first_have_places_and_the_next_moves_up(world) {
        let school = School::new(world);
        let all = families(world, &school, 4);
        let form = form(world, &school, json!({ "places": 2 }));
        let child = |n: usize| all[n].child.clone();
        let made = world.done_as(&all[0].token, "signUp", ENTRY, json!({ "contentId": form, "participantId": child(0), "note": " Zonder pinda's " }))["entry"].take();
        assert_eq!((&made["status"], &made["position"], &made["note"], &made["participantName"], &made["enteredByName"]),
            (&json!("PLACED"), &json!(1), &json!("Zonder pinda's"), &json!("Kind0 Berk"), &json!("Tester")));
        let entries: Vec<Value> = (1..4).map(|n| sign_up(world, &all[n].token, &form, &child(n))).collect();
        assert_eq!((&entries[2]["status"], &entries[2]["position"]), (&json!("WAITING"), &json!(2)));
        assert_eq!(refusal(world, &all[3].token, &form, &child(3)), ["ALREADY_SIGNED_UP"]);
        // One withdraws, the first who waits has the place in the same moment.
        let gone = withdraw(world, &all[0].token, &made);
        assert_eq!((&gone["status"], &gone["position"], &gone["withdrawnAt"]), (&json!("WITHDRAWN"), &json!(null), &json!("2026-09-15T10:00:00Z")));
        assert_eq!(world.refused_as(&all[0].token, "withdrawSignUp", json!({ "entryId": made["id"] })), ["NOT_SIGNED_UP"]);
        let now = listed(world, &school, &form);
        assert_eq!((who(&now, "PLACED"), who(&now, "WAITING")), (vec![child(1), child(2)], vec![child(3)]));
        // Coming back is coming last.
        assert_eq!(sign_up(world, &all[0].token, &form, &child(0))["position"], 2);
        // More places let all move up; fewer take them from the last.
        places(world, &school, &form, json!(4));
        assert_eq!(who(&listed(world, &school, &form), "WAITING"), [""; 0]);
        places(world, &school, &form, json!(1));
        let now = listed(world, &school, &form);
        assert_eq!((who(&now, "PLACED"), who(&now, "WAITING")), (vec![child(1)], vec![child(2), child(3), child(0)]));
        places(world, &school, &form, json!(0));
        assert_eq!(who(&listed(world, &school, &form), "PLACED"), [""; 0]);
        places(world, &school, &form, Value::Null);
        assert_eq!(who(&listed(world, &school, &form), "PLACED").len(), 4);
        let query = "query($id: ID!) { content(id: $id) { ... on SignUpForm { entries(includeWithdrawn: true) { totalCount edges { node { status } } } } history(first: 1) { totalCount } } }";
        let kept = world.data_as(&school.administrator(world), query, json!({ "id": form }))["content"].take();
        assert_eq!((&kept["entries"]["totalCount"], &kept["entries"]["edges"][0]["node"]["status"]), (&json!(5), &json!("WITHDRAWN")));
    }

    fn only_those_whom_it_is_for_sign_up(world) {
        let school = School::new(world);
        let others = families(world, &school, 1);
        let form = form(world, &school, json!({}));
        let (mother, teacher, clerk) = (person(world, &school.mother), person(world, &school.teacher), school.administrator(world));
        assert_eq!(refusal(world, &mother, &form, &school.mother), ["NOT_INVITED"]);
        for other in [&others[0].child, &school.stranger, &id::encode(Kind::Participant, 999_999)] {
            assert_eq!(refusal(world, &mother, &form, other), ["FORBIDDEN"]);
        }
        assert_eq!(world.refused_as(&clerk, "signUp", json!({ "contentId": form })), ["REQUIRED"]);
        for other in [&school.stranger, &id::encode(Kind::Participant, 999_999)] {
            assert_eq!(refusal(world, &clerk, &form, other), ["NOT_FOUND"]);
        }
        // The leader of the class is shown what it is shown.
        assert_eq!(world.done_as(&teacher, "signUp", ENTRY, json!({ "contentId": form }))["entry"]["status"], "PLACED");
        let entry = sign_up(world, &clerk, &form, &school.child);
        let long = json!({ "contentId": form, "participantId": school.child, "note": "x".repeat(1_001) });
        assert_eq!(world.refused_as(&mother, "signUp", long), ["INVALID_VALUE", "ALREADY_SIGNED_UP"]);
        assert_eq!(withdraw(world, &mother, &entry)["status"], "WITHDRAWN");
        let news = make(world, &clerk, json!({ "newsItem": { "title": "x", "body": "x" } }));
        assert_eq!(refusal(world, &clerk, &news, &school.child), ["WRONG_KIND"]);
        let draft = make(world, &clerk, json!({ "signUpForm": { "title": "Concept" } }));
        assert_eq!(refusal(world, &clerk, &draft, &school.child), ["NOT_INVITED"]);
        assert_eq!(refusal(world, &mother, &draft, &school.child), ["NOT_FOUND"]);
    }

    fn staff_sign_up_for_what_is_for_staff(world) {
        let school = School::new(world);
        let clerk = school.administrator(world);
        let id = make(world, &clerk, json!({ "signUpForm": { "title": "Studiedag" } }));
        publish(world, &clerk, &id, json!({ "staff": true }));
        let teacher = world.token(Role::Staff, Some(&school.teacher), Some(&school.organization));
        assert_eq!(world.done_as(&teacher, "signUp", ENTRY, json!({ "contentId": id }))["entry"]["status"], "PLACED");
        assert_eq!(world.refused_as(&person(world, &school.mother), "signUp", json!({ "contentId": id })), ["NOT_FOUND"]);
    }

    fn signing_up_opens_and_closes(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let others = families(&world, &school, 2);
        let at = |minutes: i64| (now() + Duration::minutes(minutes)).to_rfc3339();
        let form = form(&world, &school, json!({ "opensAt": at(10), "closesAt": at(20) }));
        let (mother, clerk) = (person(&world, &school.mother), school.administrator(&world));
        assert_eq!(refusal(&world, &mother, &form, &school.child), ["NOT_OPEN_YET"]);
        world.turn_clock(now() + Duration::minutes(10), chrono_tz::Europe::Amsterdam);
        let entry = sign_up(&world, &mother, &form, &school.child);
        world.turn_clock(now() + Duration::minutes(20), chrono_tz::Europe::Amsterdam);
        assert_eq!(refusal(&world, &others[0].token, &form, &others[0].child), ["NO_LONGER_OPEN"]);
        assert_eq!(world.refused_as(&mother, "withdrawSignUp", json!({ "entryId": entry["id"] })), ["NO_LONGER_OPEN"]);
        sign_up(&world, &clerk, &form, &others[1].child);
        withdraw(&world, &clerk, &entry);
        assert_eq!(listed(&world, &school, &form).len(), 1);
    }

    /// K3: a family reads its own entries; another's do not exist for it, and neither does the form for a stranger.
    fn k3_entries_are_for_the_family_and_for_who_manages_the_form(world) {
        let school = School::new(world);
        let others = families(world, &school, 1);
        let form = form(world, &school, json!({ "places": 1 }));
        let (mother, clerk) = (person(world, &school.mother), school.administrator(world));
        let note = json!({ "contentId": form, "participantId": school.child, "note": "Geheim" });
        let entry = text(&world.done_as(&mother, "signUp", ENTRY, note)["entry"]["id"]);
        sign_up(world, &others[0].token, &form, &others[0].child);
        let own = world.data_as(&others[0].token, FORM, json!({ "id": form }))["content"].take();
        assert_eq!((&own["entries"], &own["entryCount"], &own["waitingCount"], &own["placesLeft"]), (&Value::Null, &json!(2), &json!(1), &json!(0)));
        assert_eq!((&own["viewerEntries"][0]["status"], &own["viewerEntries"][0]["position"]), (&json!("WAITING"), &json!(1)));
        assert!(!own.to_string().contains(&school.child) && !own.to_string().contains("Geheim"), "{own}");
        const NODE: &str = "query($id: ID!) { node(id: $id) { id ... on SignUpEntry { note } } nodes(ids: [$id]) { id } }";
        assert_eq!(world.data_as(&mother, NODE, json!({ "id": entry }))["node"]["note"], "Geheim");
        assert_eq!(world.data_as(&clerk, NODE, json!({ "id": entry }))["node"]["note"], "Geheim");
        let never = id::encode(Kind::SignUpEntry, 999_999);
        for token in [Some(others[0].token.clone()), Some(person(world, &school.stranger)), Some(school.staff(world)), None] {
            let answers = [&entry, &never].map(|id| {
                let query = "mutation($i: WithdrawSignUpInput!) { withdrawSignUp(input: $i) { entry { id } userErrors { code message field } } }";
                [world.ask_as(token.as_deref(), NODE, json!({ "id": id })), world.ask_as(token.as_deref(), query, json!({ "i": { "entryId": id } }))]
            });
            assert_eq!(answers[0], answers[1]);
            assert_eq!(answers[0][0]["data"], json!({ "node": null, "nodes": [null] }));
        }
        let never = id::encode(Kind::Content, 999_999);
        let stranger = person(world, &school.stranger);
        for id in [&form, &never] {
            assert_eq!(world.refused_as(&stranger, "signUp", json!({ "contentId": id })), ["NOT_FOUND"]);
        }
        // Withdrawn, the form and its entries are out of sight; they are there again when it is published again.
        world.done_as(&clerk, "withdrawContent", "content { id }", json!({ "contentId": form }));
        assert_eq!(world.data_as(&mother, NODE, json!({ "id": entry }))["node"], Value::Null);
        assert_eq!(world.refused_as(&mother, "withdrawSignUp", json!({ "entryId": entry })), ["NOT_FOUND"]);
        assert_eq!(listed(world, &school, &form).len(), 2);
        publish(world, &clerk, &form, json!({ "groupIds": [school.class] }));
        assert_eq!(world.data_as(&mother, NODE, json!({ "id": entry }))["node"]["note"], "Geheim");
    }

    fn fifty_sign_up_for_ten_places_while_some_withdraw(world) {
        let school = School::new(world);
        let all = families(world, &school, 50);
        let form = form(world, &school, json!({ "places": 10 }));
        const SIGN_UP: &str = "mutation($input: SignUpInput!) { signUp(input: $input) { entry { id } userErrors { code } } }";
        let enter = |n: usize| {
            let input = json!({ "contentId": form, "participantId": all[n].child });
            let mut payload = world.data_as(&all[n].token, SIGN_UP, json!({ "input": input }))["signUp"].take();
            assert_eq!(codes(&payload), [""; 0]);
            payload["entry"].take()
        };
        // Each fourth withdraws, each eighth comes back; beside them two look on, and see one state at any moment.
        together(52, |n| {
            if n >= 50 {
                for _ in 0..15 {
                    listed(world, &school, &form);
                }
                return;
            }
            let entry = enter(n);
            if n % 4 == 0 {
                withdraw(world, &all[n].token, &entry);
            }
            if n % 8 == 0 {
                enter(n);
            }
        });
        let model: BTreeSet<String> = (0..50).filter(|n| n % 4 != 0 || n % 8 == 0).map(|n| all[n].child.clone()).collect();
        let found = listed(world, &school, &form);
        assert_eq!(found.iter().map(|(who, ..)| who.clone()).collect::<BTreeSet<_>>(), model);
        assert_eq!((who(&found, "PLACED").len(), who(&found, "WAITING").len()), (10, model.len() - 10));
        for (n, family) in all.iter().enumerate() {
            let own = world.data_as(&family.token, FORM, json!({ "id": form }))["content"]["viewerEntries"].take();
            assert_eq!(own.as_array().unwrap().len(), 1, "{n}");
            let stands = found.iter().find(|(who, ..)| *who == family.child).map_or("WITHDRAWN", |(_, status, _)| status);
            assert_eq!(own[0]["status"], stands, "{n}");
        }
        assert_eq!(world.rows("sign_up_entries"), 50 + 7);
    }

    fn thirty_times_the_same_child_is_one_entry(world) {
        let school = School::new(world);
        let form = form(world, &school, json!({ "places": 10 }));
        let mother = person(world, &school.mother);
        const SIGN_UP: &str = "mutation($input: SignUpInput!) { signUp(input: $input) { userErrors { code } } }";
        let input = json!({ "contentId": form, "participantId": school.child });
        let outcomes = together(30, |_| codes(&world.data_as(&mother, SIGN_UP, json!({ "input": input }))["signUp"]));
        assert_eq!(outcomes.iter().filter(|codes| codes.is_empty()).count(), 1);
        assert_eq!(outcomes.iter().filter(|codes| **codes == ["ALREADY_SIGNED_UP"]).count(), 29);
        let key = |text: &str| id::decode(text).unwrap().1;
        let again = format!("INSERT INTO sign_up_entries (content_id, number, participant_id, entered_by_name, created_at) \
            SELECT {}, 99, {}, 'x', created_at FROM content WHERE id = {}", key(&form), key(&school.child), key(&form));
        assert!(world.db.write(|conn| Ok(kring::db::Sql::new(again.clone()).execute(conn)?)).is_err(), "the database itself refuses it");
    }

    fn many_forms_take_as_many_statements_as_one(world) {
        let school = School::new(world);
        let all = families(world, &school, 3);
        let fill = |number: usize| {
            for _ in 0..number {
                let form = form(world, &school, json!({ "places": 2 }));
                all.iter().for_each(|family| drop(sign_up(world, &family.token, &form, &family.child)));
            }
        };
        let query = "{ contents(first: 50, filter: { kinds: [SIGN_UP_FORM] }) { edges { node { id ... on SignUpForm { entryCount waitingCount placesLeft viewerEntries { status position participant { id } } \
            entries(first: 2) { totalCount edges { cursor node { status position participant { displayName } } } } } } } } }";
        let spent = |token: &str| {
            world.data_as(token, query, json!({}));
            let before = world.db.statements();
            world.data_as(token, query, json!({}));
            world.db.statements() - before
        };
        let tokens = [all[0].token.clone(), school.administrator(world), world.administrator()];
        fill(1);
        let one: Vec<u64> = tokens.iter().map(|token| spent(token)).collect();
        fill(9);
        assert_eq!(tokens.iter().map(|token| spent(token)).collect::<Vec<_>>(), one);
        assert!(one.iter().all(|statements| *statements <= 14), "{one:?}");
        // Pages go on where they ended.
        let form = form(world, &school, json!({}));
        let clerk = school.administrator(world);
        let entries: Vec<String> = all.iter().map(|family| text(&sign_up(world, &family.token, &form, &family.child)["id"])).collect();
        let query = "query($id: ID!, $after: String) { content(id: $id) { ... on SignUpForm { entries(first: 2, after: $after) { pageInfo { endCursor hasNextPage } edges { node { id } } } } } }";
        let first = world.data_as(&clerk, query, json!({ "id": form }))["content"]["entries"].take();
        assert_eq!(crate::harness::ids(&first), entries[..2]);
        let next = world.data_as(&clerk, query, json!({ "id": form, "after": first["pageInfo"]["endCursor"] }))["content"]["entries"].take();
        assert_eq!((crate::harness::ids(&next), &next["pageInfo"]["hasNextPage"]), (entries[2..].to_vec(), &json!(false)));
    }
}
