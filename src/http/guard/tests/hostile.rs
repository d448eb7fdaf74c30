//! Documents and bodies that mean harm, and the deepest documents that are let through.

use std::time::{Duration, Instant};

use super::super::{Code, Cost, Limits, Refusal, check_shape, measure, parse, scan};
use super::{facts, on_small_stack, post};

#[path = "../../../../tests/it/hostile.rs"]
mod requests;

fn judge(query: &str) -> Result<Cost, Refusal> {
    let limits = Limits::default();
    scan(query, &limits)?;
    let document = parse(query)?;
    check_shape(&document, &limits)?;
    measure(&document, &limits, &facts())
}

#[test]
fn hostile_documents_are_answered_at_once() {
    // What a hostile document would cost without the guard is seconds or the process; a busy machine without
    // optimisation must not look like that.
    let at_once = Duration::from_secs(2);
    for requests::Document { name, query, code } in requests::documents() {
        let mut fastest = Duration::MAX;
        for _ in 0..3 {
            let start = Instant::now();
            let verdict = on_small_stack(|| judge(&query));
            fastest = fastest.min(start.elapsed());
            match verdict {
                Err(refusal) => assert_eq!(refusal.code.as_str(), code, "{name}: {refusal}"),
                // Left to the validator.
                Ok(_) => assert_eq!(code, Code::GraphqlValidationFailed.as_str(), "{name}"),
            }
        }
        assert!(fastest < at_once, "{name} took {fastest:?}");
    }
}

#[test]
fn hostile_bodies_are_answered_at_once() {
    for requests::Body { name, text, status, code } in requests::bodies() {
        let verdict = on_small_stack(|| post(text.as_bytes()));
        let refusal = verdict.expect_err(name);
        let answer = (refusal.status().as_u16(), refusal.code.as_str());
        assert_eq!(answer, (status, code), "{name}: {refusal}");
    }
}

#[test]
fn a_hostile_document_arrives_in_a_body_as_it_is() {
    let query = "{ a(b: \"\\\" \u{e9} \u{0} \n\") }";
    let request = post(requests::body(query).as_bytes());
    assert_eq!(request.map(|request| request.query).as_deref(), Ok(query));
}

/// The deepest documents of each kind that the default limits let through.
fn deepest() -> Vec<String> {
    let limits = Limits::default();
    let nest = |open: &str, depth: usize, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    let (literals, brackets) = (limits.max_literal_nesting, limits.max_nesting);
    vec![
        format!("{{ a(b: {}) {{ leaf }} }}", nest("[", literals, "1", "]")),
        format!("{{ a(b: {}) {{ leaf }} }}", nest("{a:", literals, "1", "}")),
        format!("query ($a: {}) {{ leaf }}", nest("[", literals, "Int", "]")),
        format!("query ($a: Int = {}) {{ leaf }}", nest("{a:", literals, "1", "}")),
        nest("{ a ", brackets, "{ leaf }", "}").replacen("{ a ", "", 1).replacen('}', "", 1),
        format!("{{ {} }}", nest("... { ", brackets - 1, "leaf", "}")),
        format!(
            "{{ {} }}",
            nest("... { ", brackets - literals - 2, &format!("a(b: {})", nest("{a:", literals, "1", "}")), "}")
        ),
    ]
}

#[test]
fn the_deepest_documents_that_pass_parse_on_a_small_stack() {
    for query in deepest() {
        assert_eq!(scan(&query, &Limits::default()), Ok(()), "{query}");
        let parsed = on_small_stack(|| parse(&query).map(|_| ()));
        assert_eq!(parsed, Ok(()), "{query}");
    }
}

mod executed {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use async_graphql::{EmptyMutation, EmptySubscription, Object, Request, Response, Schema};

    use super::*;

    struct Query;

    #[Object]
    impl Query {
        async fn a(&self, b: Option<i32>) -> Query {
            let _ = b;
            Self
        }

        async fn leaf(&self) -> i32 {
            1
        }
    }

    /// Carries out a document that the guard let through. Nothing in it ever waits.
    fn execute(query: &str) -> Response {
        let schema = Schema::build(Query, EmptyMutation, EmptySubscription)
            .limit_recursive_depth(Limits::default().max_nesting)
            .finish();
        let mut request = Request::new("");
        request.set_parsed_query(parse(query).expect(query));
        match pin!(schema.execute(request)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(response) => response,
            Poll::Pending => unreachable!("nothing waits"),
        }
    }

    #[test]
    fn what_is_let_through_is_carried_out() {
        for query in deepest() {
            // Threads of tests have as much stack as threads of the server.
            let response = execute(&query);
            let recursed = response.errors.iter().any(|error| error.message.contains("recursion"));
            assert!(!recursed, "{query}: {response:?}");
        }
        let fields = Limits::default().max_depth - 1;
        let query = format!("{{ {}leaf{} }}", "a { ... { ".repeat(fields), "} }".repeat(fields));
        assert!(judge(&query).is_ok());
        assert!(execute(&query).is_ok(), "{query}");
    }

    #[test]
    fn what_is_left_to_the_validator_is_refused_by_it() {
        for document in requests::documents() {
            if judge(&document.query).is_ok() {
                assert!(execute(&document.query).is_err(), "{}", document.name);
            }
        }
    }
}
