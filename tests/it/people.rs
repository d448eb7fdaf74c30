//! Participants, residencies and guardians.

use kring::db::Sql;
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
            (json!({ "person": { "givenName": "A", "email": "nobody" } }), "INVALID_EMAIL"),
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

    /// P1b: what can only be a typing error is refused, wherever it is entered.
    fn p1b_addresses_numbers_and_dates_of_birth_are_checked_for_sense(world) {
        let person = |field: &str, value: &str| json!({ "person": { "givenName": "Ans", field: value } });
        let organization = |field: &str, value: &str| json!({ "organization": { "name": "Kring", field: value } });
        let cases = [
            (person("email", "ans@demo,com"), "INVALID_EMAIL", "person", "email"),
            (organization("email", "ans@demo,com"), "INVALID_EMAIL", "organization", "email"),
            (organization("email", "Ans <ans@example.org>"), "INVALID_EMAIL", "organization", "email"),
            (person("phone", "abc"), "INVALID_PHONE", "person", "phone"),
            (organization("phone", "06-12345678 (moeder)"), "INVALID_PHONE", "organization", "phone"),
            (person("birthDate", "2026-09-16"), "INVALID_DATE", "person", "birthDate"),
            (person("birthDate", "0001-01-01"), "INVALID_DATE", "person", "birthDate"),
        ];
        let ids = [json!({ "person": { "givenName": "Ans" } }), json!({ "organization": { "name": "Kring" } })]
            .map(|details| text(&world.done("createParticipant", "participant { id }", json!({ "details": details }))["participant"]["id"]));
        let before = (world.rows("participants"), world.rows("history"));
        for (details, code, kind, field) in cases {
            let query = "mutation($c: CreateParticipantInput!, $u: UpdateParticipantInput!) { \
                createParticipant(input: $c) { userErrors { code field } } updateParticipant(input: $u) { userErrors { code field } } }";
            let id = if kind == "person" { &ids[0] } else { &ids[1] };
            let found = world.data(query, json!({ "c": { "details": details }, "u": { "participantId": id, "details": details } }));
            let expected = json!([{ "code": code, "field": ["input", "details", kind, field] }]);
            for mutation in ["createParticipant", "updateParticipant"] {
                assert_eq!(found[mutation]["userErrors"], expected, "{mutation} {details}");
            }
        }
        assert_eq!((world.rows("participants"), world.rows("history")), before, "nothing was changed");
        let right = json!({ "person": { "email": "ans@école.example", "phone": "+31 (0)30 123 45 67", "birthDate": "2026-09-15" } });
        world.done("updateParticipant", "participant { id }", json!({ "participantId": ids[0], "details": right }));
    }

    /// P1b: what was stored before there were such rules does not stand in the way of another change.
    fn p1b_what_is_stored_stays_until_it_is_changed(world) {
        let ans = world.person("Ans", "Aa");
        world.db.write(|conn| {
            Ok(Sql::new("UPDATE participants SET email = 'ans@demo,com', phone = 'geen', birth_date = '2030-01-01'").execute(conn)?)
        }).unwrap();
        let change = |person: Value| json!({ "participantId": ans, "details": { "person": person } });
        let kept = change(json!({ "givenName": "Anna", "email": "ans@demo,com" }));
        let done = world.done("updateParticipant", "participant { displayName email phone }", kept);
        assert_eq!(done["participant"], json!({ "displayName": "Anna Aa", "email": "ans@demo,com", "phone": "geen" }));
        assert_eq!(world.refused("updateParticipant", change(json!({ "email": "ans@demo;com" }))), ["INVALID_EMAIL"]);
        world.done("updateParticipant", "participant { id }", change(json!({ "email": null, "phone": null, "birthDate": null })));
    }

    fn m7_every_change_of_a_participant_is_in_its_history(world) {
        let jan = world.person("Jan", "Jansen");
        let group = world.group("G");
        world.add(&group, &[&jan], "2026-01-01");
        let change = json!({ "participantId": jan, "details": { "person": { "familyName": "Aalders", "phone": "112" } } });
        let changed = world.done("updateParticipant", "participant { displayName ... on Person { givenName } }", change.clone());
        assert_eq!(changed["participant"], json!({ "displayName": "Jan Aalders", "givenName": "Jan" }));
        let history = world.rows("history");
        world.done("updateParticipant", "participant { id }", change);
        assert_eq!(world.rows("history"), history, "what changes nothing is no change");
        let query = "query($id: ID!) { participant(id: $id) { history { edges { node { action changes { field before after } } } } } }";
        let entries = world.data(query, json!({ "id": jan }))["participant"]["history"]["edges"].take();
        assert_eq!(entries[0]["node"], json!({ "action": "UPDATED", "changes": [
            { "field": "familyName", "before": "Jansen", "after": "Aalders" }, { "field": "phone", "before": null, "after": "112" },
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
        let ended = world.done("removeGuardian", "child { ... on Person { guardians { id } guardianships { counts } } }", pair);
        assert_eq!(ended["child"], json!({ "guardians": [], "guardianships": [{ "counts": false }] }));
    }
}
