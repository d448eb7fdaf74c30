//! Errors as clients see them: a stable code in `extensions.code`, and nothing of the inside.

use std::sync::atomic::{AtomicU64, Ordering};

use async_graphql::{ErrorExtensionValues, Pos, ServerError};

use crate::error::Error;

/// The code of an error outside `userErrors`.
pub fn code(error: &Error) -> &'static str {
    match error {
        Error::Rejected(_) | Error::BadInput(_) => "BAD_USER_INPUT",
        Error::TooComplex(_) => "QUERY_TOO_COMPLEX",
        Error::Unauthenticated(_) | Error::Expired | Error::Withdrawn => "UNAUTHENTICATED",
        Error::Forbidden(_) => "FORBIDDEN",
        Error::Unavailable | Error::Full => "UNAVAILABLE",
        Error::Timeout | Error::Unfinished => "TIMEOUT",
        Error::Configuration(_) | Error::Internal(_) => "INTERNAL",
    }
}

/// An error as a resolver answers with it; async-graphql adds the place and the path.
pub fn resolver_error(error: &Error) -> async_graphql::Error {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code(error));
    async_graphql::Error { message: message(error), source: None, extensions: Some(extensions) }
}

/// An error at a place in the document.
pub fn server_error(error: &Error, pos: Pos) -> ServerError {
    resolver_error(error).into_server_error(pos)
}

/// What the client reads. Of an internal error only its number is shown; the log has the rest under it.
fn message(error: &Error) -> String {
    match error {
        Error::Configuration(_) | Error::Internal(_) => {
            let id = log_internal(&error.to_string());
            format!("Something went wrong on our side. Please mention {id} when you report it.")
        }
        other => other.to_string(),
    }
}

/// Logs a fault and answers with the number under which it stands in the log.
pub fn log_internal(detail: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let started = std::process::id();
    let id = format!("{started:x}-{:x}", NEXT.fetch_add(1, Ordering::Relaxed));
    tracing::error!(id, detail, "internal error");
    id
}
