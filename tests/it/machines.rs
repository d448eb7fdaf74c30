//! Faults of machines: a schema from the future, a database that does not answer, clients that stop half-way, and a gateway
//! that is told to stop.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::sql_types::Text;
use kring::content::files::objects::{Bucket, Objects};
use kring::db::{Db, Dialect, Health, Options, Sql};
use kring::http::server;

use crate::harness::{RUNTIME, Single, World, both, once};

const FUTURE: &str = "99990101000000";

fn write(db: &Db, sql: &str) {
    db.write(|conn| Ok(Sql::new(sql.to_owned()).execute(conn)?)).unwrap();
}

both! {
    fn a_schema_that_is_newer_is_refused_at_start_and_told_while_running(world) {
        let served = crate::http::Served::world(world);
        write(&world.db, &format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{FUTURE}')"));
        let refusal = world.db.migrate().unwrap_err().to_string();
        assert!(refusal.contains(FUTURE) && refusal.contains("too old"), "{refusal}");
        assert!(matches!(world.db.health().unwrap(), Health::Newer(database, program) if database == FUTURE && program < database));
        let ready = served.request("GET", "/ready", &[], b"");
        assert_eq!(ready.status, 200, "a running gateway goes on");
        assert!(ready.body.contains(FUTURE), "{}", ready.body);
        let started = Command::new(env!("CARGO_BIN_EXE_kring"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("DATABASE_URL", world.url())
            .env("KRING_JWT_SECRET", "y7Tq0dJm2xWc9LrKp4Zs8Vb1NfGh6Ea3")
            .output()
            .unwrap();
        assert!(!started.status.success());
        assert!(String::from_utf8_lossy(&started.stderr).contains(FUTURE), "{started:?}");
    }

    fn whoever_migrates_waits_for_another_that_does(world) {
        let impatient = Options { readers: 1, statement_timeout: Duration::from_millis(200), ..Options::new(world.url()) };
        let other = Db::open(&impatient).unwrap();
        let held = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let hold = |conn: &mut _| {
                    if world.db.dialect() == Dialect::Postgres {
                        Sql::new("SELECT pg_advisory_xact_lock(324042059367)").execute(conn).unwrap();
                    }
                    held.wait();
                    std::thread::sleep(Duration::from_millis(900));
                    Ok(())
                };
                world.db.write(hold).unwrap();
            });
            held.wait();
            let since = Instant::now();
            assert_eq!(other.migrate().unwrap(), Vec::<String>::new());
            assert!(since.elapsed() > Duration::from_millis(500), "it did not wait: {:?}", since.elapsed());
        });
        if world.db.dialect() == Dialect::Postgres {
            let limit = |name: &str| Sql::new(format!("SHOW {name}")).first::<Text, String>(&mut other.reader().unwrap()).unwrap();
            assert_eq!(limit("statement_timeout").as_deref(), Some("200ms"));
            let writing = other.write(|conn| Ok(Sql::new("SHOW statement_timeout").first::<Text, String>(conn)?)).unwrap();
            assert_eq!(writing.as_deref(), Some("200ms"), "no connection has lost its limit");
        }
    }

    fn readiness_tells_busy_from_broken(world) {
        let db = Db::open(&Options { readers: 1, ..Options::new(world.url()) }).unwrap();
        assert_eq!(db.health().unwrap(), Health::Ready);
        let held = db.snapshot().unwrap();
        assert_eq!(db.health().unwrap(), Health::Busy);
        drop(held);
        assert_eq!(db.health().unwrap(), Health::Ready);
    }
}

/// A server with little patience.
fn impatient(world: &World, options: server::Options) -> std::net::SocketAddr {
    let listener = RUNTIME.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let router = world.router.clone();
    RUNTIME.spawn(async move { server::serve(listener, router, &options, std::future::pending()).await });
    address
}

/// How long it takes until the other side closes, and what it said before.
fn closed(stream: &mut TcpStream) -> (Duration, String) {
    let since = Instant::now();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut said = Vec::new();
    // A connection that is cut is closed as well.
    if let Err(error) = stream.read_to_end(&mut said) {
        assert!(error.kind() == std::io::ErrorKind::ConnectionReset, "{error}");
    }
    (since.elapsed(), String::from_utf8_lossy(&said).into_owned())
}

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n";

