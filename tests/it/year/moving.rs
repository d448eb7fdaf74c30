//! Members who move during the year.

use kring::id::{self, Kind};
use serde_json::{Value, json};

use super::{School, feed};
use crate::harness::both;

both! {
    /// Y8: members who move are answered with the content that did not move along, which can be linked in the same step.
    fn y8_moving_members_tells_what_stays_behind(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let trip = school.news(world, "Schoolreis", &[&school.first]);
        school.news(world, "Luizen", &[&school.first]);
        school.news(world, "Samen", &[&school.first, &school.second]);
        let [c0, c1] = [0, 1].map(|n| school.pupils[n].clone());
        let input = |more: Value| {
            let mut input = json!({ "fromGroupId": school.first, "toGroupId": school.second, "participantIds": [c0] });
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        for (more, codes) in [
            (json!({ "toGroupId": school.first }), vec!["INVALID_VALUE"]),
            (json!({ "participantIds": [] }), vec!["REQUIRED"]),
            (json!({ "participantIds": [school.pupils[3], school.guardians[0]] }), vec!["NOT_A_MEMBER"; 2]),
            (json!({ "on": "2025-08-18" }), vec!["INVALID_DATE"]),
            (json!({ "linkContentIds": [id::encode(Kind::Content, 999_999)] }), vec!["NOT_FOUND"]),
            (json!({ "linkContentIds": [trip], "linkAllContent": true }), vec!["INVALID_VALUE"]),
            (json!({ "endReasonCode": "NOPE" }), vec!["NOT_FOUND"]),
        ] {
            assert_eq!(world.refused_as(&token, "moveMembers", input(more.clone())), codes, "{more}");
        }
        let selection = "moved alreadyMember linked dryRun fromGroup { id } toGroup { id } memberships(first: 5) { totalCount edges { node { startDate startReason { code } origin endDate } } } contentLeftBehind(first: 5) { totalCount edges { node { title } } }";
        let rehearsed = world.done_as(&token, "moveMembers", selection, input(json!({ "dryRun": true, "linkContentIds": [trip] })));
        assert_eq!((&rehearsed["moved"], &rehearsed["linked"], &rehearsed["dryRun"], &rehearsed["memberships"]["totalCount"]), (&json!(1), &json!(1), &json!(true), &json!(0)));
        assert_eq!(world.members(&school.first, None), ["Juf Wilg", "Kind0 Wilg", "Kind1 Wilg"]);
        let moved = world.done_as(&token, "moveMembers", selection, input(json!({ "linkContentIds": [trip], "note": "Op verzoek" })));
        assert_eq!(moved, json!({ "moved": 1, "alreadyMember": 0, "linked": 1, "dryRun": false, "fromGroup": { "id": school.first }, "toGroup": { "id": school.second },
            "memberships": { "totalCount": 1, "edges": [{ "node": { "startDate": "2026-09-15", "startReason": { "code": "MOVED_GROUP" }, "origin": "MANUAL", "endDate": null } }] },
            "contentLeftBehind": { "totalCount": 1, "edges": [{ "node": { "title": "Luizen" } }] }, "userErrors": [] }));
        assert_eq!(world.members(&school.second, None), ["Kind0 Wilg", "Kind2 Wilg", "Kind3 Wilg"]);
        assert_eq!(feed(world, &school.guardians[0]), ["Samen", "Schoolreis"]);
        assert_eq!(feed(world, &school.guardians[1]), ["Samen", "Luizen", "Schoolreis"]);
        // Who is in both already only leaves the one.
        world.add(&school.second, &[&c1], "2026-09-01");
        let moved = world.done_as(&token, "moveMembers", selection, json!({ "fromGroupId": school.first, "toGroupId": school.second, "participantIds": [c1, c1], "linkAllContent": true }));
        assert_eq!((&moved["moved"], &moved["alreadyMember"], &moved["linked"], &moved["contentLeftBehind"]["totalCount"]), (&json!(1), &json!(1), &json!(1), &json!(0)));
        assert_eq!(feed(world, &school.guardians[2]), ["Samen", "Luizen", "Schoolreis"]);
        // Of a group that is fed nobody is moved away.
        let fed = world.group_with(Some(&school.organization), json!({ "name": "Ouders 2", "sourceGroupId": school.second }));
        let input = json!({ "fromGroupId": fed, "toGroupId": school.last, "participantIds": [c1] });
        assert_eq!(world.refused_as(&token, "moveMembers", input), ["DERIVED_MEMBERSHIP"]);
    }
}
