//! The opening handshake of a WebSocket (RFC 6455, section 4.2).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::message::Dialect;
use crate::http::guard::{Code, Refusal};

/// What the client asks for, if it asks in the right way.
pub struct Handshake {
    accept: HeaderValue,
    subprotocol: Option<HeaderValue>,
    /// What is spoken; `None` when the client speaks nothing that the gateway does.
    pub dialect: Option<Dialect>,
}

/// Whether a request by GET wants to become a WebSocket.
pub fn is_wanted(headers: &HeaderMap) -> bool {
    names(headers, &header::UPGRADE).any(|name| name.eq_ignore_ascii_case("websocket"))
}

impl Handshake {
    /// Reads the headers of the request.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` when they are not those of a WebSocket.
    pub fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let refused = |message: &str| Refusal::new(Code::BadUserInput, message);
        if !names(headers, &header::CONNECTION).any(|name| name.eq_ignore_ascii_case("upgrade")) {
            return Err(refused("A WebSocket needs the header `Connection: Upgrade`."));
        }
        if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(refused("A WebSocket needs the header `Sec-WebSocket-Version: 13`."));
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY);
        let key = key.ok_or_else(|| refused("A WebSocket needs the header `Sec-WebSocket-Key`."))?;
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()));
        let accept = accept.map_err(|_| refused("The header `Sec-WebSocket-Key` is unreadable."))?;
        let offered: Vec<&str> = names(headers, &header::SEC_WEBSOCKET_PROTOCOL).collect();
        let dialect = Dialect::ALL.into_iter().find(|dialect| offered.contains(&dialect.subprotocol()));
        // A client that hears of no subprotocol drops the connection before it learns why. So whoever offers only what is
        // not spoken here gets the first of them, and then a close frame that says so.
        let chosen = dialect.map(Dialect::subprotocol).or_else(|| offered.first().copied());
        Ok(Self { accept, subprotocol: chosen.and_then(|name| HeaderValue::from_str(name).ok()), dialect })
    }

    /// The answer after which the connection is a WebSocket.
    pub fn answer(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(subprotocol) = self.subprotocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
        }
        response
    }
}

/// The names that a header lists, over all its lines.
fn names<'h>(headers: &'h HeaderMap, header: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(header).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|name| !name.is_empty())
}
