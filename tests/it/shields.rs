//! Shielded persons, and what one guardian writes (V7).

use kring::access::Role;
use serde_json::{Value, json};

use crate::harness::{World, both, ids, text};

/// A pupil with a mother and a father who live apart; an association has the pupil as a member too.
struct Family {
    school: String,
    club: String,
    class: String,
    choir: String,
    child: String,
    mother: String,
    father: String,
    address: String,
    residency: String,
}

impl Family {
    fn new(world: &World) -> Self {
        let [school, club] = ["School", "Vereniging"].map(|name| world.organization(name));
        let person = |given: &str| {
            let details = json!({ "givenName": given, "familyName": "Jansen", "birthDate": if given == "Kind" { json!("2017-03-04") } else { Value::Null },
                "email": format!("{given}@geheim.example").to_lowercase(), "phone": "06-12345678" });
            let input = json!({ "details": { "person": details }, "organizationId": school });
            text(&world.done("createParticipant", "participant { id }", input)["participant"]["id"])
        };
        let [child, mother, father] = ["Kind", "Moeder", "Vader"].map(person);
        let address = world.address(Some(&school), "Schuilstraat", "7");
        let residency = json!({ "participantId": child, "addressId": address, "startDate": "2020-01-01" });
        let residency = text(&world.done("registerResidency", "residency { id }", residency)["residency"]["id"]);
        world.done(
            "registerResidency",
            "residency { id }",
            json!({ "participantId": mother, "addressId": address, "startDate": "2020-01-01" }),
        );
        let class =
            world.group_with(Some(&school), json!({ "name": "Groep 6", "yearGroup": 6, "memberDirectory": true }));
        let choir = world.group_with(Some(&club), json!({ "name": "Koor" }));
        world.add(&class, &[&child], "2026-08-24");
        world.add(&choir, &[&child], "2026-08-24");
        for guardian in [&mother, &father] {
            world.done("addGuardian", "child { id }", json!({ "childId": child, "guardianId": guardian }));
        }
        Self { school, club, class, choir, child, mother, father, address, residency }
    }

    fn administrator(&self, world: &World, of: &str) -> String {
        world.token(Role::MembershipAdministrator, None, Some(of))
    }

    fn shield(&self, world: &World) {
        let input = json!({ "participantId": self.child, "details": { "person": { "shielded": true } } });
        world.done_as(
            &self.administrator(world, &self.school),
            "updateParticipant",
            "participant { ... on Person { shielded } }",
            input,
        );
    }
}

fn participant(world: &World, id: &str) -> String {
    world.token(Role::Participant, Some(id), None)
}

/// All that somebody is told of the child, by every way.
fn told(world: &World, family: &Family, token: &str) -> String {
    let query = "query($p: ID!, $r: ID!, $a: ID!) { participant(id: $p) { displayName email phone ... on Person { birthDate residencies { address { displayName } } } \
                 history { edges { node { changes { field before after } } } } } residency: node(id: $r) { ... on Residency { address { displayName } } } \
                 address: participant(id: $a) { displayName ... on Address { street residents { participant { displayName } } } } \
                 participants(first: 50) { edges { node { displayName email phone } } } \
                 memberships(first: 50, filter: { status: ANY }) { edges { node { group { name } participant { displayName } origin } } } }";
    world.data_as(token, query, json!({ "p": family.child, "r": family.residency, "a": family.address })).to_string()
}

