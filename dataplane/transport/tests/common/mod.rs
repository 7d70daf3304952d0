//! A router's ports on loopback, and an authority that vouches for whom a test needs.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "these are tests too")]

pub mod driver;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use plenum_transport::dial::Dialer;
use plenum_transport::media::{self, ConnectionId, Event, Streams};
use plenum_transport::tls::{Identity, Trust, client_config, server_config};
use plenum_transport::{https, socket};
use plenum_wire::frame::TLS_SUBPROTOCOL;
use plenum_wire::join::Endpoint;
use plenum_wire::{FlowId, Kind, Rung, control};
use quinn::crypto::rustls::QuicClientConfig;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, string::Ia5String,
};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use driver::Driver;

pub const FLOW: u64 = 0x1234_5678_9abc_def0;

pub fn flow() -> FlowId {
    FlowId::new(FLOW).unwrap()
}

pub fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A test that hangs fails. Slow ones do not: the machine may be slow, or have other things to
/// do.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often a condition is looked at.
const PACE: Duration = Duration::from_millis(5);

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    // Boxed: the tests' futures hold whole connections.
    tokio::time::timeout(PATIENCE, Box::pin(future))
        .await
        .expect("takes longer than two minutes")
}

/// Returns when it is as wanted. It leaves the core to whoever makes it so in between.
pub async fn until(mut wanted: impl FnMut() -> bool) {
    let mut pace = tokio::time::interval(PACE);
    while !wanted() {
        pace.tick().await;
    }
}

/// A router's three ports.
pub struct Router {
    pub server: Driver,
    pub events: mpsc::UnboundedReceiver<Event>,
    /// They come when they like, so they are not among the other events.
    pub estimates: mpsc::UnboundedReceiver<(ConnectionId, u64)>,
    pub endpoint: Endpoint,
    pub identity: Identity,
    pub https: SocketAddr,
    pub https_counters: https::Counters,
    pub stop: CancellationToken,
}

async fn adopt(
    State(streams): State<Streams>,
    Extension(peer): Extension<https::Peer>,
    Extension(marker): Extension<https::Marker>,
    upgrade: WebSocketUpgrade,
) -> Response {
    media::bounded(upgrade)
        .protocols([TLS_SUBPROTOCOL])
        .on_upgrade(async move |websocket| streams.adopt_websocket(websocket, peer.addr, marker))
}

impl Router {
    pub async fn start() -> Self {
        Self::on_cores(1).await
    }

    #[expect(clippy::unused_async, reason = "it must run within a runtime")]
    pub async fn on_cores(cores: u8) -> Self {
        let identity = Identity::self_signed(&["router".to_owned()]).unwrap();
        let (server, events, estimates) = Driver::start(&identity, cores);
        let app = axum::Router::new()
            .route("/", get(async || "here").post(async |_: String| "read"))
            .route(control::MEDIA_PATH, get(adopt))
            .with_state(server.streams.clone());
        let (https, https_counters, stop) = serve(&identity, None, app);
        let endpoint = Endpoint {
            addresses: vec![loopback().ip()],
            https_port: https.port(),
            media_port: server.udp_address().port(),
            fingerprint: identity.fingerprint(),
        };
        Self {
            server,
            events,
            estimates,
            endpoint,
            identity,
            https,
            https_counters,
            stop,
        }
    }

    /// The next packet, whatever else happens before it.
    pub async fn packet(&mut self) -> (ConnectionId, FlowId, Bytes) {
        loop {
            match self.events.recv().await.expect("the server runs") {
                Event::Packet {
                    connection,
                    flow,
                    packet,
                } => return (connection, flow, packet),
                Event::Opened { .. } | Event::Estimate { .. } | Event::Closed { .. } => {}
            }
        }
    }

    /// The next connection that closes, whatever else happens before.
    pub async fn closed(&mut self) -> ConnectionId {
        loop {
            if let Event::Closed { connection } = self.events.recv().await.expect("runs") {
                return connection;
            }
        }
    }

