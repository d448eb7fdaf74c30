//! Conversation rounds: slots are booked by those whom they are for, once, and nobody else hears by whom.

mod races;

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use kring::access::Role;
use kring::id::{self, Kind};
use serde_json::{Value, json};

use crate::content::{School, make, person, publish};
use crate::harness::{World, both, ids, now, text};

/// A child in the class of a school, and the token of its guardian.
pub struct Family {
    pub child: String,
    pub token: String,
}

/// Families with a child each in the class.
pub fn families(world: &World, school: &School, number: usize) -> Vec<Family> {
    let of = Some(school.organization.as_str());
    let all: Vec<Family> = (0..number)
        .map(|n| {
            let child = world.person_of(of, &format!("Kind{n}"), "Berk");
            let guardian = world.person(&format!("Ouder{n}"), "Berk");
            world.done("addGuardian", "child { id }", json!({ "childId": child, "guardianId": guardian }));
            let token = person(world, &guardian);
            Family { child, token }
        })
        .collect();
    let children: Vec<&str> = all.iter().map(|family| family.child.as_str()).collect();
    world.add(&school.class, &children, "2026-08-01");
    all
}

/// A round for the class with a slot every ten minutes from tomorrow on, and the slots.
fn round(world: &World, school: &School, slots: usize, more: Value) -> (String, Vec<String>) {
    let start = now() + Duration::days(1);
    let at = |n: usize| (start + Duration::minutes(10 * i64::try_from(n).unwrap())).to_rfc3339();
    let slots: Vec<Value> =
        (0..slots).map(|n| json!({ "startsAt": at(n), "endsAt": at(n + 1), "location": "Lokaal 2" })).collect();
    let mut input = json!({ "title": "Oudergesprekken", "slots": slots, "organizationId": school.organization });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let token = school.administrator(world);
    let id = make(world, &token, json!({ "conversationRound": input }));
    publish(world, &token, &id, json!({ "groupIds": [school.class] }));
    let slots = slots_of(world, &token, &id)["slots"].take();
    (id, ids(&slots))
}

const SLOTS: &str = "query($id: ID!) { content(id: $id) { ... on ConversationRound { freeSlotCount \
    slots(first: 100) { totalCount edges { node { id startsAt endsAt location available mine bookedFor { id } bookedForName bookedByName bookedAt } } } \
    free: slots(first: 100, available: true) { totalCount edges { node { id } } } taken: slots(first: 100, available: false) { totalCount edges { node { id } } } \
    viewerSlots { id mine bookedFor { id } bookedForName bookedByName bookedAt } } } }";

