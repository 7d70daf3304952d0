//! What the owner is told of connections: that they open, what they bring, how they end.

use std::time::Instant;

use plenum_wire::Rung;
use plenum_wire::frame::{close, decode_datagram};
use quinn_proto::{ConnectionError, Event as QuicEvent};

use super::Port;
use crate::media::Event;
use crate::quic::peer::{Ending, Peer, Stage};

impl Port {
    /// Tells the owner what the stirred connections have to tell.
    pub(super) fn tell(&mut self, now: Instant, events: &mut Vec<Event>) {
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
    pub(super) fn end(
        &mut self,
        place: usize,
        ending: &Ending,
        now: Instant,
        events: &mut Vec<Event>,
    ) {
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
}
