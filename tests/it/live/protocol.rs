//! The protocol `graphql-transport-ws`, word by word.

use futures_util::{SinkExt, StreamExt};
use kring::access::Role;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::{Client, GROUP, OWN, PATIENCE, following};
use crate::harness::{RUNTIME, World, both, now};
use crate::http::Served;

const CHANGED: &str = "subscription { contentChanged { change } }";

impl Client {
    fn send(&mut self, message: Message) {
        RUNTIME.block_on(self.0.send(message)).unwrap();
    }

    /// Nothing more comes, and the connection ends in good order.
    fn ends(&mut self) {
        let rest =
            RUNTIME.block_on(async { tokio::time::timeout(PATIENCE, self.0.next()).await.expect("an end in time") });
        assert!(rest.is_none(), "{rest:?}");
    }

    fn anonymous(served: &Served) -> Self {
        let mut client = Self::connect(served);
        client.say(json!({ "type": "connection_init" }));
        assert_eq!(client.hear(), json!({ "type": "connection_ack" }));
        client
    }

    /// Nothing was said meanwhile: the answer to a ping is the next message.
    fn heard_nothing(&mut self) {
        self.say(json!({ "type": "ping", "payload": { "n": 1 } }));
        assert_eq!(self.hear(), json!({ "type": "pong", "payload": { "n": 1 } }));
    }
}

/// A token that is valid for so many seconds from the moment of the tests.
fn token(world: &World, seconds: i64) -> String {
    let valid = chrono::Duration::seconds(seconds);
    world.keys.sign(None, &[(Role::Administrator, None)], "T", now(), valid).unwrap()
}

const TRANSPORT: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

