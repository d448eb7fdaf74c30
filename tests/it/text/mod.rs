//! What people type: let in by one door, compared in one way, found however it is written.

/// Registers functions as cases that run on both databases.
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        $(inventory::submit! {
            crate::harness::Case { name: concat!(module_path!(), "::", stringify!($name)), run: $name }
        })+
    };
}

mod conditions;
mod cursors;
mod folding;
mod graph;
mod inputs;
mod names;
mod stored_filters;

use serde_json::{Value, json};

use crate::harness::World;

/// Registers an address in a city and answers with its id.
fn address_in(world: &World, number: &str, city: &str) -> String {
    let address = json!({ "street": "Straat", "houseNumber": number, "city": city });
    let input = json!({ "details": { "address": address } });
    crate::harness::text(&world.done("createParticipant", "participant { id }", input)["participant"]["id"])
}

/// How many participants pass a filter.
fn number(world: &World, filter: Value) -> i64 {
    let query = "query($filter: ParticipantFilter) { participants(filter: $filter) { totalCount } }";
    world.data(query, json!({ "filter": filter }))["participants"]["totalCount"].as_i64().unwrap()
}
