//! HTTP as it arrives on a socket: hostile requests, refusals, headers, and a database that fails.
//!
//! The client is written by hand on a plain socket, because a well-behaved one would not send half of this. That a
//! resolver panics cannot be provoked from outside: the lints forbid what panics, and there is no hook to inject one.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kring::db::{Db, Options, Sql};
use kring::graphql::session::Shared;
use kring::groups::store::CompositionCache;
use kring::http::guard::Limits;
use kring::http::{Gateway, router, server};
use kring::id::{self, Kind};
use kring::scope::Clock;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::harness::{RUNTIME, Single, World, both, now, once, text};
use crate::hostile;

/// For one answer: long, because tests run beside each other on unoptimised code.
const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway behind a socket of its own.
pub struct Served {
    pub address: SocketAddr,
    token: String,
    server: JoinHandle<()>,
}

impl Served {
    pub fn world(world: &World) -> Self {
        Self::new(world.router.clone(), world.administrator())
    }

    pub fn new(router: axum::Router, token: String) -> Self {
        let listener = RUNTIME.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let server = RUNTIME.spawn(async move {
            server::serve(listener, router, &server::Options::default(), std::future::pending()).await
        });
        Self { address, token, server }
    }

    /// Before a database, asked by an administrator; changes may take so long, and wait so long for their turn.
    pub fn before(db: Db, change: Duration, wait: Duration) -> Self {
        let keys = kring::access::token::Keys::from_secret(crate::harness::SECRET);
        let grants = [(kring::access::Role::Administrator, None)];
        let token = keys.sign(None, &grants, "Tester", now(), chrono::Duration::hours(1)).unwrap();
        let options = kring::http::Options {
            limits: Limits::default(),
            execution: Duration::from_secs(30),
            change,
            wait,
            clock: Clock::Fixed(now()),
            zone: chrono_tz::Europe::Amsterdam,
            mail: false,
            files: None,
        };
        let shared = Shared { db, compositions: Arc::new(CompositionCache::default()) };
        Self::new(router(Gateway::new(shared, keys, options).unwrap()), token)
    }

