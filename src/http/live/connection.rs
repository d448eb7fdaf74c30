//! One client, from its introduction to the end.

use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::follow::Counted;
use super::message::{self, Dialect, Message};
use super::operation::{self, MAX_OPERATIONS, Operations, coded};
use super::socket::{End, Socket};
use super::{GLANCE, Gateway, HEARTBEAT, INTRODUCTION};
use crate::access::Viewer;
use crate::db::hub::Attendance;
use crate::error::Error;
use crate::http::bearer::Signed;
use crate::http::guard;

/// Serves one client. Everything that it follows ends with this.
pub async fn serve(
    gateway: Arc<Gateway>,
    mut socket: Socket,
    dialect: Dialect,
    header: Option<Result<Signed, Error>>,
    place: OwnedSemaphorePermit,
) {
    let counted = Counted::new(&gateway.metrics.connections);
    let attendance = gateway.shared.db.hub().attend();
    let mut client =
        Client { gateway, dialect, header, viewer: None, until: None, operations: Operations::default(), attendance };
    let end = client.converse(&mut socket).await;
    drop(client);
    socket.close(end).await;
    drop((counted, place));
}

/// One client.
struct Client {
    gateway: Arc<Gateway>,
    dialect: Dialect,
    /// Who the upgrade came from, for clients that introduce themselves there.
    header: Option<Result<Signed, Error>>,
    /// Who it is, once it has introduced itself.
    viewer: Option<Viewer>,
    /// When its token expires.
    until: Option<Instant>,
    operations: Operations,
    /// From before the client can follow anything until after it has ceased to.
    attendance: Attendance,
}

/// What happens on a connection.
enum Event {
    Received(Result<Option<Utf8Bytes>, End>),
    Said(String),
    News,
    Due,
    Beat,
    Glance,
    Stopping,
}

