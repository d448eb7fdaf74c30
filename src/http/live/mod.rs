//! Operations over a WebSocket: subscriptions, and queries and mutations for clients that send everything this way.
//!
//! What a client sends is looked at before anything is done with it: size and nesting on bytes, then all that holds for
//! a request by HTTP. A token travels in `connection_init` or in the header of the upgrade and never comes along by
//! itself as a cookie would, so it does not matter which site opened the socket.

mod connection;
mod follow;
mod handshake;
mod message;
mod operation;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::Gateway;
use super::accept::Media;
use super::bearer::Signed;
use super::guard::{Code, Refusal};
use crate::error::Error;
use handshake::Handshake;
use message::Dialect;
use socket::{End, Socket};

/// The most sockets that one gateway keeps open.
const MAX_CONNECTIONS: usize = 1_000;
/// How long a client may take to introduce itself.
const INTRODUCTION: Duration = Duration::from_secs(10);
/// How often a client is asked whether it is still there.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// How often it is looked at whether a client's token was withdrawn.
const GLANCE: Duration = Duration::from_secs(1);
/// What a message has around the request, in bytes.
const ENVELOPE: usize = 1_024;

/// The sockets of one gateway.
pub struct Live {
    places: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

impl Default for Live {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MAX_CONNECTIONS)), stopping: watch::Sender::new(false) }
    }
}

impl Gateway {
    /// Closes all sockets, and every one that is opened from now on.
    pub fn stop_following(&self) {
        self.live.stopping.send_replace(true);
    }

    /// Waits until all sockets are closed, or long enough.
    pub async fn followers_gone(&self) {
        let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(Duration::from_secs(2), self.live.places.acquire_many(all)).await;
    }
}

/// Whether a request by GET wants to become a WebSocket.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    handshake::is_wanted(headers)
}

/// Opens a WebSocket.
pub fn open(gateway: Arc<Gateway>, mut request: Request) -> Response {
    let handshake = match Handshake::read(request.headers()) {
        Ok(handshake) => handshake,
        Err(refusal) => return gateway.refuse(Media::Json, &refusal),
    };
    let header = match gateway.signed_by(request.headers()).transpose() {
        // Who comes back with another token may come in; the client hears of it when it introduces itself.
        header @ (None | Some(Ok(_) | Err(Error::Expired))) => header,
        Some(Err(error)) => return gateway.fail(Media::Json, &error, std::time::Instant::now()),
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        let refusal = Refusal::new(Code::BadUserInput, "This connection cannot become a WebSocket; use HTTP/1.1.");
        return gateway.refuse(Media::Json, &refusal);
    };
    let place = Arc::clone(&gateway.live.places).try_acquire_owned().ok();
    let dialect = handshake.dialect;
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => begin(gateway, upgraded, dialect, header, place).await,
            Err(error) => tracing::debug!(%error, "a connection did not become a WebSocket"),
        }
    });
    handshake.answer()
}

async fn begin(
    gateway: Arc<Gateway>,
    upgraded: Upgraded,
    dialect: Option<Dialect>,
    header: Option<Result<Signed, Error>>,
    place: Option<OwnedSemaphorePermit>,
) {
    let limit = gateway.options.limits.max_body_bytes.saturating_add(ENVELOPE);
    let socket = Socket::open(upgraded, limit).await;
    match (dialect, place) {
        (Some(dialect), Some(place)) => connection::serve(gateway, socket, dialect, header, place).await,
        (None, _) => socket.close(End::closed(4406, "Subprotocol not acceptable")).await,
        // Clients wait a while before they come back.
        (_, None) => socket.close(End::closed(1013, "There are too many connections. Please try again later.")).await,
    }
}
