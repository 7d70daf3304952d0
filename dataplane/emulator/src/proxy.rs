//! A UDP port behind which the network is bad.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use tokio_util::task::AbortOnDropHandle;

use crate::{Conditions, Link, Path, Phases};

/// Longest datagram.
const DATAGRAM: usize = 65_535;

/// Passes datagrams on between clients and one server, as its links let it. Ends when
/// dropped. Each client is its own address to the server, and has links of its own.
#[derive(Debug)]
pub struct Proxy {
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    /// Opens the way from `port` to `server`; `up` leads there, `down` back. The links of a
    /// client get the next two seeds.
    #[must_use]
    pub fn start(
        port: UdpSocket,
        server: SocketAddr,
        up: Conditions,
        down: Conditions,
        seed: u64,
    ) -> Self {
        let phases = Arc::new(Phases::from(Path { up, down }));
        Self::follow(port, server, phases, Instant::now(), seed)
    }

    /// Like [`Proxy::start`], with conditions that change; `start` is when they began.
    #[must_use]
    pub fn follow(
        port: UdpSocket,
        server: SocketAddr,
        phases: Arc<Phases>,
        start: Instant,
        seed: u64,
    ) -> Self {
        let weather = Weather { phases, start };
        let task = tokio::spawn(async move {
            // Whoever sends through it sees that nothing comes back, as when a network is gone.
            let _ = run(Arc::new(port), server, weather, seed).await;
        });
        Self {
            _task: AbortOnDropHandle::new(task),
        }
    }
}

/// A free port of loopback, of the server's address family.
pub(crate) fn port_beside(server: SocketAddr) -> io::Result<UdpSocket> {
    let ip = match server {
        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    bind(ip)
}

fn bind(ip: std::net::IpAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind((ip, 0))?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

/// The phases by the clock.
#[derive(Clone)]
struct Weather {
    phases: Arc<Phases>,
    start: Instant,
}

impl Weather {
    fn at(&self, now: Instant) -> Path {
        self.phases.at(now.saturating_duration_since(self.start))
    }
}

async fn run(
    port: Arc<UdpSocket>,
    server: SocketAddr,
    weather: Weather,
    mut seed: u64,
) -> io::Result<()> {
    let mut clients = HashMap::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let (length, client) = port.recv_from(&mut buffer).await?;
        if let Entry::Vacant(place) = clients.entry(client) {
            let any = match server {
                SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
            };
            let socket = Arc::new(bind(any)?);
            socket.connect(server).await?;
            let now = weather.at(Instant::now());
            let (up, down) = (Link::new(now.up, seed), Link::new(now.down, seed + 1));
            let there = (Arc::clone(&socket), None);
            let here = (Arc::clone(&port), Some(client));
            let to_server = deliver(there, up, weather.clone(), |path| path.up);
            let to_client = deliver(here, down, weather.clone(), |path| path.down);
            let back = AbortOnDropHandle::new(tokio::spawn(read(socket, to_client)));
            seed += 2;
            place.insert((to_server, back));
        }
        if let Some((to_server, _)) = clients.get(&client) {
            // Fails only when the way there is over.
            let _ = to_server.send((Instant::now(), buffer[..length].to_vec()));
        }
    }
}

type Datagram = (Instant, Vec<u8>);

async fn read(socket: Arc<UdpSocket>, to: mpsc::UnboundedSender<Datagram>) {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        match socket.recv(&mut buffer).await {
            Ok(length) => {
                let datagram = (Instant::now(), buffer[..length].to_vec());
                if to.send(datagram).is_err() {
                    return;
                }
            }
            // The server was not there a moment ago; it may be again.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(_) => return,
        }
    }
}

/// Sends what it is given when the link says, to the target or to whom the socket is connected.
fn deliver(
    (socket, target): (Arc<UdpSocket>, Option<SocketAddr>),
    mut link: Link,
    weather: Weather,
    direction: fn(Path) -> Conditions,
) -> mpsc::UnboundedSender<Datagram> {
    let (sender, mut given) = mpsc::unbounded_channel::<Datagram>();
    tokio::spawn(async move {
        let mut waiting = BinaryHeap::<Reverse<(Instant, u64, Vec<u8>)>>::new();
        let mut order = 0_u64;
        loop {
            let next = waiting.peek().map(|Reverse((at, ..))| *at);
            tokio::select! {
                datagram = given.recv() => {
                    let Some((sent, bytes)) = datagram else { return };
                    link.set(direction(weather.at(sent)));
                    if let Some(at) = link.send(bytes.len(), sent) {
                        waiting.push(Reverse((at, order, bytes)));
                        order += 1;
                    }
                }
                () = due(next) => {
                    let Some(Reverse((.., bytes))) = waiting.pop() else { continue };
                    // Who is gone gets nothing.
                    let _ = match target {
                        Some(target) => socket.send_to(&bytes, target).await,
                        None => socket.send(&bytes).await,
                    };
                }
            }
        }
    });
    sender
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