    /// Sends bytes and reads the answer meanwhile: a server may answer, and close, before it has read everything.
    pub fn exchange(&self, mut write: impl FnMut(&mut TcpStream) -> std::io::Result<()> + Send) -> Answer {
        let since = Instant::now();
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut sending = stream.try_clone().unwrap();
        let mut received = Vec::new();
        std::thread::scope(|scope| {
            // The other side may hang up half-way; what it has said until then is what counts.
            scope.spawn(move || drop(write(&mut sending)));
            let mut piece = [0; 16_384];
            while !Answer::is_whole(&received) {
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => break,
                    Ok(read) => received.extend_from_slice(&piece[..read]),
                }
            }
            // Whatever is still being sent has nobody to go to.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        });
        assert!(since.elapsed() < PATIENCE, "answered after {:?}", since.elapsed());
        Answer::parse(&received)
    }

    pub fn request(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if !body.is_empty() || method == "POST" {
            write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        head.push_str("\r\n");
        self.exchange(|stream| {
            stream.write_all(head.as_bytes())?;
            stream.write_all(body)
        })
    }

    fn post(&self, body: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
        self.request("POST", "/graphql", &headers, body.as_bytes())
    }

    pub fn ask(&self, query: &str, variables: Value) -> Answer {
        self.post(&json!({ "query": query, "variables": variables }).to_string())
    }

    /// Asks with this as the value of the Authorization header.
    pub fn bearing(&self, authorization: &str, query: &str) -> Answer {
        let headers = [("Content-Type", "application/json"), ("Authorization", authorization)];
        self.request("POST", "/graphql", &headers, json!({ "query": query }).to_string().as_bytes())
    }

    pub fn get(&self, target: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        self.request("GET", target, &[("Authorization", &bearer)], b"")
    }

    /// The gateway answers an ordinary query.
    pub fn is_alive(&self, after: &str) {
        let answer = self.ask("{ viewer { administrator } groups { totalCount } }", json!({}));
        assert_eq!(answer.status, 200, "after {after}: {}", answer.body);
        assert_eq!(answer.json()["data"]["viewer"], json!({ "administrator": true }), "after {after}");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// An answer from the socket.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        Some((std::str::from_utf8(&bytes[..end]).unwrap(), &bytes[end + 4..]))
    }

    fn headers_of(head: &str) -> Vec<(String, String)> {
        let pairs = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect()
    }

    /// Every answer of the gateway states its length.
    fn is_whole(bytes: &[u8]) -> bool {
        let Some((head, body)) = Self::split(bytes) else { return false };
        let length = Self::headers_of(head).into_iter().find(|(name, _)| name == "content-length");
        length.is_some_and(|(_, length)| body.len() >= length.parse().unwrap())
    }

    fn parse(bytes: &[u8]) -> Self {
        let (head, body) =
            Self::split(bytes).unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, headers: Self::headers_of(head), body: String::from_utf8(body.to_vec()).unwrap() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn errors(&self) -> Vec<Value> {
        self.json()["errors"].as_array().cloned().unwrap_or_default()
    }

    /// The code of the first error.
    pub fn code(&self) -> String {
        let json = self.json();
        json["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn message(&self) -> String {
        text(&self.json()["errors"][0]["message"])
    }

    pub fn is_refusal(&self, status: u16, code: &str, what: &str) {
        let shown: String = self.body.chars().take(600).collect();
        assert_eq!((self.status, self.code().as_str()), (status, code), "{what}: {shown}");
        assert!(self.json().get("data").is_none_or(Value::is_null), "{what}: {shown}");
    }
}

/// A gateway on a database that the test opened itself, with little patience.
fn impatient(db: Db) -> Served {
    Served::before(db, Duration::from_secs(30), Duration::from_secs(1))
}

/// `depth` fields inside one another.
fn deep(depth: usize) -> String {
    let organizations = "organization { ".repeat(depth - 2);
    format!("{{ participant(id: \"x\") {{ {organizations} id {} }} }}", "} ".repeat(depth - 2))
}

fn aliases(count: usize) -> String {
    let fields: Vec<String> = (0..count).map(|n| format!("a{n}: __typename")).collect();
    format!("{{ {} }}", fields.join(" "))
}

/// A page of 100 groups with 47 memberships each reads 4,901 rows; the second page reads the rest.
fn dear(cost: usize) -> String {
    let rest = cost - 4_901 - 1;
    format!(
        "{{ groups(first: 100) {{ edges {{ node {{ memberships(first: 47) {{ edges {{ node {{ id }} }} }} }} }} }} \
         more: groups(first: {rest}) {{ edges {{ node {{ id }} }} }} }}"
    )
}

/// What GraphiQL and other tools ask for before anything else.
const INTROSPECTION: &str = "
    query IntrospectionQuery {
      __schema {
        description
        queryType { name kind }
        mutationType { name kind }
        subscriptionType { name kind }
        types { ...FullType }
        directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
      }
    }
    fragment FullType on __Type {
      kind name description specifiedByURL isOneOf
      fields(includeDeprecated: true) {
        name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason
      }
      inputFields(includeDeprecated: true) { ...InputValue }
      interfaces { ...TypeRef }
      enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
      possibleTypes { ...TypeRef }
    }
    fragment InputValue on __InputValue {
      name description type { ...TypeRef } defaultValue isDeprecated deprecationReason
    }
    fragment TypeRef on __Type {
      kind name
      ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
        ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }
    }";

fn samples() -> Vec<Value> {
    let samples: Value = serde_json::from_str(include_str!("../../src/http/explorer/samples.json")).unwrap();
    samples.as_array().unwrap().clone()
}

/// A percent-encoded query string.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

once! {
    fn hostile_documents_are_refused_and_survived() {
        let world = World::sqlite();
        let served = Served::world(&world);
        for document in hostile::documents() {
            let body = hostile::body(&document.query);
            let answer = served.post(&body);
            if body.len() > Limits::default().max_body_bytes {
                answer.is_refusal(413, "PAYLOAD_TOO_LARGE", document.name);
            } else {
                answer.is_refusal(400, document.code, document.name);
            }
            assert!(answer.errors().len() <= 5, "{}", document.name);
            served.is_alive(document.name);
        }
    }

    fn hostile_bodies_are_refused_and_survived() {
        let world = World::sqlite();
        let served = Served::world(&world);
        for body in hostile::bodies() {
            served.post(&body.text).is_refusal(body.status, body.code, body.name);
            served.is_alive(body.name);
        }
    }

    fn an_endless_body_is_not_read_to_its_end() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let head = format!(
            "POST /graphql HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            served.address
        );
        let mut sent = 0_usize;
        let answer = served.exchange(|stream| {
            stream.write_all(head.as_bytes())?;
            let chunk = format!("2000\r\n{}\r\n", " ".repeat(0x2000));
            loop {
                stream.write_all(chunk.as_bytes())?;
                sent += chunk.len();
            }
        });
        answer.is_refusal(413, "PAYLOAD_TOO_LARGE", "an endless body");
        assert!(sent < 64 * 1024 * 1024, "{sent} bytes were taken");
        served.is_alive("an endless body");
    }

    fn a_client_that_hangs_up_harms_nobody() {
        let world = World::sqlite();
        let served = Served::world(&world);
        for part in ["", "POST /graphql HTTP/1.1\r\n", "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{\"query\""] {
            let mut stream = TcpStream::connect(served.address).unwrap();
            stream.write_all(part.as_bytes()).unwrap();
            drop(stream);
            served.is_alive("hanging up");
        }
    }

    fn only_json_is_taken() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let body = hostile::body("{ __typename }");
        for declared in [
            "text/plain", "text/plain;charset=UTF-8", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded",
            "application/graphql", "application/json; charset=utf-16", "",
        ] {
            let answer = served.request("POST", "/graphql", &[("Content-Type", declared)], body.as_bytes());
            answer.is_refusal(415, "UNSUPPORTED_MEDIA_TYPE", declared);
        }
        served.request("POST", "/graphql", &[], body.as_bytes()).is_refusal(415, "UNSUPPORTED_MEDIA_TYPE", "no declaration");
        let twice = [("Content-Type", "application/json"), ("Content-Type", "text/plain")];
        served.request("POST", "/graphql", &twice, body.as_bytes()).is_refusal(415, "UNSUPPORTED_MEDIA_TYPE", "two declarations");
        let declared = [("Content-Type", "application/json; charset=utf-8")];
        assert_eq!(served.request("POST", "/graphql", &declared, body.as_bytes()).status, 200);
    }

    fn a_query_may_be_sent_by_get_and_a_mutation_may_not() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let query = encoded("query A($first: Int) { groups(first: $first) { totalCount } } query B { __typename }");
        let target = format!("/graphql?query={query}&operationName=A&variables={}", encoded("{\"first\": 1}"));
        let answer = served.get(&target);
        assert_eq!((answer.status, answer.json()), (200, json!({ "data": { "groups": { "totalCount": 0 } } })));
        let head = served.request("HEAD", "/graphql?query=%7B__typename%7D", &[("Connection", "close")], b"");
        assert_eq!((head.status, head.body.as_str()), (200, ""));

        let mutation = encoded("mutation { createGroupCategory(input: { name: \"A\" }) { clientMutationId } }");
        let answer = served.get(&format!("/graphql?query={mutation}"));
        answer.is_refusal(405, "METHOD_NOT_ALLOWED", "a mutation by GET");
        assert_eq!(answer.header("allow"), Some("POST"));
        let head = served.request("HEAD", &format!("/graphql?query={mutation}"), &[("Connection", "close")], b"");
        assert_eq!(head.status, 405);
        assert_eq!(world.rows("group_categories"), 0);
        for method in ["PUT", "PATCH", "DELETE"] {
            let answer = served.request(method, "/graphql", &[("Connection", "close")], b"");
            assert_eq!(answer.status, 405, "{method}");
            assert!(answer.header("allow").unwrap().contains("POST"), "{method}");
        }
    }

