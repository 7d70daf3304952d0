//! A port and all its connections.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use plenum_wire::frame::{close, decode_datagram};
use plenum_wire::limits::PACKET_BYTES;
use plenum_wire::{Kind, Rung};
use quinn_proto::{
    ConnectionError, ConnectionHandle, DatagramEvent, EcnCodepoint, Endpoint, Event as QuicEvent,
    Incoming, Transmit,
};

use super::config;
use super::door::{Answer, Door};
use super::peer::{Ending, Peer, Stage};
use super::socket::{Outgoing, Received, Socket};
use super::steer::{self, CoreNumber};
use super::timers::Timers;
use crate::marking::traffic_class;
use crate::media::counters::Counts;
use crate::media::{ConnectionId, Event, MAX_CONNECTIONS, Outbound};
use crate::tls::Identity;

/// No packet of QUIC is shorter: RFC 9000 section 10.3.
const SHORTEST: usize = 21;
/// The fixed bit, by which QUIC is told from other protocols on its port: RFC 9443 section 2.
const FIXED_BIT: u8 = 0x40;
/// Batches read before what they brought is dealt with.
const BATCHES: usize = 8;
/// Between two looks for connections that are too slow or too quiet.
const LOOK: Duration = Duration::from_secs(1);
/// Bytes that received datagrams share.
const ARENA: usize = 256 * 1_024;
/// Who sends first, when all have something to send: what is missed most.
const FIRST_TO_LAST: [Kind; 3] = [Kind::Audio, Kind::Content, Kind::Video];

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

    /// Gathers a packet for the next [`Port::flush`]. A connection that is gone takes nothing.
    pub(crate) fn send(&mut self, to: ConnectionId, outbound: Outbound, now: Instant) {
        let Some(place) = self.place_of(to) else {
            return;
        };
        if outbound.packet.is_empty() || outbound.packet.len() > PACKET_BYTES {
            self.counts.of(Rung::Udp).dropped_out.add(1);
        } else if let Some(peer) = self.peer(place) {
            peer.push(outbound, now);
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

    /// Sends what was gathered and what QUIC itself has to say.
    pub fn flush(&mut self, now: Instant) {
        self.gathered = 0;
        for priority in 0..self.ready.len() {
            let mut ready = std::mem::take(&mut self.ready[priority]);
            for place in ready.drain(..) {
                self.transmit(place, now);
            }
            // Its room is used again.
            if self.ready[priority].is_empty() {
                self.ready[priority] = ready;
            }
        }
    }

    /// Packets gathered since the last [`Port::flush`].
    #[must_use]
    pub const fn gathered(&self) -> usize {
        self.gathered
    }

    fn transmit(&mut self, place: usize, now: Instant) {
        let segments = self.socket.segments();
        let Some(peer) = self.peers.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        peer.ready = false;
        let counts = self.counts.of(Rung::Udp);
        loop {
            let filled = peer.fill(&mut self.outbound, now);
            counts.packets_out.add(filled.sent);
            counts.dropped_out.add(filled.dropped);
            self.buffer.clear();
            let Some(transmit) = peer
                .connection
                .poll_transmit(now, segments, &mut self.buffer)
            else {
                break;
            };
            let outgoing = outgoing(&transmit, &self.buffer, traffic_class(peer.kind));
            self.socket.send(&outgoing);
        }
        peer.has_sent();
        let due = peer.connection.poll_timeout();
        self.timers.set(place, due);
        self.settle(place);
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

    fn datagram(&mut self, stray: Stray, now: Instant) {
        if stray.bytes.len() < SHORTEST || stray.bytes[0] & FIXED_BIT == 0 {
            self.counts.of(Rung::Udp).garbage.add(1);
            return;
        }
        match steer::core_of(&stray.bytes) {
            Some(core) if core != self.core && core.0 < self.cores => {
                self.strays.push(Stray { core, ..stray });
            }
            _ => self.quic(stray, now),
        }
    }

    fn quic(&mut self, datagram: Stray, now: Instant) {
        let Stray {
            from,
            to,
            ecn,
            bytes,
            ..
        } = datagram;
        self.buffer.clear();
        match self
            .endpoint
            .handle(now, from, to, ecn, bytes, &mut self.buffer)
        {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                if let Some(peer) = self.peer(handle.0) {
                    peer.connection.handle_event(event);
                    self.stir(handle.0);
                    self.has_something(handle.0);
                }
            }
            Some(DatagramEvent::NewConnection(incoming)) => self.incoming(incoming, now),
            Some(DatagramEvent::Response(transmit)) => self.respond(&transmit),
            None => {}
        }
    }

    fn incoming(&mut self, incoming: Incoming, now: Instant) {
        self.buffer.clear();
        let address = incoming.remote_address().ip();
        let proven = incoming.remote_address_validated();
        if self.open >= MAX_CONNECTIONS {
            let refusal = self.endpoint.refuse(incoming, &mut self.buffer);
            return self.respond(&refusal);
        }
        match self.door.knock(address, proven, now) {
            Answer::ComeIn => self.accept(incoming, now),
            Answer::GoAway => {
                let refusal = self.endpoint.refuse(incoming, &mut self.buffer);
                self.respond(&refusal);
            }
            // Fails only for those that proved their address.
            Answer::ProveYourAddress => {
                if let Ok(retry) = self.endpoint.retry(incoming, &mut self.buffer) {
                    self.respond(&retry);
                }
            }
        }
    }

    fn accept(&mut self, incoming: Incoming, now: Instant) {
        let proven = incoming.remote_address_validated();
        match self.endpoint.accept(incoming, now, &mut self.buffer, None) {
            Ok((handle, connection)) => {
                let id = self.next_id(handle);
                let peer = Box::new(Peer::new(id, connection, proven, now));
                if self.peers.len() <= handle.0 {
                    self.peers.resize_with(handle.0 + 1, || None);
                }
                self.peers[handle.0] = Some(peer);
                self.open += 1;
                self.stir(handle.0);
                self.has_something(handle.0);
            }
            Err(refused) => {
                self.door.gave_up(proven);
                self.counts.of(Rung::Udp).garbage.add(1);
                if let Some(response) = refused.response {
                    self.respond(&response);
                }
            }
        }
    }

    fn respond(&mut self, transmit: &Transmit) {
        self.socket.send(&outgoing(transmit, &self.buffer, 0));
    }

    /// Tells the owner what the stirred connections have to tell.
    fn tell(&mut self, now: Instant, events: &mut Vec<Event>) {
        let mut stirred = std::mem::take(&mut self.stirred);
        for place in stirred.drain(..) {
            self.tell_of(place, now, events);
        }
        if self.stirred.is_empty() {
            self.stirred = stirred;
        }
    }

    fn tell_of(&mut self, place: usize, now: Instant, events: &mut Vec<Event>) {
        let Some(peer) = self.peer(place) else { return };
        peer.stirred = false;
        let mut ending = None;
        while let Some((peer, event)) = self.next_of(place) {
            match event {
                QuicEvent::Connected if peer.takes_datagrams() => self.opened(place, now, events),
                QuicEvent::Connected => {
                    let reason = "media goes in datagrams (RFC 9221)";
                    ending = Some(Ending::new(close::GENERAL, reason));
                }
                QuicEvent::ConnectionLost { reason } => self.lost(place, &reason, events),
                QuicEvent::DatagramReceived => {
                    ending = ending.or(self.packets(place, now, events));
                }
                QuicEvent::HandshakeDataReady
                | QuicEvent::DatagramsUnblocked
                | QuicEvent::Stream(_) => {}
            }
        }
        if let Some(ending) = ending {
            self.counts.of(Rung::Udp).garbage.add(1);
            self.end(place, &ending, now, events);
        } else if let Some(peer) = self.peer(place)
            && let Some(bits_per_s) = peer.news(now)
        {
            let connection = peer.id;
            events.push(Event::Estimate {
                connection,
                bits_per_s,
            });
        }
        self.settle(place);
    }

    fn next_of(&mut self, place: usize) -> Option<(&mut Peer, QuicEvent)> {
        let peer = self.peer(place)?;
        let event = peer.poll()?;
        Some((peer, event))
    }

    fn opened(&mut self, place: usize, now: Instant, events: &mut Vec<Event>) {
        let Some(peer) = self.peers.get_mut(place).and_then(Option::as_deref_mut) else {
            return;
        };
        if let Stage::Handshake { proven, .. } = peer.stage {
            self.door.came_in(peer.address().ip(), proven, now);
        }
        peer.stage = Stage::Open;
        let opened = Event::Opened {
            connection: peer.id,
            rung: Rung::Udp,
            peer: peer.address(),
        };
        self.counts.of(Rung::Udp).opened.add(1);
        events.push(opened);
    }

    /// Why the connection must end, if what came is no media.
    fn packets(&mut self, place: usize, now: Instant, events: &mut Vec<Event>) -> Option<Ending> {
        let peer = self.peer(place)?;
        let connection = peer.id;
        peer.heard(now);
        let mut count = 0;
        let mut ending = None;
        while let Some(datagram) = peer.datagram() {
            // Late, after a close of ours.
            if peer.stage == Stage::Closed {
                continue;
            }
            match decode_datagram(&datagram) {
                Ok((flow, packet)) => {
                    count += 1;
                    let packet = datagram.slice_ref(packet);
                    events.push(Event::Packet {
                        connection,
                        flow,
                        packet,
                    });
                }
                Err(error) => ending = Some(Ending::new(close::PACKET, error.to_string())),
            }
        }
        self.counts.of(Rung::Udp).packets_in.add(count);
        ending
    }

    fn lost(&mut self, place: usize, reason: &ConnectionError, events: &mut Vec<Event>) {
        let Some(peer) = self.peer(place) else { return };
        let (stage, connection, address) = (peer.stage, peer.id, peer.address());
        peer.stage = Stage::Closed;
        tracing::debug!(%address, %reason, "QUIC connection ends");
        let counts = self.counts.of(Rung::Udp);
        match stage {
            Stage::Handshake { proven, .. } => {
                self.door.gave_up(proven);
                counts.garbage.add(1);
            }
            Stage::Open => {
                counts.closed.add(1);
                events.push(Event::Closed { connection });
            }
            Stage::Closed => {}
        }
    }

    /// Ends a connection from our side.
    fn end(&mut self, place: usize, ending: &Ending, now: Instant, events: &mut Vec<Event>) {
        let Some(peer) = self.peer(place) else { return };
        let (stage, connection, address) = (peer.stage, peer.id, peer.address());
        if stage == Stage::Closed {
            return;
        }
        peer.close(ending, now);
        tracing::debug!(%address, code = ending.code, reason = ending.reason, "QUIC connection closed");
        let counts = self.counts.of(Rung::Udp);
        match stage {
            Stage::Handshake { proven, .. } => {
                self.door.gave_up(proven);
                counts.garbage.add(1);
            }
            Stage::Open => {
                counts.closed.add(1);
                events.push(Event::Closed { connection });
            }
            Stage::Closed => {}
        }
        self.has_something(place);
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

    /// Core, place, and a number that makes the place's next connection another.
    fn next_id(&mut self, handle: ConnectionHandle) -> ConnectionId {
        self.made = self.made.wrapping_add(1);
        ConnectionId::on_core(self.core, handle.0, self.made)
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

/// Each datagram by itself, in memory that they share.
fn arrange(received: &Received<'_>, inbound: &mut BytesMut, came: &mut Vec<Stray>) {
    for datagram in received.datagrams.clone() {
        if inbound.capacity() - inbound.len() < datagram.len() {
            inbound.reserve(ARENA);
        }
        inbound.extend_from_slice(datagram);
        came.push(Stray {
            core: CoreNumber(0),
            from: received.from,
            to: received.to,
            ecn: received.ecn,
            bytes: inbound.split(),
        });
    }
}

fn outgoing<'a>(transmit: &Transmit, buffer: &'a [u8], class: u8) -> Outgoing<'a> {
    Outgoing {
        to: transmit.destination,
        from: transmit.src_ip,
        traffic_class: class | transmit.ecn.map_or(0, |ecn| ecn as u8),
        contents: &buffer[..transmit.size],
        segment: transmit.segment_size,
    }
}

fn priority(kind: Kind) -> usize {
    let place = FIRST_TO_LAST.iter().position(|one| *one == kind);
    place.expect("every kind is in the list")
}
