//! G10: texts are compared in the same way on both databases.

use diesel::sql_types::{Integer, Text};
use kring::access::sight::Sight;
use kring::db::Sql;
use kring::keys;
use kring::people::filter::ParticipantFilter;
use serde_json::{Value, json};

use super::{address_in, number};
use crate::harness::{World, text, today};

cases!(
    g10_what_people_type_is_compared_without_case_and_accents,
    g10_invisible_characters_hide_nobody,
    g10_imports_write_the_keys_too,
    g10_codes_are_compared_like_texts,
    g10_stored_keys_are_made_anew,
    g10_a_city_is_found_by_its_index,
);

/// Names of one city, as different people type it.
const CITIES: [&[&str]; 6] = [
    &["Élancourt", "ÉLANCOURT", "élancourt", "E\u{301}lancourt", "elancourt", " Élan\u{ad}court"],
    &["Straßburg", "STRASSBURG", "strassburg", "STRAẞBURG"],
    &["Πειραιάς", "ΠΕΙΡΑΙΆΣ", "πειραιας", "Πειραια\u{301}ς"],
    &["İzmir", "izmir", "IZMIR", "ızmır", "i\u{307}zmir"],
    &["’s-Hertogenbosch", "'s-hertogenbosch", "'S‐HERTOGENBOSCH"],
    &["ﬁnsterwalde", "FINSTERWALDE", "Finsterwalde"],
];

fn g10_what_people_type_is_compared_without_case_and_accents(world: &World) {
    let mut made = 0;
    for names in CITIES {
        for name in names {
            made += 1;
            let details = json!({ "street": "S", "houseNumber": made.to_string(), "city": name, "complexNumber": name,
                                  "dwellingType": name });
            let input = json!({ "details": { "address": details } });
            world.done("createParticipant", "participant { id }", input);
        }
    }
    for names in CITIES {
        for name in names {
            for field in ["city", "complexNumber", "dwellingType"] {
                assert_eq!(number(world, json!({ field: name })), names.len() as i64, "{field} {name}");
            }
        }
        let dynamic = world.group_with(None, json!({ "name": "D", "memberFilter": { "city": names[0] } }));
        assert_eq!(world.members(&dynamic, None).len(), names.len(), "{names:?}");
    }
    for code in ["3511 AB", "3511ab", " 3511  aB"] {
        let details = json!({ "street": "P", "houseNumber": "1", "postalCode": code });
        world.done("createParticipant", "participant { id }", json!({ "details": { "address": details } }));
    }
    for code in ["3511 AB", "3511ab", "３５１１AB"] {
        assert_eq!(number(world, json!({ "postalCode": code })), 3, "{code}");
    }
    assert_eq!(number(world, json!({ "city": "Elancour" })), 0, "the whole name is compared");
}

fn g10_invisible_characters_hide_nobody(world: &World) {
    let person = world.person("An\u{200b}na", "Jan\u{ad}sen\u{feff}");
    world.group("Ko\u{2060}or");
    address_in(world, "1", "Ut\u{200d}recht");
    let query = "query($id: ID!) { participant(id: $id) { displayName sortName } }";
    let shown = world.data(query, json!({ "id": person }))["participant"].take();
    assert_eq!(shown, json!({ "displayName": "Anna Jansen", "sortName": "Jansen, Anna" }));
    for search in ["anna", "\u{200b}ann", "jan\u{200c}sen", "Jansen, Anna"] {
        assert_eq!(number(world, json!({ "search": search })), 1, "{search:?}");
    }
    assert_eq!(number(world, json!({ "city": "u\u{200b}trecht" })), 1);
    let groups = "query($t: String) { groups(filter: { text: $t }) { edges { node { name } } } }";
    let found = world.data(groups, json!({ "t": "\u{feff}koor" }));
    assert_eq!(found["groups"]["edges"], json!([{ "node": { "name": "Koor" } }]));
}

