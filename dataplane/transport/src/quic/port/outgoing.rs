//! What goes out: the packets of one destination together, what is missed most first.

use std::time::Instant;

use plenum_wire::{Kind, Rung};
use quinn_proto::Transmit;

use super::Port;
use crate::marking::traffic_class;
use crate::quic::socket::Outgoing;

/// Who sends first, when all have something to send: what is missed most.
pub(super) const FIRST_TO_LAST: [Kind; 3] = [Kind::Audio, Kind::Content, Kind::Video];

impl Port {
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

    pub(super) fn respond(&mut self, transmit: &Transmit) {
        self.socket.send(&outgoing(transmit, &self.buffer, 0));
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

pub(super) fn priority(kind: Kind) -> usize {
    let place = FIRST_TO_LAST.iter().position(|one| *one == kind);
    place.expect("every kind is in the list")
}
