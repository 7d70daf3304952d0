//! `plenum ht`: a tunnel. Wiring only: `plenum-tunnel` decides and carries.
//!
//! | file | what it connects |
//! |---|---|
//! | `view` | what the controllers say, put together for the tunnel |
//!
//! A tunnel keeps nothing that it could lose. While all controllers are away it goes on with
//! what it heard last.

mod view;

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use plenum_transport::tls::Files;
use plenum_transport::{https, socket};
use plenum_tunnel::{Admission, Config, Limits, Metrics, Tunnel, View};
use plenum_wire::link::TUNNEL_SUBPROTOCOL;
use plenum_wire::{TunnelId, ZoneName};
use prometheus_client::registry::Registry;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::controllers::{Controllers, Host};
use crate::health::Health;
use crate::zc::{AdmissionMode, Directory};

/// HTTP/1.1 only: a connection carries one tunnel.
const HTTP1: [&[u8]; 1] = [b"http/1.1"];
/// From "no longer ready" to closing the port; see `plenum zc`.
const LAST_CALL: Duration = Duration::from_secs(3);
/// File descriptors besides those of the connections carried: links, logs, the health port,
/// and clients in their handshake.
const OTHER_FILES: u64 = 1_024;
/// Bytes a second of one Mbit/s.
const MEGABIT: NonZeroU64 = NonZeroU64::new(125_000).expect("not 0");

/// The command line of `plenum ht`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The zone's name: `<namespace>.<name>` in Kubernetes.
    #[arg(long, env = "PLENUM_ZONE")]
    zone: ZoneName,
    /// This tunnel's name, for logs: the pod's.
    #[arg(long, env = "PLENUM_NAME", default_value = "ht")]
    name: TunnelId,
    /// Where clients come in, HTTPS.
    #[arg(long, value_name = "ADDR", default_value = "[::]:443")]
    listen: SocketAddr,
    /// Directory with tls.crt and tls.key: what clients see.
    #[arg(long, value_name = "DIR")]
    tls: PathBuf,
    /// Directory with tls.crt, tls.key and ca.crt of the zone's own authority.
    #[arg(long, value_name = "DIR")]
    link_tls: PathBuf,
    /// Where the zone's controllers take links; every address of the name is dialled.
    #[arg(long, value_name = "HOST:PORT")]
    controllers: Host,
    /// Where /livez, /readyz and /metrics are, plain HTTP.
    #[arg(long, value_name = "ADDR", default_value = "[::]:8080")]
    health: SocketAddr,
    /// Who may use it: everybody, or who brings a token of the directory.
    #[arg(long, value_enum, default_value_t = AdmissionMode::Open)]
    admission: AdmissionMode,
    /// With `--admission directory`: the directory's public keys, a JWKS file, to begin with.
    /// The controllers tell those that they know.
    #[arg(long, value_name = "FILE")]
    directory_keys: Option<PathBuf>,
    /// Connections to carry at most.
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections)]
    connections: usize,
    /// Of these, how many people of one network may have, which is one IPv4 address or one /64 of
    /// IPv6: an office needs five for each of its people.
    #[arg(long, value_name = "N", default_value_t = Limits::default().per_network)]
    connections_per_network: usize,
    /// What to carry at most, in Mbit/s, both directions together; above it clients get equal
    /// shares. A little below what the network gives: beyond that nobody shares out.
    #[arg(long, value_name = "N", default_value = "1000")]
    rate: NonZeroU64,
    /// After SIGTERM, how long the connections may go on.
    #[arg(long, value_name = "SECONDS", default_value_t = 45)]
    drain_deadline: u64,
}

