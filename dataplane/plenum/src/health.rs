//! The health port of a role: `/livez`, `/readyz` and `/metrics`, plain HTTP.
//!
//! `/livez` answers 200 as long as the process's own event loop runs, and what else the role says
//! it lives by ([`Health::while_alive`]); it depends on nothing outside: a router must not be restarted because a controller is away. `/readyz` answers what
//! [`Health::set_ready`] was told last; it begins with 503.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use plenum_transport::socket;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The `OpenMetrics` text format of `/metrics`.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// What a role says about itself. A handle: clones are the same.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

type Alive = Box<dyn Fn() -> bool + Send + Sync>;

struct Inner {
    ready: AtomicBool,
    /// Why it is not, if the role said so.
    why: Mutex<String>,
    alive: Alive,
    registry: Registry,
}

impl Health {
    /// Not ready yet; `registry` holds the role's metrics.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self(Arc::new(Inner {
            ready: AtomicBool::new(false),
            why: Mutex::default(),
            alive: Box::new(|| true),
            registry,
        }))
    }

    /// `/livez` answers 503 while `alive` says no. To be called before the handle is cloned.
    #[must_use]
    pub fn while_alive(self, alive: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let alone = Arc::into_inner(self.0).expect("the handle was not cloned");
        Self(Arc::new(Inner {
            alive: Box::new(alive),
            ..alone
        }))
    }

    /// What `/readyz` answers from now on.
    pub fn set_ready(&self, ready: bool) {
        self.0.ready.store(ready, Ordering::Relaxed);
    }

    /// `/readyz` answers 503 from now on, and why.
    pub fn set_unready(&self, why: impl Into<String>) {
        *self.0.why.lock().unwrap_or_else(PoisonError::into_inner) = why.into();
        self.set_ready(false);
    }

    /// What `/readyz` answers.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }

    /// The three paths, for a role that serves them on a port of another kind.
    pub fn app(&self) -> Router {
        Router::new()
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self.clone())
    }

    /// Serves the health port until `stop`. Port 0 takes any; the one taken is in the log.
    pub async fn serve(&self, addr: SocketAddr, stop: CancellationToken) -> anyhow::Result<()> {
        self.serve_with(addr, Router::new(), stop).await
    }

    /// [`Health::serve`] with more paths, for the same eyes.
    pub async fn serve_with(
        &self,
        addr: SocketAddr,
        more: Router,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let listener = socket::listen(addr)
            .with_context(|| format!("cannot listen on the health port {addr}"))?;
        tracing::info!(address = %listener.local_addr()?, "health port open");
        serve_app(listener, self.app().merge(more), stop).await
    }

    /// [`Health::serve`] on a port that is open already.
    pub async fn serve_on(
        &self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        serve_app(listener, self.app(), stop).await
    }
}

async fn serve_app(
    listener: TcpListener,
    app: Router,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    axum::serve(listener, app)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .context("the health port failed")
}

async fn livez(State(health): State<Health>) -> Response {
    if (health.0.alive)() {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "stuck\n").into_response()
    }
}

async fn readyz(State(health): State<Health>) -> Response {
    if health.ready() {
        "ready\n".into_response()
    } else {
        let why = health.0.why.lock().unwrap_or_else(PoisonError::into_inner);
        let said = match why.as_str() {
            "" => "not ready\n".to_owned(),
            why => format!("not ready: {why}\n"),
        };
        (StatusCode::SERVICE_UNAVAILABLE, said).into_response()
    }
}

async fn metrics(State(health): State<Health>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &health.0.registry) {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
