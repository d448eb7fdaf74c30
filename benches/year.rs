//! A year transition at size: a school board with 100,000 pupils in 4,000 year groups, a million links between content and
//! these groups and half a million school records.
//!
//! `cargo bench --bench year -- [postgres URL] [--pupils N] [--items N] [--records N] [--readers N] [--pause MS] [--fed]
//! [--statements]`
//!
//! Without a URL it makes a SQLite file of its own; a URL must name an empty database. Planning, applying, linking again and
//! undoing are the commands that the mutations run, each in one transaction, with the statement timeout of the gateway; the
//! preview is read through the gateway. While a plan is applied and undone, guardians ask for their feeds, through the whole
//! gateway but the network: four at a time, each 20 ms after the one before, which makes 200 requests a second, or without a
//! pause for as many as the machine can take. Processor time is what Linux accounts to the thread of the step, and on
//! PostgreSQL to its connection, so that readers and other programs do not count. Memory is the most that this process held
//! during a step, with and without the pages of SQLite's mapped file. `--fed` feeds a group from a thousand others, so that
//! memberships follow; `--statements` shows those that took most.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what goes wrong here ends the measurement, and should say where"
)]
#![allow(clippy::pedantic, reason = "one statement after another, as one writes them by hand")]

#[path = "support/asker.rs"]
mod asker;
#[path = "support/usage.rs"]
#[allow(dead_code, reason = "processes are looked at one by one here")]
mod usage;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use chrono_tz::Europe::Amsterdam;
use diesel::connection::InstrumentationEvent;
use diesel::sql_types::{BigInt, Integer};
use kring::access::Role;
use kring::app::operator;
use kring::db::{Conn, Db, Dialect, Observer, Options, Sql};
use kring::error::Error;
use kring::groups::composition::{Composition, Mode};
use kring::http::guard::Limits;
use kring::id::{self, Kind};
use kring::members::causes;
use kring::school::year::SchoolYear;
use kring::scope::Scope;
use kring::year::planning::{self, Wanted};
use kring::year::{Move, apply, relink, undo};
use serde_json::json;

use asker::{Asker, runtime};
use usage::{cpu, memory};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The school board; pupils follow it, then guardians and teachers.
const BOARD: i64 = 1;
const PUPILS_PER_GROUP: i64 = 25;
const LINKS: i64 = 4;
/// What is linked again of each of so many groups.
const RELINKED: i64 = 400;

const FEED: &str =
    "{ viewer { feed(first: 20) { edges { via { groups { id name } } node { id kind title publishedAt } } } } }";
const PREVIEW: &str = "query Preview($id: ID!) { yearTransition(id: $id) { preview { token groups { group { id name } \
    toGroup { id name } moving staying leaving linksToBreak { kind count } recordsToErase { kind count } } \
    warnings { code message } } } }";

/// How much there is.
struct Size {
    pupils: i64,
    items: i64,
    records: i64,
}

