//! The handle of the media server and what its tasks share.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::ws::WebSocket;
use bytes::Bytes;
use plenum_wire::frame::close;
use plenum_wire::{FlowId, Kind, Rung};
use quinn::{Endpoint, VarInt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::counters::Counts;
use super::{
    Carrier, Config, ConnectionId, Counters, EVENTS, Event, MAX_CONNECTIONS, Outbox, Reader, Sent,
    connection, tcp, udp,
};
use crate::{socket, websocket};

/// How long a stop waits for the peers to be told.
const FAREWELL: Duration = Duration::from_secs(1);
/// Tries to find a port that is free for both UDP and TCP.
const PORT_TRIES: usize = 16;

/// The media server. Clones are handles of the same one.
#[derive(Debug, Clone)]
pub struct Server {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    udp: SocketAddr,
    tcp: SocketAddr,
}

/// What the tasks of a server share.
pub(super) struct Shared {
    /// Read for every packet sent, changed only with the connections.
    connections: RwLock<HashMap<ConnectionId, (Rung, Carrier)>>,
    next: AtomicU64,
    pub(super) counts: Arc<Counts>,
    /// Weak, so that the events end when the server has stopped.
    events: mpsc::WeakSender<Event>,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Server {
    /// Binds both ports and starts to accept, on the current runtime. The events end after
    /// [`Server::stop`].
    #[expect(
        clippy::unused_async,
        reason = "it must run within a runtime, and this says so"
    )]
    pub async fn bind(config: Config) -> io::Result<(Self, mpsc::Receiver<Event>)> {
        let (udp_socket, listener) = bind_both(config.udp, config.tcp)?;
        let (events, receiver) = mpsc::channel(EVENTS);
        let shared = Arc::new(Shared {
            connections: RwLock::default(),
            next: AtomicU64::new(1),
            counts: Arc::default(),
            events: events.downgrade(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let endpoint = udp::endpoint(udp_socket, &config.identity, Arc::clone(&shared.counts))?;
        let server = Self {
            udp: endpoint.local_addr()?,
            tcp: listener.local_addr()?,
            endpoint: endpoint.clone(),
            shared: Arc::clone(&shared),
        };
        let acceptor = tcp::acceptor(&config.identity)?;
        let tasks = shared.tasks.clone();
        tasks.spawn(tcp::accept(
            Arc::clone(&shared),
            listener,
            acceptor,
            events.clone(),
        ));
        tasks.spawn(udp::accept(shared, endpoint, events));
        Ok((server, receiver))
    }

    /// Where rung `udp` listens.
    #[must_use]
    pub const fn udp_address(&self) -> SocketAddr {
        self.udp
    }

    /// Where rung `tcp` listens.
    #[must_use]
    pub const fn tcp_address(&self) -> SocketAddr {
        self.tcp
    }

    /// Takes over a WebSocket (see [`super::bounded`]) as a connection of rung `tls`. Must be
    /// called within a runtime.
    pub fn adopt_websocket(&self, websocket: WebSocket, peer: SocketAddr) {
        let Some(events) = self.shared.events.upgrade() else {
            return;
        };
        let shared = Arc::clone(&self.shared);
        self.shared.tasks.spawn(async move {
            if shared.open(Rung::Tls) >= MAX_CONNECTIONS {
                return;
            }
            let (outgoing, incoming) = websocket::server(websocket);
            let outbox = Arc::new(Outbox::new());
            let reader = Reader::WebSocket {
                incoming,
                outbox: Arc::clone(&outbox),
            };
            let carrier = Carrier::Stream(Arc::clone(&outbox));
            tokio::join!(
                connection::carry(&shared, events, Rung::Tls, peer, carrier, reader),
                outbox.write_websocket(outgoing),
            );
        });
    }

    /// Sends a packet, or drops it, at once. A connection that is gone takes nothing.
    pub fn send(&self, connection: ConnectionId, flow: FlowId, packet: &Bytes) {
        self.shared.with(connection, |rung, carrier| {
            let counts = self.shared.counts.of(rung);
            match carrier.send(flow, packet) {
                Sent::Queued { dropped } => {
                    counts.packets_out.add(1);
                    if dropped > 0 {
                        counts.dropped_out.add(dropped);
                    }
                }
                Sent::Unfit => counts.dropped_out.add(1),
                Sent::Closed => {}
            }
        });
    }

    /// Says what a connection carries: on rungs `tcp` and `tls` this tells how old a packet
    /// may get before it is dropped. Until then it is a second.
    pub fn carries(&self, connection: ConnectionId, kind: Kind) {
        self.shared
            .with(connection, |_, carrier| carrier.carries(kind));
    }

    /// Closes a connection with a `RoQ` error code (on rung `tls`: 4000 more). `Closed` follows.
    pub fn close(&self, connection: ConnectionId, code: u32, reason: &str) {
        self.shared
            .with(connection, |_, carrier| carrier.close(code, reason));
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counts.totals()
    }

    /// Closes the ports and every connection with code 0; returns when the peers were told, after
    /// a second at most.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.endpoint.close(VarInt::from_u32(close::NONE), b"");
        let told = async {
            self.shared.tasks.wait().await;
            self.endpoint.wait_idle().await;
        };
        if timeout(FAREWELL, told).await.is_err() {
            tracing::debug!("some media connections did not end in time");
        }
    }
}

impl Shared {
    /// Connections of a rung that are open.
    pub(super) fn open(&self, rung: Rung) -> usize {
        let connections = self
            .connections
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        connections.values().filter(|(on, _)| *on == rung).count()
    }

    pub(super) fn add(&self, rung: Rung, carrier: Carrier) -> ConnectionId {
        let connection = ConnectionId(self.next.fetch_add(1, Ordering::Relaxed));
        let mut connections = self
            .connections
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        connections.insert(connection, (rung, carrier));
        connection
    }

    pub(super) fn remove(&self, connection: ConnectionId) {
        let mut connections = self
            .connections
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        connections.remove(&connection);
    }

    fn with(&self, connection: ConnectionId, act: impl FnOnce(Rung, &Carrier)) {
        let connections = self
            .connections
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((rung, carrier)) = connections.get(&connection) {
            act(*rung, carrier);
        }
    }
}

/// Both sockets. Clients are told one port number for both, so two zeros become one.
fn bind_both(udp: SocketAddr, tcp: SocketAddr) -> io::Result<(std::net::UdpSocket, TcpListener)> {
    if (udp.port(), tcp.port()) != (0, 0) {
        return Ok((socket::udp(udp)?, socket::listen(tcp)?));
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let listener = socket::listen(tcp)?;
        let port = listener.local_addr()?.port();
        match socket::udp(SocketAddr::new(udp.ip(), port)) {
            Ok(udp) => return Ok((udp, listener)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < PORT_TRIES => {}
            Err(error) => return Err(error),
        }
    }
}
