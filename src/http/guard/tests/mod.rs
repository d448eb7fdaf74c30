//! The steps of the guard together, against hostile and against generated documents.

use std::thread;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};

use super::{GraphqlRequest, Limits, Refusal, SdlFacts, from_post};

mod generated;
mod grammar;
mod hostile;

/// A schema with a list, a page and a field to nest.
fn facts() -> SdlFacts {
    let sdl = "
        type Query { a(b: Int): Query list: [Query!]! page(first: Int): QueryConnection! leaf: Int }
        type QueryConnection { totalCount: Int! edges: [QueryEdge!]! }
        type QueryEdge { node: Query! }
    ";
    SdlFacts::new(sdl, 10).expect("a schema")
}

/// Works on a quarter of the stack that a thread of the server has.
fn on_small_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(512 * 1024);
        let worker = builder.spawn_scoped(scope, work).expect("a thread");
        worker.join().expect("no panic")
    })
}

fn post(body: &[u8]) -> Result<GraphqlRequest, Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    from_post(&headers, body, &Limits::default())
}