both! {
    fn whoever_does_not_sign_in_may_do_what_they_may_by_http(world) {
        let served = Served::world(world);
        for payload in [Value::Null, json!({}), json!({ "Authorization": null }), json!({ "authorization": "" }), json!({ "other": 1 })] {
            let mut client = Client::connect(&served);
            client.say(json!({ "type": "connection_init", "payload": payload }));
            assert_eq!(client.hear(), json!({ "type": "connection_ack" }), "{payload}");
            client.subscribe("a", "{ version contents { totalCount } }", json!({}));
            assert_eq!(client.hear()["payload"]["data"]["contents"], json!({ "totalCount": 0 }), "{payload}");
            assert_eq!(client.hear(), json!({ "type": "complete", "id": "a" }));
            client.subscribe("b", CHANGED, json!({}));
            assert_eq!(client.code(), "UNAUTHENTICATED");
            client.heard_nothing();
        }
        let answer = served.bearing("", "{ version }");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    fn a_wrong_token_is_told_at_once_and_an_expired_one_is_fetched_anew(world) {
        let served = Served::world(world);
        let stranger = kring::access::token::Keys::from_secret("another secret, which is long enough as well");
        let foreign = stranger.sign(None, &[(Role::Administrator, None)], "T", now(), chrono::Duration::hours(1)).unwrap();
        let expired = token(world, -1);
        for (given, code) in [
            (json!("Bearer nonsense"), 4401), (json!(format!("Bearer {foreign}")), 4401), (json!("nonsense"), 4401),
            (json!("Basic YTpi"), 4401), (json!(7), 4401), (json!(format!("Bearer {expired}")), 4403),
        ] {
            let mut client = Client::connect(&served);
            client.say(json!({ "type": "connection_init", "payload": { "Authorization": given } }));
            let (found, reason) = client.farewell();
            assert_eq!(found, code, "{given}: {reason}");
            assert!(!reason.is_empty(), "{given}");
            client.ends();
        }
        let mut client = Client::signed(&served, &token(world, 1));
        client.subscribe("a", OWN, json!({}));
        assert_eq!(client.code(), "NOT_FOUND");
        client.hear();
        assert_eq!(client.farewell(), (4403, "The token has expired.".to_owned()));
        client.ends();
    }

    fn a_token_in_the_upgrade_counts_where_none_comes_after(world) {
        let served = Served::world(world);
        let with = |value: &str| Client::with(&served, &[TRANSPORT, ("authorization", value)]);
        assert_eq!(with("Bearer nonsense").err(), Some(401));
        let administrates = |client: &mut Client, expected: bool| {
            client.subscribe("a", "{ viewer { administrator } }", json!({}));
            assert_eq!(client.hear()["payload"], json!({ "data": { "viewer": { "administrator": expected } } }));
        };
        let mut client = with(&format!("Bearer {}", world.administrator())).unwrap();
        client.say(json!({ "type": "connection_init" }));
        assert_eq!(client.hear()["type"], "connection_ack");
        administrates(&mut client, true);
        let expired = format!("Bearer {}", token(world, -1));
        let mut client = with(&expired).unwrap();
        client.say(json!({ "type": "connection_init" }));
        assert_eq!(client.closed(), 4403);
        let mut client = with(&expired).unwrap();
        client.say(Client::introduction(&world.administrator()));
        assert_eq!(client.hear()["type"], "connection_ack");
        administrates(&mut client, true);
    }

    fn messages_out_of_turn_close_with_the_codes_of_the_protocol(world) {
        let served = Served::world(world);
        let mut client = Client::connect(&served);
        client.subscribe("a", OWN, json!({}));
        assert_eq!(client.farewell(), (4401, "Unauthorized".to_owned()));
        client.ends();
        let mut client = Client::signed(&served, &world.administrator());
        client.say(Client::introduction(&world.administrator()));
        assert_eq!(client.farewell(), (4429, "Too many initialisation requests".to_owned()));
        client.ends();
        let group = world.group("G");
        let mut client = Client::signed(&served, &world.administrator());
        client.subscribe("a", GROUP, json!({ "id": group }));
        client.subscribe("a", GROUP, json!({ "id": group }));
        assert_eq!(client.farewell(), (4409, "Subscriber for a already exists".to_owned()));
        client.ends();
        following(world, 0);
        for text in ["", "{", "[]", "{\"type\":\"start\",\"id\":\"1\",\"payload\":{\"query\":\"{ version }\"}}",
            "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":7}}", "{\"type\":\"subscribe\",\"id\":\"\",\"payload\":{\"query\":\"{ version }\"}}"] {
            let mut client = Client::anonymous(&served);
            client.send(Message::text(text));
            assert_eq!(client.closed(), 4400, "{text}");
            client.ends();
        }
        let mut client = Client::anonymous(&served);
        client.send(Message::binary("{}"));
        assert_eq!(client.closed(), 4400);
    }

    fn whoever_says_nothing_is_closed(world) {
        let mut client = Client::connect(&Served::world(world));
        assert_eq!(client.farewell(), (4408, "Connection initialisation timeout".to_owned()));
        client.ends();
    }

    fn a_ping_is_answered_with_what_came_along(world) {
        let served = Served::world(world);
        let mut client = Client::connect(&served);
        client.say(json!({ "type": "ping" }));
        assert_eq!(client.hear(), json!({ "type": "pong" }));
        client.say(json!({ "type": "ping", "payload": { "sent": [1, "é", null], "x": {} } }));
        assert_eq!(client.hear(), json!({ "type": "pong", "payload": { "sent": [1, "é", null], "x": {} } }));
        client.say(json!({ "type": "pong", "payload": { "unasked": true } }));
        client.heard_nothing();
    }

    fn the_subprotocol_must_be_spoken_here(world) {
        let served = Served::world(world);
        for offered in [None, Some("mqtt"), Some("graphql-transport-ws2"), Some("mqtt, wamp")] {
            let headers: Vec<(&'static str, &str)> = offered.map(|offered| ("sec-websocket-protocol", offered)).into_iter().collect();
            let mut client = Client::with(&served, &headers).unwrap();
            assert_eq!(client.farewell(), (4406, "Subprotocol not acceptable".to_owned()), "{offered:?}");
            client.ends();
        }
        for offered in ["graphql-ws, graphql-transport-ws", "mqtt,graphql-transport-ws"] {
            let mut client = Client::with(&served, &[("sec-websocket-protocol", offered)]).unwrap();
            client.say(json!({ "type": "connection_init" }));
            assert_eq!(client.hear()["type"], "connection_ack");
            client.subscribe("a", "{ version }", json!({}));
            assert_eq!(client.hear()["type"], "next", "{offered}");
        }
    }

    fn the_older_protocol_is_spoken_in_its_words(world) {
        let served = Served::world(world);
        let connect = || Client::with(&served, &[("sec-websocket-protocol", "graphql-ws")]).unwrap();
        let mut client = connect();
        client.say(json!({ "type": "connection_init", "payload": { "Authorization": "nonsense" } }));
        assert_eq!(client.hear()["type"], "connection_error");
        assert_eq!(client.closed(), 4401);
        let mut client = connect();
        client.say(Client::introduction(&world.administrator()));
        assert_eq!(client.hear()["type"], "connection_ack");
        client.say(json!({ "type": "start", "id": "1", "payload": { "query": "{ viewer { administrator } }" } }));
        assert_eq!(client.hear(), json!({ "type": "data", "id": "1", "payload": { "data": { "viewer": { "administrator": true } } } }));
        assert_eq!(client.hear(), json!({ "type": "complete", "id": "1" }));
        client.say(json!({ "type": "start", "id": "2", "payload": { "query": OWN } }));
        client.say(json!({ "type": "stop", "id": "2" }));
        client.say(json!({ "type": "connection_terminate" }));
        while client.frame() != Message::Close(Some(CloseFrame { code: 1000.into(), reason: "".into() })) {}
        client.ends();
    }

    fn a_message_that_is_too_large_is_refused_for_good(world) {
        let served = Served::world(world);
        let message = |bytes: usize| json!({ "type": "subscribe", "id": "a", "payload": { "query": "{ version }", "variables": { "x": "y".repeat(bytes) } } });
        let mut client = Client::anonymous(&served);
        client.say(message(99_000));
        assert_eq!(client.hear()["type"], "next");
        client.hear();
        client.say(message(102_450));
        assert_eq!(client.code(), "PAYLOAD_TOO_LARGE");
        // Large enough to be under way still when the gateway answers, and not to fit into any buffer on the way.
        for size in [110_000, 5_000_000] {
            let client = Client::anonymous(&served);
            let text = Message::text(message(size).to_string());
            let (mut writer, mut reader) = client.0.split();
            let closed = RUNTIME.block_on(async {
                let write = async { drop(writer.send(text).await) };
                let (read, ()) = tokio::join!(tokio::time::timeout(PATIENCE, reader.next()), write);
                read.expect("an answer in time")
            });
            let Some(Ok(Message::Close(Some(frame)))) = closed else { panic!("{size}: {closed:?}") };
            assert_eq!(u16::from(frame.code), 1009, "{size}");
        }
        // In pieces that are each small enough.
        let mut client = Client::anonymous(&served);
        let pieces = |n: usize| Message::Frame(Frame::message(vec![b'x'; 60_000], OpCode::Data(if n == 0 { Data::Text } else { Data::Continue }), false));
        client.send(pieces(0));
        client.send(pieces(1));
        assert_eq!(client.closed(), 1009);
        client.ends();
    }

    fn what_is_no_text_is_refused(world) {
        let mut client = Client::anonymous(&Served::world(world));
        client.send(Message::Frame(Frame::message(vec![0xFF, 0xFE], OpCode::Data(Data::Text), true)));
        assert_eq!(client.closed(), 1007);
    }

    fn the_closing_handshake_is_answered(world) {
        let served = Served::world(world);
        let group = world.group("G");
        let mut client = Client::signed(&served, &world.administrator());
        client.subscribe("a", GROUP, json!({ "id": group }));
        following(world, 1);
        let frame = CloseFrame { code: 1000.into(), reason: "Normal Closure".into() };
        client.send(Message::Close(Some(frame.clone())));
        assert_eq!(client.frame(), Message::Close(Some(frame)));
        client.ends();
        following(world, 0);
    }

    fn what_is_refused_comes_as_an_error_of_that_operation(world) {
        let served = Served::world(world);
        let mut client = Client::signed(&served, &world.administrator());
        for (query, code) in [
            ("", "BAD_USER_INPUT"), ("{", "GRAPHQL_PARSE_FAILED"), ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
            ("query($id: ID!) { group(id: $id) { id } }", "BAD_USER_INPUT"),
            ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"), ("mutation { nothing }", "GRAPHQL_VALIDATION_FAILED"),
            ("subscription { membershipChanged { change } }", "GRAPHQL_VALIDATION_FAILED"),
            ("subscription { contentChanged { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
            ("subscription { contentChanged { change } viewerMembershipChanged { change } }", "GRAPHQL_VALIDATION_FAILED"),
            ("subscription { ...F } fragment F on Query { version }", "GRAPHQL_VALIDATION_FAILED"),
            ("subscription { ...F }", "GRAPHQL_VALIDATION_FAILED"),
            ("subscription { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ] {
            client.subscribe("é", query, json!({}));
            let message = client.hear();
            assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("é")), "{query}: {message}");
            let found: Vec<&Value> = message["payload"].as_array().unwrap().iter().map(|error| &error["extensions"]["code"]).collect();
            assert!(!found.is_empty() && found.iter().all(|found| *found == code), "{query}: {message}");
            // That was all of it, and the name is free again.
            client.heard_nothing();
        }
        client.subscribe("é", "{ viewer { administrator } groups(first: 101) { totalCount } }", json!({}));
        let message = client.hear();
        assert_eq!((&message["type"], &message["payload"]["errors"][0]["path"]), (&json!("next"), &json!(["groups"])), "{message}");
        assert_eq!(client.hear(), json!({ "type": "complete", "id": "é" }));
    }

    fn a_subscription_may_stand_in_a_fragment(world) {
        let served = Served::world(world);
        let group = world.group("G");
        let mut client = Client::signed(&served, &world.administrator());
        let documents = [
            "subscription($id: ID!) { ...F } fragment F on Subscription { membershipChanged(groupId: $id) { change membership { id } } }",
            "subscription($id: ID!) { ... { membershipChanged(groupId: $id) { ...G } } } fragment G on MembershipChange { change membership { id } }",
            "subscription($id: ID!) { ... on Subscription { ...F membershipChanged(groupId: $id) { membership { id } } } } \
             fragment F on Subscription { membershipChanged(groupId: $id) { change } }",
        ];
        for (n, document) in documents.into_iter().enumerate() {
            client.subscribe(&n.to_string(), document, json!({ "id": group }));
            let added = world.add(&group, &[&world.person("A", &n.to_string())], "2026-01-01").remove(0);
            for _ in 0..=n {
                assert_eq!(client.change(), ("CREATED".to_owned(), added.clone()), "{document}");
            }
        }
        client.heard_nothing();
    }

    fn a_name_is_free_as_soon_as_the_client_wants_no_more(world) {
        let served = Served::world(world);
        let group = world.group("G");
        let mut client = Client::signed(&served, &world.administrator());
        client.subscribe("a", GROUP, json!({ "id": group }));
        client.say(json!({ "type": "complete", "id": "a" }));
        client.say(json!({ "type": "complete", "id": "unknown" }));
        client.subscribe("a", GROUP, json!({ "id": group }));
        let added = world.add(&group, &[&world.person("A", "A")], "2026-01-01").remove(0);
        assert_eq!(client.change(), ("CREATED".to_owned(), added));
        client.say(json!({ "type": "complete", "id": "a" }));
        world.add(&group, &[&world.person("B", "B")], "2026-01-01");
        client.heard_nothing();
        following(world, 0);
    }
}
