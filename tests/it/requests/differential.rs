//! Generated requests mean to Kring what they mean to graphql-js, the reference implementation.
//!
//! A program for node (`tests/node/requests`) makes the requests, asks here what becomes of each, and compares.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use async_graphql::parser::types::{Selection, SelectionSet};
use async_graphql::{ServerError, Variables};
use axum::Router;
use http_body_util::BodyExt;
use kring::exchange::demo;
use kring::graphql::request::{coerce, types, validate};
use kring::http::guard;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::{RUNTIME, Single, World, postgres};
use crate::import_rules::operator;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/node/requests")
}

/// Whether node and what it needs are there.
fn ready() -> bool {
    folder().join("node_modules/graphql").is_dir()
        && Command::new("node").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Where node is required, its absence shows as a failure.
fn required() -> bool {
    std::env::var_os("KRING_REQUIRE_NODE").is_some()
}

inventory::submit! {
    Single {
        name: "it::requests::differential::requests_mean_what_graphql_js_says::sqlite",
        run: || compare(&World::sqlite(), 1, 5_000),
        missing: || !ready() && !required(),
    }
}

inventory::submit! {
    Single {
        name: "it::requests::differential::requests_mean_what_graphql_js_says::postgres",
        run: || compare(&World::postgres(), 2, 5_000),
        missing: || postgres().is_none() || !ready() && !required(),
    }
}

/// Lets node compare so many documents over the data of the demo.
fn compare(world: &World, seed: u64, documents: u64) {
    assert!(ready(), "install node, then run `npm ci` in {}", folder().display());
    demo::fill(&world.db, &operator()).unwrap_or_else(|failure| panic!("{failure}"));
    let (router, token) = (world.unlimited(), world.administrator());
    let mut node = Command::new("node")
        .arg("compare.mjs")
        .current_dir(folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to_node = node.stdin.take().unwrap();
    let mut say = move |message: Value| to_node.write_all(format!("{message}\n").as_bytes()).unwrap();
    say(json!({ "sdl": kring::graphql::sdl(), "seed": seed, "documents": documents }));
    let mut outcome = Value::Null;
    for line in BufReader::new(node.stdout.take().unwrap()).lines() {
        let message: Value = serde_json::from_str(&line.unwrap()).unwrap();
        match message["requests"].as_array() {
            Some(requests) => say(requests.iter().map(|request| judged(&router, &token, request)).collect()),
            None => outcome = message,
        }
    }
    assert!(node.wait().unwrap().success());
    println!("seed {seed}: {outcome}");
    assert_eq!(outcome["differences"], json!(0), "seed {seed}: {outcome}");
    assert!(outcome["done"]["documents"].as_u64() >= Some(documents), "{outcome}");
    // A comparison of nothing would find no difference either.
    for (what, least) in [("refused", documents / 5), ("executed", documents / 5), ("arguments", documents)] {
        assert!(outcome["done"][what].as_u64() >= Some(least), "{what}: {outcome}");
    }
}

/// What becomes of a request: the reason why nothing runs, or what is executed and, of queries, the answer.
fn judged(router: &Router, token: &str, request: &Value) -> Value {
    match coerced(request) {
        Err(reason) => {
            let (status, body) = answer(router, token, request);
            // Subscriptions are answered over a WebSocket, and refused here for that.
            let refused = status == 400 && !body.starts_with("{\"data\"");
            assert!(refused, "{reason}, but answered {status} {body}: {request}");
            json!({ "refused": reason })
        }
        Ok((selections, true)) => {
            let (status, body) = answer(router, token, request);
            json!({ "selections": selections, "answer": { "status": status, "body": body } })
        }
        Ok((selections, false)) => json!({ "selections": selections }),
    }
}

/// What is executed, and whether it is a query: the steps of the gateway, one by one.
fn coerced(request: &Value) -> Result<(Value, bool), String> {
    let limits = World::any_size();
    let query = request["query"].as_str().unwrap();
    let refused = |refusal: guard::Refusal| refusal.message;
    let invalid = |errors: Vec<ServerError>| errors[0].message.clone();
    guard::scan(query, &limits).map_err(refused)?;
    let document = guard::parse(query).map_err(refused)?;
    guard::check_shape(&document, &limits).map_err(refused)?;
    let errors = validate(types(), &document);
    if !errors.is_empty() {
        return Err(invalid(errors));
    }
    let name = request["operationName"].as_str().filter(|name| !name.is_empty());
    let operation = guard::operation(&document, name).map_err(refused)?;
    let variables = Variables::from_json(request["variables"].clone());
    let coerced = coerce(types(), &document, operation, &variables).map_err(invalid)?;
    let (_, operation) = coerced.operations.iter().next().unwrap();
    let is_query = operation.node.ty == async_graphql::parser::types::OperationType::Query;
    Ok((selections(&operation.node.selection_set.node), is_query))
}

fn selections(set: &SelectionSet) -> Value {
    let selections = set.items.iter().map(|selection| match &selection.node {
        Selection::Field(field) => {
            let field = &field.node;
            let arguments = field.arguments.iter();
            let arguments: serde_json::Map<_, _> = arguments
                .map(|(name, value)| (name.node.to_string(), value.node.clone().into_json().unwrap()))
                .collect();
            json!({ "key": field.response_key().node.as_str(), "name": field.name.node.as_str(), "arguments": arguments,
                "select": selections(&field.selection_set.node) })
        }
        Selection::InlineFragment(fragment) => {
            let on = fragment.node.type_condition.as_ref().unwrap();
            json!({ "on": on.node.on.node.as_str(), "select": selections(&fragment.node.selection_set.node) })
        }
        Selection::FragmentSpread(_) => panic!("a spread is left"),
    });
    selections.collect()
}

fn answer(router: &Router, token: &str, request: &Value) -> (u16, String) {
    let sent = World::post(Some(token), request.to_string());
    RUNTIME.block_on(async {
        let response = router.clone().oneshot(sent).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    })
}
