//! What an import keeps and refuses (P6, section 8), on either database.

use std::path::{Path, PathBuf};

use chrono::{NaiveDate, TimeZone, Utc};
use diesel::sql_types::{BigInt, Text};
use kring::access::Viewer;
use kring::access::sight::Sight;
use kring::db::{Conn, Db, Sql};
use kring::error::{Code, Error};
use kring::exchange::bundle::{self, Bundle, Limits, Memory};
use kring::exchange::demo;
use kring::exchange::import::{FAIL_SAFE_FLOOR, Failure, Options, Outcome, Owner, Report, Tally, import};
use kring::groups::Settings;
use kring::groups::composition::{Composition, Mode};
use kring::groups::{NeighbourhoodRole, store as groups};
use kring::members::roll;
use kring::members::store::{self as members, ReasonTable};
use kring::people::filter::ParticipantFilter;
use kring::people::{Gender, store as people};
use kring::scope::{Clock, Scope};

type Files<'f> = &'f [(&'f str, &'f str)];

const PEOPLE: &str = "external_id,kind,given_name,name_prefix,family_name,birth_date,gender";
const GROUPS: &str = "external_id,name,description,category";
const MEMBERS: &str = "group,participant,start_date,start_reason,end_date,end_reason,role";

// --- getting there -------------------------------------------------------------------------------------------------

fn scope_of(viewer: Viewer) -> Scope {
    let now = Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).single().expect("a moment");
    Scope::new(viewer, Clock::Fixed(now), chrono_tz::Europe::Amsterdam)
}

pub fn operator() -> Scope {
    scope_of(Viewer::operator("kring import"))
}

