//! Walls: what directories, refusals and repetitions tell, and writes across organizations.

use kring::access::Role;
use serde_json::{Value, json};

use super::{Tenant, participant, rows, total};
use crate::harness::{World, both, ids, text};

/// The names of a group's effective members, and how many there are said to be.
fn seen_in(world: &World, token: &str, group: &str, on: Option<&str>) -> Vec<String> {
    let query = "query($id: ID!, $on: Date) { group(id: $id) { effectiveMembers(first: 50, asOf: $on) { totalCount edges { node { id } } } } }";
    let found = world.data_as(token, query, json!({ "id": group, "on": on }))["group"]["effectiveMembers"].take();
    let members = ids(&found);
    assert_eq!(found["totalCount"], json!(members.len()));
    members
}

/// Sends a mutation that must be refused with one of these codes; nothing may be written.
fn walled(world: &World, token: &str, mutation: &str, input: &Value) {
    let before = rows(world);
    let codes = world.refused_as(token, mutation, input.clone());
    assert!(codes.iter().all(|code| code == "NOT_FOUND" || code == "FORBIDDEN"), "{mutation} {input}: {codes:?}");
    assert_eq!(rows(world), before, "{mutation} {input} wrote something");
}

/// The messages of a refusal.
fn messages(world: &World, token: &str, mutation: &str, ty: &str, input: Value) -> String {
    let query = format!("mutation($input: {ty}!) {{ {mutation}(input: $input) {{ userErrors {{ code message }} }} }}");
    let errors = world.data_as(token, &query, json!({ "input": input }))[mutation]["userErrors"].take();
    assert_ne!(errors, json!([]), "{mutation} was carried out");
    errors.to_string()
}

/// A telephone number that tells whose it is.
pub fn phone(mark: &str) -> String {
    format!("06-{}", mark.bytes().map(|byte| byte.to_string()).collect::<String>())
}

