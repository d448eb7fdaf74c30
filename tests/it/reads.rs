//! Lists: pages, orders, filters and look-ups.

use serde_json::{Value, json};

use crate::harness::{World, both, text};

fn names(world: &World, query: &str, variables: Value, list: &str) -> Vec<String> {
    let found = world.data(query, variables);
    let edges = found[list]["edges"].as_array().unwrap().clone();
    edges.iter().map(|edge| text(edge["node"].get("name").or(edge["node"].get("displayName")).unwrap())).collect()
}

both! {
    fn names_stand_where_a_dutch_reader_looks(world) {
        for (given, prefix, family) in [("Jan", "van den", "Berg"), ("Édith", "", "Bergman"), ("Zoë", "", "Berg"), ("Jan", "", "Berg"),
            ("Piet", "", "'t Hoen"), ("Anna", "de", "Åberg"), ("Émile", "", "Eek"), ("Eva", "", "Éduard")] {
            let details = json!({ "person": { "givenName": given, "namePrefix": prefix, "familyName": family } });
            world.done("createParticipant", "participant { id }", json!({ "details": details }));
        }
        world.organization("De Ark");
        let query = "query { participants(first: 100, orderBy: { field: NAME }) { edges { node { displayName } } } }";
        assert_eq!(names(world, query, json!({}), "participants"), ["Anna de Åberg", "Jan Berg", "Jan van den Berg", "Zoë Berg",
            "Édith Bergman", "De Ark", "Eva Éduard", "Émile Eek", "Piet 't Hoen"]);
        let search = |text: &str| names(world, "query($s: String) { participants(first: 100, filter: { search: $s }) { edges { node { displayName } } } }", json!({ "s": text }), "participants");
        assert_eq!(search("edith BERG"), ["Édith Bergman"]);
        assert_eq!(search("den berg"), ["Jan van den Berg"]);
        assert_eq!(search("%"), Vec::<String>::new());
        assert_eq!(search("_"), Vec::<String>::new());
        assert_eq!(search(""), Vec::<String>::new(), "a text of which nothing is left to look for finds nobody");
    }

    fn pages_stay_right_while_rows_come_and_go(world) {
        for n in [10, 20, 30, 40, 50] {
            world.group(&format!("Groep {n}"));
        }
        let query = "query($first: Int, $after: String, $last: Int, $before: String) { groups(first: $first, after: $after, last: $last, before: $before) \
                     { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { name } } } }";
        let page = |variables: Value| world.data(query, variables)["groups"].take();
        let of = |page: &Value| page["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["name"])).collect::<Vec<_>>();
        let first = page(json!({ "first": 2 }));
        assert_eq!(of(&first), ["Groep 10", "Groep 20"]);
        assert_eq!(first["totalCount"], json!(5));
        assert_eq!(first["pageInfo"]["hasNextPage"], json!(true));
        assert_eq!(first["pageInfo"]["hasPreviousPage"], json!(false));
        // One comes before the cursor and one after it; neither shifts the next page.
        world.group("Groep 5");
        world.group("Groep 25");
        let second = page(json!({ "first": 2, "after": first["pageInfo"]["endCursor"] }));
        assert_eq!(of(&second), ["Groep 25", "Groep 30"]);
        assert_eq!(second["pageInfo"]["hasPreviousPage"], json!(true));
        let back = page(json!({ "last": 2, "before": second["pageInfo"]["startCursor"] }));
        assert_eq!(of(&back), ["Groep 10", "Groep 20"]);
        assert_eq!(back["pageInfo"], json!({ "hasNextPage": true, "hasPreviousPage": true,
            "startCursor": back["edges"][0]["cursor"], "endCursor": back["edges"][1]["cursor"] }));
        assert_eq!(of(&page(json!({ "last": 2 }))), ["Groep 40", "Groep 50"]);
        let none = page(json!({ "first": 5, "after": page(json!({ "last": 1 }))["pageInfo"]["endCursor"] }));
        assert_eq!(of(&none), Vec::<String>::new());
        assert_eq!(none["pageInfo"]["endCursor"], json!(null));
    }

    fn page_arguments_are_checked(world) {
        world.group("A");
        world.group("B");
        for arguments in ["first: 0", "first: 101", "last: -1", "first: 1, last: 1", "after: \"x\"", "after: \"W10\"", "before: \"WyJhIiwxLDJd\""] {
            let answer = world.ask(&format!("{{ groups({arguments}) {{ totalCount edges {{ cursor }} }} }}"), json!({}));
            assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{arguments}: {answer}");
        }
        let by_creation = world.data("{ groups(first: 1, orderBy: { field: CREATED_AT }) { pageInfo { endCursor } } }", json!({}));
        let cursor = &by_creation["groups"]["pageInfo"]["endCursor"];
        let answer = world.ask("query($after: String) { groups(after: $after) { edges { cursor } } }", json!({ "after": cursor }));
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "a cursor of another order");
        let next = world.data("query($after: String) { groups(after: $after, orderBy: { field: CREATED_AT }) { edges { node { name } } } }", json!({ "after": cursor }));
        assert_eq!(next["groups"]["edges"], json!([{ "node": { "name": "B" } }]));
    }

    fn groups_are_filtered(world) {
        let organization = world.organization("O");
        let category = world.done("createGroupCategory", "groupCategory { id }", json!({ "name": "K" }));
        let category = text(&category["groupCategory"]["id"]);
        let jan = world.person("Jan", "Jansen");
        let plain = world.group_with(None, json!({ "name": "Café Noir", "externalId": "X1", "categoryId": category, "responsibleId": jan }));
        let owned = world.group_with(Some(&organization), json!({ "name": "Owned", "yearGroup": 4, "startDate": "2026-02-01", "subscriptionGroup": true }));
        world.group_with(None, json!({ "name": "Dynamic", "memberFilter": { "search": "q" } }));
        let composite = world.group("Composite");
        world.compose(&composite, "ANY", &[(&plain, "INCLUDE")]);
        let closed = world.group("Closed");
        world.done("closeGroup", "group { id }", json!({ "groupId": closed }));
        world.add(&owned, &[&jan], "2026-01-01");
        let query = "query($filter: GroupFilter) { groups(first: 100, filter: $filter) { totalCount edges { node { name } } } }";
        let cases = [
            (json!(null), vec!["Café Noir", "Composite", "Dynamic", "Owned"]),
            (json!({ "text": "noir CAFE" }), vec!["Café Noir"]),
            (json!({ "categoryId": category }), vec!["Café Noir"]),
            (json!({ "responsibleId": jan }), vec!["Café Noir"]),
            (json!({ "organizationId": organization }), vec!["Owned"]),
            (json!({ "kinds": ["COMPOSITE", "DYNAMIC"] }), vec!["Composite", "Dynamic"]),
            (json!({ "kinds": [] }), vec![]),
            (json!({ "closed": true }), vec!["Closed"]),
            (json!({ "includeClosed": true }), vec!["Café Noir", "Closed", "Composite", "Dynamic", "Owned"]),
            (json!({ "externalIds": ["X1", "X2"] }), vec!["Café Noir"]),
            (json!({ "subscriptionGroup": true }), vec!["Owned"]),
            (json!({ "yearGroup": 4 }), vec!["Owned"]),
            (json!({ "startedFrom": "2026-01-01", "startedUntil": "2026-12-31" }), vec!["Owned"]),
            (json!({ "memberId": jan }), vec!["Owned"]),
        ];
        for (filter, expected) in cases {
            let found = world.data(query, json!({ "filter": filter }));
            assert_eq!(found["groups"]["totalCount"], json!(expected.len()), "{filter}");
            assert_eq!(names(world, query, json!({ "filter": filter }), "groups"), expected, "{filter}");
        }
    }

    fn memberships_are_filtered_and_ordered(world) {
        let [g, h] = ["G", "H"].map(|name| world.group(name));
        let [a, b, c] = ["Aa", "Bb", "Cc"].map(|name| world.person("P", name));
        let ended = world.add(&g, &[&a], "2026-01-01").remove(0);
        world.end(&ended, "2026-06-01");
        world.add(&g, &[&b], "2026-02-01");
        world.add(&h, &[&c], "2026-12-01");
        let query = "query($filter: MembershipFilter, $by: MembershipOrderField!, $direction: OrderDirection) { memberships(first: 100, filter: $filter, orderBy: { field: $by, direction: $direction }) \
                     { totalCount edges { node { participant { displayName } } } } }";
        let list = |filter: Value, by: &str, direction: &str| -> Vec<String> {
            let found = world.data(query, json!({ "filter": filter, "by": by, "direction": direction }));
            let edges = found["memberships"]["edges"].as_array().unwrap();
            assert_eq!(found["memberships"]["totalCount"], json!(edges.len()));
            edges.iter().map(|edge| text(&edge["node"]["participant"]["displayName"]).replace("P ", "")).collect()
        };
        let any = |extra: Value| {
            let mut filter = json!({ "status": "ANY" });
            filter.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            filter
        };
        assert_eq!(list(json!(null), "START_DATE", "ASC"), ["Bb"], "those in force when nothing is said");
        assert_eq!(list(any(json!({})), "PARTICIPANT_NAME", "DESC"), ["Cc", "Bb", "Aa"]);
        assert_eq!(list(any(json!({})), "START_DATE", "ASC"), ["Aa", "Bb", "Cc"]);
        assert_eq!(list(any(json!({})), "END_DATE", "ASC"), ["Aa", "Bb", "Cc"], "open memberships come last");
        assert_eq!(list(any(json!({ "groupId": g })), "PARTICIPANT_NAME", "ASC"), ["Aa", "Bb"]);
        assert_eq!(list(any(json!({ "participantId": c })), "PARTICIPANT_NAME", "ASC"), ["Cc"]);
        assert_eq!(list(any(json!({ "endReasonCode": "LEFT" })), "PARTICIPANT_NAME", "ASC"), ["Aa"]);
        assert_eq!(list(any(json!({ "startReasonCode": "JOINED", "startedFrom": "2026-02-01", "startedUntil": "2026-02-28" })), "PARTICIPANT_NAME", "ASC"), ["Bb"]);
        assert_eq!(list(any(json!({ "endedFrom": "2026-06-01", "endedUntil": "2026-06-01" })), "PARTICIPANT_NAME", "ASC"), ["Aa"]);
        assert_eq!(list(any(json!({ "text": "cc" })), "PARTICIPANT_NAME", "ASC"), ["Cc"]);
        assert_eq!(list(json!({ "status": "SCHEDULED" }), "PARTICIPANT_NAME", "ASC"), ["Cc"]);
        assert_eq!(list(json!({ "status": "ACTIVE", "asOf": "2026-03-01" }), "PARTICIPANT_NAME", "ASC"), ["Aa", "Bb"]);
    }

    fn objects_are_looked_up_by_their_global_identifier(world) {
        let group = world.group("G");
        let jan = world.person("Jan", "Jansen");
        let membership = world.add(&group, &[&jan], "2026-01-01").remove(0);
        let category = text(&world.done("createGroupCategory", "groupCategory { id }", json!({ "name": "K" }))["groupCategory"]["id"]);
        let reasons = world.data("{ startReasons { id } endReasons { id } }", json!({}));
        let (start, end) = (text(&reasons["startReasons"][0]["id"]), text(&reasons["endReasons"][0]["id"]));
        let all = json!([group, "nonsense", jan, membership, category, start, end, kring::id::encode(kring::id::Kind::Group, 9_999), group]);
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Group { name } ... on Participant { displayName } ... on Person { givenName } } }";
        assert_eq!(world.data(query, json!({ "ids": all }))["nodes"], json!([
            { "__typename": "Group", "id": group, "name": "G" }, null,
            { "__typename": "Person", "id": jan, "displayName": "Jan Jansen", "givenName": "Jan" },
            { "__typename": "Membership", "id": membership }, { "__typename": "GroupCategory", "id": category },
            { "__typename": "StartReason", "id": start }, { "__typename": "EndReason", "id": end }, null,
            { "__typename": "Group", "id": group, "name": "G" },
        ]));
        for id in [&group, &jan, &membership, &category, &start, &end] {
            assert_eq!(world.data("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id }))["node"]["id"], json!(id));
        }
        // An identifier of another type is no identifier of this one.
        let wrong = world.data("query($g: ID!, $p: ID!) { group(id: $p) { id } participant(id: $g) { id } membership(id: $g) { id } node(id: \"\") { id } }", json!({ "g": group, "p": jan }));
        assert_eq!(wrong, json!({ "group": null, "participant": null, "membership": null, "node": null }));
        let many: Vec<&str> = std::iter::repeat_n(group.as_str(), 51).collect();
        let answer = world.ask(query, json!({ "ids": many }));
        assert!(answer["errors"][0]["extensions"]["code"].is_string(), "{answer}");
    }
}
