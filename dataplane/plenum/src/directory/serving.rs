//! The directory as a server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ipnet::IpNet;
use plenum_directory::api::{self, Config, Directory, Readiness};
use plenum_directory::geo::GeoFile;
use plenum_directory::store::{self, Store};
use plenum_transport::tls::{Files, Identity, server_config};
use plenum_transport::{https, socket};
use prometheus_client::registry::Registry;
use rustls::ServerConfig;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Database;
use super::following::{self, Following, ReplicaArgs};
use super::port::Port;
use crate::Output;
use crate::health::Health;
use crate::serve::authority::Authority;

/// From "no longer ready" to closing the port: until every kube-proxy has taken this directory
/// out of its Service, new connections still arrive. 1 s is usual, 3 s is plenty.
const LAST_CALL: Duration = Duration::from_secs(3);
/// How often a database that is away is tried at the start.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// HTTP versions offered to clients.
const HTTP: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// What its own authority is called.
const AUTHORITY: &str = "local.directory";

/// The command line of a directory that serves.
#[derive(Debug, clap::Args)]
// The group of the whole command has the usual name already.
#[group(id = "serving")]
pub struct Args {
    /// Where clients and zones ask, HTTPS.
    #[arg(long, value_name = "ADDR", default_value = "[::]:8443")]
    listen: SocketAddr,
    /// Directory with tls.crt and tls.key: what clients see.
    #[arg(long, value_name = "DIR")]
    tls: Option<PathBuf>,
    /// Make an authority in the data directory instead; clients need its ca.crt.
    #[arg(long, conflicts_with = "tls")]
    self_signed: bool,
    /// DNS names of the directory, for the certificate of its own authority.
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    hostname: Vec<String>,
    /// Where clients reach it, as its tokens say; by the first hostname if not given.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A MaxMind-format file with cities; it is read again when it changes.
    #[arg(long, value_name = "FILE.mmdb")]
    geoip: Option<PathBuf>,
    /// A proxy of ours, or a network of them: its X-Forwarded-For is believed. May be repeated.
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    trusted_proxies: Vec<IpNet>,
    /// How many days instant meetings are kept that nobody uses; 0 keeps them for ever.
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = api::INSTANT_MEETINGS_KEPT_DAYS,
        value_parser = clap::value_parser!(u32).range(..=36_500)
    )]
    instant_meetings_kept: u32,
    #[command(flatten)]
    replica: ReplicaArgs,
    /// Where /livez, /readyz and /metrics are, plain HTTP; nowhere if not given.
    #[arg(long, value_name = "ADDR")]
    health: Option<SocketAddr>,
}

/// What a server shows of itself, and keeps while it runs.
struct Tls {
    certificate: watch::Receiver<Arc<ServerConfig>>,
    /// What is in it.
    identity: watch::Receiver<Identity>,
    /// Without it the certificate would be taken for gone.
    _fixed: Option<watch::Sender<Arc<ServerConfig>>>,
    authority: Option<PathBuf>,
}

/// Serves until `stop`: then it is at once no longer ready, answers for 3 s more, and closes.
pub async fn run(
    args: Args,
    database: &Database,
    output: Output,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listener =
        socket::listen(args.listen).with_context(|| format!("cannot listen on {}", args.listen))?;
    let address = listener.local_addr()?;
    let tls = args.tls(database)?;
    let geo = args.geoip.as_deref().map(GeoFile::open).transpose();
    let geo = geo.context("--geoip")?;
    let upstream = args.replica.upstream()?;
    let mut registry = Registry::default();
    let end = CancellationToken::new();
    let config = Config {
        issuer: args.url(address),
        trusted_proxies: args.trusted_proxies.clone(),
        geo: geo.clone(),
        read_only: upstream.is_some(),
        instant_meetings_kept: api::kept_for_days(args.instant_meetings_kept),
    };
    tracing::info!(%address, "directory starts");
    // Not reached yet: whoever asks is told to come back.
    let store = Store::new(database.config()?);
    let directory = Directory::new(config, store.clone(), &mut registry);
    let following = upstream.map(|it| Following::new(it, directory.clone(), &mut registry));
    let port = Port::new(&mut registry);
    let health = Health::new(registry);
    if let Some(geo) = geo {
        tokio::spawn(geo.follow(end.clone()));
    }
    let living = async {
        let ready = settle(&directory, following.is_some(), &health, &end).await?;
        tokio::join!(
            follow(ready.clone(), &health, &stop),
            announce(ready, &args, address, &tls, output, &stop),
            // Here, so that its end would be that of the process.
            async {
                if let Some(following) = following {
                    following.run(end.clone()).await;
                }
            },
        );
        std::future::pending::<anyhow::Result<()>>().await
    };
    let serving = async {
        tokio::join!(
            https::serve_counted(
                listener,
                tls.certificate.clone(),
                api::app(directory.clone()),
                end.clone(),
                port.counters.clone(),
            ),
            port.follow(tls.identity.clone(), &end),
            close(&health, &stop, &end),
        );
    };
    let ended: anyhow::Result<()> = tokio::select! {
        () = serving => Ok(()),
        failed = living => failed,
        failed = probes(&health, args.health, &end) => failed,
    };
    store.close().await;
    ended
}