impl Size {
    fn groups(&self) -> i64 {
        self.pupils / PUPILS_PER_GROUP
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |name: &str, otherwise: i64| {
        let text = args.iter().skip_while(|arg| *arg != name).nth(1);
        text.map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let size = Size {
        pupils: number("--pupils", 100_000),
        items: number("--items", 250_000),
        records: number("--records", 500_000),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let url = args.iter().find(|arg| arg.contains("://")).cloned();
    let url = url.unwrap_or_else(|| format!("sqlite://{}", folder.path().join("bench.db").display()));
    let filler = Db::open(&Options { statement_timeout: Duration::from_secs(600), ..Options::new(url.clone()) });
    let filler = filler.expect("the database opens");
    filler.migrate().expect("the schema is applied");
    let started = Instant::now();
    filler.write(|conn| fill(conn, &size)).expect("data");
    filler.write(|conn| Ok(Sql::new("ANALYZE").execute(conn)?)).expect("statistics");
    drop(filler);
    println!(
        "{}: {} pupils in {} groups, {} links of {} items, {} records; filled in {:.0} s",
        if url.starts_with("sqlite") { "SQLite" } else { "PostgreSQL" },
        size.pupils,
        size.groups(),
        size.items * LINKS,
        size.items,
        size.records,
        started.elapsed().as_secs_f64()
    );
    let observer = Some(Observer(Arc::new(observe)));
    let db = Db::open(&Options { observer, ..Options::new(url) }).expect("the database opens");
    let pause = Duration::from_millis(number("--pause", 20).unsigned_abs());
    let flag = |name: &str| args.iter().any(|arg| arg == name);
    let bench = Bench { db, readers: number("--readers", 4), pause, statements: flag("--statements"), size };
    bench.run(flag("--fed"));
}

/// How often a statement was sent, how long all of that took, and the longest.
type Spent = (usize, Duration, Duration);

thread_local! {
    static SENT: RefCell<Option<Instant>> = const { RefCell::new(None) };
    /// What this thread has sent, by the beginning of its text.
    static SPENT: RefCell<HashMap<String, Spent>> = RefCell::new(HashMap::new());
}

fn observe(event: &InstrumentationEvent<'_>) {
    match event {
        InstrumentationEvent::StartQuery { .. } => SENT.set(Some(Instant::now())),
        InstrumentationEvent::FinishQuery { query, .. } => {
            let Some(sent) = SENT.take() else { return };
            let took = sent.elapsed();
            let text: String = query.to_string().chars().take(90).collect();
            SPENT.with_borrow_mut(|spent| {
                let (number, all, longest) = spent.entry(text).or_default();
                *number += 1;
                *all += took;
                *longest = took.max(*longest);
            });
        }
        _ => {}
    }
}

struct Bench {
    db: Db,
    readers: i64,
    pause: Duration,
    statements: bool,
    size: Size,
}

impl Bench {
    fn run(&self, fed: bool) {
        let scope = operator("bench", Amsterdam);
        let gateway = Audience::new(&self.db);
        if fed {
            feed(&self.db, &scope, self.size.groups()).expect("a fed group");
        }
        gateway.readers(self, Duration::from_secs(3), || ());
        let wanted = plan(&self.size, &scope);
        let transition = self.write("plan", |conn| planning::plan(conn, &scope, &wanted));
        self.timed("preview", || gateway.preview(transition));
        let preview = self.timed("preview, again", || gateway.preview(transition));
        let apply = |conn: &mut Conn| apply::apply(conn, &scope, transition, &preview, &mut |_| {});
        gateway.readers(self, Duration::ZERO, || self.write("apply", apply));
        self.count("after applying");
        let mapping = (1..=RELINKED.min(self.size.groups())).map(|group| relink::Mapping {
            from_group_id: group,
            to_group_id: group,
            kinds: None,
        });
        let request = relink::Request { transition_id: transition, links: Vec::new(), mapping: mapping.collect() };
        let relinked = self.write("link again", |conn| relink::relink(conn, &scope, &request));
        println!("    {} links", relinked.relinked);
        let undo = |conn: &mut Conn| undo::undo(conn, &scope, transition);
        let undone = gateway.readers(self, Duration::ZERO, || self.write("undo", undo));
        println!("    {undone:?}");
        self.count("after undoing");
    }

    /// Writes in one transaction, and says what that took.
    fn write<T>(&self, what: &str, step: impl FnOnce(&mut Conn) -> Result<T, Error>) -> T {
        let used = |process: &str| cpu(process).unwrap_or_default();
        let (mut backend, before) = (None, used("thread-self"));
        let done = self.timed(what, || {
            let done = self.db.write(|conn| {
                if conn.dialect() == Dialect::Postgres {
                    let pid = Sql::new("SELECT pg_backend_pid()").first::<Integer, i32>(conn)?.expect("a process");
                    backend = Some((used(&pid.to_string()), pid.to_string()));
                }
                step(conn)
            });
            done.expect("the step")
        });
        let gateway = used("thread-self").saturating_sub(before).as_secs_f64();
        let database = backend.map_or(0.0, |(before, pid)| used(&pid).saturating_sub(before).as_secs_f64());
        println!("    processor time: {gateway:.1} s gateway, {database:.1} s database");
        done
    }

    /// Runs one step, and says how long it took, its statements and the most memory held meanwhile.
    fn timed<T>(&self, what: &str, step: impl FnOnce() -> T) -> T {
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        SPENT.take();
        let over = AtomicBool::new(false);
        let (done, took, anonymous) = std::thread::scope(|threads| {
            let watch = threads.spawn(|| {
                let mut most: f64 = 0.0;
                while !over.load(Ordering::Relaxed) {
                    most = most.max(memory("self", "RssAnon"));
                    std::thread::sleep(Duration::from_millis(10));
                }
                most
            });
            let started = Instant::now();
            let done = step();
            let took = started.elapsed();
            over.store(true, Ordering::Relaxed);
            (done, took, watch.join().expect("the watch"))
        });
        let mut spent: Vec<(String, Spent)> = SPENT.take().into_iter().collect();
        spent.sort_by_key(|(_, (_, all, _))| std::cmp::Reverse(*all));
        let number: usize = spent.iter().map(|(_, (number, ..))| number).sum();
        let longest = spent.iter().map(|(_, (.., longest))| *longest).max().unwrap_or_default();
        println!(
            "  {what:<16} {:>7.2} s, {number} statements, the longest {:.2} s; memory {:.0} MiB, {anonymous:.0} without mapped pages",
            took.as_secs_f64(),
            longest.as_secs_f64(),
            memory("self", "VmHWM")
        );
        for (text, (number, all, longest)) in spent.iter().take(if self.statements { 12 } else { 0 }) {
            println!("      {:>6.2} s, {number} of at most {:.2} s: {text}", all.as_secs_f64(), longest.as_secs_f64());
        }
        done
    }

    fn count(&self, when: &str) {
        let rows = |sql: &'static str| {
            self.db.read(|conn| Ok(Sql::new(sql).first::<BigInt, i64>(conn)?)).expect("a count").unwrap_or_default()
        };
        println!(
            "    {when}: {} memberships in force, {} links open, {} records",
            rows("SELECT COUNT(*) FROM memberships WHERE annulled_at IS NULL AND end_date IS NULL"),
            rows("SELECT COUNT(*) FROM content_links WHERE unlinked_at IS NULL"),
            rows(
                "SELECT (SELECT COUNT(*) FROM absence_reports) + (SELECT COUNT(*) FROM leave_requests) + (SELECT COUNT(*) FROM lunch_stays)"
            )
        );
    }
}

/// Everybody goes one group up; the members of the last groups leave.
fn plan(size: &Size, scope: &Scope) -> Wanted {
    let from_year = SchoolYear::of(scope.today - chrono::Duration::days(365));
    let moves = (1..=size.groups()).map(|group_id| Move {
        group_id,
        to_group_id: (group_id % 8 != 0).then_some(group_id + 1),
        with_leaders: false,
    });
    Wanted {
        organization_id: BOARD,
        from_year,
        to_year: from_year.next(),
        effective_on: scope.today,
        moves: moves.collect(),
        exceptions: Vec::new(),
    }
}

/// A group of everybody, through a composite.
fn feed(db: &Db, scope: &Scope, groups: i64) -> Result<(), Error> {
    let group = |name: &str, source: Option<i64>| {
        let settings = kring::groups::Settings {
            name: name.to_owned(),
            organization_id: Some(BOARD),
            source_group_id: source,
            ..kring::groups::Settings::default()
        };
        db.write(|conn| causes::create_group(conn, scope, settings)).map(|made| made.saved.id)
    };
    let everybody = group("Everybody", None)?;
    let components: Vec<(i64, Mode)> = (1..=groups.min(1_000)).map(|group| (group, Mode::Include)).collect();
    db.write(|conn| causes::set_components(conn, scope, everybody, Some(Composition::Any), &components))?;
    group("Fed", Some(everybody))?;
    Ok(())
}

/// The gateway, with an administrator and guardians who ask.
struct Audience {
    asker: Asker,
    administrator: String,
    guardians: Vec<String>,
}

impl Audience {
    fn new(db: &Db) -> Self {
        let asker = Asker::new(db, Limits { max_cost: 100_000, ..Limits::default() });
        let pupils = db
            .read(|conn| Ok(Sql::new("SELECT COUNT(*) FROM guardianships").first::<BigInt, i64>(conn)?))
            .expect("a count")
            .unwrap_or_default();
        let guardian = |n: i64| asker.sign(Some(BOARD + pupils + 1 + n * 997 % pupils), Role::Participant);
        let guardians = (0..64).map(guardian).collect();
        Self { administrator: asker.sign(None, Role::Administrator), asker, guardians }
    }

    fn preview(&self, transition: i64) -> String {
        let variables = json!({ "id": id::encode(Kind::YearTransition, transition) });
        let answer = self.asker.ask(&runtime(), &self.administrator, PREVIEW, variables);
        let preview = &answer["data"]["yearTransition"]["preview"];
        println!("    {} groups", preview["groups"].as_array().expect("groups").len());
        preview["token"].as_str().expect("a token").to_owned()
    }

    /// Lets guardians read while a step runs, and says how that went.
    fn readers<T>(&self, bench: &Bench, least: Duration, step: impl FnOnce() -> T) -> T {
        let over = AtomicBool::new(false);
        let (done, mut times) = std::thread::scope(|threads| {
            let readers: Vec<_> = (0..bench.readers)
                .map(|reader| {
                    let over = &over;
                    threads.spawn(move || {
                        let (runtime, mut times) = (runtime(), Vec::new());
                        while !over.load(Ordering::Relaxed) {
                            let n = usize::try_from(reader).expect("a reader") + times.len() * 4;
                            let started = Instant::now();
                            self.asker.ask(&runtime, &self.guardians[n % self.guardians.len()], FEED, json!({}));
                            times.push(started.elapsed());
                            std::thread::sleep(bench.pause.saturating_sub(started.elapsed()));
                        }
                        times
                    })
                })
                .collect();
            let done = step();
            std::thread::sleep(least);
            over.store(true, Ordering::Relaxed);
            let times: Vec<Duration> = readers.into_iter().flat_map(|one| one.join().expect("a reader")).collect();
            (done, times)
        });
        if bench.readers == 0 {
            return done;
        }
        times.sort_unstable();
        let of = |n: usize| times.get(n).map_or(0.0, |took| took.as_secs_f64() * 1_000.0);
        let all = times.len();
        println!(
            "    read meanwhile: {all} feeds, median {:.1} ms, 99th of 100 {:.1} ms, slowest {:.1} ms",
            of(all / 2),
            of(all * 99 / 100),
            of(all.saturating_sub(1))
        );
        done
    }
}

fn run(conn: &mut Conn, into: &str, upto: i64, select: &str) -> Result<(), Error> {
    Sql::new(format!(
        "INSERT INTO {into} WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < "
    ))
    .int(upto)
    .text(format!(") {select}"))
    .execute(conn)?;
    Ok(())
}

/// Keys are numbered from 1, as a fresh database hands them out: the board, the pupils, a guardian of each, a teacher of
/// each group.
fn fill(conn: &mut Conn, size: &Size) -> Result<(), Error> {
    let sqlite = conn.dialect() == Dialect::Sqlite;
    let at = if sqlite { "'2020-01-01 00:00:00.000000'" } else { "TIMESTAMP '2020-01-01'" };
    let date = |text: &str| if sqlite { format!("'{text}'") } else { format!("DATE '{text}'") };
    let (pupils, groups) = (size.pupils, size.groups());
    let people = pupils * 2 + groups;
    run(
        conn,
        "participants (kind, name, display_name, sort_key, search_text, created_at, updated_at)",
        1,
        &format!("SELECT 'ORGANIZATION', 'Bestuur', 'Bestuur', 'bestuur', 'bestuur', {at}, {at} FROM n"),
    )?;
    run(
        conn,
        "participants (kind, family_name, display_name, sort_key, search_text, organization_id, created_at, updated_at)",
        people,
        &format!("SELECT 'PERSON', 'P' || i, 'P' || i, 'p' || i, 'p' || i, {BOARD}, {at}, {at} FROM n ORDER BY i"),
    )?;
    run(
        conn,
        "groups (name, sort_key, search_text, organization_id, year_group, created_at, updated_at)",
        groups,
        &format!(
            "SELECT 'G' || i, 'g' || i, 'g' || i, {BOARD}, CAST((i - 1) % 8 + 1 AS INTEGER), {at}, {at} FROM n ORDER BY i"
        ),
    )?;
    run(
        conn,
        "guardianships (child_id, guardian_id)",
        pupils,
        &format!("SELECT {BOARD} + i, {BOARD} + {pupils} + i FROM n"),
    )?;
    let member = |role: &str| {
        format!(
            "p.id, p.sort_key, {}, (SELECT MIN(id) FROM start_reasons), '{role}', 'MANUAL', {at}, {at} FROM n JOIN participants p",
            date("2025-08-18")
        )
    };
    let columns = "memberships (group_id, participant_id, member_key, start_date, start_reason_id, role, origin, created_at, updated_at)";
    let of_pupils = format!("SELECT (i - 1) / {PUPILS_PER_GROUP} + 1, {} ON p.id = {BOARD} + i", member("MEMBER"));
    run(conn, columns, pupils, &of_pupils)?;
    run(conn, columns, groups, &format!("SELECT i, {} ON p.id = {BOARD} + {pupils} * 2 + i", member("LEADER")))?;
    let published = if sqlite {
        "strftime('%Y-%m-%d %H:%M:%f000', '2020-01-01', '+' || (i * 100) || ' seconds')"
    } else {
        "TIMESTAMP '2020-01-01' + i * INTERVAL '100 seconds'"
    };
    run(
        conn,
        "content (kind, title, sort_key, search_text, details, organization_id, author_key, author_name, published_at, created_at, updated_at)",
        size.items,
        &format!(
            "SELECT CASE i % 3 WHEN 0 THEN 'PAGE' ELSE 'NEWS_ITEM' END, 'Item ' || i, 'item', 'item', '{{\"body\":\"x\"}}', {BOARD}, 'bench', 'Bench', {published}, {at}, {at} FROM n ORDER BY i"
        ),
    )?;
    run(
        conn,
        "content_links (content_id, kind, audience, group_id, published_at, linked_at, linked_by)",
        size.items * LINKS,
        &format!(
            "SELECT c.id, c.kind, 'GROUP', 1 + i * 7919 % {groups}, c.published_at, {at}, 'Bench' FROM n JOIN content c ON c.id = 1 + (i - 1) / {LINKS}"
        ),
    )?;
    records(conn, size, at)?;
    Ok(())
}

/// Half of them lunch stays, three in ten absence reports, the rest leave requests.
fn records(conn: &mut Conn, size: &Size, at: &str) -> Result<(), Error> {
    let sqlite = conn.dialect() == Dialect::Sqlite;
    let pupils = size.pupils;
    let year = SchoolYear::of(operator("bench", Amsterdam).today - chrono::Duration::days(365));
    let first = NaiveDate::from_ymd_opt(i32::try_from(year.first()).unwrap_or_default(), 9, 1).expect("a day");
    let day = if sqlite {
        format!("date('{first}', '+' || (i / {pupils}) || ' days')")
    } else {
        format!("DATE '{first}' + CAST(i / {pupils} AS INTEGER)")
    };
    let who = format!("{BOARD} + 1 + i % {pupils}, 1 + (i % {pupils}) / {PUPILS_PER_GROUP}, {}, {day}", year.first());
    for (into, share, rest) in [
        ("lunch_stays (participant_id, group_id, school_year, date, made_by_name, created_at)", 5, String::new()),
        ("absence_reports (participant_id, group_id, school_year, date, made_by_name, created_at)", 3, String::new()),
        (
            "leave_requests (participant_id, group_id, school_year, from_date, until_date, reason, made_by_name, created_at)",
            2,
            format!(", {day}, 'Feest'"),
        ),
    ] {
        let select = format!("SELECT {who}{rest}, 'Ouder', {at} FROM n");
        run(conn, into, size.records * share / 10, &select)?;
    }
    Ok(())
}
