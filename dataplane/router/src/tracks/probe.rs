//! When to send a receiver more than it needs, to learn whether there is room for more.
//!
//! An estimate grows little above what is sent, so a receiver of low layers would stay with
//! them. What is sent on top are copies of packets that the receiver has, which it drops.

use std::time::{Duration, Instant};

/// How long one probe takes: two round trips, too short to fill a queue that matters.
const BURST: Duration = Duration::from_millis(200);
/// How often packets are sent during one.
const TICK: Duration = Duration::from_millis(10);
/// After a change for the worse it takes a while until things can be better; and probes are
/// at least so far apart.
const PAUSE: Duration = Duration::from_secs(2);
/// Until the first one, and the next after one that helped.
const SOON: Duration = Duration::from_millis(500);
/// Probes that do not help become rarer, down to this: who can have more again shall have it
/// within 10 s, after two steps up and a second or two of the ladder's patience for each.
const SELDOM: Duration = Duration::from_secs(3);

/// The estimate of a connection of which nothing is known yet.
const UNKNOWN: u32 = u32::MAX;

/// The probing of one receiver's connection.
#[derive(Debug)]
pub(crate) struct Probe {
    /// When the next begins, while one is wanted.
    next: Option<Instant>,
    pause: Duration,
    /// Probes since one helped.
    tried: u32,
    /// The estimate that changes are seen against, in kbit/s; 0 when there was none.
    estimate: u32,
    burst: Option<Burst>,
}

#[derive(Debug)]
struct Burst {
    since: Instant,
    kbps: u32,
    /// Bytes sent so far.
    sent: u64,
    /// The estimate grew meanwhile.
    helped: bool,
}

/// What there is to learn, in kbit/s.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search {
    /// What is sent.
    pub sent: u32,
    /// What would be sent with the next layer.
    pub goal: u32,
}

impl Search {
    /// What to send on top: what is missing, or `times` that; and in all not more than half
    /// as much again as fits for sure.
    fn more(self, times: u32, estimate: u32) -> u32 {
        let missing = self.goal.saturating_sub(self.sent).saturating_mul(times);
        let most = estimate.saturating_add(estimate / 2);
        missing.min(most.saturating_sub(self.sent))
    }
}

impl Probe {
    pub(crate) const fn new() -> Self {
        Self {
            next: None,
            pause: PAUSE,
            tried: 0,
            estimate: 0,
            burst: None,
        }
    }

    /// How many bytes to send now, so much being known to fit, in kbit/s. There is nothing to
    /// search for when the receiver has all it wants, or it fits already.
    pub(crate) fn look(&mut self, estimate: u32, search: Option<Search>, now: Instant) -> u64 {
        self.follow(estimate, now);
        let Some(search) = search else {
            *self = Self {
                estimate: self.estimate,
                next: self.next.filter(|next| *next > now && self.burst.is_none()),
                ..Self::new()
            };
            return 0;
        };
        let at = *self.next.get_or_insert(now + SOON);
        if self.burst.is_none() && now >= at {
            self.burst = Some(Burst {
                since: now,
                // No link tells all in one try: twice as much in every second.
                kbps: search.more(1 + self.tried % 2, estimate),
                sent: 0,
                helped: false,
            });
        }
        self.owed(now)
    }

    /// After a change for the worse probes wait; where one helped the next is soon.
    fn follow(&mut self, estimate: u32, now: Instant) {
        if estimate == UNKNOWN {
            return;
        }
        let (before, after) = (u64::from(self.estimate), u64::from(estimate));
        if after * 10 < before * 9 {
            self.burst = None;
            self.next = Some(now + self.pause);
            self.estimate = estimate;
        } else if after * 10 > before * 11 {
            self.estimate = estimate;
            self.tried = 0;
            self.pause = PAUSE;
            if let Some(burst) = &mut self.burst {
                burst.helped = true;
            } else {
                // What a probe did is known a round trip after its end.
                self.next = self.next.map(|next| next.min(now + SOON));
            }
        }
    }

