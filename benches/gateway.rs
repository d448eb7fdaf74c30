//! The gateway against a handler written by hand, over HTTP: processor time, latency, memory and start.
//!
//! `cargo bench --bench gateway -- [sqlite|postgres URL] [--size small|full] [--rounds N] [--only a,e,f2]`
//!
//! `sqlite` makes and keeps a file under the temporary directory; a URL names any database. An empty one is filled
//! first. Both sides run as processes of their own, take turns in every round, and must answer alike before anything
//! is measured. Processor time is what Linux accounts to the gateway and to PostgreSQL's processes for this database, so
//! nothing else may use it meanwhile.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what goes wrong here ends the measurement, and should say where"
)]
#![allow(clippy::pedantic, clippy::type_complexity, reason = "one statement after another, as one writes them by hand")]

mod support;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chrono_tz::Europe::Amsterdam;
use kring::access::Role;
use kring::access::token::Keys;
use kring::app;
use kring::db::{Db, Options};
use kring::graphql::session::Shared;
use kring::http::guard::Limits;
use kring::http::{self, Gateway, server};
use kring::scope::Clock;
use serde_json::{Value, json};
use support::client::{Client, post};
use support::generate::{self, Size};
use support::handwritten;
use support::operations::{self, Operation};
use support::usage::{Processes, memory};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Not a secret: it signs tokens for databases of made-up people.
const SECRET: &str = "a secret for the benchmark and nothing else";
/// How many connections ask at the same time while processor time is measured.
const CONNECTIONS: usize = 4;
const PERIOD: Duration = Duration::from_millis(1_200);
const SIDES: [Side; 2] = [Side::Kring, Side::Handwritten];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [serve, side, url, port] = args.as_slice()
        && serve == "--serve"
    {
        return serve_side(Side::named(side), url, port.parse().expect("a port"));
    }
    let settings = Settings::read(&args);
    let db = Db::open(&Options::new(&settings.url)).expect("the database opens");
    db.migrate().expect("the schema is applied");
    drop(db);
    if is_empty(&settings.url) {
        let started = Instant::now();
        generate::fill(&settings.url, &settings.size, 1);
        println!("Filled with {} data in {:.0} s.", settings.size.name, started.elapsed().as_secs_f64());
    }
    compare(&settings);
    measure_start(&settings.url);
}

struct Settings {
    url: String,
    size: Size,
    rounds: usize,
    only: Option<Vec<String>>,
}

impl Settings {
    fn read(args: &[String]) -> Self {
        let value =
            |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).map(String::as_str);
        let size = match value("--size") {
            Some("full") => Size::FULL,
            None | Some("small") => Size::SMALL,
            Some(other) => panic!("--size is small or full, not {other}"),
        };
        let url = match args.iter().find(|arg| arg.contains("://")) {
            Some(url) => url.clone(),
            None => {
                format!("sqlite://{}", std::env::temp_dir().join(format!("kring-bench-{}.db", size.name)).display())
            }
        };
        Self {
            url,
            size,
            rounds: value("--rounds").map_or(5, |text| text.parse().expect("--rounds takes a number")),
            only: value("--only").map(|names| names.split(',').map(ToOwned::to_owned).collect()),
        }
    }
}

fn is_empty(url: &str) -> bool {
    use diesel::sql_types::BigInt;
    let db = Db::open(&Options::new(url)).expect("the database opens");
    let number = db.read(|conn| Ok(kring::db::Sql::new("SELECT COUNT(*) FROM groups").first::<BigInt, i64>(conn)?));
    number.expect("the database answers") == Some(0)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Kring,
    Handwritten,
}

impl Side {
    fn named(name: &str) -> Self {
        if name == "kring" { Self::Kring } else { Self::Handwritten }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kring => "kring",
            Self::Handwritten => "handwritten",
        }
    }

    /// The operation as this side takes it, once for each set of variables.
    fn requests(self, operation: &Operation, token: &str) -> Vec<Vec<u8>> {
        let request = |variables: &Value| match self {
            Self::Kring => {
                post("/graphql", token, &json!({ "query": operation.document, "variables": variables }).to_string())
            }
            Self::Handwritten => post("/", token, &json!({ "op": operation.name, "variables": variables }).to_string()),
        };
        operation.variables.iter().map(request).collect()
    }
}

