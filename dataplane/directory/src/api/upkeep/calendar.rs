//! Meetings that expect people, and when each begins next. Pure: it is told the time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::model::{MeetingNumber, Schedule};

/// How long before it begins a meeting is told of: routers are believed to take ten minutes at
/// most, and people come up to ten minutes early.
const AHEAD: SignedDuration = SignedDuration::from_mins(20);
/// People come so late: until then a meeting that has begun is told of.
const LATE: SignedDuration = SignedDuration::from_mins(5);
/// Meetings that are remembered, at some 400 bytes each. Of further ones nothing is told.
const MOST: usize = 100_000;

/// Meetings that expect people, with the time at which each begins next.
#[derive(Default)]
pub struct Calendar(BTreeMap<MeetingNumber, Entry>);

struct Entry {
    schedule: Schedule,
    begins: Timestamp,
    people: u16,
}

impl Calendar {
    /// A meeting is now so: without a schedule it expects nobody, or never begins.
    pub fn learn(&mut self, number: MeetingNumber, schedule: Option<Schedule>, now: Timestamp) {
        self.0.remove(&number);
        let Some(schedule) = schedule.filter(|_| self.0.len() < MOST) else {
            return;
        };
        if let (Some(begins), Some(people)) = (next(&schedule, now), schedule.expected()) {
            let entry = Entry {
                schedule,
                begins,
                people,
            };
            self.0.insert(number, entry);
        }
    }

    /// Those that begin soon. What has begun is remembered if it comes back.
    pub fn soon(&mut self, now: Timestamp) -> Vec<(MeetingNumber, Timestamp, u16)> {
        self.0.retain(|_, entry| {
            if entry.begins + LATE > now {
                return true;
            }
            let next = next(&entry.schedule, now);
            entry.begins = next.unwrap_or(entry.begins);
            next.is_some()
        });
        let soon = self.0.iter().filter(|(_, it)| it.begins <= now + AHEAD);
        soon.map(|(number, it)| (*number, it.begins, it.people))
            .collect()
    }

    /// Of these meetings only some are there.
    pub fn keep(&mut self, of: &[MeetingNumber], there: &BTreeSet<MeetingNumber>) {
        for number in of.iter().filter(|number| !there.contains(number)) {
            self.0.remove(number);
        }
    }
}

/// When it begins next. One that has just begun still counts, for those who are late.
fn next(schedule: &Schedule, now: Timestamp) -> Option<Timestamp> {
    let next = schedule.timing(now - LATE).next?;
    Some(next.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Recurrence;

    const NUMBER: u64 = 123_456_789;
    const NOBODY: [u16; 0] = [];

    fn number(plus: u64) -> MeetingNumber {
        MeetingNumber::new(NUMBER + plus).unwrap()
    }

    fn at_nine(rule: Option<&str>, expected: Option<u16>) -> Schedule {
        let start = "2026-11-23T09:00:00".parse().unwrap();
        let rule = rule.map(|rule| Recurrence::new(rule, Vec::new()).unwrap());
        let schedule = Schedule::new(start, "UTC", 60, rule).unwrap();
        schedule.expecting(expected).unwrap()
    }

    fn on(time: &str) -> Timestamp {
        format!("2026-11-{time}Z").parse().unwrap()
    }

    /// A calendar that knew this meeting a day before.
    fn with(schedule: Schedule) -> Calendar {
        let mut calendar = Calendar::default();
        calendar.learn(number(0), Some(schedule), on("22T09:00:00"));
        calendar
    }

    fn people(calendar: &mut Calendar, time: &str) -> Vec<u16> {
        let soon = calendar.soon(on(time));
        soon.into_iter().map(|(_, _, people)| people).collect()
    }

    #[test]
    fn a_meeting_is_told_of_twenty_minutes_before_until_those_who_are_late_have_come() {
        let mut once = with(at_nine(None, Some(300)));
        assert_eq!(people(&mut once, "23T08:39:59"), NOBODY);
        for time in ["23T08:40:00", "23T09:00:00", "23T09:04:59"] {
            assert_eq!(people(&mut once, time), [300], "{time}");
        }
        assert_eq!(people(&mut once, "23T09:05:00"), NOBODY);
        assert!(once.0.is_empty(), "it does not come back");
    }

    #[test]
    fn a_series_comes_back() {
        let mut daily = with(at_nine(Some("FREQ=DAILY;COUNT=3"), Some(300)));
        for day in ["23", "24", "25"] {
            assert_eq!(people(&mut daily, &format!("{day}T08:50:00")), [300]);
            assert_eq!(people(&mut daily, &format!("{day}T09:05:00")), NOBODY);
        }
        assert!(daily.0.is_empty(), "it is over");
        // A directory that begins, or goes on, in the midst of it.
        let mut daily = with(at_nine(Some("FREQ=DAILY"), Some(300)));
        assert_eq!(people(&mut daily, "27T08:50:00"), [300]);
    }

    #[test]
    fn what_is_changed_counts_as_it_is_now() {
        let mut calendar = with(at_nine(None, Some(300)));
        let now = on("23T08:50:00");
        calendar.learn(number(0), Some(at_nine(None, Some(40))), now);
        assert_eq!(people(&mut calendar, "23T08:50:00"), [40]);
        calendar.learn(number(0), Some(at_nine(None, None)), now);
        assert_eq!(people(&mut calendar, "23T08:50:00"), NOBODY);
        calendar.learn(number(0), Some(at_nine(None, Some(40))), now);
        calendar.learn(number(0), None, now);
        assert_eq!(people(&mut calendar, "23T08:50:00"), NOBODY, "it was ended");
    }

    #[test]
    fn what_is_deleted_is_forgotten() {
        let mut calendar = with(at_nine(Some("FREQ=DAILY"), Some(300)));
        calendar.learn(number(1), Some(at_nine(None, Some(7))), on("22T09:00:00"));
        calendar.keep(&[number(0), number(1)], &BTreeSet::from([number(1)]));
        assert_eq!(people(&mut calendar, "23T08:50:00"), [7]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut calendar = Calendar::default();
        let (schedule, now) = (at_nine(None, Some(1)), on("22T09:00:00"));
        for plus in 0..=MOST as u64 {
            calendar.learn(number(plus), Some(schedule.clone()), now);
        }
        assert_eq!(calendar.0.len(), MOST);
        calendar.learn(number(0), Some(at_nine(None, Some(2))), now);
        assert_eq!(calendar.0.len(), MOST, "what is known may change");
    }
}
