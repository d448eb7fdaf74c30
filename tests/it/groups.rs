//! Groups: settings, kinds, composition rules, closing and deleting.

use serde_json::json;

use crate::harness::{World, both, text};

fn kind(world: &World, group: &str) -> String {
    text(&world.data("query($id: ID!) { group(id: $id) { kind } }", json!({ "id": group }))["group"]["kind"])
}

both! {
    fn g1_kind_follows_from_settings(world) {
        let [a, b] = ["A", "B"].map(|name| world.group(name));
        assert_eq!(kind(world, &a), "STATIC");
        world.compose(&a, "ANY", &[(&b, "INCLUDE")]);
        assert_eq!(kind(world, &a), "COMPOSITE");
        world.compose(&a, "ANY", &[]);
        assert_eq!(kind(world, &a), "STATIC");
        let dynamic = world.group_with(None, json!({ "name": "D", "memberFilter": { "kinds": ["PERSON"] } }));
        assert_eq!(kind(world, &dynamic), "DYNAMIC");
    }

    fn g1_a_dynamic_group_has_neither_components_nor_memberships(world) {
        let plain = world.group("Plain");
        let jan = world.person("Jan", "Jansen");
        let dynamic = world.group_with(None, json!({ "name": "D", "memberFilter": { "search": "jansen" } }));
        let components = json!({ "groupId": dynamic, "components": [{ "groupId": plain }] });
        assert_eq!(world.refused("setGroupComponents", components), ["DYNAMIC_GROUP"]);
        let addition = json!({ "groupId": dynamic, "participantIds": [jan] });
        assert_eq!(world.refused("addMemberships", addition), ["DYNAMIC_GROUP"]);
        world.add(&plain, &[&jan], "2026-01-01");
        let filter = json!({ "groupId": plain, "settings": { "memberFilter": { "search": "x" } } });
        assert_eq!(world.refused("updateGroup", filter.clone()), ["DYNAMIC_GROUP"]);
        let composite = world.group("Composite");
        world.compose(&composite, "ANY", &[(&plain, "INCLUDE")]);
        let filter = json!({ "groupId": composite, "settings": { "memberFilter": { "search": "x" } } });
        assert_eq!(world.refused("updateGroup", filter), ["DYNAMIC_GROUP"]);
        let fed = json!({ "settings": { "name": "F", "memberFilter": { "search": "x" }, "sourceGroupId": plain } });
        assert_eq!(world.refused("createGroup", fed), ["DYNAMIC_GROUP"]);
    }

    fn g2_settings_are_kept_and_change_no_rule(world) {
        let organization = world.organization("Vereniging");
        let anna = world.person("Anna", "Bakker");
        let category = world.done("createGroupCategory", "groupCategory { id }", json!({ "name": "Werkgroep" }));
        let category = text(&category["groupCategory"]["id"]);
        let settings = json!({
            "name": "Energiecoaches", "description": "Wie helpt", "categoryId": category, "responsibleId": anna,
            "startDate": "2026-01-01", "completedOn": "2026-02-01", "visibleOnPortal": true, "visibleWithContact": true,
            "changeableOnPortal": true, "newMemberTemplate": "Welkom {{ displayName }}", "neighbourhoodRole": "COACH",
            "analyticsGroup": true, "mailGroup": true, "memberDirectory": true, "yearGroup": 3, "externalId": "G-1",
        });
        let group = world.group_with(Some(&organization), settings);
        let query = "query($id: ID!) { group(id: $id) { externalId name description category { id name } \
            organization { displayName } responsible { displayName } startDate completedOn closed visibleOnPortal \
            visibleWithContact changeableOnPortal emailOnNewMember newMemberTemplate neighbourhoodRole subscriptionGroup \
            restrictedTo { id } sourceGroup { id } viaHomeAddress analyticsGroup contributionGroup mailGroup memberDirectory \
            yearGroup createdAt } }";
        let found = world.data(query, json!({ "id": group }));
        assert_eq!(found["group"], json!({
            "externalId": "G-1", "name": "Energiecoaches", "description": "Wie helpt",
            "category": { "id": category, "name": "Werkgroep" }, "organization": { "displayName": "Vereniging" },
            "responsible": { "displayName": "Anna Bakker" }, "startDate": "2026-01-01", "completedOn": "2026-02-01",
            "closed": false, "visibleOnPortal": true, "visibleWithContact": true, "changeableOnPortal": true,
            "emailOnNewMember": true, "newMemberTemplate": "Welkom {{ displayName }}", "neighbourhoodRole": "COACH",
            "subscriptionGroup": false, "restrictedTo": null, "sourceGroup": null, "viaHomeAddress": false,
            "analyticsGroup": true, "contributionGroup": false, "mailGroup": true, "memberDirectory": true, "yearGroup": 3,
            "createdAt": "2026-09-15T10:00:00Z",
        }));
        world.done("closeGroup", "group { closed }", json!({ "groupId": group }));
        // Closed and completed describe the group; members can still be added.
        world.add(&group, &[&anna], "2026-09-01");
        let reopened = world.done("reopenGroup", "group { closed }", json!({ "groupId": group }));
        assert_eq!(reopened["group"]["closed"], json!(false));
    }

    fn settings_are_checked(world) {
        let cases = [
            (json!({}), "REQUIRED"),
            (json!({ "name": "   " }), "REQUIRED"),
            (json!({ "name": "x".repeat(201) }), "INVALID_VALUE"),
            (json!({ "name": "a\u{0}b" }), "INVALID_VALUE"),
            (json!({ "name": "A", "yearGroup": 9 }), "INVALID_VALUE"),
            (json!({ "name": "A", "startDate": "2026-02-01", "completedOn": "2026-01-01" }), "INVALID_DATE"),
        ];
        for (settings, code) in cases {
            assert_eq!(world.refused("createGroup", json!({ "settings": settings })), [code], "{settings}");
        }
        let unknown = kring::id::encode(kring::id::Kind::Group, 9_999);
        let settings = json!({ "name": "A", "subscriptionGroup": true, "restrictedToId": unknown });
        assert_eq!(world.refused("createGroup", json!({ "settings": settings })), ["NOT_FOUND"]);
        world.group_with(None, json!({ "name": "A", "externalId": "same" }));
        let settings = json!({ "name": "B", "externalId": "same" });
        assert_eq!(world.refused("createGroup", json!({ "settings": settings })), ["NOT_UNIQUE"]);
    }

    fn g4_cycles_are_refused_with_their_path(world) {
        let [a, b, c] = ["A", "B", "C"].map(|name| world.group(name));
        world.compose(&a, "ANY", &[(&b, "INCLUDE")]);
        world.compose(&b, "ANY", &[(&c, "EXCLUDE")]);
        for (group, component) in [(&c, &a), (&b, &a), (&a, &a)] {
            let input = json!({ "input": { "groupId": group, "components": [{ "groupId": component }] } });
            let query = "mutation($input: SetGroupComponentsInput!) { setGroupComponents(input: $input) { group { id } userErrors { code message } } }";
            let payload = &world.data(query, input)["setGroupComponents"];
            assert_eq!(payload["userErrors"][0]["code"], "CYCLE_DETECTED");
            assert_eq!(payload["group"], json!(null));
            if group == &c {
                let message = text(&payload["userErrors"][0]["message"]);
                assert!(message.contains("C → A → B → C"), "{message}");
            }
        }
        assert_eq!(kind(world, &c), "STATIC");
    }

    fn g4_sources_and_restrictions_go_in_no_circle(world) {
        let [a, b] = ["A", "B"].map(|name| world.group(name));
        let source = |group: &str, source: &str| json!({ "groupId": group, "settings": { "sourceGroupId": source } });
        world.done("updateGroup", "group { id }", source(&a, &b));
        assert_eq!(world.refused("updateGroup", source(&b, &a)), ["CYCLE_DETECTED"]);
        // A group must not be fed by something that it is part of either.
        let components = json!({ "groupId": b, "components": [{ "groupId": a }] });
        assert_eq!(world.refused("setGroupComponents", components), ["CYCLE_DETECTED"]);
        let restrict = |group: &str, to: &str| {
            json!({ "groupId": group, "settings": { "subscriptionGroup": true, "restrictedToId": to } })
        };
        let [c, d] = ["C", "D"].map(|name| world.group(name));
        world.done("updateGroup", "group { id }", restrict(&c, &d));
        assert_eq!(world.refused("updateGroup", restrict(&d, &c)), ["CYCLE_DETECTED"]);
        let query = "mutation($input: UpdateGroupInput!) { updateGroup(input: $input) { userErrors { message field } } }";
        for (input, path, field) in [(source(&b, &a), "B → A → B", "sourceGroupId"), (restrict(&d, &c), "D → C → D", "restrictedToId")] {
            let error = &world.data(query, json!({ "input": input }))["updateGroup"]["userErrors"][0];
            assert!(text(&error["message"]).contains(path) && error["field"] == json!(["input", field]), "{error}");
        }
    }

    fn g8_a_contribution_group_stands_alone(world) {
        let source = world.group("Source");
        for other in [json!({ "subscriptionGroup": true }), json!({ "sourceGroupId": source }), json!({ "viaHomeAddress": true })] {
            let mut settings = json!({ "name": "Members", "contributionGroup": true });
            settings.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
            assert_eq!(world.refused("createGroup", json!({ "settings": settings })), ["CONTRIBUTION_GROUP_CONFLICT"]);
        }
    }

    fn g8_nor_does_a_group_become_both_by_a_change(world) {
        let source = world.group("Source");
        let dues = world.group_with(None, json!({ "name": "Members", "contributionGroup": true }));
        let news = world.group_with(None, json!({ "name": "News", "subscriptionGroup": true, "sourceGroupId": source }));
        for (group, settings) in [
            (&dues, json!({ "subscriptionGroup": true })),
            (&dues, json!({ "sourceGroupId": source })),
            (&dues, json!({ "viaHomeAddress": true })),
            (&news, json!({ "contributionGroup": true })),
            (&news, json!({ "contributionGroup": true, "subscriptionGroup": false })),
        ] {
            let input = json!({ "groupId": group, "settings": settings });
            assert_eq!(world.refused("updateGroup", input), ["CONTRIBUTION_GROUP_CONFLICT"], "{settings}");
        }
        let input = json!({ "groupId": news, "settings": { "contributionGroup": true, "subscriptionGroup": false, "sourceGroupId": null } });
        world.done("updateGroup", "group { id }", input);
    }

    fn g8_an_open_subscription_group_gets_a_warning(world) {
        let members = world.group("Members");
        let input = json!({ "settings": { "name": "News", "subscriptionGroup": true } });
        let open = world.done("createGroup", "warnings { code message }", input);
        assert_eq!(open["warnings"][0]["code"], "SUBSCRIPTION_GROUP_UNRESTRICTED");
        for closed in [json!({ "restrictedToId": members }), json!({ "sourceGroupId": members })] {
            let mut settings = json!({ "name": "News", "subscriptionGroup": true });
            settings.as_object_mut().unwrap().extend(closed.as_object().unwrap().clone());
            let made = world.done("createGroup", "warnings { code }", json!({ "settings": settings }));
            assert_eq!(made["warnings"], json!([]));
        }
    }

    fn components_are_checked(world) {
        let [a, b] = ["A", "B"].map(|name| world.group(name));
        let twice = json!({ "groupId": a, "components": [{ "groupId": b }, { "groupId": b, "mode": "EXCLUDE" }] });
        assert_eq!(world.refused("setGroupComponents", twice), ["INVALID_VALUE"]);
        let unknown = kring::id::encode(kring::id::Kind::Group, 9_999);
        let nowhere = json!({ "groupId": a, "components": [{ "groupId": unknown }] });
        assert_eq!(world.refused("setGroupComponents", nowhere), ["NOT_FOUND"]);
        let nobody = json!({ "groupId": unknown, "components": [] });
        assert_eq!(world.refused("setGroupComponents", nobody), ["NOT_FOUND"]);
    }

    fn m7_every_change_of_a_group_is_in_its_history(world) {
        let group = world.group("Old name");
        let part = world.group("Part");
        world.done("updateGroup", "group { id }", json!({ "groupId": group, "settings": { "name": "New name" } }));
        world.compose(&group, "ALL", &[(&part, "EXCLUDE")]);
        let query = "query($id: ID!) { group(id: $id) { history(first: 10) { totalCount edges { node { action actor { displayName } at changes { field before after } } } } } }";
        let history = &world.data(query, json!({ "id": group }))["group"]["history"];
        assert_eq!(history["totalCount"], json!(3));
        let entries = history["edges"].as_array().unwrap();
        let changes = |n: usize| entries[n]["node"]["changes"].clone();
        assert_eq!(entries[0]["node"]["actor"]["displayName"], "Tester");
        assert_eq!(entries[0]["node"]["at"], "2026-09-15T10:00:00Z");
        assert_eq!(changes(0), json!([
            { "field": "composition", "before": "ANY", "after": "ALL" },
            { "field": "components", "before": null, "after": format!("EXCLUDE {part}") },
        ]));
        assert_eq!(changes(1), json!([{ "field": "name", "before": "Old name", "after": "New name" }]));
        assert_eq!(entries[2]["node"]["action"], "CREATED");
    }

    fn categories_are_made_renamed_and_deleted(world) {
        let make = |name: &str| json!({ "name": name });
        let made = world.done("createGroupCategory", "groupCategory { id name }", make("Werkgroep"));
        let id = text(&made["groupCategory"]["id"]);
        assert_eq!(world.refused("createGroupCategory", make("wérkgroep")), ["NOT_UNIQUE"]);
        assert_eq!(world.refused("createGroupCategory", make(" ")), ["REQUIRED"]);
        let renamed = world.done("updateGroupCategory", "groupCategory { name }", json!({ "groupCategoryId": id, "name": "Commissie" }));
        assert_eq!(renamed["groupCategory"]["name"], "Commissie");
        let group = world.group_with(None, json!({ "name": "A", "categoryId": id }));
        assert_eq!(world.refused("deleteGroupCategory", json!({ "groupCategoryId": id })), ["IN_USE"]);
        world.done("updateGroup", "group { id }", json!({ "groupId": group, "settings": { "categoryId": null } }));
        let gone = world.done("deleteGroupCategory", "deletedId groupCategory { id }", json!({ "groupCategoryId": id }));
        assert_eq!(gone["deletedId"], json!(id));
        let listed = world.data("{ groupCategories { totalCount edges { node { name } } } }", json!({}));
        assert_eq!(listed["groupCategories"]["totalCount"], json!(0));
    }
}