fn serve_side(side: Side, url: &str, port: u16) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let db = Db::open(&Options::new(url)).expect("the database opens");
        let keys = Keys::from_secret(SECRET);
        let listener = app::listen(([127, 0, 0, 1], port).into()).await.expect("the port is free");
        if side == Side::Kring {
            let options = http::Options {
                // The history of somebody with the most memberships that a page holds costs more than the usual limit.
                limits: Limits { max_cost: 50_000, ..Limits::default() },
                execution: Duration::from_secs(10),
                change: Duration::from_secs(10),
                wait: Duration::from_secs(3),
                clock: Clock::System,
                zone: Amsterdam,
                mail: false,
                files: None,
            };
            let shared = Shared { db, compositions: Default::default() };
            let gateway = Gateway::new(shared, keys, options).expect("the schema can be described");
            return server::serve(listener, http::router(gateway), &server::Options::default(), std::future::pending())
                .await;
        }
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true)));
        let shared = handwritten::Shared { db, keys, zone: Amsterdam };
        axum::serve(listener, handwritten::router(shared)).await.expect("the handler serves");
    });
}

/// A server in a process of its own, ended with this value.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(mut command: Command, port: u16) -> Self {
        let child = command.stdin(Stdio::null()).spawn().expect("a process starts");
        Self { child, port }
    }

    fn side(side: Side, url: &str) -> Self {
        let port = free_port();
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--serve", side.name(), url, &port.to_string()]);
        let server = Self::start(command, port);
        server.wait();
        server
    }

    fn wait(&self) -> Client {
        loop {
            if let Some(client) = Client::connect(self.port) {
                return client;
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("the process ends");
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("an address").port()
}

fn token() -> String {
    let now = Clock::System.now();
    let grants = [(Role::Administrator, None)];
    Keys::from_secret(SECRET).sign(None, &grants, "Bench", now, chrono::Duration::hours(12)).expect("a token")
}

/// What one side took for one operation.
#[derive(Default)]
struct Taken {
    gateway: Vec<f64>,
    servers: Vec<f64>,
    median: Vec<f64>,
    p95: Vec<f64>,
}

fn compare(settings: &Settings) {
    let token = token();
    let operations: Vec<Operation> = operations::all(&settings.url)
        .into_iter()
        .filter(|operation| settings.only.as_ref().is_none_or(|only| only.iter().any(|name| name == operation.name)))
        .collect();
    let servers = SIDES.map(|side| Server::side(side, &settings.url));
    for operation in &operations {
        assert_alike(operation, &servers, &token);
    }
    let postgres = !settings.url.starts_with("sqlite:");
    println!("| | operation | CPU kring | by hand | ratio | latency kring | p95 | by hand | p95 | ratio |");
    println!("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for operation in &operations {
        let mut taken = [Taken::default(), Taken::default()];
        for round in 0..settings.rounds {
            for n in [round % 2, 1 - round % 2] {
                let requests = SIDES[n].requests(operation, &token);
                measure(&requests, &servers[n], &settings.url, &mut taken[n]);
            }
        }
        let [kring, hand] = taken;
        let cpu = |taken: &Taken| {
            let (own, other) = (middle(&taken.gateway), middle(&taken.servers));
            let detail = if postgres { format!(" ({own:.0} + {other:.0})") } else { String::new() };
            (own + other, format!("{:.0} µs{detail}", own + other))
        };
        let ((kring_cpu, kring_text), (hand_cpu, hand_text)) = (cpu(&kring), cpu(&hand));
        println!(
            "| {} | {} | {kring_text} | {hand_text} | **{:.2}** | {:.0} µs | {:.0} | {:.0} µs | {:.0} | {:.2} |",
            operation.name,
            operation.shows,
            kring_cpu / hand_cpu,
            middle(&kring.median),
            middle(&kring.p95),
            middle(&hand.median),
            middle(&hand.p95),
            middle(&kring.median) / middle(&hand.median),
        );
    }
}

/// Nothing is compared that does not answer the same.
fn assert_alike(operation: &Operation, servers: &[Server; 2], token: &str) {
    let [kring, hand] = [0, 1].map(|n| {
        let mut client = servers[n].wait();
        let answers = SIDES[n].requests(operation, token).into_iter().map(|request| {
            let (status, body) = client.send(&request);
            assert_eq!(status, 200, "{}: {}", operation.name, String::from_utf8_lossy(body));
            serde_json::from_slice::<Value>(body).expect("an answer of JSON")
        });
        answers.collect::<Vec<Value>>()
    });
    for (kring, hand) in kring.iter().zip(&hand) {
        assert!(kring.get("errors").is_none(), "{}: {kring}", operation.name);
        assert_eq!(&kring["data"], hand, "{}", operation.name);
    }
}

/// First as many requests as fit, on several connections, for the processor time of each; then one after another, for
/// the time that one takes.
fn measure(requests: &[Vec<u8>], server: &Server, url: &str, taken: &mut Taken) {
    let port = server.port;
    let ask_at_once = |period: Duration| -> usize {
        std::thread::scope(|scope| {
            let askers: Vec<_> =
                (0..CONNECTIONS).map(|_| scope.spawn(move || ask(requests, port, period).len())).collect();
            askers.into_iter().map(|asker| asker.join().expect("the answers came")).sum()
        })
    };
    ask_at_once(PERIOD / 4);
    let processes = Processes::new(server.child.id(), url);
    let before = processes.cpu();
    let number = ask_at_once(PERIOD);
    let after = processes.cpu();
    let each =
        |time: Duration| time.as_secs_f64() * 1e6 / f64::from(u32::try_from(number).expect("a number of requests"));
    taken.gateway.push(each(after.0.saturating_sub(before.0)));
    taken.servers.push(each(after.1.saturating_sub(before.1)));
    let mut times = ask(requests, port, PERIOD / 2);
    times.sort_by(f64::total_cmp);
    taken.median.push(middle(&times));
    taken.p95.push(times[times.len() * 95 / 100]);
}

/// Asks until the time is up; how long each request took, in microseconds.
fn ask(requests: &[Vec<u8>], port: u16, period: Duration) -> Vec<f64> {
    let mut client = Client::connect(port).expect("the server listens");
    let started = Instant::now();
    let mut times = Vec::new();
    for request in requests.iter().cycle() {
        let asked = Instant::now();
        let (status, _) = client.send(request);
        assert_eq!(status, 200);
        times.push(asked.elapsed().as_secs_f64() * 1e6);
        if started.elapsed() > period {
            break;
        }
    }
    times
}

fn middle(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The real program on the database as it is: when it first answers, and what memory it holds then.
fn measure_start(url: &str) {
    let token = token();
    let operation = operations::all(url).swap_remove(0);
    let request = Side::Kring.requests(&operation, &token).swap_remove(0);
    let mut firsts = Vec::new();
    let mut idle = (0.0, 0.0);
    for _ in 0..5 {
        let port = free_port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kring"));
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}")]);
        command.envs([("DATABASE_URL", url), ("KRING_JWT_SECRET", SECRET), ("KRING_LOG", "warn")]);
        let started = Instant::now();
        let server = Server::start(command, port);
        let (status, _) = server.wait().send(&request);
        assert_eq!(status, 200);
        firsts.push(started.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_secs(1));
        let process = server.child.id().to_string();
        idle = (memory(&process, "VmRSS"), memory(&process, "RssAnon"));
    }
    println!(
        "\nFirst answer after {:.0} ms; idle with {:.1} MiB resident, {:.1} MiB of it its own.",
        middle(&firsts),
        idle.0,
        idle.1
    );
}