/// Runs `plenum ht` until `stop` is cancelled, as by SIGTERM: then it is at once no longer
/// ready, takes connections for 3 s more, and carries those that are open until the deadline.
pub async fn run(args: Args, stop: CancellationToken) -> anyhow::Result<()> {
    let listener = socket::listen(args.listen)
        .with_context(|| format!("cannot listen for clients on {}", args.listen))?;
    let tls = Files::new(&args.tls)
        .watch_server(false, &HTTP1)
        .context("--tls")?;
    let controllers = Controllers {
        host: args.controllers.clone(),
        tls: Files::new(&args.link_tls).watch().context("--link-tls")?,
        subprotocol: TUNNEL_SUBPROTOCOL,
    };
    let directory = match &args.directory_keys {
        Some(file) => Directory::from_file(file)?,
        None => Directory::default(),
    };
    make_room(args.connections);
    tracing::info!(
        zone = %args.zone, name = %args.name, clients = %listener.local_addr()?, "tunnel starts"
    );
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    let health = Health::new(registry);
    let (closing, end) = (CancellationToken::new(), CancellationToken::new());
    let (hears, views) = view::start(&args, directory.clone(), metrics.clone());
    let tunnel = tunnel(&args, directory, metrics, views.clone());
    let deadline = Duration::from_secs(args.drain_deadline);
    let name = args.name;
    let carry = move |link, address| view::carry(link, address, name.clone(), hears.clone());
    let app = tunnel.app.clone();
    let serving = async {
        tokio::join!(
            controllers.keep(carry, end.clone()),
            https::serve(listener, tls, app, closing.clone()),
            follow(views, &health, &stop),
            close(tunnel, deadline, &health, &stop, &closing, &end),
        );
        Ok(())
    };
    // Without its health port a tunnel would be restarted anyway, with less to read.
    let failing = async {
        health.serve(args.health, end.clone()).await?;
        std::future::pending::<anyhow::Result<()>>().await
    };
    tokio::select! {
        ended = serving => ended,
        failed = failing => failed,
    }
}

impl Args {
    fn limits(&self) -> Limits {
        Limits {
            connections: self.connections,
            per_network: self.connections_per_network,
            rate: self.rate.saturating_mul(MEGABIT),
            ..Limits::default()
        }
    }
}

fn tunnel(
    args: &Args,
    directory: Directory,
    metrics: Metrics,
    view: watch::Receiver<View>,
) -> Tunnel {
    let admission = match args.admission {
        AdmissionMode::Open => Admission::Open,
        AdmissionMode::Directory => {
            Admission::Directory(Arc::new(move |token| directory.verify(token)))
        }
    };
    plenum_tunnel::start(Config {
        zone: args.zone.clone(),
        admission,
        limits: args.limits(),
        view,
        metrics,
    })
}

/// Ready while it knows where it leads, until the end is near.
async fn follow(mut view: watch::Receiver<View>, health: &Health, stop: &CancellationToken) {
    let known = view.wait_for(|view| !view.allowed.is_empty());
    tokio::select! {
        () = stop.cancelled() => {}
        known = known => health.set_ready(known.is_ok()),
    }
}

/// The end: out of the Service first, then the last callers, then the port, then whoever is
/// still connected.
async fn close(
    tunnel: Tunnel,
    deadline: Duration,
    health: &Health,
    stop: &CancellationToken,
    closing: &CancellationToken,
    end: &CancellationToken,
) {
    stop.cancelled().await;
    health.set_ready(false);
    tracing::info!("tunnel stops");
    tokio::time::sleep(LAST_CALL).await;
    closing.cancel();
    tunnel.finish(deadline).await;
    end.cancel();
}

/// Two file descriptors for each connection: what the system allows at most, if that is
/// more than it gives to begin with.
fn make_room(connections: usize) {
    let needed = 2 * u64::try_from(connections).unwrap_or(u64::MAX / 4) + OTHER_FILES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(now) = current.filter(|now| *now < needed) else {
        return;
    };
    let more = maximum.map_or(needed, |maximum| maximum.min(needed));
    let wanted = Rlimit {
        current: Some(more),
        maximum,
    };
    let got = setrlimit(Resource::Nofile, wanted).map_or(now, |()| more);
    if got < needed {
        tracing::warn!(
            allowed = got,
            needed,
            "too few file descriptors for --connections: raise the limit, or carry fewer"
        );
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        args: Args,
    }

    fn limits(more: &str) -> Limits {
        let must = "ht --zone test.zone --tls a --link-tls b --controllers c:9443";
        let words = must.split(' ').chain(more.split_whitespace());
        CommandLine::parse_from(words).args.limits()
    }

    #[test]
    fn it_carries_as_much_as_it_was_told() {
        assert_eq!(limits(""), Limits::default());
        let told = limits("--connections 16000 --connections-per-network 9000 --rate 2400");
        let expected = Limits {
            connections: 16_000,
            per_network: 9_000,
            rate: NonZeroU64::new(300_000_000).unwrap(),
            ..Limits::default()
        };
        assert_eq!(told, expected);
    }
}
