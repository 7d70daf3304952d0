//! The directory's HTTP API. [`Directory`] is what all handlers share; [`app`] is the router.
//!
//! | file | what it answers or does |
//! |---|---|
//! | `lookups` | `POST /v1/lookup`: the start of every join |
//! | `sessions`, `api_tokens`, `logins` | signing in and out, tokens for programs |
//! | `me`, `users` | accounts |
//! | `meetings`, `meeting_view`, `waiting` | meetings, and who waits before them |
//! | `zones`, `reports` | the registry of zones, and what they say of themselves |
//! | `replica` | the feed for replicas, and their keys |
//! | `well_known` | public keys, OpenAPI document, rendered docs |
//! | `auth`, `address`, `buckets`, `guesses`, `limits` | who asks, from where, and how often |
//! | `passwords`, `password_guesses` | argon2id, off the threads that serve others; and who tries |
//! | `extract`, `etag`, `paging`, `problem`, `request` | how requests are read and errors written |
//! | `board`, `upkeep` | what is kept in memory, and renewed: zones, reports, signing keys |
//! | `metrics` | what Prometheus is told |
//!
//! Guarantees: every error is an `application/problem+json`; every list has an end and comes
//! in pages; every request has a size, a rate and a time limit. While the database is away the
//! answer is 503 with `Retry-After`. Nothing is logged at info that names a person.

mod address;
mod api_tokens;
mod auth;
mod board;
mod buckets;
mod etag;
mod extract;
mod guesses;
mod limits;
mod logins;
mod lookups;
mod me;
mod meeting_view;
mod meetings;
mod metrics;
mod paging;
mod password_guesses;
mod passwords;
mod problem;
mod replica;
mod reports;
mod request;
mod sessions;
mod upkeep;
mod users;
mod waiting;
mod well_known;
mod zones;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use ipnet::IpNet;
use jiff::Timestamp;
use plenum_wire::directory::Denial;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::geo::GeoFile;
use crate::store::{self, Store};
use crate::tokens::KeyRing;
use board::Board;
use limits::Limits;
use metrics::Metrics;
use passwords::Passwords;
use problem::Problem;

pub use auth::{API_TOKEN, ZONE_CREDENTIAL};
pub use replica::ReplicaKeys;
pub use upkeep::{Readiness, keep_up};
pub use zones::USUAL_WEIGHT;

/// Longest body of a request in bytes; reports of zones have a limit of their own.
pub const BODY_BYTES: usize = 64 * 1_024;

/// What a directory needs to know beside its database.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its URL or name: `iss` of its tokens.
    pub issuer: String,
    /// Proxies of ours, whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where addresses are.
    pub geo: Option<GeoFile>,
    /// Answers, and changes nothing: see `plenum directory --replica-of`.
    pub read_only: bool,
}

/// A directory: its database, and what it keeps in memory. A handle: clones are the same.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    config: Config,
    store: Store,
    board: RwLock<Arc<Board>>,
    keys: RwLock<Option<Arc<KeyRing>>>,
    limits: Limits,
    passwords: Passwords,
    metrics: Metrics,
    changed: Arc<Notify>,
    /// Keys have changed, here or in the database.
    news: AtomicBool,
}

