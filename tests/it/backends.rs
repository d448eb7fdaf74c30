//! What holds on SQLite and on PostgreSQL alike: the schema's own refusals, the order of names, and many at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::sql_types::{BigInt, Nullable, Text};
use kring::db::{Db, Health, Options, Sql, Violation, violation};
use kring::id;
use serde_json::{Value, json};

use crate::harness::{Single, World, both, ids, text};

const THREADS: usize = 16;

/// What the database says to a statement: the constraint that stands in the way, or `None` when it is carried out.
/// An error that is no violation comes as its text.
fn verdict(world: &World, statement: &str) -> Result<Option<Violation>, String> {
    let run = world.db.write_if(|conn| {
        let outcome = Sql::new(statement.to_owned()).execute(conn);
        Ok((outcome.map_err(|error| violation(&error).ok_or_else(|| error.to_string())), false))
    });
    match run.unwrap() {
        Ok(_) => Ok(None),
        Err(Ok(violation)) => Ok(Some(violation)),
        Err(Err(text)) => Err(text),
    }
}

fn is_refused(world: &World, statement: &str) {
    // PostgreSQL refuses a malformed date by its type, which is no constraint.
    assert_ne!(verdict(world, statement), Ok(None), "carried out: {statement}");
}

/// Runs a statement for good.
fn write(world: &World, statement: &str) {
    world.db.write(|conn| Ok(Sql::new(statement.to_owned()).execute(conn)?)).unwrap();
}

fn count(world: &World, query: &str) -> i64 {
    world.db.read(|conn| Ok(Sql::new(query.to_owned()).first::<BigInt, i64>(conn)?.unwrap())).unwrap()
}

fn key(id: &str) -> i64 {
    id::decode(id).unwrap().1
}

/// A membership as it is written, with everything but the period.
fn membership(group: &str, person: &str, start: &str, end: Option<&str>) -> String {
    let (end, reason) = end.map_or(("NULL".to_owned(), "NULL"), |end| (format!("'{end}'"), "1"));
    format!(
        "INSERT INTO memberships (group_id, participant_id, member_key, start_date, start_reason_id, end_date, end_reason_id, \
         origin, created_at, updated_at) SELECT {}, id, sort_key, '{start}', 1, {end}, {reason}, 'MANUAL', created_at, \
         updated_at FROM participants WHERE id = {}",
        key(group),
        key(person)
    )
}

/// Does the same in many threads, and answers with what each came to.
fn together<T: Send>(threads: usize, task: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = std::sync::Barrier::new(threads);
    thread::scope(|scope| {
        let run = |n: usize| {
            let (barrier, task) = (&barrier, &task);
            scope.spawn(move || {
                barrier.wait();
                task(n)
            })
        };
        let handles: Vec<_> = (0..threads).map(run).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    })
}

/// Sends a mutation and answers with its payload, which may be a refusal; but never an error.
fn payload(world: &World, mutation: &str, input_type: &str, selection: &str, input: Value) -> Value {
    let query = format!(
        "mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ {selection} userErrors {{ code message }} }} }}"
    );
    let mut answer = world.ask(&query, json!({ "input": input }));
    assert!(answer.get("errors").is_none(), "{mutation}: {answer}");
    answer["data"][mutation].take()
}

fn codes(payload: &Value) -> Vec<String> {
    payload["userErrors"].as_array().unwrap().iter().map(|error| text(&error["code"])).collect()
}

fn components(world: &World, group: &str, of: &[&str]) -> Value {
    let of: Vec<Value> = of.iter().map(|id| json!({ "groupId": id })).collect();
    payload(
        world,
        "setGroupComponents",
        "SetGroupComponentsInput",
        "group { id }",
        json!({ "groupId": group, "components": of }),
    )
}

/// Small, quick and good enough to choose what to do next.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// Whether any group is among what it is made of.
fn has_circle(world: &World) -> bool {
    let edges: Vec<(i64, i64)> = world
        .db
        .read(|conn| {
            Ok(Sql::new("SELECT composite_id, component_id FROM group_components").load::<(BigInt, BigInt), _>(conn)?)
        })
        .unwrap();
    let mut parts: HashMap<i64, Vec<i64>> = HashMap::new();
    for (composite, component) in &edges {
        parts.entry(*composite).or_default().push(*component);
    }
    edges.iter().any(|(start, _)| {
        let (mut seen, mut open) = (BTreeSet::new(), parts[start].clone());
        while let Some(group) = open.pop() {
            if group == *start {
                return true;
            }
            if seen.insert(group) {
                open.extend(parts.get(&group).into_iter().flatten());
            }
        }
        false
    })
}

const OVERLAPS: &str = "SELECT COUNT(*) FROM memberships a JOIN memberships b ON a.group_id = b.group_id \
    AND a.participant_id = b.participant_id AND a.id < b.id WHERE a.annulled_at IS NULL AND b.annulled_at IS NULL \
    AND a.start_date < coalesce(b.end_date, '9999-12-31') AND b.start_date < coalesce(a.end_date, '9999-12-31') \
    AND a.start_date < coalesce(a.end_date, '9999-12-31') AND b.start_date < coalesce(b.end_date, '9999-12-31')";

