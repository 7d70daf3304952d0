//! One RTP stream of a publisher: what is kept of it, what is missing, when a key frame was
//! asked for, and how much it sends. A plain track is one, simulcast one for each layer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_repair::{Arrival, Cache, Gaps, Patience};
use plenum_wire::Kind;

use crate::due::Due;
use crate::participant::Slot;

/// One key frame serves everybody who wants one: so long after one was asked for, the next
/// wishes are answered by it. A round trip and the time to send it.
const KEY_FRAME_EVERY: Duration = Duration::from_millis(500);
/// A publisher that does not send a layer at all is asked less and less often for its key
/// frame, up to this: it may have no room for the layer.
const KEY_FRAME_SELDOM: Duration = Duration::from_secs(4);
/// How long a stream's rate is measured.
const WINDOW: Duration = Duration::from_secs(1);
/// A layer is taken to need as much as it needed within the last half of this to all of it, so
/// that one whose rate changes from second to second does not come and go.
const REMEMBERS: Duration = Duration::from_secs(10);
/// A layer that was asked for so often, which takes 3 s, and did not come is missing.
const ASKED_IN_VAIN: u32 = 3;
/// A layer that is silent for longer does not come any more: 15 frames.
const LIVES: Duration = Duration::from_millis(500);

/// Which source: the publisher, its track, and the layer or 0.
pub(crate) type Address = (Slot, Kind, u8);

/// A stream as it comes from its publisher.
#[derive(Debug)]
pub(crate) struct Source {
    pub ssrc: u32,
    pub cache: Cache,
    pub key_frames: KeyFrames,
    pub meter: Meter,
    gaps: Gaps,
    /// When the shard was told to look for what is missing.
    armed: Option<Instant>,
}

impl Source {
    pub(crate) const fn new(ssrc: u32, kind: Kind) -> Self {
        let (capacity, patience) = match kind {
            Kind::Audio => (Cache::AUDIO, Patience::AUDIO),
            Kind::Video | Kind::Content => (Cache::VIDEO, Patience::VIDEO),
        };
        Self {
            ssrc,
            cache: Cache::new(capacity),
            key_frames: KeyFrames::new(),
            meter: Meter::new(),
            gaps: Gaps::new(patience),
            armed: None,
        }
    }

    /// Takes a packet of the publisher. `false` when it need not be passed on: the second
    /// answer to a request that was made twice. `due` is told when something is missing.
    pub(crate) fn take(
        &mut self,
        sequence: u16,
        packet: &Bytes,
        address: Address,
        due: &mut Due<Address>,
        now: Instant,
    ) -> bool {
        let arrival = self.gaps.receive(sequence, now);
        if arrival == Arrival::Again {
            return false;
        }
        self.meter.add(packet.len(), now);
        self.key_frames.in_vain = 0;
        self.cache.keep(sequence, packet.clone(), now);
        if arrival == Arrival::Gap {
            self.arm(address, due);
        }
        true
    }

    fn arm(&mut self, address: Address, due: &mut Due<Address>) {
        if let Some(at) = self.gaps.next_due()
            && self.armed.is_none_or(|armed| at < armed)
        {
            self.armed = Some(at);
            due.at(at, address);
        }
    }

    /// Whether the publisher does not send it, though it is asked to.
    pub(crate) const fn is_missing(&self) -> bool {
        self.key_frames.in_vain >= ASKED_IN_VAIN
    }

    /// The numbers to ask the publisher for, its look having been due at `at`.
    pub(crate) fn ask(
        &mut self,
        at: Instant,
        address: Address,
        due: &mut Due<Address>,
        now: Instant,
    ) -> Vec<u16> {
        let mut missing = Vec::new();
        if self.armed == Some(at) {
            self.armed = None;
            self.gaps.ask(now, &mut missing);
            self.arm(address, due);
        }
        missing
    }
}

/// When a publisher was asked for a key frame.
#[derive(Debug)]
pub(crate) struct KeyFrames {
    asked: Option<Instant>,
    /// Times since one came.
    unanswered: u32,
    /// Times since anything came.
    in_vain: u32,
}

impl KeyFrames {
    const fn new() -> Self {
        Self {
            asked: None,
            unanswered: 0,
            in_vain: 0,
        }
    }

    /// Whether a receiver's wish is the one to pass on.
    pub(crate) fn pass_on(&mut self, now: Instant) -> bool {
        self.ask(KEY_FRAME_EVERY, now)
    }

    /// Whether to ask (again) for those who wait for a layer, which comes or does not.
    pub(crate) fn insist(&mut self, lives: bool, now: Instant) -> bool {
        let doubled = if lives { 0 } else { self.unanswered.min(3) };
        let pause = (KEY_FRAME_EVERY * (1 << doubled)).min(KEY_FRAME_SELDOM);
        let asks = self.ask(pause, now);
        if asks && !lives {
            self.in_vain = self.in_vain.saturating_add(1);
        }
        asks
    }

