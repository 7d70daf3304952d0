//! Which router a track with layers is taken from.
//!
//! Two routers of a move number such a track each by itself, and may send different layers of
//! it: so it is taken from one leg at a time, and the newer one takes over as soon as nothing
//! is missed by it:
//! - at a packet that both sent, which tells how their numberings differ; they send the same
//!   layer, and nothing changes but the way that it comes;
//! - or at the first packet of a key frame, once what was captured before it has come on the
//!   other leg. That one's packets from then on are left out.
//!
//! When a leg is gone the other one takes over by the same rules, without waiting. To the user
//! it is one stream with numbers without a gap.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hasher as _};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use plenum_layers::begins_key_frame;
use plenum_wire::rtp::{Header, Rewrite};

use crate::dedup::{Verdict, Window};
use crate::moving::LegId;

/// How long a key frame waits for what was captured before it to come on the other leg: more
/// than two ways to one zone differ by.
const HOLD: Duration = Duration::from_millis(60);
/// How long two legs may go on without one of these places; then a key frame makes one.
const PATIENCE: Duration = Duration::from_millis(300);
/// A track of which nothing came for so long stands: it is paused, or has no more frames.
const STILL: Duration = Duration::from_millis(500);
/// Packets of the other leg that are kept: a key frame of 300 kB.
const WAITING: usize = 256;
/// Packets of this leg that are known again: those of 100 ms of 12 Mbit/s.
const MARKS: usize = 128;

/// A packet as it came.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    pub header: Header,
    pub packet: Bytes,
    pub at: Instant,
}

/// A packet for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passed {
    pub leg: LegId,
    /// As the leg's router numbered it.
    pub sequence: u16,
    /// As the user gets it.
    pub packet: Bytes,
    pub at: Instant,
}

/// By what a packet is known whoever numbered it.
type Print = (u32, u64);

#[derive(Debug)]
struct Other {
    leg: LegId,
    since: Instant,
    /// By number, counted on from the first one's.
    waiting: BTreeMap<u64, (Incoming, Print)>,
    numbers: Window,
    key: Option<Key>,
}

/// Where a key frame begins.
#[derive(Debug, Clone, Copy)]
struct Key {
    number: u64,
    timestamp: u32,
    /// When it waits no longer.
    due: Instant,
}

/// One track with layers.
#[derive(Debug, Default)]
pub(super) struct Takeover {
    /// `None` before the first packet, and when its leg is gone.
    current: Option<LegId>,
    /// From the current leg's numbers to the user's.
    offset: u16,
    passed: Window,
    /// The latest timestamp passed on.
    latest: Option<u32>,
    /// When the last packet came that was passed on.
    last: Option<Instant>,
    /// What the current leg brought last.
    marks: VecDeque<(Print, u16)>,
    other: Option<Other>,
    ready: VecDeque<Passed>,
    copies: u64,
}

impl Takeover {
    /// Takes a packet of a leg; what the user gets of it comes from [`Takeover::poll`].
    pub fn receive(&mut self, leg: LegId, codec: &str, incoming: Incoming) {
        if self.latest.is_none() {
            self.current = Some(leg);
        }
        if self.current == Some(leg) {
            self.go_on(leg, incoming);
        } else {
            self.wait(leg, codec, incoming);
        }
    }

    /// The next packet for the user.
    pub fn poll(&mut self) -> Option<Passed> {
        self.ready.pop_front()
    }

    /// How many packets were left out since this was last asked.
    pub fn take_copies(&mut self) -> u64 {
        std::mem::take(&mut self.copies)
    }

    /// Whether only a key frame brings the legs together.
    pub fn wants_key_frame(&self, now: Instant) -> bool {
        self.other.as_ref().is_some_and(|other| {
            let late = now.saturating_duration_since(other.since) >= PATIENCE;
            self.current
                .is_none_or(|current| late && other.leg > current)
        })
    }

    /// Whether the picture is another leg's, and moves.
    pub fn needs_another(&self, leg: LegId, now: Instant) -> bool {
        let moves = |at| now.saturating_duration_since(at) < STILL;
        self.current.is_some_and(|current| current != leg) && self.last.is_some_and(moves)
    }

    /// A leg brings nothing any more.
    pub fn gone(&mut self, leg: LegId) {
        if self.other.as_ref().is_some_and(|other| other.leg == leg) {
            self.other = None;
        }
        if self.current != Some(leg) {
            return;
        }
        self.current = None;
        let same = self.other.as_ref().and_then(|other| {
            let mut waiting = other.waiting.iter();
            waiting.find_map(|(_, (one, print))| Some((self.marked(print)?, one.header.sequence)))
        });
        if let Some((out, sequence)) = same {
            self.take_over_alike(out, sequence);
        } else if self.other.as_ref().is_some_and(|other| other.key.is_some()) {
            self.take_over_at_key();
        }
    }

    /// A packet of the leg that the track is taken from.
    fn go_on(&mut self, leg: LegId, incoming: Incoming) {
        let timestamp = incoming.header.timestamp;
        let out = incoming.header.sequence.wrapping_add(self.offset);
        let newer = self.other.as_ref().filter(|other| other.leg > leg);
        let key = newer.and_then(|other| other.key);
        if key.is_some_and(|key| !is_before(timestamp, key.timestamp)) {
            self.copies += 1;
            return self.take_over_at_key();
        }
        let print = print(&incoming);
        let same = newer.and_then(|other| {
            let mut waiting = other.waiting.values();
            waiting.find(|(_, waits)| *waits == print)
        });
        if let Some(sequence) = same.map(|(one, _)| one.header.sequence) {
            // Which passes it on.
            return self.take_over_alike(out, sequence);
        }
        if self.marks.len() == MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back((print, out));
        let at = incoming.at;
        self.pass(leg, out, incoming);
        if key.is_some_and(|key| key.due <= at) {
            self.take_over_at_key();
        }
    }

