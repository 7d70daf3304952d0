//! How busy a thread counts as. Pure.
//!
//! Time that passes while it works is not all its own where others use its core too. What they
//! take is nothing that doing less gives back, so a thread that itself leaves half a core to
//! others counts with what it ran, however long it waited for its turns; but not when packets
//! wait long for it. When they are lost it is full, whoever has the core, unless it had time to
//! spare: that was a burst which the buffer could not hold, and doing less helps nobody.

use std::time::Duration;

/// Below this share of a core it is not the thread that fills it.
const HALF_A_CORE: f32 = 0.5;
/// A thread that works for less of the time loses for want of buffer, not of time. One that
/// does not keep up works all the time, from its first backlog on.
const HAS_TIME: f32 = 0.8;
/// A receive buffer filled beyond this holds 75 ms of what fills a core, and so 150 ms and more
/// of what comes to one that is not filled (see `ReceiveBuffer::WANTED`).
const FILLED: f32 = 0.25;

/// One thread between two looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// How long that was.
    pub past: Duration,
    /// How long it worked, or waited long for its turns.
    pub worked: Duration,
    /// How long it ran, if the kernel tells.
    pub ran: Option<Duration>,
    /// The share of its receive buffer that is in use now.
    pub filled: f32,
    /// Packets that found no room in it.
    pub dropped: u64,
}

impl Sample {
    /// The share of time, 0 to 1.
    pub(super) fn busy(&self) -> f32 {
        let worked = self.share(self.worked);
        if self.dropped > 0 && worked >= HAS_TIME {
            return 1.0;
        }
        match self.ran.map(|ran| self.share(ran)) {
            Some(ran) if ran < HALF_A_CORE && self.filled <= FILLED => worked.min(ran),
            _ => worked,
        }
    }

    fn share(&self, of: Duration) -> f32 {
        if self.past.is_zero() {
            return 0.0;
        }
        (of.as_secs_f32() / self.past.as_secs_f32()).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Of 100 ms.
    fn sample(worked: u64, ran: u64) -> Sample {
        Sample {
            past: millis(100),
            worked: millis(worked),
            ran: Some(millis(ran)),
            filled: 0.0,
            dropped: 0,
        }
    }

    fn counts_as(sample: Sample, expected: f32) {
        let busy = sample.busy();
        assert!((busy - expected).abs() < 0.001, "{sample:?}: {busy}");
    }

    #[test]
    fn on_a_core_of_its_own_the_time_it_works_counts() {
        counts_as(sample(30, 30), 0.3);
        counts_as(sample(97, 95), 0.97);
    }

    #[test]
    fn little_to_do_on_a_core_that_others_fill_is_no_strain() {
        for ran in [0, 5, 20, 45] {
            counts_as(sample(100, ran), millis(ran).as_secs_f32() * 10.0);
        }
    }

    #[test]
    fn whoever_uses_half_a_core_and_waits_for_the_rest_is_strained() {
        counts_as(sample(100, 55), 1.0);
    }

    #[test]
    fn what_is_late_or_lost_for_want_of_time_counts_whoever_has_the_core() {
        let lost = Sample {
            dropped: 1,
            ..sample(100, 5)
        };
        counts_as(lost, 1.0);
        let hardly = Sample {
            dropped: 1,
            ..sample(85, 80)
        };
        counts_as(hardly, 1.0);
        let late = Sample {
            filled: 0.5,
            ..sample(85, 5)
        };
        counts_as(late, 0.85);
    }

    #[test]
    fn what_is_lost_while_it_has_time_to_spare_does_not() {
        let burst = Sample {
            filled: 1.0,
            dropped: 1_000,
            ..sample(55, 52)
        };
        counts_as(burst, 0.55);
    }

    #[test]
    fn without_the_kernels_word_the_time_it_works_counts() {
        let untold = Sample {
            ran: None,
            ..sample(90, 0)
        };
        counts_as(untold, 0.9);
    }

    #[test]
    fn no_time_is_no_strain() {
        let none = Sample {
            past: Duration::ZERO,
            ..sample(1, 1)
        };
        counts_as(none, 0.0);
    }
}
