//! Serving connections: how many there are, how long they may be silent, and how they end.

pub mod patience;
mod places;
pub mod source;

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service;

use patience::{Activity, Patience, Patient};
use places::Places;
use source::Proxies;

/// How long a silent connection is kept between two requests. Proxies keep theirs for a minute, and must be the first to
/// close: what they send on a connection that is being closed is lost.
const IDLE: Duration = Duration::from_secs(75);
/// How long is waited after the system could not take a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How connections are served.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most connections at once.
    pub connections: usize,
    /// The most of them that come from one source, unless it is a proxy.
    pub per_source: usize,
    /// The proxies in front of the gateway.
    pub proxies: Proxies,
    /// How long clients are waited for.
    pub patience: Patience,
}

impl Default for Options {
    fn default() -> Self {
        Self { connections: 4_096, per_source: 512, proxies: Proxies::default(), patience: Patience::default() }
    }
}

/// Takes connections until it is told to stop; what is under way then is finished.
pub async fn serve(listener: TcpListener, router: Router, options: &Options, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let places = Places::new(options.connections, options.per_source);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(IDLE / 3).max_concurrent_streams(Some(64));
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    refused(&error).await;
                    continue;
                }
            },
        };
        // Whoever has more connections than they may is told by the closed one.
        let Some(place) = places.take(peer.ip(), &options.proxies) else { continue };
        let connection = Connection { router: router.clone(), patience: options.patience };
        let connection = connection.serve(stream, &builder, &graceful);
        tokio::spawn(async move {
            connection.await;
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Waits until the system may take connections again; a client that hung up before it was served is no reason to.
async fn refused(error: &std::io::Error) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "no connection can be taken");
        tokio::time::sleep(PAUSE).await;
    }
}

/// One client's connection.
struct Connection {
    router: Router,
    patience: Patience,
}

impl Connection {
    fn serve(
        self,
        stream: TcpStream,
        builder: &Builder<TokioExecutor>,
        graceful: &GracefulShutdown,
    ) -> impl Future<Output = ()> + Send + use<> {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let activity = Activity::default();
        let Self { router, patience } = self;
        let stream = TokioIo::new(Patient::new(stream, activity.clone(), patience));
        let service = service_fn(move |request: Request<Incoming>| {
            let (mut router, busy) = (router.clone(), activity.begin());
            async move {
                let response: Result<Response, Infallible> = router.call(request.map(Body::new)).await;
                drop(busy);
                response
            }
        });
        let connection = builder.serve_connection_with_upgrades(stream, service).into_owned();
        let connection = graceful.watch(connection);
        async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        }
    }
}

/// Serves until `stop`, and for at most so long afterwards.
pub async fn serve_until(
    listener: TcpListener,
    router: Router,
    options: &Options,
    stop: impl Future<Output = ()>,
    patience: Duration,
) {
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let stop = async move {
        stop.await;
        // Nobody listens if serving has ended by itself.
        let _ = stopping.send(());
    };
    let too_late = async move {
        match stopped.await {
            Ok(()) => tokio::time::sleep(patience).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = serve(listener, router, options, stop) => {}
        () = too_late => tracing::warn!("what was still under way is cut off"),
    }
}
