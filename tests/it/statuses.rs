//! Statuses and shapes of answers over HTTP: what clients, proxies and programs that retry go by.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use kring::content::files::objects::{Bucket, Objects};
use kring::db::{Db, Observer, Options, Sql};
use kring::graphql::session::Shared;
use kring::groups::store::CompositionCache;
use kring::http::guard::Limits;
use kring::http::{Gateway, files, router};
use kring::scope::Clock;
use serde_json::{Value, json};

use crate::content::{School, make};
use crate::harness::{World, both, now, once};
use crate::http::{Answer, Served};

const CATEGORIES: &str = "{ groupCategories(first: 5) { totalCount } }";
const CREATE: &str = "mutation($name: String!) {
    createGroupCategory(input: { name: $name }) { groupCategory { name } userErrors { code } } }";
const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

/// A gateway of its own before a database, that waits so long for bodies and answers.
fn waiting(world: &World, db: Db, patience: Duration) -> Served {
    let objects = Objects::open(&world.store.path().display().to_string(), &Bucket::default()).unwrap();
    let options = kring::http::Options {
        limits: Limits::default(),
        execution: patience,
        change: Duration::from_secs(30),
        wait: Duration::from_secs(10),
        clock: Clock::Fixed(now()),
        zone: chrono_tz::Europe::Amsterdam,
        mail: false,
        files: Some(files::Options { patience, ..files::Options::new(objects) }),
    };
    let shared = Shared { db, compositions: Arc::new(CompositionCache::default()) };
    let gateway = Gateway::new(shared, world.keys.clone(), options).unwrap();
    Served::new(router(gateway), world.administrator())
}

fn post(served: &Served, accept: Option<&str>, body: &Value) -> Answer {
    let mut headers = vec![("Content-Type", JSON)];
    headers.extend(accept.map(|accept| ("Accept", accept)));
    served.request("POST", "/graphql", &headers, body.to_string().as_bytes())
}

/// Sends the head of a request whose body never comes as a whole.
fn stalled(served: &Served, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut head = format!("POST {target} HTTP/1.1\r\nHost: {}\r\nContent-Length: 500\r\n", served.address);
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n{\"query\"");
    served.exchange(|stream| stream.write_all(head.as_bytes()))
}

/// No room is left for another page, or there is again.
fn fill_disk(world: &World, is_full: bool) {
    let statements: Vec<String> = match (world.is_postgres(), is_full) {
        (false, true) => vec!["PRAGMA max_page_count = 1".to_owned()],
        (false, false) => vec!["PRAGMA max_page_count = 1000000".to_owned()],
        (true, true) => vec![
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'could not extend file \"base/1/2\": No space left on device' \
             USING ERRCODE = '53100', HINT = 'Check free disk space.'; END $$"
                .to_owned(),
            "CREATE TRIGGER no_room BEFORE INSERT ON group_categories FOR EACH ROW EXECUTE FUNCTION no_room()"
                .to_owned(),
        ],
        (true, false) => vec!["DROP TRIGGER no_room ON group_categories".to_owned()],
    };
    let fill = |conn: &mut kring::db::Conn| {
        statements.iter().try_for_each(|text| Ok(Sql::new(text.clone()).execute(conn).map(drop)?))
    };
    world.db.write(fill).unwrap();
}

