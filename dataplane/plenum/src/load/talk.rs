//! How loud somebody of the load is: talks and pauses as people do, the same in each run.

use std::time::Duration;

use plenum_wire::rtp::AudioLevel;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::speaker::TICK;

/// Mean lengths of a talk spurt and of a pause, ITU-T P.59 (artificial conversational
/// speech); both are taken as exponential.
const SPURT: Duration = Duration::from_millis(1_004);
const PAUSE: Duration = Duration::from_millis(1_587);

/// One person's talking.
#[derive(Debug)]
pub struct Talk {
    random: StdRng,
    talks: bool,
    /// Ticks until that changes.
    left: u32,
}

impl Talk {
    /// Begins with a pause.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            talks: true,
            left: 0,
        }
    }

    /// The level of the next packet.
    pub fn level(&mut self) -> AudioLevel {
        while self.left == 0 {
            self.talks = !self.talks;
            let mean = if self.talks { SPURT } else { PAUSE };
            self.left = self.ticks(mean);
        }
        self.left -= 1;
        // Speech around its nominal -26 dBov, and a quiet room.
        let below = if self.talks { 20..33 } else { 66..80 };
        AudioLevel {
            voice: self.talks,
            below: self.random.random_range(below),
        }
    }

    fn ticks(&mut self, mean: Duration) -> u32 {
        let mean = mean.as_secs_f64() / TICK.as_secs_f64();
        let mut ticks = 0;
        // Geometric, which is what exponential is in ticks.
        while !self.random.random_bool(1.0 / mean) {
            ticks += 1;
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_talk_two_fifths_of_the_time_and_the_same_in_each_run() {
        let levels = |seed| {
            let mut talk = Talk::new(seed);
            std::iter::repeat_with(move || talk.level()).take(100_000)
        };
        let talks = levels(7).filter(|level| level.voice).count();
        assert!((36_000..42_000).contains(&talks), "{talks}");
        assert!(levels(7).eq(levels(7)));
        assert!(!levels(7).eq(levels(8)));
    }
}
