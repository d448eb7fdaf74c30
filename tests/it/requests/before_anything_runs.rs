//! What is wrong anywhere in a request is noticed before anything of it runs (sections 5 and 6.1.2).

use serde_json::{Value, json};

use crate::harness::{RUNTIME, World, both};

/// Sends a document as the administrator, and answers with status and body.
fn send(world: &World, query: &str, variables: Value) -> (u16, Value) {
    let body = json!({ "query": query, "variables": variables }).to_string();
    let (status, text) = RUNTIME.block_on(world.send(World::post(Some(&world.administrator()), body)));
    (status, serde_json::from_str(&text).unwrap())
}

#[track_caller]
fn is_refused(world: &World, query: &str, variables: Value, code: &str) {
    let (status, answer) = send(world, query, variables);
    assert_eq!(status, 400, "{query}: {answer}");
    assert!(answer.get("data").is_none(), "{query}: {answer}");
    assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{query}: {answer}");
    assert!(answer["errors"][0]["locations"][0]["line"].is_number(), "{query}: {answer}");
    assert_eq!(answer["errors"][0].get("path"), None, "{query}: {answer}");
}

const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";
const BAD: &str = "BAD_USER_INPUT";

fn two(first: &str, second: &str) -> String {
    format!(
        "a: createGroup(input: {{ settings: {{ name: \"A\" }} }}) {first} b: createGroup(input: {{ settings: {{ name: \"B\", {second} }} }}) {{ group {{ id }} }}"
    )
}

both! {
    fn a_bad_value_in_a_later_mutation_stops_the_first(world) {
        let plain = "{ group { id } }";
        for (declared, setting, variables) in [
            ("$d: Date!", "startDate: $d", json!({ "d": "2025-02-30" })),
            ("$n: Int", "yearGroup: $n", json!({ "n": 3_000_000_000_i64 })),
            ("$n: Int", "yearGroup: $n", json!({ "n": "3" })),
            ("$r: NeighbourhoodRole", "neighbourhoodRole: $r", json!({ "r": "NOBODY" })),
            ("$f: ParticipantFilter", "memberFilter: $f", json!({ "f": { "kinds": ["PERSON", null] } })),
            ("$f: ParticipantFilter", "memberFilter: $f", json!({ "f": { "nothing": 1 } })),
            ("$d: Date!", "startDate: $d", json!({})),
        ] {
            let query = format!("mutation({declared}) {{ {} }}", two(plain, setting));
            is_refused(world, &query, variables, BAD);
        }
        for setting in ["startDate: \"2025-02-30\"", "yearGroup: 3000000000", "neighbourhoodRole: \"MEMBER\"", "visibleOnPortal: 1", "nothing: 1",
            "yearGroup: 1.0", "memberFilter: { kinds: [null] }", "memberFilter: { bornFrom: \"yesterday\" }"] {
            is_refused(world, &format!("mutation {{ {} }}", two(plain, setting)), json!({}), INVALID);
        }
        assert_eq!(world.rows("groups"), 0, "nothing was made");
    }

    fn a_bad_argument_in_what_a_mutation_shows_stops_it(world) {
        let group = "memberships(first: \"1\") { totalCount }";
        for (declared, shown, variables, code) in [
            ("", group.to_owned(), json!({}), INVALID),
            ("", "memberships(first: 3000000000) { totalCount }".to_owned(), json!({}), INVALID),
            ("", "memberships(orderBy: { field: \"START_DATE\" }) { totalCount }".to_owned(), json!({}), INVALID),
            ("", "isMember".to_owned(), json!({}), INVALID),
            ("", "isMember(participantId: null)".to_owned(), json!({}), INVALID),
            ("", "memberCount(asOf: \"2025-02-30\")".to_owned(), json!({}), INVALID),
            ("($n: Int)", "memberships(first: $n) { totalCount }".to_owned(), json!({ "n": "1" }), BAD),
            ("($on: Date)", "memberCount(asOf: $on)".to_owned(), json!({ "on": "2025-02-30" }), BAD),
        ] {
            let query = format!("mutation{declared} {{ {} }}", two(&format!("{{ group {{ id {shown} }} }}"), "yearGroup: 1"));
            is_refused(world, &query, variables, code);
        }
        assert_eq!(world.rows("groups"), 0, "nothing was made");
    }

    /// All of a document is looked at: other operations, and what is left out by a condition.
    fn what_is_not_executed_is_valid_too(world) {
        for query in [
            "{ version nothing @skip(if: true) }",
            "{ version groups(first: \"1\") @include(if: false) { totalCount } }",
            "{ version ... @skip(if: true) { nothing } }",
        ] {
            is_refused(world, query, json!({}), INVALID);
        }
        let body = json!({ "query": "query A { version } query B { nothing }", "operationName": "A" }).to_string();
        let (status, _) = RUNTIME.block_on(world.send(World::post(Some(&world.administrator()), body)));
        assert_eq!(status, 400);
    }

    fn rules_that_were_lenient_are_kept(world) {
        for (query, variables) in [
            ("query($i: ID) { group(id: $i) { id } }", json!({ "i": "x" })),
            ("query($i: [ID]!) { nodes(ids: $i) { id } }", json!({ "i": ["x"] })),
            ("{ groups(orderBy: { field: \"NAME\" }) { totalCount } }", json!({})),
            ("{ groups { totalCount } groups(first: 1) { totalCount } }", json!({})),
            ("query($a: Int, $b: Int) { groups(first: $a) { totalCount } groups(first: $b) { totalCount } }", json!({ "a": 1, "b": 1 })),
            ("query($d: [OrderDirection!]) { groups(orderBy: { field: NAME, direction: $d }) { totalCount } }", json!({})),
            ("query($a: String) { version @skip(if: $a) }", json!({ "a": "x" })),
            ("query($a: Boolean) { version @skip(if: $a) }", json!({ "a": true })),
            ("query($a: Boolean!) { version @skip(if: true) @skip(if: $a) }", json!({ "a": true })),
            ("query A($a: Int) { version }", json!({})),
            ("mutation($d: PersonInput) { createParticipant(input: { details: { person: $d } }) { clientMutationId } }", json!({ "d": {} })),
        ] {
            is_refused(world, query, variables, INVALID);
        }
    }

    /// One document, sent with good and with bad variables in turn.
    fn a_document_that_is_known_is_looked_at_with_its_variables_each_time(world) {
        let query = "mutation($name: String!, $year: Int) { createGroup(input: { settings: { name: $name, yearGroup: $year } }) { group { name yearGroup } } }";
        for n in 0..3 {
            let (status, answer) = send(world, query, json!({ "name": "G", "year": n + 1 }));
            assert_eq!((status, &answer["data"]["createGroup"]["group"]["yearGroup"]), (200, &json!(n + 1)));
            is_refused(world, query, json!({ "name": "G", "year": "x" }), BAD);
            is_refused(world, query, json!({ "year": 1 }), BAD);
            let answer = world.data(query, json!({ "name": "G" }));
            assert_eq!(answer["createGroup"]["group"]["yearGroup"], json!(null));
        }
    }
}
