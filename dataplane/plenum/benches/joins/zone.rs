//! The zone controller that is asked, on a core of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use plenum::zc::{self, Config, Directory, KeyRing};
use plenum_transport::https;
use plenum_transport::tls::{Identity, Trust, server_config};
use plenum_zone::admission::Admission;
use prometheus_client::registry::Registry;
use rcgen::KeyPair;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc as ask, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::measuring::cpu::{self, Watch};
use crate::support::{Authority, ed25519};

/// As the routers of the tests expect it.
pub const NAME: &str = "test.zone";
/// The name of the directory's key.
pub const DIRECTORY: &str = "d1";

/// Where it is, and what is needed to be let in.
pub struct Zone {
    pub api: SocketAddr,
    pub link: SocketAddr,
    pub trust: Trust,
    pub router: Identity,
    /// The directory's own key.
    pub directory: KeyPair,
    look: ask::UnboundedSender<oneshot::Sender<Look>>,
}

/// How it is.
pub struct Look {
    pub watch: Watch,
    pub metrics: String,
}

impl Zone {
    /// Starts a controller that runs until the process ends.
    pub fn open() -> Self {
        let (authority, directory) = (Authority::new(), ed25519());
        let controller = authority.issue(Some("controller"));
        let (look, mut looks) = ask::unbounded_channel::<oneshot::Sender<Look>>();
        let (tell, told) = mpsc::channel();
        let (trust, keys) = (authority.trust(), learned(&directory));
        std::thread::spawn(move || {
            cpu::pin(0);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut registry = Registry::default();
                tell.send(serve(&controller, &trust, keys, &mut registry).await)
                    .unwrap();
                while let Some(reply) = looks.recv().await {
                    // Who no longer waits needs no answer.
                    let _ = reply.send(look_at(&registry));
                }
            });
        });
        let (api, link) = told.recv().unwrap();
        Self {
            api,
            link,
            trust: authority.trust(),
            router: authority.issue(Some("router")),
            directory,
            look,
        }
    }

    pub async fn look(&self) -> Look {
        let (reply, looked) = oneshot::channel();
        self.look.send(reply).unwrap();
        looked.await.unwrap()
    }

    pub async fn watch(&self) -> Watch {
        self.look().await.watch
    }

    /// Share of its core that it has used since.
    pub async fn busy_since(&self, watch: Watch) -> f64 {
        watch.busy_until(self.watch().await)
    }
}

fn look_at(registry: &Registry) -> Look {
    let mut metrics = String::new();
    prometheus_client::encoding::text::encode(&mut metrics, registry).unwrap();
    Look {
        watch: Watch::now(),
        metrics,
    }
}

/// What a controller learns of the directory whose key this is.
fn learned(directory: &KeyPair) -> Directory {
    let key = DecodingKey::from_ed_der(directory.public_key_raw());
    let mut jwk = Jwk::from_decoding_key(&key, Some(Algorithm::EdDSA)).unwrap();
    jwk.common.key_id = Some(DIRECTORY.to_owned());
    let known = Directory::default();
    known.learn(json!({ "keys": [jwk] }));
    known
}

async fn serve(
    identity: &Identity,
    members: &Trust,
    directory: Directory,
    registry: &mut Registry,
) -> (SocketAddr, SocketAddr) {
    let ring = KeyRing::single("k1", &ed25519().serialize_pem()).unwrap();
    let (keys, ring) = watch::channel(ring);
    let zone: plenum_wire::ZoneName = NAME.parse().unwrap();
    let config = Config {
        zone: zone.clone(),
        name: "zc-0".to_owned(),
        keys: ring,
        admission: Admission::Directory { zone },
        directory,
        public: vec!["https://meet.example.org".to_owned()],
        outward: None,
    };
    let zc = zc::start(config, registry, CancellationToken::new());
    tokio::spawn(async move { keys.closed().await });
    let api = listen(
        zc.app,
        server_config(identity, None, &[b"http/1.1"]).unwrap(),
    );
    let link = server_config(identity, Some(members), &[b"http/1.1"]).unwrap();
    (api.await, listen(zc.links, link).await)
}

async fn listen(app: axum::Router, tls: std::sync::Arc<rustls::ServerConfig>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (_certificate, tls) = watch::channel(tls);
        https::serve(listener, tls, app, CancellationToken::new()).await;
    });
    address
}
