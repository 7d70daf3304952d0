//! What comes in: whose it is, and who may begin a connection.

use std::time::Instant;

use bytes::BytesMut;
use plenum_wire::Rung;
use quinn_proto::{ConnectionHandle, DatagramEvent, Incoming};

use super::{Port, Stray};
use crate::media::{ConnectionId, MAX_CONNECTIONS};
use crate::quic::door::Answer;
use crate::quic::peer::Peer;
use crate::quic::socket::Received;
use crate::quic::steer::{self, CoreNumber};

/// No packet of QUIC is shorter: RFC 9000 section 10.3.
const SHORTEST: usize = 21;
/// The fixed bit, by which QUIC is told from other protocols on its port: RFC 9443 section 2.
const FIXED_BIT: u8 = 0x40;
/// Bytes that received datagrams share.
const ARENA: usize = 256 * 1_024;

impl Port {
    pub(super) fn datagram(&mut self, stray: Stray, now: Instant) {
        if stray.bytes.len() < SHORTEST || stray.bytes[0] & FIXED_BIT == 0 {
            self.counts.of(Rung::Udp).garbage.add(1);
            return;
        }
        match steer::core_of(&stray.bytes) {
            Some(core) if core != self.core && core.0 < self.cores => {
                // It waits for another thread, and would hold on to all that came with it.
                let bytes = BytesMut::from(&stray.bytes[..]);
                self.strays.push(Stray {
                    core,
                    bytes,
                    ..stray
                });
            }
            _ => self.quic(stray, now),
        }
    }

    pub(super) fn quic(&mut self, datagram: Stray, now: Instant) {
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
            return self.refuse(incoming);
        }
        match self.door.knock(address, proven, now) {
            Answer::ComeIn => self.accept(incoming, now),
            Answer::GoAway => self.refuse(incoming),
            // Fails only for those that proved their address.
            Answer::ProveYourAddress => {
                if let Ok(retry) = self.endpoint.retry(incoming, &mut self.buffer) {
                    self.respond(&retry);
                }
            }
        }
    }

    fn refuse(&mut self, incoming: Incoming) {
        self.counts.of(Rung::Udp).refused.add(1);
        let refusal = self.endpoint.refuse(incoming, &mut self.buffer);
        self.respond(&refusal);
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

    /// Core, place, and a number that makes the place's next connection another.
    fn next_id(&mut self, handle: ConnectionHandle) -> ConnectionId {
        self.made = self.made.wrapping_add(1);
        ConnectionId::on_core(self.core, handle.0, self.made)
    }
}

/// Each datagram by itself, in memory that they share.
pub(super) fn arrange(received: &Received<'_>, inbound: &mut BytesMut, came: &mut Vec<Stray>) {
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
