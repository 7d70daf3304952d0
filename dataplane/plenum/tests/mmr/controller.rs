//! A controller that does what a test says, and the authority of its zone.

use std::net::SocketAddr;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey};
use plenum_transport::channel::{self, Channel, Received};
use plenum_transport::tls::{Identity, Loaded, Trust, server_config};
use plenum_transport::{https, socket};
use plenum_wire::join::Endpoint;
use plenum_wire::limits::MESSAGE_BYTES;
use plenum_wire::link::{FromRouter, LINK_PATH, ROUTER_SUBPROTOCOL, TicketKey, ToRouter};
use plenum_wire::ticket::SigningKey;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{ALPN, LOOPBACK, within};

/// The zone's authority.
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

    pub fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    pub fn load(&self, name: &str) -> Loaded {
        let (certificate, key) = self.issue(name);
        Loaded {
            identity: Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap(),
            trust: Trust::from_pem(self.pem().as_bytes()).unwrap(),
        }
    }
}

/// One link as the controller sees it.
pub struct Link {
    pub sender: channel::Sender<ToRouter>,
    receiver: channel::Receiver<FromRouter>,
}

impl Link {
    pub async fn next(&mut self) -> Option<FromRouter> {
        match within(self.receiver.next()).await {
            Received::Message(message) => Some(message),
            Received::Bad(bad) => panic!("{bad}"),
            Received::Closed { .. } => None,
        }
    }
}

/// A controller that does what the test says.
pub struct Controller {
    pub address: SocketAddr,
    links: mpsc::Receiver<Link>,
    pub key: SigningKey,
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
    pub fn start(authority: &Authority) -> Self {
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
    pub async fn welcome(&mut self) -> Link {
        self.hello().await.0
    }

    /// The same, with where the router says that clients reach it.
    pub async fn hello(&mut self) -> (Link, Endpoint) {
        let mut link = within(self.links.recv()).await.unwrap();
        let hello = link.next().await;
        let Some(FromRouter::Hello { endpoint, .. }) = hello else {
            panic!("{hello:?}")
        };
        link.sender.send(&ToRouter::Welcome {
            controller: "zc-0".into(),
            zone: "ns.zone".parse().unwrap(),
            keys: vec![self.public.clone()],
        });
        (link, endpoint)
    }

    /// No router ever linked to it so far.
    pub fn is_alone(&mut self) -> bool {
        self.links.try_recv().is_err()
    }
}
