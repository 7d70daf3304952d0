//! Rungs `tcp` and `tls`: tasks on a runtime, each with one connection, feeding the thread that
//! decides.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::ws::WebSocket;
use plenum_wire::{Kind, Rung};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::{SendError, TrySendError};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::counters::Counts;
use super::{
    Carrier, ConnectionId, Counters, Event, MAX_CONNECTIONS, Outbound, Outbox, Reader, Sent, Waker,
    connection, tcp,
};
use crate::https::Marker;
use crate::tls::Identity;
use crate::websocket;

/// How long a stop waits for the peers to be told.
const FAREWELL: Duration = Duration::from_secs(1);

/// The doors of rungs `tcp` and `tls`. Clones are handles of the same ones.
#[derive(Debug, Clone)]
pub struct Streams {
    shared: Arc<Shared>,
    tcp: SocketAddr,
}

/// Where events go, and what wakes who reads them.
#[derive(Debug, Clone)]
pub(super) struct Outlet {
    sender: mpsc::Sender<Event>,
    waker: Waker,
}

struct WeakOutlet {
    sender: mpsc::WeakSender<Event>,
    waker: Waker,
}

impl WeakOutlet {
    fn upgrade(&self) -> Option<Outlet> {
        let sender = self.sender.upgrade()?;
        Some(Outlet::new(sender, self.waker.clone()))
    }
}

impl Outlet {
    pub(super) const fn new(sender: mpsc::Sender<Event>, waker: Waker) -> Self {
        Self { sender, waker }
    }

    fn weak(&self) -> WeakOutlet {
        WeakOutlet {
            sender: self.sender.downgrade(),
            waker: self.waker.clone(),
        }
    }

    /// Waits for room.
    pub(super) async fn send(&self, event: Event) -> Result<(), SendError<Event>> {
        let sent = self.sender.send(event).await;
        self.waker.wake();
        sent
    }

    pub(super) fn try_send(&self, event: Event) -> Result<(), TrySendError<Event>> {
        let sent = self.sender.try_send(event);
        self.waker.wake();
        sent
    }
}

/// What the tasks share.
pub(super) struct Shared {
    /// Read for every packet sent, changed only with the connections.
    connections: RwLock<HashMap<ConnectionId, (Rung, Carrier)>>,
    next: AtomicU32,
    /// Places of rung `tls`.
    websockets: Arc<Semaphore>,
    pub(super) counts: Arc<Counts>,
    /// Weak, so that the events end when every connection has.
    outlet: WeakOutlet,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Streams {
    /// Starts to accept, on the current runtime.
    pub(super) fn start(
        listener: TcpListener,
        identity: &Identity,
        outlet: Outlet,
        counts: Arc<Counts>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            connections: RwLock::default(),
            next: AtomicU32::new(1),
            websockets: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            counts,
            outlet: outlet.weak(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let tcp = listener.local_addr()?;
        let acceptor = tcp::acceptor(identity)?;
        let accepting = tcp::accept(Arc::clone(&shared), listener, acceptor, outlet);
        shared.tasks.spawn(accepting);
        Ok(Self { shared, tcp })
    }

    /// Where rung `tcp` listens.
    #[must_use]
    pub const fn tcp_address(&self) -> SocketAddr {
        self.tcp
    }

    /// Takes over a WebSocket (see [`super::bounded`]) as a connection of rung `tls`; `marker` is
    /// an extension of its request. Must be called within a runtime.
    pub fn adopt_websocket(&self, websocket: WebSocket, peer: SocketAddr, marker: Marker) {
        let Some(outlet) = self.shared.outlet.upgrade() else {
            return;
        };
        let Ok(place) = Arc::clone(&self.shared.websockets).try_acquire_owned() else {
            self.shared.counts.of(Rung::Tls).refused.add(1);
            return;
        };
        let shared = Arc::clone(&self.shared);
        self.shared.tasks.spawn(async move {
            let _place = place;
            let (outgoing, incoming) = websocket::server(websocket);
            let outbox = Arc::new(Outbox::new(marker));
            let reader = Reader::WebSocket {
                incoming,
                outbox: Arc::clone(&outbox),
            };
            let carrier = Carrier::Stream(Arc::clone(&outbox));
            tokio::join!(
                connection::carry(&shared, outlet, Rung::Tls, peer, carrier, reader),
                outbox.write_websocket(outgoing),
            );
        });
    }

    pub(super) fn send(&self, connection: ConnectionId, outbound: Outbound) {
        self.shared.with(connection, |rung, carrier| {
            let counts = self.shared.counts.of(rung);
            match carrier.send(outbound) {
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

    pub(super) fn carries(&self, connection: ConnectionId, kind: Kind) {
        self.shared
            .with(connection, |_, carrier| carrier.carries(kind));
    }

    pub(super) fn close(&self, connection: ConnectionId, code: u32, reason: &str) {
        self.shared
            .with(connection, |_, carrier| carrier.close(code, reason));
    }

    /// What happened so far, on all rungs.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counts.totals()
    }

    /// Closes the port and every connection with code 0.
    pub(super) fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
    }

    /// Returns when, after a stop, the peers were told; after a second at most.
    pub async fn stopped(&self) {
        self.shared.stop.cancelled().await;
        if timeout(FAREWELL, self.shared.tasks.wait()).await.is_err() {
            tracing::debug!("some media connections did not end in time");
        }
    }
}

impl Shared {
    pub(super) fn add(&self, rung: Rung, carrier: Carrier) -> ConnectionId {
        let connection = ConnectionId::of_stream(self.next.fetch_add(1, Ordering::Relaxed));
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
