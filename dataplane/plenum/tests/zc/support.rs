//! A controller on loopback, a zone authority, a router that is only a link, and a client
//! that writes its own HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use plenum::zc::{self, Config, Directory, KeyRing};
use plenum_transport::channel::{Channel, Dial, Received, Receiver, Sender, Settings};
use plenum_transport::dial::DialError;
use plenum_transport::https::{self, Peer};
use plenum_transport::tls::{Identity, Trust, client_config, server_config};
use plenum_wire::join::{Endpoint, Offer, Problem};
use plenum_wire::link::{
    FromOperator, FromRouter, LINK_PATH, Load, MeetingLoad, OPERATOR_SUBPROTOCOL,
    ROUTER_SUBPROTOCOL, ToOperator, ToRouter,
};
use plenum_wire::ticket::Keys;
use plenum_wire::{Boot, Fingerprint};
use plenum_zone::admission::Admission;
use prometheus_client::registry::Registry;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ED25519, SanType,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub const FINGERPRINT: Fingerprint = Fingerprint([0xab; 32]);

pub fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A test that hangs fails. Slow ones do not: the machine may be slow.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often a condition is looked at.
pub const PACE: Duration = Duration::from_millis(5);

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("takes longer than two minutes")
}

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn trust(&self) -> Trust {
        Trust::from_pem(self.pem().as_bytes()).unwrap()
    }

    pub fn issue_pem(&self, role: Option<&str>) -> (String, String) {
        self.issue_for("test.zone", role)
    }

    pub fn issue_for(&self, zone: &str, role: Option<&str>) -> (String, String) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        if let Some(role) = role {
            let uri = Ia5String::try_from(format!("spiffe://plenum.dev/{zone}/{role}"));
            params.subject_alt_names.push(SanType::URI(uri.unwrap()));
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    pub fn issue(&self, role: Option<&str>) -> Identity {
        self.issue_in("test.zone", role)
    }

    /// The same for another zone under this authority.
    pub fn issue_in(&self, zone: &str, role: Option<&str>) -> Identity {
        let (certificate, key) = self.issue_for(zone, role);
        Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap()
    }
}

pub fn ed25519() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).unwrap()
}

/// A controller that runs.
pub struct Controller {
    pub api: SocketAddr,
    pub link: SocketAddr,
    pub authority: Authority,
    pub ready: watch::Receiver<bool>,
    pub registry: Registry,
    pub keys: watch::Sender<KeyRing>,
    _stop: tokio_util::sync::DropGuard,
}

impl Controller {
    pub async fn open() -> Self {
        Self::start(Admission::Open { meetings: None }, Directory::default()).await
    }

    pub async fn start(admission: Admission, directory: Directory) -> Self {
        let stop = CancellationToken::new();
        let ring = KeyRing::single("k1", &ed25519().serialize_pem()).unwrap();
        let (keys, ring) = watch::channel(ring);
        let mut registry = Registry::default();
        let config = Config {
            zone: "test.zone".parse().unwrap(),
            name: "zc-0".to_owned(),
            keys: ring,
            admission,
            directory,
            public: vec!["https://meet.example.org".to_owned()],
            outward: None,
        };
        let zc = zc::start(config, &mut registry, stop.clone());
        let authority = Authority::new();
        Self {
            api: serve_plainly(zc.app).await,
            link: serve_links(&authority, zc.links, stop.clone()).await,
            authority,
            ready: zc.ready,
            registry,
            keys,
            _stop: stop.drop_guard(),
        }
    }

    pub async fn dial<In, Out>(
        &self,
        identity: &Identity,
        subprotocol: &str,
    ) -> Result<Channel<In, Out>, DialError> {
        dial(self.link, &self.authority.trust(), identity, subprotocol).await
    }

    /// Checks that this identity gets no link of that kind.
    pub async fn refuses(&self, identity: &Identity, subprotocol: &str) {
        let refused: Result<Channel<ToRouter, FromRouter>, _> =
            self.dial(identity, subprotocol).await;
        let Err(DialError::Refused { status: 403 }) = refused else {
            panic!("{subprotocol}: {refused:?}");
        };
    }

    /// Checks that whoever has this role is turned away when the first word is not hello: a
    /// message of a router that has not said it, which is no word of a tunnel at all.
    pub async fn wants_hello(&self, role: &str, subprotocol: &str) {
        let identity = self.authority.issue(Some(role));
        let link: Channel<ToRouter, FromRouter> = self.dial(&identity, subprotocol).await.unwrap();
        let (sender, mut receiver) = link.split();
        sender.send(&FromRouter::MoveEnded {
            meeting: "standup".parse().unwrap(),
            to: "router-b".parse().unwrap(),
            moved: 0,
            failed: 0,
            took_ms: 0,
        });
        let closed = within(receiver.next()).await;
        let refused = matches!(
            closed,
            Received::Closed {
                code: Some(1008),
                ..
            }
        );
        assert!(refused, "{closed:?}");
    }

    pub async fn router(&self, name: &str, capacity: u32) -> FakeRouter {
        let identity = self.authority.issue(Some("router"));
        let channel = self.dial(&identity, ROUTER_SUBPROTOCOL).await.unwrap();
        let mut router = FakeRouter::on(channel, capacity);
        router.hello(name);
        router.welcomed().await;
        router.report(&[]);
        router
    }

    pub async fn operator(&self) -> (Sender<FromOperator>, Receiver<ToOperator>) {
        let identity = self.authority.issue(Some("operator"));
        let channel = self.dial(&identity, OPERATOR_SUBPROTOCOL).await;
        channel.unwrap().split()
    }

