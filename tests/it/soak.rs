//! A gateway that is asked many things, hardly any of them twice, by everybody who may ask: it holds its memory.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};
use diesel::sql_types::BigInt;
use kring::access::{Role, Viewer};
use kring::db::Sql;
use kring::exchange::demo;
use kring::id::{self, Kind};
use kring::scope::{Clock, Scope};
use serde_json::json;

use crate::harness::{SECRET, World, both};

/// By how many megabytes the memory may grow.
const GROWTH: u64 = 30;
/// How many requests each role sends; `KRING_TEST_REQUESTS` says how many it is to be.
const REQUESTS: usize = 200;

/// Numbers that look as if they came by chance, always the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Makes documents from the schema.
struct Maker {
    types: BTreeMap<String, TypeKind>,
    chance: Chance,
    ids: Vec<String>,
}

fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => base(inner),
    }
}

impl Maker {
    fn new(ids: Vec<String>) -> Self {
        let types =
            parse_schema(kring::graphql::types_sdl()).unwrap().definitions.into_iter().filter_map(|definition| {
                match definition {
                    TypeSystemDefinition::Type(ty) => Some((ty.node.name.node.to_string(), ty.node.kind)),
                    _ => None,
                }
            });
        Self { types: types.collect(), chance: Chance(7), ids }
    }

    fn fields(&self, ty: &str) -> Vec<FieldDefinition> {
        match self.types.get(ty) {
            Some(TypeKind::Object(ty)) => ty.fields.iter().map(|field| field.node.clone()).collect(),
            Some(TypeKind::Interface(ty)) => ty.fields.iter().map(|field| field.node.clone()).collect(),
            _ => Vec::new(),
        }
    }

    fn document(&mut self) -> String {
        format!("{{ {} }}", self.selection("Query", 0))
    }

    fn selection(&mut self, ty: &str, depth: usize) -> String {
        let fields = self.fields(ty);
        let mut text = String::from("__typename");
        for n in 0..=self.chance.below(3) {
            let field = &fields[self.chance.below(fields.len())];
            let to = base(&field.ty.node);
            let inner = match self.types.get(to) {
                Some(TypeKind::Object(_) | TypeKind::Interface(_)) if depth < 5 => {
                    format!(" {{ {} }}", self.selection(to, depth + 1))
                }
                Some(TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_)) => " { __typename }".to_owned(),
                _ => String::new(),
            };
            let alias = self.chance.below(100_000);
            let arguments: Vec<&InputValueDefinition> = field.arguments.iter().map(|argument| &argument.node).collect();
            let arguments = self.arguments(&arguments, 3);
            let arguments = if arguments.is_empty() { arguments } else { format!("({arguments})") };
            text.push_str(&format!(" a{n}_{alias}: {}{arguments}{inner}", field.name.node));
        }
        text
    }

    fn arguments(&mut self, of: &[&InputValueDefinition], one_in: usize) -> String {
        let mut given = Vec::new();
        for argument in of {
            let needed = !argument.ty.node.nullable && argument.default_value.is_none();
            let name = argument.name.node.as_str();
            if (needed || self.chance.once_in(one_in)) && !["last", "before", "after"].contains(&name) {
                given.push(format!("{name}: {}", self.value(&argument.ty.node)));
            }
        }
        given.join(", ")
    }

    fn value(&mut self, ty: &Type) -> String {
        if let BaseType::List(inner) = &ty.base {
            let items: Vec<String> = (0..=self.chance.below(40)).map(|_| self.value(inner)).collect();
            return format!("[{}]", items.join(", "));
        }
        let kind = self.types.get(base(ty)).cloned();
        match (base(ty), kind) {
            ("ID", _) => format!("\"{}\"", self.ids[self.chance.below(self.ids.len())]),
            ("Boolean", _) => self.chance.once_in(2).to_string(),
            ("Int", _) => (self.chance.below(8) + 1).to_string(),
            ("Date", _) => format!("\"2026-{:02}-{:02}\"", self.chance.below(12) + 1, self.chance.below(28) + 1),
            ("DateTime", _) => {
                format!("\"2026-{:02}-{:02}T10:00:00Z\"", self.chance.below(12) + 1, self.chance.below(28) + 1)
            }
            ("SchoolYear", _) => "\"2026-2027\"".to_owned(),
            (_, Some(TypeKind::Enum(ty))) => ty.values[self.chance.below(ty.values.len())].node.value.node.to_string(),
            (_, Some(TypeKind::InputObject(ty))) => {
                let fields: Vec<&InputValueDefinition> = ty.fields.iter().map(|field| &field.node).collect();
                format!("{{ {} }}", self.arguments(&fields, 3))
            }
            _ => {
                let words: Vec<String> =
                    (0..=self.chance.below(10)).map(|_| format!("w{}", self.chance.below(10_000))).collect();
                format!("\"{}\"", words.join(" "))
            }
        }
    }
}