    fn ask(&mut self, pause: Duration, now: Instant) -> bool {
        let lately = self
            .asked
            .is_some_and(|at| now.saturating_duration_since(at) < pause);
        if !lately {
            self.asked = Some(now);
            self.unanswered = self.unanswered.saturating_add(1);
        }
        !lately
    }

    pub(crate) const fn came(&mut self) {
        self.unanswered = 0;
    }
}

/// How much a stream sends.
#[derive(Debug)]
pub(crate) struct Meter {
    since: Option<Instant>,
    last: Option<Instant>,
    bytes: u64,
    kbps: u32,
    /// The highest rates of this half of [`REMEMBERS`] and the one before.
    highest: [u32; 2],
    half_since: Option<Instant>,
}

impl Meter {
    pub(super) const fn new() -> Self {
        Self {
            since: None,
            last: None,
            bytes: 0,
            kbps: 0,
            highest: [0; 2],
            half_since: None,
        }
    }

    pub(super) fn add(&mut self, bytes: usize, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since);
        if elapsed >= WINDOW {
            // Bits in a millisecond are kilobits in a second.
            let kbps = u128::from(self.bytes) * 8 / elapsed.as_millis();
            self.kbps = u32::try_from(kbps).unwrap_or(u32::MAX);
            self.remember(now);
            self.since = Some(now);
            self.bytes = 0;
        }
        self.bytes += bytes as u64;
        self.last = Some(now);
    }

    fn remember(&mut self, now: Instant) {
        let since = *self.half_since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since);
        if elapsed >= REMEMBERS / 2 {
            let before = if elapsed < REMEMBERS {
                self.highest[0]
            } else {
                0
            };
            self.highest = [0, before];
            self.half_since = Some(now);
        }
        self.highest[0] = self.highest[0].max(self.kbps);
    }

    /// In kbit/s over the last whole second; 0 of a stream that stopped.
    pub(crate) fn kbps(&self, now: Instant) -> u32 {
        let stopped = self
            .last
            .is_none_or(|last| now.saturating_duration_since(last) > WINDOW);
        if stopped { 0 } else { self.kbps }
    }

    /// What to expect of it, also of a stream that stopped: the highest rate of the last
    /// seconds, or the last one.
    pub(crate) fn expected_kbps(&self, now: Instant) -> u32 {
        let since = self.half_since.map(|at| now.saturating_duration_since(at));
        let [this, before] = self.highest;
        match since {
            Some(since) if since < REMEMBERS / 2 => this.max(before),
            Some(since) if since < REMEMBERS => this,
            _ => self.kbps,
        }
    }

    /// Whether packets come.
    pub(crate) fn lives(&self, now: Instant) -> bool {
        self.last
            .is_some_and(|last| now.saturating_duration_since(last) <= LIVES)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_stream_is_measured_by_the_second_and_is_nothing_when_it_stops() {
        let start = Instant::now();
        let mut meter = Meter::new();
        assert!(!meter.lives(start));
        for packet in 0..=100 {
            meter.add(1_250, start + 10 * MS * packet);
        }
        let end = start + 1_000 * MS;
        assert_eq!(meter.kbps(end), 1_000);
        assert!(meter.lives(end + LIVES));
        assert!(!meter.lives(end + LIVES + MS));
        assert_eq!(meter.kbps(end + WINDOW + MS), 0);
        assert_eq!(meter.expected_kbps(end + WINDOW + MS), 1_000);
    }

    #[test]
    fn a_stream_is_expected_to_send_what_it_sent_at_most_for_a_while() {
        let start = Instant::now();
        let mut meter = Meter::new();
        let mut expected = Vec::new();
        for second in 0..30 {
            let now = start + 1_000 * MS * second;
            // What is added in one second is known in the next.
            meter.add(if second == 3 { 250_000 } else { 125_000 }, now);
            expected.push(meter.expected_kbps(now));
        }
        let high = (0..30).filter(|second| expected[*second] == 2_000);
        let high: Vec<usize> = high.collect();
        assert_eq!(high[0], 4);
        assert!((5..=10).contains(&high.len()), "{expected:?}");
        assert_eq!(expected[29], 1_000);
        let stopped = start + 29_000 * MS;
        assert_eq!(meter.expected_kbps(stopped + REMEMBERS), 1_000);
    }

    #[test]
    fn who_does_not_send_is_asked_less_and_less_often() {
        let start = Instant::now();
        let asks = |lives| {
            let mut key_frames = KeyFrames::new();
            let moments = (0..20_000).filter(|ms| key_frames.insist(lives, start + MS * *ms));
            moments.collect::<Vec<u32>>()
        };
        assert_eq!(asks(true).len(), 40);
        assert_eq!(
            asks(false),
            [0, 1_000, 3_000, 7_000, 11_000, 15_000, 19_000]
        );
    }
}