once! {
    /// GraphQL over HTTP, "application/json": whoever knows that type alone gets 200 for a request that is well formed.
    fn a_refused_document_is_200_only_for_who_names_json_alone() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let documents = [
            (json!({ "query": "{" }), "GRAPHQL_PARSE_FAILED"),
            (json!({ "query": "{ nope }" }), "GRAPHQL_VALIDATION_FAILED"),
            (json!({ "query": "query A { version } query B { version }" }), "BAD_USER_INPUT"),
            (json!({ "query": "query A { version }", "operationName": "B" }), "BAD_USER_INPUT"),
            (json!({ "query": "query($id: ID!) { node(id: $id) { id } }", "variables": { "id": null } }), "BAD_USER_INPUT"),
            (json!({ "query": format!("{{ {} }}", "v: version ".repeat(31)) }), "QUERY_TOO_COMPLEX"),
        ];
        for (accept, status) in [
            (Some(JSON), 200),
            (Some("application/json, text/plain, */*"), 200),
            (Some("application/json, application/graphql-response+json;q=0"), 200),
            (Some("application/graphql-response+json;q=0.5, application/json"), 400),
            (Some("application/graphql-response+json, application/json;q=0.9"), 400),
            (Some(GRAPHQL), 400),
            (Some("*/*"), 400),
            (None, 400),
        ] {
            for (body, code) in &documents {
                let answer = post(&served, accept, body);
                answer.is_refusal(status, code, &format!("{accept:?}: {body}"));
                assert!(answer.json().get("data").is_none(), "{accept:?}: {}", answer.body);
            }
            // What is wrong around the document is told by the status to everybody.
            for body in [json!([]), json!({}), json!({ "query": 1 }), json!({ "query": "{ version }", "variables": 1 })] {
                post(&served, accept, &body).is_refusal(400, "BAD_USER_INPUT", &format!("{accept:?}: {body}"));
            }
            post(&served, accept, &json!({ "query": CATEGORIES })).is_refusal(401, "UNAUTHENTICATED", "nobody");
        }
    }

    fn extensions_must_be_an_object() {
        let world = World::sqlite();
        let served = Served::world(&world);
        for wrong in [json!("text"), json!(0), json!(false), json!([{}])] {
            let body = json!({ "query": "{ version }", "extensions": wrong });
            post(&served, None, &body).is_refusal(400, "BAD_USER_INPUT", &wrong.to_string());
            let target = format!("/graphql?query=%7Bversion%7D&extensions={}", wrong.to_string().replace('"', "%22"));
            served.get(&target).is_refusal(400, "BAD_USER_INPUT", &target);
        }
        for right in [json!(null), json!({}), json!({ "any": ["thing"] })] {
            assert_eq!(post(&served, None, &json!({ "query": "{ version }", "extensions": right })).status, 200, "{right}");
        }
    }

    fn who_refuses_every_type_is_told_so_before_anything_is_done() {
        let world = World::sqlite();
        let served = Served::world(&world);
        for accept in ["*/*;q=0", "application/json;q=0, application/graphql-response+json;q=0"] {
            post(&served, Some(accept), &json!({ "query": "{ version }" })).is_refusal(406, "NOT_ACCEPTABLE", accept);
            let get = served.request("GET", "/graphql?query=%7Bversion%7D", &[("Accept", accept)], b"");
            get.is_refusal(406, "NOT_ACCEPTABLE", accept);
        }
        let only = post(&served, Some("application/json;q=0"), &json!({ "query": "{ version }" }));
        assert_eq!((only.status, only.header("content-type")), (200, Some("application/graphql-response+json; charset=utf-8")));
    }

    fn a_wrong_method_is_told_in_json_with_the_right_ones() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let paths = [
            ("/graphql", "GET,HEAD,POST"),
            ("/", "GET,HEAD"),
            ("/health", "GET,HEAD"),
            ("/ready", "GET,HEAD"),
            ("/metrics", "GET,HEAD"),
            ("/favicon.ico", "GET,HEAD"),
            ("/explorer/explorer.js", "GET,HEAD"),
            ("/content/abc/files", "POST"),
            ("/files/abc", "GET,HEAD"),
            ("/files/abc/preview", "GET,HEAD"),
            ("/calendar/abc.ics", "GET,HEAD"),
        ];
        for (path, allow) in paths {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
                if allow.split(',').any(|allowed| allowed == method) {
                    continue;
                }
                let answer = served.request(method, path, &[("Connection", "close")], b"");
                answer.is_refusal(405, "METHOD_NOT_ALLOWED", &format!("{method} {path}"));
                assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
                assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
            }
        }
        let asked = [("Accept", GRAPHQL), ("Connection", "close")];
        let answer = served.request("PUT", "/graphql", &asked, b"");
        assert_eq!(answer.header("content-type"), Some("application/graphql-response+json; charset=utf-8"));
    }

    fn what_is_not_there_is_told_in_json() {
        let world = World::sqlite();
        let served = Served::world(&world);
        for path in [
            "/nowhere", "/graphql/", "/graphql/more", "/files", "/files/", "/files/a/b", "/files/%FF", "/files/%FF/preview",
            "/calendar/%FF", "/calendar/", "/content/a", "/explorer/", "/health/", "/%00",
        ] {
            let answer = served.get(path);
            answer.is_refusal(404, "NOT_FOUND", path);
            assert_eq!(answer.message(), "There is nothing here.");
            assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"), "{path}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            served.request(method, "/nowhere", &[], b"").is_refusal(404, "NOT_FOUND", method);
        }
        let anonymous = served.request("POST", "/content/abc/files", &[("Connection", "close")], b"%PDF");
        anonymous.is_refusal(401, "UNAUTHENTICATED", "an upload by nobody");
        assert_eq!(anonymous.header("www-authenticate"), Some("Bearer"));
    }

    fn a_body_that_breaks_off_is_neither_too_large_nor_too_slow() {
        let world = World::sqlite();
        let served = Served::world(&world);
        let head = format!(
            "POST /graphql HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            served.address
        );
        let answer = served.exchange(|stream| stream.write_all(format!("{head}2\r\n{{}}\r\nnonsense\r\n").as_bytes()));
        answer.is_refusal(400, "BAD_USER_INPUT", "no chunk");
    }
}

