//! The hot path: one packet in, one out for each receiver.
//!
//! A packet costs one hash lookup and a walk over its track's receivers. Its bytes are
//! shared; nothing is allocated but room in the output queue.

use std::time::Instant;

use bytes::Bytes;
use plenum_wire::frame::close;
use plenum_wire::rtp;
use plenum_wire::{FlowId, Kind};

use crate::{ConnectionId, Output, Shard};

impl Shard {
    pub(crate) fn packet(
        &mut self,
        connection: ConnectionId,
        flow: FlowId,
        packet: &Bytes,
        now: Instant,
    ) {
        let Some(&(slot, kind)) = self.owners.get(&flow) else {
            return self.unknown_flow(connection);
        };
        let carrier = self.participants[slot].media(kind).carrier();
        if carrier.is_none_or(|carrier| carrier.connection != connection)
            && !self.bind(connection, flow, (slot, kind))
        {
            self.counters.dropped.closed_connection += 1;
            return;
        }
        let counted = self.counters.of_mut(kind);
        counted.packets_in += 1;
        counted.bytes_in += packet.len() as u64;
        if rtp::is_rtcp(packet) {
            counted.rtcp_in += 1;
            return self.feedback(slot, kind, packet, now);
        }
        let Some(header) = rtp::Header::parse(packet) else {
            self.counters.dropped.malformed += 1;
            return;
        };
        let Some(track) = self.participants[slot].track_mut(kind) else {
            self.counters.dropped.unpublished += 1;
            return;
        };
        if header.ssrc != track.ssrc {
            self.counters.dropped.wrong_ssrc += 1;
            return;
        }
        if kind == Kind::Audio && !self.hear(slot, packet, now) {
            return;
        }
        let Some(track) = self.participants[slot].track_mut(kind) else {
            return;
        };
        let whose = (slot, kind);
        let due = &mut self.repairs;
        if !track.repair.take(header.sequence, packet, whose, due, now) {
            return;
        }
        let receivers = track.receivers();
        let counted = self.counters.of_mut(kind);
        counted.packets_out += receivers.len() as u64;
        counted.bytes_out += (receivers.len() * packet.len()) as u64;
        self.out
            .extend(receivers.iter().map(|receiver| Output::Forward {
                to: receiver.connection,
                flow: receiver.flow,
                packet: packet.clone(),
                rewrite: None,
            }));
    }

    /// Whoever uses a flow id that is nobody's is guessing, or late: its participant left.
    fn unknown_flow(&mut self, connection: ConnectionId) {
        if self.connections.contains_key(&connection) {
            self.counters.dropped.unknown_flow += 1;
            self.close_media(connection, close::UNKNOWN_FLOW);
        } else {
            self.counters.dropped.closed_connection += 1;
        }
    }
}
