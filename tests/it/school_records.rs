//! Records of pupils: absence reports, leave requests and lunch stays; who makes them, who reads them, and that nothing
//! of them outlives them.

mod sense;

use std::collections::BTreeSet;

use chrono::{NaiveDate, TimeZone, Utc};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use kring::access::Role;
use kring::db::Sql;
use kring::id::{self, Kind};
use kring::school::erasure::store::{erase, tallies};
use kring::school::records::RecordKind;
use kring::school::year::SchoolYear;
use serde_json::{Value, json};

use crate::content::{School, person};
use crate::harness::{World, both, ids, once, text};
use crate::rounds::{Family, codes, families, together};

const OPERATIONS: &str = include_str!("operations/school_records.graphql");

const ABSENCE: &str = "absenceReport { id date reason schoolYear participantName madeByName createdAt group { id } participant { id } } deletedId";
const LEAVE: &str = "leaveRequest { id from until reason status decisionNote decidedByName decidedAt schoolYear participantName madeByName createdAt group { id } participant { id } }";
const STAY: &str =
    "lunchStay { id date schoolYear participantName madeByName createdAt group { id } participant { id } } deletedId";

/// The present day; the school year goes from 1 August 2026 to 31 July 2027.
const TODAY: &str = "2026-09-15";

fn absence(school: &School, date: &str) -> Value {
    json!({ "participantId": school.child, "groupId": school.class, "date": date, "reason": "Griep" })
}

fn leave(school: &School, from: &str, until: &str) -> Value {
    json!({ "participantId": school.child, "groupId": school.class, "from": from, "until": until, "reason": "Bruiloft" })
}

fn stay(school: &School, date: &str) -> Value {
    json!({ "participantId": school.child, "groupId": school.class, "date": date })
}

fn with(mut input: Value, field: &str, value: Value) -> Value {
    input[field] = value;
    input
}

/// The keys of a record of each kind of the child, made by the mother.
fn one_of_each(world: &World, school: &School) -> [String; 3] {
    let mother = person(world, &school.mother);
    [
        text(&world.done_as(&mother, "reportAbsence", ABSENCE, absence(school, TODAY))["absenceReport"]["id"]),
        text(
            &world.done_as(&mother, "requestLeave", LEAVE, leave(school, "2026-10-01", "2026-10-02"))["leaveRequest"]["id"],
        ),
        text(&world.done_as(&mother, "registerLunchStay", STAY, stay(school, TODAY))["lunchStay"]["id"]),
    ]
}

fn decide(world: &World, token: &str, request: &Value, decision: &str) -> Value {
    let input = json!({ "leaveRequestId": request["id"], "decision": decision });
    world.done_as(token, "decideLeaveRequest", LEAVE, input)["leaveRequest"].take()
}

/// Codes with the field that each is at.
fn refusals(world: &World, token: Option<&str>, mutation: &str, input: &Value) -> Vec<(String, String)> {
    let mut payload = answer(world, token, mutation, input);
    let errors = payload["data"][mutation]["userErrors"].take();
    let errors = errors.as_array().unwrap_or_else(|| panic!("{mutation}: {payload}"));
    let field = |error: &Value| text(error["field"].as_array().unwrap().last().unwrap());
    errors.iter().map(|error| (text(&error["code"]), field(error))).collect()
}

/// Everything that a mutation is answered with.
fn answer(world: &World, token: Option<&str>, mutation: &str, input: &Value) -> Value {
    let (first, rest) = mutation.split_at(1);
    let query = format!(
        "mutation($input: {}{rest}Input!) {{ {mutation}(input: $input) {{ userErrors {{ code message field }} }} }}",
        first.to_uppercase()
    );
    world.ask_as(token, &query, json!({ "input": input }))
}

const LISTS: &str = "query($g: ID!, $ids: [ID!]!) { group(id: $g) { \
    absenceReports(first: 100) { totalCount pageInfo { startCursor endCursor } edges { cursor node { id } } } \
    leaveRequests(first: 100) { totalCount pageInfo { startCursor endCursor } edges { cursor node { id } } } \
    lunchStays(first: 100) { totalCount pageInfo { startCursor endCursor } edges { cursor node { id } } } } \
    counted: group(id: $g) { absenceReports { totalCount } leaveRequests { totalCount } lunchStays { totalCount } } \
    nodes(ids: $ids) { id } }";
const LIST_NAMES: [&str; 3] = ["absenceReports", "leaveRequests", "lunchStays"];

/// The records that a viewer gets at, after checking that lists, counts, cursors and look-ups of these agree.
fn seen(world: &World, token: &str, group: &str, these: &[String]) -> BTreeSet<String> {
    let found = world.data_as(token, LISTS, json!({ "g": group, "ids": these }));
    let mut listed = BTreeSet::new();
    for name in LIST_NAMES.iter().filter(|_| !found["group"].is_null()) {
        let list = &found["group"][name];
        let here = ids(list);
        assert_eq!(list["totalCount"], json!(here.len()), "{name}");
        assert_eq!(found["counted"][name]["totalCount"], json!(here.len()), "{name}");
        assert_eq!(list["pageInfo"]["endCursor"].is_null(), here.is_empty(), "{name}");
        listed.extend(here);
    }
    for (id, node) in these.iter().zip(found["nodes"].as_array().unwrap()) {
        let single =
            world.data_as(token, "query($id: ID!) { node(id: $id) { id } }", json!({ "id": id }))["node"].take();
        assert_eq!([!node.is_null(), !single.is_null()], [listed.contains(id); 2]);
    }
    listed
}

/// All text of tables that are kept when records are erased.
fn lasting_text(world: &World) -> String {
    use diesel::sql_types::Text;
    world
        .db
        .read(|conn| {
            let history = Sql::new("SELECT concat(actor_name, ' ', entity, ' ', changes) FROM history");
            let repeated = Sql::new(
                "SELECT concat(actor, ' ', client_mutation_id, ' ', request, ' ', outcome) FROM client_mutations",
            );
            let mut all = history.load::<Text, String>(conn)?;
            all.extend(repeated.load::<Text, String>(conn)?);
            Ok(all.join("\n"))
        })
        .unwrap()
}

/// Somebody with a leading role in a group in a period.
fn leader(world: &World, school: &School, group: &str, from: &str, until: Option<&str>) -> String {
    let id = world.person_of(Some(&school.organization), "Leider", group);
    let input = json!({ "groupId": group, "participantIds": [id], "startDate": from, "role": "LEADER" });
    let made = world.done("addMemberships", "memberships { edges { node { id } } }", input);
    if let Some(until) = until {
        world.end(&ids(&made["memberships"])[0], until);
    }
    person(world, &id)
}