    fn what_get_carries_is_held_to_the_same_limits() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let nested = "[".repeat(20_000);
        served.get(&format!("/graphql?query={{__typename}}&variables={nested}")).is_refusal(400, "QUERY_TOO_COMPLEX", "nested");
        served.get(&format!("/graphql?query={}", encoded(&aliases(31)))).is_refusal(400, "QUERY_TOO_COMPLEX", "31 aliases");
        served.get("/graphql").is_refusal(400, "BAD_USER_INPUT", "nothing");
        served.get("/graphql?query=%ff").is_refusal(400, "GRAPHQL_PARSE_FAILED", "no UTF-8");
        served.is_alive("GET");
    }

    fn bad_json_is_told_with_its_place() {
        let world = World::sqlite();
        let served = Served::world(&world);
        for (body, place) in [
            ("{\"query\":\n nonsense}", "line 2, column 3"),
            ("{\"query\": \"{ a }\",}", "line 1, column 19"),
            ("{\"query\": \"\u{1}\"}", "line 1, column 12"),
            ("{\"query\": \"{ a }\"} more", "line 1, column 20"),
        ] {
            let answer = served.post(body);
            answer.is_refusal(400, "BAD_USER_INPUT", body);
            let message = answer.message();
            assert!(message.contains(place), "{message}");
            for inside in ["serde", "Error(", "panicked", "src/", "Syntax", "async"] {
                assert!(!message.contains(inside), "{message}");
            }
        }
    }

    fn a_document_that_is_not_graphql_is_told_with_its_place() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let answer = served.ask("{\n  groups(first: ) { totalCount }\n}", json!({}));
        answer.is_refusal(400, "GRAPHQL_PARSE_FAILED", "a missing value");
        assert_eq!(answer.json()["errors"][0]["locations"][0]["line"], json!(2));
        assert!(!answer.message().contains("Rule::"), "{}", answer.message());
    }

    fn the_operation_must_be_clear() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let two = "query A { __typename } query B { version }";
        let named = |name: Value| served.post(&json!({ "query": two, "operationName": name }).to_string());
        assert_eq!(named(json!("A")).json(), json!({ "data": { "__typename": "Query" } }));
        named(json!("C")).is_refusal(400, "BAD_USER_INPUT", "an unknown operation");
        named(Value::Null).is_refusal(400, "BAD_USER_INPUT", "no operation named");
        named(json!("")).is_refusal(400, "BAD_USER_INPUT", "an empty name");
        named(json!(1)).is_refusal(400, "BAD_USER_INPUT", "a number");
        served.ask("query A { version } query A { __typename }", json!({})).is_refusal(400, "GRAPHQL_PARSE_FAILED", "one name twice");
        served.ask("query A { version } { __typename }", json!({})).is_refusal(400, "GRAPHQL_PARSE_FAILED", "a nameless one beside");
        served.ask("fragment A on Query { version }", json!({})).is_refusal(400, "GRAPHQL_PARSE_FAILED", "no operation");
    }

    fn subscriptions_are_refused() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let answer = served.ask("subscription { groups { id } }", json!({}));
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&answer.code().as_str()), "{}", answer.body);
        let answer = served.get(&format!("/graphql?query={}", encoded("subscription { groups { id } }")));
        answer.is_refusal(405, "METHOD_NOT_ALLOWED", "by GET");
    }

    fn at_most_five_validation_errors_are_told() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let unknown = |count: usize| format!("{{ {} }}", (0..count).map(|n| format!("unknown{n}")).collect::<Vec<_>>().join(" "));
        for (count, told) in [(1, 1), (5, 5), (6, 5), (900, 5)] {
            let answer = served.ask(&unknown(count), json!({}));
            answer.is_refusal(400, "GRAPHQL_VALIDATION_FAILED", "unknown fields");
            assert_eq!(answer.errors().len(), told);
            assert!(answer.errors().iter().all(|error| error["locations"][0]["line"] == json!(1)));
        }
    }

    fn limits_hold_to_the_last_unit() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let commented = |characters: usize| format!("{{ __typename }}#{}", "é".repeat(characters - 15));
        let tokens = |count: usize| format!("{{ nodes(ids: []) {{ {} }} }}", "id ".repeat(count - 11));
        let directives = |count: usize| format!("{{ {} }}", "__typename @include(if: true) ".repeat(count));
        let nodes = |count: usize| format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"x\" ".repeat(count));
        let literal = |nesting: usize| format!("{{ nodes(ids: {}{}) {{ id }} }}", "[".repeat(nesting), "]".repeat(nesting));
        for (name, accepted, refused) in [
            ("depth", deep(15), deep(16)),
            ("aliases", aliases(30), aliases(31)),
            ("tokens", tokens(2_000), tokens(2_001)),
            ("characters", commented(15_000), commented(15_001)),
            ("directives", directives(50), directives(51)),
            ("cost", dear(5_000), dear(5_001)),
        ] {
            let answer = served.ask(&accepted, json!({}));
            assert!(answer.status == 200 && answer.errors().is_empty(), "{name}: {}", answer.body);
            served.ask(&refused, json!({})).is_refusal(400, "QUERY_TOO_COMPLEX", name);
        }
        // One level less is refused by the validator, because no argument is that deep.
        assert_ne!(served.ask(&literal(32), json!({})).code(), "QUERY_TOO_COMPLEX");
        served.ask(&literal(33), json!({})).is_refusal(400, "QUERY_TOO_COMPLEX", "nested literals");
        assert_eq!(served.ask(&nodes(50), json!({})).status, 200);
        served.ask(&nodes(51), json!({})).is_refusal(400, "BAD_USER_INPUT", "51 ids");
        let padded = |bytes: usize| hostile::body("{ __typename }") + &" ".repeat(bytes - hostile::body("{ __typename }").len());
        let limit = Limits::default().max_body_bytes;
        assert_eq!(served.post(&padded(limit)).status, 200);
        served.post(&padded(limit + 1)).is_refusal(413, "PAYLOAD_TOO_LARGE", "a byte too many");
    }

    fn a_page_size_in_a_variable_is_measured_too() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let query = "query($first: Int = 100, $inner: Int = 48) { groups(first: $first) { edges { node { \
            memberships(first: $inner) { edges { node { id participant { id } } } } } } } }";
        served.ask(query, json!({})).is_refusal(400, "QUERY_TOO_COMPLEX", "defaults");
        served.ask(query, json!({ "inner": null })).is_refusal(400, "QUERY_TOO_COMPLEX", "null");
        served.ask(query, json!({ "inner": 100, "first": 49 })).is_refusal(400, "QUERY_TOO_COMPLEX", "values");
        assert_eq!(served.ask(query, json!({ "first": 10 })).status, 200);
    }

    fn introspection_is_answered_to_everybody() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let body = json!({ "query": INTROSPECTION, "operationName": "IntrospectionQuery" }).to_string();
        let answer = served.request("POST", "/graphql", &[("Content-Type", "application/json")], body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        let schema = &answer.json()["data"]["__schema"];
        assert!(answer.errors().is_empty());
        assert_eq!(schema["queryType"]["name"], "Query");
        let of = |name: &str| schema["types"].as_array().unwrap().iter().find(|ty| ty["name"] == name).unwrap().clone();
        assert_eq!(of("ParticipantDetailsInput")["isOneOf"], json!(true));
        assert_eq!(of("Date")["specifiedByURL"], "https://datatracker.ietf.org/doc/html/rfc3339#section-5.6");
        assert!(of("Participant")["possibleTypes"].as_array().unwrap().iter().any(|ty| ty["name"] == "Person"));
        for interface in ["Content", "Participant"] {
            assert_eq!(of(interface)["interfaces"], json!([{ "kind": "INTERFACE", "name": "Node", "ofType": null }]));
        }
        assert_eq!(schema["description"], kring::graphql::DESCRIPTION);
    }

    fn answers_are_of_the_type_that_is_asked_for_and_kept_by_nobody() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let post = |accept: &str, body: &str| {
            served.request("POST", "/graphql", &[("Content-Type", "application/json"), ("Accept", accept)], body.as_bytes())
        };
        let json_type = "application/json; charset=utf-8";
        let graphql_type = "application/graphql-response+json; charset=utf-8";
        for (accept, expected) in [
            ("*/*", json_type),
            ("application/json", json_type),
            ("application/graphql-response+json", graphql_type),
            ("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", graphql_type),
        ] {
            let refused = if accept == "application/json" { 200 } else { 400 };
            for (body, status) in [(hostile::body("{ version }"), 200), (hostile::body("{ nope }"), refused), ("[]".to_owned(), 400)] {
                let answer = post(accept, &body);
                assert_eq!(answer.status, status, "{accept}: {body}");
                assert_eq!(answer.header("content-type"), Some(expected), "{accept}: {body}");
                assert_eq!(answer.header("cache-control"), Some("no-store"));
                assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            }
        }
    }

    fn tokens_are_checked_before_anything_is_read() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let post = |authorization: &str, query: &str| {
            let headers = [("Content-Type", "application/json"), ("Authorization", authorization)];
            served.request("POST", "/graphql", &headers, hostile::body(query).as_bytes())
        };
        for authorization in ["Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi", "nonsense"] {
            let answer = post(authorization, "{ __typename }");
            answer.is_refusal(401, "UNAUTHENTICATED", authorization);
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        let anonymous = served.request("POST", "/graphql", &[("Content-Type", "application/json")], hostile::body("{ groups { totalCount } }").as_bytes());
        anonymous.is_refusal(401, "UNAUTHENTICATED", "nobody");
        assert_eq!(anonymous.json()["errors"][0]["locations"], json!([{ "line": 1, "column": 3 }]));
        assert_eq!(post(&format!("bearer {}", served.token), "{ version }").status, 200);
    }

    fn health_readiness_and_figures_are_shown() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let plain = |path: &str| served.request("GET", path, &[], b"");
        assert_eq!((plain("/health").status, plain("/health").body.as_str()), (200, "ok\n"));
        assert_eq!((plain("/ready").status, plain("/ready").body.as_str()), (200, "ready\n"));
        served.is_alive("nothing");
        served.post("[]");
        served.ask("{ groups(first: 101) { totalCount } }", json!({}));
        served.request("POST", "/graphql", &[("Content-Type", "application/json")], hostile::body("{ groups { totalCount } }").as_bytes());
        let figures = plain("/metrics");
        assert_eq!(figures.status, 200);
        assert!(figures.header("content-type").unwrap().starts_with("application/openmetrics-text"));
        for line in [
            "kring_graphql_requests_total{outcome=\"Answered\"} 1",
            "kring_graphql_requests_total{outcome=\"Refused\"} 1",
            "kring_graphql_requests_total{outcome=\"Denied\"} 1",
            "kring_graphql_requests_total{outcome=\"WithErrors\"} 1",
            "kring_graphql_request_seconds_count 3",
            "# EOF",
        ] {
            assert!(figures.body.lines().any(|found| found == line), "{line}\n{}", figures.body);
        }
        assert_eq!(plain("/nowhere").status, 404);
    }

    fn a_database_without_its_schema_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&Options::new(format!("sqlite://{}", folder.path().join("empty.db").display()))).unwrap();
        let served = impatient(db.clone());
        let ready = || served.request("GET", "/ready", &[], b"");
        assert_eq!((ready().status, ready().body.as_str()), (503, "migrations are pending\n"));
        assert_eq!(served.request("GET", "/health", &[], b"").status, 200);
        let answer = served.ask("{ groups { totalCount } }", json!({}));
        assert_eq!(answer.code(), "UNAVAILABLE");
        assert!(!answer.body.contains("no such table"), "{}", answer.body);
        db.migrate().unwrap();
        assert_eq!(ready().status, 200);
    }

    fn the_explorer_is_served_with_its_protection() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let page = served.request("GET", "/", &[], b"");
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        let again = served.request("GET", "/", &[("If-None-Match", page.header("etag").unwrap()), ("Connection", "close")], b"");
        assert_eq!((again.status, again.body.as_str()), (304, ""));
        let served_samples: Value = served.request("GET", "/explorer/samples.json", &[], b"").json();
        assert_eq!(served_samples, Value::from(samples()));
    }

    fn samples_of_the_explorer_are_answered() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let samples = samples();
        let names: Vec<String> = samples.iter().map(|sample| text(&sample["name"])).collect();
        assert!(samples.len() >= 6, "{names:?}");
        // The first is what the page starts with, for whoever is signed in.
        let participant = world.token(kring::access::Role::Participant, Some(&world.person("Anna", "Bakker")), None);
        let first = world.data_as(&participant, &text(&samples[0]["query"]), samples[0]["variables"].clone());
        assert!(first["viewer"].is_object());
        for _ in ["without the objects that the samples name", "with them"] {
            for (sample, name) in samples.iter().zip(&names) {
                let answer = served.ask(&text(&sample["query"]), sample["variables"].clone());
                assert!(answer.status == 200 && answer.errors().is_empty(), "{name}: {}", answer.body);
            }
            let group = world.group("Werkgroep");
            world.add(&group, &[&id::encode(Kind::Participant, 1)], "2026-01-01");
        }
    }

    fn while_another_process_writes_readers_are_served_and_writers_told_to_wait() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("kring.db").display());
        let db = Db::open(&Options { readers: 4, ..Options::new(url.clone()) }).unwrap();
        db.migrate().unwrap();
        let served = impatient(db);
        let other = Db::open(&Options { readers: 1, ..Options::new(url) }).unwrap();
        let mutation = "mutation { createGroupCategory(input: { name: \"A\" }) { groupCategory { name } userErrors { code } } }";
        other
            .write(|_| {
                served.is_alive("another process took the lock");
                is_unavailable(&served.ask(mutation, json!({})));
                served.is_alive("a writer gave up");
                Ok(())
            })
            .unwrap();
        let answer = served.ask(mutation, json!({}));
        assert_eq!(answer.json()["data"]["createGroupCategory"]["groupCategory"]["name"], "A", "{}", answer.body);
    }
}