static NEXT: AtomicU32 = AtomicU32::new(1);

/// An empty database of the same kind as that of the world, with no schema in it.
struct Empty {
    url: String,
    schema: Option<String>,
    _folder: Option<tempfile::TempDir>,
}

impl Empty {
    fn like(world: &World) -> Self {
        if !world.is_postgres() {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}", folder.path().join("empty.db").display());
            return Self { url, schema: None, _folder: Some(folder) };
        }
        let server = std::env::var("KRING_TEST_POSTGRES").unwrap();
        let schema = format!("kring_empty_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        write(world, &format!("CREATE SCHEMA {schema}"));
        let separator = if server.contains('?') { '&' } else { '?' };
        Self {
            url: format!("{server}{separator}options=-csearch_path%3D{schema}"),
            schema: Some(schema),
            _folder: None,
        }
    }

    fn drop_from(self, world: &World) {
        if let Some(schema) = self.schema {
            write(world, &format!("DROP SCHEMA {schema} CASCADE"));
        }
    }
}

both! {
    fn m2_the_database_itself_refuses_overlapping_memberships(world) {
        let [group, other] = ["A", "B"].map(|name| world.group(name));
        let jan = world.person("Jan", "Jansen");
        write(world, &membership(&group, &jan, "2026-01-01", Some("2026-03-01")));
        write(world, &membership(&group, &jan, "2026-06-01", None));
        write(world, &membership(&other, &jan, "2026-01-01", None));
        for (start, end) in [
            ("2026-01-01", Some("2026-03-01")), ("2025-01-01", None), ("2026-02-28", Some("2026-03-02")),
            ("2025-12-31", Some("2026-01-02")), ("2026-05-01", Some("2026-06-02")), ("2027-01-01", None),
        ] {
            let found = verdict(world, &membership(&group, &jan, start, end));
            assert_eq!(found, Ok(Some(Violation::Overlap)), "{start} to {end:?}");
        }
        // A period ends before its last day; one that ends as it starts lasts no day.
        for (start, end) in [
            ("2026-03-01", Some("2026-06-01")), ("2025-01-01", Some("2026-01-01")), ("2026-02-01", Some("2026-02-01")),
        ] {
            assert_eq!(verdict(world, &membership(&group, &jan, start, end)), Ok(None), "{start} to {end:?}");
        }
        let first = "WHERE start_date = '2026-01-01' AND group_id = (SELECT min(group_id) FROM memberships)";
        for change in ["end_date = '2026-06-02'", "end_date = NULL, end_reason_id = NULL"] {
            let found = verdict(world, &format!("UPDATE memberships SET {change} {first}"));
            assert_eq!(found, Ok(Some(Violation::Overlap)), "{change}");
        }
        let moved = format!("UPDATE memberships SET group_id = {} WHERE group_id = {}", key(&group), key(&other));
        assert_eq!(verdict(world, &moved), Ok(Some(Violation::Overlap)));
        assert_eq!(verdict(world, &format!("UPDATE memberships SET end_date = '2026-06-01' {first}")), Ok(None));
        // What was annulled takes no time, until it is brought back.
        write(world, &format!("UPDATE memberships SET annulled_at = created_at {first}"));
        write(world, &membership(&group, &jan, "2026-02-01", Some("2026-02-10")));
        let back = verdict(world, &format!("UPDATE memberships SET annulled_at = NULL {first}"));
        assert_eq!(back, Ok(Some(Violation::Overlap)));
    }

    fn the_database_itself_refuses_overlapping_residencies(world) {
        let jan = key(&world.person("Jan", "Jansen"));
        let [home, other] = ["1", "2"].map(|number| key(&world.address(None, "Lindelaan", number)));
        let residency = |person: i64, address: i64, start: &str, end: &str| {
            format!("INSERT INTO residencies (participant_id, address_id, start_date, end_date) VALUES ({person}, {address}, '{start}', {end})")
        };
        write(world, &residency(jan, home, "2026-01-01", "'2026-03-01'"));
        assert_eq!(verdict(world, &residency(jan, home, "2026-02-01", "NULL")), Ok(Some(Violation::Overlap)));
        assert_eq!(verdict(world, &residency(jan, home, "2026-03-01", "NULL")), Ok(None));
        assert_eq!(verdict(world, &residency(jan, other, "2026-02-01", "NULL")), Ok(None));
        write(world, &residency(jan, home, "2026-05-01", "NULL"));
        let longer = "UPDATE residencies SET end_date = '2026-05-02' WHERE start_date = '2026-01-01'";
        assert_eq!(verdict(world, longer), Ok(Some(Violation::Overlap)));
        is_refused(world, &residency(jan, home, "2027-02-01", "'2027-01-31'"));
        is_refused(world, &residency(jan, jan, "2027-02-01", "NULL"));
    }

    fn the_database_itself_refuses_what_makes_no_sense(world) {
        let group = world.group("A");
        let jan = world.person("Jan", "Jansen");
        let membership_id = key(&world.add(&group, &[&jan], "2026-01-01")[0]);
        let (group, jan) = (key(&group), key(&jan));
        let membership = |change: &str| format!("UPDATE memberships SET {change} WHERE id = {membership_id}");
        let group = |change: &str| format!("UPDATE groups SET {change} WHERE id = {group}");
        let person = |change: &str| format!("UPDATE participants SET {change} WHERE id = {jan}");
        let refused = [
            // An end before the start, and an end without its reason or the other way round.
            membership("end_date = '2025-12-31', end_reason_id = 1"),
            membership("end_date = '2026-02-01'"),
            membership("end_reason_id = 1"),
            // Words that are not in the vocabulary.
            membership("role = 'CHAIR'"),
            membership("origin = 'MAGIC'"),
            membership("role = 'member'"),
            group("composition = 'NONE'"),
            group("neighbourhood_role = ''"),
            group("year_group = 9"),
            person("kind = 'ROBOT'"),
            person("gender = 'X'"),
            // Dates that are none.
            membership("start_date = '2026-02-30'"),
            membership("start_date = ''"),
            membership("start_date = 'tomorrow-ish'"),
            group("start_date = '2026-13-01'"),
            person("birth_date = 'unknown'"),
            // What must be there.
            membership("start_date = NULL"),
            membership("member_key = NULL"),
            group("name = NULL"),
            group("name = ''"),
            person("given_name = NULL, family_name = NULL"),
            person("kind = 'ORGANIZATION'"),
            person("kind = 'ADDRESS'"),
            person("display_name = ''"),
            // A filter that is no JSON.
            group("member_filter = '{'"),
            // A contribution group stands alone (G8).
            group("contribution_group = TRUE, subscription_group = TRUE"),
            group("contribution_group = TRUE, via_home_address = TRUE"),
            group(&format!("contribution_group = TRUE, source_group_id = {}", key(&world.group("B")))),
            // A group neither feeds, restricts nor contains itself (G4).
            group("source_group_id = id"),
            group("restricted_to_id = id"),
            "INSERT INTO group_components (composite_id, component_id, position) SELECT id, id, 1 FROM groups".to_owned(),
            "INSERT INTO guardianships (child_id, guardian_id) SELECT id, id FROM participants".to_owned(),
            "INSERT INTO composition_revision (singleton, revision) VALUES (2, 1)".to_owned(),
        ];
        for statement in refused {
            is_refused(world, &statement);
        }
        let references = [
            membership("group_id = 9999"),
            membership("participant_id = 9999"),
            membership("member_key = 'somebody else'"),
            membership("start_reason_id = 9999"),
            membership("end_date = '2026-02-01', end_reason_id = 9999"),
            group("category_id = 9999"),
            group("organization_id = 9999"),
            group("responsible_id = 9999"),
            group("source_group_id = 9999"),
            group("restricted_to_id = 9999"),
            person("organization_id = 9999"),
            format!("DELETE FROM participants WHERE id = {jan}"),
            "DELETE FROM groups WHERE name = 'A'".to_owned(),
            "DELETE FROM start_reasons".to_owned(),
            "INSERT INTO group_components (composite_id, component_id, position) SELECT id, 9999, 1 FROM groups WHERE name = 'A'".to_owned(),
        ];
        for statement in references {
            assert_eq!(verdict(world, &statement), Ok(Some(Violation::Reference)), "{statement}");
        }
        for statement in [person("organization_id = NULL"), group("year_group = 8"), membership("role = 'LEADER'")] {
            assert_eq!(verdict(world, &statement), Ok(None), "{statement}");
        }
    }

    fn the_database_itself_keeps_unique_what_must_be(world) {
        world.group_with(None, json!({ "name": "A", "externalId": "G-1" }));
        world.group("B");
        world.done("createGroupCategory", "groupCategory { id }", json!({ "name": "Werkgroep" }));
        world.person("Jan", "Jansen");
        for statement in [
            "UPDATE groups SET external_id = 'G-1'",
            "INSERT INTO group_categories (name, sort_key) VALUES ('Wérkgroep', 'werkgroep')",
            "UPDATE start_reasons SET code = 'JOINED'",
            "UPDATE end_reasons SET code = 'LEFT'",
        ] {
            assert!(matches!(verdict(world, statement), Ok(Some(Violation::Unique(_)))), "{statement}: {:?}", verdict(world, statement));
        }
    }

    fn names_stand_in_the_same_order_on_both_databases(world) {
        let people = [
            ("Zoë", None, "Zwart"), ("Jan", Some("van den"), "Berg"), ("Jan", None, "Berg"), ("Zoë", None, "Berg"),
            ("Édith", None, "Bergman"), ("Piet", Some("'t"), "Hoen"), ("Ann", None, "Åberg"), ("Ann", None, "abel"),
            ("Karel", Some("de"), "Vries"), ("Karel", None, "de Vries"), ("Çelik", None, "Ünal"), ("Łukasz", None, "Łoś"),
            ("Eva", None, "Müller-Lüdenscheidt"), ("Eva", None, "Müller"), ("Eva", None, "Mulder"), ("IJs", None, "ĲSSEL"),
            ("Bot", None, "R2-D10"), ("Bot", None, "R2-D9"), ("Ольга", None, "Иванова"),
        ];
        for (given, prefix, family) in people {
            let person = json!({ "givenName": given, "namePrefix": prefix, "familyName": family });
            world.done("createParticipant", "participant { id }", json!({ "details": { "person": person } }));
        }
        let query = "{ participants(first: 100) { edges { node { sortName } } } }";
        let found = world.data(query, json!({}));
        let names: Vec<String> = found["participants"]["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["sortName"])).collect();
        assert_eq!(names, [
            "abel, Ann", "Åberg, Ann", "Berg, Jan", "Berg, Jan van den", "Berg, Zoë", "Bergman, Édith", "de Vries, Karel",
            "Hoen, Piet 't", "ĲSSEL, IJs", "Łoś, Łukasz", "Mulder, Eva", "Müller, Eva", "Müller-Lüdenscheidt, Eva",
            "R2-D9, Bot", "R2-D10, Bot", "Ünal, Çelik", "Vries, Karel de", "Zwart, Zoë", "Иванова, Ольга",
        ]);
        for name in ["Groep 10", "groep 2", "Groep 1", "Groep 1/2", "Élan", "ELF", "_intern", "'s Avonds", "Zang"] {
            world.group(name);
        }
        let found = world.data("{ groups(first: 100) { edges { node { name } } } }", json!({}));
        let names: Vec<String> = found["groups"]["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["name"])).collect();
        assert_eq!(names, ["Élan", "ELF", "Groep 1", "Groep 1/2", "groep 2", "Groep 10", "_intern", "'s Avonds", "Zang"]);
        let backwards = world.data("{ groups(last: 3, orderBy: { field: NAME, direction: DESC }) { edges { node { name } } } }", json!({}));
        let names: Vec<String> = backwards["groups"]["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["name"])).collect();
        assert_eq!(names, ["Groep 1", "ELF", "Élan"]);
    }

    fn a_renamed_participant_moves_in_the_lists_of_members(world) {
        let group = world.group("A");
        let [anna, bert, cora] = [("Anna", "Aalbers"), ("Bert", "Bakker"), ("Cora", "Cremer")].map(|(given, family)| world.person(given, family));
        world.add(&group, &[&anna, &bert, &cora], "2026-01-01");
        let order = || {
            let query = "query($id: ID!) { group(id: $id) {
                effectiveMembers { edges { node { id } } }
                memberships(orderBy: { field: PARTICIPANT_NAME }) { edges { node { id participant { id } } } } } }";
            let found = world.data(query, json!({ "id": group }));
            let direct = found["group"]["memberships"]["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["participant"]["id"])).collect::<Vec<_>>();
            assert_eq!(ids(&found["group"]["effectiveMembers"]), direct);
            direct
        };
        assert_eq!(order(), [anna.clone(), bert.clone(), cora.clone()]);
        let renamed = json!({ "participantId": anna, "details": { "person": { "familyName": "Zwart" } } });
        world.done("updateParticipant", "participant { id }", renamed);
        assert_eq!(order(), [bert, cora, anna]);
        let stale = "SELECT COUNT(*) FROM memberships m JOIN participants p ON p.id = m.participant_id WHERE p.sort_key <> m.member_key";
        assert_eq!(count(world, stale), 0);
    }

    fn thirty_additions_at_once_make_one_membership(world) {
        let group = world.group("A");
        let jan = world.person("Jan", "Jansen");
        let input = json!({ "groupId": group, "participantIds": [jan], "startDate": "2026-01-01" });
        let payloads = together(30, |_| payload(world, "addMemberships", "AddMembershipsInput", "added alreadyMember", input.clone()));
        assert_eq!(payloads.iter().filter(|payload| payload["added"] == json!(1)).count(), 1, "{payloads:?}");
        for payload in payloads.iter().filter(|payload| payload["added"] != json!(1)) {
            let already = payload["alreadyMember"] == json!(1) && codes(payload).is_empty();
            assert!(already || codes(payload) == ["OVERLAPPING_PERIOD"] || codes(payload) == ["CONFLICT"], "{payload}");
        }
        assert_eq!(world.rows("memberships"), 1);
        assert_eq!(count(world, "SELECT COUNT(*) FROM history WHERE entity = 'MEMBERSHIP'"), 1);
    }

    fn g4_compositions_at_once_never_close_a_circle(world) {
        let groups = ["A", "B", "C"].map(|name| world.group(name));
        for round in 0..50 {
            let ring = if round % 2 == 0 { 2 } else { 3 };
            let payloads = together(ring, |n| components(world, &groups[n], &[&groups[(n + 1) % ring]]));
            let refused = payloads.iter().filter(|payload| !codes(payload).is_empty()).count();
            assert!(refused > 0, "round {round}: {payloads:?}");
            assert!(payloads.iter().flat_map(codes).all(|code| code == "CYCLE_DETECTED" || code == "CONFLICT"), "{payloads:?}");
            assert!(!has_circle(world), "round {round}");
            for group in &groups {
                assert!(codes(&components(world, group, &[])).is_empty());
            }
        }
    }

    fn g4_sources_and_restrictions_at_once_never_close_a_circle(world) {
        let groups = ["A", "B", "C"].map(|name| world.group_with(None, json!({ "name": name, "subscriptionGroup": true })));
        for round in 0..20 {
            let field = if round % 2 == 0 { "sourceGroupId" } else { "restrictedToId" };
            let point = |n: usize, to: Option<&String>| {
                let mut settings = json!({});
                settings[field] = json!(to);
                let input = json!({ "groupId": groups[n], "settings": settings });
                payload(world, "updateGroup", "UpdateGroupInput", "group { id }", input)
            };
            let ring = 2 + round / 2 % 2;
            let payloads = together(ring, |n| point(n, Some(&groups[(n + 1) % ring])));
            let refused: Vec<String> = payloads.iter().flat_map(codes).collect();
            assert!(!refused.is_empty(), "round {round}: {payloads:?}");
            assert!(refused.iter().all(|code| code == "CYCLE_DETECTED"), "round {round}: {payloads:?}");
            for n in 0..groups.len() {
                assert!(codes(&point(n, None)).is_empty());
            }
        }
    }

    fn a_source_and_a_component_at_once_never_close_a_circle(world) {
        let [a, b] = ["A", "B"].map(|name| world.group(name));
        for round in 0..20 {
            let payloads = together(2, |n| {
                if n == 0 {
                    return components(world, &a, &[&b]);
                }
                let input = json!({ "groupId": b, "settings": { "sourceGroupId": a } });
                payload(world, "updateGroup", "UpdateGroupInput", "group { id }", input)
            });
            assert!(payloads.iter().any(|payload| !codes(payload).is_empty()), "round {round}: {payloads:?}");
            components(world, &a, &[]);
            world.done("updateGroup", "group { id }", json!({ "groupId": b, "settings": { "sourceGroupId": null } }));
        }
    }

    fn s4_a_repeated_mutation_is_carried_out_once(world) {
        let group = world.group("A");
        let created = together(THREADS, |_| {
            let input = json!({ "settings": { "name": "Once" }, "clientMutationId": "create" });
            payload(world, "createGroup", "CreateGroupInput", "group { id } clientMutationId", input)
        });
        assert!(created.iter().all(|payload| payload == &created[0] && payload["group"]["id"].is_string()), "{created:?}");
        assert_eq!(world.rows("groups"), 2);
        let changed = together(THREADS, |_| {
            let input = json!({ "groupId": group, "settings": { "name": "Changed" }, "clientMutationId": "update" });
            payload(world, "updateGroup", "UpdateGroupInput", "group { id name updatedAt } clientMutationId", input)
        });
        assert!(changed.iter().all(|payload| payload == &changed[0] && payload["group"]["name"] == "Changed"), "{changed:?}");
        assert_eq!(count(world, "SELECT COUNT(*) FROM history WHERE action = 'UPDATED'"), 1);
        let jan = world.person("Jan", "Jansen");
        let added = together(THREADS, |_| {
            let input = json!({ "groupId": group, "participantIds": [jan], "clientMutationId": "add" });
            payload(world, "addMemberships", "AddMembershipsInput", "added memberships { edges { node { id } } }", input)
        });
        assert!(added.iter().all(|payload| payload == &added[0] && payload["added"] == json!(1)), "{added:?}");
        // The same identifier for different requests: one of them is first, the others are told.
        let named = together(THREADS, |n| {
            let input = json!({ "name": format!("Category {n}"), "clientMutationId": "category" });
            payload(world, "createGroupCategory", "CreateGroupCategoryInput", "groupCategory { name }", input)
        });
        let made = named.iter().filter(|payload| payload["groupCategory"].is_object()).count();
        let told = named.iter().filter(|payload| codes(payload) == ["CLIENT_MUTATION_ID_REUSED"]).count();
        assert_eq!((made, told), (1, THREADS - 1), "{named:?}");
    }

    fn random_changes_at_once_neither_fail_nor_break_a_rule(world) {
        let groups: Vec<String> = (0..8).map(|n| world.group(&format!("Group {n}"))).collect();
        let people: Vec<String> = (0..6).map(|n| world.person(&format!("Person {n}"), "Jansen")).collect();
        let until = Instant::now() + Duration::from_secs(4);
        let done = together(THREADS, |n| {
            let mut dice = Dice(u64::try_from(n).unwrap() + 1);
            let mut done: BTreeMap<&str, i64> = BTreeMap::new();
            let mut own: Vec<String> = Vec::new();
            let mut round = 0;
            while Instant::now() < until {
                round += 1;
                let group = &groups[dice.throw(groups.len())];
                let other = &groups[dice.throw(groups.len())];
                let person = &people[dice.throw(people.len())];
                let (what, payload) = match dice.throw(6) {
                    0 => {
                        let mut settings = json!({ "name": format!("Name {n} {round}") });
                        if dice.throw(2) == 0 {
                            settings["sourceGroupId"] = if dice.throw(3) == 0 { Value::Null } else { json!(other) };
                        }
                        let input = json!({ "groupId": group, "settings": settings });
                        ("renamed", payload(world, "updateGroup", "UpdateGroupInput", "group { id }", input))
                    }
                    1 => {
                        let third = &groups[dice.throw(groups.len())];
                        let of: Vec<&str> = BTreeSet::from([other.as_str(), third.as_str()]).into_iter().take(dice.throw(3)).collect();
                        ("composed", components(world, group, &of))
                    }
                    2 => ("closed", payload(world, "deleteGroup", "GroupInput", "deletedId", json!({ "groupId": group }))),
                    3 => {
                        let all: Vec<&str> = if dice.throw(2) == 0 { people.iter().map(String::as_str).collect() } else { vec![person] };
                        let input = json!({ "groupId": group, "participantIds": all, "startDate": "2026-01-01", "allowPartial": true });
                        let payload = payload(world, "addMemberships", "AddMembershipsInput", "added memberships(first: 10) { edges { node { id } } }", input);
                        *done.entry("memberships").or_default() += payload["added"].as_i64().unwrap_or_default();
                        own.extend(ids(&payload["memberships"]));
                        ("added", payload)
                    }
                    _ => {
                        let Some(membership) = own.pop() else { continue };
                        let input = json!({ "membershipId": membership, "endDate": "2026-02-01", "endReasonCode": "LEFT" });
                        ("ended", payload(world, "endMembership", "EndMembershipInput", "membership { id }", input))
                    }
                };
                let known = ["CYCLE_DETECTED", "CONFLICT", "NOT_FOUND", "IN_USE", "OVERLAPPING_PERIOD", "INVALID_VALUE"];
                assert!(codes(&payload).iter().all(|code| known.contains(&code.as_str())), "{what}: {payload}");
                if codes(&payload).is_empty() {
                    *done.entry(what).or_default() += 1;
                }
            }
            done
        });
        let sum = |what: &str| done.iter().map(|done| done.get(what).copied().unwrap_or_default()).sum::<i64>();
        let history = |condition: &str| count(world, &format!("SELECT COUNT(*) FROM history WHERE {condition}"));
        assert!(["renamed", "composed", "added", "ended"].iter().all(|what| sum(what) > 0), "{done:?}");
        // Memberships that followed from sources are counted apart: these are the ones that were made here.
        assert_eq!(count(world, "SELECT COUNT(*) FROM memberships WHERE origin = 'MANUAL'"), sum("memberships"));
        assert_eq!(history("entity = 'MEMBERSHIP' AND action = 'CREATED'"), world.rows("memberships"));
        let left = "entity = 'MEMBERSHIP' AND action = 'ENDED' AND changes LIKE '%\"LEFT\"%'";
        assert_eq!(history(left), sum("ended"));
        assert_eq!(history("entity = 'GROUP' AND action = 'UPDATED' AND changes LIKE '%\"name\"%'"), sum("renamed"));
        assert_eq!(history("entity = 'GROUP' AND action = 'DELETED'"), i64::try_from(groups.len()).unwrap() - world.rows("groups"));
        assert_eq!(count(world, "SELECT COUNT(*) FROM memberships WHERE end_date IS NOT NULL AND origin = 'MANUAL'"), sum("ended"));
        assert_eq!(count(world, OVERLAPS), 0);
        assert!(!has_circle(world));
    }

    fn an_answer_shows_one_state_of_the_database(world) {
        let [here, there] = ["Here", "There"].map(|name| world.group(name));
        let [jan, piet] = ["Jan", "Piet"].map(|name| world.person(name, "Jansen"));
        world.add(&here, &[&jan, &piet], "2026-01-01");
        let whole = world.group("Whole");
        world.compose(&whole, "ANY", &[(&here, "INCLUDE"), (&there, "INCLUDE")]);
        let query = "query($here: ID!, $there: ID!, $whole: ID!) {
            here: group(id: $here) { memberCount memberships { totalCount edges { node { participant { id } } } } }
            whole: group(id: $whole) { effectiveMemberCount effectiveMembers { edges { node { id } } } }
            viewer { today }
            there: group(id: $there) { memberCount memberships { totalCount edges { node { participant { id } } } } } }";
        let variables = json!({ "here": here, "there": there, "whole": whole });
        let until = Instant::now() + Duration::from_secs(2);
        let read = || {
            let found = world.data(query, variables.clone());
            let count = |group: &str, of: fn(&Value) -> &Value| of(&found[group]).as_i64().unwrap();
            let members = |group: &str| found[group]["memberships"]["edges"].as_array().unwrap().len();
            assert_eq!(count("here", |group| &group["memberCount"]) + count("there", |group| &group["memberCount"]), 2, "{found}");
            assert_eq!(count("here", |group| &group["memberships"]["totalCount"]) + count("there", |group| &group["memberships"]["totalCount"]), 2, "{found}");
            assert_eq!(members("here") + members("there"), 2, "{found}");
            assert_eq!(count("whole", |group| &group["effectiveMemberCount"]), 2, "{found}");
        };
        let stop = AtomicBool::new(false);
        let moves = thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut moves = 0;
                while !stop.load(Ordering::Relaxed) {
                    let to = if moves % 2 == 0 { &there } else { &here };
                    write(world, &format!("UPDATE memberships SET group_id = {} WHERE participant_id = {}", key(to), key(&jan)));
                    moves += 1;
                }
                moves
            });
            let readers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        while Instant::now() < until {
                            read();
                        }
                    })
                })
                .collect();
            let told: Vec<_> = readers.into_iter().map(thread::ScopedJoinHandle::join).collect();
            stop.store(true, Ordering::Relaxed);
            let moves = writer.join().unwrap();
            for outcome in told {
                outcome.unwrap();
            }
            moves
        });
        assert!(moves > 10, "{moves}");
    }

    fn processes_that_migrate_at_once_apply_each_migration_once(world) {
        let empty = Empty::like(world);
        let outputs = together(4, |_| {
            Command::new(env!("CARGO_BIN_EXE_kring")).arg("migrate").env("DATABASE_URL", &empty.url).output().unwrap()
        });
        let said: Vec<String> = outputs.iter().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).collect();
        for output in &outputs {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(said.iter().filter(|said| said.contains("migrations applied")).count(), 1, "{said:?}");
        let threads = together(4, |_| Db::open(&Options { readers: 1, ..Options::new(empty.url.clone()) }).unwrap().migrate().unwrap());
        assert_eq!(threads, vec![Vec::<String>::new(); 4]);
        let db = Db::open(&Options { readers: 1, ..Options::new(empty.url.clone()) }).unwrap();
        assert_eq!(db.health().unwrap(), Health::Ready);
        let reasons = db.read(|conn| Ok(Sql::new("SELECT COUNT(*) FROM start_reasons").first::<BigInt, i64>(conn)?)).unwrap();
        assert_eq!(reasons, Some(world.rows("start_reasons")));
        drop(db);
        empty.drop_from(world);
    }
}

