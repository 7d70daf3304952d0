//! How long a replica whose work ended by itself is no candidate: another may do better, and what
//! makes it end is not met again and again at full speed.

use std::time::Duration;

use super::RENEW_EVERY;

/// How long a replica is no candidate after its work ended by itself: the others look at the Lease
/// twice in this time.
pub const FIRST_PAUSE: Duration = RENEW_EVERY.saturating_mul(2);
/// To this it grows, twice as long each time: as the kubelet's for containers that end. Work that
/// lasted as long as this is taken for sound, and the next pause is the first again.
pub const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The pauses after one term and the next.
pub(super) struct Pauses {
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Pauses {
    /// After a term that lasted so long.
    pub(super) fn after(&mut self, lasted: Duration) -> Duration {
        let pause = if lasted >= LONGEST_PAUSE {
            FIRST_PAUSE
        } else {
            self.next
        };
        self.next = pause.saturating_mul(2).min(LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_twice_as_long_until_work_lasts() {
        let mut pauses = Pauses::default();
        let short = LONGEST_PAUSE.saturating_sub(Duration::from_secs(1));
        let grow: Vec<u64> = (0..8).map(|_| pauses.after(short).as_secs()).collect();
        assert_eq!(grow, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(pauses.after(LONGEST_PAUSE), FIRST_PAUSE);
        assert_eq!(pauses.after(short), FIRST_PAUSE * 2);
    }
}
