//! Participants, residencies and guardians.

use serde_json::{Value, json};

use crate::harness::{both, text};

both! {
    fn three_kinds_have_their_own_fields(world) {
        let person = json!({ "details": { "person": {
            "givenName": " Édith ", "namePrefix": "van den", "familyName": "Berg", "birthDate": "2015-03-01", "gender": "FEMALE",
            "email": "edith@example.org", "phone": "030-1234567",
        } }, "externalId": "P-1" });
        let query = "participant { __typename kind externalId displayName sortName email phone organization { id } createdAt updatedAt \
            ... on Person { givenName namePrefix familyName birthDate gender residencies { id } guardians { id } children { id } } \
            ... on Organization { name } ... on Address { street } }";
        let made = world.done("createParticipant", query, person);
        assert_eq!(made["participant"], json!({
            "__typename": "Person", "kind": "PERSON", "externalId": "P-1", "displayName": "Édith van den Berg",
            "sortName": "Berg, Édith van den", "email": "edith@example.org", "phone": "030-1234567", "organization": null,
            "createdAt": "2026-09-15T10:00:00Z", "updatedAt": "2026-09-15T10:00:00Z", "givenName": "Édith", "namePrefix": "van den",
            "familyName": "Berg", "birthDate": "2015-03-01", "gender": "FEMALE", "residencies": [], "guardians": [], "children": [],
        }));
        let organization = json!({ "details": { "organization": { "name": "De Kring" } } });
        let made = world.done("createParticipant", "participant { __typename displayName ... on Organization { name } }", organization);
        assert_eq!(made["participant"], json!({ "__typename": "Organization", "displayName": "De Kring", "name": "De Kring" }));
        let address = json!({ "details": { "address": { "street": "Dorpsstraat", "houseNumber": "1a", "postalCode": "3511 AB", "city": "Utrecht", "complexNumber": "C1", "dwellingType": "Flat" } } });
        let made = world.done("createParticipant", "participant { __typename displayName ... on Address { street houseNumber postalCode city complexNumber dwellingType residents { id } } }", address);
        assert_eq!(made["participant"]["displayName"], "Dorpsstraat 1a, 3511 AB, Utrecht");
    }

    fn details_are_checked(world) {
        let cases: [(Value, &str); 7] = [
            (json!({ "person": {} }), "REQUIRED"),
            (json!({ "person": { "givenName": "  " } }), "REQUIRED"),
            (json!({ "person": { "givenName": "A", "email": "nobody" } }), "INVALID_VALUE"),
            (json!({ "person": { "givenName": "x".repeat(201) } }), "INVALID_VALUE"),
            (json!({ "organization": {} }), "REQUIRED"),
            (json!({ "address": { "street": "A" } }), "REQUIRED"),
            (json!({ "address": { "houseNumber": "1" } }), "REQUIRED"),
        ];
        let before = world.rows("participants");
        for (details, code) in cases {
            assert_eq!(world.refused("createParticipant", json!({ "details": details })), [code], "{details}");
        }
        assert_eq!(world.rows("participants"), before);
    }

    fn m7_every_change_of_a_participant_is_in_its_history(world) {
        let jan = world.person("Jan", "Jansen");
        let group = world.group("G");
        world.add(&group, &[&jan], "2026-01-01");
        let change = json!({ "participantId": jan, "details": { "person": { "familyName": "Aalders", "phone": "1" } } });
        let changed = world.done("updateParticipant", "participant { displayName ... on Person { givenName } }", change.clone());
        assert_eq!(changed["participant"], json!({ "displayName": "Jan Aalders", "givenName": "Jan" }));
        let history = world.rows("history");
        world.done("updateParticipant", "participant { id }", change);
        assert_eq!(world.rows("history"), history, "what changes nothing is no change");
        let query = "query($id: ID!) { participant(id: $id) { history { edges { node { action changes { field before after } } } } } }";
        let entries = world.data(query, json!({ "id": jan }))["participant"]["history"]["edges"].take();
        assert_eq!(entries[0]["node"], json!({ "action": "UPDATED", "changes": [
            { "field": "familyName", "before": "Jansen", "after": "Aalders" }, { "field": "phone", "before": null, "after": "1" },
        ] }));
        let kind = json!({ "participantId": jan, "details": { "organization": { "name": "X" } } });
        assert_eq!(world.refused("updateParticipant", kind), ["WRONG_KIND"]);
    }

    fn residencies_have_periods_that_do_not_overlap(world) {
        let jan = world.person("Jan", "Jansen");
        let home = world.address(None, "Dorpsstraat", "1");
        let register = |from: &str, until: Option<&str>| json!({ "participantId": jan, "addressId": home, "startDate": from, "endDate": until });
        let made = world.done("registerResidency", "residency { id startDate endDate address { id } participant { id } }", register("2025-01-01", None));
        let residency = text(&made["residency"]["id"]);
        assert_eq!(world.refused("registerResidency", register("2026-01-01", None)), ["OVERLAPPING_PERIOD"]);
        assert_eq!(world.refused("endResidency", json!({ "residencyId": residency, "endDate": "2024-12-31" })), ["INVALID_DATE"]);
        world.done("endResidency", "residency { endDate }", json!({ "residencyId": residency }));
        assert_eq!(world.refused("endResidency", json!({ "residencyId": residency })), ["INVALID_DATE"]);
        world.done("registerResidency", "residency { id }", register("2026-09-15", None));
        assert_eq!(world.refused("registerResidency", register("2024-02-01", Some("2024-01-01"))), ["INVALID_DATE"]);
        let wrong = json!({ "participantId": home, "addressId": jan, "startDate": "2026-01-01" });
        assert_eq!(world.refused("registerResidency", wrong), ["WRONG_KIND", "WRONG_KIND"]);
        let query = "query($p: ID!, $a: ID!) { participant(id: $p) { ... on Person { residencies { startDate endDate address { displayName } } } } \
                     address: participant(id: $a) { ... on Address { residents { participant { displayName } startDate } } } }";
        let found = world.data(query, json!({ "p": jan, "a": home }));
        assert_eq!(found["participant"]["residencies"], json!([
            { "startDate": "2026-09-15", "endDate": null, "address": { "displayName": "Dorpsstraat 1, 3511 AB, Utrecht" } },
            { "startDate": "2025-01-01", "endDate": "2026-09-15", "address": { "displayName": "Dorpsstraat 1, 3511 AB, Utrecht" } },
        ]));
        assert_eq!(found["address"]["residents"][0], json!({ "participant": { "displayName": "Jan Jansen" }, "startDate": "2026-09-15" }));
    }

    fn guardians_look_after_children(world) {
        let [child, mother] = ["Kind", "Moeder"].map(|name| world.person(name, "X"));
        let pair = json!({ "childId": child, "guardianId": mother });
        let made = world.done("addGuardian", "child { ... on Person { guardians { displayName } } } guardian { ... on Person { children { displayName } } }", pair.clone());
        assert_eq!(made["child"]["guardians"], json!([{ "displayName": "Moeder X" }]));
        assert_eq!(made["guardian"]["children"], json!([{ "displayName": "Kind X" }]));
        world.done("addGuardian", "child { id }", pair.clone());
        assert_eq!(world.rows("guardianships"), 1);
        let back = json!({ "childId": mother, "guardianId": child });
        assert_eq!(world.refused("addGuardian", back), ["CYCLE_DETECTED"]);
        let oneself = json!({ "childId": child, "guardianId": child });
        assert_eq!(world.refused("addGuardian", oneself), ["CYCLE_DETECTED"]);
        let home = world.address(None, "Dorpsstraat", "1");
        assert_eq!(world.refused("addGuardian", json!({ "childId": child, "guardianId": home })), ["WRONG_KIND"]);
        world.done("removeGuardian", "child { id }", pair);
        assert_eq!(world.rows("guardianships"), 0);
    }
}