    fn owed(&mut self, now: Instant) -> u64 {
        let Some(burst) = &self.burst else {
            return 0;
        };
        let elapsed = now.saturating_duration_since(burst.since);
        if elapsed >= BURST {
            if burst.helped {
                self.next = Some(now + SOON);
            } else {
                self.tried += 1;
                self.next = Some(now + self.pause);
                self.pause = (self.pause * 2).min(SELDOM);
            }
            self.burst = None;
            return 0;
        }
        // Bits in a millisecond are kilobits in a second.
        let elapsed = (elapsed + TICK).as_millis();
        let bytes = u128::from(burst.kbps) * elapsed / 8;
        u64::try_from(bytes)
            .unwrap_or(u64::MAX)
            .saturating_sub(burst.sent)
    }

    /// So many bytes were sent.
    pub(crate) const fn sent(&mut self, bytes: u64) {
        if let Some(burst) = &mut self.burst {
            burst.sent += bytes;
        }
    }

    /// When to look again.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        if self.burst.is_some() {
            return Some(now + TICK);
        }
        self.next
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;

    const SEARCH: Search = Search {
        sent: 150,
        goal: 950,
    };
    const KNOWN: u32 = 900;

    /// The bytes of each probe, and when it began in milliseconds.
    fn probes(search: Option<Search>, during: Duration) -> Vec<(u128, u64)> {
        let start = Instant::now();
        let mut probe = Probe::new();
        let mut found: Vec<(u128, u64)> = Vec::new();
        let (mut now, mut idle) = (start, true);
        while now < start + during {
            let owed = probe.look(KNOWN, search, now);
            probe.sent(owed);
            match found.last_mut() {
                Some(last) if !idle => last.1 += owed,
                _ if owed > 0 => found.push(((now - start).as_millis(), owed)),
                _ => {}
            }
            idle = owed == 0;
            now = probe.next(now).unwrap_or(now + during);
        }
        found
    }

    #[test]
    fn a_probe_is_short_and_those_that_do_not_help_are_rare() {
        let probes = probes(Some(SEARCH), Duration::from_secs(16));
        let starts: Vec<_> = probes.iter().map(|probe| probe.0).collect();
        assert_eq!(starts, [500, 2_700, 5_900, 9_100, 12_300, 15_500]);
        // 200 ms of 800 kbit/s are 20 kB; twice that would be more than half as much again as
        // fits, which is 1,200 on top of what is sent.
        let bytes: Vec<_> = probes.iter().map(|probe| probe.1).collect();
        assert_eq!(bytes[..3], [20_000, 30_000, 20_000]);
    }

    #[test]
    fn who_misses_nothing_is_sent_nothing() {
        assert_eq!(probes(None, Duration::from_secs(10)), []);
    }

    #[test]
    fn after_a_change_for_the_worse_nothing_is_tried_for_a_while() {
        let start = Instant::now();
        let mut probe = Probe::new();
        probe.look(KNOWN, Some(SEARCH), start);
        assert!(probe.look(KNOWN, Some(SEARCH), start + SOON) > 0);
        let now = start + SOON + TICK;
        assert_eq!(probe.look(500, Some(SEARCH), now), 0);
        assert_eq!(probe.next(now), Some(now + PAUSE));
        // Nor by who had all it wanted until then.
        let mut probe = Probe::new();
        probe.look(KNOWN, None, start);
        assert_eq!(probe.look(500, Some(SEARCH), now), 0);
        assert_eq!(probe.next(now), Some(now + PAUSE));
    }

    #[test]
    fn where_a_probe_helped_the_next_is_soon() {
        let start = Instant::now();
        let mut probe = Probe::new();
        probe.look(KNOWN, Some(SEARCH), start);
        probe.look(KNOWN, Some(SEARCH), start + SOON);
        probe.look(KNOWN * 2, Some(SEARCH), start + SOON + TICK);
        let end = start + SOON + BURST;
        assert_eq!(probe.look(KNOWN * 2, Some(SEARCH), end), 0);
        assert_eq!(probe.next(end), Some(end + SOON));
        // Or that is known a moment later.
        let mut probe = Probe::new();
        probe.look(KNOWN, Some(SEARCH), start);
        probe.look(KNOWN, Some(SEARCH), start + SOON);
        probe.look(KNOWN, Some(SEARCH), end);
        assert_eq!(probe.next(end), Some(end + PAUSE));
        probe.look(KNOWN * 2, Some(SEARCH), end + TICK);
        assert_eq!(probe.next(end), Some(end + TICK + SOON));
    }
}