both! {
    fn a_body_that_stalls_is_408(world) {
        let school = School::new(world);
        let teacher = school.administrator(world);
        let dossier = make(world, &teacher, json!({ "dossier": { "title": "Notulen" } }));
        let served = waiting(world, world.db.clone(), Duration::from_millis(400));
        let bearer = format!("Bearer {teacher}");
        let file = format!("/content/{dossier}/files?name=a.pdf");
        for (target, kind) in [("/graphql", JSON), (file.as_str(), "application/pdf")] {
            let answer = stalled(&served, target, &[("Content-Type", kind), ("Authorization", &bearer)]);
            answer.is_refusal(408, "TIMEOUT", target);
            assert_eq!(answer.header("connection"), Some("close"), "{target}");
        }
        served.is_alive("stalled bodies");
    }

    fn a_query_that_takes_too_long_is_504_when_nothing_was_answered(world) {
        // On PostgreSQL the statement waits for a lock until it is stopped. On SQLite, where nothing stops it, the request
        // does not wait for it.
        let slow = Observer(Arc::new(|event| {
            if let diesel::connection::InstrumentationEvent::StartQuery { query, .. } = event
                && query.to_string().contains("group_categories")
            {
                std::thread::sleep(Duration::from_millis(1_500));
            }
        }));
        if !world.is_postgres() {
            let served = waiting(world, world.connect(slow), Duration::from_millis(500));
            served.ask(CATEGORIES, json!({})).is_refusal(504, "TIMEOUT", "no answer");
            return;
        }
        let options = Options { statement_timeout: Duration::from_millis(300), ..Options::new(world.url()) };
        let served = waiting(world, Db::open(&options).unwrap(), Duration::from_secs(15));
        let meanwhile = |query: &str| {
            let locked = |conn: &mut kring::db::Conn| {
                Sql::new("LOCK TABLE group_categories IN ACCESS EXCLUSIVE MODE").execute(conn)?;
                Ok(served.ask(query, json!({})))
            };
            world.db.write(locked).unwrap()
        };
        let answer = meanwhile(CATEGORIES);
        answer.is_refusal(504, "TIMEOUT", "no answer");
        assert_eq!(answer.json()["errors"][0]["path"][0], "groupCategories", "{}", answer.body);
        served.is_alive("the lock was gone");
    }

    fn a_full_disk_is_unavailable_and_reading_goes_on(world) {
        let served = Served::world(world);
        fill_disk(world, true);
        let names = (0..400).map(|n| format!("{n} {}", "a".repeat(80)));
        let answers = names.map(|name| served.ask(CREATE, json!({ "name": name })));
        let refused = answers.into_iter().find(|answer| answer.status != 200 || !answer.errors().is_empty());
        let refused = refused.expect("a disk that is full in the end");
        refused.is_refusal(503, "UNAVAILABLE", "a full disk");
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(refused.message(), "There is no room left to keep anything at the moment. Please try again later.");
        assert_eq!(served.ask(CATEGORIES, json!({})).status, 200, "reading goes on");
        fill_disk(world, false);
        let kept = served.ask(CREATE, json!({ "name": "Committees" }));
        assert_eq!(kept.json()["data"]["createGroupCategory"]["groupCategory"]["name"], "Committees", "{}", kept.body);
    }
}
