//! The feed at size: the first pages of somebody in 50 groups, among a million links and 200,000 people.
//!
//! `cargo bench --bench feed -- [postgres URL] [--items N] [--rounds N]`
//!
//! Without a URL it makes a SQLite file of its own; a URL must name an empty database. Requests go through the whole
//! gateway but the network. Processor time is what Linux accounts to this process, and to PostgreSQL's for this database.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what goes wrong here ends the measurement, and should say where"
)]
#![allow(clippy::pedantic, reason = "one statement after another, as one writes them by hand")]

#[path = "support/asker.rs"]
mod asker;
#[path = "support/usage.rs"]
#[allow(dead_code, reason = "only the processor time of processes is measured here")]
mod usage;

use std::time::{Duration, Instant};

use kring::access::Role;
use kring::db::{Conn, Db, Dialect, Options, Sql};
use kring::error::Error;
use kring::http::guard::Limits;
use serde_json::{Value, json};

use asker::{Asker, runtime};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const PEOPLE: i64 = 200_000;
const GROUPS: i64 = 10_000;
/// Links of each item.
const LINKS: i64 = 4;
/// The groups that each viewer is in; one of the second viewer's shows a fifth of all items.
const OWN: i64 = 50;

const FEED: &str = "query Feed($first: Int!, $after: String) { viewer { feed(first: $first, after: $after) { \
    pageInfo { hasNextPage endCursor } edges { via { groups { id name } } node { id kind title publishedAt } } } } }";
const COUNTED: &str = "query Feed($first: Int!) { viewer { feed(first: $first) { totalCount \
    pageInfo { hasNextPage endCursor } edges { via { groups { id name } } node { id kind title publishedAt } } } } }";

const LIST: &str = "query List($first: Int!) { contents(first: $first, filter: { text: \"item 24\" }) { totalCount \
    edges { node { id kind title publishedAt } } } }";
/// Who asks.
const VIEWERS: [&str; 2] = ["50 groups:", "one of them huge:"];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |name: &str, otherwise: i64| {
        let text = args.iter().skip_while(|arg| *arg != name).nth(1);
        text.map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let (items, rounds) = (number("--items", 250_000), number("--rounds", 200));
    let folder = tempfile::tempdir().expect("a folder");
    let url = args.iter().find(|arg| arg.contains("://")).cloned();
    let url = url.unwrap_or_else(|| format!("sqlite://{}", folder.path().join("bench.db").display()));
    let options = Options {
        readers: 1,
        count_statements: true,
        statement_timeout: Duration::from_secs(600),
        ..Options::new(url.clone())
    };
    let db = Db::open(&options).expect("the database opens");
    db.migrate().expect("the schema is applied");
    let started = Instant::now();
    db.write(|conn| fill(conn, items)).expect("data");
    println!("{items} items with {} links, filled in {:.0} s", items * LINKS, started.elapsed().as_secs_f64());
    let (asker, runtime) = (Asker::new(&db, Limits::default()), runtime());
    let tokens = [1, 2].map(|participant| asker.sign(Some(participant), Role::Participant));
    let ask = |viewer: usize, query: &str, variables: &Value| {
        let answer = asker.ask(&runtime, &tokens[viewer - 1], query, variables.clone());
        let data = &answer["data"];
        let list = data.get("contents").unwrap_or(&data["viewer"]["feed"]);
        assert!(!list["edges"].as_array().expect("a list").is_empty());
        answer
    };
    let page = ask(1, FEED, &json!({ "first": 20 }));
    let cursor = &page["data"]["viewer"]["feed"]["pageInfo"]["endCursor"];
    let processes = usage::Processes::new(std::process::id(), &url);
    for (viewer, what, query, variables) in [
        (1, "first page of 20", FEED, json!({ "first": 20 })),
        (1, "next page of 20", FEED, json!({ "first": 20, "after": cursor })),
        (1, "first page of 20, counted", COUNTED, json!({ "first": 20 })),
        (1, "first page of 100", FEED, json!({ "first": 100 })),
        (1, "searched list of 20", LIST, json!({ "first": 20 })),
        (2, "first page of 20", FEED, json!({ "first": 20 })),
        (2, "first page of 20, counted", COUNTED, json!({ "first": 20 })),
    ] {
        let statements = db.statements();
        ask(viewer, query, &variables);
        let statements = db.statements() - statements;
        let (before, started) = (processes.cpu(), Instant::now());
        for _ in 0..rounds {
            ask(viewer, query, &variables);
        }
        let (after, took) = (processes.cpu(), started.elapsed());
        let each = |time: Duration| time.as_secs_f64() * 1_000.0 / rounds as f64;
        println!(
            "  {} {what:<26} {statements} statements, {:.2} ms of CPU ({:.2} gateway, {:.2} database), {:.2} ms",
            VIEWERS[viewer - 1],
            each(after.0 + after.1 - before.0 - before.1),
            each(after.0 - before.0),
            each(after.1 - before.1),
            each(took)
        );
    }
}

