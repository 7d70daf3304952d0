//! `plenum zc`: a zone controller. Wiring only: `plenum-zone` decides.
//!
//! | file | what it connects |
//! |---|---|
//! | `api` | clients: `GET /v1/ping`, `POST /v1/meetings/{id}/join` |
//! | `links` | routers, tunnels and the operator: `/v1/link` |
//! | `core` | the one task that owns the broker, and what others ask of it |
//! | `admit` | the directory's tokens, the zone's own tickets |
//! | `keys` | the signing keys of the zone, as they are renewed |
//! | `offers` | tickets with their random flow ids |
//! | `outward` | the directory: what it is told, and the keys it tells |
//! | `metrics` | what Prometheus is told |
//! | `whereabouts` | which meetings are where, on the health port |
//!
//! A controller keeps nothing that it could lose: restarted, it hears everything again
//! within one round trip of its routers' connecting.

mod admit;
mod api;
mod core;
mod keys;
mod links;
mod metrics;
mod offers;
mod outward;
mod problem;
mod whereabouts;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use plenum_transport::tls::Files;
use plenum_transport::{https, socket};
use plenum_wire::{MeetingId, ZoneName};
use plenum_zone::admission::Admission;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::health::Health;
pub use admit::Directory;
pub use core::Task;
pub use keys::KeyRing;
pub use outward::Outward;

/// From "no longer ready" to closing the ports: until every kube-proxy has taken this
/// controller out of its Service, new connections still arrive. 1 s is usual, 3 s is plenty.
const LAST_CALL: Duration = Duration::from_secs(3);
/// A controller with no router is ready all the same after this long: a zone without routers
/// answers that it has none, which says more than a refused connection.
const READY_AFTER: Duration = Duration::from_secs(5);
/// HTTP versions offered to clients.
const HTTP: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// WebSockets are HTTP/1.1 here.
const HTTP1: [&[u8]; 1] = [b"http/1.1"];

/// What a controller needs to know.
pub struct Config {
    /// The zone.
    pub zone: ZoneName,
    /// This controller's name, for logs.
    pub name: String,
    /// The zone's signing keys; see [`KeyRing::watch`].
    pub keys: watch::Receiver<KeyRing>,
    /// Who may join.
    pub admission: Admission,
    /// The directory's public keys, with [`Admission::Directory`].
    pub directory: Directory,
    /// Where clients reach the zone's controllers, `https://HOST[:PORT]` each: for tunnels.
    pub public: Vec<String>,
    /// Tells the directory about the zone, where there is one.
    pub outward: Option<Outward>,
}

/// A controller that runs.
pub struct Zc {
    /// The public API. To be served by [`plenum_transport::https`], which says who asks.
    pub app: axum::Router,
    /// The zone link, [`plenum_wire::link::LINK_PATH`]. To be served over mTLS by
    /// [`plenum_transport::https`], which tells routers and operators apart.
    pub links: axum::Router,
    /// Which meetings are where: ids and numbers, for the health port.
    pub whereabouts: axum::Router,
    /// Becomes true when a router is connected, or 5 s after the start.
    pub ready: watch::Receiver<bool>,
    /// What all of it rests on: to be watched with [`Task::failed`].
    pub broker: Task,
}

/// Starts a controller on the current runtime; it ends with `stop`. Its metrics are
/// registered in `registry`.
#[must_use]
pub fn start(config: Config, registry: &mut Registry, stop: CancellationToken) -> Zc {
    let metrics = metrics::Metrics::new(registry);
    let core::Running {
        ask,
        ready,
        changed,
        task: broker,
    } = core::start(config.keys.clone(), metrics.clone(), stop.clone());
    if let Some(outward) = config.outward {
        let (ask, metrics) = (ask.clone(), metrics.clone());
        let directory = config.directory.clone();
        tokio::spawn(outward.run(ask, changed, directory, metrics, stop.clone()));
    }
    let about = links::About {
        zone: config.zone,
        name: config.name,
        public: config.public,
        directory: config.directory.clone(),
    };
    let whereabouts = whereabouts::app(ask.clone());
    let app = api::app(api::Door {
        ask: ask.clone(),
        admission: config.admission,
        directory: config.directory,
        keys: config.keys.clone(),
        metrics: metrics.clone(),
    });
    let links = links::app(links::Gate::new(about, ask, config.keys, metrics, stop));
    Zc {
        app,
        links,
        whereabouts,
        ready,
        broker,
    }
}

