//! What is decided about a request before the GraphQL library sees it.
//!
//! A GraphQL document is a small program from a stranger. A few kilobytes of it can overflow the
//! stack of a recursive parser, make a validator expand fragments for minutes, or ask for more
//! rows than fit in memory. So every request passes these steps in this order, and each makes the
//! next one safe:
//!
//! 1. [`from_post`] and [`from_get`] turn HTTP into one [`GraphqlRequest`]; size, media type and
//!    the nesting of the JSON are checked on bytes.
//! 2. [`scan`] reads the document once, byte by byte and without recursion. What it lets through
//!    nests so little that every recursive step after it stays far from the end of the stack.
//! 3. [`parse`] reads the document into the library's tree, as the specification says.
//! 4. [`check_shape`] weighs the parsed document with its fragments expanded, in time that grows
//!    with the text and not with the expansion.
//! 5. [`validate`](crate::graphql::request::validate) looks whether the document means something.
//! 6. [`operation`] picks the operation that is meant; [`query_only`] keeps GET from writing.
//! 7. [`coerce`](crate::graphql::request::coerce) fills in the variables.
//! 8. [`measure`] weighs what is left: how much it could read, and how large the answer could be.
//!
//! The guard's own steps answer with a [`Refusal`] that an API user can act on: which limit, its value, and
//! what was found. None of them panics, whatever the input.

mod body;
mod cost;
mod facts;
mod fragments;
mod json;
mod lex;
mod limits;
mod parse;
mod parser;
mod refusal;
mod scan;
mod strings;
#[cfg(test)]
mod tests;
mod tokens;
mod weight;

pub use body::{GraphqlRequest, check_message, from_get, from_payload, from_post};
pub use cost::{Cost, check_shape, measure};
pub use facts::{FieldFacts, Items, SchemaFacts, SdlFacts};
pub use limits::Limits;
pub use parse::{operation, parse, query_only};
pub use refusal::{Code, Refusal};
pub use scan::scan;