/// A schema as lines of text: columns, keys, references and indexes.
type Schema = BTreeSet<String>;

fn rows<St, Row>(world: &World, query: &str) -> Vec<Row>
where
    for<'q> kring::db::sql::Typed<St>: diesel::query_dsl::LoadQuery<'q, diesel::SqliteConnection, Row>
        + diesel::query_dsl::LoadQuery<'q, diesel::PgConnection, Row>,
{
    world.db.read(|conn| Ok(Sql::new(query.to_owned()).load::<St, Row>(conn)?)).unwrap()
}

/// The databases write the same definition with other parentheses, spaces and quotes.
fn bare(definition: &str) -> String {
    let (_, rest) = definition.split_once(" ON ").unwrap();
    let rest =
        rest.replace("USING btree", "").replace("::bigint", "").replace("::text", "").replace("COALESCE", "coalesce");
    let words = rest.replace(['(', ')', '"'], " ").replace(',', " ");
    let words: Vec<&str> = words.split_whitespace().map(|word| word.rsplit('.').next().unwrap()).collect();
    words.join(" ")
}

/// A type as both databases mean it.
fn meaning(type_name: &str) -> &'static str {
    match type_name.to_ascii_lowercase().as_str() {
        "integer" | "bigint" | "boolean" => "number",
        "text" | "date" | "timestamp without time zone" => "text",
        other => panic!("a type without counterpart: {other}"),
    }
}

