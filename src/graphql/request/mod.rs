//! Requests as the specification says: sections 5 (validation) and 6.1 to 6.4.1 (coercion).
//!
//! A request goes through two steps before anything is executed:
//!
//! 1. [`validate`] looks at the document alone. Its verdict holds for every request with the same document.
//! 2. [`coerce`] makes a document without variables for one request. It reads the variables, leaves out what `@skip`
//!    and `@include` leave out, writes the spread fragments out in place, and gives every field its arguments, defaults
//!    included. What the client left out stays left out, so that nobody takes it for null.
//!
//! So a request that is wrong anywhere is refused before its first mutation, and the resolvers see plain values only.

mod coerce;
#[cfg(test)]
mod tests;
mod types;
mod validate;
mod values;
mod variables;

use std::fmt;
use std::sync::LazyLock;

use async_graphql::{Pos, ServerError, Value};
use async_graphql_value::Value as Literal;

pub use coerce::coerce;
pub use types::Types;
pub use validate::validate;

/// The most errors that a refusal tells.
const MAX_ERRORS: usize = 5;

/// The types of the gateway's schema.
///
/// # Panics
/// When the schema cannot be described, which no request has a part in.
pub fn types() -> &'static Types {
    static TYPES: LazyLock<Types> = LazyLock::new(|| {
        Types::from_sdl(&super::schema().sdl(), &super::scalars::READERS)
            .unwrap_or_else(|error| unreachable!("the schema describes itself: {error}"))
    });
    &TYPES
}

/// A document that breaks a rule of validation.
fn invalid(message: impl Into<String>, pos: Pos) -> ServerError {
    coded("GRAPHQL_VALIDATION_FAILED", message, pos)
}

fn coded(code: &str, message: impl Into<String>, pos: Pos) -> ServerError {
    let mut error = ServerError::new(message, Some(pos));
    error.extensions.get_or_insert_default().set("code", code);
    error
}

/// The first errors, in the order of the document.
fn first_of(mut errors: Vec<ServerError>) -> Vec<ServerError> {
    errors.sort_by_key(|error| error.locations.first().map(|pos| (pos.line, pos.column)));
    errors.truncate(MAX_ERRORS);
    errors
}

/// Where a value stands: in an argument or a variable, and inside it.
#[derive(Clone, Copy)]
enum Place<'p> {
    Argument(&'p str),
    Variable(&'p str),
    Field(&'p Place<'p>, &'p str),
    Item(&'p Place<'p>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(name) => f.write_str(name),
            Self::Variable(name) => write!(f, "${name}"),
            Self::Field(outer, name) => write!(f, "{outer}.{name}"),
            Self::Item(outer, n) => write!(f, "{outer}[{n}]"),
        }
    }
}

/// A value in a few words.
fn described(value: &Literal) -> String {
    match value {
        Literal::Null => "null".to_owned(),
        Literal::Number(number) => number.to_string(),
        Literal::Boolean(value) => value.to_string(),
        Literal::String(_) => "a string".to_owned(),
        Literal::Enum(name) => format!("the enum value `{name}`"),
        Literal::List(_) => "a list".to_owned(),
        Literal::Object(_) => "an object".to_owned(),
        Literal::Variable(name) => format!("the variable `${name}`"),
        Literal::Binary(_) => "bytes".to_owned(),
    }
}

/// The same of a value without variables.
fn described_constant(value: &Value) -> String {
    match value {
        Value::List(_) => described(&Literal::List(Vec::new())),
        Value::Object(_) => described(&Literal::Object(Default::default())),
        plain => described(&plain.clone().into_value()),
    }
}
