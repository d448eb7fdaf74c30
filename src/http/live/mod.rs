//! Operations over a WebSocket: subscriptions, and queries and mutations for clients that send everything this way.
//!
//! The protocol itself is spoken by async-graphql-axum. What a client sends is looked at before: size and nesting on
//! bytes, then all that holds for a request by HTTP. What passes waits under a number, and only the number goes through
//! the protocol, so that nothing is executed that was not let in. A token travels in `connection_init` or in the
//! header of the upgrade and never comes along by itself as a cookie would, so it does not matter which site opened
//! the socket.

mod connection;
mod follow;
mod operation;

use std::sync::Arc;
use std::time::Duration;

use async_graphql::http::ALL_WEBSOCKET_PROTOCOLS;
use async_graphql_axum::GraphQLProtocol;
use axum::extract::{FromRequestParts, Request, WebSocketUpgrade};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::Gateway;
use super::respond::Media;
use crate::access::Viewer;
use crate::error::Error;

/// The most sockets that one gateway keeps open.
const MAX_CONNECTIONS: usize = 1_000;
/// The most operations under way on one WebSocket.
const MAX_OPERATIONS: usize = 50;
/// How long a client may take to introduce itself.
const INTRODUCTION: Duration = Duration::from_secs(10);
/// How often a client is asked whether it is still there.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// How long a client may take to read one message.
const READING: Duration = Duration::from_secs(10);
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

    /// Who presents this as the value of an Authorization header, and until when.
    fn signed(&self, value: &str) -> Result<Signed, Error> {
        let token = match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => return Err(Error::Unauthenticated("Authorization must hold `Bearer` and a token.".to_owned())),
        };
        let (viewer, left) = self.keys.verify_until(token, self.options.clock.now())?;
        Ok(Signed { viewer, until: Instant::now() + left })
    }
}

/// Who is at the other end, and until when.
#[derive(Clone)]
struct Signed {
    viewer: Viewer,
    until: Instant,
}

/// Whether a request by GET wants to become a WebSocket.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Opens a WebSocket.
pub async fn open(gateway: Arc<Gateway>, request: Request) -> Response {
    let started = std::time::Instant::now();
    let (mut parts, _) = request.into_parts();
    let protocol = match GraphQLProtocol::from_request_parts(&mut parts, &()).await {
        Ok(protocol) => protocol,
        Err(status) => return (status, "The sub-protocol is graphql-transport-ws.\n").into_response(),
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let signed = match parts.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default()) {
        None => None,
        Some(value) => match gateway.signed(value) {
            Ok(signed) => Some(signed),
            Err(error) => return gateway.fail(Media::Json, &error, started),
        },
    };
    let Ok(place) = Arc::clone(&gateway.live.places).try_acquire_owned() else {
        return gateway.fail(Media::Json, &Error::Unavailable, started);
    };
    let limit = gateway.options.limits.max_body_bytes.saturating_add(ENVELOPE);
    upgrade
        .protocols(ALL_WEBSOCKET_PROTOCOLS)
        .max_message_size(limit)
        .max_frame_size(limit)
        .on_upgrade(move |socket| connection::serve(gateway, socket, protocol, signed, place))
}
