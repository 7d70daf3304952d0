//! `plenum serve`: a whole small site in one process, a zone controller and a router that
//! are wired as in a cluster, over a link on the loopback interface; with accounts also a
//! directory, to which the controller reports over HTTPS as any other.

pub(crate) mod authority;
mod house;
mod ready;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use plenum_transport::tls::{Identity, Loaded, server_config};
use plenum_transport::{https, socket};
use plenum_wire::{MeetingId, ZoneName};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::health::Health;
use crate::{Output, mmr, zc};
use authority::Authority;
use house::{House, Place};

/// The one zone of the site.
const ZONE: &str = "local.site";
/// Its one router.
const ROUTER: &str = "local";
/// HTTP protocols of the HTTPS port: WebSockets need the first version.
const HTTP1: [&[u8]; 1] = [b"http/1.1"];
/// Ports without `--port-base`.
const HTTPS_PORT: u16 = 443;
const MEDIA_PORT: u16 = 8801;
/// A site has no other router that could take its people: waiting would move nobody.
const DRAIN: Duration = Duration::ZERO;

/// A whole small site in one process: a zone controller and a router, and a directory if wanted.
///
/// It makes a certificate authority in the data directory; give its ca.crt to those who join.
/// With --admission directory there are accounts and meetings: the first account is "admin", whose
/// password is taken from `PLENUM_ADMIN_PASSWORD`, or made and printed once.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  plenum serve --port-base 9443 --data-dir site\n  plenum join --zone https://localhost:9443 --ca site/ca.crt --meeting 4711 --audio me.ogg\nWith accounts:\n  plenum serve --admission directory --port-base 9443 --data-dir site\n  plenum directory meeting add --data-dir site\n  plenum join --directory https://localhost:9443 --ca site/ca.crt --meeting NUMBER --passcode PASSCODE --audio me.ogg"
)]
pub struct ServeArgs {
    /// The address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0")]
    listen: IpAddr,
    /// Addresses under which clients reach the site; found out by itself if not given.
    #[arg(long, value_name = "IP[,IP]", value_delimiter = ',')]
    address: Vec<IpAddr>,
    /// DNS names of the site, for its certificate.
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    hostname: Vec<String>,
    /// HTTPS on port N, media on N+1, instead of 443 and 8801.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..65_535))]
    port_base: Option<u16>,
    /// Where the site keeps its authority and keys.
    #[arg(long, value_name = "DIR", default_value = "plenum-data")]
    data_dir: PathBuf,
    /// Who may join: everybody, or who brings a token of the directory, which runs in the same
    /// process.
    #[arg(long, value_enum, default_value_t = zc::AdmissionMode::Open)]
    admission: zc::AdmissionMode,
    /// With `--admission open`: only these meetings.
    #[arg(long, value_name = "ID,ID", value_delimiter = ',')]
    meetings: Vec<MeetingId>,
    /// With `--admission directory`: the public keys of a directory elsewhere, a JSON Web Key
    /// Set; there is none in this process then.
    #[arg(long, value_name = "FILE")]
    directory_keys: Option<PathBuf>,
    /// Participants at most.
    #[arg(long, value_name = "N", default_value_t = 200)]
    participants: u32,
    /// Where /livez, /readyz and /metrics are, plain HTTP; nowhere if not given.
    #[arg(long, value_name = "ADDR")]
    health: Option<SocketAddr>,
    /// What to print when ready.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Runs `plenum serve` until `stop`. To be run on a current-thread runtime.
pub async fn run(args: ServeArgs, stop: CancellationToken) -> anyhow::Result<()> {
    let (https_port, media_port) = args
        .port_base
        .map_or((HTTPS_PORT, MEDIA_PORT), |base| (base, base + 1));
    let listener = socket::listen(SocketAddr::new(args.listen, https_port)).with_context(|| {
        format!("cannot listen on port {https_port}; choose others with --port-base N")
    })?;
    let addresses = if args.address.is_empty() {
        addresses(args.listen)
    } else {
        args.address.clone()
    };
    let zone: ZoneName = ZONE.parse()?;
    let authority = Authority::load_or_make(&args.data_dir, zone.clone())?;
    let names = names(&args, &addresses);
    let identity = authority.server(names)?;
    let url = args.url(https_port);

    let mut registry = Registry::default();
    let end = CancellationToken::new();
    let place = Place {
        data: &args.data_dir,
        authority: &authority,
        zone: &zone,
        url: url.clone(),
        controllers: args.controllers(&addresses, https_port),
        local: format!("https://{}", args.local(https_port)),
    };
    let opened = if args.has_directory() {
        Some(House::open(place, &mut registry, end.clone()).await?)
    } else {
        None
    };
    let (house, outward) = opened.unzip();
    let zc = start_zc(&args, zone, &authority, outward, &mut registry, end.clone())?;
    let link = listen_for_links(&authority, zc.links, end.clone()).await?;
    let mmr = mmr::start(
        mmr::Config {
            router: ROUTER.parse()?,
            pool: ZONE.parse()?,
            // These never change.
            addresses: watch::channel(addresses).1,
            https_port,
            media: SocketAddr::new(args.listen, media_port),
            identity: identity.clone(),
            capacity: args.participants,
            controllers: mmr::Host {
                name: link.ip().to_string(),
                port: link.port(),
            },
            link_tls: link_tls(&authority)?,
            drain_deadline: DRAIN,
            cores: NonZeroU8::MIN,
        },
        stop.clone(),
    )
    .with_context(|| {
        format!("cannot listen on port {media_port}; choose others with --port-base N")
    })?;
    let counters = https::Counters::default();
    mmr.register(&mut registry, counters.clone());
    let health = Health::new(registry);
    if let Some(address) = args.health {
        let (health, end) = (health.clone(), end.clone());
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("--health {address}"))?;
        tokio::spawn(async move { health.serve_on(listener, end).await });
    }
    // The sender lives as long as the listener: this certificate never changes.
    let (_certificate, tls) = watch::channel(server_config(&identity, None, &HTTP1)?);
    let app = zc.app.merge(mmr.app.clone());
    let app = match &house {
        Some(house) => app.fallback_service(house.app()),
        None => app,
    };
    let serving = tokio::spawn(https::serve_counted(
        listener,
        tls,
        app,
        end.clone(),
        counters,
    ));
    let running = async {
        let said = ready::Said {
            url: &url,
            authority: &authority.file,
            output: args.output,
        };
        ready::announce(zc.ready, house.as_ref(), &health, said, &stop).await?;
        mmr.finished().await
    };
    let finished = tokio::select! {
        finished = running => finished,
        failed = zc.broker.failed(&end) => Err(failed),
    };
    end.cancel();
    serving.await.context("the HTTPS port failed")?;
    finished
}

