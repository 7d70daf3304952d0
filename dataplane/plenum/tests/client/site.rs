//! A zone of one controller and some routers on loopback, with real sockets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plenum::{mmr, zc};
use plenum_client::{JoinConfig, Network};
use plenum_emulator::{Conditions, Proxy};
use plenum_transport::tls::{Identity, Loaded, Trust, server_config};
use plenum_transport::{https, socket};
use plenum_wire::join::Endpoint;
use plenum_wire::ticket::{Claims, SigningKey};
use plenum_wire::{FlowId, Flows};
use plenum_zone::admission::Admission;
use prometheus_client::registry::Registry;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ED25519, SanType,
};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::people::PATIENCE;
use crate::ports;

const ALPN: [&[u8]; 1] = [b"http/1.1"];
const ZONE: &str = "ns.zone";
const KEY_NAME: &str = "zone";

fn loopback() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)
}

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn issue(&self, name: &str, role: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let uri = format!("spiffe://plenum.dev/{ZONE}/{role}");
        let uri = SanType::URI(uri.try_into().unwrap());
        params.subject_alt_names.push(uri);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }

    fn trust(&self) -> Trust {
        Trust::from_pem(self.0.pem().as_bytes()).unwrap()
    }
}

/// One router on a thread and runtime of its own, so that it can die like a process.
struct Router {
    /// As clients are told, without the media port.
    endpoint: Endpoint,
    drain: CancellationToken,
    die: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

pub struct Site {
    authority: Authority,
    pub url: String,
    links: SocketAddr,
    ready: watch::Receiver<bool>,
    routers: Vec<(String, Router)>,
    networks: Vec<Proxy>,
    /// Ports that are taken and closed.
    closed: Vec<TcpSocket>,
    /// The zone's signing key in PEM.
    key: String,
    /// Ends the controller when dropped.
    _end: tokio_util::sync::DropGuard,
}

impl Site {
    /// A controller alone.
    pub fn new(admission: Admission) -> Self {
        let authority = Authority::new();
        let end = CancellationToken::new();
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let key = pair.serialize_pem();
        let keys = zc::KeyRing::single(KEY_NAME, &key).unwrap();
        let config = zc::Config {
            zone: ZONE.parse().unwrap(),
            name: "zc-0".into(),
            keys: watch::channel(keys).1,
            admission,
            directory: zc::Directory::default(),
            public: Vec::new(),
            outward: None,
        };
        let zc = zc::start(config, &mut Registry::default(), end.clone());
        let clients = serve(&authority, zc.app, None, &end);
        let links = serve(&authority, zc.links, Some(&authority.trust()), &end);
        Self {
            url: format!("https://{clients}"),
            links,
            ready: zc.ready,
            authority,
            routers: Vec::new(),
            networks: Vec::new(),
            closed: Vec::new(),
            key,
            _end: end.drop_guard(),
        }
    }

    /// A controller and routers of these names, all connected.
    pub async fn with_routers(names: &[&str], capacity: u32) -> Self {
        let mut site = Self::new(Admission::Open { meetings: None });
        for name in names {
            site.add_router(name, capacity).await;
        }
        site
    }

    /// Returns when the router is connected to the controller.
    pub async fn add_router(&mut self, name: &str, capacity: u32) {
        self.start_router(name, capacity, None, None).await;
    }

    /// A router that the controller knows, and clients find only closed ports of.
    pub async fn add_unreachable_router(&mut self, name: &str, capacity: u32) {
        // Nobody listens on it, and nobody else gets it.
        let closed = TcpSocket::new_v4().unwrap();
        closed.bind(loopback()).unwrap();
        let port = closed.local_addr().unwrap().port();
        self.closed.push(closed);
        self.start_router(name, capacity, Some(port), None).await;
    }

