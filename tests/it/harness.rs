//! A fresh gateway on a fresh database for every case.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use http_body_util::BodyExt;
use kring::access::Role;
use kring::access::token::Keys;
use kring::content::files::objects::{Bucket, Objects};
use kring::db::{Db, Observer, Options, Sql};
use kring::graphql::session::Shared;
use kring::groups::store::CompositionCache;
use kring::http::files::Options as Files;
use kring::http::guard::Limits;
use kring::http::{Gateway, router};
use kring::id::{self, Kind};
use kring::scope::Clock;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use tower::ServiceExt;

pub const SECRET: &str = "a secret of the tests, long enough to be strong";

/// Tuesday 15 September 2026, noon in Amsterdam.
pub fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 9, 15, 10, 0, 0).unwrap()
}

pub fn today() -> NaiveDate {
    now().date_naive()
}

/// A case that runs on both databases.
pub struct Case {
    pub name: &'static str,
    pub run: fn(&World),
}
inventory::collect!(Case);

/// A case that needs no database of its own.
pub struct Single {
    pub name: &'static str,
    pub run: fn(),
    /// Why it cannot run here, if it cannot.
    pub missing: fn() -> bool,
}
inventory::collect!(Single);

/// Declares cases that run on SQLite and on PostgreSQL.
macro_rules! both {
    ($($(#[$doc:meta])* fn $name:ident($world:ident) $body:block)+) => {
        $(
            $(#[$doc])*
            fn $name($world: &crate::harness::World) $body
            inventory::submit! {
                crate::harness::Case { name: concat!(module_path!(), "::", stringify!($name)), run: $name }
            }
        )+
    };
}
pub(crate) use both;

/// Declares cases that run once.
macro_rules! once {
    ($($(#[$doc:meta])* fn $name:ident() $body:block)+) => {
        $(
            $(#[$doc])*
            fn $name() $body
            inventory::submit! {
                crate::harness::Single {
                    name: concat!(module_path!(), "::", stringify!($name)),
                    run: $name,
                    missing: || false,
                }
            }
        )+
    };
}
pub(crate) use once;

pub fn postgres() -> Option<String> {
    std::env::var("KRING_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

/// Every case as libtest knows it.
pub fn trials() -> Vec<Trial> {
    let server = postgres();
    assert!(
        server.is_some() || std::env::var_os("KRING_REQUIRE_POSTGRES").is_none(),
        "KRING_REQUIRE_POSTGRES is set, but KRING_TEST_POSTGRES names no server"
    );
    let mut trials = Vec::new();
    for case in inventory::iter::<Case> {
        let name = case.name.trim_start_matches("it::");
        let run = case.run;
        trials.push(Trial::test(format!("{name}::sqlite"), move || guarded(|| run(&World::sqlite()))));
        let ignored = server.is_none();
        trials.push(
            Trial::test(format!("{name}::postgres"), move || guarded(|| run(&World::postgres())))
                .with_ignored_flag(ignored),
        );
    }
    for case in inventory::iter::<Single> {
        let run = case.run;
        let trial = Trial::test(case.name.trim_start_matches("it::"), move || guarded(run));
        trials.push(trial.with_ignored_flag((case.missing)()));
    }
    trials
}

fn guarded(run: impl FnOnce() + std::panic::UnwindSafe) -> Result<(), Failed> {
    std::panic::catch_unwind(run).map_err(|panic| {
        let text =
            panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Failed::from(text.unwrap_or_else(|| "panicked".to_owned()))
    })
}

pub static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// A gateway on a database of its own.
pub struct World {
    pub db: Db,
    pub router: Router,
    pub gateway: Arc<Gateway>,
    pub keys: Keys,
    files: Option<tempfile::TempDir>,
    /// Where the files of content are kept.
    pub store: tempfile::TempDir,
    schema: Option<String>,
}

/// A migrated SQLite file, to be copied.
static TEMPLATE: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.db");
    let db = Db::open(&Options::new(format!("sqlite://{}", path.display()))).unwrap();
    db.migrate().unwrap();
    db.write(|conn| Ok(Sql::new("PRAGMA wal_checkpoint(TRUNCATE)").execute(conn).map(|_| ())?)).ok();
    drop(db);
    (folder, path)
});

static NEXT: AtomicU32 = AtomicU32::new(1);

impl World {
    pub fn sqlite() -> Self {
        let files = tempfile::tempdir().unwrap();
        let path = files.path().join("kring.db");
        std::fs::copy(&TEMPLATE.1, &path).unwrap();
        let db = Db::open(&Self::options(format!("sqlite://{}", path.display()))).unwrap();
        db.migrate().unwrap();
        Self::new(db, Some(files), None)
    }

    pub fn postgres() -> Self {
        let server = postgres().unwrap();
        let schema = format!("kring_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let admin = Db::open(&Options { readers: 1, ..Options::new(server.clone()) }).unwrap();
        admin.write(|conn| Ok(Sql::new(format!("CREATE SCHEMA {schema}")).execute(conn)?)).unwrap();
        let separator = if server.contains('?') { '&' } else { '?' };
        let db = Db::open(&Self::options(format!("{server}{separator}options=-csearch_path%3D{schema}"))).unwrap();
        db.migrate().unwrap();
        Self::new(db, None, Some(schema))
    }

    fn options(url: String) -> Options {
        Options { readers: 16, count_statements: true, ..Options::new(url) }
    }

    /// A second gateway on the same PostgreSQL schema, with connections of its own.
    pub fn twin(&self) -> Router {
        self.second().router.clone()
    }

    /// The same by the machine's clock.
    pub fn twin_in_real_time(&self) -> Router {
        let mut twin = self.second();
        twin.real_time();
        twin.router.clone()
    }

    /// The address of the database.
    pub fn url(&self) -> String {
        match (&self.files, &self.schema) {
            (Some(files), _) => format!("sqlite://{}", files.path().join("kring.db").display()),
            (None, schema) => {
                let server = postgres().unwrap();
                let separator = if server.contains('?') { '&' } else { '?' };
                format!("{server}{separator}options=-csearch_path%3D{}", schema.as_ref().unwrap())
            }
        }
    }

    /// The same database over connections of its own, of which an observer hears every statement.
    pub fn connect(&self, observer: Observer) -> Db {
        Db::open(&Options { observer: Some(observer), ..Self::options(self.url()) }).unwrap()
    }

    fn second(&self) -> Self {
        let (server, schema) = (postgres().unwrap(), self.schema.as_ref().unwrap());
        let separator = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{separator}options=-csearch_path%3D{schema}");
        Self::new(Db::open(&Self::options(url)).unwrap(), None, None)
    }

    fn new(db: Db, files: Option<tempfile::TempDir>, schema: Option<String>) -> Self {
        let keys = Keys::from_secret(SECRET);
        let store = tempfile::tempdir().unwrap();
        let gateway = Self::gateway(
            &db,
            &keys,
            Clock::Fixed(now()),
            chrono_tz::Europe::Amsterdam,
            store.path(),
            Limits::default(),
        );
        Self { db, router: router(Arc::clone(&gateway)), gateway, keys, files, store, schema }
    }

    /// The same gateway by the machine's clock.
    pub fn in_real_time(&self) -> Router {
        let zone = chrono_tz::Europe::Amsterdam;
        router(Self::gateway(&self.db, &self.keys, Clock::System, zone, self.store.path(), Limits::default()))
    }

    /// Limits that documents of any size keep.
    pub fn any_size() -> Limits {
        Limits {
            max_characters: 1_000_000,
            max_body_bytes: 1_000_000,
            max_tokens: 100_000,
            max_aliases: 10_000,
            max_selections: 1_000_000,
            max_cost: 1_000_000_000,
            max_values: 1_000_000_000,
            ..Limits::default()
        }
    }

    /// The same gateway for documents of any size.
    pub fn unlimited(&self) -> Router {
        let zone = chrono_tz::Europe::Amsterdam;
        router(Self::gateway(&self.db, &self.keys, Clock::Fixed(now()), zone, self.store.path(), Self::any_size()))
    }

    fn gateway(
        db: &Db,
        keys: &Keys,
        clock: Clock,
        zone: chrono_tz::Tz,
        store: &std::path::Path,
        limits: Limits,
    ) -> Arc<Gateway> {
        let objects = Objects::open(&store.display().to_string(), &Bucket::default()).unwrap();
        let files = Files { max_document_bytes: 300_000, max_photo_bytes: 3_000_000, ..Files::new(objects) };
        let shared = Shared { db: db.clone(), compositions: Arc::new(CompositionCache::default()) };
        let options = kring::http::Options {
            limits,
            execution: Duration::from_secs(10),
            change: Duration::from_secs(60),
            wait: Duration::from_secs(10),
            clock,
            zone,
            mail: true,
            files: Some(files),
        };
        Gateway::new(shared, keys.clone(), options).unwrap()
    }

    /// From now on it is another moment, in another zone.
    pub fn turn_clock(&mut self, moment: DateTime<Utc>, zone: chrono_tz::Tz) {
        self.tick(Clock::Fixed(moment), zone);
    }

    /// From now on the machine's clock counts.
    pub fn real_time(&mut self) {
        self.tick(Clock::System, chrono_tz::Europe::Amsterdam);
    }

    fn tick(&mut self, clock: Clock, zone: chrono_tz::Tz) {
        self.gateway = Self::gateway(&self.db, &self.keys, clock, zone, self.store.path(), Limits::default());
        self.router = router(Arc::clone(&self.gateway));
    }

    pub fn is_postgres(&self) -> bool {
        self.schema.is_some()
    }

    /// A token for a role.
    pub fn token(&self, role: Role, participant: Option<&str>, organization: Option<&str>) -> String {
        let key = |id: &str| id::decode_as(Kind::Participant, id).unwrap();
        let grants = [(role, organization.map(key))];
        self.keys.sign(participant.map(key), &grants, "Tester", now(), chrono::Duration::hours(1)).unwrap()
    }

    pub fn administrator(&self) -> String {
        self.token(Role::Administrator, None, None)
    }

    /// Sends a request as a client would, and answers with status and body.
    pub async fn send(&self, request: Request<Body>) -> (u16, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    pub fn post(token: Option<&str>, body: String) -> Request<Body> {
        let mut request = Request::post("/graphql").header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.body(Body::from(body)).unwrap()
    }

    /// Sends a document and answers with the whole response.
    pub fn ask_as(&self, token: Option<&str>, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let (_, text) = RUNTIME.block_on(self.send(Self::post(token, body)));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Sends a document as the administrator.
    pub fn ask(&self, query: &str, variables: Value) -> Value {
        self.ask_as(Some(&self.administrator()), query, variables)
    }

    /// Sends a document as the administrator; it must succeed.
    pub fn data(&self, query: &str, variables: Value) -> Value {
        self.data_as(&self.administrator(), query, variables)
    }

    /// Sends a document; it must succeed.
    pub fn data_as(&self, token: &str, query: &str, variables: Value) -> Value {
        let mut answer = self.ask_as(Some(token), query, variables);
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].take()
    }

    /// Sends a mutation that must be carried out, and answers with its payload.
    pub fn done(&self, mutation: &str, selection: &str, input: Value) -> Value {
        self.done_as(&self.administrator(), mutation, selection, input)
    }

    pub fn done_as(&self, token: &str, mutation: &str, selection: &str, input: Value) -> Value {
        let payload = self.payload(token, mutation, selection, input);
        assert_eq!(payload["userErrors"], json!([]), "{mutation}: {payload:#}");
        payload
    }

    /// Sends a mutation that must be refused, and answers with the codes.
    pub fn refused(&self, mutation: &str, input: Value) -> Vec<String> {
        self.refused_as(&self.administrator(), mutation, input)
    }

    pub fn refused_as(&self, token: &str, mutation: &str, input: Value) -> Vec<String> {
        let payload = self.payload(token, mutation, "clientMutationId", input);
        let errors = payload["userErrors"].as_array().unwrap();
        assert!(!errors.is_empty(), "{mutation} was carried out");
        errors.iter().map(|error| error["code"].as_str().unwrap().to_owned()).collect()
    }

    fn payload(&self, token: &str, mutation: &str, selection: &str, input: Value) -> Value {
        let name: String =
            mutation.chars().take(1).flat_map(char::to_uppercase).chain(mutation.chars().skip(1)).collect();
        let input_type = match mutation {
            "closeGroup" | "reopenGroup" | "deleteGroup" => "GroupInput".to_owned(),
            "addGuardian" | "confirmGuardian" | "removeGuardian" => "GuardianInput".to_owned(),
            "closeTopic" | "reopenTopic" => "TopicInput".to_owned(),
            "createStartReason" | "createEndReason" => "CreateReasonInput".to_owned(),
            "updateStartReason" | "updateEndReason" => "UpdateReasonInput".to_owned(),
            "deleteStartReason" | "deleteEndReason" => "DeleteReasonInput".to_owned(),
            _ => format!("{name}Input"),
        };
        let query = format!(
            "mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ {selection} userErrors {{ code message field }} }} }}"
        );
        self.data_as(token, &query, json!({ "input": input }))[mutation].take()
    }

    /// Registers a person and answers with the id.
    pub fn person(&self, given: &str, family: &str) -> String {
        self.person_of(None, given, family)
    }

    pub fn person_of(&self, organization: Option<&str>, given: &str, family: &str) -> String {
        let input = json!({ "details": { "person": { "givenName": given, "familyName": family } }, "organizationId": organization });
        text(&self.done("createParticipant", "participant { id }", input)["participant"]["id"])
    }

    pub fn organization(&self, name: &str) -> String {
        let input = json!({ "details": { "organization": { "name": name } } });
        text(&self.done("createParticipant", "participant { id }", input)["participant"]["id"])
    }

    pub fn address(&self, organization: Option<&str>, street: &str, number: &str) -> String {
        let input = json!({
            "details": { "address": { "street": street, "houseNumber": number, "postalCode": "3511 AB", "city": "Utrecht" } },
            "organizationId": organization,
        });
        text(&self.done("createParticipant", "participant { id }", input)["participant"]["id"])
    }

    /// Makes a group and answers with the id.
    pub fn group(&self, name: &str) -> String {
        self.group_with(None, json!({ "name": name }))
    }

    pub fn group_with(&self, organization: Option<&str>, settings: Value) -> String {
        let input = json!({ "settings": settings, "organizationId": organization });
        text(&self.done("createGroup", "group { id }", input)["group"]["id"])
    }

    /// Adds members from a date on, and answers with the ids of their memberships.
    pub fn add(&self, group: &str, people: &[&str], from: &str) -> Vec<String> {
        let input = json!({ "groupId": group, "participantIds": people, "startDate": from });
        let payload = self.done("addMemberships", "memberships(first: 100) { edges { node { id } } }", input);
        ids(&payload["memberships"])
    }

    pub fn end(&self, membership: &str, on: &str) {
        let input = json!({ "membershipId": membership, "endDate": on, "endReasonCode": "LEFT" });
        self.done("endMembership", "membership { id }", input);
    }

    /// Makes a composite of components: `("ALL", &[(group, "INCLUDE")])`.
    pub fn compose(&self, group: &str, composition: &str, components: &[(&str, &str)]) {
        let components: Vec<Value> =
            components.iter().map(|(id, mode)| json!({ "groupId": id, "mode": mode })).collect();
        let input = json!({ "groupId": group, "composition": composition, "components": components });
        self.done("setGroupComponents", "group { id }", input);
    }

    /// The names of a group's effective members.
    pub fn members(&self, group: &str, as_of: Option<&str>) -> Vec<String> {
        let query = "query($id: ID!, $on: Date) { group(id: $id) { effectiveMemberCount(asOf: $on) \
                     effectiveMembers(first: 100, asOf: $on) { totalCount edges { node { displayName } } } } }";
        let data = self.data(query, json!({ "id": group, "on": as_of }));
        let names: Vec<String> = data["group"]["effectiveMembers"]["edges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|edge| text(&edge["node"]["displayName"]))
            .collect();
        assert_eq!(data["group"]["effectiveMemberCount"], json!(names.len()), "the count is that of the list");
        assert_eq!(data["group"]["effectiveMembers"]["totalCount"], json!(names.len()));
        names
    }

    /// How many rows a table has.
    pub fn rows(&self, table: &'static str) -> i64 {
        self.db
            .read(|conn| {
                let sql = Sql::new("SELECT COUNT(*) FROM ").text(table);
                Ok(sql.first::<diesel::sql_types::BigInt, i64>(conn)?.unwrap())
            })
            .unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let (Some(schema), Some(server)) = (&self.schema, postgres())
            && let Ok(admin) = Db::open(&Options { readers: 1, ..Options::new(server) })
        {
            // What cannot be dropped stays in the throw-away server.
            let _ = admin.write(|conn| Ok(Sql::new(format!("DROP SCHEMA {schema} CASCADE")).execute(conn)?));
        }
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// The ids of a connection's nodes.
pub fn ids(connection: &Value) -> Vec<String> {
    connection["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["id"])).collect()
}
