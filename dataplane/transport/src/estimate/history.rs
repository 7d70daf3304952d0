//! What came through of late.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::{Delivered, micros};

/// How far it goes back.
const KEPT: Duration = Duration::from_millis(500);
/// Closer acknowledgements are one, which bounds the memory to 26 entries, below 2 kB.
const TOGETHER: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// When the last of it became known.
    at: Instant,
    /// When the newest packet was sent.
    sent: Instant,
    /// Bytes up to it, of all time.
    bytes: u64,
    shortest: Duration,
}

/// Deliveries by when they became known.
#[derive(Debug, Clone)]
pub(super) struct History {
    entries: VecDeque<Entry>,
    /// When the first of the last entry became known.
    begun: Option<Instant>,
    bytes: u64,
}

impl History {
    pub(super) const fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            begun: None,
            bytes: 0,
        }
    }

    pub(super) fn keep(&mut self, delivered: Delivered, round_trip: Duration, now: Instant) {
        self.bytes += delivered.bytes;
        if let (Some(last), Some(begun)) = (self.entries.back_mut(), self.begun)
            && now.saturating_duration_since(begun) < TOGETHER
        {
            last.at = now;
            last.sent = last.sent.max(delivered.sent);
            last.bytes = self.bytes;
            last.shortest = last.shortest.min(round_trip);
            return;
        }
        self.begun = Some(now);
        let old = |entry: &Entry| entry.age(now) > KEPT;
        while self.entries.front().is_some_and(old) {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            at: now,
            sent: delivered.sent,
            bytes: self.bytes,
            shortest: round_trip,
        });
    }

    /// For how long a delivery is known at most, of those known for less than `within` and of
    /// packets sent after `of`.
    pub(super) fn oldest(
        &self,
        within: Duration,
        of: Option<Instant>,
        now: Instant,
    ) -> Option<Duration> {
        let entries = self.newest(within, now);
        let oldest = entries.filter(|entry| entry.is_of(of)).last()?;
        Some(oldest.age(now))
    }

    /// The shortest round trip that is known for so long, of packets sent after `of`.
    pub(super) fn shortest(
        &self,
        known: Range<Duration>,
        of: Option<Instant>,
        now: Instant,
    ) -> Option<Duration> {
        let entries = self.newest(known.end, now);
        let entries = entries.filter(|entry| entry.age(now) >= known.start && entry.is_of(of));
        entries.map(|entry| entry.shortest).min()
    }

    /// Those known for less than this, the newest first.
    fn newest(&self, within: Duration, now: Instant) -> impl Iterator<Item = &Entry> {
        let entries = self.entries.iter().rev();
        entries.take_while(move |entry| entry.age(now) < within)
    }

    /// Bits a second that came through in the last `window`, which is at most half a second;
    /// `None` with too little to say.
    ///
    /// What is known first only marks the beginning. Acknowledgements that were held up and come
    /// at once make no high rate, as it never was sent at one.
    pub(super) fn rate(&self, window: Duration) -> Option<u64> {
        let last = self.entries.back()?;
        let first = self.newest(window, last.at).last()?;
        let known = last.at.saturating_duration_since(first.at);
        let sent = last.sent.saturating_duration_since(first.sent);
        let span = known.max(sent).max(window / 2);
        let bytes = last.bytes - first.bytes;
        (bytes > 0).then(|| bytes * 8 * 1_000_000 / micros(span))
    }
}

impl Entry {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }

    fn is_of(&self, of: Option<Instant>) -> bool {
        of.is_none_or(|of| self.sent > of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn delivered(sent: Instant, bytes: u64) -> Delivered {
        Delivered {
            sent,
            bytes,
            packets: 1,
        }
    }

    #[test]
    fn the_rate_is_what_came_through_and_no_more_than_was_sent() {
        let start = Instant::now();
        let mut history = History::new();
        assert_eq!(history.rate(KEPT), None);
        for number in 0..100 {
            let now = start + 25 * MS * number;
            history.keep(delivered(now, 1_000), MS, now);
        }
        assert_eq!(history.rate(200 * MS), Some(320_000));
        assert_eq!(history.rate(KEPT), Some(320_000));
        // Ten more that were sent as before, all known at once.
        for number in 100..110 {
            let sent = start + 25 * MS * number;
            history.keep(delivered(sent, 1_000), MS, start + 2_480 * MS);
        }
        assert!(history.rate(200 * MS) <= Some(330_000), "{history:?}");
    }

    #[test]
    fn the_memory_is_bounded_whatever_comes() {
        let start = Instant::now();
        let mut history = History::new();
        for number in 0..100_000 {
            let now = start + Duration::from_micros(100) * number;
            history.keep(delivered(now, 1_200), MS, now);
        }
        assert!(history.entries.len() <= 27, "{}", history.entries.len());
        assert!(history.entries.capacity() <= 32);
        let rate = history.rate(KEPT);
        assert!(
            rate.is_some_and(|rate| rate.abs_diff(96_000_000) < 5_000_000),
            "{rate:?}"
        );
    }
}