    pub fn trust(&self) -> Trust {
        Trust::Pinned(self.identity.fingerprint())
    }

    /// Where a rung listens for TCP, and which protocol it speaks there.
    pub fn tcp_of(&self, rung: Rung) -> (SocketAddr, &'static [u8]) {
        match rung {
            Rung::Tls => (self.https, b"http/1.1"),
            Rung::Udp | Rung::Tcp => (self.server.tcp_address(), plenum_wire::frame::TCP_ALPN),
        }
    }
}

/// An app behind TLS on a free port.
pub fn serve(
    identity: &Identity,
    clients: Option<&Trust>,
    app: axum::Router,
) -> (SocketAddr, https::Counters, CancellationToken) {
    let config = server_config(identity, clients, &[b"h2", b"http/1.1"]).unwrap();
    let (_, tls) = watch::channel(config);
    let listener = socket::listen(loopback()).unwrap();
    let address = listener.local_addr().unwrap();
    let (counters, stop) = (https::Counters::default(), CancellationToken::new());
    let serving = https::serve_counted(listener, tls, app, stop.clone(), counters.clone());
    tokio::spawn(serving);
    (address, counters, stop)
}

/// One participant that is bound: its packet has arrived and one came back.
pub struct Bystander {
    to_router: plenum_transport::dial::MediaSender,
    from_router: plenum_transport::dial::MediaReceiver,
    _dialer: Dialer,
}

impl Bystander {
    pub async fn join(router: &mut Router, rung: Rung) -> Self {
        let dialer = Dialer::new().unwrap();
        let connection = dialer
            .media(Kind::Audio, rung, &router.endpoint)
            .await
            .unwrap();
        let (to_router, from_router) = connection.split();
        let mut bystander = Self {
            to_router,
            from_router,
            _dialer: dialer,
        };
        bystander.is_served(router).await;
        bystander
    }

    /// Fails unless a packet still gets there and back.
    pub async fn is_served(&mut self, router: &mut Router) {
        let packet = Bytes::from_static(b"untouched");
        assert!(self.to_router.send(flow(), &packet));
        let (connection, flow, received) = router.packet().await;
        assert_eq!(received, packet);
        router.server.send(connection, flow, &packet);
        assert_eq!(self.from_router.recv().await, Some((flow, packet)));
    }
}

pub async fn connect_tls(
    address: SocketAddr,
    name: &str,
    trust: &Trust,
    identity: Option<&Identity>,
    alpn: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let config = client_config(trust, identity, &[alpn]).unwrap();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(config).connect(name, stream).await
}

/// What an HTTP/1.1 server says to `GET /`.
pub async fn get_over(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        .await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nhere") && !answer.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut answer).await? == 0 {
            break;
        }
    }
    Ok(String::from_utf8(answer).unwrap())
}

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn trust(&self) -> Trust {
        Trust::from_pem(self.pem().as_bytes()).unwrap()
    }

    /// Certificate and key in PEM, for a DNS name and perhaps a role.
    pub fn issue_pem(&self, name: &str, role: Option<&str>) -> (String, String) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if let Some(role) = role {
            let uri = format!("spiffe://plenum.dev/test.zone/{role}");
            let uri = Ia5String::try_from(uri).unwrap();
            params.subject_alt_names.push(SanType::URI(uri));
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    pub fn issue(&self, name: &str, role: Option<&str>) -> Identity {
        let (certificate, key) = self.issue_pem(name, role);
        Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap()
    }
}

/// A pinned client's settings.
pub fn pinned(router: &Router, alpn: &[u8]) -> Arc<rustls::ClientConfig> {
    client_config(&router.trust(), None, &[alpn]).unwrap()
}

/// A QUIC client that is none of ours.
pub fn quic(router: &Router, alpn: &[u8]) -> (quinn::Endpoint, quinn::ClientConfig) {
    let tls = QuicClientConfig::try_from(pinned(router, alpn)).unwrap();
    let endpoint = quinn::Endpoint::client(loopback()).unwrap();
    (endpoint, quinn::ClientConfig::new(Arc::new(tls)))
}