impl Directory {
    /// A directory on this database, which knows nothing of its zones and keys yet: see
    /// [`keep_up`]. Its metrics are registered in `registry`.
    #[must_use]
    pub fn new(config: Config, store: Store, registry: &mut Registry) -> Self {
        Self(Arc::new(Inner {
            config,
            store,
            board: RwLock::default(),
            keys: RwLock::default(),
            limits: Limits::default(),
            passwords: Passwords::default(),
            metrics: Metrics::new(registry),
            changed: Arc::default(),
            news: AtomicBool::new(false),
        }))
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    fn config(&self) -> &Config {
        &self.0.config
    }

    fn limits(&self) -> &Limits {
        &self.0.limits
    }

    fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Something else has changed the database: zones and keys are read again at once.
    pub fn look_again(&self) {
        self.0.news.store(true, Ordering::Release);
        self.0.changed.notify_one();
    }

    fn take_news(&self) -> bool {
        self.0.news.swap(false, Ordering::Acquire)
    }

    /// Zones that take people.
    #[must_use]
    pub fn healthy_zones(&self) -> usize {
        self.board().healthy(now()).0
    }

    /// Told whenever something of a zone has changed here.
    fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.0.changed)
    }

    fn board(&self) -> Arc<Board> {
        Arc::clone(&self.0.board.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_board(&self, board: Board) {
        *self.0.board.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(board);
    }

    /// The keys; until the database has been reached once there are none, and until a replica
    /// has had everything once.
    fn keys(&self) -> Result<Arc<KeyRing>, Problem> {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.clone().ok_or_else(|| Denial::Unavailable.into())
    }

    fn set_keys(&self, ring: KeyRing) {
        let ring = Some(Arc::new(ring));
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = ring;
    }

    /// What changes something asks this first.
    fn writable(&self) -> Result<(), Problem> {
        if self.config().read_only {
            return Err(Denial::ReadOnly.into());
        }
        Ok(())
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound { what } => {
                Self::from(Denial::NotFound).saying(format!("there is no such {what}"))
            }
            store::Error::Conflict { what } => Self::from(Denial::Conflict).saying(format!(
                "{what}: choose another name, or read it again and repeat the change"
            )),
            store::Error::Full { what } => Self::from(Denial::TooManyRequests)
                .saying(format!("{what}: there are as many as there may be")),
            store::Error::Unavailable(reason) => {
                tracing::warn!(reason, "the database is away");
                Denial::Unavailable.into()
            }
            store::Error::Corrupt(reason) => {
                tracing::error!(reason, "the database cannot be used");
                Denial::Unavailable.into()
            }
        }
    }
}

/// The OpenAPI document of [`app`], as JSON.
#[must_use]
pub fn openapi() -> String {
    written(&described().1)
}

fn written(document: &utoipa::openapi::OpenApi) -> String {
    document.to_pretty_json().expect("a document is plain data")
}

fn described() -> (Router<Directory>, utoipa::openapi::OpenApi) {
    let (routes, mut document) = routes().split_for_parts();
    well_known::with_problems(&mut document);
    (routes, document)
}

fn routes() -> OpenApiRouter<Directory> {
    let small = OpenApiRouter::with_openapi(well_known::Document::openapi())
        .routes(routes!(lookups::look_up))
        .routes(routes!(sessions::sign_in, sessions::list))
        .routes(routes!(sessions::sign_out))
        .routes(routes!(sessions::end))
        .routes(routes!(api_tokens::create, api_tokens::list))
        .routes(routes!(api_tokens::revoke))
        .routes(routes!(me::read, me::change))
        .routes(routes!(me::set_password))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::read, users::change, users::remove))
        .routes(routes!(users::set_password))
        .routes(routes!(meetings::list, meetings::create))
        .routes(routes!(meetings::read, meetings::change, meetings::remove))
        .routes(routes!(meetings::end))
        .routes(routes!(meetings::occurrences))
        .routes(routes!(waiting::list))
        .routes(routes!(waiting::decide))
        .routes(routes!(zones::list, zones::create))
        .routes(routes!(zones::read, zones::change, zones::remove))
        .routes(routes!(zones::renew_credential))
        .routes(routes!(replica::changes))
        .routes(routes!(replica::publish))
        .routes(routes!(well_known::jwks))
        .layer(DefaultBodyLimit::max(BODY_BYTES));
    let large = OpenApiRouter::new()
        .routes(routes!(reports::report))
        .layer(DefaultBodyLimit::max(reports::BODY_BYTES));
    small.merge(large)
}

/// The whole API. To be served by `plenum_transport::https`, which says who asks.
pub fn app(directory: Directory) -> Router {
    let (routes, document) = described();
    routes
        .merge(well_known::docs(&document))
        .method_not_allowed_fallback(request::wrong_method)
        .fallback(request::no_such_path)
        .layer(from_fn_with_state(directory.clone(), request::around))
        .with_state(directory)
}
