//! The whole gateway but the network, asked by whoever has a token.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use chrono_tz::Europe::Amsterdam;
use kring::access::Role;
use kring::access::token::Keys;
use kring::db::Db;
use kring::graphql::session::Shared;
use kring::http::guard::Limits;
use kring::http::{self, Gateway};
use kring::scope::Clock;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// A gateway with the patience for measurements.
pub struct Asker {
    router: axum::Router,
    keys: Keys,
}

impl Asker {
    /// Before a database, for documents that may cost so much.
    pub fn new(db: &Db, limits: Limits) -> Self {
        let keys = Keys::from_secret("a secret for the benchmark and nothing else");
        let patience = Duration::from_secs(60);
        let options = http::Options {
            limits,
            execution: patience,
            change: patience,
            wait: patience,
            clock: Clock::System,
            zone: Amsterdam,
            mail: false,
            files: None,
        };
        let shared = Shared { db: db.clone(), compositions: Arc::default() };
        let gateway = Gateway::new(shared, keys.clone(), options).expect("a gateway");
        Self { router: http::router(gateway), keys }
    }

    /// A token for a participant, or for a programme.
    pub fn sign(&self, participant: Option<i64>, role: Role) -> String {
        let valid = chrono::Duration::hours(9);
        self.keys.sign(participant, &[(role, None)], "Bench", Clock::System.now(), valid).expect("a token")
    }

    /// Asks, and answers with all that was said; an error ends the measurement.
    pub fn ask(&self, runtime: &Runtime, token: &str, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::from(body))
            .expect("a request");
        let bytes = runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("an answer");
            to_bytes(response.into_body(), usize::MAX).await.expect("a body")
        });
        let answer: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert!(answer.get("errors").is_none(), "{answer}");
        answer
    }
}

/// A runtime for one who asks.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}