fn of_sqlite(world: &World) -> Schema {
    let tables = "m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\'";
    let mut schema = Schema::new();
    let columns = rows::<(Text, Text, Text, BigInt, BigInt), (String, String, String, i64, i64)>(
        world,
        &format!(
            "SELECT m.name, c.name, c.type, c.\"notnull\", c.pk FROM sqlite_master m, pragma_table_xinfo(m.name) c WHERE {tables} ORDER BY m.name, c.pk"
        ),
    );
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column, type_name, required, key) in columns {
        // An INTEGER PRIMARY KEY is never null, whether the table says so or not.
        let null = if required == 1 || key > 0 { "not null" } else { "null" };
        schema.insert(format!("column {table}.{column} {} {null}", meaning(&type_name)));
        if key > 0 {
            keys.entry(table).or_default().push(column);
        }
    }
    schema.extend(keys.iter().map(|(table, columns)| format!("key {table} {}", columns.join(" "))));
    let constraints = rows::<(Text, Text), (String, String)>(
        world,
        &format!(
            "SELECT m.name, (SELECT group_concat(name, ' ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) \
         FROM sqlite_master m, pragma_index_list(m.name) i WHERE {tables} AND i.origin = 'u'"
        ),
    );
    schema.extend(constraints.iter().map(|(table, columns)| format!("unique {table} {columns}")));
    let indexes = rows::<(Text, Text), (String, String)>(
        world,
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    );
    schema.extend(indexes.iter().map(|(name, sql)| format!("index {name} {} {}", sql.contains("UNIQUE"), bare(sql))));
    let references = rows::<(Text, Text, Text, Text, Text, Text), (String, String, String, String, String, String)>(
        world,
        &format!(
            "SELECT m.name, group_concat(f.\"from\", ' '), f.\"table\", group_concat(f.\"to\", ' '), f.on_update, f.on_delete \
         FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE {tables} GROUP BY m.name, f.id"
        ),
    );
    for (table, from, to_table, to, update, delete) in references {
        schema.insert(format!("reference {table} {from} to {to_table} {to} on update {update} on delete {delete}"));
    }
    schema
}

