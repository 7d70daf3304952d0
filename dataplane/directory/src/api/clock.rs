//! The time by which it is told how long ago something was heard. Processes of one directory
//! write that down for each other, and their own clocks differ, so it is the database's. Pure.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// The database's clock as it was read last; from there this process's own goes on, which
/// nobody sets.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    read: Timestamp,
    at: Instant,
}

impl Clock {
    /// It said `read`, and that came at `at`. It is late by the way of the answer, which takes
    /// milliseconds.
    pub const fn new(read: Timestamp, at: Instant) -> Self {
        Self { read, at }
    }

    /// What it says at another moment.
    pub fn time(self, now: Instant) -> Timestamp {
        let since = now.saturating_duration_since(self.at);
        let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
        self.read.checked_add(since).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn between_two_looks_it_goes_on() {
        let (read, at) = ("2026-11-21T12:00:00Z".parse().unwrap(), Instant::now());
        let clock = Clock::new(read, at);
        assert_eq!(clock.time(at), read);
        let later = at + Duration::from_millis(2_500);
        assert_eq!(clock.time(later).to_string(), "2026-11-21T12:00:02.5Z");
    }
}
