//! A connection on which whoever begins a request must get on with it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long the head of a request may take, from its first byte.
    pub head: Duration,
    /// How long a client may read nothing of an answer that is ready for it.
    pub unread: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: Duration::from_secs(10), unread: Duration::from_secs(30) }
    }
}

/// How many requests of a connection are at work.
#[derive(Clone, Debug, Default)]
pub struct Activity(Arc<AtomicUsize>);

/// One request at work, until it is dropped.
pub struct Busy(Activity);

impl Activity {
    /// A request has arrived.
    pub fn begin(&self) -> Busy {
        self.0.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    fn is_idle(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is spoken on a connection, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Unknown,
    Http1,
    /// Frames come at any time; there are no heads between requests.
    Http2,
}

/// The connection.
pub struct Patient {
    stream: TcpStream,
    activity: Activity,
    patience: Patience,
    spoken: Spoken,
    /// By when the head that has begun must be there.
    head: Option<Pin<Box<Sleep>>>,
    /// By when the client must read on.
    unread: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    /// Watches over a connection.
    pub fn new(stream: TcpStream, activity: Activity, patience: Patience) -> Self {
        Self { stream, activity, patience, spoken: Spoken::Unknown, head: None, unread: None }
    }

    /// The connection itself, for what has other rules.
    pub fn into_inner(self) -> TcpStream {
        self.stream
    }

    fn heard(&mut self, bytes: &[u8]) {
        if self.spoken == Spoken::Unknown && !bytes.is_empty() {
            self.spoken = if bytes.starts_with(b"PRI") { Spoken::Http2 } else { Spoken::Http1 };
        }
        if self.spoken == Spoken::Http1 && self.activity.is_idle() && !bytes.is_empty() && self.head.is_none() {
            self.head = Some(Box::pin(sleep_until(Instant::now() + self.patience.head)));
        }
    }

    /// Waits for what was begun to be written, but not for ever.
    fn written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.unread = None;
            return written;
        }
        let patience = self.patience.unread;
        let until = self.unread.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + patience)));
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.activity.is_idle() {
            this.head = None;
        }
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buffer) {
            this.heard(buffer.filled().get(before..).unwrap_or_default());
            return Poll::Ready(read);
        }
        match &mut this.head {
            Some(until) => {
                ready!(until.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the head of a request takes too long")))
            }
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.written(cx, shut)
    }
}
