//! Rosters at size: a first import, the same again, pupils who move, and what the reading alone takes.
//!
//! `cargo bench --bench roster -- [sqlite|postgres URL] [--pupils N]`
//!
//! `sqlite` makes a file of its own; a URL must name an empty database. Each step is one transaction, as `kring import`
//! makes it; its time is wall-clock time, and memory is the most that this process has held until then.

#![expect(clippy::expect_used, reason = "what goes wrong here ends the measurement, and should say where")]
#![allow(clippy::pedantic, reason = "one statement after another, as one writes them by hand")]
#![allow(clippy::indexing_slicing, reason = "the generator is shared with the tests")]

use std::time::{Duration, Instant};

use chrono_tz::Europe::Amsterdam;
use generator::School;
use kring::app::operator;
use kring::db::{Db, Dialect, Options};
use kring::exchange::edexml;
use kring::exchange::import::Owner;
use kring::exchange::import::roster::{RosterOptions, import_roster};
use kring::people::{Details, ParticipantKind, commands};

#[path = "../tests/it/rosters/generator.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod generator;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let after = |name: &str| args.iter().skip_while(|arg| *arg != name).nth(1).cloned();
    let pupils: usize = after("--pupils").map_or(50_000, |number| number.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let url = args.iter().find(|arg| arg.contains("://")).cloned();
    let url = url.unwrap_or_else(|| format!("sqlite://{}", folder.path().join("bench.db").display()));
    let options = Options { statement_timeout: Duration::from_secs(600), count_statements: true, ..Options::new(url) };
    let db = Db::open(&options).expect("the database opens");
    db.migrate().expect("the schema is applied");
    let school = db
        .write(|conn| {
            let details = Details { name: Some("School".to_owned()), ..Details::default() };
            commands::create(conn, &operator("bench", Amsterdam), ParticipantKind::Organization, details)
        })
        .expect("an organization");
    println!("{pupils} pupils, {}", if db.dialect() == Dialect::Sqlite { "SQLite" } else { "PostgreSQL" });
    let first = School { date: "2026-09-01", ..School::new(pupils) };
    let moved =
        School { moved: 1_000.min(pupils / 2), made: "2026-09-14T21:00:00", date: "2026-09-02", ..School::new(pupils) };
    for (what, school_of) in [("first", &first), ("same again", &first), ("1,000 move", &moved), ("same again", &moved)]
    {
        let path = folder.path().join("roster.xml");
        std::fs::write(&path, school_of.xml()).expect("a file");
        let size = std::fs::metadata(&path).expect("a file").len();
        let started = Instant::now();
        let roster = edexml::read(&path).expect("a roster");
        let (read, held) = (started.elapsed(), peak());
        let before = db.statements();
        let started = Instant::now();
        let options = RosterOptions::new(Owner::Id(school));
        let report =
            import_roster(&db, &operator("bench", Amsterdam), &roster, &options, &mut |_| {}).expect("an import");
        println!(
            "  {what:<12} read {:>6.2} s ({} MB, {held:.0} MiB)   import {:>7.2} s, {} statements   memory {:.0} MiB\n{report}",
            read.as_secs_f64(),
            size >> 20,
            started.elapsed().as_secs_f64(),
            db.statements() - before,
            peak()
        );
    }
}

/// The most memory that this process ever held, in MiB.
fn peak() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux names it");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1_024.0
}
