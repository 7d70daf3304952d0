//! A port and all its connections.
//!
//! | file | idea |
//! |---|---|
//! | `incoming` | whose a datagram is, and who may begin a connection |
//! | `tell` | what the owner is told |
//! | `outgoing` | what is sent, and in which order |

mod incoming;
mod outgoing;
mod tell;

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use plenum_wire::frame::close;
use plenum_wire::limits::PACKET_BYTES;
use plenum_wire::{Kind, Rung};
use quinn_proto::{ConnectionHandle, EcnCodepoint, Endpoint};

use self::incoming::arrange;
use self::outgoing::{FIRST_TO_LAST, priority};
use super::config;
use super::door::Door;
use super::peer::{Ending, Peer};
use super::socket::Socket;
use super::steer::{self, CoreNumber};
use super::timers::Timers;
use crate::media::counters::Counts;
use crate::media::{ConnectionId, Event, Outbound};
use crate::tls::Identity;

/// Batches read before what they brought is dealt with.
const BATCHES: usize = 8;
/// Between two looks for connections that are too slow or too quiet.
const LOOK: Duration = Duration::from_secs(1);

/// A datagram that came in on one core and is another's.
#[derive(Debug)]
pub struct Stray {
    /// Whose it is.
    pub core: CoreNumber,
    from: SocketAddr,
    to: Option<IpAddr>,
    ecn: Option<EcnCodepoint>,
    bytes: BytesMut,
}

#[cfg(test)]
impl Stray {
    /// That came from nowhere.
    pub(crate) fn new(core: CoreNumber, bytes: &[u8]) -> Self {
        Self {
            core,
            from: SocketAddr::from(([127, 0, 0, 1], 1)),
            to: None,
            ecn: None,
            bytes: BytesMut::from(bytes),
        }
    }
}

/// See the [module's documentation](self).
pub struct Port {
    core: CoreNumber,
    cores: u8,
    socket: Socket,
    endpoint: Endpoint,
    /// By connection handle.
    peers: Vec<Option<Box<Peer>>>,
    open: usize,
    door: Door,
    made: u32,
    timers: Timers,
    next_look: Instant,
    stirred: Vec<usize>,
    ready: [Vec<usize>; FIRST_TO_LAST.len()],
    /// Packets since the last flush.
    gathered: usize,
    strays: Vec<Stray>,
    inbound: BytesMut,
    outbound: BytesMut,
    /// What goes out next.
    buffer: Vec<u8>,
    counts: Arc<Counts>,
}

