//! A tunnel, targets behind it, and a client that writes its own HTTP.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use plenum_transport::rate::Rate;
use plenum_transport::tls::{Identity, Trust, client_config, server_config};
use plenum_transport::{https, socket};
use plenum_tunnel::allowed::Kind;
use plenum_tunnel::{Admission, Allowed, Config, Limits, Metrics, Target, Tunnel, View};
use plenum_wire::Fingerprint;
use prometheus_client::registry::Registry;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

pub const ZONE: &str = "ns.berlin";
pub const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// How often a condition is looked at.
const PACE: Duration = Duration::from_millis(20);

/// A test that hangs fails; a slow machine does not.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(120), future)
        .await
        .expect("takes too long")
}

/// Room for whatever a test does; single limits are for single tests.
pub fn wide() -> Limits {
    let rate = Rate {
        burst: 100_000,
        per_second: 100_000,
    };
    Limits {
        connections: 10_000,
        per_address: 10_000,
        per_network: 10_000,
        patience: Duration::from_secs(60),
        requests: rate,
        strangers: rate,
        ..Limits::default()
    }
}

pub struct Site {
    pub address: SocketAddr,
    pin: Fingerprint,
    pub view: watch::Sender<View>,
    pub tunnel: Tunnel,
    /// Ends the listener.
    pub closing: CancellationToken,
    registry: Registry,
}

impl Site {
    /// An open one that leads to these.
    pub fn leading_to(targets: &[SocketAddr]) -> Self {
        let site = Self::start(Admission::Open, wide());
        site.allow(targets);
        site
    }

    pub fn start(admission: Admission, limits: Limits) -> Self {
        let mut registry = Registry::default();
        let (view, seen) = watch::channel(View::default());
        let tunnel = plenum_tunnel::start(Config {
            zone: ZONE.parse().unwrap(),
            admission,
            limits,
            view: seen,
            metrics: Metrics::new(&mut registry),
        });
        let identity = Identity::self_signed(&["tunnel".to_owned()]).unwrap();
        let listener = socket::listen(LOOPBACK).unwrap();
        let address = listener.local_addr().unwrap();
        let closing = CancellationToken::new();
        let tls = server_config(&identity, None, &[b"http/1.1"]).unwrap();
        let (certificate, tls) = watch::channel(tls);
        let serving = https::serve(listener, tls, tunnel.app.clone(), closing.clone());
        tokio::spawn(async move {
            serving.await;
            drop(certificate);
        });
        Self {
            address,
            pin: identity.fingerprint(),
            view,
            tunnel,
            closing,
            registry,
        }
    }

    /// Registers these as controllers, and nothing else.
    pub fn allow(&self, targets: &[SocketAddr]) {
        let target = |address: &SocketAddr| Target::parse(&address.to_string()).unwrap();
        let allowed = targets.iter().map(|it| (target(it), Kind::Controller));
        self.register(allowed.collect());
    }

    pub fn register(&self, allowed: Allowed) {
        self.view.send_modify(|view| view.allowed = allowed);
    }

    /// A connection over which nothing was said yet.
    pub async fn open(&self) -> TlsStream<TcpStream> {
        let tls = client_config(&Trust::Pinned(self.pin), None, &[b"http/1.1"]).unwrap();
        let stream = within(TcpStream::connect(self.address)).await.unwrap();
        let name = ServerName::try_from("tunnel").unwrap();
        let opened = TlsConnector::from(tls).connect(name, stream);
        within(opened).await.unwrap()
    }

    /// Sends exactly this.
    pub async fn send(&self, text: &str) -> Answer {
        let mut stream = self.open().await;
        // Who is refused before the end hears why.
        let _ = stream.write_all(text.as_bytes()).await;
        Answer::read(stream).await
    }

    /// A CONNECT as it should be, with some more header lines.
    pub async fn connect(&self, target: impl ToString, more: &str) -> Answer {
        let target = target.to_string();
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{more}\r\n");
        self.send(&request).await
    }

    pub fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }

    /// Returns when the metrics say so.
    pub async fn until(&self, sample: &str) {
        within(async {
            while !self.metrics().lines().any(|line| line == sample) {
                tokio::time::sleep(PACE).await;
            }
        })
        .await;
    }
}

/// An answer, and the connection that it came over.
pub struct Answer {
    pub status: u16,
    /// In small letters.
    pub head: String,
    pub stream: TlsStream<TcpStream>,
}

impl Answer {
    /// Reads the head. A connection that just ends has the status 0.
    async fn read(mut stream: TlsStream<TcpStream>) -> Self {
        let mut head = Vec::new();
        within(async {
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => return head.clear(),
                }
            }
        })
        .await;
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).map_or(0, |it| it.parse().unwrap());
        Self {
            status,
            head,
            stream,
        }
    }

    /// The whole rest of it, until the end.
    pub async fn rest(mut self) -> String {
        let mut rest = Vec::new();
        // A connection may also be reset.
        let _ = within(self.stream.read_to_end(&mut rest)).await;
        String::from_utf8(rest).unwrap()
    }

    /// Checks the status and the code of the problem, and that the connection ends.
    pub async fn assert_problem(self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.head);
        let kind = "content-type: application/problem+json";
        assert!(self.head.contains(kind), "{}", self.head);
        assert!(self.head.contains("connection: close"), "{}", self.head);
        let body: serde_json::Value = serde_json::from_str(&self.rest().await).unwrap();
        assert_eq!(body["status"], status);
        assert_eq!(body["code"], code);
        assert!(!body["detail"].as_str().unwrap().is_empty());
    }

    /// The tunnel, if it is open.
    pub fn tunnel(self) -> TlsStream<TcpStream> {
        assert_eq!(self.status, 200, "{}", self.head);
        self.stream
    }
}

/// A target that says back what it hears, and counts who came.
pub struct Echo {
    pub address: SocketAddr,
    came: Arc<AtomicUsize>,
}

impl Echo {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(LOOPBACK).await.unwrap();
        let address = listener.local_addr().unwrap();
        let came = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&came);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.into_split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        Self { address, came }
    }

    pub fn came(&self) -> usize {
        self.came.load(Ordering::Relaxed)
    }
}

/// Checks that what is said comes back.
pub async fn echoes(stream: &mut TlsStream<TcpStream>, text: &str) {
    within(stream.write_all(text.as_bytes())).await.unwrap();
    let mut heard = vec![0; text.len()];
    within(stream.read_exact(&mut heard)).await.unwrap();
    assert_eq!(heard, text.as_bytes());
}