fn read(files: Files<'_>) -> Bundle {
    let files: Memory = files.iter().copied().collect();
    bundle::read_from(&files, &Limits::default()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn small() -> Bundle {
    bundle::read(&folder("tests/bundle/small")).unwrap_or_else(|errors| panic!("{errors}"))
}

fn run_with(db: &Db, bundle: &Bundle, options: &Options) -> Report {
    import(db, &operator(), bundle, options, &mut |_| {}).unwrap_or_else(|failure| panic!("{failure}"))
}

fn run(db: &Db, bundle: &Bundle) -> Report {
    run_with(db, bundle, &Options::default())
}

fn owned_by(external_id: &str) -> Options {
    Options { organization: Some(Owner::ExternalId(external_id.to_owned())), ..Options::default() }
}

/// A file of a header and lines.
fn csv(header: &str, lines: &[&str]) -> String {
    let mut text = header.to_owned();
    for line in lines {
        text.push('\n');
        text.push_str(line);
    }
    text
}

/// The places and codes of a refusal that has left everything as it was.
fn refusal(db: &Db, scope: &Scope, bundle: &Bundle, options: &Options) -> Vec<String> {
    let before = dump(db);
    let outcome = import(db, scope, bundle, options, &mut |_| {});
    assert_eq!(dump(db), before, "nothing of a refused bundle is kept");
    match outcome {
        Err(Failure::Refused(errors)) => {
            errors.errors.iter().map(|error| format!("{} {}", error.at, error.code)).collect()
        }
        other => panic!("not refused: {other:?}"),
    }
}

fn message(db: &Db, files: Files<'_>) -> String {
    match import(db, &operator(), &read(files), &Options::default(), &mut |_| {}) {
        Err(Failure::Refused(errors)) if errors.errors.len() == 1 => errors.errors[0].message.clone(),
        other => panic!("not refused for one reason: {other:?}"),
    }
}

fn texts(db: &Db, sql: &'static str) -> Vec<String> {
    db.read(|conn| Ok(Sql::new(sql).load::<Text, String>(conn)?)).expect("rows")
}

fn number(db: &Db, sql: &'static str) -> i64 {
    db.read(|conn| Ok(Sql::new(sql).first::<BigInt, i64>(conn)?)).expect("a row").expect("a number")
}

fn change(db: &Db, sql: &'static str) {
    let changed = db.write(|conn| Ok(Sql::new(sql).execute(conn)?)).expect("a change");
    assert!(changed > 0, "{sql}");
}

/// The tables that an import writes to, and their columns.
const TABLES: [(&str, &str); 11] = [
    (
        "participants",
        "id external_id kind given_name name_prefix family_name name birth_date gender email phone street house_number \
         postal_code city complex_number dwelling_type organization_id display_name sort_key search_text created_at \
         updated_at",
    ),
    ("residencies", "id participant_id address_id start_date end_date"),
    ("guardianships", "child_id guardian_id"),
    ("group_categories", "id external_id name sort_key"),
    (
        "groups",
        "id external_id name sort_key search_text description category_id organization_id responsible_id composition \
         member_filter start_date completed_on closed visible_on_portal visible_with_contact changeable_on_portal \
         new_member_template neighbourhood_role subscription_group restricted_to_id source_group_id via_home_address \
         analytics_group contribution_group mail_group member_directory year_group created_at updated_at",
    ),
    ("group_components", "composite_id component_id mode position"),
    ("start_reasons", "id code label system retired"),
    ("end_reasons", "id code label system retired"),
    (
        "memberships",
        "id group_id participant_id member_key start_date start_reason_id end_date end_reason_id end_note role origin \
         annulled_at created_at updated_at",
    ),
    ("history", "id at actor_id actor_name action entity entity_id changes"),
    ("composition_revision", "singleton revision"),
];

/// Everything that is stored, row by row.
fn dump(db: &Db) -> Vec<String> {
    let mut rows = Vec::new();
    for (table, columns) in TABLES {
        let columns: Vec<String> =
            columns.split_whitespace().map(|column| format!("coalesce(CAST({column} AS TEXT), '-')")).collect();
        let sql = format!("SELECT '{table} ' || {} AS line FROM {table} ORDER BY line", columns.join(" || ' ' || "));
        rows.extend(db.read(|conn| Ok(Sql::new(sql).load::<Text, String>(conn)?)).expect("rows"));
    }
    rows
}

/// What is stored but for keys, which a rehearsal may use up.
fn counts(db: &Db) -> Vec<i64> {
    TABLES
        .iter()
        .map(|(table, _)| {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            db.read(|conn| Ok(Sql::new(sql).first::<BigInt, i64>(conn)?)).expect("a row").expect("a number")
        })
        .collect()
}

fn created(created: u64) -> Tally {
    Tally { created, ..Tally::default() }
}

fn unchanged(unchanged: u64) -> Tally {
    Tally { unchanged, ..Tally::default() }
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn group_id(conn: &mut Conn, external_id: &str) -> i64 {
    let sql = Sql::new("SELECT id FROM groups WHERE external_id = ").string(external_id);
    sql.first::<BigInt, i64>(conn).expect("a row").expect("a group")
}

fn participant_id(conn: &mut Conn, external_id: &str) -> i64 {
    let sql = Sql::new("SELECT id FROM participants WHERE external_id = ").string(external_id);
    sql.first::<BigInt, i64>(conn).expect("a row").expect("a participant")
}

/// A dynamic group of everybody.
fn make_dynamic(db: &Db, external_id: &str) {
    let settings = Settings {
        external_id: Some(external_id.to_owned()),
        name: external_id.to_owned(),
        member_filter: Some(ParticipantFilter::default()),
        ..Settings::default()
    };
    let written = groups::Written::new(settings, operator().instant()).expect("a filter");
    db.write(|conn| Ok(groups::insert(conn, &written)?)).expect("a group");
}

// --- figures -------------------------------------------------------------------------------------------------------

/// The congress, all of it, from 1955 on.
pub fn the_congress_is_imported_whole_and_once(db: &Db) {
    let folder = folder("../shared/data/congress");
    if !folder.exists() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    let bundle = bundle::read(&folder).unwrap_or_else(|errors| panic!("{errors}"));
    let before = counts(db);
    let rehearsed = run_with(db, &bundle, &Options { dry_run: true, ..Options::default() });
    assert_eq!(counts(db), before, "a dry run changes nothing");
    let report = run(db, &bundle);
    assert_eq!(Report { dry_run: false, ..rehearsed }, report, "a dry run has the figures of the real one");
    assert_eq!(
        [report.categories, report.participants, report.groups, report.components, report.memberships],
        [created(6), created(1138), created(676), created(671), created(31_266)]
    );
    assert_eq!(report.reasons, created(8));
    assert_eq!(report.placeholders.len(), 25);
    assert_eq!(number(db, "SELECT COUNT(*) FROM memberships WHERE end_date IS NULL"), 4987);
    assert_eq!(number(db, "SELECT COUNT(*) FROM groups WHERE closed"), 25);
    let kept = "SELECT COUNT(*) FROM memberships m JOIN groups g ON g.id = m.group_id WHERE g.closed";
    assert_eq!(number(db, kept), 556);
    let noted = "SELECT COUNT(*) FROM history WHERE action = 'CREATED'";
    assert_eq!(number(db, noted), 6 + 1138 + 676 + 25 + 8 + 31_266);

    let stored = dump(db);
    let again = run(db, &bundle);
    assert!(again.is_idle() && again.placeholders.is_empty(), "{again}");
    assert_eq!(again.memberships, unchanged(31_266));
    assert_eq!(dump(db), stored, "importing again changes nothing");
}

/// Every file and every column ends up where it belongs.
pub fn the_small_bundle_is_stored_as_it_is_written(db: &Db) {
    let report = run(db, &small());
    let tallies = [
        report.categories,
        report.participants,
        report.groups,
        report.components,
        report.memberships,
        report.residencies,
        report.guardians,
    ];
    assert_eq!(tallies, [5, 20, 15, 10, 33, 9, 5].map(created));
    db.write(|conn| {
        participants_are_whole(conn)?;
        groups_are_whole(conn)?;
        memberships_are_whole(conn)
    })
    .expect("rows");
    let guardians = "SELECT c.external_id || ' ' || g.external_id AS pair FROM guardianships x \
                     JOIN participants c ON c.id = x.child_id JOIN participants g ON g.id = x.guardian_id ORDER BY pair";
    assert_eq!(texts(db, guardians), ["P11 P01", "P11 P02", "P12 P03", "P13 P04", "P14 P06"]);
    let stays = "SELECT CAST(r.start_date AS TEXT) || ' ' || coalesce(CAST(r.end_date AS TEXT), '') AS stay \
                 FROM residencies r JOIN participants p ON p.id = r.participant_id WHERE p.external_id = 'P03' ORDER BY stay";
    assert_eq!(texts(db, stays), ["2015-06-01 2018-01-01", "2020-01-20 "]);
}

fn participants_are_whole(conn: &mut Conn) -> Result<(), Error> {
    let id = participant_id(conn, "P05");
    let (_, anke) = people::lock(conn, id)?.expect("a person");
    let names =
        [&anke.given_name, &anke.name_prefix, &anke.family_name].map(|name| name.as_deref().unwrap_or_default());
    assert_eq!(names, ["Anke", "van 't", "Hof"]);
    assert_eq!((anke.birth_date, anke.gender), (Some(date("1966-09-09")), Some(Gender::Female)));
    let place = [&anke.street, &anke.house_number, &anke.postal_code, &anke.city, &anke.phone, &anke.email];
    let place = place.map(|text| text.as_deref().unwrap_or("-"));
    assert_eq!(place, ["Beukstraat", "7", "3514 CD", "Utrecht", "030 555 01 05", "-"]);
    let row = people::by_ids(conn, &Sight::unlimited(), false, &[id])?.remove(0);
    assert_eq!(row.display_name, "Anke van 't Hof");
    assert!(row.sort_key.starts_with("hof"), "{}", row.sort_key);
    let id = participant_id(conn, "ADR-LINDE-14");
    let (_, address) = people::lock(conn, id)?.expect("an address");
    assert_eq!(address.complex_number.as_deref(), Some("C-0012"));
    assert_eq!(address.dwelling_type.as_deref(), Some("FLAT"));
    Ok(())
}

fn groups_are_whole(conn: &mut Conn) -> Result<(), Error> {
    let id = group_id(conn, "LINDEBODE");
    let (letter, _) = groups::lock(conn, id)?.expect("a group");
    let members = Some(group_id(conn, "LEDEN"));
    assert_eq!((letter.restricted_to_id, letter.source_group_id), (members, members));
    assert!(letter.subscription_group && letter.visible_on_portal && letter.changeable_on_portal);
    assert!(letter.analytics_group && !letter.contribution_group && !letter.closed);
    assert_eq!(letter.organization_id, Some(participant_id(conn, "ORG-LINDE")));
    assert_eq!(letter.responsible_id, Some(participant_id(conn, "P04")));
    assert_eq!(letter.start_date, Some(date("2005-05-01")));
    let id = group_id(conn, "RONDVRAAG-2019");
    let (done, _) = groups::lock(conn, id)?.expect("a group");
    assert_eq!((done.closed, done.mail_group, done.completed_on), (true, true, Some(date("2019-12-31"))));
    let id = group_id(conn, "PROJECTLEIDERS");
    let (leaders, _) = groups::lock(conn, id)?.expect("a group");
    assert_eq!(leaders.neighbourhood_role, Some(NeighbourhoodRole::ProjectLeader));
    let id = group_id(conn, "GROEP-2");
    let (second, _) = groups::lock(conn, id)?.expect("a group");
    assert_eq!((second.year_group, second.member_directory), (Some(2), true));
    let id = group_id(conn, "COMPLEX-12");
    assert!(groups::lock(conn, id)?.expect("a group").0.via_home_address);

    let composite = group_id(conn, "ACTIEVE-LEDEN");
    let components = [("LEDEN", Mode::Include), ("VRIJWILLIGERS", Mode::Include), ("BESTUUR", Mode::Exclude)];
    let components: Vec<(i64, Mode)> = components.map(|(id, mode)| (group_id(conn, id), mode)).to_vec();
    let compositions = groups::compositions(conn)?;
    let node = compositions.node(composite).expect("a composite");
    assert_eq!((node.composition, &node.components), (Composition::All, &components));
    Ok(())
}

fn memberships_are_whole(conn: &mut Conn) -> Result<(), Error> {
    let sql = "SELECT g.external_id || ' ' || CAST(m.start_date AS TEXT) || ' ' || s.code || ' ' || \
               coalesce(CAST(m.end_date AS TEXT) || ' ' || e.code, 'open') || ' ' || m.role || ' ' || m.origin AS line \
               FROM memberships m JOIN groups g ON g.id = m.group_id JOIN participants p ON p.id = m.participant_id \
               JOIN start_reasons s ON s.id = m.start_reason_id LEFT JOIN end_reasons e ON e.id = m.end_reason_id \
               WHERE p.external_id = 'P15' ORDER BY line";
    assert_eq!(
        Sql::new(sql).load::<Text, String>(conn)?,
        [
            "BESTUUR 2005-01-01 ELECTED 2010-01-01 TERM_ENDED LEADER IMPORT",
            "LEDEN 1999-07-01 SIGNED_UP 2022-11-20 DECEASED MEMBER IMPORT",
        ]
    );
    let labels = members::reasons(conn, ReasonTable::End, None)?;
    let label = labels.iter().find(|reason| reason.code == "TERM_ENDED").expect("a reason");
    assert_eq!((label.label.as_str(), label.system, label.retired), ("Term ended", false, false));
    let sql = Sql::new(
        "SELECT COUNT(*) FROM memberships m JOIN participants p ON p.id = m.participant_id \
                        WHERE m.member_key <> p.sort_key",
    );
    assert_eq!(sql.first::<BigInt, i64>(conn)?, Some(0), "members are ordered by their names");
    Ok(())
}

/// Importing again, with a rehearsal before it, writes nothing: no row, no history, no revision.
pub fn importing_again_changes_nothing(db: &Db) {
    let bundle = small();
    let rehearsed = run_with(db, &bundle, &Options { dry_run: true, ..Options::default() });
    assert!(rehearsed.dry_run && rehearsed.to_string().starts_with("dry run"), "{rehearsed}");
    assert_eq!(number(db, "SELECT COUNT(*) FROM participants"), 0);
    let report = run(db, &bundle);
    assert_eq!(Report { dry_run: false, ..rehearsed }, report);
    let stored = dump(db);
    let again = run(db, &bundle);
    assert!(again.is_idle(), "{again}");
    assert_eq!((again.memberships, again.components, again.guardians), (unchanged(33), unchanged(10), unchanged(5)));
    assert_eq!(dump(db), stored);
}

/// The report says what became of each row, by file and line.
pub fn a_report_has_every_row_when_asked(db: &Db) {
    run(db, &small());
    let people = csv(PEOPLE, &["P10,PERSON,Sanne,van,Horst,1990-05-05,FEMALE", "N1,PERSON,Nieuw,,Komer,,"]);
    let bundle = read(&[("participants.csv", &people)]);
    let report = run_with(db, &bundle, &Options { each_row: true, ..Options::default() });
    let rows = report.rows.as_deref().expect("the rows");
    let lines: Vec<String> =
        rows.iter().map(|row| format!("{} {:?} {}", row.at, row.outcome, row.changed.len())).collect();
    assert_eq!(lines, ["participants.csv:2:1 Updated 1", "participants.csv:3:1 Created 0"]);
    assert_eq!(rows[0].changed[0].field, "namePrefix");
    assert_eq!(rows[0].outcome, Outcome::Updated);
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!(json["rows"][0]["at"], "participants.csv:2:1");
    assert_eq!(json["participants"]["updated"], 1);
    assert!(report.to_string().contains("participants"), "{report}");
}

// --- changes -------------------------------------------------------------------------------------------------------

/// A column that a file does not have leaves what is stored alone, and so does an empty cell, unless it was said that
/// empty cells clear.
pub fn columns_left_out_are_left_alone(db: &Db) {
    run(db, &small());
    let people =
        csv(PEOPLE, &["P02,PERSON,Chloé,van den,Berg,,FEMALE", "P05,PERSON,Anke,van 't,Hof,1966-09-09,FEMALE"]);
    let all = csv(GROUPS, &["BESTUUR,Bestuur,,bestuur", "LEDEN,Alle leden,,"]);
    let bundle = read(&[("participants.csv", &people), ("groups.csv", &all)]);
    let report = run(db, &bundle);
    assert_eq!((report.participants.updated, report.participants.unchanged), (0, 2));
    assert_eq!(report.groups, Tally { updated: 1, unchanged: 1, ..Tally::default() });
    let report = run_with(db, &bundle, &Options { empty_clears: true, ..Options::default() });
    assert_eq!((report.participants.updated, report.participants.unchanged), (1, 1));
    assert_eq!(report.groups, Tally { updated: 2, ..Tally::default() });
    let chloe = "SELECT email || ' ' || phone || ' ' || coalesce(CAST(birth_date AS TEXT), 'none') FROM participants \
                 WHERE external_id = 'P02'";
    assert_eq!(texts(db, chloe), ["chloe.vandenberg@example.org 06 555 00 002 none"]);
    db.write(|conn| {
        let id = group_id(conn, "LEDEN");
        let (members, _) = groups::lock(conn, id)?.expect("a group");
        assert_eq!((members.name.as_str(), members.description, members.category_id), ("Alle leden", None, None));
        assert!(members.contribution_group && members.analytics_group && members.start_date.is_some());
        assert!(members.organization_id.is_some() && members.responsible_id.is_some());
        Ok(())
    })
    .expect("a group");
    let entry = "SELECT changes FROM history WHERE entity = 'PARTICIPANT' AND action = 'UPDATED' \
                 AND changes LIKE '%birthDate%'";
    assert_eq!(texts(db, entry), [r#"[{"field":"birthDate","before":"1984-11-02","after":null}]"#]);
}

/// M7: who, when, what; one entry for a group whose settings and components both change.
pub fn m7_every_change_is_in_the_history(db: &Db) {
    run(db, &small());
    let of = |entity: &'static str| {
        let sql = Sql::new(
            "SELECT action || ' ' || actor_name || ' ' || CAST(COUNT(*) AS TEXT) AS line FROM history WHERE entity = ",
        )
        .string(entity)
        .text(" GROUP BY action, actor_name ORDER BY line");
        db.read(|conn| Ok(sql.load::<Text, String>(conn)?)).expect("rows")
    };
    assert_eq!(of("PARTICIPANT"), ["CREATED kring import 20", "UPDATED kring import 14"]);
    assert_eq!(of("GROUP"), ["CREATED kring import 15"]);
    // 33 rows of the file, and 11 memberships that followed from sources and addresses.
    assert_eq!(of("MEMBERSHIP"), ["CREATED kring import 44"]);
    assert_eq!(of("CATEGORY"), ["CREATED kring import 5"]);
    let composite = "SELECT h.changes FROM history h JOIN groups g ON g.id = h.entity_id \
                     WHERE h.entity = 'GROUP' AND g.external_id = 'ACTIEVE-LEDEN'";
    let changes = texts(db, composite).concat();
    assert!(changes.contains(r#""field":"composition","before":"ANY","after":"ALL""#), "{changes}");
    assert!(changes.contains(r#""field":"components","before":null,"after":"INCLUDE "#), "{changes}");
    let membership = "SELECT h.changes FROM history h JOIN memberships m ON m.id = h.entity_id \
                      JOIN groups g ON g.id = m.group_id WHERE h.entity = 'MEMBERSHIP' AND m.origin = 'IMPORT' \
                      AND g.external_id = 'LINDEBODE'";
    assert_eq!(
        texts(db, membership),
        [
            r#"[{"field":"startDate","before":null,"after":"2022-05-05"},{"field":"startReason","before":null,"after":"SIGNED_UP"},{"field":"endDate","before":null,"after":"2023-05-05"},{"field":"endReason","before":null,"after":"CANCELLED"},{"field":"role","before":null,"after":"MEMBER"},{"field":"origin","before":null,"after":"IMPORT"}]"#
        ]
    );
}

/// Whoever is called differently stands elsewhere among the members, too.
pub fn a_new_name_moves_the_memberships_along(db: &Db) {
    run(db, &small());
    let people = csv(PEOPLE, &["P02,PERSON,Chloé,,Aalbers,1984-11-02,FEMALE"]);
    let emptied = Options { empty_clears: true, ..Options::default() };
    assert_eq!(run_with(db, &read(&[("participants.csv", &people)]), &emptied).participants.updated, 1);
    let keys = "SELECT DISTINCT m.member_key FROM memberships m JOIN participants p ON p.id = m.participant_id \
                WHERE p.external_id = 'P02'";
    assert_eq!(texts(db, keys), ["aalbers\u{1}chloe"]);
    let found = "SELECT display_name || search_text FROM participants WHERE external_id = 'P02'";
    assert_eq!(texts(db, found), ["Chloé Aalbers chloe aalbers"]);
}

/// A row that has an end by now ends its membership or residency; who comes back starts anew.
pub fn rows_with_an_end_end_what_is_open(db: &Db) {
    run(db, &small());
    let members = csv(
        MEMBERS,
        &[
            "LEDEN,P02,2019-03-01,SIGNED_UP,2026-06-01,MOVED_AWAY,MEMBER",
            "LEDEN,P02,2026-09-01,MOVED_BACK,,,",
            "LEDEN,P01,1998-01-01,SIGNED_UP,,,LEADER",
            "LEDEN,P04,2021-01-01,SIGNED_UP,,,MEMBER",
        ],
    );
    let stays = "participant,address,start_date,end_date\nP02,ADR-LINDE-12,2019-02-15,2026-06-01\n\
                 P02,ADR-LINDE-14,2026-06-01,";
    let report = run(db, &read(&[("memberships.csv", &members), ("residencies.csv", stays)]));
    assert_eq!(report.memberships, Tally { created: 1, updated: 1, ended: 1, unchanged: 1, ..Tally::default() });
    assert_eq!(report.residencies, Tally { created: 1, ended: 1, ..Tally::default() });
    let entries = "SELECT action || ' ' || changes AS line FROM history WHERE entity = 'MEMBERSHIP' \
                   AND action <> 'CREATED' ORDER BY line";
    assert_eq!(
        texts(db, entries),
        [
            r#"ENDED [{"field":"endDate","before":null,"after":"2026-06-01"},{"field":"endReason","before":null,"after":"MOVED_AWAY"}]"#,
            r#"UPDATED [{"field":"startReason","before":"FOUNDER","after":"SIGNED_UP"},{"field":"role","before":"MEMBER","after":"LEADER"}]"#,
        ]
    );
    let stay = "SELECT changes FROM history WHERE changes LIKE '%..2026-06-01\"%'";
    assert!(texts(db, stay).concat().contains(r#""field":"residency","before":""#));
    let stored = dump(db);
    assert!(run(db, &read(&[("memberships.csv", &members), ("residencies.csv", stays)])).is_idle());
    assert_eq!(dump(db), stored);
}

/// M6: what an administrator declared a mistake stays one, whatever the sender repeats.
pub fn m6_annulled_memberships_stay_annulled(db: &Db) {
    run(db, &small());
    change(
        db,
        "UPDATE memberships SET annulled_at = '2026-01-01 00:00:00' WHERE group_id IN \
         (SELECT id FROM groups WHERE external_id IN ('PROJECTLEIDERS', 'AANNEMERS'))",
    );
    let stored = dump(db);
    let again = run(db, &small());
    assert!(again.is_idle(), "{again}");
    assert_eq!((again.memberships.annulled, again.memberships.unchanged), (3, 30));
    let members = csv(MEMBERS, &["AANNEMERS,P07,2022-09-01,APPOINTED,2026-01-01,COMPLETED,"]);
    assert_eq!(run(db, &read(&[("memberships.csv", &members)])).memberships.annulled, 1);
    assert_eq!(dump(db), stored);
}

/// Composites that the file names become what it lists; others are left alone, and so is the revision when nothing
/// changes.
pub fn composites_become_what_the_file_lists(db: &Db) {
    run(db, &small());
    let revision = "SELECT revision FROM composition_revision";
    let before = number(db, revision);
    let components = "composite,component\nKADERDAG,AANNEMERS\nKADERDAG,LEDEN\nACTIEVE-LEDEN,LEDEN\n\
                      ACTIEVE-LEDEN,VRIJWILLIGERS\nACTIEVE-LEDEN,BESTUUR";
    let report = run(db, &read(&[("group_components.csv", components)]));
    let expected = Tally { created: 1, updated: 1, removed: 1, unchanged: 3, ..Tally::default() };
    assert_eq!(report.components, expected, "a file without modes leaves them alone");
    assert_eq!(number(db, revision), before + 1);
    let lines = "SELECT p.external_id || ' ' || c.external_id || ' ' || x.mode AS line FROM group_components x \
                 JOIN groups p ON p.id = x.composite_id JOIN groups c ON c.id = x.component_id \
                 WHERE p.external_id IN ('KADERDAG', 'ONDERBOUW', 'ACTIEVE-LEDEN') ORDER BY p.external_id, x.position";
    assert_eq!(
        texts(db, lines),
        [
            "ACTIEVE-LEDEN LEDEN INCLUDE",
            "ACTIEVE-LEDEN VRIJWILLIGERS INCLUDE",
            "ACTIEVE-LEDEN BESTUUR EXCLUDE",
            "KADERDAG AANNEMERS INCLUDE",
            "KADERDAG LEDEN INCLUDE",
            "ONDERBOUW GROEP-1 INCLUDE",
            "ONDERBOUW GROEP-2 INCLUDE",
        ]
    );
    run(db, &read(&[("group_components.csv", components), ("groups.csv", &csv(GROUPS, &["KOOR,Koor,,school"]))]));
    assert_eq!(number(db, revision), before + 1, "a name is no composition");
    let all = "external_id,name,description,category,composition\nKADERDAG,Genodigden kaderdag,,bestuur,ALL";
    run(db, &read(&[("groups.csv", all)]));
    assert_eq!(number(db, revision), before + 2);
}

/// Names of categories are unique, and may be swapped; one made by hand becomes the sender's.
pub fn categories_keep_their_names_apart(db: &Db) {
    change(db, "INSERT INTO group_categories (name, sort_key) VALUES ('Wonen', 'wonen')");
    let report = run(db, &read(&[("categories.csv", "external_id,name\na,Eén\nb,Twee\nw,wonen")]));
    assert_eq!((report.categories.created, report.categories.updated), (2, 1));
    let report = run(db, &read(&[("categories.csv", "external_id,name\na,Twee\nb,Drie\nc,Eén")]));
    assert_eq!((report.categories.created, report.categories.updated), (1, 2));
    run(db, &read(&[("categories.csv", "external_id,name\na,Eén\nc,Twee")]));
    let names = "SELECT external_id || ' ' || name AS line FROM group_categories ORDER BY line";
    assert_eq!(texts(db, names), ["a Eén", "b Drie", "c Twee", "w wonen"]);
    let taken = read(&[("categories.csv", "external_id,name\nd,DRIE\ne,Vijf\nf,vijf")]);
    assert_eq!(
        refusal(db, &operator(), &taken, &Options::default()),
        ["categories.csv:2:1 NAME_TAKEN", "categories.csv:4:1 NAME_TAKEN"]
    );
}

/// What is gone from `groups.csv` keeps the memberships that have ended, and nothing else.
pub fn abolished_groups_are_kept_for_their_history(db: &Db) {
    run(db, &small());
    let ended = "WEG,P01,2001-01-01,ELECTED,2002-01-01,LEFT,";
    let files = csv(
        MEMBERS,
        &[ended, "WEG,P02,2001-01-01,ELECTED,2003-01-01,LEFT,", "OOK-WEG,P02,2001-01-01,ELECTED,2035-01-01,LEFT,"],
    );
    let bundle = read(&[("memberships.csv", &files)]);
    let options = owned_by("ORG-LINDE");
    let report = run_with(db, &bundle, &options);
    assert_eq!(report.placeholders, ["WEG", "OOK-WEG"]);
    assert_eq!((report.groups, report.memberships.created), (Tally::default(), 3));
    assert!(report.warnings.concat().contains("WEG, OOK-WEG"), "{:?}", report.warnings);
    db.write(|conn| {
        let id = group_id(conn, "WEG");
        let (gone, _) = groups::lock(conn, id)?.expect("a group");
        let owner = Some(participant_id(conn, "ORG-LINDE"));
        let expected = Settings {
            external_id: Some("WEG".to_owned()),
            name: "WEG".to_owned(),
            organization_id: owner,
            closed: true,
            ..Settings::default()
        };
        assert_eq!(gone, expected);
        Ok(())
    })
    .expect("a group");
    let stored = dump(db);
    assert!(run_with(db, &bundle, &options).is_idle());
    assert_eq!(dump(db), stored);

    let open = csv(MEMBERS, &["NERGENS,P01,2001-01-01,ELECTED,2002-01-01,LEFT,", "NERGENS,P02,2001-01-01,ELECTED,,,"]);
    let places = |files: Files<'_>| refusal(db, &operator(), &read(files), &Options::default());
    assert_eq!(places(&[("memberships.csv", &open)]), ["memberships.csv:3:1 UNKNOWN_REFERENCE"]);
    let closed = csv(MEMBERS, &["NERGENS,P01,2001-01-01,ELECTED,2002-01-01,LEFT,"]);
    let components = "composite,component\nKADERDAG,NERGENS";
    assert_eq!(
        places(&[("memberships.csv", &closed), ("group_components.csv", components)]),
        ["group_components.csv:2:10 UNKNOWN_REFERENCE"]
    );
    let settings = "external_id,name,description,category,source_group\nKOOR,Koor,,school,NERGENS";
    assert_eq!(
        places(&[("memberships.csv", &closed), ("groups.csv", settings)]),
        ["groups.csv:2:19 UNKNOWN_REFERENCE"]
    );
}

// --- refusals ------------------------------------------------------------------------------------------------------

/// A bundle that does not fit what is stored: why, its files, and what is wrong with it where.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

const REFUSED: &[Case] = &[
    (
        "a participant, a category and a group that are nowhere",
        &[
            ("groups.csv", "external_id,name,description,category,responsible\nG,G,,geen,P99"),
            ("group_components.csv", "composite,component\nG,GEEN"),
            ("guardians.csv", "child,guardian\nP11,P98"),
        ],
        &[
            "group_components.csv:2:3 UNKNOWN_REFERENCE",
            "groups.csv:2:6 UNKNOWN_REFERENCE",
            "groups.csv:2:11 UNKNOWN_REFERENCE",
            "guardians.csv:2:5 UNKNOWN_REFERENCE",
        ],
    ),
    (
        "stored participants of a kind that does not fit",
        &[
            ("groups.csv", "external_id,name,description,category,organization,responsible\nG,G,,,P01,ADR-LINDE-12"),
            ("residencies.csv", "participant,address,start_date,end_date\nP01,P02,2020-01-01,"),
            ("guardians.csv", "child,guardian\nP11,ORG-LINDE"),
        ],
        &[
            "groups.csv:2:7 WRONG_KIND",
            "groups.csv:2:11 WRONG_KIND",
            "guardians.csv:2:5 WRONG_KIND",
            "residencies.csv:2:5 WRONG_KIND",
        ],
    ),
    (
        "a person who was an organization",
        &[(
            "participants.csv",
            "external_id,kind,given_name,name_prefix,family_name,birth_date,gender\nP01,PERSON,Jan,,Jansen,1958-03-14,MALE\n\
             ORG-LINDE,PERSON,Linde,,,,",
        )],
        &["participants.csv:3:1 KIND_CHANGED"],
    ),
    (
        "G1: what a dynamic group cannot have",
        &[
            ("groups.csv", "external_id,name,description,category,source_group\nDYNAMISCH,Dynamisch,,,LEDEN"),
            ("group_components.csv", "composite,component\nDYNAMISCH,LEDEN"),
            (
                "memberships.csv",
                "group,participant,start_date,start_reason,end_date,end_reason,role\n\
                 DYNAMISCH,P01,2020-01-01,SIGNED_UP,,,\nDYNAMISCH,P02,2020-01-01,SIGNED_UP,,,",
            ),
        ],
        &[
            "group_components.csv:2:1 DYNAMIC_GROUP",
            "groups.csv:2:1 DYNAMIC_GROUP",
            "memberships.csv:2:1 DYNAMIC_GROUP",
        ],
    ),
    (
        "G8 and S2: settings that do not go with the stored ones",
        &[
            (
                "groups.csv",
                "external_id,name,description,category,source_group,restricted_to,subscription_group\n\
             LEDEN,Leden,,leden,BESTUUR,,\nLINDEBODE,De Lindebode,,nieuws,,,",
            ),
            ("group_components.csv", "composite,component\nKADERDAG,AANNEMERS"),
        ],
        &["groups.csv:2:1 CONTRIBUTION_CONFLICT"],
    ),
    (
        "a restriction that a stored group cannot have",
        &[(
            "groups.csv",
            "external_id,name,description,category,subscription_group\nLINDEBODE,De Lindebode,,nieuws,false",
        )],
        &["groups.csv:2:1 RESTRICTION_WITHOUT_SUBSCRIPTION"],
    ),
    (
        "a group that is completed before its stored start",
        &[("groups.csv", "external_id,name,description,category,completed_on\nKOOR,Koor,,school,2020-01-01")],
        &["groups.csv:2:1 END_BEFORE_START"],
    ),
    (
        "G4: a circle of components, closed by the last row",
        &[("group_components.csv", "composite,component\nBESTUUR,KADERDAG\nENERGIECOACHES,AANNEMERS")],
        &["group_components.csv:2:1 COMPONENT_CYCLE"],
    ),
    (
        "G4: a group fed by what it is part of",
        &[("groups.csv", "external_id,name,description,category,source_group\nENERGIECOACHES,Coaches,,,VRIJWILLIGERS")],
        &["groups.csv:2:26 SOURCE_CYCLE"],
    ),
    (
        "G4: a source that becomes part of what it feeds, through what is stored",
        &[("group_components.csv", "composite,component\nPROJECTLEIDERS,LINDEBODE\nLEDEN,PROJECTLEIDERS")],
        &["group_components.csv:3:1 SOURCE_CYCLE"],
    ),
    (
        "G4: groups that restrict each other",
        &[(
            "groups.csv",
            "external_id,name,description,category,subscription_group,restricted_to\nONDERBOUW,Onderbouw,,,true,KOOR",
        )],
        &["groups.csv:2:28 RESTRICTION_CYCLE"],
    ),
    (
        "each other's guardians",
        &[("guardians.csv", "child,guardian\nP02,P11\nP05,P06\nP06,P05")],
        &["guardians.csv:3:1 MUTUAL_GUARDIANS", "guardians.csv:4:1 MUTUAL_GUARDIANS"],
    ),
    (
        "a name that is taken",
        &[("categories.csv", "external_id,name\nnieuw,Schoolgroepen\nanders,Anders")],
        &["categories.csv:2:1 NAME_TAKEN"],
    ),
];

/// What does not fit what is stored is refused by file, line and column, and nothing of the bundle is kept.
pub fn what_does_not_fit_is_refused_by_place(db: &Db) {
    run(db, &small());
    make_dynamic(db, "DYNAMISCH");
    for (why, files, expected) in REFUSED {
        assert_eq!(refusal(db, &operator(), &read(files), &Options::default()), *expected, "{why}");
    }
}

/// Messages say what is in the way.
pub fn refusals_name_what_is_in_the_way(db: &Db) {
    run(db, &small());
    assert_eq!(
        message(db, &[("group_components.csv", "composite,component\nBESTUUR,KADERDAG")]),
        "groups are made of each other in a circle: Bestuur → Genodigden kaderdag → Actieve leden, zonder bestuur → Bestuur"
    );
    assert_eq!(
        message(db, &[("guardians.csv", "child,guardian\nP11,P98\nP12,P98")]),
        r#"there is no participant "P98", neither in the bundle nor stored; 2 fields name it"#
    );
}

/// P6: a bundle that lost something at its source does not end everything.
pub fn p6_the_fail_safe_stops_a_run_that_ends_too_much(db: &Db) {
    let floor = usize::try_from(FAIL_SAFE_FLOOR).expect("a number");
    let total = floor * 4;
    let people: Vec<String> = (0..total).map(|n| format!("L{n},PERSON,Lid,,{n},,")).collect();
    let line = |n: usize, rest: &str| format!("LEDEN,L{n},2020-01-01,JOINED,{rest},");
    let bundle = |ended: usize| {
        let members: Vec<String> =
            (0..total).map(|n| line(n, if n < ended { "2026-01-01,LEFT" } else { "," })).collect();
        let lines = |lines: &[String]| lines.iter().map(|line| format!("\n{line}")).collect::<String>();
        read(&[
            ("participants.csv", &(PEOPLE.to_owned() + &lines(&people))),
            ("groups.csv", &csv(GROUPS, &["LEDEN,Leden,,"])),
            ("memberships.csv", &(MEMBERS.to_owned() + &lines(&members))),
        ])
    };
    run(db, &bundle(0));
    let refused = refusal(db, &operator(), &bundle(floor + 1), &Options::default());
    assert_eq!(refused, ["memberships.csv TOO_MANY_ENDED"]);
    let few = Options { end_limit: 1, dry_run: true, ..Options::default() };
    assert_eq!(run_with(db, &bundle(floor - 1), &few).memberships.ended, FAIL_SAFE_FLOOR - 1, "a handful may end");
    let all = Options { end_limit: 100, ..Options::default() };
    assert_eq!(run_with(db, &bundle(total), &all).memberships.ended, u64::try_from(total).expect("a number"));
}

// --- organizations -------------------------------------------------------------------------------------------------

/// New records get the organization for which a bundle is imported; those of another are not its to change.
pub fn records_of_another_organization_are_left_alone(db: &Db) {
    let named = format!("{PEOPLE},name");
    let ours = ["P1,PERSON,Piet,,Ons,,,", "P2,PERSON,Petra,,Ons,,,", "ORG-A,ORGANIZATION,,,,,,Organisatie A"];
    let files = [("participants.csv", csv(&named, &ours)), ("groups.csv", csv(GROUPS, &["G-A,Groep A,,"]))];
    run_with(db, &read(&files.each_ref().map(|(name, text)| (*name, text.as_str()))), &owned_by("ORG-A"));
    let owned = "SELECT external_id FROM participants WHERE organization_id IN \
                 (SELECT id FROM participants WHERE external_id = 'ORG-A') ORDER BY external_id";
    assert_eq!(texts(db, owned), ["P1", "P2"], "an organization does not keep itself");
    run(db, &read(&[("participants.csv", &csv(&named, &["ORG-B,ORGANIZATION,,,,,,Organisatie B"]))]));

    // The same external ids are another organization's own: they name its own people and groups.
    let people = csv(PEOPLE, &["P3,PERSON,Bo,,Bee,,", "P1,PERSON,Piet,,Hun,,"]);
    let files = [
        ("participants.csv", people.as_str()),
        ("groups.csv", &csv(GROUPS, &["G-A,Onze groep,,", "G-B,Groep B,,"])),
        ("group_components.csv", "composite,component\nG-A,G-B"),
        ("memberships.csv", &csv(MEMBERS, &["G-B,P1,2020-01-01,JOINED,,,", "G-A,P3,2020-01-01,JOINED,,,"])),
    ];
    let report = run_with(db, &read(&files), &owned_by("ORG-B"));
    assert_eq!((report.participants, report.groups, report.memberships), (created(2), created(2), created(2)));
    let both = "SELECT display_name FROM participants WHERE external_id = 'P1' ORDER BY display_name";
    assert_eq!(texts(db, both), ["Piet Hun", "Piet Ons"]);
    assert!(run_with(db, &read(&files), &owned_by("ORG-B")).is_idle());
    assert_eq!(texts(db, "SELECT name FROM groups WHERE external_id = 'G-A' ORDER BY name"), ["Groep A", "Onze groep"]);
    // Nobody else's are meant by accident, neither for one organization nor for none.
    let others = read(&[("guardians.csv", "child,guardian\nP2,P3")]);
    assert_eq!(refusal(db, &operator(), &others, &owned_by("ORG-B")), ["guardians.csv:2:1 UNKNOWN_REFERENCE"]);
    let unclear = read(&[("memberships.csv", &csv(MEMBERS, &["G-B,P1,2021-01-01,JOINED,,,"]))]);
    match import(db, &operator(), &unclear, &Options::default(), &mut |_| {}) {
        Err(Failure::Error(Error::Rejected(rejections))) => assert_eq!(rejections[0].code, Code::Conflict),
        other => panic!("{other:?}"),
    }
}

pub fn an_administrator_of_one_organization_stays_within_it(db: &Db) {
    let orgs = "external_id,kind,given_name,name_prefix,family_name,birth_date,gender,name\n\
                ORG-A,ORGANIZATION,,,,,,A\nORG-B,ORGANIZATION,,,,,,B";
    run(db, &read(&[("participants.csv", orgs)]));
    run_with(db, &read(&[("participants.csv", &csv(PEOPLE, &["VREEMD,PERSON,An,,Ander,,"]))]), &owned_by("ORG-B"));
    let organization = db.read(|conn| Ok(participant_id(conn, "ORG-A"))).expect("an organization");
    let viewer = Viewer { administers: vec![organization], name: "Ada".to_owned(), ..Viewer::default() };
    let scope = scope_of(viewer);
    let import = |files: Files<'_>, options: &Options| import(db, &scope, &read(files), options, &mut |_| {});

    let people = csv(PEOPLE, &["A1,PERSON,Ada,,Eigen,,"]);
    let own = [
        ("participants.csv", people.as_str()),
        ("groups.csv", &csv(GROUPS, &["GA,Groep A,,"])),
        ("memberships.csv", &csv(MEMBERS, &["GA,A1,2020-01-01,JOINED,,,"])),
    ];
    let report = import(&own, &Options::default()).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!((report.participants, report.groups, report.memberships), (created(1), created(1), created(1)));
    let owned = "SELECT COUNT(*) FROM groups WHERE external_id = 'GA' AND organization_id IS NOT NULL";
    assert_eq!(number(db, owned), 1);

    let files = read(&[
        ("categories.csv", "external_id,name\nk,Nieuw"),
        ("participants.csv", &csv(PEOPLE, &["VREEMD,PERSON,An,,Anders,,"])),
        ("groups.csv", &csv(GROUPS, &["GA,Groep A,,k"])),
        ("memberships.csv", &csv(MEMBERS, &["GA,A1,2020-01-01,ZELF_BEDACHT,,,"])),
    ]);
    assert_eq!(
        refusal(db, &scope, &files, &Options::default()),
        ["categories.csv:2:1 ADMINISTRATOR_ONLY", "memberships.csv:2:1 ADMINISTRATOR_ONLY",]
    );
    let stranger = read(&[("memberships.csv", &csv(MEMBERS, &["GA,VREEMD,2020-01-01,JOINED,,,"]))]);
    let nobody = read(&[("memberships.csv", &csv(MEMBERS, &["GA,NIEMAND,2020-01-01,JOINED,,,"]))]);
    for bundle in [stranger, nobody] {
        let places = refusal(db, &scope, &bundle, &Options::default());
        assert_eq!(places, ["memberships.csv:2:4 UNKNOWN_REFERENCE"], "a record out of sight is no record");
    }
    let code = |outcome: Result<Report, Failure>| match outcome {
        Err(Failure::Error(Error::Rejected(rejections))) => rejections[0].code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(import(&own, &owned_by("ORG-B"))), Code::Forbidden);
    assert_eq!(code(import(&own, &owned_by("GEEN"))), Code::NotFound);
    assert_eq!(code(import(&own, &owned_by("A1"))), Code::NotFound, "a person keeps nobody's records");
}

// --- the demo ------------------------------------------------------------------------------------------------------

/// Three organizations, each with its own people and groups, and a day on which they can be looked at.
pub fn the_demo_fills_an_empty_database(db: &Db) {
    let reports = demo::fill(db, &operator()).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(reports.len(), 3);
    for (demo, report) in demo::DEMOS.iter().zip(&reports) {
        assert!(report.placeholders.is_empty() && report.warnings.is_empty(), "{} {report}", demo.organization);
    }
    assert_eq!(number(db, "SELECT COUNT(*) FROM groups WHERE organization_id IS NULL"), 0);
    let records = "SELECT (SELECT COUNT(*) FROM absence_reports) * 100 + (SELECT COUNT(*) FROM leave_requests) * 10 \
        + (SELECT COUNT(*) FROM lunch_stays)";
    assert_eq!(number(db, records), 333);
    let homeless = "SELECT external_id FROM participants WHERE organization_id IS NULL ORDER BY external_id";
    assert_eq!(texts(db, homeless), ["DEMO-HUUR", "DEMO-SCHOOL", "DEMO-VER"]);
    let today = date("2026-11-21");
    db.read(|conn| {
        let compositions = groups::compositions(conn)?;
        let ids =
            ["SCH-HELE-SCHOOL", "SCH-GROEP-1", "VER-VRIJWILLIGERSDAG", "VER-BESTUUR"].map(|id| group_id(conn, id));
        let counts = roll::counts(conn, &compositions, &ids, today)?;
        let [school, first, helpers, board] = ids.map(|id| counts[&id]);
        assert_eq!((school, first, board), (52, 7, 5));
        assert!((10..40).contains(&helpers), "{helpers}");
        Ok(())
    })
    .expect("counts");
    let stored = dump(db);
    let again = demo::fill(db, &operator()).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(again.iter().all(Report::is_idle));
    assert_eq!(dump(db), stored);
}

crate::harness::both! {
    fn the_congress_is_imported_whole_and_once_case(world) { the_congress_is_imported_whole_and_once(&world.db); }
    fn the_small_bundle_is_stored_as_it_is_written_case(world) { the_small_bundle_is_stored_as_it_is_written(&world.db); }
    fn importing_again_changes_nothing_case(world) { importing_again_changes_nothing(&world.db); }
    fn a_report_has_every_row_when_asked_case(world) { a_report_has_every_row_when_asked(&world.db); }
    fn columns_left_out_are_left_alone_case(world) { columns_left_out_are_left_alone(&world.db); }
    fn m7_every_change_is_in_the_history_case(world) { m7_every_change_is_in_the_history(&world.db); }
    fn a_new_name_moves_the_memberships_along_case(world) { a_new_name_moves_the_memberships_along(&world.db); }
    fn rows_with_an_end_end_what_is_open_case(world) { rows_with_an_end_end_what_is_open(&world.db); }
    fn m6_annulled_memberships_stay_annulled_case(world) { m6_annulled_memberships_stay_annulled(&world.db); }
    fn composites_become_what_the_file_lists_case(world) { composites_become_what_the_file_lists(&world.db); }
    fn categories_keep_their_names_apart_case(world) { categories_keep_their_names_apart(&world.db); }
    fn abolished_groups_are_kept_for_their_history_case(world) { abolished_groups_are_kept_for_their_history(&world.db); }
    fn what_does_not_fit_is_refused_by_place_case(world) { what_does_not_fit_is_refused_by_place(&world.db); }
    fn refusals_name_what_is_in_the_way_case(world) { refusals_name_what_is_in_the_way(&world.db); }
    fn p6_the_fail_safe_stops_a_run_that_ends_too_much_case(world) { p6_the_fail_safe_stops_a_run_that_ends_too_much(&world.db); }
    fn records_of_another_organization_are_left_alone_case(world) { records_of_another_organization_are_left_alone(&world.db); }
    fn an_administrator_of_one_organization_stays_within_it_case(world) { an_administrator_of_one_organization_stays_within_it(&world.db); }
    fn the_demo_fills_an_empty_database_case(world) { the_demo_fills_an_empty_database(&world.db); }
}