/// The command line of `plenum zc`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The zone's name: `<namespace>.<name>` in Kubernetes.
    #[arg(long, env = "PLENUM_ZONE")]
    zone: ZoneName,
    /// This controller's name, for logs: the pod's.
    #[arg(long, env = "PLENUM_NAME", default_value = "zc")]
    name: String,
    /// Where clients ask, HTTPS.
    #[arg(long, default_value = "[::]:8443")]
    listen: SocketAddr,
    /// Where routers and the operator connect, HTTPS with client certificates.
    #[arg(long, default_value = "[::]:9443")]
    link: SocketAddr,
    /// Where /livez, /readyz and /metrics are, plain HTTP.
    #[arg(long, default_value = "[::]:8080")]
    health: SocketAddr,
    /// Directory with tls.crt and tls.key: what clients see. Its ca.crt, if there is one, is what
    /// the directory tells them to trust.
    #[arg(long, value_name = "DIR")]
    tls: PathBuf,
    /// Directory with tls.crt, tls.key and ca.crt of the zone's own authority.
    #[arg(long, value_name = "DIR")]
    link_tls: PathBuf,
    /// Directory with the zone's signing keys, NAME.pem each (Ed25519 in PKCS #8): the last
    /// by name signs, all of them verify.
    #[arg(long, value_name = "DIR")]
    signing_key: PathBuf,
    /// Who may join: everybody, or who brings a token of the directory.
    #[arg(long, value_enum, default_value_t = AdmissionMode::Open)]
    admission: AdmissionMode,
    /// With `--admission open`: only these meetings, separated by commas.
    #[arg(long, value_name = "ID,ID", value_delimiter = ',')]
    meetings: Vec<MeetingId>,
    /// With `--admission directory`: the directory's public keys, a JWKS file. Not needed with
    /// `--directory`, which tells them; with both, either's are good.
    #[arg(long, value_name = "FILE")]
    directory_keys: Option<PathBuf>,
    #[command(flatten)]
    outward: outward::OutwardArgs,
}

/// Who may join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AdmissionMode {
    /// Everybody who can reach the zone.
    Open,
    /// Who brings a token of the directory.
    Directory,
}

impl AdmissionMode {
    /// With `meetings`, an open zone knows only those.
    #[must_use]
    pub fn with(self, zone: &ZoneName, meetings: &[MeetingId]) -> Admission {
        let listed: BTreeSet<MeetingId> = meetings.iter().cloned().collect();
        match self {
            Self::Directory => Admission::Directory { zone: zone.clone() },
            Self::Open => Admission::Open {
                meetings: (!listed.is_empty()).then_some(listed),
            },
        }
    }
}

/// Runs `plenum zc` until `stop` is cancelled, as by SIGTERM: then it is at once no longer
/// ready, answers for 3 s more, and closes.
pub async fn run(args: Args, stop: CancellationToken) -> anyhow::Result<()> {
    let public = socket::listen(args.listen)
        .with_context(|| format!("cannot listen for clients on {}", args.listen))?;
    let link = socket::listen(args.link)
        .with_context(|| format!("cannot listen for routers on {}", args.link))?;
    let public_tls = Files::new(&args.tls)
        .watch_server(false, &HTTP)
        .context("--tls")?;
    let link_tls = Files::new(&args.link_tls)
        .watch_server(true, &HTTP1)
        .context("--link-tls")?;
    tracing::info!(
        zone = %args.zone, name = args.name, clients = %public.local_addr()?,
        links = %link.local_addr()?, "zone controller starts"
    );
    let mut registry = Registry::default();
    let end = CancellationToken::new();
    let zc = start(config(&args)?, &mut registry, end.clone());
    let counted = metrics::Listeners::new(&mut registry);
    let health = Health::new(registry);
    let serving = async {
        tokio::join!(
            follow(zc.ready, health.clone(), stop.clone()),
            https::serve_counted(public, public_tls, zc.app, end.clone(), counted.public),
            https::serve_counted(link, link_tls, zc.links, end.clone(), counted.link),
            close(&health, &stop, &end),
        );
        Ok(())
    };
    let probes = health.serve_with(args.health, zc.whereabouts, end.clone());
    // Without its health port a controller would be restarted anyway, with less to read.
    let failing = async {
        probes.await?;
        std::future::pending::<anyhow::Result<()>>().await
    };
    tokio::select! {
        ended = serving => ended,
        failed = failing => failed,
        // It starts anew, and hears everything again.
        failed = zc.broker.failed(&end) => Err(failed),
    }
}

/// The end: out of the Service first, then the last callers, then the ports.
async fn close(health: &Health, stop: &CancellationToken, end: &CancellationToken) {
    stop.cancelled().await;
    health.set_ready(false);
    tracing::info!("zone controller stops");
    tokio::time::sleep(LAST_CALL).await;
    end.cancel();
}

fn config(args: &Args) -> anyhow::Result<Config> {
    let outward = args.outward.read(&args.zone, &args.name, &args.tls)?;
    if args.admission == AdmissionMode::Directory
        && outward.is_none()
        && args.directory_keys.is_none()
    {
        bail!(
            "--admission directory needs the directory's keys: give --directory or --directory-keys"
        );
    }
    let directory = match &args.directory_keys {
        Some(file) => Directory::from_file(file)?,
        None => Directory::default(),
    };
    Ok(Config {
        zone: args.zone.clone(),
        name: args.name.clone(),
        keys: KeyRing::watch(&args.signing_key)?,
        admission: args.admission.with(&args.zone, &args.meetings),
        directory,
        public: args.outward.public()?,
        outward,
    })
}

/// Passes readiness on until the end is near.
async fn follow(mut ready: watch::Receiver<bool>, health: Health, stop: CancellationToken) {
    let became_ready = ready.wait_for(|ready| *ready);
    tokio::select! {
        () = stop.cancelled() => {}
        became = became_ready => health.set_ready(became.is_ok()),
    }
}