both! {
    fn v7_address_and_contacts_of_a_shielded_person_are_told_to_its_keeper_and_itself(world) {
        let family = Family::new(world);
        let [keeper, other] = [&family.school, &family.club].map(|of| family.administrator(world, of));
        let (child, mother, father) = (participant(world, &family.child), participant(world, &family.mother), participant(world, &family.father));
        let staff = world.token(Role::Staff, None, Some(&family.school));
        let secrets = |found: &str| (found.contains("kind@geheim"), found.contains("Schuilstraat"));
        assert_eq!(secrets(&told(world, &family, &father)), (true, true), "as long as nobody shields the child");
        family.shield(world);
        for (name, token, expected) in [
            ("the keeper", &keeper, (true, true)),
            ("the child", &child, (true, true)),
            // The mother lives there herself, which says nothing of the child.
            ("the mother", &mother, (false, true)),
            ("the father", &father, (false, false)),
            ("the other organization", &other, (false, false)),
            ("staff", &staff, (false, false)),
        ] {
            let found = told(world, &family, token);
            assert!(found.contains("Kind Jansen"), "{name} knows the name: {found}");
            if name == "staff" {
                // Staff sees addresses as participants, and not who lives there.
                assert!(!found.contains("kind@geheim") && !found.contains("\"residents\":[{"), "{name}: {found}");
                continue;
            }
            assert_eq!(secrets(&found), expected, "{name}: {found}");
        }
        let found = told(world, &family, &mother);
        assert!(!found.contains("residents\":[{\"participant\":{\"displayName\":\"Kind"), "who else lives there: {found}");
        // Nor is it found out by asking for people of a city.
        for (token, expected) in [(&keeper, true), (&mother, false), (&father, false)] {
            let query = "query($f: ParticipantFilter!) { participants(first: 50, filter: $f) { totalCount edges { node { displayName } } } }";
            let found = world.data_as(token, query, json!({ "f": { "city": "Utrecht" } }));
            assert_eq!(found.to_string().contains("Kind Jansen"), expected, "{found}");
            let listed = found["participants"]["edges"].as_array().map(Vec::len);
            assert_eq!(found["participants"]["totalCount"], json!(listed));
        }
        let lifted = json!({ "participantId": family.child, "details": { "person": { "shielded": false } } });
        for token in [&other, &keeper] {
            let query = "mutation($i: UpdateParticipantInput!) { updateParticipant(input: $i) { userErrors { code } } }";
            let found = world.data_as(token, query, json!({ "i": lifted }));
            assert_eq!(found["updateParticipant"]["userErrors"], if token == &other { json!([{ "code": "FORBIDDEN" }]) } else { json!([]) });
        }
        assert_eq!(secrets(&told(world, &family, &father)), (true, true));
    }

    fn v7_no_group_by_address_tells_where_a_shielded_person_lives(world) {
        let family = Family::new(world);
        let complex = world.group_with(Some(&family.club), json!({ "name": "Schuilhof", "viaHomeAddress": true, "memberDirectory": true }));
        let neighbour = world.person_of(Some(&family.club), "Buur", "Vrouw");
        world.add(&complex, &[&family.address, &neighbour], "2026-09-01");
        let shown = |token: &str| {
            let query = "query($g: ID!) { memberships(first: 50, filter: { groupId: $g }) { edges { node { participant { displayName } } } } }";
            world.data_as(token, query, json!({ "g": complex })).to_string().contains("Kind Jansen")
        };
        let other = family.administrator(world, &family.club);
        let father = participant(world, &family.father);
        assert!(shown(&other) && shown(&father));
        family.shield(world);
        assert!(!shown(&other), "whose record is kept elsewhere");
        assert!(!shown(&father), "to the guardian");
        assert!(shown(&participant(world, &family.child)), "to oneself");
        assert!(!told(world, &family, &father).contains("Schuilhof"));
    }

    fn v7_no_group_of_groups_and_no_filter_tells_where_a_shielded_person_lives(world) {
        let family = Family::new(world);
        let club = |settings: Value| world.group_with(Some(&family.club), settings);
        let complex = club(json!({ "name": "Schuilhof", "viaHomeAddress": true }));
        world.add(&complex, &[&family.address], "2026-09-01");
        let [any, all, with_choir] = ["Iedereen", "Beide", "Een van beide"].map(|name| club(json!({ "name": name })));
        world.compose(&any, "ANY", &[(&complex, "INCLUDE")]);
        world.compose(&all, "ALL", &[(&complex, "INCLUDE"), (&family.choir, "INCLUDE")]);
        world.compose(&with_choir, "ANY", &[(&complex, "INCLUDE"), (&family.choir, "INCLUDE")]);
        let filtered = club(json!({ "name": "Stad", "memberFilter": { "city": "Utrecht" } }));
        let other = family.administrator(world, &family.club);
        let father = participant(world, &family.father);
        let groups = [&any, &all, &filtered, &complex, &with_choir];
        let tells = |token: &str| {
            let query = "query($g: ID!, $p: ID!) { group(id: $g) { isMember(participantId: $p) effectiveMembers(first: 50) { totalCount edges { node { displayName } } } } \
                         participant(id: $p) { effectiveGroups(first: 50) { edges { node { id } } } } }";
            groups.map(|group| {
                let found = world.data_as(token, query, json!({ "g": group, "p": family.child }));
                let edges = &found["group"]["effectiveMembers"]["edges"];
                if let Some(listed) = edges.as_array() {
                    assert_eq!(found["group"]["effectiveMembers"]["totalCount"], json!(listed.len()), "{found}");
                }
                let by_list = edges.to_string().contains("Kind Jansen");
                let by_groups = found["participant"]["effectiveGroups"].to_string().contains(group.as_str());
                if !found["group"].is_null() {
                    assert_eq!([json!(by_list), json!(by_groups)], [found["group"]["isMember"].clone(), found["group"]["isMember"].clone()], "{found}");
                }
                by_list || by_groups
            })
        };
        assert_eq!(tells(&other), [true; 5], "as long as nobody shields the child");
        family.shield(world);
        assert_eq!(tells(&other), [false, false, false, false, true], "only by the choir");
        assert_eq!(tells(&father).iter().take(4).filter(|told| **told).count(), 0, "nor to the guardian");
        assert_eq!(tells(&world.administrator()), [true; 5], "nothing is hidden from whoever administers everything");
        assert_eq!(tells(&participant(world, &family.child)).iter().filter(|told| **told).count(), 5, "nor from oneself");
    }

    fn v7_what_one_guardian_writes_is_not_told_to_another(world) {
        let family = Family::new(world);
        let (mother, father) = (participant(world, &family.mother), participant(world, &family.father));
        let school = family.administrator(world, &family.school);
        let secret = "opvang na geweld";
        let pupil = |mut rest: Value| {
            rest["participantId"] = json!(family.child);
            rest["groupId"] = json!(family.class);
            rest
        };
        world.done_as(&mother, "reportAbsence", "absenceReport { id }", pupil(json!({ "date": "2026-09-16", "reason": secret })));
        let leave = pupil(json!({ "from": "2026-10-05", "until": "2026-10-06", "reason": secret }));
        let leave = text(&world.done_as(&mother, "requestLeave", "leaveRequest { id }", leave)["leaveRequest"]["id"]);
        let decision = json!({ "leaveRequestId": leave, "decision": "GRANTED", "note": "Vanwege de opvang na geweld" });
        world.done_as(&school, "decideLeaveRequest", "leaveRequest { id }", decision);
        world.done_as(&mother, "registerLunchStay", "lunchStay { id }", pupil(json!({ "date": "2026-09-17" })));
        let make = |input: Value| {
            let query = "mutation($input: CreateContentInput!) { createContent(input: $input) { content { id } userErrors { message } } }";
            let made = world.data_as(&school, query, json!({ "input": input }))["createContent"].take();
            let id = text(&made["content"]["id"]);
            let shown = json!({ "contentId": id, "availability": { "groupIds": [family.class] } });
            world.done_as(&school, "publishContent", "content { id }", shown);
            id
        };
        let form = make(json!({ "signUpForm": { "title": "Kamp" } }));
        let entry = json!({ "contentId": form, "participantId": family.child, "note": secret });
        let entry = text(&world.done_as(&mother, "signUp", "entry { id }", entry)["entry"]["id"]);
        let survey = make(json!({ "survey": { "title": "Thuis", "questions": [{ "kind": "TEXT", "text": "Hoe gaat het?" }] } }));
        let answers = json!({ "contentId": survey, "participantId": family.child, "answers": [{ "question": 1, "text": secret }] });
        world.done_as(&mother, "answerSurvey", "response { id }", answers);
        let round = make(json!({ "conversationRound": { "title": "Gesprekken" } }));
        let slots = json!({ "contentId": round, "slots": [{ "startsAt": "2026-10-02T08:00:00Z", "endsAt": "2026-10-02T08:15:00Z" }] });
        let slot = text(&world.done_as(&school, "addConversationSlots", "slots { id }", slots)["slots"][0]["id"]);
        world.done_as(&mother, "bookConversationSlot", "slot { id }", json!({ "slotId": slot, "participantId": family.child }));
        let query = "query($class: ID!, $form: ID!, $survey: ID!, $round: ID!, $nodes: [ID!]!) { group(id: $class) { absenceReports { edges { node { date reason madeByName } } } \
            leaveRequests { edges { node { from reason status decisionNote madeByName } } } lunchStays { edges { node { date madeByName } } } } \
            form: content(id: $form) { ... on SignUpForm { viewerEntries { note enteredByName status } } } \
            survey: content(id: $survey) { ... on Survey { viewerResponses { answeredByName answers { text } } } } \
            round: content(id: $round) { ... on ConversationRound { viewerSlots { bookedForName bookedByName } } } \
            nodes(ids: $nodes) { ... on LeaveRequest { reason decisionNote } ... on SignUpEntry { note } ... on ConversationSlot { bookedByName } } }";
        let variables = json!({ "class": family.class, "form": form, "survey": survey, "round": round, "nodes": [leave, entry, slot] });
        let read = |token: &str| world.data_as(token, query, variables.clone());
        let found = read(&father);
        assert!(!found.to_string().contains("geweld") && !found.to_string().contains("Tester"), "{found}");
        // That the child is absent, has leave, takes part and is spoken about he knows all the same.
        assert_eq!(found["group"]["absenceReports"]["edges"][0]["node"]["date"], "2026-09-16");
        assert_eq!(found["group"]["leaveRequests"]["edges"][0]["node"]["status"], "GRANTED");
        assert_eq!(found["form"]["viewerEntries"][0]["status"], "PLACED");
        assert_eq!(found["round"]["viewerSlots"][0]["bookedForName"], "Kind Jansen");
        for token in [&mother, &school] {
            let found = read(token).to_string();
            assert!(found.contains("geweld") && found.contains("Tester"), "{found}");
        }
        // What the school itself writes is told to both.
        let other = json!({ "participantId": family.child, "groupId": family.class, "date": "2026-09-18", "reason": "Koorts" });
        world.done_as(&school, "reportAbsence", "absenceReport { id }", other);
        assert!(read(&father).to_string().contains("Koorts"));
        // It stays so when the mother is no guardian any more.
        world.done("removeGuardian", "child { id }", json!({ "childId": family.child, "guardianId": family.mother }));
        assert!(!read(&father).to_string().contains("geweld"));
    }

    fn v7_a_note_at_leaving_and_who_else_is_a_guardian_is_not_told_to_another(world) {
        let family = Family::new(world);
        let (mother, father) = (participant(world, &family.mother), participant(world, &family.father));
        let club = world.group_with(Some(&family.school), json!({ "name": "Schaken", "subscriptionGroup": true, "visibleOnPortal": true, "restrictedToId": family.class }));
        let join = |token: &str| {
            let input = json!({ "groupId": club, "participantId": family.child });
            text(&world.done_as(token, "subscribe", "membership { id }", input)["membership"]["id"])
        };
        let membership = join(&mother);
        let leave = |token: &str| {
            let input = json!({ "groupId": club, "participantId": family.child, "note": "onveilig" });
            world.done_as(token, "unsubscribe", "membership { id }", input);
        };
        leave(&mother);
        let read = |token: &str, id: &str| {
            let query = "query($id: ID!, $child: ID!) { membership(id: $id) { endDate endNote history { totalCount } } \
                         participant(id: $child) { history { edges { node { changes { field after } } } } } }";
            world.data_as(token, query, json!({ "id": id, "child": family.child }))
        };
        let found = read(&father, &membership);
        assert_eq!(found["membership"], json!({ "endDate": "2026-09-15", "endNote": null, "history": null }));
        assert!(!found.to_string().contains(&family.mother) && found.to_string().contains(&family.father), "{found}");
        assert_eq!(read(&mother, &membership)["membership"]["endNote"], "onveilig");
        // One's own note one reads.
        let again = join(&father);
        leave(&father);
        assert_eq!(read(&father, &again)["membership"]["endNote"], "onveilig");
        assert_eq!(ids(&world.data_as(&father, "{ memberships(filter: { status: ENDED }) { edges { node { id } } } }", json!({}))["memberships"]).len(), 2);
        assert!(!family.choir.is_empty());
    }
}
