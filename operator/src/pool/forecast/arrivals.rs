//! How fast people came of late whom nobody had announced: how many more there are than there
//! were within the time that room for them takes to be there.

use std::time::Duration;

use jiff::Timestamp;

use super::startup::elapsed;

/// Samples within that time.
const SAMPLES: u32 = 16;
/// What reports say that can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// People on the pool's routers.
    pub people: u32,
    /// Hardly anybody else fits on those that take people.
    pub full: bool,
}

/// What was seen of the number of people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Arrivals {
    /// Fewest people at each moment of that time, with those announced who came since; oldest
    /// first; at most [`SAMPLES`] and one.
    lows: Vec<(Timestamp, u32)>,
    /// How many there are more than the fewest of these.
    recent: u32,
}

impl Arrivals {
    /// With so many people now, of whom so many `announced` have come since the last look.
    /// `horizon` is how long room takes to be there.
    pub(super) fn with(
        &self,
        seen: Seen,
        announced: u32,
        horizon: Duration,
        now: Timestamp,
    ) -> Self {
        let people = seen.people;
        let mut lows: Vec<_> = self.lows.clone();
        lows.retain(|(at, _)| elapsed(*at, now) <= horizon);
        for (_, low) in &mut lows {
            *low = low.saturating_add(announced);
        }
        match lows.last_mut() {
            Some((at, low)) if elapsed(*at, now) < horizon / SAMPLES => *low = people.min(*low),
            _ => lows.push((now, people)),
        }
        let lowest = lows.iter().map(|(_, low)| *low).min();
        let came = people.saturating_sub(lowest.unwrap_or(people));
        // Where nobody fits nobody is seen to come: they still do, as far as one can tell.
        let recent = if seen.full {
            came.max(self.recent)
        } else {
            came
        };
        Self { lows, recent }
    }

    /// The people could not be counted: what comes after is no growth.
    pub(super) fn interrupted() -> Self {
        Self::default()
    }

    /// How many more there are than there were within that time.
    pub(super) const fn recent(&self) -> u32 {
        self.recent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HORIZON: Duration = Duration::from_secs(32);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn some(people: u32) -> Seen {
        Seen {
            people,
            full: false,
        }
    }

    /// After these people, one number a second.
    fn after(people: impl IntoIterator<Item = u32>) -> Arrivals {
        let each = people.into_iter().zip(0..);
        each.fold(Arrivals::default(), |seen, (people, second)| {
            seen.with(some(people), 0, HORIZON, at(second))
        })
    }

    #[test]
    fn growth_is_what_came_within_the_time_that_room_takes() {
        assert_eq!(after([5; 100]).recent(), 0);
        // To a sixteenth of that time.
        let steady = after((0..100).map(|n| n * 10)).recent();
        assert!((300..=320).contains(&steady), "{steady}");
        let then_nobody = (0..100).map(|n| n * 10).chain([990; 33]);
        assert_eq!(after(then_nobody).recent(), 0);
    }

    #[test]
    fn those_who_leave_hide_nobody_who_comes_after() {
        let dip = [100; 40].into_iter().chain([60; 2]).chain([100; 4]);
        assert_eq!(after(dip).recent(), 40);
    }

    #[test]
    fn who_was_announced_is_no_arrival() {
        let mut seen = after([100; 40]);
        for second in 40..60 {
            // Ten a second, of whom nine were announced.
            let people = 100 + (u32::try_from(second).unwrap() - 39) * 10;
            seen = seen.with(some(people), 9, HORIZON, at(second));
        }
        assert_eq!(seen.recent(), 20);
        // More have come by what was announced than there are: it was taken back.
        seen = seen.with(some(300), 5_000, HORIZON, at(60));
        assert_eq!(seen.recent(), 0);
        let later = seen.with(some(340), 0, HORIZON, at(61));
        assert_eq!(later.recent(), 40, "who comes then is seen");
    }

    #[test]
    fn what_was_seen_before_a_gap_is_not_compared_with_what_comes_after() {
        let gap = Arrivals::interrupted();
        assert_eq!(gap.with(some(900), 0, HORIZON, at(41)).recent(), 0);
    }

    #[test]
    fn a_crowd_that_finds_no_room_is_still_coming() {
        let full = Seen {
            people: 300,
            full: true,
        };
        let mut seen = after((0..=30).map(|n| n * 10));
        for second in 31..200 {
            seen = seen.with(full, 0, HORIZON, at(second));
        }
        assert_eq!(seen.recent(), 300);
        assert_eq!(seen.with(some(300), 0, HORIZON, at(200)).recent(), 0);
    }

    #[test]
    fn what_is_kept_is_bounded_and_a_clock_that_is_put_back_harms_nobody() {
        let mut seen = Arrivals::default();
        for second in (0..40_000).chain(0..400) {
            let people = u32::try_from(second % 977).unwrap();
            seen = seen.with(some(people), 0, HORIZON, at(second));
        }
        assert!(seen.lows.len() <= 17, "{seen:?}");
    }
}
