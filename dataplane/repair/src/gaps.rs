//! What is missing of a track.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::smooth::Smooth;

/// A number missing for less is often only overtaken: packets that were sent together on one
/// path arrive within a few milliseconds. Until it is measured how late such packets are.
const OVERTAKEN: Duration = Duration::from_millis(10);
/// However it is measured. What comes later than the longest is worth asking for.
const SHORTEST_WAIT: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_millis(40);
/// Clocks and threads are no more exact.
const GRANULARITY: Duration = Duration::from_millis(2);
/// Numbers that are looked for at once. Larger gaps are no loss that asking mends.
const MOST: usize = 256;
/// A track silent for longer was paused, or its network was gone; what it would have sent
/// meanwhile is worth nothing now.
const PAUSE: Duration = Duration::from_millis(400);
/// Round trip assumed until one is measured.
const ROUND_TRIP: Duration = Duration::from_millis(100);
const SHORTEST: Duration = Duration::from_millis(20);
/// What was asked for so often in vain is missed already: the next requests come twice as
/// fast. Few numbers get there, so that the answers that were not needed cost little.
const IN_VAIN: u8 = 2;
const LONGEST: Duration = Duration::from_millis(500);

/// How often, how fast and how long to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Requests for one packet at most.
    pub asks: u8,
    /// Of a round trip, in percent, between two requests.
    pub pace: u32,
    /// Of how much a round trip varies, in percent, on top of that.
    pub caution: u32,
    /// A packet missing for so long is given up.
    pub give_up: Duration,
}

impl Patience {
    /// Voices cannot wait and are small: the second request does not wait for the answer to
    /// the first, however that may be. A player waits 400 ms at most.
    pub const AUDIO: Self = Self {
        asks: 6,
        pace: 50,
        caution: 0,
        give_up: Duration::from_millis(400),
    };
    /// Pictures are larger, so an answer is waited for a little longer; after a second a new
    /// key frame is the better repair.
    pub const VIDEO: Self = Self {
        asks: 16,
        pace: 60,
        caution: 50,
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
    /// It came too soon to be an answer, so late.
    overtaken: Option<Duration>,
}

/// Numbers that did not come, and when to ask for them. The clock of one track: O(1) a packet
/// while nothing is missing.
#[derive(Debug)]
pub struct Gaps {
    patience: Patience,
    highest: Option<(u16, Instant)>,
    /// By number.
    missing: VecDeque<Missing>,
    round_trip: Smooth,
    /// How late packets are that were only overtaken.
    overtaken: Smooth,
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
            round_trip: Smooth::NONE,
            overtaken: Smooth::NONE,
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
        let next = now + self.wait();
        for step in 1..ahead {
            if self.missing.len() == MOST {
                self.missing.pop_front();
            }
            self.missing.push_back(Missing {
                sequence: highest.wrapping_add(step),
                since: now,
                asked: 0,
                first_asked: now,
                next,
                here: false,
                overtaken: None,
            });
        }
        Arrival::Gap
    }

    fn late(&mut self, sequence: u16, now: Instant) -> Arrival {
        let soon = self.round_trip() / 2;
        let found = self.missing.iter_mut().find(|one| one.sequence == sequence);
        let Some(missing) = found else {
            return Arrival::Fresh;
        };
        let late = now.saturating_duration_since(missing.since);
        let answered = now.saturating_duration_since(missing.first_asked);
        if missing.here {
            // This one is the answer, and the first was not lost.
            if let Some(late) = missing.overtaken.take() {
                self.overtaken.measure(late);
                self.round_trip.measure(answered);
            }
            return Arrival::Again;
        }
        missing.here = true;
        if missing.asked == 0 {
            self.overtaken.measure(late);
            return Arrival::Fresh;
        }
        if missing.asked == 1 && answered < soon {
            missing.overtaken = Some(late);
        }
        // Of several requests nobody knows which was answered. The first is taken to be: too
        // long a round trip makes few requests, too short a one makes many.
        self.round_trip.measure(answered);
        Arrival::Repaired
    }

    /// How long an answer takes, as measured or assumed.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        let known = self.round_trip.mean().unwrap_or(ROUND_TRIP);
        known.clamp(SHORTEST, LONGEST)
    }

    /// How long a number must be missing before it is asked for.
    fn wait(&self) -> Duration {
        let most = self.overtaken.most(GRANULARITY).unwrap_or(OVERTAKEN);
        most.clamp(SHORTEST_WAIT, LONGEST_WAIT)
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
        let varies = self.round_trip.variation().min(LONGEST) * patience.caution / 100;
        let pace = (round_trip * patience.pace / 100 + varies).max(SHORTEST);
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
                    one.next = now + if one.asked < IN_VAIN { pace } else { pace / 2 };
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

    /// What is missing before this number is not needed any more: a picture begins with it that
    /// refers to none before it.
    pub fn forget_before(&mut self, sequence: u16) {
        self.missing
            .retain(|one| one.sequence.wrapping_sub(sequence) <= u16::MAX / 2);
    }

    /// Numbers given up since this was last asked.
    pub const fn take_given_up(&mut self) -> u64 {
        std::mem::replace(&mut self.given_up, 0)
    }
}