impl Port {
    /// Takes over a socket that does not block. Of `cores` sockets on the same port this is
    /// the one of `core`.
    pub(crate) fn new(
        socket: UdpSocket,
        identity: &Identity,
        core: CoreNumber,
        cores: u8,
        counts: Arc<Counts>,
        now: Instant,
    ) -> io::Result<Self> {
        let socket = Socket::new(socket)?;
        let server =
            config::server_config(identity, config::SHORT_SEND_BUFFER).map_err(io::Error::other)?;
        let mut config = config::endpoint_config();
        config.cid_generator(move || Box::new(steer::CoreIds(core)));
        let probes_mtu = !socket.may_fragment();
        Ok(Self {
            core,
            cores,
            endpoint: Endpoint::new(Arc::new(config), Some(Arc::new(server)), probes_mtu, None),
            socket,
            peers: Vec::new(),
            open: 0,
            door: Door::default(),
            made: 0,
            timers: Timers::default(),
            next_look: now + LOOK,
            stirred: Vec::new(),
            ready: Default::default(),
            gathered: 0,
            strays: Vec::new(),
            inbound: BytesMut::new(),
            outbound: BytesMut::new(),
            buffer: Vec::new(),
            counts,
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Takes what the kernel has, in bounded portions; whether there may be more.
    pub fn receive(&mut self, now: Instant, events: &mut Vec<Event>) -> io::Result<bool> {
        let mut more = true;
        for _ in 0..BATCHES {
            // The socket lends its buffer to the closure that needs the rest of us.
            let (mut inbound, mut came) = (std::mem::take(&mut self.inbound), Vec::new());
            more = self.socket.receive(|received| {
                arrange(&received, &mut inbound, &mut came);
            })?;
            self.inbound = inbound;
            for stray in came {
                self.datagram(stray, now);
            }
            if !more {
                break;
            }
        }
        self.tell(now, events);
        Ok(more)
    }

    /// Takes a datagram that came in on another core.
    pub fn receive_stray(&mut self, stray: Stray, now: Instant, events: &mut Vec<Event>) {
        self.quic(stray, now);
        self.tell(now, events);
    }

    /// Datagrams for other cores.
    pub fn strays(&mut self) -> std::vec::Drain<'_, Stray> {
        self.strays.drain(..)
    }

    /// Gathers a packet, whose age counts from then, for the next [`Port::flush`]. A connection
    /// that is gone takes nothing.
    pub(crate) fn send(&mut self, to: ConnectionId, outbound: Outbound, since: Instant) {
        let Some(place) = self.place_of(to) else {
            return;
        };
        if outbound.packet.is_empty() || outbound.packet.len() > PACKET_BYTES {
            self.counts.of(Rung::Udp).dropped_out.add(1);
        } else if let Some(peer) = self.peer(place) {
            peer.push(outbound, since);
            self.gathered += 1;
            self.has_something(place);
        }
    }

    /// What a connection carries: how its packets are marked, and how old they may get.
    pub fn carries(&mut self, connection: ConnectionId, kind: Kind) {
        if let Some(peer) = self.place_of(connection).and_then(|place| self.peer(place)) {
            peer.carries(kind);
        }
    }

    /// What a connection carries; pictures, until it is known.
    pub(crate) fn kind_of(&self, connection: ConnectionId) -> Kind {
        let place = self.place_of(connection);
        let peer = place.and_then(|place| self.peers[place].as_ref());
        peer.map_or(Kind::Video, |peer| peer.kind)
    }

    /// Closes a connection with a `RoQ` error code. `Closed` comes with the next events.
    pub fn close(
        &mut self,
        connection: ConnectionId,
        code: u32,
        reason: &str,
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        if let Some(place) = self.place_of(connection) {
            self.end(place, &Ending::new(code, reason), now, events);
        }
    }

    /// Closes all of them.
    pub fn close_all(&mut self, now: Instant, events: &mut Vec<Event>) {
        for place in 0..self.peers.len() {
            self.end(
                place,
                &Ending::new(close::NONE, "the router stops"),
                now,
                events,
            );
        }
    }

    /// When [`Port::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Instant {
        let next = self.timers.next();
        next.map_or(self.next_look, |due| due.min(self.next_look))
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Instant, events: &mut Vec<Event>) {
        while let Some(place) = self.timers.expired(now) {
            let Some(peer) = self.peer(place) else {
                continue;
            };
            match peer.connection.poll_timeout() {
                Some(due) if due <= now => {
                    peer.connection.handle_timeout(now);
                    self.stir(place);
                    self.has_something(place);
                }
                later => self.timers.set(place, later),
            }
        }
        if now >= self.next_look {
            self.next_look = now + LOOK;
            for place in 0..self.peers.len() {
                let overdue = self.peers[place]
                    .as_ref()
                    .and_then(|peer| peer.overdue(now));
                if let Some(ending) = overdue {
                    self.end(place, &ending, now, events);
                }
            }
        }
        self.tell(now, events);
    }

    /// Packets gathered since the last [`Port::flush`].
    #[must_use]
    pub const fn gathered(&self) -> usize {
        self.gathered
    }

    /// Passes on what connection and endpoint have to say to each other; lets go of a
    /// connection that has ended on both sides.
    fn settle(&mut self, place: usize) {
        let handle = ConnectionHandle(place);
        loop {
            let Some(peer) = self.peers.get_mut(place).and_then(Option::as_mut) else {
                return;
            };
            let Some(event) = peer.connection.poll_endpoint_events() else {
                return;
            };
            let gone = event.is_drained();
            if let Some(answer) = self.endpoint.handle_event(handle, event) {
                peer.connection.handle_event(answer);
                self.stir(place);
            }
            if gone {
                self.peers[place] = None;
                self.open -= 1;
            }
        }
    }

    fn stir(&mut self, place: usize) {
        if let Some(peer) = self.peers[place].as_mut()
            && !peer.stirred
        {
            peer.stirred = true;
            self.stirred.push(place);
        }
    }

    fn has_something(&mut self, place: usize) {
        if let Some(peer) = self.peers[place].as_mut()
            && !peer.ready
        {
            peer.ready = true;
            self.ready[priority(peer.kind)].push(place);
        }
    }

    fn peer(&mut self, place: usize) -> Option<&mut Peer> {
        self.peers.get_mut(place)?.as_deref_mut()
    }

    fn place_of(&self, connection: ConnectionId) -> Option<usize> {
        let place = connection.place();
        let peer = self.peers.get(place)?.as_ref()?;
        (peer.id == connection).then_some(place)
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
