//! How long to wait before asking again.

use std::time::Duration;

/// First and longest wait. Short, because somebody is sitting in silence meanwhile.
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// Doubling waits, each shortened by up to half at random so that the participants of a
/// dead router do not come back all at once.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
    random: u64,
}

impl Backoff {
    /// A series; `seed` is what sets one participant's apart from another's.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            next: FIRST,
            random: seed,
        }
    }

    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = (self.next * 2).min(LONGEST);
        let share = u32::try_from(self.draw() >> 33).unwrap_or(0);
        whole / 2 + (whole / 2).mul_f64(f64::from(share) / f64::from(1u32 << 31))
    }

    /// Starts the series again, after something worked.
    pub const fn reset(&mut self) {
        self.next = FIRST;
    }

    /// `SplitMix64`: enough to spread clients, and a test can repeat it.
    const fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_second_and_never_halve_below() {
        let mut backoff = Backoff::new(7);
        let mut whole = FIRST;
        for _ in 0..8 {
            let wait = backoff.wait();
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
            whole = (whole * 2).min(LONGEST);
        }
        backoff.reset();
        assert!(backoff.wait() <= FIRST);
    }

    #[test]
    fn two_participants_do_not_wait_alike() {
        let waits = |seed| {
            let mut backoff = Backoff::new(seed);
            [backoff.wait(), backoff.wait(), backoff.wait()]
        };
        assert_ne!(waits(1), waits(2));
    }
}