    /// A router whose media reaches clients over a bad network, both ways.
    pub async fn add_distant_router(&mut self, name: &str, network: Conditions, seed: u64) {
        // Clients are told another address of loopback, and the same port.
        let port = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), ports::three()))
            .await
            .unwrap();
        let said = port.local_addr().unwrap();
        self.start_router(name, 100, None, Some(said)).await;
        let server = SocketAddr::new(loopback().ip(), said.port());
        self.networks
            .push(Proxy::start(port, server, network, network, seed));
    }

    async fn start_router(
        &mut self,
        name: &str,
        capacity: u32,
        said_port: Option<u16>,
        behind: Option<SocketAddr>,
    ) {
        let (die, death) = oneshot::channel();
        let (up, connected) = oneshot::channel();
        let drain = CancellationToken::new();
        let config = Config {
            name: name.to_owned(),
            capacity,
            links: self.links,
            link_tls: Loaded {
                identity: self.authority.issue(name, "router"),
                trust: self.authority.trust(),
            },
            drain: drain.clone(),
            said_port,
            behind,
        };
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(route(config, up, death));
        });
        let endpoint = connected.await.unwrap();
        self.ready.wait_for(|ready| *ready).await.unwrap();
        let router = Router {
            endpoint,
            drain,
            die: Some(die),
            thread: Some(thread),
        };
        self.routers.push((name.to_owned(), router));
    }

    fn router(&mut self, name: &str) -> &mut Router {
        let found = self.routers.iter_mut().find(|(known, _)| known == name);
        &mut found.unwrap().1
    }

    /// A ticket as the zone would write it, and where to show it.
    pub fn ticket(&self, router: &str, meeting: &str, participant: &str) -> (Endpoint, String) {
        let (_, at) = self
            .routers
            .iter()
            .find(|(name, _)| name == router)
            .unwrap();
        let flow = || FlowId::from_random(rand::random());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let claims = Claims {
            meeting: meeting.parse().unwrap(),
            participant: participant.parse().unwrap(),
            router: router.parse().unwrap(),
            fingerprint: at.endpoint.fingerprint,
            flows: Flows {
                audio: flow(),
                video: flow(),
                content: flow(),
            },
            admitted: now.as_secs(),
            vouched: now.as_secs(),
            expires: now.as_secs() + 60,
        };
        let key = SigningKey::from_pem(KEY_NAME, self.key.as_bytes()).unwrap();
        (at.endpoint.clone(), key.sign(&claims))
    }

    /// As the kubelet does with SIGTERM.
    pub fn drain(&mut self, name: &str) {
        self.router(name).drain.cancel();
    }

    /// As SIGKILL: every socket closes, nobody is told.
    pub fn kill(&mut self, name: &str) {
        let router = self.router(name);
        drop(router.die.take());
        router.thread.take().unwrap().join().unwrap();
    }

    pub fn join(&self, meeting: &str) -> JoinConfig {
        let network = Network::new(Some(self.authority.0.pem().as_bytes())).unwrap();
        let mut config = JoinConfig::new(network, vec![self.url.clone()], meeting.parse().unwrap());
        config.join_within = PATIENCE;
        config
    }
}

fn serve(
    authority: &Authority,
    app: axum::Router,
    clients: Option<&Trust>,
    end: &CancellationToken,
) -> SocketAddr {
    let listener = socket::listen(loopback()).unwrap();
    let address = listener.local_addr().unwrap();
    let identity = authority.issue("127.0.0.1", "controller");
    let config = server_config(&identity, clients, &ALPN).unwrap();
    let (keep, tls) = watch::channel(config);
    let end = end.clone();
    tokio::spawn(async move {
        https::serve(listener, tls, app, end).await;
        drop(keep);
    });
    address
}

struct Config {
    name: String,
    capacity: u32,
    links: SocketAddr,
    link_tls: Loaded,
    drain: CancellationToken,
    /// What clients are told to be the port of the control channel.
    said_port: Option<u16>,
    /// Where clients are told that media is, on the port where it is.
    behind: Option<SocketAddr>,
}

async fn route(config: Config, up: oneshot::Sender<Endpoint>, death: oneshot::Receiver<()>) {
    let said = config.behind.unwrap_or_else(loopback);
    let listener = socket::listen(SocketAddr::new(said.ip(), 0)).unwrap();
    let identity = Identity::self_signed(std::slice::from_ref(&config.name)).unwrap();
    let (_certificate, tls) = watch::channel(server_config(&identity, None, &ALPN).unwrap());
    let endpoint = Endpoint {
        addresses: vec![said.ip()],
        https_port: config
            .said_port
            .unwrap_or_else(|| listener.local_addr().unwrap().port()),
        media_port: 0,
        fingerprint: identity.fingerprint(),
    };
    let router = mmr::Config {
        cores: std::num::NonZeroU8::MIN,
        router: config.name.parse().unwrap(),
        pool: "ns.pool".parse().unwrap(),
        addresses: watch::channel(endpoint.addresses.clone()).1,
        https_port: endpoint.https_port,
        media: SocketAddr::new(loopback().ip(), said.port()),
        identity,
        capacity: config.capacity,
        controllers: mmr::Host {
            name: config.links.ip().to_string(),
            port: config.links.port(),
        },
        link_tls: watch::channel(config.link_tls).1,
        drain_deadline: Duration::from_mins(1),
    };
    let mmr = mmr::start(router, config.drain).unwrap();
    let app = mmr.app.clone();
    tokio::spawn(https::serve(listener, tls, app, CancellationToken::new()));
    let mut status = mmr.status();
    status.wait_for(linked).await.unwrap();
    up.send(endpoint).unwrap();
    // A death is the sender's being dropped; a drained router ends by itself.
    tokio::select! {
        _ = death => {}
        finished = mmr.finished() => finished.unwrap(),
    }
}

fn linked(status: &mmr::Status) -> bool {
    status.links > 0
}