once! {
    fn half_a_head_is_not_waited_for_and_a_silent_connection_is() {
        let world = World::sqlite();
        let patience = server::patience::Patience { head: Duration::from_millis(400), ..Default::default() };
        let address = impatient(&world, server::Options { patience, ..Default::default() });
        let mut half = TcpStream::connect(address).unwrap();
        half.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\n").unwrap();
        let (took, said) = closed(&mut half);
        assert!(took > Duration::from_millis(200) && took < Duration::from_secs(5), "{took:?}");
        assert_eq!(said, "");
        // Between two requests a client may be silent, and then only.
        let mut second = TcpStream::connect(address).unwrap();
        for _ in 0..2 {
            second.write_all(HEALTH).unwrap();
            let mut answer = [0_u8; 512];
            let read = second.read(&mut answer).unwrap();
            assert!(String::from_utf8_lossy(answer.get(..read).unwrap()).starts_with("HTTP/1.1 200"));
            std::thread::sleep(Duration::from_millis(900));
        }
        second.write_all(b"GET /hea").unwrap();
        assert!(closed(&mut second).0 < Duration::from_secs(5));
    }

    fn one_source_does_not_keep_others_out() {
        let world = World::sqlite();
        let address = impatient(&world, server::Options { per_source: 3, ..Default::default() });
        let mut own: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
        for stream in &mut own {
            stream.write_all(HEALTH).unwrap();
            assert!(stream.read(&mut [0_u8; 512]).unwrap() > 0);
        }
        let mut fourth = TcpStream::connect(address).unwrap();
        assert_eq!(closed(&mut fourth).1, "", "the fourth is closed at once");
        let other = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        other.bind(&std::net::SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
        other.connect(&address.into()).unwrap();
        let mut other = TcpStream::from(other);
        other.write_all(HEALTH).unwrap();
        assert!(other.read(&mut [0_u8; 512]).unwrap() > 0, "another source is served");
    }

    fn an_answer_that_nobody_reads_is_not_kept() {
        let world = World::sqlite();
        let patience = server::patience::Patience { unread: Duration::from_millis(400), ..Default::default() };
        let address = impatient(&world, server::Options { patience, ..Default::default() });
        let mut stream = TcpStream::connect(address).unwrap();
        let since = Instant::now();
        // So many answers that no buffer holds them all.
        let end = (0..2_000_000).find_map(|_| stream.write_all(HEALTH).err());
        assert!(end.is_some() && since.elapsed() < Duration::from_secs(60), "{:?}", since.elapsed());
    }

    fn the_database_and_its_files_are_their_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.db");
        let db = Db::open(&Options::new(format!("sqlite://{}", path.display()))).unwrap();
        db.migrate().unwrap();
        let files = folder.path().join("files");
        Objects::open(files.to_str().unwrap(), &Bucket::default()).unwrap();
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), if path == files { 0o700 } else { 0o600 }, "{}", path.display());
        }
    }

    fn what_a_killed_upload_left_goes_with_its_object() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(folder.path().to_str().unwrap(), &Bucket::default()).unwrap();
        std::fs::create_dir(folder.path().join("ab")).unwrap();
        for name in ["key", "key#1", "key#12", "keys", "other#1"] {
            std::fs::write(folder.path().join("ab").join(name), "x").unwrap();
        }
        RUNTIME.block_on(objects.remove("ab/key")).unwrap();
        RUNTIME.block_on(objects.remove("zz/nothing")).unwrap();
        let mut left: Vec<_> = std::fs::read_dir(folder.path().join("ab")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["keys", "other#1"]);
    }

    fn a_backup_that_was_made_while_others_wrote_serves() {
        let world = World::sqlite();
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.db");
        let name = |number: usize| format!("mutation {{ createGroupCategory(input: {{ name: \"K{number}\" }}) {{ userErrors {{ code }} }} }}");
        let stop = AtomicBool::new(false);
        let before = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut number = 0;
                while number < 20 || number < 95 && !stop.load(Ordering::Relaxed) {
                    assert!(world.ask(&name(number), serde_json::json!({}))["errors"].is_null());
                    number += 1;
                }
            });
            while world.rows("group_categories") < 5 {
                std::thread::sleep(Duration::from_millis(5));
            }
            let before = world.rows("group_categories");
            let backup = |file: &std::path::Path| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_kring"));
                command.arg("backup").arg(file).env("DATABASE_URL", world.url()).output().unwrap()
            };
            let made = backup(&copy);
            stop.store(true, Ordering::Relaxed);
            assert!(made.status.success(), "{made:?}");
            let again = backup(&copy);
            assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("File exists"), "{again:?}");
            writer.join().unwrap();
            before
        });
        let served = crate::http::Served::before(
            Db::open(&Options::new(format!("sqlite://{}", copy.display()))).unwrap(),
            Duration::from_secs(5),
            Duration::from_secs(5),
        );
        let answer = served.ask("{ groupCategories(first: 100) { edges { node { name } } } }", serde_json::json!({})).json();
        let names: Vec<&str> = answer["data"]["groupCategories"]["edges"].as_array().unwrap().iter().filter_map(|edge| edge["node"]["name"].as_str()).collect();
        let copied = (0..).take_while(|number| names.contains(&format!("K{number}").as_str())).count();
        assert_eq!(copied, names.iter().filter(|name| name.starts_with('K')).count(), "one state: {names:?}");
        assert!(names.len() as i64 >= before, "{} of {before}", names.len());
    }

    fn the_cause_is_told_when_the_database_cannot_be_opened() {
        for (url, cause) in [
            ("sqlite:///there/is/no/such/folder/kring.db", "No such file or directory"),
            ("postgres://kring@127.0.0.1:9/kring", "refused"),
            ("postgres://kring@no-such-host.invalid/kring?sslmode=disable", "no-such-host.invalid"),
        ] {
            let output = Command::new(env!("CARGO_BIN_EXE_kring")).arg("migrate").env("DATABASE_URL", url).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && said.contains(cause), "{url}: {said}");
        }
    }

    fn a_gateway_that_is_told_to_stop_stops_and_another_waits_for_that() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Process::serve(folder.path());
        let second = Process::command(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&second.stderr);
        assert!(!second.status.success() && said.contains(&format!("process {}", first.0.id())), "{said}");
        assert!(!said.contains('\u{1b}'), "no colours in what is no terminal: {said}");
        // Half a head, and answers that nobody reads.
        let mut half = TcpStream::connect(first.1).unwrap();
        half.write_all(b"GET /health HTTP/1.1\r\nHo").unwrap();
        let mut deaf = TcpStream::connect(first.1).unwrap();
        deaf.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let full = (0..2_000_000).find_map(|_| deaf.write_all(HEALTH).err());
        assert!(full.is_some());
        let since = Instant::now();
        assert!(Command::new("kill").arg(first.0.id().to_string()).status().unwrap().success());
        assert!(first.0.wait().unwrap().success());
        assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
        drop(Process::serve(folder.path()));
    }
}

