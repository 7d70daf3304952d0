//! What is missing of a track.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A number missing for less is often only overtaken: packets that were sent together on one
/// path arrive within a few milliseconds.
const REORDER: Duration = Duration::from_millis(10);
/// Numbers that are looked for at once. Larger gaps are no loss that asking mends.
const MOST: usize = 256;
/// A track silent for longer was paused, or its network was gone; what it would have sent
/// meanwhile is worth nothing now.
const PAUSE: Duration = Duration::from_millis(400);
/// Round trip assumed until one is measured.
const ROUND_TRIP: Duration = Duration::from_millis(100);
const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_millis(500);

/// How often, how fast and how long to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Requests for one packet at most.
    pub asks: u8,
    /// Round trips between two requests, in percent.
    pub pace: u32,
    /// A packet missing for so long is given up.
    pub give_up: Duration,
}

impl Patience {
    /// Voices cannot wait and are small: the second request does not wait for the answer to
    /// the first. A player waits 400 ms at most.
    pub const AUDIO: Self = Self {
        asks: 6,
        pace: 50,
        give_up: Duration::from_millis(400),
    };
    /// Pictures are larger, so an answer is waited for a little longer; after a second a new
    /// key frame is the better repair.
    pub const VIDEO: Self = Self {
        asks: 10,
        pace: 60,
        give_up: Duration::from_secs(1),
    };
}

/// What a packet is to its track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It goes on from the one before, or came late without being asked for.
    Fresh,
    /// Numbers before it are missing.
    Gap,
    /// It was asked for.
    Repaired,
    /// It was asked for, and has come before.
    Again,
}

#[derive(Debug)]
struct Missing {
    sequence: u16,
    since: Instant,
    asked: u8,
    first_asked: Instant,
    next: Instant,
    /// It came; remembered to know its copies by.
    here: bool,
}

/// Numbers that did not come, and when to ask for them. The clock of one track: O(1) a packet
/// while nothing is missing.
#[derive(Debug)]
pub struct Gaps {
    patience: Patience,
    highest: Option<(u16, Instant)>,
    /// By number.
    missing: VecDeque<Missing>,
    round_trip: Option<Duration>,
    given_up: u64,
}

impl Gaps {
    /// Nothing is missing of a track that has not begun.
    #[must_use]
    pub const fn new(patience: Patience) -> Self {
        Self {
            patience,
            highest: None,
            missing: VecDeque::new(),
            round_trip: None,
            given_up: 0,
        }
    }

    /// Takes the number of a packet that came.
    pub fn receive(&mut self, sequence: u16, now: Instant) -> Arrival {
        let Some((highest, last)) = self.highest else {
            self.highest = Some((sequence, now));
            return Arrival::Fresh;
        };
        let ahead = sequence.wrapping_sub(highest);
        let paused = now.saturating_duration_since(last) > PAUSE;
        // After a pause even what seems to be far behind is ahead.
        let behind = ahead == 0 || ahead > u16::MAX / 2;
        if behind && !(paused && usize::from(ahead.wrapping_neg()) > MOST) {
            return self.late(sequence, now);
        }
        self.highest = Some((sequence, now));
        if ahead == 1 {
            return Arrival::Fresh;
        }
        if paused || usize::from(ahead) > MOST {
            self.missing.clear();
            return Arrival::Fresh;
        }
        for step in 1..ahead {
            if self.missing.len() == MOST {
                self.missing.pop_front();
            }
            self.missing.push_back(Missing {
                sequence: highest.wrapping_add(step),
                since: now,
                asked: 0,
                first_asked: now,
                next: now + REORDER,
                here: false,
            });
        }
        Arrival::Gap
    }

    fn late(&mut self, sequence: u16, now: Instant) -> Arrival {
        let found = self.missing.iter_mut().find(|one| one.sequence == sequence);
        let Some(missing) = found else {
            return Arrival::Fresh;
        };
        if missing.here {
            return Arrival::Again;
        }
        missing.here = true;
        if missing.asked == 0 {
            return Arrival::Fresh;
        }
        // Of several requests nobody knows which was answered. The first is taken to be: too
        // long a round trip makes few requests, too short a one makes many.
        let sample = now.saturating_duration_since(missing.first_asked);
        self.measured(sample);
        Arrival::Repaired
    }

    fn measured(&mut self, sample: Duration) {
        // RFC 6298 section 2.
        let smooth = self
            .round_trip
            .map_or(sample, |known| (known * 7 + sample) / 8);
        self.round_trip = Some(smooth);
    }

