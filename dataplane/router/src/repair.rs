//! Loss repair of the tracks that pass through: what a receiver misses is sent again from a
//! short cache, what the router misses is asked of the publisher once for all receivers, and
//! wishes for a key frame are passed on together.
//!
//! What is sent again is the publisher's own packet, so that during a move whoever gets it
//! twice removes the second copy by track and sequence number.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_repair::{Arrival, Budget, Cache, Gaps, Patience};
use plenum_wire::rtcp::{self, Feedback, Nack};
use plenum_wire::{FlowId, Kind};

use crate::participant::Slot;
use crate::{ConnectionId, Output, Shard};

/// One key frame serves everybody who wants one: so long after one was asked for, the next
/// wishes are answered by it. A round trip and the time to send it.
const KEY_FRAME_EVERY: Duration = Duration::from_millis(500);
/// The router is no source of media; RTCP wants some number where it is not named.
const ROUTER: u32 = 0;

/// What a track's repair needs.
#[derive(Debug)]
pub(crate) struct Repair {
    cache: Cache,
    gaps: Gaps,
    /// Packets of the track.
    sent: u64,
    /// Of those who asked for packets again.
    budgets: BTreeMap<Slot, Budget>,
    key_frame_asked: Option<Instant>,
    /// When the shard was told to look.
    armed: Option<Instant>,
}

/// Tracks in which something is missing, and when to ask for it. A track that ended, or needs
/// nothing any more, is passed over.
pub(crate) type Due = BinaryHeap<Reverse<(Instant, Slot, Kind)>>;

impl Repair {
    pub(crate) const fn new(kind: Kind) -> Self {
        let (capacity, patience) = match kind {
            Kind::Audio => (Cache::AUDIO, Patience::AUDIO),
            Kind::Video | Kind::Content => (Cache::VIDEO, Patience::VIDEO),
        };
        Self {
            cache: Cache::new(capacity),
            gaps: Gaps::new(patience),
            sent: 0,
            budgets: BTreeMap::new(),
            key_frame_asked: None,
            armed: None,
        }
    }

    /// Takes a packet of the publisher. `false` when it need not be passed on: the second
    /// answer to a request that was made twice. `due` is told when something is missing.
    pub(crate) fn take(
        &mut self,
        sequence: u16,
        packet: &Bytes,
        whose: (Slot, Kind),
        due: &mut Due,
        now: Instant,
    ) -> bool {
        let arrival = self.gaps.receive(sequence, now);
        if arrival == Arrival::Again {
            return false;
        }
        self.sent += 1;
        self.cache.keep(sequence, packet.clone(), now);
        if arrival == Arrival::Gap {
            self.arm(whose, due);
        }
        true
    }

    fn arm(&mut self, (slot, kind): (Slot, Kind), due: &mut Due) {
        if let Some(at) = self.gaps.next_due()
            && self.armed.is_none_or(|armed| at < armed)
        {
            self.armed = Some(at);
            due.push(Reverse((at, slot, kind)));
        }
    }

    pub(crate) fn forget(&mut self, subscriber: Slot) {
        self.budgets.remove(&subscriber);
    }

    /// Whether this wish for a key frame is the one to pass on.
    fn wants_key_frame(&mut self, now: Instant) -> bool {
        let asked = self.key_frame_asked;
        let lately = asked.is_some_and(|at| now.saturating_duration_since(at) < KEY_FRAME_EVERY);
        if !lately {
            self.key_frame_asked = Some(now);
        }
        !lately
    }
}

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

    /// Whose track this is, if the subscriber receives it and how.
    fn received_by(
        &self,
        subscriber: Slot,
        kind: Kind,
        ssrc: u32,
    ) -> Option<(Slot, ConnectionId, FlowId)> {
        let meeting = self.meetings.get(&self.participants[subscriber].meeting)?;
        let (publisher, _) = meeting.owner(ssrc).filter(|(_, of)| *of == kind)?;
        let track = self.participants[publisher].media(kind).track.as_ref()?;
        let mut receivers = track.receivers().iter();
        let receiver = receivers.find(|receiver| receiver.subscriber == subscriber)?;
        Some((publisher, receiver.connection, receiver.flow))
    }

    fn send_again(&mut self, subscriber: Slot, kind: Kind, nack: &Nack<'_>, now: Instant) {
        self.counters.of_mut(kind).nacks_in += 1;
        let Some((publisher, to, flow)) = self.received_by(subscriber, kind, nack.media) else {
            return;
        };
        let Some(track) = self.participants[publisher].track_mut(kind) else {
            return;
        };
        let Repair {
            cache,
            budgets,
            sent,
            ..
        } = &mut track.repair;
        let budget = budgets
            .entry(subscriber)
            .or_insert_with(|| Budget::new(*sent));
        let counted = self.counters.of_mut(kind);
        for sequence in nack.sequences() {
            let Some(packet) = cache.get(sequence, now) else {
                continue;
            };
            if !budget.take(*sent) {
                return;
            }
            counted.repaired += 1;
            counted.packets_out += 1;
            counted.bytes_out += packet.len() as u64;
            let packet = packet.clone();
            self.out.push_back(Output::Forward {
                to,
                flow,
                packet,
                rewrite: None,
            });
        }
    }

    fn pass_on_wish(&mut self, subscriber: Slot, kind: Kind, ssrc: u32, now: Instant) {
        self.counters.of_mut(kind).key_frames_in += 1;
        let Some((publisher, ..)) = self.received_by(subscriber, kind, ssrc) else {
            return;
        };
        let track = self.participants[publisher].track_mut(kind);
        if track.is_some_and(|track| track.repair.wants_key_frame(now)) {
            self.counters.of_mut(kind).key_frames_out += 1;
            self.say_upstream(publisher, kind, rtcp::picture_loss(ROUTER, ssrc));
        }
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

    /// Asks publishers for what did not come.
    pub(crate) fn repairs_due(&mut self, now: Instant) {
        let mut missing = Vec::new();
        while self
            .repairs
            .peek()
            .is_some_and(|Reverse((at, ..))| *at <= now)
        {
            let Some(Reverse((at, slot, kind))) = self.repairs.pop() else {
                return;
            };
            let publisher = self.participants.get_mut(slot);
            let Some(track) = publisher.and_then(|one| one.track_mut(kind)) else {
                continue;
            };
            let ssrc = track.ssrc;
            let repair = &mut track.repair;
            if repair.armed != Some(at) {
                continue;
            }
            repair.armed = None;
            repair.gaps.ask(now, &mut missing);
            repair.arm((slot, kind), &mut self.repairs);
            if !missing.is_empty() {
                self.counters.of_mut(kind).nacks_out += 1;
                self.say_upstream(slot, kind, rtcp::nack(ROUTER, ssrc, &missing));
                missing.clear();
            }
        }
    }

    pub(crate) fn next_repair(&self) -> Option<Instant> {
        self.repairs.peek().map(|Reverse((at, ..))| *at)
    }
}
