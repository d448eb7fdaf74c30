//! The postal address of people and organizations, and where a filter finds them (P1b).

use kring::access::Role;
use kring::access::Viewer;
use kring::exchange::bundle::{self, Limits, Memory};
use kring::exchange::demo;
use kring::exchange::import::{Options, Report, import};
use kring::scope::{Clock, Scope};
use serde_json::{Value, json};

use crate::harness::{World, both, now, text};

const ADDRESS: &str = "postalAddress { street houseNumber postalCode city country }";

fn create(world: &World, organization: Option<&str>, details: &Value) -> String {
    let input = json!({ "details": details, "organizationId": organization });
    text(&world.done("createParticipant", "participant { id }", input)["participant"]["id"])
}

/// Somebody with a postal address in a city.
fn living(world: &World, organization: Option<&str>, name: &str, city: &str) -> String {
    let address = json!({ "street": "Dorpsstraat", "houseNumber": "1", "postalCode": "1234 AB", "city": city });
    create(world, organization, &json!({ "person": { "givenName": name, "postalAddress": address } }))
}

fn home(world: &World, organization: Option<&str>, city: &str, postal_code: &str) -> String {
    let address = json!({ "street": "Laan", "houseNumber": "2", "postalCode": postal_code, "city": city });
    create(world, organization, &json!({ "address": address }))
}

fn register(world: &World, who: &str, address: &str, start: &str, end: Option<&str>) -> String {
    let input = json!({ "participantId": who, "addressId": address, "startDate": start, "endDate": end });
    text(&world.done("registerResidency", "residency { id }", input)["residency"]["id"])
}

fn change(world: &World, who: &str, kind: &str, address: &Value) -> Value {
    let input = json!({ "participantId": who, "details": { kind: { "postalAddress": address } } });
    let selection = format!("participant {{ ... on Person {{ {ADDRESS} }} ... on Organization {{ {ADDRESS} }} }}");
    world.done("updateParticipant", &selection, input)["participant"]["postalAddress"].clone()
}

fn seen(world: &World, token: &str, who: &str) -> Value {
    let query = format!(
        "query($id: ID!) {{ participant(id: $id) {{ ... on Person {{ {ADDRESS} }} ... on Organization {{ {ADDRESS} }} }} }}"
    );
    let answer = world.ask_as(Some(token), &query, json!({ "id": who }));
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    answer["data"]["participant"].clone()
}

