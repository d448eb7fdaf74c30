//! A variable that is not given is as if nothing was written in its place (section 3.10 of the specification).

use serde_json::json;

use crate::harness::{both, text};

both! {
    fn contact_details_that_are_left_out_stay(world) {
        let details = json!({ "person": { "givenName": "Ann", "familyName": "Lee", "email": "a@x.example", "phone": "123",
            "birthDate": "1990-02-03", "gender": "FEMALE", "namePrefix": "van" } });
        let person = text(&world.done("createParticipant", "participant { id }", json!({ "details": details, "externalId": "L1" }))["participant"]["id"]);
        let update = "mutation($id: ID!, $given: String, $prefix: String, $family: String, $birth: Date, $gender: Gender, $email: String, \
            $phone: String, $key: String, $keeper: ID) { updateParticipant(input: { participantId: $id, externalId: $key, organizationId: $keeper, \
            details: { person: { givenName: $given, namePrefix: $prefix, familyName: $family, birthDate: $birth, gender: $gender, email: $email, phone: $phone } } }) \
            { participant { externalId ... on Person { givenName namePrefix familyName birthDate gender email phone } } userErrors { code } } }";
        let kept = json!({ "externalId": "L1", "givenName": "Ann", "namePrefix": "van", "familyName": "Lee", "birthDate": "1990-02-03",
            "gender": "FEMALE", "email": "b@x.example", "phone": "123" });
        let answer = world.data(update, json!({ "id": person, "email": "b@x.example" }));
        assert_eq!(answer["updateParticipant"], json!({ "participant": kept, "userErrors": [] }));
        // The same inside one variable, where nothing is written at all.
        let whole = "mutation($input: UpdateParticipantInput!) { updateParticipant(input: $input) { participant { phone: displayName ... on Person { birthDate } } } }";
        let answer = world.data(whole, json!({ "input": { "participantId": person, "details": { "person": { "givenName": "Anna" } } } }));
        assert_eq!(answer["updateParticipant"]["participant"]["birthDate"], "1990-02-03");
        // Null empties.
        let answer = world.data(update, json!({ "id": person, "phone": null, "gender": null }));
        let participant = &answer["updateParticipant"]["participant"];
        assert_eq!((&participant["phone"], &participant["gender"], &participant["email"]), (&json!(null), &json!(null), &json!("b@x.example")));
    }

    fn settings_that_are_left_out_stay(world) {
        let source = world.group("Source");
        let ann = world.person("Ann", "Lee");
        world.add(&source, &[&ann], "2020-01-01");
        let fed = world.group_with(None, json!({ "name": "Fed", "sourceGroupId": source, "description": "Said", "startDate": "2020-01-01",
            "responsibleId": ann, "yearGroup": 3, "newMemberTemplate": "Welcome" }));
        let update = "mutation($id: ID!, $name: String, $source: ID, $said: String, $from: Date, $who: ID, $only: ID, $year: Int, $mail: String, \
            $portal: Boolean, $role: NeighbourhoodRole, $filter: ParticipantFilter, $key: String, $dry: Boolean, $owner: ID) { \
            updateGroup(input: { groupId: $id, dryRun: $dry, organizationId: $owner, settings: { name: $name, sourceGroupId: $source, description: $said, startDate: $from, \
              responsibleId: $who, restrictedToId: $only, yearGroup: $year, newMemberTemplate: $mail, visibleOnPortal: $portal, neighbourhoodRole: $role, \
              memberFilter: $filter, externalId: $key } }) \
            { membershipsEnded group { name memberCount description startDate yearGroup sourceGroup { name } restrictedTo { name } responsible { displayName } } userErrors { code } } }";
        let answer = world.data(update, json!({ "id": fed, "name": "Fed 2" }));
        assert_eq!(answer["updateGroup"], json!({ "membershipsEnded": 0, "userErrors": [], "group": { "name": "Fed 2", "memberCount": 1,
            "description": "Said", "startDate": "2020-01-01", "yearGroup": 3, "sourceGroup": { "name": "Source" },
            "restrictedTo": null, "responsible": { "displayName": "Ann Lee" } } }));
        let answer = world.data(update, json!({ "id": fed, "source": null }));
        assert_eq!(answer["updateGroup"]["membershipsEnded"], json!(1), "null switches the source off");
    }

    fn an_end_that_is_left_out_stays(world) {
        let (group, ann) = (world.group("G"), world.person("Ann", "Lee"));
        let membership = world.add(&group, &[&ann], "2020-01-01").remove(0);
        let end = json!({ "membershipId": membership, "endDate": "2021-01-01", "endReasonCode": "LEFT", "note": "moved" });
        world.done("endMembership", "membership { id }", end);
        let update = "mutation($id: ID!, $role: MembershipRole, $start: Date, $why: String, $end: Date, $reason: String, $note: String) { \
            updateMembership(input: { membershipId: $id, role: $role, startDate: $start, startReasonCode: $why, endDate: $end, endReasonCode: $reason, note: $note }) \
            { membership { status role startDate endDate endNote endReason { code } } userErrors { code } } }";
        let answer = world.data(update, json!({ "id": membership, "role": "LEADER" }));
        assert_eq!(answer["updateMembership"], json!({ "userErrors": [], "membership": { "status": "ENDED", "role": "LEADER",
            "startDate": "2020-01-01", "endDate": "2021-01-01", "endNote": "moved", "endReason": { "code": "LEFT" } } }));
        let answer = world.data(update, json!({ "id": membership, "end": null }));
        assert_eq!(answer["updateMembership"]["membership"]["status"], "ACTIVE", "null takes the end back");
    }

    fn defaults_hold_for_what_is_left_out(world) {
        let (group, ann) = (world.group("G"), world.person("Ann", "Lee"));
        world.data("query($d: OrderDirection) { groups(orderBy: { field: NAME, direction: $d }) { totalCount } }", json!({}));
        world.data("query($r: Boolean) { startReasons(includeRetired: $r) { code } endReasons(includeRetired: $r) { code } }", json!({}));
        let add = "mutation($r: MembershipRole, $g: ID!, $p: [ID!], $dry: Boolean, $from: Date = \"2026-02-03\", $partial: Boolean) { \
            addMemberships(input: { groupId: $g, participantIds: $p, role: $r, dryRun: $dry, startDate: $from, allowPartial: $partial }) \
            { added memberships { edges { node { role startDate } } } } }";
        let answer = world.data(add, json!({ "g": group, "p": [ann] }));
        assert_eq!(answer["addMemberships"], json!({ "added": 1, "memberships": { "edges": [{ "node": { "role": "MEMBER", "startDate": "2026-02-03" } }] } }));
    }

    fn conditions_see_the_defaults_of_variables(world) {
        let made = "mutation($skip: Boolean = true, $make: Boolean = false) { \
            a: createGroup(input: { settings: { name: \"A\" } }) @skip(if: $skip) { group { id } } \
            ...B @include(if: $make) } fragment B on Mutation { b: createGroup(input: { settings: { name: \"B\" } }) { group { id } } }";
        assert_eq!(world.data(made, json!({})), json!({}));
        assert_eq!(world.rows("groups"), 0, "nothing was made");
        let answer = world.data(made, json!({ "skip": false }));
        assert!(answer["a"]["group"]["id"].is_string() && answer.get("b").is_none(), "{answer}");
        let query = "query($x: Boolean = true) { viewer @include(if: $x) { today } version @skip(if: $x) \
            groups { edges { node { name @include(if: $x) kind @skip(if: $x) } } } }";
        let answer = world.data(query, json!({}));
        assert_eq!(answer, json!({ "viewer": { "today": "2026-09-15" }, "groups": { "edges": [{ "node": { "name": "A" } }] } }));
        let answer = world.data(query, json!({ "x": false }));
        assert_eq!(answer["groups"]["edges"][0]["node"], json!({ "kind": "STATIC" }));
        let nothing = world.ask(query, json!({ "x": null }));
        assert_eq!(nothing["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
        assert!(nothing.get("data").is_none(), "{nothing}");
    }
}
