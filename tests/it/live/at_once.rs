//! What is written right behind `subscribe` is heard, and what was written before it is not.

use serde_json::json;

use super::{Client, GROUP, Served, gauge};
use crate::harness::{World, both};

/// How often each is tried.
const ROUNDS: usize = 50;

/// In each round somebody follows a group through one gateway, and at once somebody else changes it through `world`:
/// first whoever has just come, then whoever has been there for long.
fn every_round_is_heard(world: &World, served: &Served) {
    let group = world.group("G");
    let mut old = Client::signed(served, &world.administrator());
    for round in 0..ROUNDS {
        let person = world.person("A", &round.to_string());
        let mut new = (round % 2 == 0).then(|| Client::signed(served, &world.administrator()));
        let client = new.as_mut().unwrap_or(&mut old);
        client.subscribe("a", GROUP, json!({ "id": group }));
        let heard = world.add(&group, &[&person], "2026-01-01").remove(0);
        assert_eq!(client.change(), ("CREATED".to_owned(), heard), "round {round}");
        client.say(json!({ "type": "complete", "id": "a" }));
    }
}

both! {
    fn what_is_written_right_behind_is_heard(world) {
        every_round_is_heard(world, &Served::world(world));
    }

    fn what_is_written_right_behind_is_heard_through_another_gateway(world) {
        if world.is_postgres() {
            every_round_is_heard(world, &Served::new(world.twin(), world.administrator()));
        }
    }

    fn what_came_before_is_not_heard(world) {
        let served = Served::world(world);
        let group = world.group("G");
        let add = |name: &str| world.add(&group, &[&world.person("A", name)], "2026-01-01").remove(0);
        add("before the client comes");
        let mut client = Client::signed(&served, &world.administrator());
        client.subscribe("a", GROUP, json!({ "id": group }));
        for round in 0..ROUNDS {
            let heard = add(&round.to_string());
            assert_eq!(client.change(), ("CREATED".to_owned(), heard), "round {round}");
            // What was heard already is not heard again by whoever begins now.
            let id = format!("b{round}");
            client.subscribe(&id, GROUP, json!({ "id": group }));
            client.say(json!({ "type": "complete", "id": id }));
        }
        client.subscribe("c", GROUP, json!({ "id": group }));
        let last = add("last");
        for _ in 0..2 {
            assert_eq!(client.change(), ("CREATED".to_owned(), last.clone()));
        }
    }

    fn all_of_many_hear_it(world) {
        let served = Served::world(world);
        let group = world.group("G");
        let mut clients: Vec<Client> = (0..8).map(|_| Client::signed(&served, &world.administrator())).collect();
        for round in 0..5 {
            let person = world.person("A", &round.to_string());
            for client in &mut clients {
                for n in 0..5 {
                    client.subscribe(&format!("{round}-{n}"), GROUP, json!({ "id": group }));
                }
            }
            let heard = world.add(&group, &[&person], "2026-01-01").remove(0);
            for client in &mut clients {
                for _ in 0..=round * 5 + 4 {
                    assert_eq!(client.change(), ("CREATED".to_owned(), heard.clone()), "round {round}");
                }
            }
        }
        assert_eq!(gauge(world, "subscriptions"), 8 * 25);
    }
}
