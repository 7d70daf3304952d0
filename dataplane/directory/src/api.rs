//! The directory's HTTP API. [`Directory`] is what all handlers share; [`app`] is the router.
//!
//! | file | what it answers or does |
//! |---|---|
//! | `lookups` | `POST /v1/lookup`: the start of every join |
//! | `offers`, `placing` | the zones that it names, and the one where a meeting begins |
//! | `sessions`, `api_tokens`, `logins` | signing in and out, tokens for programs |
//! | `me`, `users`, `people` | accounts |
//! | `meetings`, `meeting_view`, `waiting` | meetings, and who waits before them |
//! | `zones`, `reports` | the registry of zones, and what they say of themselves |
//! | `replica` | the feed for replicas, and their keys |
//! | `well_known` | public keys, OpenAPI document, rendered docs |
//! | `auth`, `address`, `guesses`, `limits` | who asks, from where, and how often |
//! | `passwords`, `password_guesses` | argon2id, off the threads that serve others; and who tries |
//! | `extract`, `etag`, `paging`, `problem`, `request` | how requests are read and errors written |
//! | `board`, `boards`, `clock`, `upkeep` | what is kept in memory, and renewed: zones, reports, signing keys, meetings that ended, who is expected soon |
//! | `endings` | what zones are told of meetings that were ended |
//! | `unused` | instant meetings that nobody uses, and how they are told |
//! | `expected` | to which zone people of meetings that are known ahead will come |
//! | `metrics` | what Prometheus is told |
//!
//! Guarantees: every error is an `application/problem+json`; every list has an end and comes
//! in pages; every request has a size, a rate and a time limit. While the database is away the
//! answer is 503 with `Retry-After`. Nothing is logged at info that names a person.

mod address;
mod api_tokens;
mod auth;
mod board;
mod boards;
mod clock;
mod endings;
mod etag;
mod expected;
mod extract;
mod guesses;
mod limits;
mod logins;
mod lookups;
mod me;
mod meeting_view;
mod meetings;
mod metrics;
mod offers;
mod paging;
mod password_guesses;
mod passwords;
mod people;
mod placing;
mod problem;
mod replica;
mod reports;
mod request;
mod sessions;
mod unused;
mod upkeep;
mod users;
mod waiting;
mod well_known;
mod zones;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use plenum_wire::ZoneName;
use plenum_wire::directory::Denial;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::geo::GeoFile;
use crate::model::Revision;
use crate::store::{self, Store};
use crate::tokens::KeyRing;
use board::Board;
use boards::Boards;
use clock::Clock;
use limits::Limits;
use metrics::Metrics;
use passwords::Passwords;
use placing::Placing;
use problem::Problem;

pub use auth::{API_TOKEN, ZONE_CREDENTIAL};
pub use replica::ReplicaKeys;
pub use unused::{INSTANT_MEETINGS_KEPT_DAYS, kept_for_days};
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
    /// How long instant meetings are kept that nobody uses; for ever, if `None`.
    pub instant_meetings_kept: Option<SignedDuration>,
}

impl Config {
    /// Nothing but its name: no proxy is believed, and addresses are nowhere.
    #[must_use]
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            trusted_proxies: Vec::new(),
            geo: None,
            read_only: false,
            instant_meetings_kept: kept_for_days(INSTANT_MEETINGS_KEPT_DAYS),
        }
    }
}

/// A directory: its database, and what it keeps in memory. A handle: clones are the same.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    config: Config,
    store: Store,
    boards: Boards,
    clock: RwLock<Option<Clock>>,
    keys: RwLock<Option<Arc<KeyRing>>>,
    limits: Limits,
    passwords: Passwords,
    placing: Placing,
    metrics: Metrics,
    changed: Notify,
    heard: Notify,
}

impl Directory {
    /// A directory on this database, which knows nothing of its zones and keys yet: see
    /// [`keep_up`]. Its metrics are registered in `registry`.
    #[must_use]
    pub fn new(config: Config, store: Store, registry: &mut Registry) -> Self {
        Self(Arc::new(Inner {
            config,
            store,
            boards: Boards::default(),
            clock: RwLock::default(),
            keys: RwLock::default(),
            limits: Limits::default(),
            passwords: Passwords::default(),
            placing: Placing::default(),
            metrics: Metrics::new(registry),
            changed: Notify::new(),
            heard: Notify::new(),
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

    fn placing(&self) -> &Placing {
        &self.0.placing
    }

    fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Zones, keys or endings are others in the database now: they are read again at once.
    pub fn look_again(&self) {
        self.0.changed.notify_one();
    }

    /// Zones that take people.
    #[must_use]
    pub fn healthy_zones(&self) -> usize {
        self.board().counts(self.time()).healthy
    }

    /// Throws away what is old, a piece of it; says how many rows. [`keep_up`] does so every
    /// minute.
    pub async fn sweep(&self) -> Result<u64, store::Error> {
        // What the database dates by its own clock is not judged by another one.
        let time = self.store().time().await?;
        let rows = self.store().tidy(time).await?;
        Ok(rows + self.delete_unused_meetings(time).await?)
    }

    /// Told by [`Directory::look_again`].
    fn changed(&self) -> &Notify {
        &self.0.changed
    }

    /// Told whenever a zone has reported here.
    fn heard(&self) -> &Notify {
        &self.0.heard
    }

    /// This process has made, changed or removed a zone: that was the change of this number.
    fn zone_changed(&self, zone: &ZoneName, revision: Revision) {
        self.0.boards.has_changed(zone, revision);
        self.look_again();
    }

    fn boards(&self) -> &Boards {
        &self.0.boards
    }

    fn board(&self) -> Arc<Board> {
        self.0.boards.current()
    }

    /// What time it is: by the database's clock, which all processes go by, or by this one's
    /// own until that was read once.
    fn time(&self) -> Timestamp {
        let clock = *self.0.clock.read().unwrap_or_else(PoisonError::into_inner);
        clock.map_or_else(Timestamp::now, |clock| clock.time(Instant::now()))
    }

    fn set_clock(&self, clock: Clock) {
        *self.0.clock.write().unwrap_or_else(PoisonError::into_inner) = Some(clock);
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
        .routes(routes!(logins::end_all))
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
