//! Whether too much is lost.

use std::time::{Duration, Instant};

use super::Delivered;

/// Half of the time that is looked back.
const HALF: Duration = Duration::from_millis(500);
/// Fewer packets say nothing.
const FEWEST: u64 = 20;

#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    packets: u64,
    bytes: u64,
    lost_bytes: u64,
}

/// What was lost in the last half to whole second.
#[derive(Debug, Clone)]
pub(super) struct Loss {
    current: Counted,
    before: Counted,
    since: Option<Instant>,
}

impl Loss {
    pub(super) const fn new() -> Self {
        const NOTHING: Counted = Counted {
            packets: 0,
            bytes: 0,
            lost_bytes: 0,
        };
        Self {
            current: NOTHING,
            before: NOTHING,
            since: None,
        }
    }

    pub(super) fn see_delivered(&mut self, delivered: Delivered, now: Instant) {
        let current = self.current(now);
        current.packets += u64::from(delivered.packets);
        current.bytes += delivered.bytes;
    }

    pub(super) fn see_lost(&mut self, bytes: u64, now: Instant) {
        self.current(now).lost_bytes += bytes;
    }

    /// The share that is lost in thousandths, if it is above a tenth and that is no chance.
    pub(super) fn too_much(&self) -> Option<u64> {
        let (now, before) = (self.current, self.before);
        let bytes = now.bytes + before.bytes;
        let lost_bytes = now.lost_bytes + before.lost_bytes;
        let delivered = now.packets + before.packets;
        // Lost packets are known by their bytes only.
        let mean = (bytes / delivered.max(1)).max(1);
        let lost = lost_bytes / mean;
        let sent = delivered + lost;
        // Of n packets lost with a chance of a tenth each, n/10 + 5 sqrt(0.09 n) or more are
        // lost less than once in ten thousand times. It is asked several times a second, and a
        // layer that is taken away for nothing is a picture that stands.
        let excess = (10 * lost).saturating_sub(sent);
        let sure = excess * excess > 225 * sent;
        (sent >= FEWEST && sure).then(|| 1_000 * lost / sent)
    }

    fn current(&mut self, now: Instant) -> &mut Counted {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= HALF {
            self.before = std::mem::take(&mut self.current);
            self.since = Some(now);
        }
        &mut self.current
    }
}
