//! A router on loopback with real sockets: a controller of our own making links to it and
//! signs tickets, clients come in over every rung, and strangers send garbage.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod ports;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use bytes::Bytes;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey};
use plenum::mmr::{self, Args, Config, Host, Mmr, Status};
use plenum_transport::channel::{self, Channel, Received};
use plenum_transport::dial::{Dialer, MediaReceiver, MediaSender};
use plenum_transport::tls::{Identity, Loaded, Trust, server_config};
use plenum_transport::{https, socket};
use plenum_wire::control::{self, ErrorCode, FromClient};
use plenum_wire::join::Endpoint;
use plenum_wire::limits::MESSAGE_BYTES;
use plenum_wire::link::{FromRouter, LINK_PATH, ROUTER_SUBPROTOCOL, TicketKey, ToRouter};
use plenum_wire::ticket::{Claims, SigningKey};
use plenum_wire::{Codec, FlowId, Flows, Kind, Rung, rtp};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const ALPN: [&[u8]; 1] = [b"http/1.1"];

/// A test that hangs fails. Slow ones do not: the machine may be slow.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often a condition is looked at.
const PACE: Duration = Duration::from_millis(5);

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("takes longer than two minutes")
}

/// The zone's authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn load(&self, name: &str) -> Loaded {
        let (certificate, key) = self.issue(name);
        Loaded {
            identity: Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap(),
            trust: Trust::from_pem(self.0.pem().as_bytes()).unwrap(),
        }
    }
}

/// One link as the controller sees it.
struct Link {
    sender: channel::Sender<ToRouter>,
    receiver: channel::Receiver<FromRouter>,
}

impl Link {
    async fn next(&mut self) -> Option<FromRouter> {
        match within(self.receiver.next()).await {
            Received::Message(message) => Some(message),
            Received::Bad(bad) => panic!("{bad}"),
            Received::Closed { .. } => None,
        }
    }
}

/// A controller that does what the test says.
struct Controller {
    address: SocketAddr,
    links: mpsc::Receiver<Link>,
    key: SigningKey,
    public: TicketKey,
}

async fn take_link(State(links): State<mpsc::Sender<Link>>, upgrade: WebSocketUpgrade) -> Response {
    channel::bounded(upgrade, MESSAGE_BYTES)
        .protocols([ROUTER_SUBPROTOCOL])
        .on_upgrade(async move |websocket| {
            let (sender, receiver) = Channel::accept(websocket, MESSAGE_BYTES).split();
            links.send(Link { sender, receiver }).await.unwrap();
        })
}

impl Controller {
    fn start(authority: &Authority) -> Self {
        let Loaded { identity, trust } = authority.load("127.0.0.1");
        let (sender, links) = mpsc::channel(8);
        let app = axum::Router::new()
            .route(LINK_PATH, axum::routing::get(take_link))
            .with_state(sender);
        let listener = socket::listen(LOOPBACK).unwrap();
        let address = listener.local_addr().unwrap();
        let (_, tls) = watch::channel(server_config(&identity, Some(&trust), &ALPN).unwrap());
        tokio::spawn(https::serve(listener, tls, app, CancellationToken::new()));

        let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let pem = pair.serialize_pem();
        let public = DecodingKey::from_ed_der(pair.public_key_raw());
        let jwk = Jwk::from_decoding_key(&public, Some(Algorithm::EdDSA)).unwrap();
        let AlgorithmParameters::OctetKeyPair(parameters) = jwk.algorithm else {
            panic!("{jwk:?}")
        };
        Self {
            address,
            links,
            key: SigningKey::from_pem("zone", pem.as_bytes()).unwrap(),
            public: TicketKey {
                kid: "zone".into(),
                x: parameters.x,
            },
        }
    }

    /// The next link, after its `hello` was answered.
    async fn welcome(&mut self) -> Link {
        let mut link = within(self.links.recv()).await.unwrap();
        let hello = link.next().await;
        assert!(matches!(hello, Some(FromRouter::Hello { .. })), "{hello:?}");
        link.sender.send(&ToRouter::Welcome {
            controller: "zc-0".into(),
            zone: "ns.zone".parse().unwrap(),
            keys: vec![self.public.clone()],
        });
        link
    }
}

/// A router with its HTTPS port.
struct House {
    controller: Controller,
    link: Link,
    mmr: Mmr,
    endpoint: Endpoint,
    https: https::Counters,
    stop: CancellationToken,
}