/// A gateway in a process of its own; killed when dropped.
struct Process(Child, std::net::SocketAddr);

impl Process {
    fn command(folder: &std::path::Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kring"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--stop-seconds", "1"])
            .current_dir(folder)
            .env("DATABASE_URL", format!("sqlite://{}", folder.join("kring.db").display()))
            .env("KRING_JWT_SECRET", "y7Tq0dJm2xWc9LrKp4Zs8Vb1NfGh6Ea3");
        command
    }

    fn serve(folder: &std::path::Path) -> Self {
        let mut child = Self::command(folder).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
        let line = lines.by_ref().map(Result::unwrap).find(|line| line.contains("serving")).unwrap();
        let (_, address) = line.rsplit_once("address=").unwrap();
        let address = address.trim().parse().unwrap();
        // What else it says must not fill the pipe.
        std::thread::spawn(move || lines.count());
        Self(child, address)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Stands between the gateway and its database, and can be frozen: connections stay open, and nothing moves.
struct Between {
    address: std::net::SocketAddr,
    frozen: Arc<AtomicBool>,
}

impl Between {
    fn new(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let frozen = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&frozen);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&server) else { continue };
                for (from, to) in [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))] {
                    let flag = Arc::clone(&flag);
                    std::thread::spawn(move || forward(from.unwrap(), to.unwrap(), &flag));
                }
            }
        });
        Self { address, frozen }
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, frozen: &AtomicBool) {
    let mut bytes = [0_u8; 8_192];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        while frozen.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
        }
        if to.write_all(bytes.get(..read).unwrap_or_default()).is_err() {
            break;
        }
    }
    // The other direction may have ended before.
    let _ = to.shutdown(std::net::Shutdown::Both);
}

fn readiness_is_answered_in_time_when_the_database_is_frozen() {
    let world = World::postgres();
    let url = world.url();
    let server = url.split_once('@').unwrap().1.split('/').next().unwrap().to_owned();
    let between = Between::new(server.clone());
    let db = Db::open(&Options::new(url.replace(&server, &between.address.to_string()))).unwrap();
    let served = crate::http::Served::before(db, Duration::from_secs(5), Duration::from_secs(1));
    let ready = || {
        let since = Instant::now();
        let answer = served.request("GET", "/ready", &[], b"");
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
        (answer.status, answer.body)
    };
    assert_eq!(ready(), (200, "ready\n".to_owned()));
    between.frozen.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        assert_eq!(ready(), (503, "the database does not answer\n".to_owned()));
    }
    between.frozen.store(false, Ordering::Relaxed);
    let since = Instant::now();
    while ready().0 != 200 {
        assert!(since.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(100));
    }
}

inventory::submit! {
    Single {
        name: "it::machines::readiness_is_answered_in_time_when_the_database_is_frozen",
        run: readiness_is_answered_in_time_when_the_database_is_frozen,
        missing: || crate::harness::postgres().is_none(),
    }
}
