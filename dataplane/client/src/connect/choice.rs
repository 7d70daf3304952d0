//! Which zone: the network test's figures weighed against how full each zone is.
//!
//! A zone's cost is what its best controller's round trip costs in conversation, its best
//! time and how much that varies, times how much slower a busy zone is. The lowest cost wins
//! among zones of the same [`Tier`], and of equals the one that the directory named first.

use std::time::Duration;

/// Added to every delay: below that nobody hears a difference between two zones, and their
/// load decides.
const INAUDIBLE: Duration = Duration::from_millis(10);
/// From here on a zone counts as full: by the time that everybody has chosen, it is.
const FULL: f64 = 0.95;
/// What is assumed of a zone that says nothing of its load.
const USUAL_LOAD: f64 = 0.5;
/// Round trips until a first answer: TCP, TLS 1.3, and the request.
const TRIPS_TO_FIRST: u32 = 3;
/// From so many samples on the worst is left out: one lost packet is sent again by TCP after
/// 200 ms or more, and says nothing of the other thousands.
const MANY: usize = 3;

/// What the test of one controller has shown so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// No answer, for so long.
    Silent(Duration),
    /// It answered.
    Answered {
        /// The first time with connecting and TLS, which is not counted.
        first: Duration,
        /// Then each time so fast.
        samples: Vec<Duration>,
        /// There will be no more.
        done: bool,
    },
    /// It cannot be reached.
    Failed,
}

/// One zone to choose.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Whether the meeting is there already, or begins there.
    pub hosts: bool,
    /// How much of its room is in use, 0 to 1; `None` if it did not say.
    pub load: Option<f64>,
    /// Its controllers.
    pub trials: Vec<Trial>,
}

/// What comes first whatever it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The meeting is there already, or begins there, and should not be torn in two.
    Hosts,
    /// It has room.
    Room,
    /// It is as good as full.
    Full,
}

/// How good a zone is; the least is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score {
    /// Before everything.
    pub tier: Tier,
    /// Milliseconds, weighed.
    pub cost: Duration,
}

impl Trial {
    /// The round trip to count with: the best and what the others take longer on average.
    fn delay(&self) -> Option<Duration> {
        let Self::Answered { first, samples, .. } = self else {
            return None;
        };
        let Some(best) = samples.iter().min() else {
            return Some(*first / TRIPS_TO_FIRST);
        };
        let mut sorted = samples.clone();
        sorted.sort_unstable();
        if sorted.len() >= MANY {
            sorted.pop();
        }
        let count = u32::try_from(sorted.len()).unwrap_or(u32::MAX);
        let spread = sorted
            .iter()
            .map(|sample| sample.saturating_sub(*best))
            .sum::<Duration>()
            / count;
        Some(*best + spread)
    }

    /// The least that it can still turn out to be.
    fn at_best(&self) -> Option<Duration> {
        match self {
            Self::Silent(elapsed) => Some(*elapsed / TRIPS_TO_FIRST),
            Self::Answered { done: true, .. } => self.delay(),
            Self::Answered { samples, .. } => {
                Some(samples.iter().min().copied().unwrap_or_default())
            }
            Self::Failed => None,
        }
    }

    const fn is_done(&self) -> bool {
        matches!(self, Self::Answered { done: true, .. })
    }
}

impl Candidate {
    /// Which comes first whatever it costs.
    #[must_use]
    pub fn tier(&self) -> Tier {
        match self.load {
            _ if self.hosts => Tier::Hosts,
            Some(load) if load >= FULL => Tier::Full,
            _ => Tier::Room,
        }
    }

    /// What is known; `None` without an answer.
    #[must_use]
    pub fn score(&self) -> Option<Score> {
        let delay = self.trials.iter().filter_map(Trial::delay).min()?;
        Some(self.scored(delay))
    }

    fn scored(&self, delay: Duration) -> Score {
        Score {
            tier: self.tier(),
            cost: (delay + INAUDIBLE).mul_f64(weight(self.load)),
        }
    }

    /// The best that is still possible; `None` when it is out of the race.
    fn at_best(&self) -> Option<Score> {
        if self.is_settled() {
            return self.score();
        }
        let delay = self.trials.iter().filter_map(Trial::at_best).min()?;
        Some(self.scored(delay))
    }

    /// The worst that is still possible; `None` as long as it may never answer.
    fn at_worst(&self) -> Option<Score> {
        let score = self.score()?;
        let cost = if self.is_settled() {
            score.cost
        } else {
            Duration::MAX
        };
        Some(Score { cost, ..score })
    }

    /// One controller of it has been looked at for as long as any is.
    fn is_settled(&self) -> bool {
        self.trials.iter().any(Trial::is_done)
    }
}

/// How many times longer everything takes in a zone that is in use to this share: what waits
/// in a queue waits 1 / (1 - load) times as long (M/M/1).
fn weight(load: Option<f64>) -> f64 {
    let load = load.filter(|load| load.is_finite()).unwrap_or(USUAL_LOAD);
    1.0 / (1.0 - load.clamp(0.0, FULL))
}

/// Whether the winner is known though some may still answer: none of them can become better.
#[must_use]
pub fn is_decided(candidates: &[Candidate]) -> bool {
    let best = candidates.iter().enumerate();
    let best = best
        .filter_map(|(index, it)| Some((it.at_worst()?, index)))
        .min();
    let Some((best, winner)) = best else {
        return false;
    };
    let mut others = candidates
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != winner);
    others.all(|(_, it)| it.at_best().is_none_or(|hope| hope >= best))
}

/// The candidates that answered, the best first.
#[must_use]
pub fn order(candidates: &[Candidate]) -> Vec<usize> {
    let all = candidates.iter().enumerate();
    let mut scored: Vec<_> = all
        .filter_map(|(index, it)| Some((it.score()?, index)))
        .collect();
    scored.sort_unstable();
    scored.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests;
