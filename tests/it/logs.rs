//! What a running gateway writes into its log: no names, no addresses, no tokens, whatever others say.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kring::access::Role;
use kring::db::Sql;
use kring::scope::Clock;
use serde_json::json;

use crate::harness::{SECRET, World, both, text};
use crate::smtp::Server;

const PATIENCE: Duration = Duration::from_secs(40);

/// A gateway as a process of its own.
struct Process {
    child: Child,
    address: SocketAddr,
    log: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

impl Process {
    fn start(world: &World, mail: &Server, json: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log = folder.path().join("log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_kring"));
        command
            .args(["serve", "--listen", &address.to_string()])
            .env("DATABASE_URL", world.url())
            .env("KRING_JWT_SECRET", SECRET)
            .env("KRING_FILES", folder.path().join("files"))
            .env("KRING_SMTP_URL", format!("smtp://{}", mail.address))
            .env("KRING_MAIL_FROM", "info@delinde.example")
            .env("KRING_LOG", "debug")
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap());
        if json {
            command.env("KRING_LOG_JSON", "true");
        }
        let process = Self { child: command.spawn().unwrap(), address, log, _folder: folder };
        process.until("an open port", |_| TcpStream::connect(address).is_ok());
        process
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    fn until(&self, what: &str, done: impl Fn(&str) -> bool) {
        let since = Instant::now();
        while !done(&self.said()) {
            assert!(since.elapsed() < PATIENCE, "{what}\n{}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends a request and answers with all that comes back.
    fn send(&self, head: &str, token: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let length = body.len();
        let request = format!(
            "{head} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn check(world: &World, json: bool) {
    let mail = Server::start();
    mail.answer("550 5.1.1 <anna.geheim@voorbeeld.example>: Anna Geheim is no user here");
    let details =
        json!({ "person": { "givenName": "Anna", "familyName": "Geheim", "email": "anna.geheim@voorbeeld.example" } });
    let anna = text(
        &world.done("createParticipant", "participant { id }", json!({ "details": details }))["participant"]["id"],
    );
    let group = world.group_with(None, json!({ "name": "Koor Geheim", "newMemberTemplate": "Subject: Welkom\n\nDag" }));
    world.add(&group, &[&anna], "2026-09-01");
    // A row that no program can have written: its reader says what it found.
    world.db.write(|conn| Ok(Sql::new("UPDATE history SET changes = '[\"Anna Geheim\"]'").execute(conn)?)).unwrap();
    let process = Process::start(world, &mail, json);
    let now = Clock::System.now();
    let token =
        world.keys.sign(None, &[(Role::Administrator, None)], "Geheim", now, chrono::Duration::hours(1)).unwrap();
    let ask = |query: &str| process.send("POST /graphql", &token, &json!({ "query": query }).to_string());
    let answer = ask(&format!(
        "{{ participant(id: \"{anna}\") {{ history(first: 5) {{ edges {{ node {{ changes {{ field }} }} }} }} }} }}"
    ));
    assert!(answer.contains("INTERNAL"), "{answer}");
    assert!(ask("{ participants(filter: { search: \"Geheim\" }) { totalCount } }").contains("\"totalCount\":1"));
    let twice = "mutation { createParticipant(input: { externalId: \"geheim-1\", details: { person: { familyName: \"Geheim\" } } }) { userErrors { code } } }";
    ask(twice);
    assert!(ask(twice).contains("NOT_UNIQUE"));
    ask("{ geheim ");
    process.send(&format!("GET /files/Q29udGVudEZpbGU6MQ?key={token}"), "geheim", "");
    process.send("GET /graphql?query=%7Bgeheim%7D", "eyJ.geheim.geheim", "");
    process.send("GET /geheim\u{1}", "geheim", "");
    process.until("a message that was given up", |log| log.contains("was given up"));
    process.until("an internal error", |log| log.contains("internal error"));
    let log = process.said();
    for secret in ["geheim", "anna", "eyj", "voorbeeld"] {
        let found: Vec<&str> = log.lines().filter(|line| line.to_lowercase().contains(secret)).collect();
        assert!(found.is_empty(), "{secret}: {found:#?}");
    }
}

both! {
    fn no_names_addresses_or_tokens_come_into_the_log(world) {
        check(world, false);
    }

    fn nor_names_nor_tokens_come_into_a_log_of_json(world) {
        check(world, true);
    }
}
