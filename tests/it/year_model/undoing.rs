//! Y7: what stands in the way of undoing is named, and nothing is changed then.

use chrono::{DateTime, Duration, Utc};
use kring::access::Viewer;
use kring::error::{Code, Error};
use kring::id::{self, Kind};
use kring::scope::{Clock, Scope};
use serde_json::{Value, json};

use super::dump::{assert_unchanged, dump};
use crate::harness::{World, both, now, text};
use crate::year::{School, apply, planned};

/// Memberships of somebody in a group, the latest last.
fn memberships(world: &World, person: &str, group: &str) -> Vec<String> {
    let query = "query($of: ID!, $group: ID!) { memberships(first: 9, filter: { participantId: $of, groupId: $group, status: ANY }) { edges { node { id } } } }";
    crate::harness::ids(&world.data(query, json!({ "of": person, "group": group }))["memberships"])
}

fn undo(world: &World, token: &str, transition: &Value) -> Vec<(String, String)> {
    let query =
        "mutation($id: ID!) { undoYearTransition(input: { yearTransitionId: $id }) { userErrors { code message } } }";
    let answer = world.data_as(token, query, json!({ "id": transition["id"] }));
    let errors = answer["undoYearTransition"]["userErrors"].as_array().unwrap();
    errors.iter().map(|error| (text(&error["code"]), text(&error["message"]))).collect()
}

both! {
    fn y7_what_stands_in_the_way_of_undoing_is_named_and_nothing_changes(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        school.news(world, "Schoolreis", &[&school.second]);
        let transition = planned(world, &token, school.plan());
        assert_eq!(apply(world, &token, &transition)["userErrors"], json!([]));
        let mut expected: Vec<String> = Vec::new();
        let mut refused = |added: &str| {
            expected.push(added.to_owned());
            let before = dump(world);
            let errors = undo(world, &token, &transition);
            assert!(errors.iter().all(|(code, _)| code == "STANDS_IN_THE_WAY"), "{errors:?}");
            for message in &expected {
                assert!(errors.iter().any(|(_, found)| found == message), "{message}: {errors:?}");
            }
            assert_eq!(errors.len(), expected.len(), "{errors:?}");
            assert_unchanged(&before, world, added);
        };
        let of = |pupil: usize, group: &str| memberships(world, &school.pupils[pupil], group).remove(0);
        world.end(&of(0, &school.second), "2026-10-01");
        refused("The membership of Kind0 Wilg in Groep 2 was changed since.");
        world.done("annulMembership", "membership { id }", json!({ "membershipId": of(2, &school.last) }));
        refused("The membership of Kind2 Wilg in Groep 8 was changed since.");
        let noted = json!({ "membershipId": of(3, &school.second), "note": "Naar groep 8" });
        world.done("updateMembership", "membership { id }", noted);
        refused("The membership of Kind3 Wilg in Groep 2 was changed since.");
        world.add(&school.last, &[&school.pupils[4]], "2026-09-10");
        refused("Kind4 Wilg has joined Groep 8 again since.");
        let other = world.organization("De Eik");
        let handed = json!({ "groupId": school.first, "organizationId": other, "settings": {} });
        world.done("updateGroup", "group { id }", handed);
        refused("A group of it belongs to another organization now.");
    }

    /// Not after its time, and not before one that came later.
    fn y7_undoing_has_its_time_and_its_order(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let mut first = school.plan();
        first["fromSchoolYear"] = json!("2024-2025");
        first["toSchoolYear"] = json!("2025-2026");
        first["effectiveOn"] = json!("2026-07-31");
        let first = planned(world, &token, first);
        assert_eq!(apply(world, &token, &first)["userErrors"], json!([]));
        // On the same day, so that it concerns nobody whom the first has moved.
        let mut next = school.plan();
        next["effectiveOn"] = json!("2026-07-31");
        let next = planned(world, &token, next);
        assert_eq!(apply(world, &token, &next)["userErrors"], json!([]));
        let before = dump(world);
        assert_eq!(undo(world, &token, &first)[0].0, "TRANSITION_OUT_OF_ORDER");
        assert_unchanged(&before, world, "the order");
        let key = id::decode_as(Kind::YearTransition, next["id"].as_str().unwrap()).unwrap();
        let undo_at = |moment: DateTime<Utc>| {
            let scope = Scope::new(Viewer::operator("Tester"), Clock::Fixed(moment), chrono_tz::Europe::Amsterdam);
            world.db.write(|conn| kring::year::undo::undo(conn, &scope, key))
        };
        let late = undo_at(now() + Duration::days(30) + Duration::seconds(1));
        assert!(matches!(late, Err(Error::Rejected(why)) if why[0].code == Code::UndoWindowClosed));
        assert_unchanged(&before, world, "the time");
        undo_at(now() + Duration::days(30)).unwrap();
        assert_eq!(undo(world, &token, &first), []);
        assert_eq!(world.members(&school.second, None), ["Kind2 Wilg", "Kind3 Wilg"]);
    }
}
