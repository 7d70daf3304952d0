//! The directory that is asked, on a core of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::time::Duration;

use jiff::Timestamp;
use plenum_directory::api::{self, Config, Directory};
use plenum_directory::store::{self, Store};
use plenum_transport::https;
use plenum_transport::tls::{Identity, Trust, server_config};
use prometheus_client::registry::Registry;
use rustix::thread::{CpuSet, sched_setaffinity};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Where it is, and how to stop it.
pub struct House {
    pub address: SocketAddr,
    pub trust: Trust,
    cpu: mpsc::Receiver<Duration>,
    look: tokio::sync::mpsc::UnboundedSender<()>,
}

impl House {
    pub fn open(url: &str) -> Self {
        let url = url.to_owned();
        let (tell, told) = mpsc::channel();
        let (cpu_is, cpu) = mpsc::channel();
        let (look, mut looked) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            pin(&[0]);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (address, trust) = serve(&url).await;
                tell.send((address, trust)).unwrap();
                // Until nobody asks any more.
                while looked.recv().await.is_some() {
                    cpu_is.send(cpu_time()).unwrap();
                }
            });
        });
        let (address, trust) = told.recv().unwrap();
        Self {
            address,
            trust,
            cpu,
            look,
        }
    }

    /// CPU time that its thread has used.
    pub fn cpu(&self) -> Duration {
        self.look.send(()).unwrap();
        self.cpu.recv().unwrap()
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

/// Keeps this thread, and those it starts, on these cores, as far as the machine has them.
pub fn pin(cores: &[usize]) {
    let count = std::thread::available_parallelism().unwrap().get();
    let mut set = CpuSet::new();
    for core in cores {
        set.set(core % count);
    }
    sched_setaffinity(None, &set).unwrap();
}

/// What the kernel says of this thread: user and system time are the fields 14 and 15, in
/// hundredths of a second (proc(5)).
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    // The name, the second field, is in brackets and may have spaces.
    let (_, fields) = text.rsplit_once(')').unwrap();
    let times = fields.split_whitespace().skip(11).take(2);
    times
        .map(|ticks| Duration::from_millis(10 * ticks.parse::<u64>().unwrap()))
        .sum()
}

/// The time as the directory takes it.
pub fn now() -> Timestamp {
    Timestamp::now()
}
