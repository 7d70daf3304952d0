//! How long to gather before sending.
//!
//! A system call costs more than all else a packet needs, and packets to one destination go
//! out by one call. So a core that is busy gathers a while after it has sent, and a core that
//! is not busy sends at once.
//!
//! A round ends best when a packet has just come: that one waits for nothing, and those before
//! it not for nothing. So what came while the core gathered leaves with the next packet, and
//! what comes after is sent as it comes.

use std::time::{Duration, Instant};

/// The longest that a core gathers: one that has no time left at all.
const LONGEST: Duration = Duration::from_millis(8);
/// How long packets that have gathered wait for another at most.
const COMPANY: Duration = Duration::from_millis(2);
/// Between two looks of a busy core: acknowledgements come in numbers, and need no haste.
const LOOK: Duration = Duration::from_micros(250);
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
    looked: Instant,
    sent: Instant,
    /// The last rest was to gather: what has come did so at any time of it.
    gathered: bool,
    /// Packets wait for another until then.
    held: Option<Instant>,
}

impl Tick {
    /// A core that was idle until `now`.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self {
            busy: 0.0,
            worked: Duration::ZERO,
            since: now,
            looked: now,
            sent: now,
            gathered: false,
            held: None,
        }
    }

    /// The core worked from `from` until `until`.
    pub fn worked(&mut self, from: Instant, until: Instant) {
        self.worked += until.saturating_duration_since(from);
        self.looked = until;
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
    pub fn rest(&mut self, now: Instant) -> Duration {
        let until = |end: Instant| end.saturating_duration_since(now);
        let to_gather = until(self.sent + self.length());
        let to_look = if self.is_idle() {
            Duration::ZERO
        } else {
            until(self.looked + LOOK)
        };
        self.gathered = to_gather > to_look;
        to_gather.max(to_look)
    }

    /// Whether what waits to be sent should wait on. `fresh`: some of it came just now.
    #[must_use]
    pub fn holds(&mut self, fresh: bool, now: Instant) -> bool {
        let begins = fresh && self.gathered && self.held.is_none();
        if begins {
            self.held = Some(now + COMPANY);
        }
        (begins || !fresh) && self.held.is_some_and(|until| now < until)
    }

    /// When what is held has to go.
    #[must_use]
    pub const fn held(&self) -> Option<Instant> {
        self.held
    }

    /// What waited has been sent.
    pub const fn sent(&mut self, now: Instant) {
        self.sent = now;
        self.held = None;
    }

    fn is_idle(&self) -> bool {
        self.busy < IDLE
    }

    /// From when packets were sent to when those that came since should go. It grows faster than
    /// the work: a core with half its time left has more use for short delays than for the rest.
    fn length(&self) -> Duration {
        if self.is_idle() {
            Duration::ZERO
        } else {
            LONGEST.mul_f64(self.busy * self.busy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A core that works this share of each millisecond for a while, and has just sent.
    fn at_load(share: f64) -> (Tick, Instant) {
        let mut now = Instant::now();
        let mut tick = Tick::new(now);
        for _ in 0..1_000 {
            let from = now + Duration::from_millis(1).mul_f64(1.0 - share);
            now += Duration::from_millis(1);
            tick.worked(from, now);
            tick.sent(now);
        }
        (tick, now)
    }

    /// The same after it has gathered, and what it holds.
    fn gathered() -> (Tick, Instant) {
        let (mut tick, sent) = at_load(0.5);
        let now = sent + tick.rest(sent);
        assert!(now > sent);
        assert!(tick.holds(true, now));
        tick.worked(now, now);
        (tick, now)
    }

    #[test]
    fn an_idle_core_sends_at_once() {
        let (mut tick, now) = at_load(0.05);
        assert_eq!(tick.rest(now), Duration::ZERO);
        assert!(!tick.holds(true, now));
    }

    #[test]
    fn the_busier_the_longer_and_never_longer_than_the_longest() {
        let (mut half, mut full) = (at_load(0.5), at_load(1.0));
        let (half, full) = (half.0.rest(half.1), full.0.rest(full.1));
        let quarter = LONGEST / 4;
        assert!(half.abs_diff(quarter) < quarter / 20, "{half:?}");
        assert!(full > half && full <= LONGEST, "{full:?}");
    }

    #[test]
    fn what_has_waited_long_enough_waits_no_longer() {
        let (mut tick, now) = at_load(1.0);
        assert_eq!(tick.rest(now + LONGEST), Duration::ZERO);
    }

    #[test]
    fn a_pause_makes_a_busy_core_idle() {
        let (mut tick, now) = at_load(1.0);
        let later = now + Duration::from_millis(200);
        let done = later + Duration::from_micros(10);
        tick.worked(later, done);
        tick.sent(done);
        assert_eq!(tick.rest(done), Duration::ZERO);
    }

    #[test]
    fn what_has_gathered_leaves_with_the_next_packet() {
        let (mut tick, now) = gathered();
        let next = now + tick.rest(now);
        assert!(next - now <= LOOK, "it does not gather once more");
        assert!(!tick.holds(true, next));
        tick.sent(next);
        assert_eq!(tick.held(), None);
    }

    #[test]
    fn what_has_gathered_waits_on_when_only_acknowledgements_come() {
        let (mut tick, now) = gathered();
        let next = now + tick.rest(now);
        assert!(tick.holds(false, next));
    }

    #[test]
    fn when_no_packet_comes_what_has_gathered_leaves_alone() {
        let (mut tick, now) = gathered();
        assert_eq!(tick.held(), Some(now + COMPANY));
        assert!(!tick.holds(false, now + COMPANY));
    }

    #[test]
    fn what_comes_when_all_was_sent_long_ago_is_sent_as_it_comes() {
        let (mut tick, sent) = at_load(0.5);
        let now = sent + LONGEST;
        assert_eq!(tick.rest(now), Duration::ZERO);
        assert!(!tick.holds(true, now));
        assert!(!tick.holds(false, now), "there is nothing to hold");
    }
}
