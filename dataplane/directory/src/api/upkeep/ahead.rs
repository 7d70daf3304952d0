//! Which meetings begin soon and said how many people they expect. Read as replicas read: by what
//! changed since the last time, so that it costs the same however many meetings there are. It is
//! advice: what zones say and where meetings begin never waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::mem;
use std::panic::resume_unwind;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::sleep;

use super::super::Directory;
use super::super::expected::Announced;
use super::{PATIENCE, place, within};
use crate::model::{FeedId, MeetingNumber, PAGE_LIMIT, Revision, Schedule};
use crate::store;

/// How often what has changed is read.
const EVERY: Duration = Duration::from_secs(1);
/// How long before it begins a meeting is told of: routers are believed to take ten minutes at
/// most, and people come up to ten minutes early.
const AHEAD: SignedDuration = SignedDuration::from_mins(20);
/// People come so late: until then a meeting that has begun is told of.
const LATE: SignedDuration = SignedDuration::from_mins(5);
/// Pages of one time, so that it has an end: at the start 10,000 meetings a second at most.
const PAGES: usize = 10;
/// Meetings that are remembered, at some 400 bytes each. Of further ones nothing is told.
const MOST: usize = 100_000;

/// Tells which meetings begin within twenty minutes; for ever.
pub async fn look_ahead(directory: Directory, soon: watch::Sender<Vec<Announced>>) {
    let mut ahead = Ahead::default();
    loop {
        match ahead.read(&directory).await {
            Ok(announced) => drop(soon.send_replace(announced)),
            Err(error) => tracing::debug!(%error, "who is expected stays as it was"),
        }
        sleep(EVERY).await;
    }
}

/// What is known of them.
#[derive(Default)]
struct Ahead {
    feed: Option<FeedId>,
    read_up_to: Revision,
    calendar: Calendar,
}

impl Ahead {
    /// Reads what has changed.
    async fn read(&mut self, directory: &Directory) -> Result<Vec<Announced>, store::Error> {
        let store = directory.store();
        let Some((feed, head)) = within(PATIENCE, place(directory)).await? else {
            return Ok(Vec::new());
        };
        self.go_on_in(feed, head);
        let now = within(PATIENCE, store.time()).await?;
        for _ in 0..PAGES {
            let page = within(PATIENCE, store.expecting(self.read_up_to)).await?;
            let last = page.len() < PAGE_LIMIT as usize;
            let read_up_to = page.last().map(|(.., revision)| *revision);
            self.aside(move |calendar| {
                for (number, schedule, _) in page {
                    calendar.learn(number, schedule, now);
                }
            })
            .await;
            self.read_up_to = read_up_to.unwrap_or(self.read_up_to);
            if last {
                break;
            }
        }
        let soon = self.aside(move |calendar| calendar.soon(now)).await;
        // What is deleted leaves nothing behind that could be read.
        let numbers: Vec<_> = soon.iter().map(|(number, ..)| *number).collect();
        let there = within(PATIENCE, store.which_are_there(&numbers)).await?;
        self.calendar.keep(&numbers, &there);
        let there = soon
            .into_iter()
            .filter(|(number, ..)| there.contains(number));
        Ok(there.map(announced).collect())
    }

    /// A database that was set back has other meetings under the numbers that were read: then it
    /// begins anew.
    fn go_on_in(&mut self, feed: FeedId, head: Revision) {
        if self.feed != Some(feed) || head < self.read_up_to {
            *self = Self {
                feed: Some(feed),
                ..Self::default()
            };
        }
    }

    /// A thousand rules of a thousand times each take seconds to walk through: the runtime's
    /// threads have others to serve meanwhile.
    async fn aside<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Calendar) -> T + Send + 'static,
    ) -> T {
        let mut calendar = mem::take(&mut self.calendar);
        let worked = spawn_blocking(move || {
            let done = work(&mut calendar);
            (calendar, done)
        });
        let (calendar, done) = match worked.await.map_err(JoinError::try_into_panic) {
            Ok(worked) => worked,
            Err(Ok(fault)) => resume_unwind(fault),
            // The runtime ends, and this with it.
            Err(Err(_)) => pending().await,
        };
        self.calendar = calendar;
        done
    }
}

fn announced((number, begins, people): (MeetingNumber, Timestamp, u16)) -> Announced {
    Announced {
        meeting: number.id(),
        begins,
        people: people.into(),
    }
}

/// Meetings that expect people, with the time at which each begins next.
#[derive(Default)]
struct Calendar(BTreeMap<MeetingNumber, Entry>);

struct Entry {
    schedule: Schedule,
    begins: Timestamp,
    people: u16,
}

impl Calendar {
    /// A meeting is now so: without a schedule it expects nobody, or never begins.
    fn learn(&mut self, number: MeetingNumber, schedule: Option<Schedule>, now: Timestamp) {
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
    fn soon(&mut self, now: Timestamp) -> Vec<(MeetingNumber, Timestamp, u16)> {
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
    fn keep(&mut self, of: &[MeetingNumber], there: &BTreeSet<MeetingNumber>) {
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
    fn a_database_that_is_another_or_was_set_back_is_read_from_the_beginning() {
        let (feed, other) = (FeedId::from_random(1), FeedId::from_random(2));
        let read = || Ahead {
            feed: Some(feed),
            read_up_to: Revision(40),
            calendar: with(at_nine(None, Some(300))),
        };
        for (now, head, up_to, meetings) in [
            (feed, 40, 40, 1),
            (feed, 41, 40, 1),
            (feed, 39, 0, 0),
            (other, 41, 0, 0),
        ] {
            let mut ahead = read();
            ahead.go_on_in(now, Revision(head));
            assert_eq!((ahead.read_up_to, ahead.feed), (Revision(up_to), Some(now)));
            assert_eq!(ahead.calendar.0.len(), meetings);
        }
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
