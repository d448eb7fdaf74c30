//! Subscriptions over a real WebSocket: who hears of what, when it ends, and what is refused.

mod at_once;
mod content;
mod protocol;

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use kring::access::Role;
use kring::db::Sql;
use kring::id::{self, Kind};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tower::ServiceExt;

use crate::harness::{RUNTIME, World, both};
use crate::http::Served;

const PATIENCE: Duration = Duration::from_secs(20);
const GROUP: &str = "subscription($id: ID!) { membershipChanged(groupId: $id) { change membership { id participant { displayName } } } }";
const OWN: &str = "subscription { viewerMembershipChanged { change membership { id } } }";

type Socket = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

pub struct Client(Socket);

impl Client {
    pub fn connect(served: &Served) -> Self {
        Self::with(served, &[("sec-websocket-protocol", "graphql-transport-ws")]).unwrap()
    }

    /// Opens a connection with these headers; the status when the gateway opens none.
    fn with(served: &Served, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        RUNTIME.block_on(async {
            let mut request = format!("ws://{}/graphql", served.address).into_client_request().unwrap();
            for (name, value) in headers {
                request.headers_mut().insert(*name, value.parse().unwrap());
            }
            let stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
            // As browsers and the packages for Node do: otherwise a message may wait for the one before it.
            stream.set_nodelay(true).unwrap();
            match tokio_tungstenite::client_async(request, stream).await {
                Ok((socket, _)) => Ok(Self(socket)),
                Err(Error::Http(response)) => Err(response.status().as_u16()),
                Err(error) => panic!("{error}"),
            }
        })
    }

    /// The payload that a client with this token introduces itself with.
    pub fn introduction(token: &str) -> Value {
        json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {token}") } })
    }

    pub fn signed(served: &Served, token: &str) -> Self {
        let mut client = Self::connect(served);
        client.say(Self::introduction(token));
        assert_eq!(client.hear()["type"], "connection_ack");
        client
    }

    pub fn say(&mut self, message: Value) {
        RUNTIME.block_on(self.0.send(Message::text(message.to_string()))).unwrap();
    }

