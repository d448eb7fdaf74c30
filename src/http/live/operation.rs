//! From a message to an operation that may be executed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::futures_util::stream::BoxStream;
use async_graphql::parser::types::OperationType;
use async_graphql::{Data, ErrorExtensionValues, Executor, Pos, Request, Response, ServerError, Value};
use axum::extract::ws::Message;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{MAX_OPERATIONS, Signed, follow};
use crate::access::Viewer;
use crate::error::Error;
use crate::graphql::errors::server_error;
use crate::http::guard;
use crate::http::metrics::Outcome;
use crate::http::turn::in_turn;
use crate::http::{Admitted, Denied, Gateway, respond};

/// The longest name that a client may give an operation, in bytes.
const MAX_NAME: usize = 200;

/// One client.
pub struct Guest {
    pub gateway: Arc<Gateway>,
    /// Who it is, once it has introduced itself.
    pub signed: Mutex<Option<Signed>>,
    active: Mutex<HashSet<String>>,
    /// What was let in and not yet begun, by number.
    tickets: Mutex<HashMap<String, Ticket>>,
}

/// An operation that was let in.
pub struct Ticket {
    pub admitted: Admitted,
    pub viewer: Viewer,
    pub place: Place,
}

/// The name of an operation under way; free again when dropped.
pub struct Place(Arc<Guest>, String);

impl Drop for Place {
    fn drop(&mut self) {
        locked(&self.0.active).remove(&self.1);
    }
}

/// What becomes of a message.
pub enum Verdict {
    /// It goes on to the protocol.
    Pass(Message),
    /// It is answered at once.
    Reply(Message),
    /// Nothing.
    Ignored,
    /// The connection is closed.
    Close(u16, String),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error with a code.
pub fn coded(message: &str, pos: Option<Pos>, code: &str) -> ServerError {
    let mut error = ServerError::new(message, pos);
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code);
    error.extensions = Some(extensions);
    error
}

impl Guest {
    pub fn new(gateway: Arc<Gateway>) -> Arc<Self> {
        Arc::new(Self { gateway, signed: Mutex::default(), active: Mutex::default(), tickets: Mutex::default() })
    }

    /// Drops what was let in and will not begin any more.
    pub fn leave(&self) {
        let tickets = std::mem::take(&mut *locked(&self.tickets));
        drop(tickets);
    }