/// Who is tried out: name, token, whether they read, whether they make records, whether they decide.
type Viewer = (&'static str, Option<String>, bool, bool, bool);

fn viewers(world: &World, school: &School, mate: &Family) -> Vec<Viewer> {
    let elsewhere = world.organization("De Els");
    let other_class = world.group_with(Some(&school.organization), json!({ "name": "Groep 3" }));
    let staff =
        |participant: Option<&str>, organization: &str| world.token(Role::Staff, participant, Some(organization));
    let lead = |group: &str, from: &str, until: Option<&str>| leader(world, school, group, from, until);
    let directory = world.person("Lid", "Berk");
    world.add(&school.class, &[&directory], "2026-08-01");
    world.done(
        "updateGroup",
        "group { id }",
        json!({ "groupId": school.class, "settings": { "memberDirectory": true } }),
    );
    vec![
        ("administrator", Some(world.administrator()), true, true, true),
        ("membership administrator", Some(school.administrator(world)), true, true, true),
        ("staff", Some(school.staff(world)), true, true, true),
        (
            "teacher of the class who is staff",
            Some(staff(Some(&school.teacher), &school.organization)),
            true,
            true,
            true,
        ),
        ("guardian", Some(person(world, &school.mother)), true, true, false),
        ("guardian who works elsewhere", Some(staff(Some(&school.mother), &elsewhere)), true, true, false),
        ("leader of the class", Some(person(world, &school.teacher)), true, false, false),
        ("leader of the class since today", Some(lead(&school.class, TODAY, None)), true, false, false),
        ("leader of the class until today", Some(lead(&school.class, "2026-08-01", Some(TODAY))), false, false, false),
        ("leader of the class from tomorrow", Some(lead(&school.class, "2026-09-16", None)), false, false, false),
        ("leader of another class", Some(lead(&other_class, "2026-08-01", None)), false, false, false),
        ("leader of the whole", Some(lead(&school.whole, "2026-08-01", None)), false, false, false),
        (
            "membership administrator elsewhere",
            Some(world.token(Role::MembershipAdministrator, None, Some(&elsewhere))),
            false,
            false,
            false,
        ),
        ("staff elsewhere", Some(staff(None, &elsewhere)), false, false, false),
        ("guardian of a mate", Some(mate.token.clone()), false, false, false),
        ("the child", Some(person(world, &school.child)), false, false, false),
        ("a mate", Some(person(world, &mate.child)), false, false, false),
        ("a member in the directory", Some(person(world, &directory)), false, false, false),
        ("a stranger", Some(person(world, &school.stranger)), false, false, false),
        ("anonymous", None, false, false, false),
    ]
}

/// What changes or deletes each of the records.
fn changes([absence, leave, stay]: &[String; 3]) -> [(&'static str, &'static str, Value); 4] {
    [
        ("withdrawAbsenceReport", "absenceReportId", json!({ "absenceReportId": absence })),
        ("withdrawLeaveRequest", "leaveRequestId", json!({ "leaveRequestId": leave })),
        ("decideLeaveRequest", "leaveRequestId", json!({ "leaveRequestId": leave, "decision": "GRANTED" })),
        ("cancelLunchStay", "lunchStayId", json!({ "lunchStayId": stay })),
    ]
}

fn makings(school: &School) -> [(&'static str, Value); 3] {
    [
        ("reportAbsence", absence(school, "2026-11-02")),
        ("requestLeave", leave(school, "2026-11-02", "2026-11-02")),
        ("registerLunchStay", stay(school, "2026-11-02")),
    ]
}

fn numbers(world: &World) -> [i64; 3] {
    ["absence_reports", "leave_requests", "lunch_stays"].map(|table| world.rows(table))
}

both! {
    fn the_documents_that_clients_send(world) {
        let school = School::new(world);
        let mother = person(world, &school.mother);
        let send = |token: &str, operation: &str, variables: Value| {
            let body = json!({ "query": OPERATIONS, "operationName": operation, "variables": variables }).to_string();
            let (_, answer) = crate::harness::RUNTIME.block_on(world.send(World::post(Some(token), body)));
            let mut answer: Value = serde_json::from_str(&answer).unwrap();
            assert!(answer.get("errors").is_none(), "{answer:#}");
            answer["data"].take()
        };
        let made = send(&mother, "ReportAbsence", json!({ "input": absence(&school, TODAY) }))["reportAbsence"].take();
        let report = &made["absenceReport"];
        assert_eq!(made, json!({ "userErrors": [], "absenceReport": { "id": report["id"], "date": TODAY, "reason": "Griep",
            "group": { "id": school.class }, "participant": { "id": school.child } } }));
        let made = send(&mother, "RequestLeave", json!({ "input": leave(&school, "2026-10-01", "2026-10-02") }))["requestLeave"].take();
        let request = &made["leaveRequest"];
        assert_eq!(made, json!({ "userErrors": [], "leaveRequest": { "id": request["id"], "from": "2026-10-01", "until": "2026-10-02",
            "reason": "Bruiloft", "status": "REQUESTED" } }));
        let made = send(&mother, "RegisterLunchStay", json!({ "input": stay(&school, TODAY) }))["registerLunchStay"].take();
        assert_eq!(made, json!({ "userErrors": [], "lunchStay": { "id": made["lunchStay"]["id"], "date": TODAY } }));
        for token in [&mother, &school.staff(world)] {
            let found = send(token, "SchoolRecords", json!({ "id": school.class }))["group"].take();
            let one = |id: &Value| json!({ "totalCount": 1, "edges": [{ "node": { "id": id } }] });
            assert_eq!(found, json!({ "absenceReports": one(&report["id"]), "leaveRequests": one(&request["id"]), "lunchStays": one(&made["lunchStay"]["id"]) }));
        }
    }

    fn an_absence_is_reported_once_a_day_and_withdrawn_without_a_trace(world) {
        let school = School::new(world);
        let (mother, clerk) = (person(world, &school.mother), school.staff(world));
        let report = world.done_as(&mother, "reportAbsence", ABSENCE, with(absence(&school, TODAY), "reason", json!("  Griep\n")))["absenceReport"].take();
        assert_eq!(report, json!({ "id": report["id"], "date": TODAY, "reason": "Griep", "schoolYear": "2026-2027", "participantName": "Kind Wilg",
            "madeByName": "Tester", "createdAt": "2026-09-15T10:00:00Z", "group": { "id": school.class }, "participant": { "id": school.child } }));
        for token in [&mother, &clerk] {
            assert_eq!(refusals(world, Some(token), "reportAbsence", &absence(&school, TODAY)), [("ALREADY_REPORTED".to_owned(), "date".to_owned())]);
        }
        let long = with(absence(&school, TODAY), "reason", json!("x".repeat(10_001)));
        assert_eq!(world.refused_as(&mother, "reportAbsence", long), ["INVALID_VALUE", "ALREADY_REPORTED"]);
        // Without a reason, or with nothing but white space.
        for (date, reason) in [("2026-09-16", Value::Null), ("2026-09-17", json!(" "))] {
            let made = world.done_as(&clerk, "reportAbsence", ABSENCE, with(absence(&school, date), "reason", reason));
            assert_eq!(made["absenceReport"]["reason"], Value::Null);
        }
        let gone = world.done_as(&mother, "withdrawAbsenceReport", ABSENCE, json!({ "absenceReportId": report["id"] }));
        assert_eq!((&gone["deletedId"], &gone["absenceReport"]), (&report["id"], &Value::Null));
        assert_eq!(world.refused_as(&mother, "withdrawAbsenceReport", json!({ "absenceReportId": report["id"] })), ["NOT_FOUND"]);
        assert_eq!(world.rows("absence_reports"), 2);
        // It can be reported again, and staff withdraws what a guardian reported.
        let again = world.done_as(&mother, "reportAbsence", ABSENCE, absence(&school, TODAY))["absenceReport"].take();
        world.done_as(&clerk, "withdrawAbsenceReport", ABSENCE, json!({ "absenceReportId": again["id"] }));
        assert_eq!(world.rows("absence_reports"), 2);
    }

    fn a_lunch_stay_is_registered_once_a_day_and_cancelled(world) {
        let school = School::new(world);
        let mother = person(world, &school.mother);
        let made = world.done_as(&mother, "registerLunchStay", STAY, stay(&school, TODAY))["lunchStay"].take();
        assert_eq!(made, json!({ "id": made["id"], "date": TODAY, "schoolYear": "2026-2027", "participantName": "Kind Wilg", "madeByName": "Tester",
            "createdAt": "2026-09-15T10:00:00Z", "group": { "id": school.class }, "participant": { "id": school.child } }));
        assert_eq!(refusals(world, Some(&mother), "registerLunchStay", &stay(&school, TODAY)), [("ALREADY_REGISTERED".to_owned(), "date".to_owned())]);
        let gone = world.done_as(&school.staff(world), "cancelLunchStay", STAY, json!({ "lunchStayId": made["id"] }));
        assert_eq!(gone["deletedId"], made["id"]);
        assert_eq!(world.refused_as(&mother, "cancelLunchStay", json!({ "lunchStayId": made["id"] })), ["NOT_FOUND"]);
        world.done_as(&mother, "registerLunchStay", STAY, stay(&school, TODAY));
        assert_eq!(world.rows("lunch_stays"), 1);
    }

    fn records_are_of_a_member_on_a_day_of_the_present_school_year(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let mother = person(&world, &school.mother);
        world.end(&school.membership, "2027-07-01");
        let kinds: [(&str, &str, &dyn Fn(&str) -> Value); 3] = [
            ("reportAbsence", "date", &|day| absence(&school, day)),
            ("requestLeave", "from", &|day| leave(&school, day, day)),
            ("registerLunchStay", "date", &|day| stay(&school, day)),
        ];
        for (mutation, field, input) in kinds {
            let refused = |day: &str| refusals(&world, Some(&mother), mutation, &input(day));
            let invalid = ("INVALID_DATE".to_owned(), field.to_owned());
            let no_member = ("NOT_A_MEMBER".to_owned(), "groupId".to_owned());
            assert_eq!(refused("2026-09-01"), []);
            assert_eq!(refused("2027-06-30"), []);
            assert_eq!(refused("2027-07-01"), [no_member.clone()], "the first day on which the membership is over");
            assert_eq!(refused("2027-07-30"), [no_member.clone()]);
            for day in ["2026-07-31", "2027-08-01", "0001-01-01", "9999-12-31"] {
                let found = refused(day);
                assert!(found.contains(&invalid), "{mutation} {day}: {found:?}");
                assert!(found.iter().all(|refusal| *refusal == invalid || *refusal == no_member || refusal.1 == "until"), "{found:?}");
            }
        }
        world.add(&school.class, &[&school.child], "2027-07-20");
        // The year is that of today.
        world.turn_clock(Utc.with_ymd_and_hms(2027, 8, 2, 10, 0, 0).unwrap(), chrono_tz::Europe::Amsterdam);
        let token = world.keys.sign(id::decode_as(Kind::Participant, &school.mother), &[(Role::Participant, None)], "Moeder",
            Utc.with_ymd_and_hms(2027, 8, 2, 9, 0, 0).unwrap(), chrono::Duration::hours(2)).unwrap();
        assert_eq!(refusals(&world, Some(&token), "reportAbsence", &absence(&school, "2027-07-31")), [("INVALID_DATE".to_owned(), "date".to_owned())]);
        let made = world.done_as(&token, "reportAbsence", ABSENCE, absence(&school, "2027-08-02"))["absenceReport"].take();
        assert_eq!((&made["schoolYear"], &made["madeByName"]), (&json!("2027-2028"), &json!("Moeder")));
    }

    fn what_is_unknown_or_out_of_reach_is_named(world) {
        let school = School::new(world);
        let mate = families(world, &school, 1).remove(0);
        let other_class = world.group_with(Some(&school.organization), json!({ "name": "Groep 3" }));
        let open = world.group_with(None, json!({ "name": "Nieuws", "subscriptionGroup": true, "visibleOnPortal": true }));
        let annulled = world.add(&other_class, &[&school.child], "2026-08-01").remove(0);
        world.done("annulMembership", "membership { id }", json!({ "membershipId": annulled }));
        let (mother, clerk) = (person(world, &school.mother), school.staff(world));
        let never = [id::encode(Kind::Group, 999_999), id::encode(Kind::Participant, 999_999)];
        let refusal = |code: &str, field: &str| vec![(code.to_owned(), field.to_owned())];
        for (mutation, input) in makings(&school) {
            let in_group = |token: &str, group: &str| refusals(world, Some(token), mutation, &with(input.clone(), "groupId", json!(group)));
            let of = |token: &str, whom: &str| refusals(world, Some(token), mutation, &with(input.clone(), "participantId", json!(whom)));
            // To a guardian a class that neither they nor their children have been in does not exist.
            for group in [&other_class, &never[0]] {
                assert_eq!(in_group(&mother, group), refusal("NOT_FOUND", "groupId"));
            }
            // The child belongs to the whole only through the class, and to what is open to everybody not at all.
            for group in [&school.whole, &open] {
                assert_eq!(in_group(&mother, group), refusal("NOT_A_MEMBER", "groupId"));
            }
            for whom in [&mate.child, &school.mother, &school.stranger, &never[1]] {
                assert_eq!(of(&mother, whom), refusal("FORBIDDEN", "participantId"));
            }
            assert_eq!(in_group(&clerk, &never[0]), refusal("NOT_FOUND", "groupId"));
            assert_eq!(in_group(&clerk, &open), refusal("NOT_FOUND", "groupId"));
            for group in [&other_class, &school.whole] {
                assert_eq!(in_group(&clerk, group), refusal("NOT_A_MEMBER", "groupId"));
            }
            for whom in [&school.stranger, &never[1]] {
                assert_eq!(of(&clerk, whom), refusal("NOT_FOUND", "participantId"));
            }
            // Leaders are members too.
            assert_eq!(of(&clerk, &school.teacher), []);
            for (field, value) in [("groupId", &school.child), ("participantId", &school.class)] {
                let wrong = answer(world, Some(&mother), mutation, &with(input.clone(), field, json!(value)));
                assert_eq!(wrong["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
            }
        }
        assert_eq!(numbers(world), [1, 1, 1]);
    }

    fn leave_lies_within_one_school_year_and_overlaps_no_other(world) {
        let school = School::new(world);
        let (mother, clerk) = (person(world, &school.mother), school.staff(world));
        let refused = |from: &str, until: &str| refusals(world, Some(&mother), "requestLeave", &leave(&school, from, until));
        let refusal = |code: &str, field: &str| vec![(code.to_owned(), field.to_owned())];
        assert_eq!(refused("2026-10-02", "2026-10-01"), refusal("INVALID_DATE", "until"));
        assert_eq!(refused("2027-07-31", "2027-08-01"), refusal("INVALID_DATE", "until"));
        assert_eq!(refusals(world, Some(&mother), "requestLeave", &with(leave(&school, TODAY, TODAY), "reason", json!(" "))), refusal("REQUIRED", "reason"));
        let long = with(leave(&school, TODAY, TODAY), "reason", json!("x".repeat(10_001)));
        assert_eq!(refusals(world, Some(&mother), "requestLeave", &long), refusal("INVALID_VALUE", "reason"));
        assert_eq!(world.rows("leave_requests"), 0);
        let ask = |from: &str, until: &str| world.done_as(&mother, "requestLeave", LEAVE, leave(&school, from, until))["leaveRequest"].take();
        let first = ask("2026-10-05", "2026-10-09");
        assert_eq!((&first["schoolYear"], &first["status"], &first["decidedAt"], &first["decidedByName"]), (&json!("2026-2027"), &json!("REQUESTED"), &Value::Null, &Value::Null));
        let overlaps = [("2026-10-01", "2026-10-05"), ("2026-10-09", "2026-10-12"), ("2026-10-06", "2026-10-07"), ("2026-10-01", "2026-10-31"), ("2026-10-05", "2026-10-09")];
        for (from, until) in overlaps {
            assert_eq!(refused(from, until), refusal("ALREADY_REQUESTED", "from"));
        }
        ask("2026-10-01", "2026-10-04");
        ask("2026-10-10", "2026-10-12");
        // Another pupil, and the same pupil in another group, are another matter.
        let mate = families(world, &school, 1).remove(0);
        world.done_as(&mate.token, "requestLeave", LEAVE, with(leave(&school, "2026-10-05", "2026-10-09"), "participantId", json!(mate.child)));
        let choir = world.group_with(Some(&school.organization), json!({ "name": "Koor" }));
        world.add(&choir, &[&school.child], "2026-08-01");
        world.done_as(&mother, "requestLeave", LEAVE, with(leave(&school, "2026-10-05", "2026-10-09"), "groupId", json!(choir)));
        // What was refused or withdrawn does not count, and what was granted does.
        assert_eq!(decide(world, &clerk, &first, "GRANTED")["status"], "GRANTED");
        assert_eq!(refused("2026-10-07", "2026-10-07"), refusal("ALREADY_REQUESTED", "from"));
        decide(world, &clerk, &first, "REFUSED");
        let second = ask("2026-10-07", "2026-10-07");
        // Since then other leave stands on one of these days.
        let again = json!({ "leaveRequestId": first["id"], "decision": "GRANTED" });
        assert_eq!(refusals(world, Some(&clerk), "decideLeaveRequest", &again), refusal("ALREADY_REQUESTED", "leaveRequestId"));
        world.done_as(&mother, "withdrawLeaveRequest", LEAVE, json!({ "leaveRequestId": second["id"] }));
        assert_eq!(decide(world, &clerk, &first, "GRANTED")["status"], "GRANTED");
    }

    fn a_leave_request_is_decided_on_decided_again_and_withdrawn(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let (mother, clerk, teacher) = (person(&world, &school.mother), school.administrator(&world), person(&world, &school.teacher));
        let request = world.done_as(&mother, "requestLeave", LEAVE, leave(&school, "2026-10-05", "2026-10-09"))["leaveRequest"].take();
        let input = |decision: &str, note: Value| json!({ "leaveRequestId": request["id"], "decision": decision, "note": note });
        for token in [&mother, &teacher] {
            assert_eq!(refusals(&world, Some(token), "decideLeaveRequest", &input("GRANTED", Value::Null)), [("FORBIDDEN".to_owned(), "leaveRequestId".to_owned())]);
        }
        assert_eq!(world.refused_as(&clerk, "decideLeaveRequest", input("REFUSED", json!("x".repeat(10_001)))), ["INVALID_VALUE"]);
        let refused = world.done_as(&clerk, "decideLeaveRequest", LEAVE, input("REFUSED", json!(" Toetsweek ")))["leaveRequest"].take();
        assert_eq!([&refused["status"], &refused["decisionNote"], &refused["decidedByName"], &refused["decidedAt"]],
            [&json!("REFUSED"), &json!("Toetsweek"), &json!("Tester"), &json!("2026-09-15T10:00:00Z")]);
        let withdrawal = json!({ "leaveRequestId": request["id"] });
        assert_eq!(world.refused_as(&mother, "withdrawLeaveRequest", withdrawal.clone()), ["ALREADY_REFUSED"]);
        let granted = world.done_as(&clerk, "decideLeaveRequest", LEAVE, input("GRANTED", Value::Null))["leaveRequest"].take();
        assert_eq!((&granted["status"], &granted["decisionNote"]), (&json!("GRANTED"), &Value::Null));
        assert_eq!(world.refused_as(&teacher, "withdrawLeaveRequest", withdrawal.clone()), ["FORBIDDEN"]);
        let gone = world.done_as(&mother, "withdrawLeaveRequest", LEAVE, withdrawal.clone())["leaveRequest"].take();
        assert_eq!(gone["status"], "WITHDRAWN");
        assert_eq!(world.refused_as(&mother, "withdrawLeaveRequest", withdrawal), ["ALREADY_WITHDRAWN"]);
        assert_eq!(world.refused_as(&clerk, "decideLeaveRequest", input("GRANTED", Value::Null)), ["ALREADY_WITHDRAWN"]);
        // Until its last day it can be withdrawn, and not on the day after.
        let [today, over] = [("2026-09-14", TODAY), ("2026-09-10", "2026-09-11")].map(|(from, until)|
            world.done_as(&mother, "requestLeave", LEAVE, leave(&school, from, until))["leaveRequest"].take());
        assert_eq!(world.refused_as(&mother, "withdrawLeaveRequest", json!({ "leaveRequestId": over["id"] })), ["NO_LONGER_OPEN"]);
        world.turn_clock(Utc.with_ymd_and_hms(2026, 9, 15, 21, 59, 0).unwrap(), chrono_tz::Europe::Amsterdam);
        let late = |hour: u32| world.keys.sign(None, &[(Role::Administrator, None)], "Laat", Utc.with_ymd_and_hms(2026, 9, 15, hour, 0, 0).unwrap(), chrono::Duration::hours(3)).unwrap();
        world.done_as(&late(20), "withdrawLeaveRequest", LEAVE, json!({ "leaveRequestId": today["id"] }));
    }

    fn who_reads_makes_and_decides(world) {
        let school = School::new(world);
        let mate = families(world, &school, 1).remove(0);
        let all = one_of_each(world, &school);
        for (name, token, reads, makes, decides) in viewers(world, &school, &mate) {
            let before = numbers(world);
            let Some(token) = token else {
                let found = world.ask_as(None, "query($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { id } node(id: $id) { id } }", json!({ "ids": all, "id": all[0] }));
                assert_eq!(found["data"], json!({ "nodes": [null, null, null], "node": null }));
                for (mutation, input) in makings(&school).into_iter().chain(changes(&all).into_iter().map(|(name, _, input)| (name, input))) {
                    assert_eq!(answer(world, None, mutation, &input)["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{mutation}");
                }
                continue;
            };
            let found = seen(world, &token, &school.class, &all);
            assert!(if reads { all.iter().all(|id| found.contains(id)) } else { found.is_empty() }, "{name}: {found:?}");
            for (mutation, input) in makings(&school) {
                let found = refusals(world, Some(&token), mutation, &input);
                if makes {
                    assert_eq!(found, [], "{name}: {mutation}");
                } else {
                    assert!(matches!(found.as_slice(), [(code, _)] if code == "FORBIDDEN" || code == "NOT_FOUND"), "{name}: {mutation}: {found:?}");
                }
            }
            if makes {
                // Take them away again, which is part of what is tried out.
                let found = world.data_as(&token, LISTS, json!({ "g": school.class, "ids": [] }))["group"].take();
                let latest = LIST_NAMES.map(|list| ids(&found[list])[0].clone());
                assert!(latest.iter().all(|id| !all.contains(id)));
                for (mutation, _, input) in changes(&latest) {
                    let expected = if mutation == "decideLeaveRequest" && decides { "ALREADY_WITHDRAWN" } else { "FORBIDDEN" };
                    let found = refusals(world, Some(&token), mutation, &input);
                    assert!(if mutation == "decideLeaveRequest" { found[0].0 == expected } else { found.is_empty() }, "{name}: {mutation}: {found:?}");
                }
                assert_eq!(numbers(world), [before[0], before[1] + 1, before[2]]);
                continue;
            }
            assert!(!decides);
            for (mutation, field, input) in changes(&all) {
                let code = if reads { "FORBIDDEN" } else { "NOT_FOUND" };
                assert_eq!(refusals(world, Some(&token), mutation, &input), [(code.to_owned(), field.to_owned())], "{name}: {mutation}");
            }
            assert_eq!(numbers(world), before, "{name}");
        }
        // Whoever is no guardian any more reads nothing any more.
        let mother = person(world, &school.mother);
        world.done("removeGuardian", "child { id }", json!({ "childId": school.child, "guardianId": school.mother }));
        assert_eq!(seen(world, &mother, &school.class, &all), BTreeSet::new());
    }

    /// A guardian sees the own child's records only, in every list and count, and links to what is out of sight are null.
    fn each_family_reads_its_own_and_no_other(world) {
        let school = School::new(world);
        let all = families(world, &school, 3);
        for family in &all {
            for day in ["2026-09-01", "2026-09-02"] {
                world.done_as(&family.token, "registerLunchStay", STAY, with(stay(&school, day), "participantId", json!(family.child)));
            }
        }
        let query = "query($g: ID!, $p: ID) { group(id: $g) { lunchStays(first: 1, participantId: $p) { totalCount pageInfo { hasNextPage } edges { node { participantName participant { id } group { id } } } } } }";
        for (n, family) in all.iter().enumerate() {
            let list = |of: Option<&str>| world.data_as(&family.token, query, json!({ "g": school.class, "p": of }))["group"]["lunchStays"].take();
            let own = list(None);
            assert_eq!((&own["totalCount"], &own["pageInfo"]["hasNextPage"]), (&json!(2), &json!(true)));
            assert_eq!(own["edges"][0]["node"], json!({ "participantName": format!("Kind{n} Berk"), "participant": { "id": family.child }, "group": { "id": school.class } }));
            assert_eq!(list(Some(&family.child)), own);
            let other = list(Some(&all[(n + 1) % 3].child));
            assert_eq!((&other["totalCount"], &other["pageInfo"]["hasNextPage"], &other["edges"]), (&json!(0), &json!(false), &json!([])));
        }
        // The class is no directory: its leader is told the name and no more.
        let told = world.data_as(&person(world, &school.teacher), query, json!({ "g": school.class }))["group"]["lunchStays"].take();
        assert_eq!((&told["totalCount"], &told["edges"][0]["node"]["participantName"], &told["edges"][0]["node"]["participant"]),
            (&json!(6), &json!("Kind2 Berk"), &Value::Null));
    }

    /// K3: what may not be seen is answered as what was never there.
    fn k3_what_may_not_be_seen_does_not_exist(world) {
        let school = School::new(world);
        let mate = families(world, &school, 1).remove(0);
        let all = one_of_each(world, &school);
        let never = [Kind::AbsenceReport, Kind::LeaveRequest, Kind::LunchStay].map(|kind| id::encode(kind, 999_999));
        let elsewhere = world.organization("De Els");
        let foreign_class = world.group_with(Some(&elsewhere), json!({ "name": "Groep 1" }));
        let foreign_child = world.person_of(Some(&elsewhere), "Kind", "Els");
        world.add(&foreign_class, &[&foreign_child], "2026-08-01");
        let [no_class, no_child] = [id::encode(Kind::Group, 999_999), id::encode(Kind::Participant, 999_999)];
        for (name, token, reads, ..) in viewers(world, &school, &mate) {
            let token = token.as_deref();
            if !reads {
                for ((mutation, _, input), (.., of_nothing)) in changes(&all).into_iter().zip(changes(&never)) {
                    assert_eq!(answer(world, token, mutation, &input), answer(world, token, mutation, &of_nothing), "{name}: {mutation}");
                }
                let nodes = |ids: &[String; 3]| world.ask_as(token, "query($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { id } node(id: $id) { id } }", json!({ "ids": ids, "id": ids[0] }));
                assert_eq!(nodes(&all), nodes(&never), "{name}");
            }
            if name.starts_with("administrator") {
                continue;
            }
            let of_elsewhere = name.ends_with("elsewhere");
            for (mutation, input) in makings(&school) {
                let tried = |class: &str, child: &str| answer(world, token, mutation, &with(with(input.clone(), "groupId", json!(class)), "participantId", json!(child)));
                assert_eq!(tried(&school.class, &foreign_child), tried(&school.class, &no_child), "{name}: {mutation}");
                if !of_elsewhere {
                    assert_eq!(tried(&foreign_class, &foreign_child), tried(&no_class, &foreign_child), "{name}: {mutation}");
                    assert_eq!(tried(&foreign_class, &school.child), tried(&no_class, &school.child), "{name}: {mutation}");
                }
            }
        }
    }

    fn pages_go_on_where_they_ended_and_days_narrow_them_down(world) {
        let school = School::new(world);
        let (mother, clerk) = (person(world, &school.mother), school.staff(world));
        let mate = families(world, &school, 1).remove(0);
        let days = ["2026-09-03", "2026-09-01", "2026-09-02"];
        let mut expected = Vec::new();
        for (who, token) in [(&school.child, &mother), (&mate.child, &mate.token)] {
            for day in days {
                let made = world.done_as(token, "reportAbsence", ABSENCE, with(absence(&school, day), "participantId", json!(who)))["absenceReport"].take();
                expected.push((text(&made["date"]), id::decode(&text(&made["id"])).unwrap().1, text(&made["id"])));
            }
        }
        expected.sort();
        expected.reverse();
        let expected: Vec<String> = expected.into_iter().map(|(.., id)| id).collect();
        let query = "query($g: ID!, $first: Int, $after: String, $last: Int, $before: String, $from: Date, $until: Date) { group(id: $g) { \
            absenceReports(first: $first, after: $after, last: $last, before: $before, from: $from, until: $until) { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { id } } } } }";
        let list = |more: Value| world.data_as(&clerk, query, with(more, "g", json!(school.class)))["group"]["absenceReports"].take();
        for (size, cursor, info, more) in [("first", "after", "endCursor", "hasNextPage"), ("last", "before", "startCursor", "hasPreviousPage")] {
            let (mut at, mut found) = (Value::Null, Vec::new());
            loop {
                let page = list(json!({ size: 4, cursor: at }));
                assert_eq!(page["totalCount"], 6);
                let here = ids(&page);
                if size == "first" { found.extend(here) } else { found.splice(0..0, here); }
                at = page["pageInfo"][info].clone();
                if page["pageInfo"][more] == json!(false) {
                    break;
                }
            }
            assert_eq!(found, expected, "{size}");
        }
        for (from, until, number) in [(Some("2026-09-02"), None, 4), (None, Some("2026-09-02"), 4), (Some("2026-09-02"), Some("2026-09-02"), 2),
            (Some("2026-09-03"), Some("2026-09-01"), 0), (Some("0001-01-01"), Some("9999-12-31"), 6), (Some("2027-08-01"), None, 0), (None, Some("2026-07-31"), 0)] {
            let found = list(json!({ "from": from, "until": until }));
            assert_eq!((&found["totalCount"], found["edges"].as_array().unwrap().len()), (&json!(number), number), "{from:?} {until:?}");
        }
        // A cursor is of one list.
        let cursor = list(json!({ "first": 1 }))["pageInfo"]["endCursor"].take();
        let other = world.ask_as(Some(&clerk), "query($g: ID!, $after: String) { group(id: $g) { lunchStays(after: $after) { edges { node { id } } } } }", json!({ "g": school.class, "after": cursor }));
        assert_eq!(other["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
        // Leave is found by every day that it lasts, and by where it stands.
        let ask = |from: &str, until: &str| world.done_as(&mother, "requestLeave", LEAVE, leave(&school, from, until))["leaveRequest"].take();
        let [autumn, spring] = [ask("2026-10-05", "2026-10-09"), ask("2027-03-01", "2027-03-05")];
        decide(world, &clerk, &spring, "GRANTED");
        let query = "query($g: ID!, $from: Date, $until: Date, $status: LeaveRequestStatus) { group(id: $g) { leaveRequests(from: $from, until: $until, status: $status) { totalCount edges { node { id } } } } }";
        for (filter, found) in [
            (json!({}), vec![&spring, &autumn]), (json!({ "from": "2026-10-09", "until": "2026-10-09" }), vec![&autumn]),
            (json!({ "from": "2026-10-07", "until": "2026-10-07" }), vec![&autumn]), (json!({ "from": "2026-10-10" }), vec![&spring]),
            (json!({ "until": "2026-10-04" }), vec![]), (json!({ "until": "2026-10-05" }), vec![&autumn]),
            (json!({ "status": "GRANTED" }), vec![&spring]), (json!({ "status": "REQUESTED" }), vec![&autumn]), (json!({ "status": "REFUSED" }), vec![]),
        ] {
            let list = world.data_as(&clerk, query, with(filter.clone(), "g", json!(school.class)))["group"]["leaveRequests"].take();
            assert_eq!((ids(&list), &list["totalCount"]), (found.iter().map(|leave| text(&leave["id"])).collect(), &json!(found.len())), "{filter}");
        }
    }

    fn many_groups_take_as_many_statements_as_one(world) {
        let school = School::new(world);
        let mother = person(world, &school.mother);
        let fill = |number: usize| {
            for _ in 0..number {
                let group = world.group_with(Some(&school.organization), json!({ "name": "Groep" }));
                world.add(&group, &[&school.child], "2026-08-01");
                let leading = json!({ "groupId": group, "participantIds": [school.teacher], "startDate": "2026-08-01", "role": "LEADER" });
                world.done("addMemberships", "added", leading);
                for day in ["2026-09-01", "2026-09-02", "2026-09-03"] {
                    for (mutation, input) in [("reportAbsence", absence(&school, day)), ("requestLeave", leave(&school, day, day)), ("registerLunchStay", stay(&school, day))] {
                        world.done_as(&mother, mutation, "clientMutationId", with(input, "groupId", json!(group)));
                    }
                }
            }
        };
        let list = "(first: 2) { totalCount pageInfo { endCursor } edges { cursor node { id schoolYear participantName group { name } participant { displayName } } } }";
        let query = format!("{{ groups(first: 50) {{ edges {{ node {{ name absenceReports{list} leaveRequests{list} lunchStays{list} }} }} }} }}");
        let tokens = [world.administrator(), school.staff(world), mother.clone(), person(world, &school.teacher)];
        let spent = || tokens.iter().map(|token| {
            world.data_as(token, &query, json!({}));
            let before = world.db.statements();
            world.data_as(token, &query, json!({}));
            world.db.statements() - before
        }).collect::<Vec<u64>>();
        fill(1);
        let one = spent();
        fill(19);
        assert_eq!(spent(), one);
        assert!(one.iter().all(|statements| *statements <= 21), "{one:?}");
        // What is not asked for is not counted.
        let before = world.db.statements();
        world.data_as(&tokens[1], "{ groups(first: 50) { edges { node { lunchStays(first: 2) { edges { node { id } } } } } } }", json!({}));
        let rows = world.db.statements() - before;
        world.data_as(&tokens[1], "{ groups(first: 50) { edges { node { lunchStays(first: 2) { totalCount edges { node { id } } } } } } }", json!({}));
        assert_eq!(world.db.statements() - before - rows, rows + 1);
    }

    fn thirty_times_the_same_is_made_once(world) {
        let school = School::new(world);
        let mother = person(world, &school.mother);
        for (mutation, input, refusal) in [
            ("reportAbsence", absence(&school, TODAY), "ALREADY_REPORTED"), ("registerLunchStay", stay(&school, TODAY), "ALREADY_REGISTERED"),
            ("requestLeave", leave(&school, TODAY, TODAY), "ALREADY_REQUESTED"),
        ] {
            let outcomes = together(30, |_| codes(&answer(world, Some(&mother), mutation, &input)["data"][mutation]));
            assert_eq!(outcomes.iter().filter(|codes| codes.is_empty()).count(), 1, "{mutation}");
            assert_eq!(outcomes.iter().filter(|codes| **codes == [refusal]).count(), 29, "{mutation}: {outcomes:?}");
        }
        assert_eq!(numbers(world), [1, 1, 1]);
    }

    fn of_overlapping_leave_asked_for_at_once_one_stands(world) {
        let school = School::new(world);
        let mother = person(world, &school.mother);
        // Each shares a day with its neighbours; what is left must be free of overlaps and leave no room.
        let day = |n: usize| NaiveDate::from_ymd_opt(2026, 10, 1).unwrap() + chrono::Days::new(u64::try_from(n).unwrap());
        let outcomes = together(20, |n| {
            let input = leave(&school, &day(2 * n).to_string(), &day(2 * n + 2).to_string());
            codes(&answer(world, Some(&mother), "requestLeave", &input)["data"]["requestLeave"])
        });
        let made: Vec<usize> = (0..20).filter(|n| outcomes[*n].is_empty()).collect();
        assert!(outcomes.iter().all(|codes| codes.is_empty() || *codes == ["ALREADY_REQUESTED"]), "{outcomes:?}");
        assert!(made.windows(2).all(|pair| (2..=3).contains(&(pair[1] - pair[0]))), "{made:?}");
        assert!(made[0] <= 1 && *made.last().unwrap() >= 18, "{made:?}");
        assert_eq!(numbers(world), [0, i64::try_from(made.len()).unwrap(), 0]);
    }

    /// Deciding on one request and making another that overlaps it, at once: never do both stand.
    fn a_refused_request_is_not_granted_beside_another(world) {
        let school = School::new(world);
        let (mother, clerk) = (person(world, &school.mother), school.staff(world));
        for n in 1..=10 {
            let input = leave(&school, &format!("2026-10-{:02}", 3 * n - 2), &format!("2026-10-{:02}", 3 * n));
            let refused = world.done_as(&mother, "requestLeave", LEAVE, input.clone())["leaveRequest"].take();
            decide(world, &clerk, &refused, "REFUSED");
            let grant = json!({ "leaveRequestId": refused["id"], "decision": "GRANTED" });
            let outcomes = together(2, |who| match who {
                0 => codes(&answer(world, Some(&clerk), "decideLeaveRequest", &grant)["data"]["decideLeaveRequest"]),
                _ => codes(&answer(world, Some(&mother), "requestLeave", &input)["data"]["requestLeave"]),
            });
            assert_eq!(outcomes.iter().filter(|codes| codes.is_empty()).count(), 1, "{outcomes:?}");
        }
    }

    /// While the groups are locked, as the transition to the next school year locks them, no record is made; afterwards
    /// the memberships count as that left them.
    fn nothing_is_made_while_the_group_is_locked(world) {
        let school = School::new(world);
        let (mother, clerk) = (person(world, &school.mother), school.staff(world));
        let all = one_of_each(world, &school);
        let (class, membership) = (id::decode(&school.class).unwrap().1, id::decode(&school.membership).unwrap().1);
        let locked = std::sync::Barrier::new(2);
        let (found, left) = std::thread::scope(|scope| {
            let transition = scope.spawn(|| {
                world.db.write(|conn| {
                    kring::groups::store::lock(conn, class)?;
                    locked.wait();
                    std::thread::sleep(std::time::Duration::from_millis(300));
                    let ended = "UPDATE memberships SET end_date = '2026-09-01', end_reason_id = (SELECT MIN(id) FROM end_reasons) WHERE id = ";
                    Sql::new(ended).int(membership).execute(conn)?;
                    let year = SchoolYear::new(2026).unwrap();
                    Ok(erase(conn, &[class], year, NaiveDate::from_ymd_opt(2027, 8, 1).unwrap())?.len())
                }).unwrap()
            });
            locked.wait();
            let tries: Vec<_> = makings(&school).into_iter().chain(changes(&all).into_iter().map(|(mutation, _, input)| (mutation, input))).collect();
            let tries: Vec<_> = tries.into_iter().map(|(mutation, input)| {
                let token = if mutation == "decideLeaveRequest" { &clerk } else { &mother };
                scope.spawn(move || codes(&answer(world, Some(token), mutation, &input)["data"][mutation]))
            }).collect();
            (tries.into_iter().map(|it| it.join().unwrap()).collect::<Vec<_>>(), transition.join().unwrap())
        });
        assert_eq!(left, 3);
        let expected = ["NOT_A_MEMBER", "NOT_A_MEMBER", "NOT_A_MEMBER", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"].map(|code| vec![code.to_owned()]);
        assert_eq!(found, expected);
        assert_eq!(numbers(world), [0, 0, 0]);
    }

    /// Records are erased with their school year: nothing that stays may tell what was in them.
    fn nothing_of_a_record_is_anywhere_else(world) {
        let school = School::new(world);
        let (mother, clerk) = (person(world, &school.mother), school.staff(world));
        let history = world.rows("history");
        let mine = |input: Value, n: i64| with(input, "clientMutationId", json!(format!("m-{n}")));
        let report = mine(with(absence(&school, TODAY), "reason", json!("Waterpokken")), 1);
        let made = world.done_as(&mother, "reportAbsence", ABSENCE, report.clone());
        // The same request again is answered as it was the first time.
        assert_eq!(world.done_as(&mother, "reportAbsence", ABSENCE, report.clone()), made);
        assert_eq!(world.refused_as(&mother, "reportAbsence", with(report.clone(), "reason", json!("Mazelen"))), ["CLIENT_MUTATION_ID_REUSED"]);
        let asked = world.done_as(&mother, "requestLeave", LEAVE, mine(with(leave(&school, TODAY, TODAY), "reason", json!("Bruiloft van tante")), 2));
        let request = asked["leaveRequest"]["id"].clone();
        world.done_as(&clerk, "decideLeaveRequest", LEAVE, mine(json!({ "leaveRequestId": request, "decision": "REFUSED", "note": "Toetsweek" }), 3));
        world.done_as(&clerk, "decideLeaveRequest", LEAVE, mine(json!({ "leaveRequestId": request, "decision": "GRANTED", "note": "Vooruit dan" }), 4));
        world.done_as(&mother, "withdrawLeaveRequest", LEAVE, mine(json!({ "leaveRequestId": request }), 5));
        let stayed = world.done_as(&mother, "registerLunchStay", STAY, mine(stay(&school, "2026-09-21"), 6));
        world.done_as(&mother, "cancelLunchStay", STAY, mine(json!({ "lunchStayId": stayed["lunchStay"]["id"] }), 7));
        world.done_as(&mother, "withdrawAbsenceReport", ABSENCE, mine(json!({ "absenceReportId": made["absenceReport"]["id"] }), 8));
        assert_eq!(world.rows("history"), history);
        let lasting = lasting_text(world);
        assert!(lasting.contains("m-8"));
        for word in ["Waterpokken", "Mazelen", "Bruiloft", "Toetsweek", "Vooruit", "2026-09-21"] {
            assert!(!lasting.contains(word), "{word}");
        }
        // What was answered first is remembered by key, so that of a report that is gone nothing is told.
        let again = world.done_as(&mother, "reportAbsence", ABSENCE, report);
        assert_eq!((&again["absenceReport"], world.rows("absence_reports")), (&Value::Null, 0));
    }

    fn the_transition_counts_and_erases_the_year_that_ends_and_no_more(world) {
        let school = School::new(world);
        let other = world.group_with(Some(&school.organization), json!({ "name": "Koor" }));
        let key = |id: &str| id::decode(id).unwrap().1;
        let groups = [key(&school.class), key(&other)];
        let (year, effective) = (SchoolYear::new(2025).unwrap(), NaiveDate::from_ymd_opt(2026, 8, 24).unwrap());
        // Of an earlier year, the year that ends, days of the next one before and from the effective date on.
        let days = ["2025-07-31", "2025-08-01", "2026-07-31", "2026-08-01", "2026-08-23", "2026-08-24", "2026-09-01"];
        let fill = |group: i64| {
            world.db.write(|conn| {
                for day in days {
                    let first = SchoolYear::of(day.parse().unwrap()).first();
                    for (table, columns, values) in [("absence_reports", "date", ""), ("leave_requests", "from_date, until_date, reason", ", '2030-01-01', 'x'"), ("lunch_stays", "date", "")] {
                        let sql = format!("INSERT INTO {table} (participant_id, group_id, school_year, made_by_name, created_at, {columns}) \
                            VALUES ({}, {group}, {first}, 'x', '2025-01-01 00:00:00', '{day}'{values})", key(&school.child));
                        Sql::new(sql).execute(conn)?;
                    }
                }
                Ok(())
            }).unwrap();
        };
        groups.iter().for_each(|group| fill(*group));
        let count = |groups: &[i64]| world.db.read(|conn| tallies(conn, groups, year, effective)).unwrap();
        let before = count(&groups);
        assert_eq!(before.len(), 6);
        assert!(before.iter().all(|tally| (tally.number, tally.earlier, tally.later) == (4, 1, 2)), "{before:?}");
        assert_eq!(count(&groups[..1]), before.iter().filter(|tally| tally.group_id == groups[0]).copied().collect::<Vec<_>>());
        // The figure is another one when others are erased, be they as many.
        let swap = "UPDATE absence_reports SET school_year = CASE date WHEN '2025-07-31' THEN 2025 ELSE 2024 END WHERE date IN ('2025-07-31', '2026-07-31') AND group_id = ";
        world.db.write(|conn| Ok(Sql::new(swap).int(groups[0]).execute(conn)?)).unwrap();
        let after = count(&groups);
        let changed: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).map(|(_, after)| *after).collect();
        assert_eq!(changed.iter().map(|tally| (tally.group_id, tally.kind, tally.number)).collect::<Vec<_>>(), [(groups[0], RecordKind::AbsenceReport, 4)]);
        let erased = world.db.write(|conn| erase(conn, &groups[..1], year, effective)).unwrap();
        let expected = RecordKind::ALL.iter().map(|kind| ((groups[0], *kind), 4)).collect();
        assert_eq!(erased, expected);
        let left = count(&groups);
        assert_eq!(left.iter().map(|tally| (tally.number, tally.earlier, tally.later)).collect::<BTreeSet<_>>(), BTreeSet::from([(0, 1, 2), (4, 1, 2)]));
        assert!(world.db.write(|conn| erase(conn, &groups[..1], year, effective)).unwrap().is_empty());
        assert_eq!(numbers(world), [10, 10, 10]);
    }
}

once! {
    /// On SQLite the file itself holds nothing any more of what was erased.
    fn what_is_erased_is_overwritten() {
        let world = World::sqlite();
        let school = School::new(&world);
        let (child, group) = (id::decode(&school.child).unwrap().1, id::decode(&school.class).unwrap().1);
        let file = world.url().trim_start_matches("sqlite://").to_owned();
        let held = || {
            let mut conn = SqliteConnection::establish(&file).unwrap();
            // As the database does by itself now and then; the next change begins the log anew.
            conn.batch_execute("PRAGMA wal_checkpoint(RESTART)").unwrap();
            world.group("Koor");
            let all = [std::fs::read(&file).unwrap(), std::fs::read(format!("{file}-wal")).unwrap_or_default()].concat();
            all.windows("Waterpokken".len()).filter(|window| *window == b"Waterpokken").count()
        };
        world
            .db
            .write(|conn| {
                let sql = "INSERT INTO absence_reports (participant_id, group_id, school_year, date, reason, made_by_name, created_at) \
                           WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 299) SELECT ";
                let sql = format!("{sql}{child}, {group}, 2025, date('2025-09-01', '+' || i || ' days'), 'Waterpokken', 'x', '2025-01-01' FROM n");
                Ok(Sql::new(sql).execute(conn)?)
            })
            .unwrap();
        assert!(held() >= 300);
        let year = SchoolYear::new(2025).unwrap();
        let erased = world.db.write(|conn| erase(conn, &[group], year, NaiveDate::from_ymd_opt(2026, 8, 24).unwrap())).unwrap();
        assert_eq!(erased.values().sum::<i64>(), 300);
        assert_eq!(held(), 0);
    }
}