    pub fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        self.say(json!({ "type": "subscribe", "id": id, "payload": { "query": query, "variables": variables } }));
    }

    fn frame(&mut self) -> Message {
        RUNTIME.block_on(async {
            let answer = async {
                loop {
                    match self.0.next().await.expect("an open socket").unwrap() {
                        Message::Ping(_) | Message::Pong(_) => {}
                        frame => return frame,
                    }
                }
            };
            tokio::time::timeout(PATIENCE, answer).await.expect("an answer in time")
        })
    }

    pub fn hear(&mut self) -> Value {
        match self.frame() {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// The next change: its kind and the membership.
    fn change(&mut self) -> (String, String) {
        let message = self.hear();
        assert_eq!(message["type"], "next", "{message}");
        let change = message["payload"]["data"]
            .as_object()
            .unwrap_or_else(|| panic!("{message}"))
            .values()
            .next()
            .unwrap()
            .clone();
        (change["change"].as_str().unwrap().to_owned(), change["membership"]["id"].as_str().unwrap().to_owned())
    }

    fn code(&mut self) -> String {
        let message = self.hear();
        let errors = if message["type"] == "error" { &message["payload"] } else { &message["payload"]["errors"] };
        errors[0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned()
    }

    fn closed(&mut self) -> u16 {
        self.farewell().0
    }

    /// The code and the reason with which the gateway closes.
    pub fn farewell(&mut self) -> (u16, String) {
        match self.frame() {
            Message::Close(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
            other => panic!("{other:?}"),
        }
    }
}

pub fn gauge(world: &World, name: &str) -> i64 {
    gauge_of(&world.router, name)
}

fn gauge_of(router: &axum::Router, name: &str) -> i64 {
    let request = axum::http::Request::get("/metrics").body(axum::body::Body::empty()).unwrap();
    let text = RUNTIME.block_on(async {
        let response = router.clone().oneshot(request).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes()
    });
    let text = String::from_utf8(text.to_vec()).unwrap();
    text.lines().find_map(|line| line.strip_prefix(&format!("kring_{name} "))).unwrap().parse().unwrap()
}

pub fn until(what: &str, done: impl Fn() -> bool) {
    let since = std::time::Instant::now();
    while !done() {
        assert!(since.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn following(world: &World, number: i64) {
    until("subscriptions", || gauge(world, "subscriptions") == number);
}

both! {
    fn additions_endings_and_annulments_are_heard(world) {
        let served = Served::world(world);
        let group = world.group("G");
        let people: Vec<String> = (0..130).map(|n| world.person("P", &format!("N{n:03}"))).collect();
        let people: Vec<&str> = people.iter().map(String::as_str).collect();
        let mut client = Client::signed(&served, &world.administrator());
        client.subscribe("a", GROUP, json!({ "id": group }));
        following(world, 1);
        let one = world.add(&group, &people[..1], "2026-01-01").remove(0);
        assert_eq!(client.change(), ("CREATED".to_owned(), one.clone()));
        world.end(&one, "2026-09-01");
        assert_eq!(client.change(), ("ENDED".to_owned(), one.clone()));
        world.done("annulMembership", "membership { id }", json!({ "membershipId": one }));
        assert_eq!(client.change(), ("ANNULLED".to_owned(), one));
        world.done("addMemberships", "added", json!({ "groupId": group, "participantIds": &people[1..], "startDate": "2026-01-01" }));
        let heard: BTreeSet<String> = (1..people.len()).map(|_| client.change().1).collect();
        assert_eq!(heard.len(), people.len() - 1);
    }

    fn what_is_rolled_back_or_elsewhere_is_not_heard(world) {
        let served = Served::world(world);
        let (group, other) = (world.group("G"), world.group("H"));
        let (a, b) = (world.person("A", "A"), world.person("B", "B"));
        let mut client = Client::signed(&served, &world.administrator());
        client.subscribe("a", GROUP, json!({ "id": group }));
        following(world, 1);
        world.done("addMemberships", "added", json!({ "groupId": group, "participantIds": [a], "dryRun": true }));
        world.add(&other, &[&a], "2026-01-01");
        let marker = world.add(&group, &[&b], "2026-01-01").remove(0);
        assert_eq!(client.change(), ("CREATED".to_owned(), marker));
    }

    fn what_follows_from_a_change_is_heard_as_well(world) {
        let served = Served::world(world);
        let source = world.group("Source");
        let fed = world.group_with(None, json!({ "name": "Fed", "sourceGroupId": source, "subscriptionGroup": true }));
        let anna = world.person("A", "A");
        let own = world.token(Role::Participant, Some(&anna), None);
        let mut group = Client::signed(&served, &world.administrator());
        group.subscribe("a", GROUP, json!({ "id": fed }));
        let mut member = Client::signed(&served, &own);
        member.subscribe("b", OWN, json!({}));
        following(world, 2);
        let cause = world.add(&source, &[&anna], "2026-09-15").remove(0);
        let (kind, derived) = group.change();
        assert_eq!(kind, "CREATED");
        assert_eq!([member.change().1, member.change().1].into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([cause, derived.clone()]));
        world.done_as(&own, "unsubscribe", "membership { id }", json!({ "groupId": fed }));
        assert_eq!(group.change(), ("ENDED".to_owned(), derived.clone()));
        assert_eq!(member.change(), ("ENDED".to_owned(), derived));
        let joined = world.done_as(&own, "subscribe", "membership { id }", json!({ "groupId": fed }));
        let joined = joined["membership"]["id"].as_str().unwrap().to_owned();
        assert_eq!(group.change(), ("CREATED".to_owned(), joined.clone()));
        assert_eq!(member.change(), ("CREATED".to_owned(), joined));
    }

    fn nobody_hears_of_what_is_out_of_sight(world) {
        let served = Served::world(world);
        let (one, two) = (world.organization("One"), world.organization("Two"));
        let group = world.group_with(Some(&one), json!({ "name": "G" }));
        let mut stranger = Client::signed(&served, &world.token(Role::Staff, None, Some(&two)));
        stranger.subscribe("a", GROUP, json!({ "id": group }));
        assert_eq!(stranger.code(), "NOT_FOUND");
        assert_eq!(stranger.hear(), json!({ "type": "complete", "id": "a" }));
        stranger.subscribe("b", GROUP, json!({ "id": id::encode(Kind::Group, 99_999) }));
        assert_eq!(stranger.code(), "NOT_FOUND");
    }

    fn a_member_hears_nothing_of_the_other_members(world) {
        let served = Served::world(world);
        let group = world.group("G");
        let (anna, bas) = (world.person("A", "A"), world.person("B", "B"));
        let own = world.add(&group, &[&anna], "2026-01-01").remove(0);
        let mut client = Client::signed(&served, &world.token(Role::Participant, Some(&anna), None));
        client.subscribe("a", GROUP, json!({ "id": group }));
        following(world, 1);
        let other = world.add(&group, &[&bas], "2026-01-01").remove(0);
        world.end(&other, "2026-09-01");
        world.end(&own, "2026-09-15");
        assert_eq!(client.change(), ("ENDED".to_owned(), own));
    }

    fn a_guardian_hears_of_the_child_and_a_member_who_lost_sight_of_nothing(world) {
        let served = Served::world(world);
        let group = world.group("G");
        let (parent, child, other) = (world.person("P", "P"), world.person("C", "C"), world.person("O", "O"));
        let mut client = Client::signed(&served, &world.token(Role::Participant, Some(&parent), None));
        client.subscribe("a", OWN, json!({}));
        following(world, 1);
        world.add(&group, &[&child], "2026-01-01");
        // Who becomes a guardian while following hears of the child from then on.
        world.done("addGuardian", "child { id }", json!({ "childId": child, "guardianId": parent }));
        world.add(&group, &[&other], "2026-01-01");
        let second = world.group("H");
        let heard = world.add(&second, &[&child], "2026-01-01").remove(0);
        assert_eq!(client.change(), ("CREATED".to_owned(), heard.clone()));
        client.subscribe("b", GROUP, json!({ "id": second }));
        following(world, 2);
        world.done("removeGuardian", "child { id }", json!({ "childId": child, "guardianId": parent }));
        world.end(&heard, "2026-09-01");
        let marker = world.add(&group, &[&parent], "2026-01-01").remove(0);
        assert_eq!(client.change(), ("CREATED".to_owned(), marker));
    }

    fn it_ends_when_the_client_says_so_or_leaves(world) {
        let served = Served::world(world);
        let group = world.group("G");
        let mut client = Client::signed(&served, &world.administrator());
        client.subscribe("a", GROUP, json!({ "id": group }));
        client.subscribe("b", GROUP, json!({ "id": group }));
        following(world, 2);
        client.say(json!({ "type": "complete", "id": "a" }));
        following(world, 1);
        drop(client);
        following(world, 0);
        until("connections", || gauge(world, "websockets") == 0);
    }

    fn what_the_guard_refuses_by_http_it_refuses_here(world) {
        let served = Served::world(world);
        let mut client = Client::signed(&served, &world.administrator());
        client.subscribe("a", &format!("subscription {{ {} }}", "a {".repeat(3_000)), json!({}));
        assert_eq!(client.code(), "QUERY_TOO_COMPLEX");
        client.subscribe("b", "subscription($id: ID!) { membershipChanged(groupId: $id) { change } }", json!({}));
        assert_eq!(client.code(), "BAD_USER_INPUT");
        client.subscribe("c", "subscription { nothing }", json!({}));
        assert_eq!(client.code(), "GRAPHQL_VALIDATION_FAILED");
        client.subscribe("d", "{ viewer { administrator } }", json!({}));
        assert_eq!(client.hear()["payload"], json!({ "data": { "viewer": { "administrator": true } } }));
        assert_eq!(client.hear()["type"], "complete");
        client.say(json!({ "type": "ping", "payload": (0..60).fold(json!(1), |inner, _| json!([inner])) }));
        assert_eq!(client.closed(), 4400);
        let answer = world.ask("subscription { viewerMembershipChanged { change } }", json!({}));
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    }

    fn operations_on_one_connection_are_limited(world) {
        let served = Served::world(world);
        let group = world.group("G");
        let mut client = Client::signed(&served, &world.administrator());
        for n in 0..50 {
            client.subscribe(&n.to_string(), GROUP, json!({ "id": group }));
        }
        client.subscribe("one too many", GROUP, json!({ "id": group }));
        assert_eq!(client.code(), "TOO_MANY_OPERATIONS");
        client.subscribe("7", GROUP, json!({ "id": group }));
        assert_eq!(client.closed(), 4409);
    }

    fn gateways_on_one_database_hear_each_other_and_a_broken_connection_is_told(world) {
        if !world.is_postgres() {
            return;
        }
        let twin = world.twin();
        let served = Served::new(twin.clone(), world.administrator());
        let group = world.group("G");
        let (a, b) = (world.person("A", "A"), world.person("B", "B"));
        let mut client = Client::signed(&served, &world.administrator());
        client.subscribe("a", GROUP, json!({ "id": group }));
        until("a subscription", || gauge_of(&twin, "subscriptions") == 1);
        let heard = world.add(&group, &[&a], "2026-01-01").remove(0);
        assert_eq!(client.change().1, heard);
        world.db.read(|conn| {
            let sql = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = \
                       'LISTEN kring_' || md5(current_schema())";
            Ok(Sql::new(sql).load::<diesel::sql_types::BigInt, i64>(conn)?)
        }).unwrap();
        assert_eq!(client.code(), "INTERRUPTED");
        assert_eq!(client.hear()["type"], "complete");
        client.subscribe("a", GROUP, json!({ "id": group }));
        until("a subscription", || gauge_of(&twin, "subscriptions") == 1);
        let heard = world.add(&group, &[&b], "2026-01-01").remove(0);
        assert_eq!(client.change().1, heard);
    }
}