    /// Waits until joins find a router: reports and joins come by different ways.
    pub async fn until_routed(&mut self) {
        within(self.ready.wait_for(|ready| *ready)).await.unwrap();
    }

    /// Waits until the routers' reports say that so many participants are there.
    pub async fn until_counted(&self, participants: u32) {
        let (_operator, mut reports) = self.operator().await;
        let counted = async {
            loop {
                let ToOperator::Report { routers, .. } = match reports.next().await {
                    Received::Message(report) => report,
                    other => panic!("{other:?}"),
                };
                let there: u32 = routers.iter().map(|it| it.load.participants).sum();
                if there == participants {
                    return;
                }
            }
        };
        within(counted).await;
    }

    pub async fn join(&self, meeting: &str, body: &str) -> Answer {
        self.join_with(meeting, body, "").await
    }

    pub async fn join_with(&self, meeting: &str, body: &str, header: &str) -> Answer {
        let path = format!("/v1/meetings/{meeting}/join");
        ask(self.api, "POST", &path, header, body).await
    }

    pub fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}

pub async fn dial<In, Out>(
    addr: SocketAddr,
    trust: &Trust,
    identity: &Identity,
    subprotocol: &str,
) -> Result<Channel<In, Out>, DialError> {
    let request = Dial {
        addr,
        server_name: "localhost".to_owned(),
        path: LINK_PATH.to_owned(),
        subprotocol: subprotocol.to_owned(),
        tls: client_config(trust, Some(identity), &[b"http/1.1"]).unwrap(),
    };
    // A controller that signs a lot in a slow build is silent meanwhile, and not gone.
    let settings = Settings {
        silence: PATIENCE,
        ..Settings::default()
    };
    within(Box::pin(Channel::dial_with(request, settings))).await
}

/// HTTP without TLS, told that all come from one address.
async fn serve_plainly(app: axum::Router) -> SocketAddr {
    let peer = Peer {
        addr: loopback(),
        member: None,
    };
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.layer(Extension(peer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn serve_links(
    authority: &Authority,
    links: axum::Router,
    stop: CancellationToken,
) -> SocketAddr {
    let identity = authority.issue(Some("controller"));
    let config = server_config(&identity, Some(&authority.trust()), &[b"http/1.1"]).unwrap();
    let (certificate, tls) = watch::channel(config);
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        https::serve(listener, tls, links, stop).await;
        drop::<watch::Sender<Arc<_>>>(certificate);
    });
    address
}

pub struct FakeRouter {
    pub sender: Sender<FromRouter>,
    receiver: Receiver<ToRouter>,
    capacity: u32,
    pub keys: Keys,
}

impl FakeRouter {
    pub fn on(channel: Channel<ToRouter, FromRouter>, capacity: u32) -> Self {
        let (sender, receiver) = channel.split();
        Self {
            sender,
            receiver,
            capacity,
            keys: Keys::default(),
        }
    }

    pub fn hello(&self, name: &str) {
        let hello = FromRouter::Hello {
            router: name.parse().unwrap(),
            pool: "test.pool".parse().unwrap(),
            boot: Boot(1),
            endpoint: Endpoint {
                addresses: vec!["192.0.2.1".parse().unwrap()],
                https_port: 443,
                media_port: 8801,
                fingerprint: FINGERPRINT,
            },
        };
        assert!(self.sender.send(&hello));
    }

    pub async fn next(&mut self) -> ToRouter {
        match within(self.receiver.next()).await {
            Received::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Received::Closed { code, .. } = within(self.receiver.next()).await {
                return code;
            }
        }
    }

    /// Takes the keys of a welcome.
    pub async fn welcomed(&mut self) {
        let ToRouter::Welcome {
            controller,
            zone,
            keys,
        } = self.next().await
        else {
            panic!("no welcome");
        };
        assert_eq!((controller.as_str(), zone.as_str()), ("zc-0", "test.zone"));
        self.keys = Keys::from_keys(&keys);
    }

    pub fn report(&self, meetings: &[(&str, u32)]) {
        assert!(self.sender.send(&self.state(meetings)));
    }

    /// Says that it takes nobody, and that nobody wants it empty.
    pub fn report_overload(&self) {
        let mut report = self.state(&[]);
        if let FromRouter::Report { load, .. } = &mut report {
            load.accepting = false;
        }
        assert!(self.sender.send(&report));
    }

    /// Says that it lives, if anybody still listens.
    pub fn beat(&self) {
        self.sender.send(&self.state(&[]));
    }

    fn state(&self, meetings: &[(&str, u32)]) -> FromRouter {
        let load = |(meeting, participants): &(&str, u32)| MeetingLoad {
            meeting: meeting.parse().unwrap(),
            participants: *participants,
            moving_to: None,
        };
        FromRouter::Report {
            load: Load {
                participants: meetings.iter().map(|(_, count)| count).sum(),
                capacity: self.capacity,
                accepting: true,
                draining: false,
            },
            meetings: meetings.iter().map(load).collect(),
            ended: vec![],
        }
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn offer(&self) -> Offer {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn problem(&self) -> Problem {
        let kind = "content-type: application/problem+json";
        assert!(self.head.contains(kind), "{self:?}");
        let problem: Problem = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        assert!(!problem.detail.is_empty());
        problem
    }
}

pub async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    header: &str,
    body: &str,
) -> Answer {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: zone\r\nconnection: close\r\n{header}\
         content-length: {length}\r\n\r\n{body}"
    );
    within(async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    })
    .await
}