/// The database is out of reach, the client is told to come back, and nothing else.
fn is_unavailable(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (503, "UNAVAILABLE"), "{}", answer.body);
    assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
    let message = answer.message();
    assert_eq!(message, "The database cannot be reached at the moment. Please try again.");
}

/// A database of its own on the PostgreSQL server, so that its connections can be cut without harm to other cases.
struct Cut {
    admin: Db,
    name: String,
    url: String,
}

impl Cut {
    fn new() -> Self {
        let server = std::env::var("KRING_TEST_POSTGRES").unwrap();
        let name = format!("kring_cut_{}", std::process::id());
        let (address, settings) = server.split_once('?').unwrap_or((&server, ""));
        let (host, _) = address.rsplit_once('/').unwrap();
        let url = format!("{host}/{name}?{settings}");
        let admin = Db::open(&Options { readers: 1, ..Options::new(server.clone()) }).unwrap();
        let cut = Self { admin, name, url };
        // No transaction may surround this statement; a migrating connection has none.
        cut.outside_transactions(&format!("CREATE DATABASE {}", cut.name));
        cut
    }

    fn outside_transactions(&self, statement: &str) {
        let mut lent = self.admin.reader().unwrap();
        Sql::new(statement.to_owned()).execute(&mut lent).unwrap();
    }