    /// How long an answer takes, as measured or assumed.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        let known = self.round_trip.unwrap_or(ROUND_TRIP);
        known.clamp(SHORTEST, LONGEST)
    }

    /// When [`Gaps::ask`] has something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        let waiting = self.missing.iter().filter(|one| !one.here);
        waiting.map(|one| one.next).min()
    }

    /// Adds the numbers to ask for now to `out`, in order; forgets what is given up.
    pub fn ask(&mut self, now: Instant, out: &mut Vec<u16>) {
        let (patience, round_trip) = (self.patience, self.round_trip());
        let pace = (round_trip * patience.pace / 100).max(SHORTEST);
        let mut given_up = 0;
        self.missing.retain_mut(|one| {
            let over = now >= one.since + patience.give_up;
            if !one.here && one.next <= now && !over {
                if one.asked < patience.asks {
                    out.push(one.sequence);
                    one.asked += 1;
                    if one.asked == 1 {
                        one.first_asked = now;
                    }
                    one.next = now + pace;
                } else {
                    // Answers to the last request may still come.
                    one.next = one.since + patience.give_up;
                }
            }
            given_up += u64::from(over && !one.here);
            !over
        });
        self.given_up += given_up;
    }

    /// Numbers given up since this was last asked.
    pub const fn take_given_up(&mut self) -> u64 {
        std::mem::replace(&mut self.given_up, 0)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn asked(gaps: &mut Gaps, now: Instant) -> Vec<u16> {
        let mut out = Vec::new();
        gaps.ask(now, &mut out);
        out
    }

    #[test]
    fn what_was_only_overtaken_is_not_asked_for() {
        let now = Instant::now();
        let mut gaps = Gaps::new(Patience::AUDIO);
        gaps.receive(65_535, now);
        assert_eq!(gaps.receive(1, now), Arrival::Gap);
        assert_eq!(gaps.receive(0, now + 9 * MS), Arrival::Fresh);
        assert_eq!(gaps.next_due(), None);
        assert!(asked(&mut gaps, now + 10 * MS).is_empty());
    }

    #[test]
    fn what_is_missing_is_asked_for_a_few_times_and_then_given_up() {
        let start = Instant::now();
        let mut gaps = Gaps::new(Patience::VIDEO);
        gaps.receive(1, start);
        gaps.receive(4, start);
        let mut requests = 0;
        let mut end = start;
        while let Some(due) = gaps.next_due() {
            let numbers = asked(&mut gaps, due);
            assert!(numbers.is_empty() || numbers == [2, 3]);
            requests += numbers.len() / 2;
            end = due;
        }
        assert_eq!(requests, usize::from(Patience::VIDEO.asks));
        assert_eq!(end, start + Patience::VIDEO.give_up);
        assert_eq!((gaps.take_given_up(), gaps.take_given_up()), (2, 0));
    }

    #[test]
    fn a_repair_is_known_and_so_is_its_copy() {
        let now = Instant::now();
        let mut gaps = Gaps::new(Patience::VIDEO);
        gaps.receive(1, now);
        gaps.receive(3, now);
        assert_eq!(asked(&mut gaps, now + 10 * MS), [2]);
        assert_eq!(gaps.receive(2, now + 50 * MS), Arrival::Repaired);
        assert_eq!(gaps.round_trip(), 40 * MS);
        assert_eq!(gaps.receive(2, now + 60 * MS), Arrival::Again);
        assert_eq!(gaps.next_due(), None);
    }

    #[test]
    fn a_pause_is_no_loss() {
        let now = Instant::now();
        let mut gaps = Gaps::new(Patience::AUDIO);
        gaps.receive(1, now);
        assert_eq!(gaps.receive(50, now + PAUSE + MS), Arrival::Fresh);
        assert_eq!(gaps.receive(50 + 1_000, now + PAUSE + MS), Arrival::Fresh);
        assert_eq!(gaps.next_due(), None);
        let later = now + 3 * PAUSE;
        assert_eq!(gaps.receive(40_000, later), Arrival::Fresh);
        assert_eq!(gaps.receive(40_002, later), Arrival::Gap);
    }

    proptest! {
        /// Whatever comes: the memory is bounded, time moves on, and only what did not come
        /// is asked for.
        #[test]
        fn only_what_is_missing_is_asked_for(steps in prop::collection::vec((-20i16..40, 0u64..30), 1..400)) {
            let mut now = Instant::now();
            let mut gaps = Gaps::new(Patience::AUDIO);
            let mut seen = std::collections::HashSet::new();
            let mut at = 30_000u16;
            for (step, wait) in steps {
                at = at.wrapping_add_signed(step);
                now += Duration::from_millis(wait);
                gaps.receive(at, now);
                seen.insert(at);
                for number in asked(&mut gaps, now) {
                    prop_assert!(!seen.contains(&number), "{number} came");
                }
                prop_assert!(gaps.missing.len() <= MOST);
                prop_assert!(gaps.next_due().is_none_or(|due| due > now));
            }
        }
    }
}