fn start_zc(
    args: &ServeArgs,
    zone: ZoneName,
    authority: &Authority,
    outward: Option<zc::Outward>,
    registry: &mut Registry,
    end: CancellationToken,
) -> anyhow::Result<zc::Zc> {
    let keys = zc::KeyRing::single("site", &authority.signing_key)?;
    let config = zc::Config {
        admission: args.admission.with(&zone, &args.meetings),
        zone,
        name: "serve".into(),
        // Nobody renews it: a site's key lives as long as its data directory.
        keys: watch::channel(keys).1,
        directory: match &args.directory_keys {
            Some(file) => zc::Directory::from_file(file)?,
            None => zc::Directory::default(),
        },
        // A site has no tunnels.
        public: Vec::new(),
        outward,
    };
    Ok(zc::start(config, registry, end))
}

async fn listen_for_links(
    authority: &Authority,
    links: axum::Router,
    end: CancellationToken,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .context("no port on 127.0.0.1 for the zone link")?;
    let address = listener.local_addr()?;
    let identity = authority.link("controller", &address.ip().to_string())?;
    let (certificate, tls) =
        watch::channel(server_config(&identity, Some(&authority.trust()?), &HTTP1)?);
    tokio::spawn(async move {
        https::serve(listener, tls, links, end).await;
        drop(certificate);
    });
    Ok(address)
}

fn link_tls(authority: &Authority) -> anyhow::Result<watch::Receiver<Loaded>> {
    let identity: Identity = authority.link("router", ROUTER)?;
    Ok(watch::channel(Loaded {
        identity,
        trust: authority.trust()?,
    })
    .1)
}

impl ServeArgs {
    /// Whether there is a directory in this process.
    fn has_directory(&self) -> bool {
        self.admission == zc::AdmissionMode::Directory && self.directory_keys.is_none()
    }

    /// Where people reach the site.
    fn url(&self, port: u16) -> String {
        let host = match self.hostname.first() {
            Some(name) => name.clone(),
            None if self.listen.is_unspecified() => "localhost".into(),
            None => bracketed(self.listen),
        };
        format!("https://{host}:{port}")
    }

    /// Where the controller is reached: by name, or by every address.
    fn controllers(&self, addresses: &[IpAddr], port: u16) -> Vec<String> {
        let hosts: Vec<String> = match self.hostname.as_slice() {
            [] => addresses.iter().copied().map(bracketed).collect(),
            names => names.to_vec(),
        };
        let url = |host| format!("https://{host}:{port}");
        hosts.into_iter().map(url).collect()
    }

    /// Where it is reached on this machine.
    fn local(&self, port: u16) -> SocketAddr {
        let ip = match self.listen {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, port)
    }
}

/// As a host in a URL.
fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Where clients may reach this machine: how it goes outward, then the loopback address.
fn addresses(listen: IpAddr) -> Vec<IpAddr> {
    if !listen.is_unspecified() {
        return vec![listen];
    }
    let mut addresses = Vec::new();
    // Connecting a UDP socket sends nothing; it only chooses a route (documentation addresses).
    let probes = [
        (
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9)),
        ),
        (
            SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
            "[2001:db8::1]:9".parse().expect("an address"),
        ),
    ];
    for (from, to) in probes
        .into_iter()
        .filter(|(from, _)| listen.is_ipv6() || from.is_ipv4())
    {
        let route = UdpSocket::bind(from).and_then(|socket| {
            socket.connect(to)?;
            socket.local_addr()
        });
        addresses.extend(
            route
                .ok()
                .map(|local| local.ip())
                .filter(|ip| !ip.is_unspecified()),
        );
    }
    addresses.push(Ipv4Addr::LOCALHOST.into());
    addresses
}

fn names(args: &ServeArgs, addresses: &[IpAddr]) -> Vec<String> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    names.extend(args.hostname.iter().cloned());
    names.extend(addresses.iter().map(IpAddr::to_string));
    if !args.listen.is_unspecified() {
        names.push(args.listen.to_string());
    }
    names.sort();
    names.dedup();
    names
}
