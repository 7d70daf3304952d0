//! An axum router behind TLS, on one listener.
//!
//! Guarantees: a certificate that is swapped counts from the next connection on and leaves
//! the open ones alone; a peer that is slow in its handshake or the head of its request costs
//! the others nothing and is cut off after [`HANDSHAKE_TIMEOUT`], a request that is not
//! answered, body and all, after [`REQUEST_TIMEOUT`], a connection that is not used after
//! [`IDLE_TIMEOUT`]; at most [`MAX_CONNECTIONS`] are open, [`PER_ADDRESS`] of them from one
//! address, which opens them no faster than [`ACCEPTS`]: more are closed at once. A request
//! that a proxy before us may read as another one is refused, or is the last of its connection;
//! who is refused while they still send hears why. An answer has to be whole when its handler
//! returns. WebSockets are free of all this once they are open, and outlive a stop: they belong
//! to who took them over.

mod places;
mod requests;
mod rest;
mod strict;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderValue, StatusCode, Version};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::marking::Marked;
pub use crate::marking::Marker;
use crate::rate::{Rate, RateLimit};
use crate::tls::Member;
use crate::{HANDSHAKE_TIMEOUT, socket};
use places::Places;
use requests::Requests;
use rest::{Lent, Rest};
use strict::{Standing, standing};

/// Connections open on one listener at a time, handshakes included.
pub const MAX_CONNECTIONS: usize = 16_384;
/// Of these, from one address (of IPv6, one /64). A company of some thousands may sit behind
/// one address, and each of its people has one connection for some seconds; a quarter of all
/// leaves room for others. Those that became WebSockets do not count.
pub const PER_ADDRESS: usize = MAX_CONNECTIONS / 4;
/// Connections that one address opens. A controller lets 2,000 people of one address in at
/// once and 200 a second; behind a firewall each needs four of a router's: its control channel
/// and three for media.
pub const ACCEPTS: Rate = Rate {
    burst: 8_000,
    per_second: 800,
};
/// From a request's head to its answer. Requests are 16 KiB at most, and a controller answers
/// within 2 s.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection on which no request began or ended for this long is closed. Who joins asks
/// once or twice within a second; the next time is minutes away.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest head of a request over HTTP/1, in bytes. The longest of ours hold a token.
const HEAD_BYTES: usize = 64 * 1_024;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;
/// How long requests may still run once the server is asked to stop.
const GRACE: Duration = Duration::from_secs(5);
/// After a failed accept (no file descriptors left) the next try waits, or it would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who sent a request: an extension of every one, as is the [`Marker`] of its connection.
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

    /// Connections closed because there were too many, or too many of their address.
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
    let places = Places::default();
    let mut accepts = RateLimit::new(ACCEPTS);
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
        let too_fast = accepts.take(addr.ip(), Instant::now()).is_err();
        let Some(place) = places.take(addr.ip()).filter(|_| !too_fast) else {
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
    let tls = match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream.into())).await {
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

fn member(tls: &TlsStream<Marked>) -> Option<Member> {
    let (_, session) = tls.get_ref();
    Member::of(session.peer_certificates()?.first()?)
}

/// Lets the app answer in time. Its answer to the opening of a WebSocket is quick, and what
/// follows is no request.
async fn answer(app: Router, request: Request) -> Response {
    let http1 = request.version() < Version::HTTP_2;
    let standing = standing(&request);
    if standing == Standing::Refused {
        return closing(StatusCode::BAD_REQUEST.into_response());
    }
    let Ok(answer) = timeout(REQUEST_TIMEOUT, app.oneshot(request)).await else {
        let late = StatusCode::REQUEST_TIMEOUT.into_response();
        // The rest of the body may still come (RFC 9110 section 15.5.9).
        return if http1 { closing(late) } else { late };
    };
    let answer = answer.unwrap_or_else(|never| match never {});
    match standing {
        Standing::Last => closing(answer),
        Standing::Plain | Standing::Refused => answer,
    }
}

fn closing(mut answer: Response) -> Response {
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(CONNECTION, close);
    answer
}

fn lent(request: hyper::Request<Incoming>) -> (hyper::Request<Lent>, Rest) {
    let (head, body) = request.into_parts();
    let (body, rest) = rest::lend(body);
    (hyper::Request::from_parts(head, body), rest)
}

async fn requests(tls: TlsStream<Marked>, peer: Peer, app: Router, stop: &CancellationToken) {
    let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let (addr, marker) = (peer.addr, tls.get_ref().0.marker());
    let requests = Requests::default();
    let begun = requests.clone();
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let (app, running) = (app.clone(), begun.begin());
        // Who waits to be asked for the body does not send it, and HTTP/2 has a way to say stop.
        let sends = !http2 && !request.headers().contains_key(EXPECT);
        let (request, rest) = lent(request);
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        request.extensions_mut().insert(marker.clone());
        async move {
            let answer = answer(app, request).await;
            if sends && answer.status() != StatusCode::REQUEST_TIMEOUT {
                rest.discard().await;
            }
            drop(running);
            Ok::<_, Infallible>(answer)
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .max_buf_size(HEAD_BYTES)
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
        () = requests.none() => {
            connection.as_mut().graceful_shutdown();
            // Who does not read either is not waited for.
            let Ok(ended) = timeout(HANDSHAKE_TIMEOUT, connection).await else {
                return tracing::debug!(%addr, "unused");
            };
            ended
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%addr, %error, "HTTP connection");
    }
}