    /// Looks at a message.
    pub fn judge(self: &Arc<Self>, text: &[u8]) -> Verdict {
        let malformed = || Verdict::Close(4400, "The message is not understood.".to_owned());
        if guard::check_message(text, &self.gateway.options.limits).is_err() {
            return malformed();
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(text) else { return malformed() };
        let pass = || std::str::from_utf8(text).map_or_else(|_| malformed(), |text| Verdict::Pass(Message::text(text)));
        match envelope.kind.as_str() {
            "connection_init" | "connection_terminate" | "ping" | "pong" => pass(),
            "complete" | "stop" => match envelope.id {
                Some(id) if locked(&self.active).contains(&id) => pass(),
                _ => Verdict::Ignored,
            },
            "subscribe" | "start" => match (envelope.id, envelope.payload) {
                (Some(id), Some(payload)) if id.len() <= MAX_NAME => self.begin(&envelope.kind, id, payload),
                _ => malformed(),
            },
            _ => malformed(),
        }
    }

    fn begin(self: &Arc<Self>, kind: &str, id: String, payload: &RawValue) -> Verdict {
        let Some(signed) = locked(&self.signed).clone() else {
            return Verdict::Close(4401, "Unauthorized".to_owned());
        };
        let place = {
            let mut active = locked(&self.active);
            if active.contains(&id) {
                return Verdict::Close(4409, "There is an operation of this id already.".to_owned());
            }
            if active.len() >= MAX_OPERATIONS {
                let message = format!("At most {MAX_OPERATIONS} operations can be under way on one connection.");
                return refused(&id, &[coded(&message, None, "TOO_MANY_OPERATIONS")]);
            }
            active.insert(id.clone());
            Place(Arc::clone(self), id.clone())
        };
        match self.let_in(payload, signed.viewer, place) {
            Ok(ticket) => {
                let mut tickets = locked(&self.tickets);
                let number = ticket_number();
                let message = serde_json::json!({ "type": kind, "id": id, "payload": { "query": number } });
                tickets.insert(number, ticket);
                Verdict::Pass(Message::text(message.to_string()))
            }
            Err(Denied::Refused(refusal)) => {
                self.gateway.metrics.count(Outcome::Refused, std::time::Duration::ZERO);
                refused(&id, &[coded(&refusal.message, refusal.position, refusal.code.as_str())])
            }
            Err(Denied::Invalid(errors)) => {
                self.gateway.metrics.count(Outcome::Refused, std::time::Duration::ZERO);
                refused(&id, &errors)
            }
            Err(Denied::Failed(error, pos)) => {
                self.gateway.metrics.count(Outcome::Denied, std::time::Duration::ZERO);
                refused(&id, &[server_error(&error, pos)])
            }
        }
    }

    fn let_in(&self, payload: &RawValue, viewer: Viewer, place: Place) -> Result<Ticket, Denied> {
        let request = guard::from_payload(payload.get().as_bytes(), &self.gateway.options.limits)?;
        let admitted = self.gateway.admit(&request, None, &viewer)?;
        Ok(Ticket { admitted, viewer, place })
    }
}

fn ticket_number() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

fn refused(id: &str, errors: &[ServerError]) -> Verdict {
    let name = serde_json::Value::from(id).to_string();
    let list = respond::error_list(errors);
    let text = format!("{{\"type\":\"error\",\"id\":{name},\"payload\":{}}}", String::from_utf8_lossy(&list));
    Verdict::Reply(Message::text(text))
}

/// Executes what waits under a number.
#[derive(Clone)]
pub struct Carrier(pub Arc<Guest>);

impl Executor for Carrier {
    async fn execute(&self, _: Request) -> Response {
        Response::from_errors(vec![coded("This is not served here.", None, "BAD_USER_INPUT")])
    }

    fn execute_stream(&self, request: Request, _: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let Some(ticket) = locked(&self.0.tickets).remove(&request.query) else { return stream::empty().boxed() };
        let gateway = Arc::clone(&self.0.gateway);
        let operation = ticket.admitted.document.operations.iter().next().map(|(_, operation)| operation.node.ty);
        if operation == Some(OperationType::Subscription) {
            return follow::stream(gateway, ticket).map(packed).boxed();
        }
        stream::once(async move { packed(carry_out(&gateway, ticket).await) }).boxed()
    }
}

async fn carry_out(gateway: &Arc<Gateway>, ticket: Ticket) -> Response {
    let started = std::time::Instant::now();
    let Ticket { admitted, viewer, place } = ticket;
    let response = in_turn(gateway, admitted.task, |gateway| gateway.execute(admitted, viewer)).await;
    drop(place);
    let outcome = match &response {
        Ok(response) if response.errors.is_empty() => Outcome::Answered,
        Ok(_) => Outcome::WithErrors,
        Err(_) => Outcome::Failed,
    };
    gateway.metrics.count(outcome, started.elapsed());
    response.unwrap_or_else(|error| failed(&error))
}

/// The answer of an operation that ended before its execution.
pub fn failed(error: &Error) -> Response {
    let mut error = server_error(error, Pos::default());
    error.locations.clear();
    Response::from_errors(vec![error])
}

/// The response as the protocol writes it: JSON that is written already is copied as it is.
fn packed(mut response: Response) -> Response {
    let unknown = if response.data == Value::Null { "GRAPHQL_VALIDATION_FAILED" } else { "BAD_USER_INPUT" };
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", unknown);
        }
    }
    let mut json = Vec::new();
    respond::write_value(&mut json, &response.data);
    let raw = String::from_utf8(json).unwrap_or_else(|_| "null".to_owned());
    let raw = [(async_graphql::Name::new(async_graphql_value::RAW_VALUE_TOKEN), Value::String(raw))];
    response.data = Value::Object(raw.into_iter().collect());
    response
}
