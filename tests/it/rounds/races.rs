//! Many who book at once: in the end slots are booked as everybody was told.

use std::collections::BTreeMap;

use serde_json::json;

use super::{booked, booking, codes, families, round, slots_of, together, try_book};
use crate::content::{School, person};
use crate::harness::{both, ids};

both! {
    fn thirty_guardians_race_for_ten_slots_and_for_one(world) {
        let school = School::new(world);
        let all = families(world, &school, 30);
        let (ten, slots) = round(world, &school, 10, json!({}));
        let (one, only) = round(world, &school, 1, json!({}));
        // Each tries one slot after another, each from another one on, until one is theirs.
        let tries: Vec<(usize, Option<String>)> = together(all.len(), |n| {
            for step in 0..slots.len() {
                let slot = &slots[(n + step) % slots.len()];
                match try_book(world, &all[n].token, booking(slot, &all[n].child)).as_slice() {
                    [] => return (step + 1, Some(slot.clone())),
                    refused => assert_eq!(refused, ["SLOT_BOOKED"]),
                }
            }
            (slots.len(), None)
        });
        let won: BTreeMap<String, String> =
            tries.iter().zip(&all).filter_map(|((_, slot), family)| Some((slot.clone()?, family.child.clone()))).collect();
        assert_eq!(won.len(), 10);
        assert_eq!(tries.iter().filter(|(_, slot)| slot.is_none()).count(), 20);
        assert_eq!(booked(world, &school, &ten), won, "each slot is booked for who was told so");
        let outcomes = together(all.len(), |n| try_book(world, &all[n].token, booking(&only[0], &all[n].child)));
        assert_eq!(outcomes.iter().filter(|codes| codes.is_empty()).count(), 1);
        assert_eq!(outcomes.iter().filter(|codes| **codes == ["SLOT_BOOKED"]).count(), 29);
        assert_eq!(booked(world, &school, &one).len(), 1);
    }

    fn whoever_books_moves_and_gives_back_at_once_has_what_they_were_told(world) {
        let school = School::new(world);
        let all = families(world, &school, 12);
        let (round, slots) = round(world, &school, 8, json!({}));
        // Nobody else changes the slot of a child, so that its family knows which one it has.
        let held: Vec<Option<usize>> = together(all.len(), |n| {
            let (family, mut held, mut dice) = (&all[n], None, n * 7 + 3);
            for _ in 0..12 {
                dice = dice * 31 % 1_009;
                let wanted = dice % slots.len();
                if let Some(slot) = held.filter(|_| dice % 3 == 0) {
                    world.done_as(&family.token, "cancelConversationBooking", "slot { id }", json!({ "slotId": slots[slot] }));
                    held = None;
                    continue;
                }
                let input = json!({ "slotId": slots[wanted], "participantId": family.child, "replace": true });
                match try_book(world, &family.token, input).as_slice() {
                    [] => held = Some(wanted),
                    refused => assert_eq!(refused, ["SLOT_BOOKED"]),
                }
            }
            held
        });
        let model: BTreeMap<String, String> =
            held.iter().zip(&all).filter_map(|(slot, family)| Some((slots[(*slot)?].clone(), family.child.clone()))).collect();
        assert_eq!(booked(world, &school, &round), model);
        // Both guardians of a child at once, each for another slot: the child has one.
        let father = world.person("Vader", "Buiten");
        world.done("addGuardian", "child { id }", json!({ "childId": school.child, "guardianId": father }));
        let (round, slots) = super::round(world, &school, 8, json!({}));
        let tokens = [person(world, &school.mother), person(world, &father)];
        let outcomes = together(8, |n| try_book(world, &tokens[n % 2], booking(&slots[n], &school.child)));
        assert_eq!(outcomes.iter().filter(|codes| codes.is_empty()).count(), 1);
        assert_eq!(outcomes.iter().filter(|codes| **codes == ["ALREADY_BOOKED"]).count(), 7);
        assert_eq!(booked(world, &school, &round).len(), 1);
    }

    fn what_is_booked_is_not_removed_and_what_is_removed_is_not_booked(world) {
        let school = School::new(world);
        let all = families(world, &school, 16);
        let (round, slots) = round(world, &school, 16, json!({}));
        let clerk = school.administrator(world);
        const REMOVE: &str = "mutation($input: RemoveConversationSlotInput!) { removeConversationSlot(input: $input) { userErrors { code } } }";
        let outcomes = together(32, |n| match n % 2 {
            0 => try_book(world, &all[n / 2].token, booking(&slots[n / 2], &all[n / 2].child)),
            _ => codes(&world.data_as(&clerk, REMOVE, json!({ "input": { "slotId": slots[n / 2] } }))["removeConversationSlot"]),
        });
        let mut expected = BTreeMap::new();
        for (n, pair) in outcomes.chunks(2).enumerate() {
            match (pair[0].first().map(String::as_str), pair[1].first().map(String::as_str)) {
                (None, Some("SLOT_BOOKED")) => drop(expected.insert(slots[n].clone(), all[n].child.clone())),
                (Some("NOT_FOUND"), None) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(booked(world, &school, &round), expected);
        assert_eq!(slots_of(world, &clerk, &round)["freeSlotCount"], 0);
    }

    /// Whoever left the class gives the slot back that they can no longer see; nobody else does.
    fn who_left_gives_the_slot_back(world) {
        let school = School::new(world);
        let all = families(world, &school, 2);
        let (_, slots) = round(world, &school, 2, json!({}));
        let book = |n: usize| world.done_as(&all[n].token, "bookConversationSlot", "slot { id }", json!({ "slotId": slots[n], "participantId": all[n].child }));
        book(0);
        book(1);
        let query = "query($who: ID!) { participant(id: $who) { memberships(first: 9) { edges { node { id } } } } }";
        let found = world.data(query, json!({ "who": all[0].child }));
        world.end(&ids(&found["participant"]["memberships"])[0], "2026-09-15");
        let cancel = |token: &str, slot: &str| world.refused_as(token, "cancelConversationBooking", json!({ "slotId": slot }));
        assert_eq!((cancel(&all[0].token, &slots[1]), cancel(&person(world, &school.stranger), &slots[0])), (vec!["NOT_FOUND".to_owned()], vec!["NOT_FOUND".to_owned()]));
        world.done_as(&all[0].token, "cancelConversationBooking", "clientMutationId", json!({ "slotId": slots[0] }));
        assert_eq!(cancel(&all[0].token, &slots[0]), ["NOT_FOUND"]);
        world.done_as(&all[1].token, "bookConversationSlot", "slot { id }", json!({ "slotId": slots[0], "participantId": all[1].child, "replace": true }));
    }
}