    /// A packet of the other leg.
    fn wait(&mut self, leg: LegId, codec: &str, incoming: Incoming) {
        if self.other.as_ref().is_none_or(|other| other.leg < leg) {
            self.other = Some(Other {
                leg,
                since: incoming.at,
                waiting: BTreeMap::new(),
                numbers: Window::default(),
                key: None,
            });
        }
        let Some(other) = self.other.as_mut().filter(|other| other.leg == leg) else {
            self.copies += 1;
            return;
        };
        let Incoming { header, at, .. } = incoming;
        let Verdict::New(number) = other.numbers.check(header.sequence) else {
            self.copies += 1;
            return;
        };
        let print = print(&incoming);
        let payload = incoming.packet.get(header.payload_offset..).unwrap_or(&[]);
        let begins = other.key.is_none() && begins_key_frame(codec, payload);
        other.waiting.insert(number, (incoming, print));
        if other.waiting.len() > WAITING
            && let Some((dropped, _)) = other.waiting.pop_first()
        {
            self.copies += 1;
            other.key = other.key.filter(|key| key.number != dropped);
        }
        if self.current.is_some_and(|current| current > leg) {
            return;
        }
        if let Some(out) = self.marked(&print) {
            return self.take_over_alike(out, header.sequence);
        }
        if begins {
            self.key_frame(number, header.timestamp, at);
        }
        let key = self.other.as_ref().and_then(|other| other.key);
        if key.is_some_and(|key| key.due <= at || self.current.is_none()) {
            self.take_over_at_key();
        }
    }

    /// The other leg began a key frame.
    fn key_frame(&mut self, number: u64, timestamp: u32, at: Instant) {
        let ahead = self
            .latest
            .is_none_or(|latest| is_before(latest, timestamp));
        // What was captured before has not all come on this leg. Or more than that has, and
        // not the same: then there is no better place than this one, though the picture goes
        // back by what the other way is slower.
        let due = if ahead { at + HOLD } else { at };
        if let Some(other) = &mut self.other {
            other.key = Some(Key {
                number,
                timestamp,
                due,
            });
        }
    }

    fn marked(&self, print: &Print) -> Option<u16> {
        let mut marks = self.marks.iter();
        marks.find_map(|(mark, out)| (mark == print).then_some(*out))
    }

    /// The other leg's packet `sequence` is the one that the user knows as `out`.
    fn take_over_alike(&mut self, out: u16, sequence: u16) {
        self.take_over(out.wrapping_sub(sequence), 0);
    }

    /// The user's numbers go on with the key frame.
    fn take_over_at_key(&mut self) {
        let key = self.other.as_ref().and_then(|other| {
            let number = other.key?.number;
            Some((number, other.waiting.get(&number)?.0.header.sequence))
        });
        if let Some((number, sequence)) = key {
            let last = self.passed.highest().unwrap_or(u64::from(sequence));
            let next = (last & 0xffff) as u16;
            self.take_over(next.wrapping_add(1).wrapping_sub(sequence), number);
        }
    }

    fn take_over(&mut self, offset: u16, from: u64) {
        let Some(other) = self.other.take() else {
            return;
        };
        self.marks.clear();
        self.current = Some(other.leg);
        self.offset = offset;
        for (number, (incoming, _)) in other.waiting {
            if number >= from {
                let out = incoming.header.sequence.wrapping_add(offset);
                self.pass(other.leg, out, incoming);
            }
        }
    }

    fn pass(&mut self, leg: LegId, out: u16, incoming: Incoming) {
        let Incoming { header, packet, at } = incoming;
        if !self.passed.check(out).is_new() {
            self.copies += 1;
            return;
        }
        self.last = Some(at);
        let latest = self.latest.unwrap_or(header.timestamp);
        if !is_before(header.timestamp, latest) {
            self.latest = Some(header.timestamp);
        }
        self.ready.push_back(Passed {
            leg,
            sequence: header.sequence,
            packet: renumbered(packet, &header, out),
            at,
        });
    }
}

/// The same packet where its number stays, as it does until the first move.
fn renumbered(packet: Bytes, header: &Header, sequence: u16) -> Bytes {
    if header.sequence == sequence {
        return packet;
    }
    let mut copy = BytesMut::from(&packet[..]);
    let same = Rewrite {
        ssrc: header.ssrc,
        sequence,
        later: false,
    };
    same.apply(&mut copy);
    copy.freeze()
}

/// Of the length and both ends, where compressed pictures differ and to hash costs little.
fn print(incoming: &Incoming) -> Print {
    let Header {
        timestamp,
        payload_offset,
        ..
    } = incoming.header;
    let payload = incoming.packet.get(payload_offset..).unwrap_or(&[]);
    let mut hasher = DefaultHasher::new();
    hasher.write_usize(payload.len());
    hasher.write(&payload[..payload.len().min(32)]);
    hasher.write(&payload[payload.len().saturating_sub(16)..]);
    (timestamp, hasher.finish())
}

/// Timestamps wrap.
const fn is_before(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() < 0
}

#[cfg(test)]
mod tests;
