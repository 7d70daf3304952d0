//! The meetings that a directory knows of beforehand, with how many are still to come to each.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::GROWTH_PERCENT;
use super::schedule::Asked;

/// People come so late. Who comes later finds the routers that were there for them, until the
/// pool's delay for shrinking is over.
const LATE: Duration = Duration::from_mins(5);
/// People come so early; who comes earlier finds `spareParticipants`. Where routers come later
/// than the first people, these fill the few that are there with the beginnings of all meetings,
/// which then have to be moved as they grow.
const EARLY: Duration = Duration::from_mins(10);
/// Minutes that are counted: a directory tells of twenty.
const MOST: usize = 60;

/// People who are still to come, by the minute in which their meetings begin, as long as they
/// count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Meetings {
    minutes: BTreeMap<Timestamp, u32>,
}

impl Meetings {
    pub(super) fn new(expected: &BTreeMap<Timestamp, u32>, now: Timestamp) -> Self {
        let minutes = expected.iter().map(|(begins, people)| (*begins, *people));
        let to_come = minutes.filter(|(begins, _)| now - LATE < *begins);
        Self {
            minutes: to_come.take(MOST).collect(),
        }
    }

    /// How many have come who were expected `before`. Of those who count no more
    /// nobody says whether they came.
    pub(super) fn came_since(&self, before: &Self, now: Timestamp) -> u32 {
        let minutes = before.minutes.iter();
        let came = minutes
            .filter(|(begins, _)| now - LATE < **begins)
            .map(|(begins, then)| {
                let still = self.minutes.get(begins).copied().unwrap_or_default();
                then.saturating_sub(still)
            });
        came.fold(0, u32::saturating_add)
    }

    /// All that come.
    pub(super) fn people(&self) -> u32 {
        self.minutes.values().copied().fold(0, u32::saturating_add)
    }

    /// The room for those who begin to come within `lead`, with what routers keep for meetings
    /// that grow.
    pub(super) fn at(&self, now: Timestamp, lead: Duration) -> Asked {
        let mut people = 0_u32;
        let mut changes = None;
        for (begins, more) in &self.minutes {
            let from = *begins - EARLY - lead;
            let change = if from <= now {
                people = people.saturating_add(*more);
                *begins + LATE
            } else {
                from
            };
            changes = changes.into_iter().chain([change]).min();
        }
        let room = u64::from(people) * 100 / u64::from(100 - GROWTH_PERCENT);
        Asked {
            spare: u32::try_from(room).unwrap_or(u32::MAX),
            min_routers: 0,
            changes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAD: Duration = Duration::from_secs(60);

    fn at(text: &str) -> Timestamp {
        format!("2026-11-23T{text}Z").parse().unwrap()
    }

    fn day() -> BTreeMap<Timestamp, u32> {
        BTreeMap::from([(at("08:15:00"), 90), (at("08:20:00"), 9)])
    }

    fn asked(time: &str) -> (u32, Option<String>) {
        let (day, now) = (day(), at(time));
        let asked = Meetings::new(&day, now).at(now, LEAD);
        let changes = asked.changes.map(|it| it.strftime("%H:%M:%S").to_string());
        (asked.spare, changes)
    }

    #[test]
    fn room_is_asked_for_as_early_as_routers_take_before_people_come() {
        let changes = |time: &str| Some(time.to_owned());
        // Of each router a tenth is kept for meetings that grow.
        for (time, spare, next) in [
            ("08:03:59", 0, changes("08:04:00")),
            ("08:04:00", 100, changes("08:09:00")),
            ("08:09:00", 110, changes("08:20:00")),
            ("08:19:59", 110, changes("08:20:00")),
            ("08:20:00", 10, changes("08:25:00")),
            ("08:25:00", 0, None),
        ] {
            assert_eq!(asked(time), (spare, next), "{time}");
        }
    }

    #[test]
    fn all_that_come_are_counted_until_five_minutes_after() {
        let day = day();
        let people = |time| Meetings::new(&day, at(time)).people();
        assert_eq!(people("08:00:00"), 99);
        assert_eq!(people("08:19:59"), 99);
        assert_eq!(people("08:20:00"), 9);
        assert_eq!(people("08:25:00"), 0);
    }

    #[test]
    fn who_is_expected_no_more_has_come_unless_nobody_asks_any_more() {
        let told = |minutes: &[(&str, u32)], now| {
            let minutes = minutes.iter().map(|(time, people)| (at(time), *people));
            Meetings::new(&minutes.collect(), now)
        };
        let before = told(&[("08:15:00", 90), ("08:20:00", 9)], at("08:19:30"));
        let came = |minutes: &[(&str, u32)], time| {
            let now = at(time);
            told(minutes, now).came_since(&before, now)
        };
        let none: &[(&str, u32)] = &[];
        assert_eq!(came(&[("08:15:00", 60), ("08:20:00", 9)], "08:19:59"), 30);
        assert_eq!(came(&[("08:20:00", 7)], "08:19:59"), 92);
        assert_eq!(came(&[("08:20:00", 7)], "08:20:00"), 2);
        assert_eq!(came(none, "08:25:00"), 0);
        // More are expected now: that is no answer to who came.
        assert_eq!(came(&[("08:15:00", 99), ("08:20:00", 9)], "08:19:59"), 0);
    }

    #[test]
    fn what_is_told_may_be_any_number() {
        let now = at("08:15:00");
        let many = BTreeMap::from([(now, u32::MAX), (at("08:16:00"), u32::MAX)]);
        let meetings = Meetings::new(&many, now);
        assert_eq!(meetings.at(now, LEAD).spare, u32::MAX);
        assert_eq!(meetings.people(), u32::MAX);
        let minutes = (0..1_000).map(|n| (now + Duration::from_secs(n), 1));
        let meetings = Meetings::new(&minutes.collect(), now);
        assert_eq!(meetings.people() as usize, MOST);
        let ends = BTreeMap::from([(Timestamp::MIN, 3), (Timestamp::MAX, 4)]);
        let meetings = Meetings::new(&ends, now);
        assert_eq!((meetings.people(), meetings.at(now, LEAD).spare), (4, 0));
        assert_eq!(meetings.came_since(&meetings, now), 0);
    }
}
