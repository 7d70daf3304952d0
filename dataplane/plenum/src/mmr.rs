//! `plenum mmr`: a media router.
//!
//! | file | idea |
//! |---|---|
//! | `doors` | the HTTPS paths that clients come in by: control channel, rung `tls` |
//! | `addresses` | where clients reach it, as somebody writes it into a file |
//! | `links` | a link to every controller, each on its own |
//! | `engine` | the one thread that owns the [`Shard`](plenum_router::Shard): in, decide, out |
//! | [`media_path`] | the part of in and out that is media |
//! | `happenings` | the rest of what happens, on its way to that thread |
//! | `metrics` | what Prometheus sees |
//!
//! Media is forwarded by threads of its own, without an async runtime; all else runs on one
//! current-thread runtime. `/livez` looks at the thread that decides. Nothing here waits for
//! a controller: with all of them away the router forwards on, and stays healthy.

mod addresses;
mod doors;
mod engine;
mod happenings;
mod links;
pub mod media_path;
mod metrics;

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use plenum_transport::tls::{Files, Identity, Loaded, server_config};
use plenum_transport::{https, media, socket};
use plenum_wire::join::Endpoint;
use plenum_wire::{Boot, PoolName, RouterId};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::health::Health;
use engine::Engine;
use happenings::Happenings;

pub use crate::controllers::Host;
pub use engine::Status;

/// HTTP protocols of the HTTPS port. WebSockets need only the first version.
const ALPN: [&[u8]; 1] = [b"http/1.1"];

/// How long to wait for a router that leaves the same ports: longer than it has at a forced
/// deletion (2 s), shorter than anybody looks for a port that another program has taken.
const PREDECESSOR: Duration = Duration::from_secs(20);
/// A thread that has said nothing for so long does not forward either. It says how it is every
/// quarter of a second.
const DEAF: Duration = Duration::from_secs(5);
/// Between two looks at its port.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The command line of `plenum mmr`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// This router's name; in Kubernetes the name of its pod
    #[arg(long, value_name = "NAME", env = "PLENUM_ROUTER")]
    pub router: RouterId,
    /// The pool it belongs to: <namespace>.<name>
    #[arg(long, value_name = "NS.NAME", env = "PLENUM_POOL")]
    pub pool: PoolName,
    /// Where the zone's controllers take links; every address of the name is dialled
    #[arg(long, value_name = "HOST:PORT")]
    pub controllers: Host,
    /// Directory with tls.crt, tls.key and ca.crt of the zone's authority, for the links
    #[arg(long, value_name = "DIR")]
    pub link_tls: PathBuf,
    /// Addresses under which clients reach this router, the preferred first
    #[arg(
        long,
        value_name = "IP[,IP]",
        value_delimiter = ',',
        required_unless_present = "address_file",
        env = "PLENUM_ADDRESS"
    )]
    pub address: Vec<IpAddr>,
    /// A file with these addresses, in the place of --address; the router follows it, and waits
    /// while it is empty
    #[arg(long, value_name = "FILE", conflicts_with = "address")]
    pub address_file: Option<PathBuf>,
    /// Control channels and media over WebSocket
    #[arg(long, value_name = "ADDR", default_value = "[::]:443")]
    pub https: SocketAddr,
    /// Media over QUIC (UDP) and TLS (TCP)
    #[arg(long, value_name = "ADDR", default_value = "[::]:8801")]
    pub media: SocketAddr,
    /// Plain HTTP: /livez, /readyz, /metrics
    #[arg(long, value_name = "ADDR", default_value = "[::]:9808")]
    pub health: SocketAddr,
    /// Participants to take at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub participants: u32,
    /// After SIGTERM, how long the meetings have to move elsewhere
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub drain_deadline: u64,
    /// Threads that media is spread over; the first also decides
    #[arg(long, value_name = "N", default_value_t = NonZeroU8::MIN, env = "PLENUM_CORES")]
    pub cores: NonZeroU8,
}

/// What a router needs to know; [`Args`] from a command line, or from `plenum serve`.
pub struct Config {
    /// Its name.
    pub router: RouterId,
    /// Its pool.
    pub pool: PoolName,
    /// Where clients reach it; followed when that changes. No address: it is not known yet, and no
    /// controller hears of the router until it is.
    pub addresses: watch::Receiver<Vec<IpAddr>>,
    /// The port on which [`Mmr::app`] is served.
    pub https_port: u16,
    /// Where media comes in, UDP and TCP. Port 0: any that is free for both.
    pub media: SocketAddr,
    /// What clients pin, on all ports.
    pub identity: Identity,
    /// Participants at most.
    pub capacity: u32,
    /// The controllers.
    pub controllers: Host,
    /// Certificate and trust of the links; followed when they change.
    pub link_tls: watch::Receiver<Loaded>,
    /// How long a stop waits for the meetings to move away.
    pub drain_deadline: Duration,
    /// Threads that media is spread over.
    pub cores: NonZeroU8,
}

/// A running router.
pub struct Mmr {
    /// `GET /v1/control` and `GET /v1/media`, to be served with [`https::serve`] on
    /// [`Config::https_port`] and with the identity of [`Config::identity`].
    pub app: axum::Router,
    /// Where clients reach it, as far as that was known at its start.
    pub endpoint: Endpoint,
    status: watch::Receiver<Status>,
    engine: oneshot::Receiver<std::io::Result<()>>,
}

