//! Fields that fail while the rest of the answer is good.
//!
//! An answer is written level by level, for all rows of a level at once, so that nobody knows yet at which paths a value
//! is going to stand. A field that fails is written as a mark, which no other value looks like, and the finished answer
//! is searched for marks: each becomes null, with an error at its path (section 6.4.4 of the specification).

use async_graphql::{ContextSelectionSet, Name, PathSegment, ServerError, Value};

use crate::error::Error;
use crate::graphql::errors::server_error;
use crate::graphql::session::Session;

/// The most errors of single fields that are told of one root field. A list may have the same one at each of its items.
const MOST: usize = 1_000;

/// The mark of a failure: an object with a key that no answer has, since no name is empty.
pub fn mark(number: usize) -> Vec<u8> {
    format!("{{\"\":{number}}}").into_bytes()
}

fn marked(value: &Value) -> Option<usize> {
    let Value::Object(fields) = value else { return None };
    match fields.get("") {
        Some(Value::Number(number)) => number.as_u64().and_then(|number| usize::try_from(number).ok()),
        _ => None,
    }
}

/// The value of a root field that is written, with null where fields failed; their errors join those of the answer.
pub fn settle(ctx: &ContextSelectionSet<'_>, session: &Session, json: Vec<u8>) -> Value {
    let failures = session.failures();
    if failures.is_empty() {
        return Value::Binary(json.into());
    }
    let mut search = Search { failures: &failures, path: Vec::new(), found: Vec::new() };
    let mut value = match serde_json::from_slice(&json) {
        Ok(value) => value,
        Err(error) => {
            let error = Error::internal(format!("an answer is not JSON: {error}"));
            ctx.add_error(ctx.set_error_path(server_error(&error, ctx.item.pos)));
            return Value::Null;
        }
    };
    search.value(&mut value);
    for (path, error) in search.found {
        let mut error = ctx.set_error_path(error);
        error.path.extend(path);
        ctx.add_error(error);
    }
    value
}

struct Search<'a> {
    failures: &'a [ServerError],
    path: Vec<PathSegment>,
    found: Vec<(Vec<PathSegment>, ServerError)>,
}

impl Search<'_> {
    fn value(&mut self, value: &mut Value) {
        if let Some(number) = marked(value) {
            *value = Value::Null;
            if let Some(error) = self.failures.get(number).filter(|_| self.found.len() < MOST) {
                self.found.push((self.path.clone(), error.clone()));
            }
            return;
        }
        match value {
            Value::List(items) => {
                for (n, item) in items.iter_mut().enumerate() {
                    self.below(PathSegment::Index(n), item);
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    self.below(PathSegment::Field(Name::to_string(name)), field);
                }
            }
            _ => {}
        }
    }

    fn below(&mut self, segment: PathSegment, value: &mut Value) {
        self.path.push(segment);
        self.value(value);
        self.path.pop();
    }
}
