//! When to send a receiver more than it needs, to learn whether there is room for more.
//!
//! An estimate grows little above what is sent, so a receiver of low layers would stay with
//! them. What is sent on top are copies of packets that the receiver has, which it drops.

use std::time::{Duration, Instant};

/// How long one probe takes: two round trips.
const BURST: Duration = Duration::from_millis(200);
/// How often packets are sent during one.
const TICK: Duration = Duration::from_millis(10);
/// Between probes that do not help. After a change for the worse it takes as long until things
/// can be better.
const PAUSE: Duration = Duration::from_secs(2);
/// Until the first one.
const SOON: Duration = Duration::from_millis(500);
/// Until the next after one that helped: the time it takes to see all that it did.
const AT_ONCE: Duration = Duration::from_millis(250);
/// Probes in a row that do not help until they become rare. Who had more within the last minute
/// and can have it again shall have it within 10 s: that is two steps up, some probes and a
/// second of the ladder's patience for each.
const LATELY: u32 = 28;
const RARELY: Duration = Duration::from_secs(10);
/// What may be sent above the estimate during a probe: a part of it in so many. Where nothing
/// more fits that makes a queue of a fifth of [`BURST`], 40 ms, which voices do not notice. Where
/// the probe before helped, to more than was too much before, there is more room for sure.
const GENTLE: u32 = 5;
const BOLD: u32 = 2;

/// The estimate of a connection of which nothing is known yet.
const UNKNOWN: u32 = u32::MAX;

/// The probing of one receiver's connection.
#[derive(Debug)]
pub(crate) struct Probe {
    /// When the next begins, while one is wanted.
    next: Option<Instant>,
    /// Probes since one helped, or since things became worse.
    tried: u32,
    /// There was more room when it was tried last, also more than was once too much.
    bold: bool,
    /// The estimate when things became worse last, in kbit/s, and the one at the last look.
    too_much: u32,
    latest: u32,
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
    /// What to send on top: what is missing, or `times` that; and in all not more than fits
    /// for sure and a `part` of that.
    fn more(self, times: u32, estimate: u32, part: u32) -> u32 {
        let missing = self.goal.saturating_sub(self.sent).saturating_mul(times);
        let most = estimate.saturating_add(estimate / part);
        missing.min(most.saturating_sub(self.sent))
    }
}

impl Probe {
    pub(crate) const fn new() -> Self {
        Self {
            next: None,
            tried: 0,
            bold: false,
            too_much: 0,
            latest: 0,
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
                bold: self.bold,
                too_much: self.too_much,
                latest: self.latest,
                next: self.next.filter(|next| *next > now && self.burst.is_none()),
                ..Self::new()
            };
            return 0;
        };
        let at = *self.next.get_or_insert(now + SOON);
        if self.burst.is_none() && now >= at {
            // No link tells all in one try: twice as much in every second.
            let times = 1 + self.tried % 2;
            let part = if self.bold { BOLD } else { GENTLE };
            self.burst = Some(Burst {
                since: now,
                kbps: search.more(times, estimate, part),
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
        let latest = std::mem::replace(&mut self.latest, estimate);
        let (before, after) = (u64::from(self.estimate), u64::from(estimate));
        if before == 0 {
            self.estimate = estimate;
        } else if after * 10 < before * 9 {
            *self = Self {
                next: Some(now + PAUSE),
                // Far above what is left there was no telling.
                too_much: latest.min(estimate.saturating_add(estimate / 2)),
                latest: estimate,
                estimate,
                ..Self::new()
            };
        } else if after * 10 > before * 11 {
            self.estimate = estimate;
            self.tried = 0;
            self.bold = after * 10 > u64::from(self.too_much) * 11;
            if let Some(burst) = &mut self.burst {
                burst.helped = true;
            } else {
                // What a probe did is known a round trip after its end.
                self.next = self.next.map(|next| next.min(now + AT_ONCE));
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
                self.next = Some(now + AT_ONCE);
            } else {
                self.tried = self.tried.saturating_add(1);
                self.bold = false;
                let pause = if self.tried < LATELY { PAUSE } else { RARELY };
                self.next = Some(now + pause);
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

    /// Whether one is under way.
    pub(crate) const fn is_on(&self) -> bool {
        self.burst.is_some()
    }

    /// Another one is under way on the same path: this one waits for its end.
    pub(crate) fn wait(&mut self, now: Instant) {
        self.next = self.next.map(|next| next.max(now + BURST));
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
    fn a_probe_makes_a_short_queue_and_those_that_do_not_help_become_rare() {
        let probes = probes(Some(SEARCH), Duration::from_secs(90));
        let starts: Vec<_> = probes.iter().map(|probe| probe.0).collect();
        assert_eq!(starts[..3], [500, 2_700, 4_900]);
        let lately = usize::try_from(LATELY).unwrap_or(usize::MAX);
        let pauses: Vec<_> = starts.windows(2).map(|two| two[1] - two[0]).collect();
        let (often, rare) = pauses.split_at(lately - 1);
        assert!(often.iter().all(|pause| *pause == 2_200), "{often:?}");
        assert!(!rare.is_empty() && rare.iter().all(|pause| *pause == 10_200));
        // 200 ms of 800 kbit/s are 20 kB, as 950 are hardly more than fits. Twice that would be
        // a queue of more than 40 ms: 930 on top of what is sent are 23 kB.
        let bytes: Vec<_> = probes.iter().map(|probe| probe.1).collect();
        assert_eq!(bytes[..3], [20_000, 23_250, 20_000]);
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
        assert_eq!(probe.next(end), Some(end + AT_ONCE));
        // Or that is known a moment later.
        let mut probe = Probe::new();
        probe.look(KNOWN, Some(SEARCH), start);
        probe.look(KNOWN, Some(SEARCH), start + SOON);
        probe.look(KNOWN, Some(SEARCH), end);
        assert_eq!(probe.next(end), Some(end + PAUSE));
        probe.look(KNOWN * 2, Some(SEARCH), end + TICK);
        assert_eq!(probe.next(end), Some(end + TICK + AT_ONCE));
    }
    #[test]
    fn more_is_tried_at_once_only_where_the_last_try_found_room() {
        let start = Instant::now();
        let far = Search {
            sent: 150,
            goal: 9_000,
        };
        let mut probe = Probe::new();
        probe.look(KNOWN, Some(far), start);
        let rate = |probe: &Probe| probe.burst.as_ref().map(|burst| burst.kbps);
        let mut now = start + SOON;
        probe.look(KNOWN, Some(far), now);
        assert_eq!(rate(&probe), Some(1_080 - 150));
        now += BURST;
        probe.look(1_080, Some(far), now);
        now += AT_ONCE;
        probe.look(1_080, Some(far), now);
        assert_eq!(rate(&probe), Some(1_620 - 150));
        // This one does not help.
        now += BURST;
        probe.look(1_080, Some(far), now);
        now += PAUSE;
        probe.look(1_080, Some(far), now);
        assert_eq!(rate(&probe), Some(1_296 - 150));
    }

    #[test]
    fn what_was_too_much_is_not_tried_boldly_again() {
        let start = Instant::now();
        let mut probe = Probe::new();
        probe.look(3_000, Some(SEARCH), start);
        probe.look(420, Some(SEARCH), start);
        let mut bold = |estimate| {
            probe.look(estimate, Some(SEARCH), start);
            probe.bold
        };
        assert!(!bold(500));
        assert!(!bold(560));
        assert!(!bold(420), "less");
        assert!(!bold(600));
        assert!(bold(700));
    }
}