/// Opens the database, and begins what a directory does with one.
async fn settle(
    directory: &Directory,
    replica: bool,
    health: &Health,
    end: &CancellationToken,
) -> anyhow::Result<Readiness> {
    opened(directory.store(), replica, health).await?;
    health.set_unready(if replica {
        "this replica has not had everything yet"
    } else {
        "its keys have not been read yet"
    });
    Ok(api::keep_up(directory.clone(), end.clone()))
}

impl Args {
    fn tls(&self, database: &Database) -> anyhow::Result<Tls> {
        if let Some(files) = &self.tls {
            let files = Files::new(files);
            return Ok(Tls {
                certificate: files.watch_server(false, &HTTP).context("--tls")?,
                identity: files.watch_identity().context("--tls")?,
                _fixed: None,
                authority: None,
            });
        }
        if !self.self_signed {
            bail!("give --tls DIR with tls.crt and tls.key, or --self-signed");
        }
        let authority = Authority::load_or_make(database.data_dir()?, AUTHORITY.parse()?)?;
        let mut names = vec![
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
        ];
        names.extend(self.hostname.iter().cloned());
        if !self.listen.ip().is_unspecified() {
            names.push(self.listen.ip().to_string());
        }
        names.sort();
        names.dedup();
        let identity = authority.server(names)?;
        let (sender, certificate) = watch::channel(server_config(&identity, None, &HTTP)?);
        Ok(Tls {
            certificate,
            identity: watch::channel(identity).1,
            _fixed: Some(sender),
            authority: Some(authority.file),
        })
    }

    /// Where it is reached, as far as it can tell.
    fn url(&self, address: SocketAddr) -> String {
        if let Some(url) = &self.url {
            return url.clone();
        }
        match self.hostname.first() {
            Some(name) => format!("https://{name}:{}", address.port()),
            None if address.ip().is_unspecified() => {
                format!("https://localhost:{}", address.port())
            }
            None => format!("https://{address}"),
        }
    }
}

/// Waits for a database that is away: it may be starting as this is. Ends with an error only
/// where waiting is of no use.
async fn opened(store: &Store, replica: bool, health: &Health) -> anyhow::Result<()> {
    let mut told = false;
    loop {
        let tried = async {
            store.connect().await?;
            following::misplaced(store, replica).await
        };
        match tried.await {
            Ok(None) => return Ok(()),
            Ok(Some(why)) => bail!(why),
            Err(error @ store::Error::Unavailable(_)) => {
                health.set_unready(error.to_string());
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "it is tried again until it is there");
                }
                tokio::time::sleep(TRY_AGAIN).await;
            }
            Err(error) => return Err(error).context("--database"),
        }
    }
}

/// Ready from when it can answer until the end is near. With its database away later it can
/// still: that it is away, and when to ask again, which is more than a refused connection says.
async fn follow(mut ready: Readiness, health: &Health, stop: &CancellationToken) {
    let first = ready.wait_for(|ready| *ready);
    if matches!(stop.run_until_cancelled(first).await, Some(Ok(_))) {
        health.set_ready(true);
    }
}

/// Says once that the directory is ready.
async fn announce(
    mut ready: Readiness,
    args: &Args,
    address: SocketAddr,
    tls: &Tls,
    output: Output,
    stop: &CancellationToken,
) {
    tokio::select! {
        _ = ready.wait_for(|ready| *ready) => {}
        () = stop.cancelled() => return,
    }
    let url = args.url(address);
    match (output, &tls.authority) {
        (Output::Json, ca) => println!(
            "{}",
            serde_json::json!({ "ready": true, "directory": url, "ca": ca })
        ),
        (Output::Text, Some(ca)) => println!("ready: {url}, with --ca {}", ca.display()),
        (Output::Text, None) => println!("ready: {url}"),
    }
}

/// The end: out of the Service first, then the last callers, then the port.
async fn close(health: &Health, stop: &CancellationToken, end: &CancellationToken) {
    stop.cancelled().await;
    health.set_unready("it stops");
    tracing::info!("directory stops");
    tokio::time::sleep(LAST_CALL).await;
    end.cancel();
}

/// Ends only where the health port fails: without it the directory would be restarted anyway,
/// with less to read.
async fn probes(
    health: &Health,
    address: Option<SocketAddr>,
    end: &CancellationToken,
) -> anyhow::Result<()> {
    if let Some(address) = address {
        health.serve(address, end.clone()).await?;
    }
    std::future::pending().await
}
