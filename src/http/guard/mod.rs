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
//! 3. [`parse`] is the library's parser; its document can be handed on with
//!    `Request::set_parsed_query`, so that nothing is parsed twice.
//! 4. [`operation`] picks the operation that is meant; [`query_only`] keeps GET from writing.
//! 5. [`measure`] weighs the parsed document with its fragments expanded, in time that grows with
//!    the text and not with the expansion.
//!
//! Every step answers with a [`Refusal`] that an API user can act on: which limit, its value, and
//! what was found. None of them panics, whatever the input.

mod body;
mod cost;
mod facts;
mod fragments;
mod json;
mod lex;
mod limits;
mod parse;
mod refusal;
mod scan;
#[cfg(test)]
mod tests;
mod weight;

pub use body::{GraphqlRequest, check_message, from_get, from_payload, from_post};
pub use cost::{Cost, measure};
pub use facts::{FieldFacts, Items, SchemaFacts, SdlFacts};
pub use limits::Limits;
pub use parse::{operation, parse, query_only, required_variables};
pub use refusal::{Code, Refusal};
pub use scan::scan;
