//! How long to gather before sending.
//!
//! A system call costs more than all else a packet needs, and packets to one destination go
//! out by one call. So a core that is busy waits a little and sends what has gathered, and a
//! core that is not busy sends at once.

use std::time::{Duration, Instant};

/// The longest a packet is held back: what a core does that has no time left at all.
const LONGEST: Duration = Duration::from_millis(6);
/// Over which time the share of busy time is taken.
const WINDOW: Duration = Duration::from_millis(50);
/// Below this share nothing is held back: gathering would save what nobody needs.
const IDLE: f64 = 0.1;

/// Measures how busy a core is, and says how long to gather.
#[derive(Debug)]
pub struct Tick {
    /// Share of the time that was not spent waiting, of the recent past.
    busy: f64,
    worked: Duration,
    since: Instant,
    sent: Instant,
}

impl Tick {
    /// A core that was idle until `now`.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self {
            busy: 0.0,
            worked: Duration::ZERO,
            since: now,
            sent: now,
        }
    }

    /// The core worked from `from` until `until`, and has sent what it had.
    pub fn worked(&mut self, from: Instant, until: Instant) {
        self.worked += until.saturating_duration_since(from);
        self.sent = until;
        let past = until.saturating_duration_since(self.since);
        if past >= WINDOW {
            let busy = self.worked.as_secs_f64() / past.as_secs_f64();
            // After a pause the old value says nothing.
            let weight = (past.as_secs_f64() / WINDOW.as_secs_f64() / 2.0).min(1.0);
            self.busy += (busy.min(1.0) - self.busy) * weight;
            self.worked = Duration::ZERO;
            self.since = until;
        }
    }

    /// How long the core should wait before it takes what has come.
    #[must_use]
    pub fn rest(&self, now: Instant) -> Duration {
        (self.sent + self.length()).saturating_duration_since(now)
    }

    /// Between two sends. A packet waits half of it in the mean.
    fn length(&self) -> Duration {
        if self.busy < IDLE {
            Duration::ZERO
        } else {
            LONGEST.mul_f64(self.busy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A core that works this share of each millisecond for a while.
    fn at_load(share: f64) -> (Tick, Instant) {
        let mut now = Instant::now();
        let mut tick = Tick::new(now);
        for _ in 0..1_000 {
            let from = now + Duration::from_millis(1).mul_f64(1.0 - share);
            now += Duration::from_millis(1);
            tick.worked(from, now);
        }
        (tick, now)
    }

    #[test]
    fn an_idle_core_sends_at_once() {
        let (tick, now) = at_load(0.05);
        assert_eq!(tick.rest(now), Duration::ZERO);
    }

    #[test]
    fn the_busier_the_longer_and_never_longer_than_the_longest() {
        let half = at_load(0.5);
        let full = at_load(1.0);
        let (half, full) = (half.0.rest(half.1), full.0.rest(full.1));
        let middle = LONGEST / 2;
        assert!(half.abs_diff(middle) < middle / 20, "{half:?}");
        assert!(full > half && full <= LONGEST, "{full:?}");
    }

    #[test]
    fn what_has_waited_long_enough_waits_no_longer() {
        let (tick, now) = at_load(1.0);
        assert_eq!(tick.rest(now + LONGEST), Duration::ZERO);
    }

    #[test]
    fn a_pause_makes_a_busy_core_idle() {
        let (mut tick, now) = at_load(1.0);
        let later = now + Duration::from_millis(200);
        let done = later + Duration::from_micros(10);
        tick.worked(later, done);
        assert_eq!(tick.rest(done), Duration::ZERO);
    }
}