fn g10_imports_write_the_keys_too(world: &World) {
    let people = "external_id,kind,given_name,name_prefix,family_name,birth_date,gender,street,house_number,postal_code,city,\
                  complex_number,dwelling_type\nA1,ADDRESS,,,,,,Straat,1,3511ab,Élancourt,C1,FLAT\n\
                  P1,PERSON,Jeanne,d',Arc,,,,,,,,\n";
    let import = |people: &str| crate::text::names::import(world, people);
    import(people);
    let passing =
        json!({ "city": "ÉLANCOURT", "postalCode": "3511 AB", "complexNumber": "c1", "dwellingType": "Flat" });
    assert_eq!(number(world, passing.clone()), 1);
    import(&people.replace("Élancourt", "STRASSE"));
    assert_eq!(number(world, passing), 0);
    assert_eq!(number(world, json!({ "city": "straße" })), 1);
}

fn g10_codes_are_compared_like_texts(world: &World) {
    let (group, person) = (world.group("G"), world.person("Ann", "A"));
    let input =
        json!({ "groupId": group, "participantIds": [person], "startReasonCode": "joined", "startDate": "2026-01-01" });
    let made = world.done("addMemberships", "memberships { edges { node { id startReason { code } } } }", input);
    let membership = made["memberships"]["edges"][0]["node"].clone();
    assert_eq!(membership["startReason"]["code"], "JOINED");
    let query = "query($c: String) { memberships(filter: { startReasonCode: $c }) { totalCount } }";
    for (code, expected) in [("JOINED", 1), ("Joined", 1), ("ＪOINED", 1), ("LEFT", 0), ("", 0)] {
        let found = world.data(query, json!({ "c": code }));
        assert_eq!(found["memberships"]["totalCount"], expected, "{code:?}");
    }
    let ended = json!({ "membershipId": membership["id"], "endReasonCode": "left" });
    let ended = world.done(
        "endMembership",
        "membership { endReason { code } history { edges { node { changes { field after } } } } }",
        ended,
    );
    assert_eq!(ended["membership"]["endReason"]["code"], "LEFT");
    assert!(ended.to_string().contains("\"LEFT\"") && !ended.to_string().contains("\"left\""), "{ended}");
}

/// Every stored key with the text that it is made of.
fn stored_keys(world: &World) -> Vec<Value> {
    const TABLES: [&str; 5] = [
        "SELECT CAST(id AS TEXT) || '|' || display_name || '|' || sort_key || '|' || search_text || '|' || \
         coalesce(email_key, '-') || '|' || coalesce(postal_key, '-') || '|' || coalesce(city_key, '-') || '|' || \
         coalesce(complex_key, '-') || '|' || coalesce(dwelling_key, '-') FROM participants ORDER BY id",
        "SELECT CAST(id AS TEXT) || '|' || sort_key || '|' || search_text FROM groups ORDER BY id",
        "SELECT CAST(id AS TEXT) || '|' || sort_key FROM group_categories ORDER BY id",
        "SELECT CAST(id AS TEXT) || '|' || sort_key || '|' || search_text FROM content ORDER BY id",
        "SELECT CAST(id AS TEXT) || '|' || member_key FROM memberships ORDER BY id",
    ];
    let rows = |sql: &'static str| world.db.read(|conn| Ok(Sql::new(sql).load::<Text, String>(conn)?)).unwrap();
    TABLES.iter().map(|sql| json!(rows(sql))).collect()
}

