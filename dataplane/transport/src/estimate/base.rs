//! How long the path takes without a queue, and how much that varies.

use std::time::{Duration, Instant};

/// Half of the time that is looked back. A path may become longer, and is known to be after twice
/// this; a queue that is never empty for so long is taken for a longer path.
const HALF: Duration = Duration::from_secs(5);

/// One round trip of so many makes the variation: some seconds' worth, so that a queue that comes
/// up is not taken for it.
const SMOOTH: u32 = 64;
/// However it varies, a queue of so much more is one.
const MOST: Duration = Duration::from_millis(50);

/// The shortest round trip of the last 5 to 10 s.
#[derive(Debug, Clone)]
pub(super) struct Base {
    varies: Duration,
    current: Option<Duration>,
    before: Option<Duration>,
    since: Option<Instant>,
}

impl Base {
    pub(super) const fn new() -> Self {
        Self {
            varies: Duration::ZERO,
            current: None,
            before: None,
            since: None,
        }
    }

    /// A round trip, and the shortest of late.
    pub(super) fn see(&mut self, round_trip: Duration, lately: Duration, now: Instant) {
        let above = round_trip.saturating_sub(lately).min(MOST);
        self.varies = (self.varies * (SMOOTH - 1) + above) / SMOOTH;
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= HALF {
            self.before = self.current.take();
            self.since = Some(now);
        }
        let current = self.current.get_or_insert(round_trip);
        *current = round_trip.min(*current);
    }

    /// By how much a round trip is longer than the shortest of late, in the mean.
    pub(super) const fn varies(&self) -> Duration {
        self.varies
    }

    pub(super) fn shortest(&self) -> Option<Duration> {
        self.current.into_iter().chain(self.before).min()
    }

    /// What was known of the shortest is true no more.
    pub(super) const fn begin_anew(&mut self) {
        self.current = None;
        self.before = None;
    }
}
