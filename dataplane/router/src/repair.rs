//! Loss repair of the tracks that pass through: what a receiver misses is sent again from a
//! short cache, what the router misses is asked of the publisher once for all receivers, and
//! wishes for a key frame are passed on together.
//!
//! What is sent again is the publisher's own packet, so that during a move whoever gets it
//! twice removes the second copy by track and sequence number. Of a track with layers it is
//! the packet that this receiver was sent with that number.

use std::time::Instant;

use bytes::Bytes;
use plenum_wire::Kind;
use plenum_wire::rtcp::{self, Feedback, Nack};

use crate::participant::Slot;
use crate::{Output, Shard};

/// The router is no source of media; RTCP wants some number where it is not named.
const ROUTER: u32 = 0;

impl Shard {
    /// A participant's RTCP, on its flow of this kind.
    pub(crate) fn feedback(&mut self, from: Slot, kind: Kind, packet: &[u8], now: Instant) {
        for message in rtcp::feedback(packet) {
            match message {
                Feedback::Nack(nack) => self.send_again(from, kind, &nack, now),
                Feedback::PictureLoss { media, .. } => self.pass_on_wish(from, kind, media, now),
            }
        }
    }

    /// Whose track this is, if the subscriber receives it.
    fn received_by(&self, subscriber: Slot, kind: Kind, ssrc: u32) -> Option<Slot> {
        let meeting = self.meetings.get(&self.participants[subscriber].meeting)?;
        let (publisher, _) = meeting.owner(ssrc).filter(|(_, of)| *of == kind)?;
        let track = self.participants[publisher].media(kind).track.as_ref()?;
        // Receivers know a track with layers by its own SSRC, not by those of its layers.
        (track.ssrc == ssrc && track.receives(subscriber)).then_some(publisher)
    }

    fn send_again(&mut self, subscriber: Slot, kind: Kind, nack: &Nack<'_>, now: Instant) {
        self.counters.of_mut(kind).nacks_in += 1;
        let Some(publisher) = self.received_by(subscriber, kind, nack.media) else {
            return;
        };
        let Some(track) = self.participants[publisher].track_mut(kind) else {
            return;
        };
        let mut again = Vec::new();
        track.again(subscriber, nack, now, &mut again);
        let counted = self.counters.of_mut(kind);
        counted.repaired += again.len() as u64;
        counted.packets_out += again.len() as u64;
        counted.bytes_out += again.iter().map(Output::bytes).sum::<u64>();
        self.out.extend(again);
    }

    fn pass_on_wish(&mut self, subscriber: Slot, kind: Kind, ssrc: u32, now: Instant) {
        self.counters.of_mut(kind).key_frames_in += 1;
        let Some(publisher) = self.received_by(subscriber, kind, ssrc) else {
            return;
        };
        let track = self.participants[publisher].track_mut(kind);
        if let Some(ssrc) = track.and_then(|track| track.wish(subscriber, now)) {
            self.ask_key_frame(publisher, kind, ssrc);
        }
    }

    pub(crate) fn ask_key_frame(&mut self, publisher: Slot, kind: Kind, ssrc: u32) {
        self.counters.of_mut(kind).key_frames_out += 1;
        self.say_upstream(publisher, kind, rtcp::picture_loss(ROUTER, ssrc));
    }

    fn say_upstream(&mut self, publisher: Slot, kind: Kind, packet: Bytes) {
        if let Some((to, flow)) = self.participants[publisher].way(kind) {
            self.out.push_back(Output::Forward {
                to,
                flow,
                packet,
                rewrite: None,
            });
        }
    }

    /// Asks publishers for what did not come, as far as somebody waits for it.
    pub(crate) fn repairs_due(&mut self, now: Instant) {
        while let Some((at, address)) = self.repairs.take(now) {
            let (slot, kind, source) = address;
            let publisher = self.participants.get_mut(slot);
            let Some(track) = publisher.and_then(|one| one.track_mut(kind)) else {
                continue;
            };
            let needed = track.layered().is_none() || track.source_taken(source);
            let Some(source) = track.source_mut(source) else {
                continue;
            };
            let missing = source.ask(at, address, &mut self.repairs, now);
            let ssrc = source.ssrc;
            if needed && !missing.is_empty() {
                self.counters.of_mut(kind).nacks_out += 1;
                self.say_upstream(slot, kind, rtcp::nack(ROUTER, ssrc, &missing));
            }
        }
    }
}
