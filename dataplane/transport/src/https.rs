//! An axum router behind TLS, on one listener.
//!
//! Guarantees: a certificate that is swapped counts from the next connection on and leaves
//! the open ones alone; a peer that is slow in its handshake or its request costs the others
//! nothing and is cut off after [`HANDSHAKE_TIMEOUT`]; at most [`MAX_CONNECTIONS`] are open,
//! more are closed at once. WebSockets outlive a stop: they belong to who took them over.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::tls::Member;
use crate::{HANDSHAKE_TIMEOUT, socket};

/// Connections open on one listener at a time, handshakes included.
pub const MAX_CONNECTIONS: usize = 16_384;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;
/// How long requests may still run once the server is asked to stop.
const GRACE: Duration = Duration::from_secs(5);
/// After a failed accept (no file descriptors left) the next try waits, or it would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who sent a request: an extension of every one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub addr: SocketAddr,
    /// What its certificate says it is; `None` without certificate or with one that has no role.
    pub member: Option<Member>,
}

/// What happened on a listener so far. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Counters(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    opened: AtomicU64,
    garbage: AtomicU64,
    refused: AtomicU64,
}

impl Counters {
    /// Connections whose handshake succeeded.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.0.opened.load(Ordering::Relaxed)
    }

    /// Connections that sent no good handshake in time: wrong bytes, no certificate, silence.
    #[must_use]
    pub fn garbage(&self) -> u64 {
        self.0.garbage.load(Ordering::Relaxed)
    }

    /// Connections closed because [`MAX_CONNECTIONS`] were open.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

/// Serves until `stop`; then lets running requests finish, for 5 s at most.
pub async fn serve(
    listener: TcpListener,
    tls: watch::Receiver<Arc<ServerConfig>>,
    app: Router,
    stop: CancellationToken,
) {
    serve_counted(listener, tls, app, stop, Counters::default()).await;
}

/// As [`serve`], counting in `counters`.
pub async fn serve_counted(
    listener: TcpListener,
    tls: watch::Receiver<Arc<ServerConfig>>,
    app: Router,
    stop: CancellationToken,
    counters: Counters,
) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let open = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, addr) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accepting a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            counters.0.refused.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.borrow()));
        let (app, stop, counters) = (app.clone(), stop.clone(), counters.clone());
        open.spawn(async move {
            let _place = place;
            tokio::select! {
                () = connection(stream, addr, acceptor, app, &stop, &counters) => {}
                () = overdue(&stop) => {}
            }
        });
    }
    drop(listener);
    open.close();
    open.wait().await;
}

/// Ends when no request has begun in time. HTTP/1 has its own limit for each; HTTP/2 would
/// wait for the connection's preface for ever.
async fn never_begun(begun: &CancellationToken) {
    if timeout(HANDSHAKE_TIMEOUT, begun.cancelled()).await.is_ok() {
        pending::<()>().await;
    }
}

/// Ends when a stop has lasted longer than [`GRACE`].
async fn overdue(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

async fn connection(
    stream: TcpStream,
    addr: SocketAddr,
    acceptor: TlsAcceptor,
    app: Router,
    stop: &CancellationToken,
    counters: &Counters,
) {
    if let Err(error) = socket::tune(&stream) {
        tracing::debug!(%addr, %error, "socket options");
    }
    let tls = match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(tls)) => tls,
        failed => {
            counters.0.garbage.fetch_add(1, Ordering::Relaxed);
            let reason = failed.map_or("too slow".to_owned(), |failed| {
                failed.map_or_else(|error| error.to_string(), |_| String::new())
            });
            tracing::debug!(%addr, %reason, "TLS handshake");
            return;
        }
    };
    counters.0.opened.fetch_add(1, Ordering::Relaxed);
    let peer = Peer {
        addr,
        member: member(&tls),
    };
    requests(tls, peer, app, stop).await;
}

fn member(tls: &TlsStream<TcpStream>) -> Option<Member> {
    let (_, session) = tls.get_ref();
    Member::of(session.peer_certificates()?.first()?)
}

async fn requests(tls: TlsStream<TcpStream>, peer: Peer, app: Router, stop: &CancellationToken) {
    let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let addr = peer.addr;
    let begun = CancellationToken::new();
    let first_request = begun.clone();
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let app = app.clone();
        first_request.cancel();
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(peer.clone());
        async move {
            Ok::<_, Infallible>(
                app.oneshot(request)
                    .await
                    .unwrap_or_else(|never| match never {}),
            )
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(HANDSHAKE_TIMEOUT)
        .keep_alive_timeout(HANDSHAKE_TIMEOUT);
    // By ALPN: looking at the first bytes instead would wait for them without a limit.
    let builder = if http2 {
        builder.http2_only()
    } else {
        builder.http1_only()
    };
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(tls), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = never_begun(&begun) => return tracing::debug!(%addr, "no request came"),
    };
    if let Err(error) = ended {
        tracing::debug!(%addr, %error, "HTTP connection");
    }
}
