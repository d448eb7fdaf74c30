//! From a message to an operation that is carried out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::parser::types::OperationType;
use async_graphql::{ErrorExtensionValues, Pos, Response, ServerError};
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::{self, BoxStream, SelectAll, StreamExt};

use super::follow::{self, Beginning};
use super::message::{self, Dialect};
use crate::access::Viewer;
use crate::db::hub::Attendance;
use crate::graphql::errors::server_error;
use crate::http::guard::{self, Refusal};
use crate::http::metrics::Outcome;
use crate::http::turn::in_turn;
use crate::http::{Admitted, Denied, Gateway, respond};

/// The most operations under way on one WebSocket.
pub const MAX_OPERATIONS: usize = 50;

/// An operation that was let in.
pub struct Ticket {
    pub admitted: Admitted,
    pub viewer: Viewer,
}

/// What an operation says.
pub enum Said {
    /// A result.
    Next(Response),
    /// What came of its execution: a result, or the errors for which there was none.
    Outcome(Response),
    /// The errors for which nothing is carried out; the last that it says.
    Refused(Vec<ServerError>),
}

/// The operations under way on one WebSocket, each under the name that the client gave it.
#[derive(Default)]
pub struct Operations {
    handles: HashMap<String, AbortHandle>,
    running: SelectAll<BoxStream<'static, Step>>,
}

/// What to tell the client of an operation, and whether that was all.
struct Step {
    id: String,
    text: String,
    last: bool,
}

impl Operations {
    /// Whether one of this name is under way.
    pub fn has(&self, id: &str) -> bool {
        self.handles.contains_key(id)
    }

    /// Whether no more can be begun.
    pub fn is_full(&self) -> bool {
        self.handles.len() >= MAX_OPERATIONS
    }

    /// Carries one out.
    pub fn begin(&mut self, dialect: Dialect, id: String, said: BoxStream<'static, Said>) {
        let (handle, registration) = AbortHandle::new_pair();
        self.handles.insert(id.clone(), handle);
        let steps = said.map({
            let id = id.clone();
            move |said| step(dialect, &id, said)
        });
        let end = stream::once(async move { Step { text: message::complete(&id), id, last: true } });
        self.running.push(Abortable::new(steps.chain(end), registration).boxed());
    }

    /// Ends one; nothing is said of it any more.
    pub fn end(&mut self, id: &str) {
        if let Some(handle) = self.handles.remove(id) {
            handle.abort();
        }
    }

    /// The next message for the client; `None` when nothing is under way. It may be dropped while it waits, and loses
    /// nothing then.
    pub async fn next(&mut self) -> Option<String> {
        let step = self.running.next().await?;
        if step.last {
            self.end(&step.id);
        }
        Some(step.text)
    }
}

fn step(dialect: Dialect, id: &str, said: Said) -> Step {
    let (mut response, may_be_refused) = match said {
        Said::Next(response) => (response, false),
        Said::Outcome(response) => (response, true),
        Said::Refused(errors) => return Step { id: id.to_owned(), text: refused(id, &errors), last: true },
    };
    if respond::settle(&mut response) && may_be_refused {
        return Step { id: id.to_owned(), text: refused(id, &response.errors), last: true };
    }
    Step { id: id.to_owned(), text: dialect.next(id, &text(respond::result(&response, false))), last: false }
}

/// What the client is told of an operation that is not carried out.
pub fn refused(id: &str, errors: &[ServerError]) -> String {
    message::error(id, &text(respond::error_list(errors)))
}

fn text(json: Vec<u8>) -> String {
    String::from_utf8(json).unwrap_or_else(|_| "null".to_owned())
}

/// An error with a code.
pub fn coded(message: &str, pos: Option<Pos>, code: &str) -> ServerError {
    let mut error = ServerError::new(message, pos);
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code);
    error.extensions = Some(extensions);
    error
}

/// Lets an operation in and begins it.
///
/// # Errors
/// What the client is told instead.
pub fn begin(
    gateway: &Arc<Gateway>,
    payload: &[u8],
    viewer: &Viewer,
    attendance: &mut Attendance,
) -> Result<BoxStream<'static, Said>, Vec<ServerError>> {
    let admitted = guard::from_payload(payload, &gateway.options.limits)
        .map_err(Denied::Refused)
        .and_then(|request| gateway.admit(&request, None, viewer))
        .map_err(|denied| explain(gateway, denied))?;
    let follows = admitted.kind == OperationType::Subscription;
    let (gateway, ticket) = (Arc::clone(gateway), Ticket { admitted, viewer: viewer.clone() });
    if !follows {
        return Ok(stream::once(async move { carry_out(&gateway, ticket).await }).boxed());
    }
    // From here on everything is heard, however long it takes until the subscription has its turn.
    let beginning = Beginning { listening: attendance.listen(), scope: gateway.scope(viewer.clone()) };
    Ok(follow::stream(gateway, ticket, beginning).boxed())
}

fn explain(gateway: &Gateway, denied: Denied) -> Vec<ServerError> {
    let (outcome, errors) = match denied {
        Denied::Refused(Refusal { code, message, position }) => {
            (Outcome::Refused, vec![coded(&message, position, code.as_str())])
        }
        Denied::Invalid(errors) => (Outcome::Refused, errors),
        Denied::Failed(error, pos) => (Outcome::Denied, vec![server_error(&error, pos)]),
    };
    gateway.metrics.count(outcome, Duration::ZERO);
    errors
}

async fn carry_out(gateway: &Arc<Gateway>, ticket: Ticket) -> Said {
    let started = Instant::now();
    let Ticket { admitted, viewer } = ticket;
    let response = in_turn(gateway, admitted.task, |gateway| gateway.execute(admitted, viewer)).await;
    let outcome = match &response {
        Ok(response) if response.errors.is_empty() => Outcome::Answered,
        Ok(_) => Outcome::WithErrors,
        Err(_) => Outcome::Failed,
    };
    gateway.metrics.count(outcome, started.elapsed());
    match response {
        Ok(response) => Said::Outcome(response),
        Err(error) => Said::Refused(vec![failed(&error)]),
    }
}

/// The error of an operation that ended before its execution.
pub fn failed(error: &crate::error::Error) -> ServerError {
    let mut error = server_error(error, Pos::default());
    error.locations.clear();
    error
}
