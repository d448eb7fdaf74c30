//! Members who move, and what they did for themselves before (M5, M5b).

use serde_json::{Value, json};

use super::{leave, rows};
use crate::harness::both;

const MOVED: &str = "moved alreadyMember optedOut warnings { code } memberships(first: 9) { totalCount }";

both! {
    fn m5_moving_brings_back_nobody_who_left(world) {
        let from = world.group("Oud");
        let to = world.group_with(None, json!({ "name": "Nieuw", "subscriptionGroup": true }));
        let [anna, bram, clara] = ["Anna", "Bram", "Clara"].map(|name| world.person(name, "X"));
        world.add(&from, &[&anna, &bram, &clara], "2026-01-01");
        world.add(&to, &[&anna, &clara], "2026-01-01");
        leave(world, &to, &anna);
        let input = |more: Value| {
            let mut input = json!({ "fromGroupId": from, "toGroupId": to, "participantIds": [anna, bram, clara] });
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        let figures = |payload: &Value| ["moved", "alreadyMember", "optedOut"].map(|field| payload[field].as_i64().unwrap());
        let all = world.done("moveMembers", MOVED, input(json!({ "includeOptedOut": true, "dryRun": true })));
        assert_eq!(figures(&all), [3, 1, 0]);
        let dry = world.done("moveMembers", MOVED, input(json!({ "dryRun": true })));
        let done = world.done("moveMembers", MOVED, input(json!({})));
        assert_eq!((figures(&dry), figures(&done), &done["memberships"]["totalCount"]), ([2, 1, 1], [2, 1, 1], &json!(1)));
        assert_eq!((world.members(&from, None), world.members(&to, None)), (vec!["Anna X".to_owned()], vec!["Bram X".to_owned(), "Clara X".into()]));
    }

    /// A3: who belongs to the other group by derivation still does; not if what they leave is what it followed from.
    fn a3_moving_unties_nobody_and_loses_nobody(world) {
        let [from, source] = ["Oud", "Bron"].map(|name| world.group(name));
        let [tied, fed] = [("Gevoed", &source), ("Gevolgd", &from)].map(|(name, source)| world.group_with(None, json!({ "name": name, "sourceGroupId": source })));
        let [anna, bram] = ["Anna", "Bram"].map(|name| world.person(name, "X"));
        world.add(&from, &[&anna, &bram], "2026-01-01");
        let of_source = world.add(&source, &[&anna], "2026-01-01").remove(0);
        let moved = |to: &str, who: &str, permanent: bool, dry_run: bool| {
            let input = json!({ "fromGroupId": from, "toGroupId": to, "participantIds": [who], "makePermanent": permanent, "dryRun": dry_run });
            let done = world.done("moveMembers", MOVED, input);
            [done["moved"].as_i64().unwrap(), done["alreadyMember"].as_i64().unwrap()]
        };
        assert_eq!((moved(&tied, &anna, true, true), moved(&tied, &anna, false, true)), ([1, 0], [1, 1]));
        assert_eq!(moved(&tied, &anna, false, false), [1, 1]);
        assert_eq!(rows(world, &tied), ["Anna X SOURCE_GROUP 2026-09-15 - -"]);
        world.end(&of_source, "2026-09-15");
        assert_eq!(world.members(&tied, None), [""; 0]);
        assert_eq!(moved(&fed, &bram, false, false), [1, 0]);
        assert_eq!(world.members(&fed, None), ["Bram X"], "he has a membership of his own now");
        assert!(rows(world, &fed).contains(&"Bram X MANUAL 2026-09-15 - -".to_owned()), "{:?}", rows(world, &fed));
    }

    /// M5b: the note beside a known end goes along; where another takes its place, that is told.
    fn m5b_moving_drops_no_note_without_a_word(world) {
        let [from, to] = ["Oud", "Nieuw"].map(|name| world.group(name));
        let [anna, bram] = ["Anna", "Bram"].map(|name| world.person(name, "X"));
        for id in world.add(&from, &[&anna, &bram], "2026-01-01") {
            let input = json!({ "membershipId": id, "endDate": "2026-12-01", "endReasonCode": "LEFT", "note": "Verhuist" });
            world.done("endMembership", "membership { id }", input);
        }
        let moved = |who: &str, note: Value| world.done("moveMembers", MOVED, json!({ "fromGroupId": from, "toGroupId": to, "participantIds": [who], "note": note }));
        assert_eq!(moved(&anna, Value::Null)["warnings"], json!([]));
        assert_eq!(moved(&bram, json!("Op verzoek"))["warnings"], json!([{ "code": "NOTE_REPLACED" }]));
        assert_eq!(rows(world, &from), ["Anna X MANUAL 2026-01-01 2026-09-15 Verhuist", "Bram X MANUAL 2026-01-01 2026-09-15 Op verzoek"]);
        assert_eq!(rows(world, &to), ["Anna X MANUAL 2026-09-15 2026-12-01 Verhuist", "Bram X MANUAL 2026-09-15 2026-12-01 Verhuist"]);
    }
}
