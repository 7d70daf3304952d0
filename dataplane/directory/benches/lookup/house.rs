//! The directory that is asked, on a core of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;

use jiff::Timestamp;
use plenum_directory::api::{self, Config, Directory};
use plenum_directory::store::{self, Store};
use plenum_transport::https;
use plenum_transport::tls::{Identity, Trust, server_config};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::measuring::cpu::{Watch, pin};

/// Where it is, and how to stop it.
pub struct House {
    pub address: SocketAddr,
    pub trust: Trust,
    watches: mpsc::Receiver<Watch>,
    look: tokio::sync::mpsc::UnboundedSender<()>,
}

impl House {
    pub fn open(url: &str) -> Self {
        let url = url.to_owned();
        let (tell, told) = mpsc::channel();
        let (show, watches) = mpsc::channel();
        let (look, mut looked) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            pin(0);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (address, trust) = serve(&url).await;
                tell.send((address, trust)).unwrap();
                // Until nobody asks any more.
                while looked.recv().await.is_some() {
                    show.send(Watch::now()).unwrap();
                }
            });
        });
        let (address, trust) = told.recv().unwrap();
        Self {
            address,
            trust,
            watches,
            look,
        }
    }

    /// How much its thread has used so far.
    pub fn watch(&self) -> Watch {
        self.look.send(()).unwrap();
        self.watches.recv().unwrap()
    }
}

async fn serve(url: &str) -> (SocketAddr, Trust) {
    let store = Store::open(&store::Config::new(url)).await.unwrap();
    let config = Config {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..Config::new("https://directory.bench")
    };
    let directory = Directory::new(config, store, &mut Registry::default());
    let stop = CancellationToken::new();
    let mut ready = api::keep_up(directory.clone(), stop.clone());
    ready.wait_for(|ready| *ready).await.unwrap();
    let identity = Identity::self_signed(&["localhost".to_owned()]).unwrap();
    let config = server_config(&identity, None, &[b"http/1.1"]).unwrap();
    let (certificate, tls) = watch::channel(config);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = api::app(directory);
    tokio::spawn(async move {
        https::serve(listener, tls, app, stop).await;
        drop(certificate);
    });
    (address, Trust::Pinned(identity.fingerprint()))
}

/// The time as the directory takes it.
pub fn now() -> Timestamp {
    Timestamp::now()
}