impl Client {
    async fn converse(&mut self, socket: &mut Socket) -> End {
        let mut stopping = self.gateway.live.stopping.subscribe();
        let opened = Instant::now();
        let mut heartbeat = interval_at(opened + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut glance = interval_at(opened + GLANCE, GLANCE);
        glance.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = true;
        loop {
            let due = if self.viewer.is_some() { self.until } else { Some(opened + INTRODUCTION) };
            let event = tokio::select! {
                received = socket.receive() => Event::Received(received),
                Some(text) = self.operations.next() => Event::Said(text),
                () = self.attendance.hear() => Event::News,
                () = moment(due) => Event::Due,
                _ = heartbeat.tick() => Event::Beat,
                _ = glance.tick() => Event::Glance,
                () = told(&mut stopping) => Event::Stopping,
            };
            let done = match event {
                Event::Received(received) => {
                    heard = true;
                    self.take(socket, received).await
                }
                Event::Said(text) => match self.settle(socket).await {
                    Ok(()) => socket.say(text).await,
                    end => end,
                },
                Event::News => self.settle(socket).await,
                Event::Due if self.viewer.is_some() => Err(refusal(&Error::Expired)),
                Event::Due => Err(End::closed(4408, "Connection initialisation timeout")),
                Event::Beat if std::mem::take(&mut heard) => socket.ping().await,
                Event::Beat => Err(End::closed(4408, "No sign of life")),
                Event::Glance => self.check_token(),
                Event::Stopping => Err(End::closed(1001, "The gateway stops.")),
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Lets nobody who begins to follow later hear of news that is here, unless they may have asked before. Whoever is told
    /// of a change, and begins to follow then, does not hear of it again.
    async fn settle(&mut self, socket: &mut Socket) -> Result<(), End> {
        if !self.attendance.catch_up() {
            return Ok(());
        }
        while let Some(received) = socket.receive().now_or_never() {
            self.take(socket, received).await?;
        }
        if socket.is_quiet() {
            self.attendance.forget();
        }
        Ok(())
    }

    /// Lets nobody stay whose token was withdrawn.
    fn check_token(&self) -> Result<(), End> {
        let withdrawn = self.viewer.as_ref().is_some_and(|viewer| self.gateway.is_withdrawn(viewer));
        if withdrawn { Err(refusal(&Error::Withdrawn)) } else { Ok(()) }
    }

    async fn take(&mut self, socket: &mut Socket, received: Result<Option<Utf8Bytes>, End>) -> Result<(), End> {
        match received? {
            Some(text) => self.obey(socket, &text).await,
            None => Ok(()),
        }
    }

    /// Does what a message says.
    async fn obey(&mut self, socket: &mut Socket, text: &str) -> Result<(), End> {
        if let Err(refusal) = guard::check_message(text.as_bytes(), &self.gateway.options.limits) {
            return Err(End::closed(4400, refusal.message));
        }
        match self.dialect.read(text).map_err(|reason| End::closed(4400, reason))? {
            Message::Init(payload) => self.introduce(socket, payload).await,
            Message::Ping(payload) => socket.say(message::pong(payload)).await,
            Message::Pong => Ok(()),
            Message::Subscribe { id, payload } => self.begin(socket, id, payload).await,
            Message::Complete { id } => {
                self.operations.end(&id);
                Ok(())
            }
            Message::Terminate => Err(End::closed(1000, "")),
        }
    }

    /// Finds out who is there.
    async fn introduce(&mut self, socket: &mut Socket, payload: Option<&RawValue>) -> Result<(), End> {
        if self.viewer.is_some() {
            return Err(End::closed(4429, "Too many initialisation requests"));
        }
        let signed = match given(payload) {
            Some(Given::Text(value)) => self.gateway.signed(&value),
            Some(Given::Other) => Err(Error::Unauthenticated("`Authorization` must be a string.".to_owned())),
            None => self.header.take().transpose(),
        };
        let admitted = match signed {
            Ok(Some(signed)) => self.gateway.admit_bearer(&signed.viewer).await.map(|()| Some(signed)),
            other => other,
        };
        match admitted {
            Ok(signed) => {
                self.until = signed.as_ref().and_then(|signed| signed.until);
                self.viewer = Some(signed.map_or_else(Viewer::anonymous, |signed| signed.viewer));
            }
            Err(error) => {
                if let Some(text) = self.dialect.refusal(&error.to_string()) {
                    socket.say(text).await?;
                }
                return Err(refusal(&error));
            }
        }
        // Nothing can be followed before the gateway listens. If it cannot, the rest may work all the same.
        let ready = timeout(self.gateway.options.wait, self.attendance.ready()).await;
        if !matches!(ready, Ok(Ok(()))) {
            tracing::warn!("a client is let in while the gateway does not listen for changes");
        }
        socket.say(message::ack()).await
    }

    async fn begin(&mut self, socket: &mut Socket, id: String, payload: &RawValue) -> Result<(), End> {
        let Some(viewer) = &self.viewer else { return Err(End::closed(4401, "Unauthorized")) };
        if self.operations.has(&id) {
            return Err(End::closed(4409, format!("Subscriber for {id} already exists")));
        }
        if self.operations.is_full() {
            let message = format!("At most {MAX_OPERATIONS} operations can be under way on one connection.");
            return socket.say(operation::refused(&id, &[coded(&message, None, "TOO_MANY_OPERATIONS")])).await;
        }
        if let Err(error) = self.gateway.admit_bearer(viewer).await {
            return match error {
                Error::Expired | Error::Withdrawn => Err(refusal(&error)),
                error => socket.say(operation::refused(&id, &[operation::failed(&error)])).await,
            };
        }
        match operation::begin(&self.gateway, payload.get().as_bytes(), viewer, &mut self.attendance) {
            Ok(said) => {
                self.operations.begin(self.dialect, id, said);
                Ok(())
            }
            Err(errors) => socket.say(operation::refused(&id, &errors)).await,
        }
    }
}

/// What stands under `Authorization`.
enum Given {
    Text(String),
    Other,
}

fn given(payload: Option<&RawValue>) -> Option<Given> {
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(payload?.get()).ok()?;
    let value =
        members.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization")).map(|(_, value)| value);
    match value {
        None | Some(serde_json::Value::Null) => None,
        Some(serde_json::Value::String(text)) => Some(Given::Text(text)),
        Some(_) => Some(Given::Other),
    }
}

/// How a client is closed that is not let in or not kept. Clients come back after 4403, with a token that they fetch for
/// it; after 4401 and 4500 they tell whoever uses them at once.
fn refusal(error: &Error) -> End {
    match error {
        Error::Expired | Error::Withdrawn => End::closed(4403, error.to_string()),
        Error::Unauthenticated(message) => End::closed(4401, message.as_str()),
        error => {
            tracing::error!(error = error.logged(), "a client could not be let in");
            End::closed(4500, "Internal server error")
        }
    }
}

/// Waits until a moment; forever without one.
async fn moment(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn told(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
