//! One WebSocket: frames in and out, and an end that the other side gets to read.

use std::mem::MaybeUninit;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use crate::http::server::patience::Patient;

/// How long a client may take to read one message.
const READING: Duration = Duration::from_secs(10);
/// How long a client may take to answer that the connection is closed.
const FAREWELL: Duration = Duration::from_secs(3);
/// How much is read at once, in bytes; every connection has room for that much.
const READ_BUFFER: usize = 8 * 1024;
/// The longest reason in a close frame, in bytes (RFC 6455, section 5.5).
const MAX_REASON: usize = 123;

/// Why a connection ends.
#[derive(Debug)]
pub enum End {
    /// The other side is gone.
    Gone,
    /// The other side has said that it goes.
    Left,
    /// The gateway closes, with a code and a reason.
    Closed(u16, String),
    /// What came is no WebSocket any more; the gateway closes, and reads no further frame.
    Broken(u16, &'static str),
}

impl End {
    /// The gateway closes.
    pub fn closed(code: u16, reason: impl Into<String>) -> Self {
        Self::Closed(code, reason.into())
    }
}

/// What the bytes come over.
trait Transport: AsyncRead + AsyncWrite + Send + Unpin {
    /// Whether the machine has received nothing that was not read yet. Where that cannot be found out, what the runtime
    /// has noticed must do.
    fn is_quiet(&self) -> bool {
        true
    }
}

impl Transport for TcpStream {
    fn is_quiet(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        !socket2::SockRef::from(self).peek(&mut byte).is_ok_and(|unread| unread > 0)
    }
}

impl Transport for TokioIo<Upgraded> {}

/// One WebSocket.
pub struct Socket(WebSocketStream<Box<dyn Transport>>);

impl Socket {
    /// Speaks over a connection that has been upgraded; takes messages up to this size.
    pub async fn open(upgraded: Upgraded, max_message: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(Some(max_message))
            .max_frame_size(Some(max_message));
        let (transport, begun): (Box<dyn Transport>, _) = match downcast::<TokioIo<Patient>>(upgraded) {
            Ok(parts) => (Box::new(parts.io.into_inner().into_inner()), parts.read_buf.to_vec()),
            Err(upgraded) => (Box::new(TokioIo::new(upgraded)), Vec::new()),
        };
        Self(WebSocketStream::from_partially_read(transport, begun, Role::Server, Some(config)).await)
    }

    /// Whether the other side has sent nothing that was not read yet, as far as the machine knows. To be asked when there
    /// is no message to receive.
    pub fn is_quiet(&self) -> bool {
        self.0.get_ref().is_quiet()
    }

    /// The next message, if it is text; `None` for a sign of life. It may be dropped while it waits, and loses nothing
    /// then.
    ///
    /// # Errors
    /// Why there is none any more.
    pub async fn receive(&mut self) -> Result<Option<Utf8Bytes>, End> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Ok(Some(text)),
            Some(Ok(Message::Binary(_))) => Err(End::closed(4400, "Messages are text.")),
            Some(Ok(Message::Close(_))) => Err(End::Left),
            Some(Ok(_)) => Ok(None),
            Some(Err(Error::Capacity(_))) => Err(End::Broken(1009, "The message is too large.")),
            Some(Err(Error::Utf8(_))) => Err(End::Broken(1007, "The message is no text in UTF-8.")),
            Some(Err(Error::Protocol(_))) => Err(End::Broken(1002, "This is no WebSocket frame.")),
            Some(Err(_)) | None => Err(End::Gone),
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the client does not take it in time.
    pub async fn say(&mut self, text: String) -> Result<(), End> {
        self.send(Message::text(text)).await
    }

    /// Asks whether the client is still there.
    ///
    /// # Errors
    /// When it does not take the question in time.
    pub async fn ping(&mut self) -> Result<(), End> {
        self.send(Message::Ping(Default::default())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        timeout(READING, self.0.send(message)).await.ok().and_then(Result::ok).ok_or(End::Gone)
    }

    /// Ends the connection so that the other side learns why. What it is still sending is read and thrown away: a
    /// connection that is dropped with unread bytes is reset, and the close frame may be lost with it.
    pub async fn close(mut self, end: End) {
        let farewell = async {
            match end {
                End::Gone => {}
                End::Left => self.read_out().await,
                End::Closed(code, reason) => {
                    self.say_goodbye(code, &reason).await;
                    self.read_out().await;
                }
                End::Broken(code, reason) => {
                    self.say_goodbye(code, reason).await;
                    self.drain().await;
                }
            }
        };
        let _ = timeout(FAREWELL, farewell).await;
    }

    async fn say_goodbye(&mut self, code: u16, reason: &str) {
        let reason = reason.get(..reason.floor_char_boundary(MAX_REASON)).unwrap_or_default();
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        let _ = self.0.send(Message::Close(Some(frame))).await;
    }

    /// Reads to the end of the closing handshake, whoever began it; the answer to the other side's close frame is sent
    /// thereby.
    async fn read_out(&mut self) {
        while let Some(Ok(_)) = self.0.next().await {}
    }

    async fn drain(&mut self) {
        let raw = self.0.get_mut();
        let _ = raw.shutdown().await;
        let mut waste = vec![0; READ_BUFFER];
        while raw.read(&mut waste).await.is_ok_and(|read| read > 0) {}
    }
}