/// The names of those who pass a filter, in order.
fn found(world: &World, filter: &Value) -> Vec<String> {
    let query = "query($filter: ParticipantFilter) { participants(first: 100, filter: $filter) { totalCount edges { node { displayName } } } }";
    let data = world.data(query, json!({ "filter": filter }))["participants"].clone();
    let names: Vec<String> =
        data["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["displayName"])).collect();
    assert_eq!(data["totalCount"], names.len(), "{filter}");
    names
}

fn memberships(world: &World, group: &str) -> Vec<String> {
    let query = "query($id: ID!) { group(id: $id) { memberships(first: 100, filter: { status: ANY }, orderBy: { field: START_DATE, direction: ASC }) \
                 { edges { node { participant { displayName } startDate endDate origin } } } } }";
    let data = world.data(query, json!({ "id": group }));
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let edges = data["group"]["memberships"]["edges"].as_array().unwrap().iter();
    edges
        .map(|edge| {
            let node = &edge["node"];
            format!(
                "{} {} {} {}",
                word(&node["participant"]["displayName"]),
                word(&node["startDate"]),
                word(&node["endDate"]),
                word(&node["origin"])
            )
        })
        .collect()
}

fn delivered(world: &World, participants: &str) -> Report {
    let files: Memory = [
        ("categories.csv", "external_id,name"),
        ("participants.csv", participants),
        ("groups.csv", "external_id,name,description,category"),
        ("group_components.csv", "composite,component"),
        ("memberships.csv", "group,participant,start_date,start_reason,end_date,end_reason,role"),
    ]
    .into_iter()
    .collect();
    let bundle = bundle::read_from(&files, &Limits::default()).unwrap_or_else(|errors| panic!("{errors}"));
    let scope = Scope::new(Viewer::operator("kring import"), Clock::Fixed(now()), chrono_tz::Europe::Amsterdam);
    import(&world.db, &scope, &bundle, &Options::default(), &mut |_| {}).unwrap_or_else(|failure| panic!("{failure}"))
}

both! {
    /// P1b, M7: what is left out stays, null empties, and each part has its history.
    fn p1b_postal_addresses_are_written_and_read(world) {
        for (kind, names) in [("person", json!({ "givenName": "Anna" })), ("organization", json!({ "name": "De Kring" }))] {
            let who = create(world, None, &json!({ kind: names }));
            let token = world.administrator();
            assert_eq!(seen(world, &token, &who)["postalAddress"], Value::Null, "none is known");
            let all = json!({ "street": " Postbus 12 ", "houseNumber": "3a", "postalCode": "1234 AB", "city": "Gent", "country": "België" });
            let stored = json!({ "street": "Postbus 12", "houseNumber": "3a", "postalCode": "1234 AB", "city": "Gent", "country": "België" });
            assert_eq!(change(world, &who, kind, &all), stored);
            let moved = json!({ "street": "Postbus 12", "houseNumber": null, "postalCode": "1234 AB", "city": "Brugge", "country": "België" });
            assert_eq!(change(world, &who, kind, &json!({ "houseNumber": null, "city": "Brugge" })), moved);
            let name = if kind == "person" { json!({ "givenName": "Ans" }) } else { json!({ "name": "Kring" }) };
            world.done("updateParticipant", "participant { id }", json!({ "participantId": who, "details": { kind: name } }));
            assert_eq!(seen(world, &token, &who)["postalAddress"], moved, "left out altogether");
            assert_eq!(change(world, &who, kind, &json!({ "city": " " })), json!({ "street": "Postbus 12", "houseNumber": null, "postalCode": "1234 AB", "city": null, "country": "België" }));
            assert_eq!(change(world, &who, kind, &Value::Null), Value::Null);
            assert_eq!(world.rows("residencies"), 0, "it registers nobody");
            let query = "query($id: ID!) { participant(id: $id) { history(first: 9) { edges { node { changes { field before after } } } } } }";
            let data = world.data(query, json!({ "id": who }));
            let entries = data["participant"]["history"]["edges"].as_array().unwrap();
            let of = |n: usize| entries[n]["node"]["changes"].clone();
            assert_eq!(of(0), json!([
                { "field": "street", "before": "Postbus 12", "after": null }, { "field": "postalCode", "before": "1234 AB", "after": null },
                { "field": "country", "before": "België", "after": null },
            ]));
            assert_eq!(of(3), json!([{ "field": "houseNumber", "before": "3a", "after": null }, { "field": "city", "before": "Gent", "after": "Brugge" }]));
        }
    }

    /// What cannot be is refused with its place in the input.
    fn p1b_postal_addresses_are_checked(world) {
        let anna = create(world, None, &json!({ "person": { "givenName": "Anna" } }));
        let query = "mutation($i: UpdateParticipantInput!) { updateParticipant(input: $i) { userErrors { code field } } }";
        for (part, value) in [("street", "x".repeat(201)), ("houseNumber", "x".repeat(51)), ("postalCode", "x".repeat(51)), ("city", "a\u{202e}b".to_owned()), ("country", "x".repeat(201))] {
            let input = json!({ "participantId": anna, "details": { "person": { "postalAddress": { part: value } } } });
            let data = world.data(query, json!({ "i": input }));
            let expected = json!([{ "code": "INVALID_VALUE", "field": ["input", "details", "person", "postalAddress", part] }]);
            assert_eq!(data["updateParticipant"]["userErrors"], expected);
        }
    }

    /// A postal address is told to whom other personal data are told, and to nobody else.
    fn p1b_postal_addresses_are_personal(world) {
        let school = world.organization("School");
        let of = Some(school.as_str());
        let [anna, bas] = ["Anna", "Bas"].map(|name| living(world, of, name, "Utrecht"));
        change(world, &school, "organization", &json!({ "city": "Utrecht" }));
        let group = world.group_with(of, json!({ "name": "Koor", "memberDirectory": true }));
        world.add(&group, &[&anna, &bas], "2026-09-01");
        let other = world.organization("Andere");
        let city = |answer: &Value| answer["postalAddress"]["city"].clone();
        for (role, who, organization, told) in [
            (Role::Administrator, None, None, true),
            (Role::MembershipAdministrator, None, of, true),
            (Role::MembershipAdministrator, None, Some(other.as_str()), false),
            (Role::Staff, None, of, false),
            (Role::Participant, Some(&anna), None, true),
            (Role::Participant, Some(&bas), None, false),
        ] {
            let token = world.token(role, who.map(String::as_str), organization);
            let expected = if told { json!("Utrecht") } else { Value::Null };
            assert_eq!(city(&seen(world, &token, &anna)), expected, "{role:?} {who:?}");
            // Nor does a filter find it out.
            let query = "{ participants(filter: { city: \"Utrecht\" }) { edges { node { displayName } } } }";
            let answer = world.ask_as(Some(&token), query, json!({}));
            let found = answer["data"]["participants"]["edges"].as_array().map(|edges| edges.iter().any(|edge| edge["node"]["displayName"] == "Anna"));
            assert_eq!(found.unwrap_or_default(), told, "{role:?} {who:?}: {answer}");
        }
        let staff = world.token(Role::Staff, None, of);
        assert_eq!(city(&seen(world, &staff, &school)), Value::Null);
    }

    /// P1b, G10: filters read the residence in force, else the postal address, in letters of any kind; an address is where it
    /// is.
    fn p1b_filters_read_the_residence_first(world) {
        let [anna, bas, cas, dirk] = ["Anna", "Bas", "Cas", "Dirk"].map(|name| living(world, None, name, "ÉLANCOURT"));
        let zeist = home(world, None, "Zeist", "3701 AA");
        let here = home(world, None, "Élancourt", "7899 ZZ");
        register(world, &anna, &zeist, "2026-01-01", None);
        register(world, &bas, &zeist, "2020-01-01", Some("2026-09-15"));
        register(world, &cas, &zeist, "2026-09-16", None);
        register(world, &dirk, &here, "2026-01-01", None);
        register(world, &dirk, &zeist, "2026-02-01", None);
        let club = create(world, None, &json!({ "organization": { "name": "Club", "postalAddress": { "city": "élancourt", "postalCode": "1234ab" } } }));
        for written in ["Élancourt", "elancourt", "E\u{301}LANCOURT"] {
            assert_eq!(found(world, &json!({ "city": written })), ["Bas", "Cas", "Club", "Dirk", "Laan 2, 7899 ZZ, Élancourt"], "{written}");
        }
        assert_eq!(found(world, &json!({ "city": "zeist" })), ["Anna", "Dirk", "Laan 2, 3701 AA, Zeist"]);
        assert_eq!(found(world, &json!({ "city": "zeist", "kinds": ["PERSON"] })), ["Anna", "Dirk"]);
        assert_eq!(found(world, &json!({ "postalCode": "1234AB" })), ["Bas", "Cas", "Club"]);
        assert_eq!(found(world, &json!({ "postalCode": "3701aa", "city": "Élancourt" })), ["Dirk"], "one residence each");
        assert_eq!(found(world, &json!({ "city": "Nergens" })), Vec::<String>::new());
        assert_eq!(found(world, &json!({ "city": "!" })), Vec::<String>::new());
        register(world, &club, &zeist, "2026-09-01", None);
        assert_eq!(found(world, &json!({ "city": "zeist" })), ["Anna", "Club", "Dirk", "Laan 2, 3701 AA, Zeist"]);
        // Members are those who are there on the day that counts (M5, G6).
        let group = world.group("Wie in Zeist woont");
        let filter = json!({ "city": "Zeist", "kinds": ["PERSON"] });
        let input = json!({ "groupId": group, "filter": filter, "startDate": "2026-09-16", "startReasonCode": "JOINED", "dryRun": true });
        assert_eq!(world.done("addMemberships", "added", input)["added"], 3);
        let dynamic = world.group_with(None, json!({ "name": "Zeist", "memberFilter": filter }));
        assert_eq!(world.members(&dynamic, None), ["Anna", "Dirk"]);
        assert_eq!(world.members(&dynamic, Some("2026-09-14")), ["Anna", "Bas", "Dirk"]);
        assert_eq!(world.members(&dynamic, Some("2026-09-16")), ["Anna", "Cas", "Dirk"]);
    }

    /// P1b: a place where very many are is looked for in another way, and the same people are found, page by page.
    fn p1b_places_of_many_are_found_page_by_page(world) {
        let rows: Vec<String> = (0..1_200).map(|n| format!("P{n:04},PERSON,Kind,,Nummer{n:04},,,{}", if n % 3 == 0 { "Zeist" } else { "Utrecht" })).collect();
        delivered(world, &format!("external_id,kind,given_name,name_prefix,family_name,birth_date,gender,city\n{}", rows.join("\n")));
        delivered(world, &format!("external_id,kind,given_name,name_prefix,family_name,birth_date,gender,city\n{}", rows.join("\n").replace("P", "Q").replace("QERSON", "PERSON")));
        let zeist = home(world, None, "Zeist", "3701 AA");
        let query = "query($city: String!, $after: String) { participants(first: 100, after: $after, filter: { city: $city }) \
                     { totalCount pageInfo { hasNextPage endCursor } edges { node { id displayName } } } }";
        let all = |city: &str| {
            let (mut people, mut after) = (Vec::new(), Value::Null);
            loop {
                let page = world.data(query, json!({ "city": city, "after": after }))["participants"].clone();
                people.extend(page["edges"].as_array().unwrap().iter().map(|edge| (text(&edge["node"]["displayName"]), text(&edge["node"]["id"]))));
                if page["pageInfo"]["hasNextPage"] == false {
                    assert_eq!(page["totalCount"], people.len());
                    return people;
                }
                after = page["pageInfo"]["endCursor"].clone();
            }
        };
        let utrecht = all("Utrecht");
        assert_eq!((utrecht.len(), all("Zeist").len()), (1_600, 801));
        register(world, &utrecht[0].1, &zeist, "2026-01-01", None);
        assert_eq!((all("Utrecht").len(), all("Zeist").len()), (1_599, 802));
        assert!(utrecht[1..] == all("Utrecht"));
    }

    /// A1, A5: what follows from a dynamic group follows moves as well, known ones on their day, and the address that moves
    /// takes along who lives there.
    fn a1_memberships_follow_moves(world) {
        let dynamic = world.group_with(None, json!({ "name": "Zeist", "memberFilter": { "city": "Zeist", "kinds": ["PERSON"] } }));
        let fed = world.group_with(None, json!({ "name": "Krant", "sourceGroupId": dynamic }));
        let [zeist, utrecht] = [("Zeist", "3701 AA"), ("Utrecht", "3511 AB")].map(|(city, code)| home(world, None, city, code));
        let anna = living(world, None, "Anna", "Utrecht");
        assert_eq!(memberships(world, &fed), Vec::<String>::new());
        register(world, &anna, &zeist, "2026-10-01", Some("2027-01-01"));
        assert_eq!(memberships(world, &fed), ["Anna 2026-10-01 2027-01-01 SOURCE_GROUP"]);
        change(world, &anna, "person", &json!({ "city": "Zeist" }));
        assert_eq!(memberships(world, &fed).last(), Some(&"Anna 2026-09-15 - SOURCE_GROUP".to_owned()), "at home or by mail");
        let stay = register(world, &anna, &utrecht, "2026-09-15", Some("2026-10-01"));
        assert_eq!(world.members(&fed, None), Vec::<String>::new());
        assert_eq!(world.members(&fed, Some("2026-10-01")), ["Anna"]);
        // The house in Utrecht turns out to be in Zeist.
        world.done("updateParticipant", "participant { id }", json!({ "participantId": utrecht, "details": { "address": { "city": "zeist" } } }));
        assert_eq!(world.members(&fed, None), ["Anna"]);
        world.done("updateParticipant", "participant { id }", json!({ "participantId": utrecht, "details": { "address": { "city": "Utrecht" } } }));
        assert_eq!(world.members(&fed, None), Vec::<String>::new());
        world.done("endResidency", "residency { id }", json!({ "residencyId": stay, "endDate": "2026-09-15" }));
        assert_eq!(world.members(&fed, None), ["Anna"]);
        // A group that is fed anew finds whoever is to come.
        let bas = living(world, None, "Bas", "Utrecht");
        register(world, &bas, &zeist, "2026-11-01", None);
        let later = world.group_with(None, json!({ "name": "Later", "sourceGroupId": dynamic }));
        assert!(memberships(world, &later).contains(&"Bas 2026-11-01 - SOURCE_GROUP".to_owned()), "{:?}", memberships(world, &later));
    }

    /// The columns of a bundle, which were stored where nobody saw them, are seen and corrected.
    fn p1b_imported_postal_addresses_are_seen_and_corrected(world) {
        let head = "external_id,kind,given_name,name_prefix,family_name,birth_date,gender,name";
        delivered(world, &format!("{head},street,house_number,postal_code,city\nORG,ORGANIZATION,,,,,,Vereniging,Kerkstraat,5,1234 AB,Ons Dorp\nA,PERSON,Anna,,Aalders,,,,Dorpsstraat,1,1234 AB,Ons Dorp"));
        let query = format!("{{ participants(filter: {{ externalIds: [\"A\", \"ORG\"] }}) {{ edges {{ node {{ id ... on Person {{ {ADDRESS} }} ... on Organization {{ {ADDRESS} }} }} }} }} }}");
        let nodes = || {
            let data = world.data(&query, json!({}));
            data["participants"]["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect::<Vec<_>>()
        };
        let street = |node: &Value| text(&node["postalAddress"]["street"]);
        assert_eq!(nodes().iter().map(street).collect::<Vec<_>>(), ["Dorpsstraat", "Kerkstraat"]);
        assert_eq!(found(world, &json!({ "city": "ons dorp" })), ["Anna Aalders", "Vereniging"]);
        let anna = text(&nodes()[0]["id"]);
        change(world, &anna, "person", &json!({ "city": "Zeist", "country": "Nederland" }));
        // A file without those columns leaves them, and none has the country; what was changed here since stands (P6).
        delivered(world, &format!("{head}\nA,PERSON,Anna,,Aalders,,,"));
        assert_eq!(nodes()[0]["postalAddress"]["city"], "Zeist");
        delivered(world, &format!("{head},street,city\nA,PERSON,Anna,,Aalders,,,,Nieuweweg,Bilthoven"));
        assert_eq!(nodes()[0]["postalAddress"], json!({ "street": "Nieuweweg", "houseNumber": "1", "postalCode": "1234 AB", "city": "Zeist", "country": "Nederland" }));
    }

    /// The demonstration has people with a postal address.
    fn p1b_the_demonstration_shows_postal_addresses(world) {
        demo::fill(&world.db, &Scope::new(Viewer::operator("kring demo"), Clock::Fixed(now()), chrono_tz::Europe::Amsterdam)).unwrap();
        assert_eq!(found(world, &json!({ "city": "waterveld", "search": "Marijke Berg" })), ["Marijke van den Berg"]);
    }
}