fn of_postgres(world: &World) -> Schema {
    let mut schema = Schema::new();
    let columns = rows::<(Text, Text, Text, Text), (String, String, String, String)>(
        world,
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text FROM information_schema.columns \
         WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_\\_%'",
    );
    for (table, column, type_name, nullable) in columns {
        let null = if nullable == "YES" { "null" } else { "not null" };
        schema.insert(format!("column {table}.{column} {} {null}", meaning(&type_name)));
    }
    let names = "(SELECT string_agg(a.attname::text, ' ' ORDER BY k.n) FROM unnest(c.KEYS) WITH ORDINALITY k (key, n) \
        JOIN pg_attribute a ON a.attrelid = c.OWNER AND a.attnum = k.key)";
    let of = |keys: &str, owner: &str| names.replace("KEYS", keys).replace("OWNER", owner);
    let constraints = rows::<
        (Text, Text, Text, Nullable<Text>, Nullable<Text>, Text, Text),
        (String, String, String, Option<String>, Option<String>, String, String),
    >(
        world,
        &format!(
            "SELECT c.contype::text, t.relname::text, {}, f.relname::text, {}, c.confupdtype::text, c.confdeltype::text \
         FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid LEFT JOIN pg_class f ON f.oid = c.confrelid \
         WHERE t.relnamespace = current_schema()::regnamespace AND c.contype IN ('p', 'u', 'f') AND t.relname NOT LIKE '\\_\\_%'",
            of("conkey", "conrelid"),
            of("confkey", "confrelid")
        ),
    );
    let action = |letter: &str| match letter {
        "c" => "CASCADE",
        "a" => "NO ACTION",
        other => panic!("an action without counterpart: {other}"),
    };
    for (kind, table, columns, to_table, to, update, delete) in constraints {
        schema.insert(match kind.as_str() {
            "p" => format!("key {table} {columns}"),
            "u" => format!("unique {table} {columns}"),
            _ => {
                let (to_table, to) = (to_table.unwrap(), to.unwrap());
                format!(
                    "reference {table} {columns} to {to_table} {to} on update {} on delete {}",
                    action(&update),
                    action(&delete)
                )
            }
        });
    }
    let indexes = rows::<(Text, Text), (String, String)>(
        world,
        "SELECT i.indexname::text, i.indexdef FROM pg_indexes i WHERE i.schemaname = current_schema() AND NOT EXISTS \
         (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname AND c.connamespace = current_schema()::regnamespace)",
    );
    let own = indexes.iter().filter(|(_, definition)| !definition.contains("__diesel"));
    schema.extend(
        own.map(|(name, definition)| format!("index {name} {} {}", definition.contains("UNIQUE"), bare(definition))),
    );
    schema
}

fn both_databases_have_the_same_schema() {
    let (sqlite, postgres) = (of_sqlite(&World::sqlite()), of_postgres(&World::postgres()));
    assert!(sqlite.len() > 100, "{sqlite:?}");
    let only = |a: &Schema, b: &Schema| a.difference(b).cloned().collect::<Vec<_>>().join("\n  ");
    let (left, right) = (only(&sqlite, &postgres), only(&postgres, &sqlite));
    assert!(left.is_empty() && right.is_empty(), "only on SQLite:\n  {left}\nonly on PostgreSQL:\n  {right}");
}

inventory::submit! {
    Single {
        name: "it::backends::both_databases_have_the_same_schema",
        run: both_databases_have_the_same_schema,
        missing: || std::env::var_os("KRING_TEST_POSTGRES").is_none_or(|url| url.is_empty()),
    }
}
