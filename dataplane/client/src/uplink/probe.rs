//! When to send padding, to learn whether there is room for more. Pure.
//!
//! It shares its way with the pictures and voices that are there: so it is short, little more
//! than what is known to fit, and rare where it is in vain.

use std::time::{Duration, Instant};

/// How long one probe takes: two round trips, too short to fill a queue that matters.
const BURST: Duration = Duration::from_millis(200);
/// Until the first one, and the next after one that helped.
const SOON: Duration = Duration::from_millis(500);
/// After a layer had to go, and between two probes; those that do not help become rarer, down
/// to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(32);
/// Percent of the estimate that are sent with the padding: where no more fits that is a queue
/// of 40 ms, where the last probe helped there may be more room.
const CAREFUL: u64 = 120;
const BOLD: u64 = 150;

/// What there is to learn, in kbit/s.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    /// What is known to fit.
    pub estimate: u32,
    /// What is sent.
    pub sent: u32,
    /// What has to fit for more to be sent; `None` where all that is wanted is.
    pub goal: Option<u32>,
}

/// The probing of one way up.
#[derive(Debug)]
pub(super) struct Probe {
    /// When the next begins, while there is something to find out.
    next: Option<Instant>,
    pause: Duration,
    /// What was sent when it was last looked at.
    sent: u32,
    /// The most that was known to fit since that changed.
    known: u32,
    burst: Option<Burst>,
    /// The last one made the estimate grow.
    helped: bool,
}

#[derive(Debug)]
struct Burst {
    since: Instant,
    kbps: u32,
    /// The estimate before it.
    estimate: u32,
}

impl Probe {
    pub const fn new() -> Self {
        Self {
            next: None,
            pause: PAUSE,
            sent: 0,
            known: 0,
            burst: None,
            helped: false,
        }
    }

    /// To be called often.
    pub fn look(&mut self, search: Search, now: Instant) {
        self.follow(search, now);
        match search.goal {
            Some(goal) if goal > search.estimate => self.search(search, goal, now),
            // Until the layer is given the pause is not forgotten: an estimate swings.
            Some(_) if self.burst.is_some() => self.end(now),
            Some(_) => {}
            None => (self.burst, self.next) = (None, None),
        }
    }

    /// Padding in kbit/s.
    pub const fn kbps(&self) -> u32 {
        match &self.burst {
            Some(burst) => burst.kbps,
            None => 0,
        }
    }

    fn follow(&mut self, Search { estimate, sent, .. }: Search, now: Instant) {
        if sent != self.sent {
            // After a change for the worse it takes a while until things can be better.
            let wait = if sent < self.sent { PAUSE } else { SOON };
            *self = Self {
                sent,
                known: estimate,
                next: Some(now + wait),
                ..Self::new()
            };
        } else if scaled(estimate, 100) > scaled(self.known, 110) {
            self.known = estimate;
            self.helped = true;
            self.pause = PAUSE;
            // What a probe did may be known only after its end.
            self.next = self.next.map(|next| next.min(now + SOON));
        }
        let fell = |burst: &Burst| scaled(estimate, 100) < scaled(burst.estimate, 90);
        if self.burst.as_ref().is_some_and(fell) {
            self.end(now);
        }
    }

    fn search(&mut self, Search { estimate, sent, .. }: Search, goal: u32, now: Instant) {
        if let Some(burst) = &self.burst {
            if now.saturating_duration_since(burst.since) >= BURST {
                self.end(now);
            }
            return;
        }
        if now < *self.next.get_or_insert(now + SOON) {
            return;
        }
        let share = if self.helped { BOLD } else { CAREFUL };
        let most = u32::try_from(scaled(estimate, share) / 100).unwrap_or(u32::MAX);
        // No link tells all in one try: so twice what is missing.
        let missing = goal.saturating_sub(sent).saturating_mul(2);
        self.helped = false;
        self.burst = Some(Burst {
            since: now,
            kbps: missing.min(most.saturating_sub(sent)),
            estimate,
        });
    }

    fn end(&mut self, now: Instant) {
        self.burst = None;
        if self.helped {
            self.next = Some(now + SOON);
        } else {
            self.next = Some(now + self.pause);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn scaled(kbps: u32, percent: u64) -> u64 {
    u64::from(kbps) * percent
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const SEARCH: Search = Search {
        estimate: 700,
        sent: 650,
        goal: Some(2_473),
    };

    /// When probes began, in milliseconds; `estimate` by time.
    fn probes(estimate: impl Fn(u64) -> u32, until: u64) -> Vec<u64> {
        let (start, mut probe) = (Instant::now(), Probe::new());
        let (mut before, mut begun) = (0, Vec::new());
        for ms in (0..until).step_by(20) {
            let estimate = estimate(ms);
            let search = Search { estimate, ..SEARCH };
            probe.look(search, start + u32::try_from(ms).unwrap() * MS);
            if probe.kbps() > 0 && before == 0 {
                begun.push(ms);
            }
            before = probe.kbps();
        }
        begun
    }

    #[test]
    fn a_probe_is_little_more_than_what_fits() {
        let (start, mut probe) = (Instant::now(), Probe::new());
        probe.look(SEARCH, start);
        assert_eq!(probe.kbps(), 0);
        probe.look(SEARCH, start + SOON);
        assert_eq!(probe.kbps(), 190, "840 in all");
        probe.look(SEARCH, start + SOON + BURST);
        assert_eq!(probe.kbps(), 0);
    }

    #[test]
    fn probes_in_vain_become_rare() {
        let begun = probes(|_| 700, 40_000);
        assert_eq!(begun, [500, 2_700, 6_900, 15_100, 31_300]);
    }

    #[test]
    fn an_estimate_that_swings_makes_them_no_more_frequent() {
        // Also beyond the goal, for a moment.
        let swings = |ms: u64| match ms % 7_000 {
            3_000..3_100 if ms > 7_000 => 2_500,
            ..3_000 => 700,
            _ => 640,
        };
        let begun = probes(swings, 80_000);
        assert!(begun.len() <= 10, "{begun:?}");
    }

    #[test]
    fn a_probe_that_does_harm_ends() {
        let (start, mut probe) = (Instant::now(), Probe::new());
        probe.look(SEARCH, start);
        probe.look(SEARCH, start + SOON);
        let estimate = 620;
        let less = Search { estimate, ..SEARCH };
        probe.look(less, start + SOON + 40 * MS);
        assert_eq!(probe.kbps(), 0);
    }

    #[test]
    fn after_one_that_helped_the_next_is_soon_and_bolder() {
        let (start, mut probe) = (Instant::now(), Probe::new());
        probe.look(SEARCH, start);
        probe.look(SEARCH, start + SOON);
        let estimate = 1_000;
        let more = Search { estimate, ..SEARCH };
        let end = start + SOON + BURST;
        probe.look(more, end);
        assert_eq!(probe.kbps(), 0);
        probe.look(more, end + SOON);
        assert_eq!(probe.kbps(), 850, "1,500 in all");
    }

    #[test]
    fn after_a_layer_had_to_go_nothing_is_tried_for_a_while() {
        let (start, mut probe) = (Instant::now(), Probe::new());
        let sent = 2_150;
        let goal = None;
        probe.look(
            Search {
                sent,
                goal,
                ..SEARCH
            },
            start,
        );
        probe.look(SEARCH, start);
        probe.look(SEARCH, start + SOON);
        assert_eq!(probe.kbps(), 0);
        probe.look(SEARCH, start + PAUSE);
        assert_eq!(probe.kbps(), 190);
    }
}
