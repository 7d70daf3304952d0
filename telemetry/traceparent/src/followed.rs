//! How many traces that others want recorded are recorded.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Of one process, in a second. Whoever can send a request can ask for its trace; what this
/// many cost is nothing beside what their requests do.
const A_SECOND: u32 = 100;

static FOLLOWED: Mutex<Followed> = Mutex::new(Followed {
    since: None,
    count: 0,
});

/// Those of the current second.
#[derive(Debug)]
pub struct Followed {
    since: Option<Instant>,
    count: u32,
}

impl Followed {
    /// Whether one more is recorded; then it counts.
    pub fn one_more(now: Instant) -> bool {
        FOLLOWED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(now)
    }

    fn take(&mut self, now: Instant) -> bool {
        let goes_on = |since| now.saturating_duration_since(since) < Duration::from_secs(1);
        if !self.since.is_some_and(goes_on) {
            *self = Self {
                since: Some(now),
                count: 0,
            };
        }
        let room = self.count < A_SECOND;
        self.count += u32::from(room);
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_cannot_have_everything_recorded() {
        let mut followed = Followed {
            since: None,
            count: 0,
        };
        let start = Instant::now();
        let mut taken = |at| (0..1_000).filter(|_| followed.take(start + at)).count();
        assert_eq!(taken(Duration::ZERO), 100);
        assert_eq!(taken(Duration::from_millis(999)), 0);
        assert_eq!(taken(Duration::from_secs(1)), 100);
    }
}