impl House {
    async fn start(drain_deadline: Duration) -> Self {
        let authority = Authority::new();
        let mut controller = Controller::start(&authority);
        let (_, link_tls) = watch::channel(authority.load("router-1"));
        let identity = Identity::self_signed(&["router-1".to_owned()]).unwrap();
        let listener = socket::listen(LOOPBACK).unwrap();
        let stop = CancellationToken::new();
        let config = Config {
            cores: std::num::NonZeroU8::MIN,
            router: "router-1".parse().unwrap(),
            pool: "ns.pool".parse().unwrap(),
            addresses: vec![LOOPBACK.ip()],
            https_port: listener.local_addr().unwrap().port(),
            media: LOOPBACK,
            identity: identity.clone(),
            capacity: 10,
            controllers: Host {
                name: "127.0.0.1".into(),
                port: controller.address.port(),
            },
            link_tls,
            drain_deadline,
        };
        let mmr = mmr::start(config, stop.clone()).unwrap();
        let (_, tls) = watch::channel(server_config(&identity, None, &ALPN).unwrap());
        let https = https::Counters::default();
        tokio::spawn(https::serve_counted(
            listener,
            tls,
            mmr.app.clone(),
            CancellationToken::new(),
            https.clone(),
        ));
        let link = controller.welcome().await;
        Self {
            controller,
            link,
            endpoint: mmr.endpoint.clone(),
            mmr,
            https,
            stop,
        }
    }

    /// Waits until the router is as wanted.
    async fn until(&self, wanted: impl FnMut(&Status) -> bool) -> Status {
        let mut status = self.mmr.status();
        within(status.wait_for(wanted)).await.unwrap().clone()
    }

    fn ticket(&self, participant: &str) -> (String, Flows) {
        let flow = || FlowId::from_random(rand::random());
        let claims = Claims {
            meeting: "4711".parse().unwrap(),
            participant: participant.parse().unwrap(),
            router: "router-1".parse().unwrap(),
            fingerprint: self.endpoint.fingerprint,
            flows: Flows {
                audio: flow(),
                video: flow(),
                content: flow(),
            },
            expires: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_secs()
                + 60,
            admitted: 0,
        };
        (self.controller.key.sign(&claims), claims.flows)
    }
}

/// A participant.
struct Client {
    dialer: Dialer,
    endpoint: Endpoint,
    flows: Flows,
    sender: channel::Sender<FromClient>,
    receiver: channel::Receiver<control::FromRouter>,
}

impl Client {
    async fn hello(house: &House, (ticket, flows): (String, Flows)) -> Self {
        let dialer = Dialer::new().unwrap();
        let control = within(dialer.control(&house.endpoint)).await.unwrap();
        let (sender, receiver) = control.split();
        sender.send(&FromClient::Hello {
            ticket,
            name: None,
            subscribe: control::Interest::All,
            moved_from: None,
        });
        Self {
            dialer,
            endpoint: house.endpoint.clone(),
            flows,
            sender,
            receiver,
        }
    }

