//! What waits to be sent on a rung that keeps everything in order.
//!
//! TCP sends what it was given however late it is, and what comes behind is later still. So
//! packets wait here, and those too old to be useful never reach the kernel.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plenum_wire::Kind;

use super::Outbound;

/// Packets that may wait: a second of 10 Mbit/s.
pub const QUEUE_PACKETS: usize = 1_024;

/// How old a packet of this kind may get before it is useless. A voice's playout delay is
/// below 400 ms; pictures may lag for a second before a new key frame is the better repair.
#[must_use]
pub const fn max_age(kind: Kind) -> Duration {
    match kind {
        Kind::Audio => Duration::from_millis(400),
        Kind::Video | Kind::Content => Duration::from_secs(1),
    }
}

/// A packet of a layer may only get as old divided by this: there is a smaller layer, and what
/// waits is likely of one that does not fit and stands in its way.
const LAYERED: u32 = 2;

/// Packets in order, bounded by number and age. The oldest go first, either way.
#[derive(Debug)]
pub struct SendQueue {
    max_age: Duration,
    packets: VecDeque<Waiting>,
    dropped: u64,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    outbound: Outbound,
}

impl SendQueue {
    /// An empty queue.
    #[must_use]
    pub const fn new(max_age: Duration) -> Self {
        Self {
            max_age,
            packets: VecDeque::new(),
            dropped: 0,
        }
    }

    /// Changes the age limit, also for what waits already.
    pub const fn set_max_age(&mut self, max_age: Duration) {
        self.max_age = max_age;
    }

    /// Adds a packet; drops the oldest when there are [`QUEUE_PACKETS`] already.
    pub fn push(&mut self, now: Instant, outbound: Outbound) {
        if self.packets.len() >= QUEUE_PACKETS {
            self.packets.pop_front();
            self.dropped += 1;
        }
        self.packets.push_back(Waiting {
            since: now,
            outbound,
        });
    }

    /// The next packet that is not too old; those before it that are, are dropped.
    pub fn pop(&mut self, now: Instant) -> Option<Outbound> {
        self.pop_since(now).map(|(_, outbound)| outbound)
    }

    /// What [`SendQueue::pop`] gives, and since when it waited.
    pub fn pop_since(&mut self, now: Instant) -> Option<(Instant, Outbound)> {
        while let Some(waiting) = self.packets.pop_front() {
            let layered = waiting.outbound.rewrite.is_some();
            let max_age = if layered {
                self.max_age / LAYERED
            } else {
                self.max_age
            };
            if now.saturating_duration_since(waiting.since) <= max_age {
                return Some((waiting.since, waiting.outbound));
            }
            self.dropped += 1;
        }
        None
    }

    /// Packets that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Packets dropped since this was last asked.
    pub const fn take_dropped(&mut self) -> u64 {
        std::mem::replace(&mut self.dropped, 0)
    }
}
