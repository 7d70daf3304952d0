//! How busy a thread counts as. Pure.
//!
//! One that loses packets for want of time is full, whatever share of time it worked. When it
//! had time to spare it was a burst which its buffer could not hold: doing less helps nobody,
//! and another thread that is busy has nothing to do with it.

use std::time::Duration;

/// A thread that works for less of the time loses for want of buffer, not of time. One that
/// does not keep up works all the time, from its first backlog on.
const HAS_TIME: f32 = 0.8;

/// One thread between two looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// How long that was.
    pub past: Duration,
    /// How long it worked, or waited long for its turns.
    pub worked: Duration,
    /// Packets that found no room in its buffer.
    pub dropped: u64,
}

impl Sample {
    /// The share of time, 0 to 1.
    pub(super) fn busy(&self) -> f32 {
        if self.past.is_zero() {
            return 0.0;
        }
        let worked = (self.worked.as_secs_f32() / self.past.as_secs_f32()).min(1.0);
        if self.dropped > 0 && worked >= HAS_TIME {
            1.0
        } else {
            worked
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 100 ms.
    fn counts_as(worked: u64, dropped: u64, expected: f32) {
        let sample = Sample {
            past: Duration::from_millis(100),
            worked: Duration::from_millis(worked),
            dropped,
        };
        let busy = sample.busy();
        assert!((busy - expected).abs() < 0.001, "{sample:?}: {busy}");
    }

    #[test]
    fn the_time_it_works_counts() {
        counts_as(30, 0, 0.3);
        counts_as(97, 0, 0.97);
        counts_as(150, 0, 1.0);
    }

    #[test]
    fn what_is_lost_for_want_of_time_makes_it_full() {
        counts_as(85, 1, 1.0);
    }

    #[test]
    fn what_is_lost_while_it_has_time_to_spare_does_not() {
        counts_as(55, 1_000, 0.55);
        counts_as(0, 1_000, 0.0);
    }

    #[test]
    fn no_time_is_no_strain() {
        let none = Sample {
            past: Duration::ZERO,
            worked: Duration::from_millis(1),
            dropped: 1,
        };
        assert!(none.busy() < f32::EPSILON);
    }
}
