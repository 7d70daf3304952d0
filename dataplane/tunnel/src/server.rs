//! The tunnel as an axum router, and what runs behind it.

use std::sync::Mutex;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use http::header::CACHE_CONTROL;
use http::{Method, StatusCode};
use plenum_transport::https::Peer;
use plenum_transport::rate::RateLimit;
use plenum_wire::ZoneName;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::Admission;
use crate::connect::{connect, is_connect};
use crate::door::{Door, Inner, View};
use crate::forward::{FORWARD_PATH, forward};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::pacer::Pacer;
use crate::places::Places;
use crate::refusal::Refusal;

/// The clients' ping.
const PING_PATH: &str = "/v1/ping";

/// What a tunnel needs to know.
pub struct Config {
    /// Its zone.
    pub zone: ZoneName,
    /// Who may use it.
    pub admission: Admission,
    /// How much of it.
    pub limits: Limits,
    /// What may be reached, as it changes.
    pub view: watch::Receiver<View>,
    /// What is counted.
    pub metrics: Metrics,
}

/// A tunnel that runs.
pub struct Tunnel {
    /// To be served by [`plenum_transport::https`] with ALPN `http/1.1`, which says who asks.
    pub app: Router,
    running: TaskTracker,
    stop: CancellationToken,
}

/// Starts a tunnel on the current runtime.
#[must_use]
pub fn start(config: Config) -> Tunnel {
    let (running, stop) = (TaskTracker::new(), CancellationToken::new());
    let limits = config.limits;
    let requests = match config.admission {
        Admission::Open => limits.strangers,
        Admission::Directory(_) => limits.requests,
    };
    let pacer = Pacer::new(limits.rate);
    let turns = stop.clone().run_until_cancelled_owned(pacer.clone().run());
    tokio::spawn(turns);
    let door = Door::new(Inner {
        zone: config.zone,
        admission: config.admission,
        limits,
        view: config.view,
        metrics: config.metrics,
        places: Places::new(limits),
        requests: Mutex::new(RateLimit::new(requests)),
        pacer,
        running: running.clone(),
        stop: stop.clone(),
    });
    // A CONNECT has no path, so routes cannot tell.
    let app = Router::new().fallback(answer).with_state(door);
    Tunnel { app, running, stop }
}

impl Tunnel {
    /// Waits until the last connection has ended, but no longer than this; then ends those
    /// that are left. To be called when no more can come.
    pub async fn finish(self, deadline: Duration) {
        self.running.close();
        let left = self.running.len();
        tracing::info!(left, "waiting for connections to end");
        if timeout(deadline, self.running.wait()).await.is_err() {
            tracing::info!(left = self.running.len(), "ending connections");
        }
        self.stop.cancel();
        self.running.wait().await;
    }
}

async fn answer(
    State(door): State<Door>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let answered = match door.knock(peer.addr.ip()) {
        Ok(()) => choose(&door, &peer, request).await,
        Err(refusal) => Err(refusal),
    };
    answered.unwrap_or_else(|refusal| {
        door.metrics().refused(refusal.code());
        tracing::debug!(addr = %peer.addr, %refusal, "refused");
        refusal.into_response()
    })
}

async fn choose(door: &Door, peer: &Peer, request: Request) -> Result<Response, Refusal> {
    if is_connect(&request) {
        return Ok(connect(door, peer, request).await?.into_response());
    }
    let direct = request.uri().authority().is_none();
    match (request.method(), request.uri().path()) {
        (&Method::GET, PING_PATH) if direct => Ok(pong()),
        (&Method::GET, FORWARD_PATH) if direct => forward(door, peer, request).await,
        _ => Err(Refusal::NoSuchPath),
    }
}

/// As little as can be, so that its time is the network's.
fn pong() -> Response {
    ([(CACHE_CONTROL, "no-store")], StatusCode::NO_CONTENT).into_response()
}
