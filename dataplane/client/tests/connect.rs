//! The network test over real TLS: what it costs, and that it is the way that follows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use plenum_client::{JoinConfig, JoinError, Network, Session};
use plenum_transport::{https, tls};
use plenum_wire::directory::{Lookup, Role, ZoneOffer};
use plenum_wire::join::{Problem, Refusal};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Bytes that the whole network test may cost.
const COST: u64 = 100_000;

/// Everything that goes through relays, and how many connections it took.
#[derive(Clone, Default)]
struct Counted {
    bytes: Arc<AtomicU64>,
    connections: Arc<AtomicUsize>,
}

/// The servers of a test, with an authority of their own.
struct Servers {
    authority: CertifiedIssuer<'static, KeyPair>,
    stop: CancellationToken,
}

impl Servers {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            authority: CertifiedIssuer::self_signed(params, key).unwrap(),
            stop: CancellationToken::new(),
        }
    }

    async fn start(&self, app: Router) -> SocketAddr {
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        let (certificate, key) = (certificate.pem(), key.serialize_pem());
        let identity = tls::Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        let config = tls::server_config(&identity, None, &[b"http/1.1"]).unwrap();
        let (keep, config) = watch::channel(config);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = self.stop.clone();
        tokio::spawn(async move {
            https::serve(listener, config, app, stop).await;
            drop(keep);
        });
        address
    }

    /// A controller that knows no meeting.
    async fn controller(&self) -> SocketAddr {
        let code = Refusal::UnknownMeeting;
        let problem = Problem {
            title: code.to_string(),
            status: code.status(),
            code,
            detail: "Detail.".to_owned(),
        };
        let refuse = async move || (StatusCode::NOT_FOUND, Json(problem.clone()));
        let app = Router::new()
            .route("/v1/ping", get(async || StatusCode::NO_CONTENT))
            .route("/v1/meetings/{id}/join", post(refuse));
        self.start(app).await
    }

    /// A directory that offers these zones to everybody.
    async fn directory(&self, zones: Vec<ZoneOffer>) -> String {
        let lookup = Lookup {
            meeting: "4711".parse().unwrap(),
            title: None,
            role: Role::Participant,
            token: "token".to_owned(),
            expires_in_s: 600,
            zones,
            nowhere: false,
        };
        let answer = async move || Json(lookup.clone());
        let app = Router::new().route("/v1/lookup", post(answer));
        format!("https://{}", self.start(app).await)
    }

    /// An offer of a zone whose controllers are reached through relays.
    async fn zone(&self, name: &str, controllers: usize, counted: &Counted) -> ZoneOffer {
        let mut urls = Vec::new();
        for _ in 0..controllers {
            let address = relay(self.controller().await, counted.clone()).await;
            urls.push(format!("https://{address}"));
        }
        ZoneOffer {
            zone: name.parse().unwrap(),
            controllers: urls,
            tunnels: Vec::new(),
            authority: Some(self.authority.pem()),
            load: Some(0.3),
            hosts: false,
        }
    }

    fn join(&self, directory: String) -> JoinConfig {
        let network = Network::new(Some(self.authority.pem().as_bytes())).unwrap();
        let mut config = JoinConfig::new(network, Vec::new(), "4711".parse().unwrap());
        config.directories = vec![directory];
        // However slow the machine is.
        config.join_within = Duration::from_secs(120);
        config
    }
}

/// Passes everything on, and counts it.
async fn relay(to: SocketAddr, counted: Counted) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            counted.connections.fetch_add(1, Ordering::SeqCst);
            let server = TcpStream::connect(to).await.unwrap();
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(pass(from_client, to_server, Arc::clone(&counted.bytes)));
            tokio::spawn(pass(from_server, to_client, Arc::clone(&counted.bytes)));
        }
    });
    address
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, bytes: Arc<AtomicU64>) {
    let mut buffer = vec![0; 16 * 1_024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        bytes.fetch_add(count as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
}

#[tokio::test]
async fn the_test_of_three_zones_costs_less_than_100_kb() {
    let (servers, counted) = (Servers::new(), Counted::default());
    let mut zones = Vec::new();
    for name in ["a.zone", "b.zone", "c.zone"] {
        zones.push(servers.zone(name, 2, &counted).await);
    }
    let directory = servers.directory(zones).await;
    let refused = Session::join(servers.join(directory)).await;
    let Err(error @ JoinError::Refused { .. }) = refused else {
        panic!("{:?}", refused.err());
    };
    assert!(error.to_string().contains("no such meeting"), "{error}");
    let connections = counted.connections.load(Ordering::SeqCst);
    // One for each controller, kept for the question; a second where the first was busy.
    assert!((6..=12).contains(&connections), "{connections} connections");
    let bytes = counted.bytes.load(Ordering::SeqCst);
    assert!(bytes < COST, "{bytes} bytes");
    println!("{connections} connections, {bytes} bytes");
}

/// A second connection is opened by the hedge where a machine is slow: one join in twenty is
/// enough to show that the test's own connection serves.
#[tokio::test]
async fn the_question_goes_by_the_connection_of_the_test() {
    let servers = Servers::new();
    let mut connections = Vec::new();
    for _ in 0..20 {
        let counted = Counted::default();
        let zone = servers.zone("a.zone", 1, &counted).await;
        let directory = servers.directory(vec![zone]).await;
        let refused = Session::join(servers.join(directory)).await;
        assert!(matches!(refused, Err(JoinError::Refused { .. })));
        connections.push(counted.connections.load(Ordering::SeqCst));
        if connections.contains(&1) {
            return;
        }
    }
    panic!("{connections:?} connections");
}