    /// Joins; the link's keys may come a moment later than the client.
    async fn join(house: &House, participant: &str) -> Self {
        loop {
            let mut client = Self::hello(house, house.ticket(participant)).await;
            match client.next().await {
                Received::Message(control::FromRouter::Welcome { .. }) => return client,
                Received::Message(control::FromRouter::Error {
                    code: ErrorCode::TicketForged,
                    ..
                }) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn next(&mut self) -> Received<control::FromRouter> {
        within(self.receiver.next()).await
    }

    /// Waits for a message, whatever else is said before it.
    async fn hear(&mut self, wanted: impl Fn(&control::FromRouter) -> bool) {
        loop {
            match self.next().await {
                Received::Message(message) if wanted(&message) => return,
                Received::Message(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Opens a connection for audio and waits until it is bound.
    async fn connect(&mut self, rung: Rung) -> (MediaSender, MediaReceiver) {
        let connection = within(self.dialer.media(Kind::Video, rung, &self.endpoint))
            .await
            .unwrap();
        let (to_router, from_router) = connection.split();
        assert!(to_router.send(self.flows.audio, &rtp::knock(1)));
        let bound = control::FromRouter::MediaBound {
            kind: Kind::Audio,
            rung,
        };
        self.hear(|message| *message == bound).await;
        (to_router, from_router)
    }

    async fn publish(&mut self, ssrc: u32) {
        self.sender.send(&FromClient::Publish {
            kind: Kind::Audio,
            ssrc,
            codec: Codec {
                name: "opus".into(),
                clock_rate: 48_000,
                payload_type: 111,
                width: 0,
                height: 0,
                channels: 2,
            },
            layers: Vec::new(),
        });
        let published = control::FromRouter::Published { kind: Kind::Audio };
        self.hear(|message| *message == published).await;
    }
}

fn packet(ssrc: u32, sequence: u16) -> Bytes {
    let header = rtp::Header {
        payload_type: 111,
        marker: false,
        sequence,
        timestamp: 0,
        ssrc,
        payload_offset: 0,
    };
    rtp::write(&header, b"sound")
}

#[tokio::test]
async fn two_clients_hear_each_other_on_every_rung() {
    let house = House::start(Duration::ZERO).await;
    let mut ann = Client::join(&house, "ann").await;
    let mut bob = Client::join(&house, "bob").await;
    ann.publish(7).await;
    let mut sequence = 0;
    // Going up a rung is one more connection; the newest carries.
    for rung in [Rung::Tls, Rung::Tcp, Rung::Udp] {
        let (from_ann, _ann_hears) = ann.connect(rung).await;
        let (_from_bob, mut bob_hears) = bob.connect(rung).await;
        for _ in 0..10 {
            sequence += 1;
            let sent = packet(7, sequence);
            assert!(from_ann.send(ann.flows.audio, &sent));
            let heard = within(bob_hears.recv()).await;
            assert_eq!(heard, Some((bob.flows.audio, sent)), "{rung}");
        }
    }
    let status = house
        .until(|status| status.counters.of(Kind::Audio).packets_out == 30)
        .await;
    assert_eq!((status.load.participants, status.meetings), (2, 1));
    assert_eq!(status.counters.dropped, plenum_router::Dropped::default());
}

#[tokio::test]
async fn a_bad_ticket_is_told_so_and_the_channel_closed() {
    let house = House::start(Duration::ZERO).await;
    let flows = house.ticket("ann").1;
    let mut client = Client::hello(&house, ("garbage".into(), flows)).await;
    let told = client.next().await;
    assert!(
        matches!(
            &told,
            Received::Message(control::FromRouter::Error {
                code: ErrorCode::TicketForged,
                ..
            })
        ),
        "{told:?}"
    );
    let closed = client.next().await;
    assert!(
        matches!(
            closed,
            Received::Closed {
                code: Some(4401),
                ..
            }
        ),
        "{closed:?}"
    );
}

#[tokio::test]
async fn garbage_on_each_port_is_counted_and_harms_nobody() {
    let house = House::start(Duration::ZERO).await;
    let mut ann = Client::join(&house, "ann").await;
    let mut bob = Client::join(&house, "bob").await;
    ann.publish(7).await;
    let (from_ann, _ann_hears) = ann.connect(Rung::Udp).await;
    let (_from_bob, mut bob_hears) = bob.connect(Rung::Tcp).await;

    let media = SocketAddr::new(LOOPBACK.ip(), house.endpoint.media_port);
    let stranger = UdpSocket::bind(LOOPBACK).await.unwrap();
    stranger.send_to(b"no QUIC at all", media).await.unwrap();
    for port in [house.endpoint.media_port, house.endpoint.https_port] {
        let address = SocketAddr::new(LOOPBACK.ip(), port);
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&[0xff; 600]).await.unwrap();
        // The router closes it, with or without an alert.
        let _ = within(stream.read_to_end(&mut Vec::new())).await;
    }
    // A flow id that is nobody's, a packet that is none, and another's SSRC.
    let guess = Dialer::new().unwrap();
    let guess = within(guess.media(Kind::Video, Rung::Tls, &house.endpoint))
        .await
        .unwrap();
    let (guess, mut closed) = guess.split();
    assert!(guess.send(FlowId::new(1).unwrap(), &packet(7, 1)));
    assert_eq!(within(closed.recv()).await, None);
    from_ann.send(ann.flows.audio, &Bytes::from_static(b"no RTP at all"));
    from_ann.send(ann.flows.audio, &packet(8, 1));

    let status = house
        .until(|status| {
            let dropped = status.counters.dropped;
            (dropped.unknown_flow, dropped.malformed, dropped.wrong_ssrc) == (1, 1, 1)
                && status.media.udp.garbage == 1
                && status.media.tcp.garbage == 1
        })
        .await;
    assert_eq!(status.load.participants, 2);
    assert_eq!(house.https.garbage(), 1);

    let sent = packet(7, 1);
    assert!(from_ann.send(ann.flows.audio, &sent));
    assert_eq!(
        within(bob_hears.recv()).await,
        Some((bob.flows.audio, sent))
    );
}

#[tokio::test]
async fn a_lost_link_comes_back_with_everything_and_media_does_not_notice() {
    let mut house = House::start(Duration::ZERO).await;
    let _ann = Client::join(&house, "ann").await;
    house.link.sender.close(1001, "the controller restarts");
    while house.link.next().await.is_some() {}
    house.until(|status| status.links == 0).await;
    let _bob = Client::join(&house, "bob").await;
    let mut link = house.controller.welcome().await;
    let Some(FromRouter::Report { load, meetings, .. }) = link.next().await else {
        panic!("no report")
    };
    assert_eq!(load.participants, 2);
    assert_eq!(meetings.len(), 1);
}

#[tokio::test]
async fn a_stop_drains_first_and_leaves_when_empty() {
    let mut house = House::start(Duration::from_secs(3_600)).await;
    let mut ann = Client::join(&house, "ann").await;
    house.stop.cancel();
    loop {
        match house.link.next().await {
            Some(FromRouter::Report { load, .. }) if load.draining => {
                assert_eq!((load.participants, load.accepting), (1, false));
                break;
            }
            Some(_) => {}
            None => panic!("the link is closed"),
        }
    }
    ann.sender.send(&FromClient::Bye);
    let closed = ann.next().await;
    assert!(
        matches!(
            closed,
            Received::Closed {
                code: Some(1000),
                ..
            }
        ),
        "{closed:?}"
    );
    within(house.mmr.finished()).await.unwrap();
    while house.link.next().await.is_some() {}
}

#[tokio::test]
async fn at_the_drain_deadline_everybody_is_told_to_go_elsewhere() {
    let house = House::start(Duration::ZERO).await;
    let mut ann = Client::join(&house, "ann").await;
    house.stop.cancel();
    within(house.mmr.finished()).await.unwrap();
    let told = ann.next().await;
    assert!(
        matches!(
            told,
            Received::Message(control::FromRouter::Error {
                code: ErrorCode::GoingAway,
                ..
            })
        ),
        "{told:?}"
    );
    let closed = ann.next().await;
    assert!(
        matches!(
            closed,
            Received::Closed {
                code: Some(1001),
                ..
            }
        ),
        "{closed:?}"
    );
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = loop {
        match TcpStream::connect(address).await {
            Ok(stream) => break stream,
            Err(_) => tokio::time::sleep(PACE).await,
        }
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_command_is_healthy_with_every_controller_away() {
    let authority = Authority::new();
    let link_tls = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.issue("router-1");
    for (name, contents) in [
        ("tls.crt", certificate),
        ("tls.key", key),
        ("ca.crt", authority.0.pem()),
    ] {
        std::fs::write(link_tls.path().join(name), contents).unwrap();
    }
    let health = SocketAddr::new(LOOPBACK.ip(), ports::three());
    let args = Args {
        cores: std::num::NonZeroU8::MIN,
        router: "router-1".parse().unwrap(),
        pool: "ns.pool".parse().unwrap(),
        // Port 1 of loopback: nobody is there.
        controllers: "127.0.0.1:1".parse().unwrap(),
        link_tls: link_tls.path().to_owned(),
        address: vec![LOOPBACK.ip()],
        https: LOOPBACK,
        media: LOOPBACK,
        health,
        participants: 10,
        drain_deadline: 0,
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn(mmr::run(args, stop.clone()));
    for path in ["/livez", "/readyz"] {
        let answer = within(get(health, path)).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    let metrics = within(get(health, "/metrics")).await;
    for line in [
        "plenum_participants 0",
        "plenum_participants_limit 10",
        "plenum_controller_links 0",
        "plenum_packets_out_total{kind=\"video\"} 0",
        "plenum_packets_dropped_total{reason=\"malformed\"} 0",
        "plenum_media_connections{rung=\"tcp\"} 0",
        "plenum_overload_step 0",
        "plenum_overload_steps_total{step=\"closed\"} 0",
        "plenum_packets_dropped_total{reason=\"receive_buffer\"} 0",
        "plenum_media_busy_ratio ",
        "plenum_cpu_limit_used_ratio ",
        "process_cpu_seconds_total ",
    ] {
        assert!(metrics.contains(line), "no {line:?} in {metrics}");
    }
    stop.cancel();
    within(running).await.unwrap().unwrap();
}
