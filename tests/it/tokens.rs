//! Tokens: what ends them, and that everything that they gave ends with them (I2).

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kring::access::Role;
use kring::access::token::id_of;
use kring::db::{Observer, Sql};
use kring::id::{self, Kind};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use crate::content::{School, make, person, publish};
use crate::files::upload_document;
use crate::harness::{RUNTIME, SECRET, World, both, now, once, text};
use crate::http::Served;
use crate::live::{Client, following};

const WHO: &str = "{ viewer { administrator participant { id } } }";
/// Another process may go on for so long; the promise is two seconds.
const SECONDS: Duration = Duration::from_secs(6);

fn status(router: &axum::Router, url: &str, token: Option<&str>) -> u16 {
    let mut request = Request::get(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Body::empty()).unwrap();
    RUNTIME.block_on(router.clone().oneshot(request)).unwrap().status().as_u16()
}

fn upload(world: &World, token: &str, item: &str) -> u16 {
    let request = Request::post(format!("/content/{item}/files?name=a.pdf"))
        .header("content-type", "application/pdf")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from("%PDF-1.7\nA\n%%EOF"))
        .unwrap();
    RUNTIME.block_on(world.send(request)).0
}

/// Asks who one is: the status, and the code if it is refused.
fn who(world: &World, token: &str) -> (u16, String) {
    let (status, body) = RUNTIME.block_on(world.send(World::post(Some(token), json!({ "query": WHO }).to_string())));
    let body: Value = serde_json::from_str(&body).unwrap();
    (status, body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned())
}

fn refused() -> (u16, String) {
    (401, "UNAUTHENTICATED".to_owned())
}

fn accepted() -> (u16, String) {
    (200, String::new())
}

/// A token of a program, by its name.
fn program(world: &World, name: &str) -> String {
    world.keys.sign(None, &[(Role::Administrator, None)], name, now(), chrono::Duration::hours(1)).unwrap()
}

fn withdraw(world: &World, token: &str, input: Value) -> Value {
    world.done_as(token, "withdrawTokens", "issuedUntil participant { id }", input)
}

/// A token with these claims and this header, signed as the gateway signs.
fn forged(claims: Value, header: Value) -> String {
    let mut all = json!({ "iss": "kring", "aud": "kring", "grants": [{ "role": "administrator" }], "name": "T",
                          "iat": now().timestamp(), "exp": now().timestamp() + 600 });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    if header == json!({}) {
        return jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &all,
            &EncodingKey::from_secret(SECRET.as_bytes()),
        )
        .unwrap();
    }
    let mut named: Map<String, Value> = serde_json::from_value(json!({ "alg": "HS256", "typ": "JWT" })).unwrap();
    named.extend(header.as_object().unwrap().clone());
    let part = |value: Value| {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
    };
    let message = format!("{}.{}", part(Value::Object(named)), part(all));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

/// Another gateway on the same database, with connections of its own, as another process would be.
fn elsewhere(world: &World) -> Served {
    let db = world.connect(Observer(Arc::new(|_| {})));
    Served::before(db, Duration::from_secs(10), Duration::from_secs(10))
}

fn kring(arguments: &[&str], url: &str, secret: &str) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kring"))
        .args(arguments)
        .envs([("DATABASE_URL", url), ("KRING_JWT_SECRET", secret)])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.success(), said.concat())
}

