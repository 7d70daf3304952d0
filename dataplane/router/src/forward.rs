//! The hot path: one packet in, one out for each receiver.
//!
//! A packet costs one hash lookup and a walk over its track's receivers. Its bytes are
//! shared; nothing is allocated but room in the output queue. What is different for each
//! receiver of a track with layers is said beside the bytes.

use std::time::Instant;

use bytes::Bytes;
use plenum_wire::frame::close;
use plenum_wire::rtp;
use plenum_wire::{FlowId, Kind};

use crate::participant::Slot;
use crate::tracks::{Arrived, Form, Passed};
use crate::{ConnectionId, Shard};

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
        let Some(source) = track.source(header.ssrc) else {
            self.counters.dropped.wrong_ssrc += 1;
            return;
        };
        if kind == Kind::Audio && !self.hear(slot, packet, now) {
            return;
        }
        let address = (slot, kind, source);
        let Some(track) = self.participants[slot].track_mut(kind) else {
            return;
        };
        let due = &mut self.repairs;
        let fresh = track
            .source_mut(source)
            .is_some_and(|it| it.take(header.sequence, packet, address, due, now));
        if !fresh {
            return;
        }
        match &mut track.form {
            Form::Plain(plain) => {
                let receivers = plain.pass(packet, &mut self.out);
                self.counters.dropped.shed += u64::from(plain.is_held());
                let counted = self.counters.of_mut(kind);
                counted.packets_out += receivers as u64;
                counted.bytes_out += (receivers * packet.len()) as u64;
            }
            Form::Layered(layered) => {
                let arrived = Arrived {
                    source,
                    header,
                    packet,
                    ssrc: track.ssrc,
                    codec: &track.publication.codec.name,
                };
                let passed = layered.pass(&arrived, now, &mut self.out);
                self.passed(slot, kind, passed);
            }
        }
    }

    fn passed(&mut self, publisher: Slot, kind: Kind, passed: Passed) {
        self.counters.dropped.not_wanted += u64::from(passed.packets == 0);
        let counted = self.counters.of_mut(kind);
        counted.packets_out += passed.packets;
        counted.bytes_out += passed.bytes;
        counted.cuts += passed.cuts;
        if passed.cuts > 0 {
            self.touch_track(publisher, kind);
        }
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