both! {
    fn a_directory_shows_names_and_nothing_else(world) {
        let a = Tenant::new(world, "Alfa");
        let news = world.group_with(Some(&a.organization), json!({ "name": "Nieuws", "subscriptionGroup": true, "visibleOnPortal": true }));
        world.add(&news, &[&a.mate], "2026-01-01");
        let annulled = world.add(&news, &[&a.child], "2026-01-01").remove(0);
        world.done("annulMembership", "membership { id }", json!({ "membershipId": annulled }));
        for viewer in [&a.child, &a.parent] {
            let token = participant(world, viewer);
            assert_eq!(seen_in(world, &token, &a.class, None), [a.child.clone(), a.mate.clone()]);
            // Who was in it is not shown, nor who is in what is no directory.
            assert_eq!(seen_in(world, &token, &a.class, Some("2026-03-01")), [a.child.clone()]);
            assert_eq!(seen_in(world, &token, &a.circle, None), [a.child.clone()]);
            assert_eq!(seen_in(world, &token, &a.whole, None), [a.child.clone()]);
            assert_eq!(seen_in(world, &token, &a.computed, None).len(), if viewer == &a.child { 1 } else { 2 });
            assert_eq!(seen_in(world, &token, &news, None), [""; 0]);
            let query = "query($mate: ID!, $circle: ID!, $class: ID!) { participant(id: $mate) { displayName externalId email \
                memberships(filter: { status: ANY }) { totalCount } effectiveGroups { totalCount edges { via { groups { id } } node { id } } } } \
                circle: group(id: $circle) { isMember(participantId: $mate) } \
                class: group(id: $class) { isMember(participantId: $mate) memberships { totalCount } } }";
            let found = world.data_as(&token, query, json!({ "mate": a.mate, "circle": a.circle, "class": a.class }));
            assert_eq!(found["participant"], json!({
                "displayName": "Maatje Alfa", "externalId": null, "email": null, "memberships": { "totalCount": 0 },
                "effectiveGroups": { "totalCount": 1, "edges": [{ "via": [{ "groups": [{ "id": a.class }] }], "node": { "id": a.class } }] },
            }));
            assert_eq!(found["circle"], json!({ "isMember": false }));
            assert_eq!(found["class"], json!({ "isMember": true, "memberships": { "totalCount": 1 } }));
            for group in [&a.circle, &news] {
                let both = total(world, &token, "participants", json!({ "currentGroupId": group }));
                assert_eq!(both, i64::from(group == &a.circle), "only one's own");
            }
            assert_eq!(total(world, &token, "groups", json!({ "memberId": a.mate })), 0);
            assert_eq!(total(world, &token, "groups", json!({ "responsibleId": a.staff })), 0);
        }
    }

    fn a_group_is_not_handed_over_while_groups_of_others_are_bound_to_it(world) {
        let [a, b, c] = ["Alfa", "Bravo", "Charlie"].map(|name| world.organization(name));
        let group = |name: &str, organization: &str, more: Value| {
            let mut settings = json!({ "name": name });
            settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            world.group_with(Some(organization), settings)
        };
        let handed = |group: &str, to: &str| json!({ "groupId": group, "organizationId": to, "settings": {} });
        let bound = |what: &str, group: &str| {
            assert_eq!(world.refused("updateGroup", handed(group, &c)), ["IN_USE"], "{what}");
        };
        let source = group("Bron", &a, json!({}));
        let fed = group("Gevoed", &a, json!({ "sourceGroupId": source }));
        bound("a group is fed by it", &source);
        bound("it is fed by a group", &fed);
        let part = group("Deel", &a, json!({}));
        let whole = group("Geheel", &b, json!({}));
        world.compose(&whole, "ANY", &[(&part, "INCLUDE")]);
        bound("it is a component", &part);
        bound("it has a component", &whole);
        let restricting = group("Leden", &a, json!({}));
        group("Nieuws", &a, json!({ "subscriptionGroup": true, "restrictedToId": restricting }));
        bound("a group is restricted to it", &restricting);
        let named = group("Genoemd", &a, json!({}));
        let filter = group("Gefilterd", &a, json!({ "memberFilter": { "currentGroupId": named } }));
        bound("a filter names it", &named);
        bound("its filter names a group", &filter);
        world.done("updateGroup", "group { id }", json!({ "groupId": fed, "settings": { "sourceGroupId": null } }));
        world.done("updateGroup", "group { id }", handed(&source, &c));
        // What counts is how it is bound afterwards.
        let other = group("Ook gevoed", &a, json!({ "sourceGroupId": restricting }));
        let alone = group("Los", &a, json!({}));
        let with = |group: &str, source: Value| json!({ "groupId": group, "organizationId": c, "settings": { "sourceGroupId": source } });
        assert_eq!(world.refused("updateGroup", with(&alone, json!(restricting))), ["IN_USE"]);
        world.done("updateGroup", "group { id }", with(&other, Value::Null));
        // Of the very organization that gets it.
        world.compose(&whole, "ANY", &[(&source, "INCLUDE")]);
        world.done("updateGroup", "group { id }", handed(&whole, &c));
    }

    fn staff_of_one_organization_does_not_see_who_reads_the_news_of_another(world) {
        let [a, b] = ["Alfa", "Bravo"].map(|mark| Tenant::new(world, mark));
        let news = world.group_with(Some(&b.organization), json!({ "name": "Hulp", "subscriptionGroup": true, "visibleOnPortal": true }));
        world.add(&news, &[&a.child], "2026-01-01");
        let token = world.token(Role::Staff, Some(&a.staff), Some(&a.organization));
        assert_eq!(seen_in(world, &token, &news, None), [""; 0]);
        let query = "query($p: ID!, $g: ID!) { participant(id: $p) { effectiveGroups { edges { node { name } } } } group(id: $g) { isMember(participantId: $p) } }";
        let found = world.data_as(&token, query, json!({ "p": a.child, "g": news }));
        assert_eq!(found["group"], json!({ "isMember": false }));
        assert!(!found.to_string().contains("Hulp"), "{found}");
        assert_eq!(total(world, &token, "groups", json!({ "memberId": a.child, "text": "hulp" })), 0);
    }

    fn an_annulled_membership_is_seen_by_those_concerned_only(world) {
        let a = Tenant::new(world, "Alfa");
        world.done("annulMembership", "membership { id }", json!({ "membershipId": a.in_class }));
        let query = "query($id: ID!) { membership(id: $id) { id } node(id: $id) { id } nodes(ids: [$id]) { id } }";
        for (token, sees) in [
            (a.administrator(world), true), (participant(world, &a.child), true), (participant(world, &a.parent), true),
            (a.staff(world), false), (participant(world, &a.mate), false),
        ] {
            let found = world.data_as(&token, query, json!({ "id": a.in_class }));
            assert_eq!([&found["membership"], &found["node"], &found["nodes"][0]].map(Value::is_null), [!sees; 3]);
        }
    }

    fn refusals_name_nothing_out_of_sight(world) {
        let [a, b] = ["Alfa", "Bravo"].map(|mark| Tenant::new(world, mark));
        let token = a.administrator(world);
        // The administrator of all has woven the two together: A's whole is in B's, B's is in another of A's.
        let top = world.group_with(Some(&a.organization), json!({ "name": "Top Alfa" }));
        world.compose(&b.whole, "ANY", &[(&a.whole, "INCLUDE")]);
        world.compose(&top, "ANY", &[(&b.whole, "INCLUDE")]);
        let circle = json!({ "groupId": a.whole, "components": [{ "groupId": top }] });
        let told = messages(world, &token, "setGroupComponents", "SetGroupComponentsInput", circle);
        assert!(told.contains("CYCLE_DETECTED") && told.contains("Top Alfa") && !told.contains("Bravo"), "{told}");
        world.group_with(Some(&b.organization), json!({ "name": "Filter Bravo", "memberFilter": { "currentGroupId": a.circle } }));
        let held = world.done_as(&token, "deleteGroup", "heldBy { kind count }", json!({ "groupId": a.circle }))["heldBy"].take();
        assert!(held.as_array().unwrap().contains(&json!({ "kind": "FILTER", "count": 1 })), "{held}");
        // What is not there and what is not seen are refused in the same words.
        for (mutation, ty, key, id, more) in [
            ("endResidency", "EndResidencyInput", "residencyId", &b.residency, json!({})),
            ("endMembership", "EndMembershipInput", "membershipId", &b.in_circle, json!({ "endReasonCode": "LEFT" })),
            ("annulMembership", "AnnulMembershipInput", "membershipId", &b.in_circle, json!({})),
            ("closeGroup", "GroupInput", "groupId", &b.circle, json!({})),
            ("updateParticipant", "UpdateParticipantInput", "participantId", &b.child, json!({})),
        ] {
            let kind = kring::id::decode(id).unwrap().0;
            let [told, of_nothing] = [id.clone(), kring::id::encode(kind, 9_999)].map(|id| {
                let mut input = more.clone();
                input[key] = json!(id);
                messages(world, &token, mutation, ty, input)
            });
            assert_eq!(told, of_nothing, "{mutation}");
        }
    }

    fn external_ids_are_each_organizations_own(world) {
        let [a, b] = ["Alfa", "Bravo"].map(|mark| Tenant::new(world, mark));
        let person = |number: &str| json!({ "details": { "person": { "familyName": "Nieuw" } }, "externalId": number });
        let group = |number: &str| json!({ "settings": { "name": "Nieuw", "externalId": number } });
        for tenant in [&a, &b] {
            let token = tenant.administrator(world);
            world.done_as(&token, "createParticipant", "participant { id }", person("1"));
            world.done_as(&token, "createGroup", "group { id }", group("1"));
            assert_eq!(world.refused_as(&token, "createParticipant", person("1")), ["NOT_UNIQUE"]);
            assert_eq!(world.refused_as(&token, "createGroup", group("1")), ["NOT_UNIQUE"]);
        }
        assert_eq!(world.refused("createParticipant", json!({ "details": { "person": { "familyName": "X" } }, "externalId": "1", "organizationId": b.organization })), ["NOT_UNIQUE"]);
    }

    fn writes_stop_at_the_wall(world) {
        let [a, b] = ["Alfa", "Bravo"].map(|mark| Tenant::new(world, mark));
        let shared = world.person_of(Some(&b.organization), "Samen", "Gedeeld");
        world.add(&a.class, &[&shared], "2026-01-01");
        let elsewhere = world.add(&b.class, &[&shared], "2026-01-01").remove(0);
        let member_of_a = world.person_of(Some(&a.organization), "Ook", "Elders");
        world.add(&b.class, &[&member_of_a], "2026-01-01");
        let settings = |settings: Value| json!({ "groupId": a.circle, "settings": settings });
        let attempts = [
            ("addMemberships", json!({ "groupId": a.circle, "participantIds": [b.child] })),
            ("addMemberships", json!({ "groupId": b.circle, "participantIds": [a.child] })),
            ("setGroupComponents", json!({ "groupId": a.whole, "components": [{ "groupId": b.class }] })),
            ("setGroupComponents", json!({ "groupId": b.whole, "components": [] })),
            ("updateGroup", settings(json!({ "sourceGroupId": b.class }))),
            ("updateGroup", settings(json!({ "subscriptionGroup": true, "restrictedToId": b.class }))),
            ("updateGroup", settings(json!({ "responsibleId": b.staff }))),
            ("updateGroup", json!({ "groupId": b.circle, "settings": { "name": "Mijn" } })),
            ("updateGroup", json!({ "groupId": b.circle, "settings": {}, "organizationId": a.organization })),
            ("updateGroup", json!({ "groupId": a.circle, "settings": {}, "organizationId": b.organization })),
            ("createGroup", json!({ "settings": { "name": "X", "memberFilter": { "currentGroupId": b.class } } })),
            ("createGroup", json!({ "settings": { "name": "X", "memberFilter": { "organizationId": b.organization } } })),
            ("createGroup", json!({ "settings": { "name": "X" }, "organizationId": b.organization })),
            ("closeGroup", json!({ "groupId": b.circle })),
            ("reopenGroup", json!({ "groupId": b.circle })),
            ("deleteGroup", json!({ "groupId": b.circle })),
            ("endMembership", json!({ "membershipId": elsewhere, "endReasonCode": "LEFT" })),
            ("annulMembership", json!({ "membershipId": elsewhere })),
            ("updateMembership", json!({ "membershipId": b.in_circle, "role": "LEADER" })),
            ("createParticipant", json!({ "details": { "person": { "familyName": "X" } }, "organizationId": b.organization })),
            ("updateParticipant", json!({ "participantId": b.child, "details": { "person": { "email": "mij@a.example" } } })),
            ("updateParticipant", json!({ "participantId": shared, "details": { "person": { "email": "mij@a.example" } } })),
            ("updateParticipant", json!({ "participantId": shared, "organizationId": a.organization })),
            ("updateParticipant", json!({ "participantId": a.child, "organizationId": b.organization })),
            ("registerResidency", json!({ "participantId": a.child, "addressId": b.address })),
            ("registerResidency", json!({ "participantId": shared, "addressId": a.address })),
            ("endResidency", json!({ "residencyId": b.residency })),
            ("addGuardian", json!({ "childId": b.child, "guardianId": a.parent })),
            ("addGuardian", json!({ "childId": shared, "guardianId": a.parent })),
            ("addGuardian", json!({ "childId": a.child, "guardianId": b.parent })),
            ("removeGuardian", json!({ "childId": b.child, "guardianId": b.parent })),
        ];
        // The token of somebody of B's who administers A has no more rights in A, and none in B.
        for token in [a.administrator(world), world.token(Role::MembershipAdministrator, Some(&b.child), Some(&a.organization))] {
            for (mutation, input) in &attempts {
                walled(world, &token, mutation, input);
            }
            // A filter finds nobody of B's, and does not tell who of A's is in a group of B.
            for filter in [json!({ "search": "bravo" }), json!({ "currentGroupId": b.class }), json!({ "organizationId": b.organization })] {
                let input = json!({ "groupId": a.circle, "filter": filter, "startDate": "2030-01-01" });
                assert_eq!(world.done_as(&token, "addMemberships", "added alreadyMember", input)["added"], 0, "{filter}");
            }
        }
        // Having been seen as a fellow member gives no right to be added elsewhere.
        let insider = world.token(Role::MembershipAdministrator, Some(&b.child), Some(&a.organization));
        assert_eq!(seen_in(world, &insider, &b.class, None).len(), 4);
        walled(world, &insider, "addMemberships", &json!({ "groupId": a.circle, "participantIds": [b.mate] }));
    }

    fn a_guardian_is_made_by_who_keeps_both_records(world) {
        let [a, b] = ["Alfa", "Bravo"].map(|mark| Tenant::new(world, mark));
        let myself = json!({ "childId": b.child, "guardianId": a.staff });
        let token = world.token(Role::MembershipAdministrator, Some(&a.staff), Some(&a.organization));
        walled(world, &token, "addGuardian", &myself);
        // Within one organization the administration decides, and the history tells who did.
        world.done_as(&token, "addGuardian", "child { id }", json!({ "childId": a.mate, "guardianId": a.staff }));
        let query = "query($id: ID!) { participant(id: $id) { history(first: 1) { edges { node { actor { participant { id } } changes { field after } } } } } }";
        let entry = &world.data(query, json!({ "id": a.mate }))["participant"]["history"]["edges"][0]["node"];
        assert_eq!(*entry, json!({ "actor": { "participant": { "id": a.staff } }, "changes": [{ "field": "guardian", "after": a.staff }] }));
    }

    fn an_answer_is_repeated_to_the_same_actor_only(world) {
        let [a, b] = ["Alfa", "Bravo"].map(|mark| Tenant::new(world, mark));
        let input = json!({ "settings": { "name": "Eenmalig" }, "clientMutationId": "m-1" });
        let make = |token: &str| {
            let payload = world.done_as(token, "createGroup", "group { id name }", input.clone());
            payload["group"].clone()
        };
        let of = |organization: &str, person: Option<&str>, name: &str| {
            let key = |id: &str| kring::id::decode(id).unwrap().1;
            let grants = [(Role::MembershipAdministrator, Some(key(organization)))];
            world.keys.sign(person.map(key), &grants, name, crate::harness::now(), chrono::Duration::hours(1)).unwrap()
        };
        let first = make(&of(&a.organization, Some(&a.staff), "Staf"));
        assert_eq!(make(&of(&a.organization, Some(&a.staff), "Staf")), first);
        let others = [
            of(&a.organization, Some(&a.parent), "Ouder"), of(&a.organization, None, "Koppeling"), of(&a.organization, None, "Andere koppeling"),
            of(&b.organization, None, "Koppeling"), of(&b.organization, Some(&b.staff), "Staf"), world.administrator(),
        ];
        let mut made: Vec<String> = others.iter().map(|token| text(&make(token)["id"])).collect();
        made.push(text(&first["id"]));
        made.sort();
        made.dedup();
        assert_eq!(made.len(), others.len() + 1, "somebody was given another's answer");
        // Who has lost the rights is told nothing of what was made with them.
        assert_eq!(make(&of(&b.organization, Some(&a.staff), "Staf")), json!(null));
        let lost = world.ask_as(Some(&participant(world, &a.staff)), "mutation { closeGroup(input: { groupId: \"x\" }) { group { id } } }", json!({}));
        assert_eq!(lost["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }
}