both! {
    fn i2_one_token_is_withdrawn_and_the_others_stay(world) {
        let anna = world.person("Anna", "A");
        let [lost, kept] = [(); 2].map(|()| person(world, &anna));
        let id = id_of(&lost).unwrap();
        assert_ne!(Some(&id), id_of(&kept).as_ref(), "every token has an id of its own");
        assert_eq!(who(world, &lost), accepted());
        assert_eq!(world.refused_as(&kept, "withdrawTokens", json!({ "tokenId": id })), ["FORBIDDEN"]);
        let done = withdraw(world, &world.administrator(), json!({ "tokenId": id }));
        assert_eq!(done["issuedUntil"], "2026-09-15T10:00:00Z");
        assert_eq!(who(world, &lost), refused());
        assert_eq!(who(world, &kept), accepted());
        // One's own: that is how to sign out.
        let other = person(world, &anna);
        let query = "mutation($id: String!) { withdrawTokens(input: { tokenId: $id }) { issuedUntil userErrors { code } } }";
        world.data_as(&other, query, json!({ "id": id_of(&other).unwrap() }));
        assert_eq!(who(world, &other), refused());
        assert_eq!(who(world, &kept), accepted());
        let until: Vec<String> = world.db.read(|conn| {
            let sql = match conn.dialect() {
                kring::db::Dialect::Sqlite => "SELECT until FROM token_withdrawals ORDER BY id",
                kring::db::Dialect::Postgres => "SELECT to_char(until, 'YYYY-MM-DD HH24') FROM token_withdrawals ORDER BY id",
            };
            Ok(Sql::new(sql).load::<diesel::sql_types::Text, String>(conn)?)
        }).unwrap();
        assert!(until[0].starts_with("2036"), "{until:?}");
        assert!(until[1].starts_with("2026-09-15 11") || until[1].starts_with("2026-09-15T11"), "it is forgotten when it is over: {until:?}");
    }

    fn i2_all_of_a_participant_or_of_a_program_are_withdrawn(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let (anna, ben) = (world.person("Anna", "A"), world.person("Ben", "B"));
        let tokens = [(); 2].map(|()| person(&world, &anna));
        let [of_ben, sync, report] = [person(&world, &ben), program(&world, "Sync"), program(&world, "Report")];
        let done = withdraw(&world, &world.administrator(), json!({ "participantId": anna }));
        assert_eq!(done["participant"]["id"], json!(anna));
        for token in &tokens {
            assert_eq!(who(&world, token), refused());
        }
        withdraw(&world, &world.administrator(), json!({ "program": " Sync " }));
        assert_eq!(who(&world, &sync), refused());
        for token in [&of_ben, &report] {
            assert_eq!(who(&world, token), accepted());
        }
        // What is given later is good, and what was given before stays withdrawn.
        let later = now() + chrono::Duration::seconds(2);
        world.turn_clock(later, chrono_tz::Europe::Amsterdam);
        let key = id::decode_as(Kind::Participant, &anna).unwrap();
        let hour = chrono::Duration::hours(1);
        let new = world.keys.sign(Some(key), &[(Role::Participant, None)], "Anna", later, hour).unwrap();
        assert_eq!(who(&world, &new), accepted());
        assert_eq!(who(&world, &tokens[0]), refused());
        assert_eq!(who(&world, &world.keys.sign(None, &[(Role::Administrator, None)], "Sync", later, hour).unwrap()), accepted());
        // M7: it is in the history of the participant.
        let query = "query($id: ID!) { participant(id: $id) { history(first: 9) { edges { node { changes { field } } } } } }";
        let history = world.data(query, json!({ "id": anna }));
        assert_eq!(history["participant"]["history"]["edges"][0]["node"]["changes"][0]["field"], "tokensWithdrawn", "{history:#}");
        assert_eq!(world.rows("token_withdrawals"), 2);
        withdraw(&world, &world.administrator(), json!({ "participantId": anna }));
        assert_eq!(world.rows("token_withdrawals"), 2, "a later one takes the place of an earlier one");
        assert_eq!(who(&world, &new), refused());
    }

    fn i2_who_may_withdraw(world) {
        let [x, y] = ["X", "Y"].map(|name| world.organization(name));
        let (kept, foreign) = (world.person_of(Some(&x), "A", "A"), world.person_of(Some(&y), "B", "B"));
        let of = |role, organization| world.token(role, None, Some(organization));
        let clerk = of(Role::MembershipAdministrator, &x);
        for (token, input, code) in [
            (&clerk, json!({ "participantId": foreign }), "NOT_FOUND"),
            (&clerk, json!({ "participantId": "UGFydGljaXBhbnQ6OTk5OTk" }), "NOT_FOUND"),
            (&clerk, json!({ "program": "Sync" }), "FORBIDDEN"),
            (&clerk, json!({ "tokenId": "another" }), "FORBIDDEN"),
            (&of(Role::Staff, &x), json!({ "participantId": kept }), "NOT_FOUND"),
            (&person(world, &foreign), json!({ "participantId": kept }), "NOT_FOUND"),
            (&world.administrator(), json!({}), "INVALID_VALUE"),
            (&world.administrator(), json!({ "program": "Sync", "participantId": kept }), "INVALID_VALUE"),
            (&world.administrator(), json!({ "program": " " }), "INVALID_VALUE"),
            (&world.administrator(), json!({ "tokenId": "x".repeat(300) }), "INVALID_VALUE"),
        ] {
            assert_eq!(world.refused_as(token, "withdrawTokens", input.clone()), [code], "{input}");
        }
        let anonymous = world.ask_as(None, "mutation { withdrawTokens(input: { program: \"x\" }) { issuedUntil } }", json!({}));
        assert_eq!(anonymous["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert_eq!(world.rows("token_withdrawals"), 0);
        let (his, hers) = (person(world, &kept), person(world, &foreign));
        withdraw(world, &clerk, json!({ "participantId": kept }));
        assert_eq!(who(world, &his), refused());
        let own = "mutation($id: ID!) { withdrawTokens(input: { participantId: $id }) { issuedUntil userErrors { code } } }";
        assert_eq!(world.data_as(&hers, own, json!({ "id": foreign }))["withdrawTokens"]["userErrors"], json!([]));
        assert_eq!(who(world, &hers), refused());
    }

    fn i2_links_uploads_and_downloads_end_with_the_token(world) {
        let school = School::new(world);
        let administrator = school.administrator(world);
        let input = json!({ "calendarItem": { "title": "Feest", "startsAt": "2026-10-01T10:00:00Z", "organizationId": school.organization } });
        let item = make(world, &administrator, input);
        publish(world, &administrator, &item, json!({ "groupIds": [school.class] }));
        upload_document(world, &administrator, &item, "a");
        let query = "query($id: ID!) { content(id: $id) { ... on CalendarItem { iCalendarUrl attachments { url } } } }";
        let [lost, kept] = [(); 2].map(|()| person(world, &school.child));
        let links = |token: &str| {
            let found = world.data_as(token, query, json!({ "id": item }))["content"].take();
            [text(&found["iCalendarUrl"]), text(&found["attachments"][0]["url"])]
        };
        let (of_lost, of_kept) = (links(&lost), links(&kept));
        let plain = of_lost.clone().map(|link| link.split('?').next().unwrap().to_owned());
        for link in of_lost.iter().chain(&of_kept) {
            assert_eq!(status(&world.router, link, None), 200, "{link}");
        }
        withdraw(world, &world.administrator(), json!({ "tokenId": id_of(&lost).unwrap() }));
        for (gone, good) in of_lost.iter().zip(&of_kept) {
            assert_eq!(status(&world.router, gone, None), 404, "{gone}");
            assert_eq!(status(&world.router, good, None), 200, "{good}");
        }
        for path in &plain {
            assert_eq!(status(&world.router, path, Some(&lost)), 401, "{path}");
            assert_eq!(status(&world.router, path, Some(&kept)), 200, "{path}");
        }
        assert_eq!(upload(world, &administrator, &item), 201);
        withdraw(world, &world.administrator(), json!({ "tokenId": id_of(&administrator).unwrap() }));
        assert_eq!(upload(world, &administrator, &item), 401);
        withdraw(world, &world.administrator(), json!({ "participantId": school.child }));
        for link in &of_kept {
            assert_eq!(status(&world.router, link, None), 404, "{link}");
        }
    }

    fn i2_a_link_never_outlives_its_token(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let administrator = school.administrator(&world);
        let item = make(&world, &administrator, json!({ "newsItem": { "title": "N", "body": "B", "organizationId": school.organization } }));
        publish(&world, &administrator, &item, json!({ "groupIds": [school.class] }));
        upload_document(&world, &administrator, &item, "a");
        let key = id::decode_as(Kind::Participant, &school.child).unwrap();
        let short = world.keys.sign(Some(key), &[(Role::Participant, None)], "K", now(), chrono::Duration::minutes(5)).unwrap();
        let query = "query($id: ID!) { content(id: $id) { ... on NewsItem { attachments { url } } } }";
        let link = text(&world.data_as(&short, query, json!({ "id": item }))["content"]["attachments"][0]["url"]);
        for (minutes, expected) in [(4, 200), (5, 404)] {
            world.turn_clock(now() + chrono::Duration::minutes(minutes), chrono_tz::Europe::Amsterdam);
            assert_eq!(status(&world.router, &link, None), expected, "after {minutes} minutes");
        }
    }

    fn i2_sockets_are_closed_and_other_gateways_hear_of_it(world) {
        let (here, there) = (Served::world(world), elsewhere(world));
        let anna = world.person("Anna", "A");
        let [lost, kept] = [(); 2].map(|()| person(world, &anna));
        let own = "subscription { viewerMembershipChanged { change } }";
        let mut clients = [&here, &there].map(|served| Client::signed(served, &lost));
        for client in &mut clients {
            client.subscribe("a", own, json!({}));
        }
        let mut stays = Client::signed(&there, &kept);
        following(world, 1);
        assert_eq!(there.bearing(&format!("Bearer {lost}"), WHO).status, 200);
        let since = Instant::now();
        withdraw(world, &world.administrator(), json!({ "tokenId": id_of(&lost).unwrap() }));
        for client in &mut clients {
            assert_eq!(client.farewell(), (4403, "The token was withdrawn.".to_owned()));
        }
        while there.bearing(&format!("Bearer {lost}"), WHO).status == 200 {
            assert!(since.elapsed() < SECONDS, "the other gateway goes on");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(since.elapsed() < SECONDS, "{:?}", since.elapsed());
        let mut again = Client::connect(&there);
        again.say(Client::introduction(&lost));
        assert_eq!(again.farewell().0, 4403);
        stays.subscribe("q", "{ viewer { today } }", json!({}));
        assert_eq!(stays.hear()["type"], "next");
    }

    fn i2_nobody_is_let_in_while_it_is_not_known_what_was_withdrawn(world) {
        world.db.write(|conn| Ok(Sql::new("ALTER TABLE token_withdrawals RENAME TO elsewhere").execute(conn)?)).unwrap();
        let fresh = elsewhere(world);
        let token = world.administrator();
        let bearer = format!("Bearer {token}");
        assert_eq!(fresh.bearing(&bearer, "{ version }").status, 503);
        assert_eq!(fresh.bearing("", "{ version }").status, 200, "who has no token needs none");
        world.db.write(|conn| Ok(Sql::new("ALTER TABLE elsewhere RENAME TO token_withdrawals").execute(conn)?)).unwrap();
        assert_eq!(fresh.bearing(&bearer, "{ version }").status, 200);
    }

    fn i2_what_a_token_demands_is_heeded(world) {
        let at = now().timestamp();
        for (claims, header, expected) in [
            (json!({}), json!({}), accepted()),
            (json!({}), json!({ "kid": "1" }), accepted()),
            (json!({ "nbf": at }), json!({}), accepted()),
            (json!({ "nbf": at + 60 }), json!({}), refused()),
            (json!({ "nbf": "soon" }), json!({}), refused()),
            (json!({ "exp": at }), json!({}), refused()),
            (json!({}), json!({ "crit": ["exp"], "exp": 1 }), refused()),
            (json!({}), json!({ "crit": [] }), refused()),
            (json!({}), json!({ "crit": null }), refused()),
        ] {
            assert_eq!(who(world, &forged(claims.clone(), header.clone())), expected, "{claims} {header}");
        }
    }

    fn i2_tokens_are_withdrawn_on_the_command_line(world) {
        let url = world.url();
        let made = |name: &str| {
            let (done, said) = kring(&["token", "--role", "administrator", "--name", name], &url, SECRET);
            assert!(done, "{said}");
            said.lines().last().unwrap().to_owned()
        };
        let served = Served::new(world.in_real_time(), String::new());
        let status = |token: &str| served.bearing(&format!("Bearer {token}"), "{ viewer { today } }").status;
        let (one, two) = (made("Sync"), made("Sync"));
        assert_eq!([status(&one), status(&two)], [200, 200]);
        for (arguments, gone, kept) in [(vec!["token", "--withdraw", one.as_str()], &one, Some(&two)), (vec!["token", "--withdraw", "--name", "Sync"], &two, None)] {
            let (done, said) = kring(&arguments, &url, SECRET);
            assert!(done && said.contains("withdrawn"), "{said}");
            crate::live::until("the token opens nothing", || status(gone) == 401);
            assert!(kept.is_none_or(|kept| status(kept) == 200));
        }
        for (arguments, word) in [
            (vec!["token", "--withdraw"], "--participant or --name"),
            (vec!["token", "--withdraw", "--participant", "nobody"], "nobody"),
            (vec!["token", "--withdraw", "a.b.c"], "no id"),
        ] {
            let (done, said) = kring(&arguments, &url, SECRET);
            assert!(!done && said.contains(word) && !said.contains("panicked"), "{arguments:?}: {said}");
        }
    }
}

once! {
    fn i2_weak_secrets_and_endless_tokens_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("kring.db").display());
        for weak in ["", "short", &" ".repeat(40), &"secret".repeat(8), "0123456789abcdef0123456789abcdef"] {
            for arguments in [&["token", "--role", "administrator"][..], &["serve", "--listen", "127.0.0.1:0"]] {
                let (done, said) = kring(arguments, &url, weak);
                assert!(!done && said.contains("KRING_JWT_SECRET"), "{weak:?} {arguments:?}: {said}");
            }
        }
        for hours in ["4294967295", "87601", "-1", "4294967296"] {
            let hours = format!("--hours={hours}");
            let (done, said) = kring(&["token", "--role", "administrator", &hours], &url, SECRET);
            assert!(!done && said.contains("hours") && !said.contains("panicked"), "{hours}: {said}");
        }
        for hours in ["1", "87600"] {
            assert!(kring(&["token", "--role", "administrator", "--hours", hours], &url, SECRET).0, "{hours}");
        }
    }
}