/// A gateway as a process of its own.
struct Served {
    child: Child,
    address: String,
    socket: Option<BufReader<TcpStream>>,
}

impl Served {
    fn start(world: &World) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let child = Command::new(env!("CARGO_BIN_EXE_kring"))
            .arg("serve")
            .envs([
                ("DATABASE_URL", world.url().as_str()),
                ("KRING_JWT_SECRET", SECRET),
                ("KRING_LISTEN", free.as_str()),
                ("KRING_LOG", "error"),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let served = Self { child, address: free, socket: None };
        let begun = Instant::now();
        while TcpStream::connect(&served.address).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the gateway does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        served
    }

    /// Sends a document, and says whether it was executed.
    fn ask(&mut self, token: Option<&str>, query: &str) -> bool {
        let body = json!({ "query": query }).to_string();
        let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request = format!(
            "POST /graphql HTTP/1.1\r\nHost: kring\r\nContent-Type: application/json\r\n{authorization}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let address = self.address.clone();
        let socket = self.socket.get_or_insert_with(|| BufReader::new(TcpStream::connect(address).unwrap()));
        socket.get_mut().write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            socket.read_line(&mut line).unwrap();
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        socket.read_exact(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(!answer.contains("\"INTERNAL\""), "{query}\n{answer:.500}");
        answer.contains("\"data\"")
    }

    /// The megabytes that are the process's own.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1_024
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Some people of the demo, and the organization that keeps most of its groups.
fn known(world: &World, table: &'static str, condition: &'static str) -> Vec<i64> {
    let sql =
        Sql::new("SELECT t.id FROM ").text(table).text(" t WHERE ").text(condition).text(" ORDER BY t.id LIMIT 20");
    world.db.read(|conn| Ok(sql.load::<BigInt, i64>(conn)?)).unwrap()
}

fn tokens(world: &World) -> Vec<Option<String>> {
    let organization = known(
        world,
        "participants",
        "t.kind = 'ORGANIZATION' AND EXISTS (SELECT 1 FROM groups g WHERE g.organization_id = t.id)",
    )[0];
    let child = known(world, "participants", "EXISTS (SELECT 1 FROM guardianships g WHERE g.child_id = t.id)")[0];
    let guardian = known(world, "participants", "EXISTS (SELECT 1 FROM guardianships g WHERE g.guardian_id = t.id)")[0];
    let leader = known(
        world,
        "participants",
        "t.kind = 'PERSON' AND EXISTS (SELECT 1 FROM groups g WHERE g.responsible_id = t.id)",
    )
    .first()
    .copied();
    let sign = |participant: Option<i64>, grants: &[(Role, Option<i64>)]| {
        Some(world.keys.sign(participant, grants, "Tester", Clock::System.now(), chrono::Duration::hours(4)).unwrap())
    };
    vec![
        None,
        sign(None, &[(Role::Administrator, None)]),
        sign(None, &[(Role::MembershipAdministrator, Some(organization))]),
        sign(None, &[(Role::Staff, Some(organization))]),
        sign(Some(guardian), &[(Role::Participant, None)]),
        sign(Some(child), &[(Role::Participant, None)]),
        sign(leader.or(Some(guardian)), &[(Role::Participant, None)]),
    ]
}

both! {
    fn memory_is_held_whatever_is_asked_and_by_whom(world) {
        let operator = Scope::new(Viewer::operator("test"), Clock::System, chrono_tz::Europe::Amsterdam);
        demo::fill(&world.db, &operator).unwrap_or_else(|failure| panic!("{failure}"));
        let requests = std::env::var("KRING_TEST_REQUESTS").map_or(REQUESTS, |number| number.parse().unwrap());
        let kinds = [(Kind::Group, "groups"), (Kind::Participant, "participants"), (Kind::Content, "content"), (Kind::Membership, "memberships")];
        let ids = kinds.iter().flat_map(|(kind, table)| known(world, table, "1 = 1").into_iter().map(|key| id::encode(*kind, key))).collect();
        let tokens = tokens(world);
        let mut maker = Maker::new(ids);
        let mut served = Served::start(world);
        let mut executed = 0;
        let mut ask = |served: &mut Served, number: usize| for _ in 0..number {
            for token in &tokens {
                executed += usize::from(served.ask(token.as_deref(), &maker.document()));
            }
        };
        // What is kept by design is there after a while: connections with their pages, and valid documents.
        ask(&mut served, (requests / 4).min(1_000));
        let before = served.memory();
        ask(&mut served, requests);
        let after = served.memory();
        println!("{} MB before, {} MB after {requests} requests of each role", before, after);
        assert!(after <= before + GROWTH, "{before} MB before, {after} MB after {requests} requests of each role");
        let all = (requests + (requests / 4).min(1_000)) * tokens.len();
        assert!(executed > all / 3, "{executed} of {all} were executed");
    }
}
