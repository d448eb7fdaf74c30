//! Automatic participation at size: a source group is switched on and off, and a thousand leave it at once.
//!
//! `cargo bench --bench participation -- [sqlite|postgres URL] [--members N]`
//!
//! `sqlite` makes a file of its own; a URL must name an empty database. Each step is one transaction through the same
//! commands that the mutations run; its time is wall-clock time, and memory is the most that this process ever held.

#![expect(clippy::expect_used, reason = "what goes wrong here ends the measurement, and should say where")]
#![allow(clippy::pedantic, reason = "one statement after another, as one writes them by hand")]

use std::time::{Duration, Instant};

use chrono_tz::Europe::Amsterdam;
use diesel::sql_types::BigInt;
use kring::app::operator;
use kring::db::{Conn, Db, Options, Sql};
use kring::error::Error;
use kring::groups::Settings;
use kring::groups::composition::{Composition, Mode};
use kring::members::causes;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let after = |name: &str| args.iter().skip_while(|arg| *arg != name).nth(1).cloned();
    let members: i64 = after("--members").map_or(100_000, |number| number.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let url = args.iter().find(|arg| arg.contains("://")).cloned();
    let url = url.unwrap_or_else(|| format!("sqlite://{}", folder.path().join("bench.db").display()));
    let options = Options { statement_timeout: Duration::from_secs(60), ..Options::new(url) };
    let db = Db::open(&options).expect("the database opens");
    db.migrate().expect("the schema is applied");
    let scope = operator("bench", Amsterdam);
    let group = |name: &str, source: Option<i64>| {
        let settings = Settings {
            name: name.to_owned(),
            source_group_id: source,
            subscription_group: source.is_some(),
            ..Settings::default()
        };
        db.write(|conn| causes::create_group(conn, &scope, settings)).expect("a group").saved.id
    };
    let (many, few, source, fed) =
        (group("Many", None), group("A thousand", None), group("Source", None), group("Fed", None));
    db.write(|conn| fill(conn, many, few, members)).expect("people");
    let compose = |components: &[(i64, Mode)]| {
        db.write(|conn| causes::set_components(conn, &scope, source, Some(Composition::Any), components))
    };
    compose(&[(many, Mode::Include), (few, Mode::Include)]).expect("a composite");
    let switch = |source: Option<i64>| {
        let patch = Box::new(move |settings: &mut Settings| settings.source_group_id = source);
        db.write(|conn| causes::update_group(conn, &scope, fed, patch))
    };
    println!("{members} members, {}", if db.dialect() == kring::db::Dialect::Sqlite { "SQLite" } else { "PostgreSQL" });
    timed("switched on", || switch(Some(source)));
    let chained = group("Chained", Some(fed));
    println!("  (a chained group {chained} follows)");
    timed("1,000 leave", || compose(&[(many, Mode::Include)]));
    timed("1,000 come back", || compose(&[(many, Mode::Include), (few, Mode::Include)]));
    timed("switched off", || switch(None));
    println!("  most memory: {:.0} MiB", peak());
}

/// Everybody in one group, and the last thousand in the other.
fn fill(conn: &mut Conn, many: i64, few: i64, members: i64) -> Result<(), Error> {
    let first = members - 1_000;
    Sql::new(
        "INSERT INTO participants (kind, family_name, display_name, sort_key, search_text, created_at, updated_at) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ",
    )
    .int(members)
    .text(
        ") SELECT 'PERSON', 'P' || i, 'P' || i, 'p' || i, 'p' || i, TIMESTAMP_OF, TIMESTAMP_OF FROM n"
            .replace("TIMESTAMP_OF", timestamp(conn)),
    )
    .execute(conn)?;
    let lowest = Sql::new("SELECT MIN(id) FROM participants").first::<BigInt, i64>(conn)?.unwrap_or_default();
    for (group, from, until) in [(many, lowest, lowest + first), (few, lowest + first, lowest + members)] {
        Sql::new(
            "INSERT INTO memberships (group_id, participant_id, member_key, start_date, start_reason_id, role, origin, \
             created_at, updated_at) SELECT ",
        )
        .int(group)
        .text(", id, sort_key, ")
        .date(chrono::NaiveDate::from_ymd_opt(2020, 1, 1))
        .text(", (SELECT MIN(id) FROM start_reasons), 'MEMBER', 'MANUAL', created_at, created_at FROM participants WHERE id >= ")
        .int(from)
        .text(" AND id < ")
        .int(until)
        .execute(conn)?;
    }
    Sql::new("ANALYZE").execute(conn)?;
    Ok(())
}

fn timestamp(conn: &Conn) -> &'static str {
    match conn.dialect() {
        kring::db::Dialect::Sqlite => "'2020-01-01 00:00:00.000000'",
        kring::db::Dialect::Postgres => "TIMESTAMP '2020-01-01 00:00:00'",
    }
}

fn timed(what: &str, step: impl FnOnce() -> Result<causes::Changed, Error>) {
    let started = Instant::now();
    let changed = step().expect("the step");
    let took = started.elapsed();
    let followed = changed.followed;
    println!("  {what:<16} {:>8.2} s   {} started, {} ended", took.as_secs_f64(), followed.started, followed.ended);
}

/// The most memory that this process ever held, in MiB.
fn peak() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux names it");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1_024.0
}