/// What a viewer sees of a round, after checking that its counts agree.
fn slots_of(world: &World, token: &str, round: &str) -> Value {
    let found = world.data_as(token, SLOTS, json!({ "id": round }))["content"].take();
    let nodes: Vec<&Value> = found["slots"]["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]).collect();
    let free = nodes.iter().filter(|slot| slot["available"] == true).count();
    assert_eq!(found["slots"]["totalCount"], json!(nodes.len()));
    assert_eq!((&found["freeSlotCount"], &found["free"]["totalCount"]), (&json!(free), &json!(free)));
    assert_eq!((ids(&found["free"]).len(), ids(&found["taken"]).len()), (free, nodes.len() - free));
    assert_eq!(found["taken"]["totalCount"], json!(nodes.len() - free));
    let mine: BTreeSet<String> =
        nodes.iter().filter(|slot| slot["mine"] == true).map(|slot| text(&slot["id"])).collect();
    let listed: BTreeSet<String> =
        found["viewerSlots"].as_array().unwrap().iter().map(|slot| text(&slot["id"])).collect();
    assert_eq!(mine, listed);
    found
}

const BOOK: &str = "slot { id available mine bookedFor { id } bookedByName bookedAt } content { ... on ConversationRound { freeSlotCount } } warnings { code message }";

fn booking(slot: &str, child: &str) -> Value {
    json!({ "slotId": slot, "participantId": child })
}

fn book(world: &World, token: &str, slot: &str, child: &str) -> Value {
    world.done_as(token, "bookConversationSlot", BOOK, booking(slot, child))
}

/// The codes with which a booking was refused; none when it was made.
fn try_book(world: &World, token: &str, input: Value) -> Vec<String> {
    const QUERY: &str =
        "mutation($input: BookConversationSlotInput!) { bookConversationSlot(input: $input) { userErrors { code } } }";
    codes(&world.data_as(token, QUERY, json!({ "input": input }))["bookConversationSlot"])
}

pub fn codes(payload: &Value) -> Vec<String> {
    payload["userErrors"].as_array().unwrap().iter().map(|error| text(&error["code"])).collect()
}

/// For whom each slot is booked, as who manages the round is told.
fn booked(world: &World, school: &School, round: &str) -> BTreeMap<String, String> {
    let found = slots_of(world, &school.administrator(world), round);
    let nodes = found["slots"]["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]);
    let taken = nodes.filter(|slot| slot["bookedFor"] != Value::Null);
    taken.map(|slot| (text(&slot["id"]), text(&slot["bookedFor"]["id"]))).collect()
}

both! {
    fn a_guardian_books_moves_and_gives_back(world) {
        let school = School::new(world);
        let (round, slots) = round(world, &school, 3, json!({}));
        let mother = person(world, &school.mother);
        let made = book(world, &mother, &slots[1], &school.child);
        assert_eq!(made["slot"], json!({ "id": slots[1], "available": false, "mine": true, "bookedFor": { "id": school.child },
            "bookedByName": "Tester", "bookedAt": "2026-09-15T10:00:00Z" }));
        assert_eq!((&made["content"]["freeSlotCount"], &made["warnings"]), (&json!(2), &json!([])));
        // A second slot of the round takes the place of the first only when that is asked for.
        assert_eq!(try_book(world, &mother, booking(&slots[1], &school.child)), ["ALREADY_BOOKED"]);
        assert_eq!(try_book(world, &mother, booking(&slots[0], &school.child)), ["ALREADY_BOOKED"]);
        assert_eq!(booked(world, &school, &round), BTreeMap::from([(slots[1].clone(), school.child.clone())]));
        for _ in 0..2 {
            let moving = json!({ "slotId": slots[0], "participantId": school.child, "replace": true });
            world.done_as(&mother, "bookConversationSlot", BOOK, moving);
            assert_eq!(booked(world, &school, &round), BTreeMap::from([(slots[0].clone(), school.child.clone())]));
        }
        let giving = json!({ "slotId": slots[0] });
        let given = world.done_as(&mother, "cancelConversationBooking", BOOK, giving.clone());
        assert_eq!(given["slot"], json!({ "id": slots[0], "available": true, "mine": false, "bookedFor": null, "bookedByName": null, "bookedAt": null }));
        assert_eq!(world.refused_as(&mother, "cancelConversationBooking", giving), ["NOT_BOOKED"]);
        // A request that is repeated is carried out once.
        for _ in 0..2 {
            let input = json!({ "slotId": slots[1], "participantId": school.child, "clientMutationId": "eens" });
            assert_eq!(try_book(world, &mother, input), [""; 0]);
        }
        world.done_as(&mother, "cancelConversationBooking", BOOK, json!({ "slotId": slots[1] }));
        // The child itself may do so too, and needs not say for whom.
        let child = person(world, &school.child);
        world.done_as(&child, "bookConversationSlot", BOOK, json!({ "slotId": slots[2] }));
        assert_eq!(booked(world, &school, &round), BTreeMap::from([(slots[2].clone(), school.child.clone())]));
        let query = "query($id: ID!) { content(id: $id) { history(first: 1) { edges { node { actor { displayName } changes { field before after } } } } } }";
        let entry = world.data_as(&school.administrator(world), query, json!({ "id": round }))["content"]["history"]["edges"][0]["node"].take();
        assert_eq!(entry["changes"][1], json!({ "field": "bookedFor", "before": null, "after": school.child }));
    }

    fn a_slot_is_booked_once_and_only_by_whom_it_is_for(world) {
        let school = School::new(world);
        let (_, slots) = round(world, &school, 3, json!({}));
        let others = families(world, &school, 2);
        let outside = world.person("Buur", "Buiten");
        world.done("addGuardian", "child { id }", json!({ "childId": outside, "guardianId": school.mother }));
        let mother = person(world, &school.mother);
        book(world, &mother, &slots[0], &school.child);
        assert_eq!(try_book(world, &others[0].token, booking(&slots[0], &others[0].child)), ["SLOT_BOOKED"]);
        book(world, &others[0].token, &slots[1], &others[0].child);
        assert_eq!(try_book(world, &others[0].token, booking(&slots[0], &others[0].child)), ["SLOT_BOOKED", "ALREADY_BOOKED"]);
        // That the mother sees the round is not enough: the talk is about a child of the class.
        assert_eq!(try_book(world, &mother, booking(&slots[2], &school.mother)), ["NOT_INVITED"]);
        assert_eq!(try_book(world, &mother, booking(&slots[2], &outside)), ["NOT_INVITED"]);
        // Of the children of others nothing is said, whether there are such children or not.
        for who in [&others[1].child, &school.stranger, &id::encode(Kind::Participant, 999_999)] {
            assert_eq!(try_book(world, &mother, booking(&slots[0], who)), ["FORBIDDEN"]);
        }
        for slot in &slots[1..] {
            assert_eq!(world.refused_as(&mother, "cancelConversationBooking", json!({ "slotId": slot })), ["NOT_BOOKED"]);
            assert_eq!(world.refused_as(&mother, "removeConversationSlot", json!({ "slotId": slot })), ["FORBIDDEN"]);
        }
        let nobody = school.staff(world);
        assert_eq!(try_book(world, &nobody, json!({ "slotId": slots[2] })), ["NOT_FOUND"]);
        assert_eq!(try_book(world, &school.administrator(world), json!({ "slotId": slots[2] })), ["REQUIRED"]);
    }

    fn slots_are_booked_while_booking_is_open_and_before_they_start(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let opens = json!({ "bookingOpensAt": (now() + Duration::minutes(10)).to_rfc3339(), "bookingClosesAt": (now() + Duration::minutes(30)).to_rfc3339() });
        let (_, slots) = round(&world, &school, 2, opens);
        let soon = |from: i64| json!({ "startsAt": (now() + Duration::minutes(from)).to_rfc3339(), "endsAt": (now() + Duration::minutes(from + 5)).to_rfc3339() });
        let (mother, clerk) = (person(&world, &school.mother), school.administrator(&world));
        let open = make(&world, &clerk, json!({ "conversationRound": { "title": "Inloop", "slots": [soon(5), soon(40)] } }));
        publish(&world, &clerk, &open, json!({ "groupIds": [school.class] }));
        let quick = ids(&slots_of(&world, &mother, &open)["slots"]);
        let to = |world: &mut World, minutes: i64| world.turn_clock(now() + Duration::minutes(minutes), chrono_tz::Europe::Amsterdam);
        assert_eq!(try_book(&world, &mother, booking(&slots[0], &school.child)), ["NOT_OPEN_YET"]);
        to(&mut world, 10);
        // What has begun is booked by nobody, and is no longer among what is available.
        assert_eq!(slots_of(&world, &mother, &open)["freeSlotCount"], 1);
        for token in [&mother, &clerk] {
            assert_eq!(try_book(&world, token, booking(&quick[0], &school.child)), ["SLOT_PAST"]);
        }
        book(&world, &mother, &slots[0], &school.child);
        book(&world, &mother, &quick[1], &school.child);
        to(&mut world, 30);
        assert_eq!(try_book(&world, &mother, json!({ "slotId": slots[1], "participantId": school.child, "replace": true })), ["NO_LONGER_OPEN"]);
        assert_eq!(world.refused_as(&mother, "cancelConversationBooking", json!({ "slotId": slots[0] })), ["NO_LONGER_OPEN"]);
        // Whoever manages the round still shifts talks.
        world.done_as(&clerk, "bookConversationSlot", BOOK, json!({ "slotId": slots[1], "participantId": school.child, "replace": true }));
        world.done_as(&clerk, "cancelConversationBooking", BOOK, json!({ "slotId": slots[1] }));
        to(&mut world, 40);
        for token in [&mother, &clerk] {
            assert_eq!(world.refused_as(token, "cancelConversationBooking", json!({ "slotId": quick[1] })), ["SLOT_PAST"]);
        }
        let later = json!({ "contentId": open, "slots": [soon(60)] });
        let added = ids_of(&world.done_as(&clerk, "addConversationSlots", "slots { id }", later)["slots"]);
        assert_eq!(try_book(&world, &mother, json!({ "slotId": added[0], "participantId": school.child, "replace": true })), ["ALREADY_BOOKED"]);
    }

    fn a_teacher_makes_a_round_and_books_for_parents(world) {
        let school = School::new(world);
        let others = families(world, &school, 1);
        let teacher = person(world, &school.teacher);
        let id = make(world, &teacher, json!({ "conversationRound": { "title": "Gesprekken" } }));
        let slot = |from: &str, to: &str| json!({ "startsAt": from, "endsAt": to });
        let wrong = [
            (json!([]), "REQUIRED"), (json!([slot("2026-09-15T09:00:00Z", "2026-09-15T11:00:00Z")]), "INVALID_DATE"),
            (json!([slot("2026-09-17T09:00:00Z", "2026-09-17T09:00:00Z")]), "INVALID_DATE"), (json!([slot("2026-09-17T09:00:00Z", "2026-09-19T09:00:00Z")]), "INVALID_DATE"),
        ];
        for (slots, code) in wrong {
            assert_eq!(world.refused_as(&teacher, "addConversationSlots", json!({ "contentId": id, "slots": slots })), [code]);
        }
        let several = json!([slot("2026-09-17T09:10:00Z", "2026-09-17T09:20:00Z"), slot("2026-09-17T11:00:00+02:00", "2026-09-17T11:10:00+02:00")]);
        let added = world.done_as(&teacher, "addConversationSlots", "slots { id startsAt location } content { ... on ConversationRound { freeSlotCount } }", json!({ "contentId": id, "slots": several }));
        assert_eq!(added["slots"][0]["startsAt"], "2026-09-17T09:00:00Z");
        assert_eq!(added["content"]["freeSlotCount"], 2);
        let slots = ids_of(&added["slots"]);
        // Nobody can take part in what was not published.
        assert_eq!(try_book(world, &teacher, booking(&slots[0], &school.child)), ["NOT_INVITED"]);
        publish(world, &teacher, &id, json!({ "groupIds": [school.class] }));
        book(world, &teacher, &slots[0], &school.child);
        for who in [&school.stranger, &id::encode(Kind::Participant, 999_999)] {
            assert_eq!(try_book(world, &teacher, booking(&slots[1], who)), ["NOT_FOUND"]);
        }
        // The teacher reads by name who comes, though the class is no directory.
        let seen = slots_of(world, &teacher, &id);
        assert_eq!(seen["slots"]["edges"][0]["node"]["bookedForName"], "Kind Wilg");
        assert_eq!(seen["viewerSlots"], json!([]));
        assert_eq!(slots_of(world, &person(world, &school.mother), &id)["viewerSlots"][0]["bookedByName"], "Tester");
        let removing = json!({ "slotId": slots[0] });
        assert_eq!(world.refused_as(&teacher, "removeConversationSlot", removing.clone()), ["SLOT_BOOKED"]);
        world.done_as(&teacher, "cancelConversationBooking", BOOK, removing.clone());
        let gone = world.done_as(&teacher, "removeConversationSlot", "deletedId content { id }", removing.clone());
        assert_eq!((&gone["deletedId"], &gone["content"]["id"]), (&json!(slots[0]), &json!(id)));
        assert_eq!(world.refused_as(&teacher, "removeConversationSlot", removing), ["NOT_FOUND"]);
        let parent = json!({ "contentId": id, "slots": [slot("2026-09-18T09:00:00Z", "2026-09-18T09:10:00Z")] });
        assert_eq!(world.refused_as(&others[0].token, "addConversationSlots", parent.clone()), ["FORBIDDEN"]);
        assert_eq!(world.refused_as(&person(world, &school.stranger), "addConversationSlots", parent), ["NOT_FOUND"]);
        // Slots are no part of the round that is replaced as a whole, and stay when it is.
        let whole = |slots: Value| json!({ "contentId": id, "content": { "conversationRound": { "title": "Nieuw", "slots": slots } } });
        assert_eq!(world.refused_as(&teacher, "updateContent", whole(json!([slot("2026-09-18T09:00:00Z", "2026-09-18T09:10:00Z")]))), ["INVALID_VALUE"]);
        world.done_as(&teacher, "updateContent", "content { id }", whole(json!([])));
        assert_eq!(ids(&slots_of(world, &teacher, &id)["slots"]), [slots[1].clone()]);
        let news = make(world, &teacher, json!({ "newsItem": { "title": "x", "body": "x" } }));
        let input = json!({ "contentId": news, "slots": [slot("2026-09-18T09:00:00Z", "2026-09-18T09:10:00Z")] });
        assert_eq!(world.refused_as(&teacher, "addConversationSlots", input), ["WRONG_KIND"]);
    }

    fn brothers_and_sisters_can_have_slots_at_the_same_time(world) {
        let school = School::new(world);
        let [first, second] = [0, 1].map(|_| round(world, &school, 1, json!({})));
        let sister = world.person_of(Some(&school.organization), "Zus", "Wilg");
        world.add(&school.class, &[&sister], "2026-08-01");
        world.done("addGuardian", "child { id }", json!({ "childId": sister, "guardianId": school.mother }));
        let mother = person(world, &school.mother);
        assert_eq!(book(world, &mother, &first.1[0], &school.child)["warnings"], json!([]));
        let warned = book(world, &mother, &second.1[0], &sister)["warnings"].take();
        assert_eq!(warned, json!([{ "code": "OVERLAPPING_SLOT", "message": "At the same time a slot is booked for Kind Wilg." }]));
        // Who books for others is told nothing about them.
        world.done_as(&mother, "cancelConversationBooking", BOOK, json!({ "slotId": second.1[0] }));
        assert_eq!(book(world, &school.administrator(world), &second.1[0], &sister)["warnings"], json!([]));
    }

    /// K3: another parent sees that a slot is taken, and never by whom; to a stranger there is no round.
    fn k3_nobody_hears_who_talks_with_the_teacher(world) {
        let school = School::new(world);
        let others = families(world, &school, 1);
        let (round, slots) = round(world, &school, 2, json!({}));
        let (mother, clerk) = (person(world, &school.mother), school.administrator(world));
        book(world, &mother, &slots[0], &school.child);
        const NODE: &str = "query($id: ID!) { node(id: $id) { id ... on ConversationSlot { available mine bookedFor { id } bookedForName bookedByName bookedAt } } nodes(ids: [$id]) { id } }";
        let (other, father) = (&others[0].token, world.person("Vader", "Buiten"));
        world.done("addGuardian", "child { id }", json!({ "childId": school.child, "guardianId": father }));
        for (token, told, mine) in [(&mother, true, true), (&person(world, &father), true, true), (&clerk, true, false), (other, false, false)] {
            let node = world.data_as(token, NODE, json!({ "id": slots[0] }))["node"].take();
            let seen = slots_of(world, token, &round)["slots"]["edges"][0]["node"].take();
            assert_eq!((&node["bookedFor"], &node["mine"], &node["available"]), (&seen["bookedFor"], &seen["mine"], &seen["available"]));
            assert_eq!((&seen["mine"], &seen["available"]), (&json!(mine), &json!(false)));
            let fields = ["bookedFor", "bookedForName", "bookedByName", "bookedAt"];
            assert!(fields.iter().all(|field| seen[*field].is_null() != told && node[*field].is_null() != told), "{seen}");
            let all = slots_of(world, token, &round).to_string();
            assert_eq!(all.contains(&school.child) || all.contains("Wilg"), told, "{all}");
        }
        let never = id::encode(Kind::ConversationSlot, 999_999);
        let stranger = person(world, &school.stranger);
        let answers = [&slots[0], &slots[1], &never].map(|slot| {
            let mut all = vec![world.ask_as(Some(&stranger), NODE, json!({ "id": slot })), world.ask_as(None, NODE, json!({ "id": slot }))];
            for (mutation, input) in [("bookConversationSlot", "BookConversationSlotInput"), ("cancelConversationBooking", "CancelConversationBookingInput"), ("removeConversationSlot", "RemoveConversationSlotInput")] {
                let query = format!("mutation($i: {input}!) {{ {mutation}(input: $i) {{ content {{ id }} userErrors {{ code message field }} }} }}");
                all.push(world.ask_as(Some(&stranger), &query, json!({ "i": { "slotId": slot } })));
            }
            all
        });
        assert_eq!((&answers[0], &answers[1]), (&answers[2], &answers[2]));
        assert!(answers[2].iter().skip(2).all(|answer| answer.to_string().contains("NOT_FOUND")));
        // Of a round for everybody, whoever did not sign in sees the slots and not who has them.
        publish(world, &clerk, &round, json!({ "everyone": true, "groupIds": [school.class] }));
        let open = world.ask_as(None, NODE, json!({ "id": slots[0] }))["data"]["node"].take();
        assert_eq!(open, json!({ "id": slots[0], "available": false, "mine": false, "bookedFor": null, "bookedForName": null, "bookedByName": null, "bookedAt": null }));
        // Once the round is withdrawn, its slots are gone with it for everybody but its makers.
        world.done_as(&clerk, "withdrawContent", "content { id }", json!({ "contentId": round }));
        assert_eq!(world.data_as(&mother, NODE, json!({ "id": slots[0] })), json!({ "node": null, "nodes": [null] }));
        assert_eq!(world.refused_as(&mother, "cancelConversationBooking", json!({ "slotId": slots[0] })), ["NOT_FOUND"]);
        assert_eq!(booked(world, &school, &round).len(), 1);
        // Published again, they are as they were; whoever left the class sees them no more.
        publish(world, &clerk, &round, json!({ "groupIds": [school.class] }));
        assert_eq!(slots_of(world, &mother, &round)["viewerSlots"][0]["id"], json!(slots[0]));
        world.end(&school.membership, "2026-09-15");
        assert_eq!(world.data_as(&mother, NODE, json!({ "id": slots[0] }))["node"], Value::Null);
        assert_eq!(booked(world, &school, &round).len(), 1, "who manages the round still sees the booking");
    }

    fn an_administrator_is_a_parent_too(world) {
        let school = School::new(world);
        let (round, slots) = round(world, &school, 1, json!({}));
        let token = world.token(Role::Administrator, Some(&school.mother), None);
        book(world, &token, &slots[0], &school.child);
        assert_eq!(slots_of(world, &token, &round)["viewerSlots"][0]["id"], json!(slots[0]));
    }

    /// The rule does not hang on the code alone.
    fn the_database_itself_refuses_a_second_slot(world) {
        let school = School::new(world);
        let (_, slots) = round(world, &school, 2, json!({}));
        book(world, &person(world, &school.mother), &slots[0], &school.child);
        let key = |text: &str| id::decode(text).unwrap().1;
        let update = format!("UPDATE conversation_slots SET participant_id = {}, booked_at = created_at, booked_by_name = 'x' WHERE id = {}", key(&school.child), key(&slots[1]));
        let outcome = world.db.write(|conn| Ok(kring::db::Sql::new(update.clone()).execute(conn)?));
        assert!(outcome.is_err());
        let half = format!("UPDATE conversation_slots SET participant_id = NULL WHERE id = {}", key(&slots[0]));
        assert!(world.db.write(|conn| Ok(kring::db::Sql::new(half.clone()).execute(conn)?)).is_err());
    }

    fn pages_of_slots_follow_time(world) {
        let school = School::new(world);
        let (round, slots) = round(world, &school, 7, json!({}));
        let mother = person(world, &school.mother);
        let query = "query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) { content(id: $id) { ... on ConversationRound { \
            slots(first: $first, after: $after, last: $last, before: $before) { pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id } } } } } }";
        let page = |variables: Value| world.data_as(&mother, query, variables)["content"]["slots"].take();
        let first = page(json!({ "id": round, "first": 3 }));
        assert_eq!(ids(&first), slots[..3]);
        let second = page(json!({ "id": round, "first": 3, "after": first["pageInfo"]["endCursor"] }));
        assert_eq!(ids(&second), slots[3..6]);
        let back = page(json!({ "id": round, "last": 2, "before": second["pageInfo"]["startCursor"] }));
        assert_eq!(ids(&back), slots[1..3]);
        assert_eq!(back["pageInfo"]["hasPreviousPage"], true);
    }

    fn many_rounds_take_as_many_statements_as_one(world) {
        let school = School::new(world);
        let all = families(world, &school, 3);
        let fill = |number: usize| {
            for _ in 0..number {
                let (_, slots) = round(world, &school, 6, json!({}));
                for (family, slot) in all.iter().zip(&slots) {
                    book(world, &family.token, slot, &family.child);
                }
            }
        };
        let query = "{ contents(first: 50, filter: { kinds: [CONVERSATION_ROUND] }) { edges { node { id ... on ConversationRound { freeSlotCount viewerSlots { id bookedFor { displayName } } \
            slots(first: 4) { totalCount edges { cursor node { available mine bookedFor { displayName } bookedByName } } } } } } } }";
        let spent = |token: &str| {
            world.data_as(token, query, json!({}));
            let before = world.db.statements();
            world.data_as(token, query, json!({}));
            world.db.statements() - before
        };
        let tokens = [all[0].token.clone(), school.administrator(world), person(world, &school.teacher), world.administrator()];
        fill(1);
        let one: Vec<u64> = tokens.iter().map(|token| spent(token)).collect();
        fill(9);
        assert_eq!(tokens.iter().map(|token| spent(token)).collect::<Vec<_>>(), one);
        assert!(one.iter().all(|statements| *statements <= 14), "{one:?}");
    }
}

fn ids_of(objects: &Value) -> Vec<String> {
    objects.as_array().unwrap().iter().map(|object| text(&object["id"])).collect()
}

/// Runs a task on as many threads as are asked for, all at once.
pub fn together<T: Send>(threads: usize, task: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = std::sync::Barrier::new(threads);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|n| {
                let (task, start) = (&task, &start);
                scope.spawn(move || {
                    start.wait();
                    task(n)
                })
            })
            .collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