fn g10_stored_keys_are_made_anew(world: &World) {
    let person = world.person("Édith", "O'Brien");
    let details =
        json!({ "person": { "givenName": "Jeanne", "namePrefix": "d'", "familyName": "Arc", "email": "J@Arc.fr" } });
    world.done("createParticipant", "participant { id }", json!({ "details": details }));
    let details = json!({ "address": { "street": "S", "houseNumber": "1", "postalCode": "1000 AA", "city": "Élancourt",
                                       "complexNumber": "C-1", "dwellingType": "Flat" } });
    world.done("createParticipant", "participant { id }", json!({ "details": details }));
    let group = world.group("Groep 10");
    world.add(&group, &[&person], "2026-01-01");
    for name in ["Σοφός", "Werkgroep", "Koor"] {
        world.done("createGroupCategory", "groupCategory { id }", json!({ "name": name }));
    }
    let input = json!({ "newsItem": { "title": "Ça va", "body": "Où ça ?" } });
    let query = "mutation($input: CreateContentInput!) { createContent(input: $input) { content { id } } }";
    world.data(query, json!({ "input": input }));
    let right = stored_keys(world);
    for statement in [
        "UPDATE participants SET display_name = 'Jeanne d'' Arc' WHERE family_name = 'Arc'",
        "UPDATE participants SET sort_key = 'old ' || id, search_text = 'old', city_key = NULL, postal_key = NULL, \
         complex_key = 'x', dwelling_key = 'x', email_key = 'x'",
        "UPDATE groups SET sort_key = 'old', search_text = 'old'",
        // Two categories whose keys are to be swapped.
        "UPDATE group_categories SET sort_key = 'x' WHERE name = 'Koor'",
        "UPDATE group_categories SET sort_key = 'koor' WHERE name = 'Werkgroep'",
        "UPDATE group_categories SET sort_key = 'werkgroep' WHERE name = 'Koor'",
        "UPDATE content SET sort_key = 'old', search_text = 'old'",
        "UPDATE stored_keys SET version = 1",
    ] {
        world.db.write(|conn| Ok(Sql::new(statement).execute(conn)?)).unwrap();
    }
    assert_ne!(stored_keys(world), right);
    assert_eq!(keys::renew(&world.db).unwrap(), 7);
    assert_eq!(stored_keys(world), right, "and what memberships repeat of them");
    assert_eq!(keys::renew(&world.db).unwrap(), 0);
    // What two programs kept apart may be the same for this one: both go on, under keys of their own.
    for statement in [
        "INSERT INTO group_categories (name, sort_key) VALUES ('ΣΟΦΌΣ', 'other')",
        "UPDATE stored_keys SET version = 1",
    ] {
        world.db.write(|conn| Ok(Sql::new(statement).execute(conn)?)).unwrap();
    }
    assert_eq!(keys::renew(&world.db).unwrap(), 1);
    let query = "{ groupCategories { edges { node { name } } } }";
    let names = world.data(query, json!({}))["groupCategories"]["edges"].take();
    let names: Vec<String> = names.as_array().unwrap().iter().map(|edge| text(&edge["node"]["name"])).collect();
    assert_eq!(names, ["Koor", "Werkgroep", "Σοφός", "ΣΟΦΌΣ"]);
}

fn g10_a_city_is_found_by_its_index(world: &World) {
    let filters = [
        (
            ParticipantFilter { city: Some("Utrecht".to_owned()), ..ParticipantFilter::default() },
            "participants_by_city",
        ),
        (
            ParticipantFilter { postal_code: Some("3511 AB".to_owned()), ..ParticipantFilter::default() },
            "participants_by_postal_code",
        ),
        (
            ParticipantFilter { complex_number: Some("C1".to_owned()), ..ParticipantFilter::default() },
            "participants_by_complex",
        ),
        (
            ParticipantFilter { dwelling_type: Some("Flat".to_owned()), ..ParticipantFilter::default() },
            "participants_by_dwelling",
        ),
    ];
    for (filter, index) in filters {
        let explain = if world.is_postgres() { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
        let sql = Sql::new(explain).text(" SELECT p.id FROM participants p WHERE 1 = 1");
        let sql = filter.conditions(sql, &Sight::unlimited(), today()).text(" ORDER BY p.sort_key, p.id LIMIT 20");
        let plan = world.db.write(|conn| {
            if world.is_postgres() {
                Sql::new("SET LOCAL enable_seqscan = off").execute(conn)?;
                return Ok(sql.load::<Text, String>(conn)?.join("\n"));
            }
            let rows = sql.load::<(Integer, Integer, Integer, Text), (i32, i32, i32, String)>(conn)?;
            Ok(rows.into_iter().map(|(.., detail)| detail).collect::<Vec<_>>().join("\n"))
        });
        let plan = plan.unwrap();
        assert!(plan.contains(index), "{plan}");
        // Who is in a place is found by residencies as well, and put in order afterwards.
        let place = filter.places().is_asked();
        assert!(place || !plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}