    fn hang_up(&self) {
        let statement =
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", self.name);
        self.outside_transactions(&statement);
        std::thread::sleep(Duration::from_millis(200));
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        if let Ok(mut lent) = self.admin.reader() {
            // What cannot be dropped stays in the throw-away server.
            let _ = Sql::new(format!("DROP DATABASE {} WITH (FORCE)", self.name)).execute(&mut lent);
        }
    }
}

fn a_postgresql_that_hangs_up_is_reached_again() {
    let cut = Cut::new();
    let options = Options { readers: 4, wait: Duration::from_secs(1), ..Options::new(cut.url.clone()) };
    let db = Db::open(&options).unwrap();
    db.migrate().unwrap();
    let served = impatient(db);
    let mutation = "mutation { createGroupCategory(input: { name: \"A\" }) { userErrors { code } } }";
    served.is_alive("the start");
    assert_eq!(served.ask(mutation, json!({})).status, 200);
    // A server that was restarted between two requests is nobody's business but the pool's.
    cut.hang_up();
    served.is_alive("the connections were cut");
    cut.hang_up();
    let answer = served.ask(mutation, json!({}));
    assert_eq!(answer.json()["data"]["createGroupCategory"]["userErrors"][0]["code"], "NOT_UNIQUE", "{}", answer.body);

    cut.outside_transactions(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", cut.name));
    cut.hang_up();
    is_unavailable(&served.ask("{ groups { totalCount } }", json!({})));
    is_unavailable(&served.ask(mutation, json!({})));
    let ready = served.request("GET", "/ready", &[], b"");
    assert_eq!((ready.status, ready.body.as_str()), (503, "the database does not answer\n"));
    assert_eq!(served.request("GET", "/health", &[], b"").status, 200);
    cut.outside_transactions(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", cut.name));
    let since = Instant::now();
    while served.ask("{ groups { totalCount } }", json!({})).status != 200 {
        assert!(since.elapsed() < PATIENCE, "not reached again");
    }
    served.is_alive("the database came back");
}

inventory::submit! {
    Single {
        name: "it::http::a_postgresql_that_hangs_up_is_reached_again",
        run: a_postgresql_that_hangs_up_is_reached_again,
        missing: || std::env::var_os("KRING_TEST_POSTGRES").is_none_or(|url| url.is_empty()),
    }
}

/// What was refused: the codes and the first message.
fn refusal(world: &World, query: &str, variables: Value) -> (String, String) {
    let answer = world.ask(query, variables);
    let error = &answer["errors"][0];
    assert!(error.is_object(), "{query} was answered: {answer}");
    (error["extensions"]["code"].as_str().unwrap_or_default().to_owned(), text(&error["message"]))
}

both! {
    fn fields_named_twice_are_merged(world) {
        let group = world.group("A");
        let jan = world.person("Jan", "Jansen");
        world.add(&group, &[&jan], "2026-01-01");
        let merged = world.data("{ viewer { today } viewer { administrator } }", json!({}));
        assert_eq!(merged, json!({ "viewer": { "today": "2026-09-15", "administrator": true } }));
        let query = "query($id: ID!) {
              ...Header
              group(id: $id) { memberships { edges { node { participant { id } } } } }
              ... on Query { group(id: $id) { ...Count memberships { totalCount edges { cursor } } } }
            }
            fragment Header on Query { group(id: $id) { name ...Count memberships { edges { node { ...Who } } } } }
            fragment Count on Group { memberCount name }
            fragment Who on Membership { participant { displayName ... on Person { familyName } } startDate }";
        let found = &world.data(query, json!({ "id": group }))["group"];
        assert_eq!(found["name"], "A");
        assert_eq!(found["memberCount"], json!(1));
        assert_eq!(found["memberships"]["totalCount"], json!(1));
        let edge = &found["memberships"]["edges"][0];
        assert!(edge["cursor"].is_string());
        assert_eq!(edge["node"], json!({
            "participant": { "displayName": "Jan Jansen", "familyName": "Jansen", "id": jan }, "startDate": "2026-01-01",
        }));
        // Lists at the root are merged as well.
        let query = "{ groups { totalCount } groups { edges { node { name } } } nodes(ids: []) { id } nodes(ids: []) { __typename } }";
        assert_eq!(world.data(query, json!({})), json!({
            "groups": { "totalCount": 1, "edges": [{ "node": { "name": "A" } }] }, "nodes": [],
        }));
    }

    fn fields_that_cannot_be_merged_are_refused(world) {
        let conflicts = [
            "{ groups(first: 1) { totalCount } groups(first: 2) { totalCount } }",
            "{ a: version a: __typename }",
            "{ groups { edges { node { a: name a: description } } } }",
        ];
        for query in conflicts {
            assert_eq!(refusal(world, query, json!({})).0, "GRAPHQL_VALIDATION_FAILED", "{query}");
        }
    }

    fn a_mutation_is_carried_out_once_for_each_response_name(world) {
        let create = |name: &str| format!("createGroupCategory(input: {{ name: \"{name}\" }}) {{ userErrors {{ code }} }}");
        let same = format!("mutation {{ {} {} }}", create("A"), create("A"));
        assert_eq!(world.data(&same, json!({})), json!({ "createGroupCategory": { "userErrors": [] } }));
        let through_fragment = format!("mutation {{ {} ...F }} fragment F on Mutation {{ {} }}", create("B"), create("B"));
        assert_eq!(world.data(&through_fragment, json!({})), json!({ "createGroupCategory": { "userErrors": [] } }));
        assert_eq!(world.rows("group_categories"), 2);
        let named = format!("mutation {{ a: {} b: {} }}", create("C"), create("D"));
        world.data(&named, json!({}));
        assert_eq!(world.rows("group_categories"), 4);
        // Mutations are carried out in their order.
        let renamed = "mutation($id: ID!) { \
            a: updateGroup(input: { groupId: $id, settings: { name: \"1\" } }) { group { name } } \
            b: updateGroup(input: { groupId: $id, settings: { name: \"2\" } }) { group { name } } }";
        let answer = world.data(renamed, json!({ "id": world.group("0") }));
        assert_eq!(answer, json!({ "a": { "group": { "name": "1" } }, "b": { "group": { "name": "2" } } }));
    }

    fn type_conditions_choose_among_the_kinds(world) {
        let organization = world.organization("De Linde");
        let person = world.person("Anna", "Bakker");
        let address = world.address(None, "Lindelaan", "1");
        let group = world.group("A");
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename
            ... on Node { node: id }
            ... on Participant { displayName ... on Person { familyName } ... on Organization { name } }
            ... on Address { street ... on Node { id } }
            ... on Group { title: name ... on Node { __typename } }
            ... @include(if: true) { id }
            ...P } }
            fragment P on Person { givenName ... on Participant { kind } }";
        let ids = [&organization, &person, &address, &group, "unknown"];
        let found = world.data(query, json!({ "ids": ids }));
        assert_eq!(found["nodes"], json!([
            { "__typename": "Organization", "node": organization, "displayName": "De Linde", "name": "De Linde", "id": organization },
            { "__typename": "Person", "node": person, "displayName": "Anna Bakker", "familyName": "Bakker", "id": person,
              "givenName": "Anna", "kind": "PERSON" },
            { "__typename": "Address", "node": address, "displayName": "Lindelaan 1, 3511 AB, Utrecht", "street": "Lindelaan", "id": address },
            { "__typename": "Group", "node": group, "title": "A", "id": group },
            null,
        ]));
        // One response name may mean different fields on types that no object has both of.
        let query = "query($id: ID!) { node(id: $id) { ... on Person { label: familyName } ... on Organization { label: name } } }";
        for (id, label) in [(&person, "Bakker"), (&organization, "De Linde")] {
            assert_eq!(world.data(query, json!({ "id": id })), json!({ "node": { "label": label } }));
        }
        let query = "query($id: ID!) { participant(id: $id) { ... on Group { name } } }";
        assert_eq!(refusal(world, query, json!({ "id": person })).0, "GRAPHQL_VALIDATION_FAILED");
    }

    fn skip_and_include_work_at_every_level(world) {
        let group = world.group("A");
        let jan = world.person("Jan", "Jansen");
        world.add(&group, &[&jan], "2026-01-01");
        let query = "query($id: ID!, $yes: Boolean!, $no: Boolean = false) {
            version @include(if: $no)
            viewer @skip(if: $yes) { today }
            group(id: $id) @include(if: $yes) {
              name @skip(if: $no)
              description @include(if: $no)
              ...F @skip(if: $yes)
              ... on Group @include(if: $yes) { kind }
              ... @include(if: $no) { createdAt }
              memberships {
                totalCount @skip(if: $yes)
                edges { cursor @include(if: $no) node { startDate participant @include(if: $yes) { displayName id @skip(if: $yes) } } }
              }
            } }
            fragment F on Group { updatedAt }";
        let group = json!({ "id": group, "yes": true });
        assert_eq!(world.data(query, group.clone()), json!({ "group": {
            "name": "A", "kind": "STATIC",
            "memberships": { "edges": [{ "node": { "startDate": "2026-01-01", "participant": { "displayName": "Jan Jansen" } } }] },
        } }));
        let both = "query($a: Boolean!, $b: Boolean!) { version @skip(if: $a) @include(if: $b) today: viewer { today @include(if: $b) @skip(if: $a) __typename } }";
        for (skip, include) in [(true, true), (true, false), (false, false)] {
            let answer = world.data(both, json!({ "a": skip, "b": include }));
            assert_eq!(answer, json!({ "today": { "__typename": "Viewer" } }));
        }
        assert_eq!(refusal(world, "{ version @skip }", json!({})).0, "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(refusal(world, "{ version @unknown }", json!({})).0, "GRAPHQL_VALIDATION_FAILED");
        // What is left out leaves an empty object, not an error.
        assert_eq!(world.data("{ viewer { today @skip(if: true) } }", json!({})), json!({ "viewer": {} }));
        assert_eq!(world.data("{ version @skip(if: true) }", json!({})), json!({}));
    }

    fn one_field_may_be_asked_for_with_different_arguments(world) {
        let group = world.group("A");
        let people = ["Anna", "Bert", "Cora"].map(|name| world.person(name, name));
        let memberships = world.add(&group, &people.each_ref().map(String::as_str), "2026-01-01");
        world.end(&memberships[0], "2026-06-01");
        let query = "query($id: ID!, $then: Date) { a: groups(first: 1) { totalCount } b: groups(filter: { text: \"nothing\" }) { totalCount }
            group(id: $id) {
              now: memberCount then: memberCount(asOf: $then) before: memberCount(asOf: \"2025-01-01\")
              firstOne: memberships(first: 1, orderBy: { field: PARTICIPANT_NAME }) { edges { node { participant { displayName } } } }
              lastOne: memberships(last: 1, filter: { status: ANY }, orderBy: { field: PARTICIPANT_NAME, direction: DESC }) { edges { node { participant { displayName } } } }
            } }";
        let found = world.data(query, json!({ "id": group, "then": "2026-02-01" }));
        assert_eq!((&found["a"]["totalCount"], &found["b"]["totalCount"]), (&json!(1), &json!(0)));
        let found = &found["group"];
        assert_eq!([&found["now"], &found["then"], &found["before"]], [&json!(2), &json!(3), &json!(0)]);
        assert_eq!(found["firstOne"]["edges"], json!([{ "node": { "participant": { "displayName": "Bert Bert" } } }]));
        assert_eq!(found["lastOne"]["edges"], json!([{ "node": { "participant": { "displayName": "Anna Anna" } } }]));
    }

    fn every_object_knows_the_name_of_its_type(world) {
        let group = world.group("A");
        let whole = world.group("B");
        world.compose(&whole, "ANY", &[(&group, "INCLUDE")]);
        let jan = world.person("Jan", "Jansen");
        world.add(&group, &[&jan], "2026-01-01");
        let query = "query($id: ID!) { __typename viewer { __typename } groups { __typename pageInfo { __typename } edges { __typename } }
            group(id: $id) { __typename components { __typename } history { __typename edges { node { __typename actor { __typename } changes { __typename } } } }
              effectiveMembers { __typename edges { __typename node { __typename } via { __typename groups { __typename } } } } } }";
        let found = world.data(query, json!({ "id": whole }));
        assert_eq!(found["__typename"], "Query");
        assert_eq!(found["viewer"], json!({ "__typename": "Viewer" }));
        assert_eq!(found["groups"], json!({
            "__typename": "GroupConnection", "pageInfo": { "__typename": "PageInfo" },
            "edges": [{ "__typename": "GroupEdge" }, { "__typename": "GroupEdge" }],
        }));
        assert_eq!(found["group"]["components"], json!([{ "__typename": "GroupComponent" }]));
        assert_eq!(found["group"]["history"]["edges"][0]["node"], json!({
            "__typename": "HistoryEntry", "actor": { "__typename": "Actor" },
            "changes": vec![json!({ "__typename": "FieldChange" }); found["group"]["history"]["edges"][0]["node"]["changes"].as_array().unwrap().len()],
        }));
        assert_eq!(found["group"]["effectiveMembers"], json!({ "__typename": "EffectiveMemberConnection", "edges": [{
            "__typename": "EffectiveMemberEdge", "node": { "__typename": "Person" },
            "via": [{ "__typename": "MembershipPath", "groups": [{ "__typename": "Group" }, { "__typename": "Group" }] }],
        }] }));
        let mutation = "mutation { __typename createGroupCategory(input: { name: \" \" }) { __typename userErrors { __typename } } }";
        assert_eq!(world.data(mutation, json!({})), json!({ "__typename": "Mutation", "createGroupCategory": {
            "__typename": "GroupCategoryPayload", "userErrors": [{ "__typename": "UserError" }],
        } }));
    }

    fn variables_have_defaults_and_may_be_null(world) {
        for name in ["A", "B", "C"] {
            world.group(name);
        }
        let query = "query($first: Int = 2, $filter: GroupFilter, $order: GroupOrder = { field: NAME, direction: DESC }, $after: String = null) { \
            groups(first: $first, after: $after, filter: $filter, orderBy: $order) { edges { node { name } } } }";
        let names = |variables: Value| {
            let found = world.data(query, variables);
            found["groups"]["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["name"])).collect::<String>()
        };
        assert_eq!(names(json!({})), "CB");
        assert_eq!(names(json!({ "first": 1, "filter": null })), "C");
        assert_eq!(names(json!({ "first": null })), "CBA");
        assert_eq!(names(json!({ "filter": { "text": "b", "closed": null, "kinds": null } })), "B");
        assert_eq!(names(json!({ "order": null, "after": null })), "AB");
        assert_eq!(names(json!({ "order": { "field": "NAME" } })), "AB");
        assert_eq!(names(json!({ "filter": { "text": "a" }, "unused": [1, { "a": null }] })), "A");
        // A single value stands for a list of one.
        assert_eq!(names(json!({ "filter": { "kinds": "STATIC" } })), "CB");
        let inside = "query($text: String, $closed: Boolean) { groups(filter: { text: $text, closed: $closed, kinds: [STATIC] }) { totalCount } }";
        assert_eq!(world.data(inside, json!({ "text": "b" }))["groups"]["totalCount"], json!(1));
        assert_eq!(world.data(inside, json!({ "text": null }))["groups"]["totalCount"], json!(3));
    }

    fn what_does_not_fit_the_schema_is_refused_in_literals_and_in_variables(world) {
        let group = world.group("A");
        let update = "mutation($settings: GroupSettingsInput!, $id: ID!) { updateGroup(input: { groupId: $id, settings: $settings }) { group { id } } }";
        let groups = "query($filter: GroupFilter) { groups(filter: $filter) { totalCount } }";
        let count = "query($on: Date, $id: ID!) { group(id: $id) { memberCount(asOf: $on) } }";
        let page = "query($first: Int) { groups(first: $first) { totalCount } }";
        let create = "mutation($input: CreateParticipantInput!) { createParticipant(input: $input) { participant { id } } }";
        let cases = [
            (groups, json!({ "filter": { "nope": 1 } })),
            (groups, json!({ "filter": { "kinds": ["NOPE"] } })),
            (groups, json!({ "filter": { "kinds": ["static"] } })),
            (groups, json!({ "filter": { "kinds": [null] } })),
            (groups, json!({ "filter": { "startedFrom": "2026-02-30" } })),
            (groups, json!({ "filter": { "startedFrom": 20_260_101 } })),
            (groups, json!({ "filter": { "closed": "true" } })),
            (groups, json!({ "filter": { "yearGroup": 1.5 } })),
            (groups, json!({ "filter": { "yearGroup": 3_000_000_000_i64 } })),
            (groups, json!({ "filter": [] })),
            (groups, json!({ "filter": "text" })),
            (update, json!({ "id": group, "settings": { "name": "B", "nope": true } })),
            (update, json!({ "id": group, "settings": { "name": "B", "memberFilter": { "search": "x", "nope": true } } })),
            (update, json!({ "id": group, "settings": { "name": "B", "neighbourhoodRole": "NOPE" } })),
            (update, json!({ "id": group, "settings": { "name": "B", "startDate": "2026-02-30" } })),
            (update, json!({ "id": group, "settings": null })),
            (update, json!({ "id": group })),
            (count, json!({ "id": group, "on": "2026-02-30" })),
            (count, json!({ "id": group, "on": "2026-1-1" })),
            (count, json!({ "id": group, "on": "" })),
            (count, json!({ "on": "2026-01-01" })),
            (page, json!({ "first": "1" })),
            (page, json!({ "first": 1.5 })),
            (page, json!({ "first": true })),
            (page, json!({ "first": 2_147_483_648_i64 })),
            (create, json!({ "input": { "details": {} } })),
            (create, json!({ "input": { "details": { "person": { "givenName": "A" }, "organization": { "name": "B" } } } })),
            (create, json!({ "input": { "details": { "person": { "givenName": "A", "nope": 1 } } } })),
            (create, json!({ "input": { "details": { "person": null } } })),
            (create, json!({ "input": { "details": { "person": { "givenName": "A" } }, "nope": 1 } })),
        ];
        let mut accepted = Vec::new();
        for (query, variables) in cases {
            let answer = world.ask(query, variables.clone());
            let code = answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
            if !["GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"].contains(&code) {
                accepted.push(format!("{variables}: {answer}"));
            }
        }
        let literals = [
            "{ groups(filter: { nope: 1 }) { totalCount } }",
            "{ groups(filter: { kinds: [NOPE] }) { totalCount } }",
            "{ groups(filter: { startedFrom: \"2026-02-30\" }) { totalCount } }",
            "{ groups(nope: 1) { totalCount } }",
            "{ groups(first: 1, first: 2) { totalCount } }",
            "{ groups(first: 2147483648) { totalCount } }",
            "{ groups { edges { node { memberCount(asOf: \"2026-02-30\") } } } }",
            "{ groups { edges { node { memberCount(nope: 1) } } } }",
            "query($filter: GroupFilter = { nope: 1 }) { groups(filter: $filter) { totalCount } }",
            "query($a: Int) { groups { totalCount } }",
            "query { groups(first: $a) { totalCount } }",
            "query($a: Nope) { groups { totalCount } }",
            "{ groups }",
            "{ version { a } }",
            "{ groups { totalCount } ...F }",
            "{ version } fragment F on Query { version }",
        ];
        for query in literals {
            let answer = world.ask(query, json!({}));
            let code = answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
            if !["GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"].contains(&code) {
                accepted.push(format!("{query}: {answer}"));
            }
        }
        assert!(accepted.is_empty(), "{}", accepted.join("\n"));
        let name = world.data("query($id: ID!) { group(id: $id) { name } }", json!({ "id": group }));
        assert_eq!(name["group"]["name"], "A");
        assert_eq!(world.rows("participants"), 0);
    }

    fn an_id_of_another_type_leads_nowhere(world) {
        let group = world.group("A");
        let jan = world.person("Jan", "Jansen");
        let query = "query($id: ID!) { group(id: $id) { id } }";
        for id in [&jan, "", "x", "R3JvdXA6MA", "R3JvdXA6LTE", "R3JvdXA6OTk5OTk5OTk5OTk5OTk5OTk5OTk5"] {
            let answer = world.ask(query, json!({ "id": id }));
            let code = answer["errors"][0]["extensions"]["code"].as_str();
            assert!(answer["data"]["group"].is_null() && code.is_none_or(|code| code == "BAD_USER_INPUT"), "{id}: {answer}");
        }
        let query = "query($id: ID!, $of: ID!) { group(id: $of) { isMember(participantId: $id) } }";
        assert_eq!(refusal(world, query, json!({ "id": group, "of": group })).0, "BAD_USER_INPUT");
        let add = "mutation($input: AddMembershipsInput!) { addMemberships(input: $input) { added userErrors { code } } }";
        let input = json!({ "input": { "groupId": jan, "participantIds": [group] } });
        let answer = world.ask(add, input);
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
        assert_eq!(world.rows("memberships"), 0);
    }

    fn an_error_in_a_list_names_its_place_and_nothing_of_the_inside(world) {
        world.group("A");
        let (code, message) = refusal(world, "{ groups(first: 101) { totalCount } }", json!({}));
        assert_eq!(code, "BAD_USER_INPUT");
        assert!(message.contains("100"), "{message}");
        for cursor in ["", "x", "AAAA", "bm9uc2Vuc2U"] {
            let (code, message) = refusal(world, "query($after: String) { groups(after: $after) { edges { cursor } } }", json!({ "after": cursor }));
            assert_eq!(code, "BAD_USER_INPUT", "{cursor}: {message}");
        }
        let answer = world.ask("{ viewer { today } groups(first: 1, last: 1) { totalCount } }", json!({}));
        assert_eq!(answer["errors"][0]["path"], json!(["groups"]), "{answer}");
    }
}