impl Mmr {
    /// How it is, some moments ago.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Adds the router's metrics. `https` counts the listener that serves [`Mmr::app`].
    pub fn register(&self, registry: &mut Registry, https: https::Counters) {
        let collector = metrics::Metrics::new(self.status(), https);
        registry.register_collector(Box::new(collector));
    }

    /// Waits until it has left after a stop: empty, or at the drain deadline.
    pub async fn finished(self) -> anyhow::Result<()> {
        let ended = self.engine.await.context("the router's thread broke")?;
        ended.context("the router's thread failed")
    }
}

/// Starts a router: its media on threads of their own, the rest on the current runtime. `stop`
/// makes it drain and then leave.
pub fn start(config: Config, stop: CancellationToken) -> anyhow::Result<Mmr> {
    let (switch, streams) = media::Switch::bind(&media::Config {
        udp: config.media,
        tcp: config.media,
        identity: config.identity.clone(),
        cores: config.cores,
    })
    .with_context(|| format!("cannot listen on the media port {}", config.media))?;
    let endpoint = Endpoint {
        addresses: config.addresses.borrow().clone(),
        https_port: config.https_port,
        media_port: switch.udp_address()?.port(),
        fingerprint: config.identity.fingerprint(),
    };
    let waker = switch.waker();
    let (happenings, happened) = Happenings::new(waker.clone());
    let app = doors::app(streams, happenings.clone(), config.capacity);
    let ended = CancellationToken::new();
    let links = links::run(
        config.controllers,
        config.link_tls,
        config.addresses,
        happenings,
        ended.clone(),
    );
    tokio::spawn(links);
    let shard = plenum_router::Config {
        router: config.router,
        pool: config.pool,
        boot: Boot(rand::random()),
        endpoint: endpoint.clone(),
        capacity: config.capacity,
    };
    let (engine, status) = Engine::new(shard, switch);
    let (tell, told) = oneshot::channel();
    let stopped = stop.clone();
    std::thread::Builder::new()
        .name("media-0".into())
        .spawn(move || {
            let result = engine.run(happened, &stopped, config.drain_deadline);
            ended.cancel();
            // Nobody asks any more.
            let _ = tell.send(result);
        })?;
    tokio::spawn(async move {
        stop.cancelled().await;
        waker.wake();
    });
    Ok(Mmr {
        app,
        endpoint,
        status,
        engine: told,
    })
}

/// `plenum mmr`, until `stop` and the drain after it. To be run on a current-thread runtime.
pub async fn run(args: Args, stop: CancellationToken) -> anyhow::Result<()> {
    let health_port = after_predecessor(args.health)
        .await
        .with_context(|| format!("cannot listen on the health port {}", args.health))?;
    let listener = socket::listen(args.https)
        .with_context(|| format!("cannot listen on the HTTPS port {}", args.https))?;
    let https_port = listener.local_addr()?.port();
    let identity = Identity::self_signed(&[args.router.to_string()])?;
    let link_tls = Files::new(&args.link_tls)
        .watch()
        .with_context(|| format!("--link-tls {}", args.link_tls.display()))?;
    let addresses = match args.address_file {
        Some(file) => addresses::follow(file),
        // These never change.
        None => watch::channel(args.address).1,
    };
    let config = Config {
        router: args.router,
        pool: args.pool,
        addresses: addresses.clone(),
        https_port,
        media: args.media,
        identity: identity.clone(),
        capacity: args.participants,
        controllers: args.controllers,
        link_tls,
        drain_deadline: Duration::from_secs(args.drain_deadline),
        cores: args.cores,
    };
    let mmr = start(config, stop)?;
    let counters = https::Counters::default();
    let mut registry = Registry::default();
    mmr.register(&mut registry, counters.clone());
    let status = mmr.status();
    let health = Health::new(registry).while_alive(move || status.borrow().at.elapsed() < DEAF);
    tokio::spawn(ready_when_known(health.clone(), addresses));
    let closing = CancellationToken::new();
    // The sender lives as long as the listener: this certificate never changes.
    let (_certificate, tls) = watch::channel(server_config(&identity, None, &ALPN)?);
    let app = mmr.app.clone();
    let serving = tokio::spawn(https::serve_counted(
        listener,
        tls,
        app,
        closing.clone(),
        counters,
    ));
    let health = tokio::spawn({
        let closing = closing.clone();
        async move { health.serve_on(health_port, closing).await }
    });
    tracing::info!(endpoint = ?mmr.endpoint, "router open");
    let finished = mmr.finished().await;
    closing.cancel();
    let ended = tokio::join!(serving, health);
    finished?;
    ended.0.context("the HTTPS port failed")?;
    ended
        .1
        .unwrap_or_else(|failed| Err(anyhow!("the health port failed: {failed}")))
}

/// Not before anybody can be told where the router is.
async fn ready_when_known(health: Health, mut addresses: watch::Receiver<Vec<IpAddr>>) {
    health.set_unready("it waits for the addresses at which clients reach it");
    if addresses.wait_for(|all| !all.is_empty()).await.is_ok() {
        health.set_ready(true);
    }
}

/// A pod that is deleted by force is replaced while its router still leaves, on the same
/// node and ports. The health port is the last that a router closes: when it is free, all are.
async fn after_predecessor(health: SocketAddr) -> std::io::Result<TcpListener> {
    let patience = tokio::time::Instant::now() + PREDECESSOR;
    loop {
        match socket::listen(health) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                if tokio::time::Instant::now() >= patience {
                    return Err(error);
                }
                tracing::warn!(
                    port = health.port(),
                    "waiting for the router before this one"
                );
            }
            bound => return bound,
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