fn numbers(upto: i64) -> Sql {
    Sql::new("WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ")
        .int(upto)
        .text(") ")
}

fn run(conn: &mut Conn, into: &str, upto: i64, select: &str) -> Result<(), Error> {
    Sql::new(format!("INSERT INTO {into} ")).then(numbers(upto)).text(select.to_owned()).execute(conn)?;
    Ok(())
}

/// Person 1 is in groups 2 to 51, person 2 in groups 1 to 50; everybody else in four groups. Every item is linked to four groups, every fifth to group 1.
fn fill(conn: &mut Conn, items: i64) -> Result<(), Error> {
    let (epoch, at) = match conn.dialect() {
        Dialect::Sqlite => {
            ("'2020-01-01 00:00:00'", "strftime('%Y-%m-%d %H:%M:%S', '2020-01-01', '+' || (i * 100) || ' seconds')")
        }
        Dialect::Postgres => ("TIMESTAMP '2020-01-01'", "TIMESTAMP '2020-01-01' + i * INTERVAL '100 seconds'"),
    };
    let date = if conn.dialect() == Dialect::Sqlite { "'2020-01-01'" } else { "DATE '2020-01-01'" };
    run(
        conn,
        "participants (kind, family_name, display_name, sort_key, search_text, created_at, updated_at)",
        PEOPLE,
        &format!("SELECT 'PERSON', 'P' || i, 'P' || i, 'p' || i, 'p' || i, {epoch}, {epoch} FROM n ORDER BY i"),
    )?;
    run(
        conn,
        "groups (name, sort_key, search_text, created_at, updated_at)",
        GROUPS,
        &format!("SELECT 'G' || i, 'g' || i, 'g' || i, {epoch}, {epoch} FROM n ORDER BY i"),
    )?;
    let member = format!(
        "p.id, p.sort_key, {date}, (SELECT MIN(id) FROM start_reasons), 'MEMBER', 'MANUAL', {epoch}, {epoch} FROM n JOIN participants p"
    );
    let columns = "memberships (group_id, participant_id, member_key, start_date, start_reason_id, role, origin, created_at, updated_at)";
    run(conn, columns, OWN, &format!("SELECT i + 1, {member} ON p.id = 1"))?;
    run(conn, columns, OWN, &format!("SELECT i, {member} ON p.id = 2"))?;
    let others = format!("SELECT 52 + i * 7919 % {}, {member} ON p.id = 3 + i / 4", GROUPS - OWN - 1);
    run(conn, columns, (PEOPLE - 3) * 4, &others)?;
    run(
        conn,
        "content (kind, title, sort_key, search_text, details, author_key, author_name, published_at, created_at, updated_at)",
        items,
        &format!(
            "SELECT 'NEWS_ITEM', 'Item ' || i, 'item', 'item ' || i, '{{\"body\":\"x\"}}', 'bench', 'Bench', {at}, {epoch}, {epoch} FROM n ORDER BY i"
        ),
    )?;
    let columns = "content_links (content_id, kind, audience, group_id, published_at, linked_at, linked_by)";
    let links = format!(
        "SELECT c.id, c.kind, 'GROUP', CASE WHEN i % 20 = 0 THEN 1 ELSE 2 + i * 7919 % {} END, c.published_at, {epoch}, 'Bench' \
         FROM n JOIN content c ON c.id = 1 + (i - 1) / {LINKS}",
        GROUPS - 1
    );
    run(conn, columns, items * LINKS, &links)?;
    Sql::new("ANALYZE").execute(conn)?;
    Ok(())
}
