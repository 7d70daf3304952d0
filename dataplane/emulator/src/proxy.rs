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

use crate::{Conditions, Link};

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
        let task = tokio::spawn(async move {
            // It ends with its test, which sees that nothing comes.
            let _ = run(Arc::new(port), server, up, down, seed).await;
        });
        Self {
            _task: AbortOnDropHandle::new(task),
        }
    }
}

async fn run(
    port: Arc<UdpSocket>,
    server: SocketAddr,
    up: Conditions,
    down: Conditions,
    mut seed: u64,
) -> io::Result<()> {
    let mut clients = HashMap::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let (length, client) = port.recv_from(&mut buffer).await?;
        if let Entry::Vacant(place) = clients.entry(client) {
            let socket = Arc::new(UdpSocket::bind((server.ip(), 0)).await?);
            socket.connect(server).await?;
            let to_server = deliver(Arc::clone(&socket), None, Link::new(up, seed));
            let to_client = deliver(Arc::clone(&port), Some(client), Link::new(down, seed + 1));
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
    while let Ok(length) = socket.recv(&mut buffer).await {
        if to
            .send((Instant::now(), buffer[..length].to_vec()))
            .is_err()
        {
            return;
        }
    }
}

/// Sends what it is given when the link says, to `target` or to whom the socket is connected.
fn deliver(
    socket: Arc<UdpSocket>,
    target: Option<SocketAddr>,
    mut link: Link,
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
