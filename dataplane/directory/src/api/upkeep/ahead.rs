//! Which meetings begin soon and said how many people they expect. Read as replicas read: by what
//! changed since the last time, so that it costs the same however many meetings there are. It is
//! advice: what zones say and where meetings begin never waits for it.

use std::future::pending;
use std::mem;
use std::panic::resume_unwind;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::sleep;

use super::super::Directory;
use super::super::expected::Announced;
use super::calendar::Calendar;
use super::{PATIENCE, place, within};
use crate::model::{FeedId, MeetingNumber, PAGE_LIMIT, Revision};
use crate::store::{self, Store};

/// How often what has changed is read.
const EVERY: Duration = Duration::from_secs(1);
/// Pages of one time, so that it has an end: at the start 10,000 meetings a second at most.
const PAGES: usize = 10;

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
    /// Reads what has changed, and says what begins soon.
    async fn read(&mut self, directory: &Directory) -> Result<Vec<Announced>, store::Error> {
        let store = directory.store();
        let Some((feed, head)) = within(PATIENCE, place(directory)).await? else {
            return Ok(Vec::new());
        };
        self.go_on_in(feed, head);
        let now = within(PATIENCE, store.time()).await?;
        self.catch_up(store, now).await?;
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

    /// Reads page after page of what has changed.
    async fn catch_up(&mut self, store: &Store, now: Timestamp) -> Result<(), store::Error> {
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
        Ok(())
    }

    /// A thousand rules of a thousand times each take seconds to walk through: the runtime's
    /// threads have others to serve meanwhile. A fault there is one of this task too, which is then
    /// begun anew with all that it knows.
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

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::super::supervised::keep_running;
    use super::*;
    use crate::model::Schedule;

    /// When the meeting begins.
    const NINE: &str = "2026-11-23T09:00:00Z";

    fn with_a_meeting() -> Calendar {
        let start = "2026-11-23T09:00:00".parse().unwrap();
        let schedule = Schedule::new(start, "UTC", 60, None).unwrap();
        let number = MeetingNumber::new(123_456_789).unwrap();
        let mut calendar = Calendar::default();
        let schedule = schedule.expecting(Some(300)).unwrap();
        calendar.learn(number, Some(schedule), NINE.parse().unwrap());
        calendar
    }

    #[test]
    fn a_database_that_is_another_or_was_set_back_is_read_from_the_beginning() {
        let (feed, other) = (FeedId::from_random(1), FeedId::from_random(2));
        let read = || Ahead {
            feed: Some(feed),
            read_up_to: Revision(40),
            calendar: with_a_meeting(),
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
            let soon = ahead.calendar.soon(NINE.parse().unwrap());
            assert_eq!(soon.len(), meetings);
        }
    }

    #[tokio::test]
    async fn a_fault_in_a_schedule_is_noticed_and_all_begins_anew() {
        let stop = CancellationToken::new();
        let (mut turns, mut died) = (0, 0);
        let begin = || {
            turns += 1;
            let (faulty, stop) = (turns == 1, stop.clone());
            async move {
                let mut ahead = Ahead::default();
                ahead.aside(move |_| assert!(!faulty, "a fault")).await;
                stop.cancel();
                pending::<()>().await;
            }
        };
        let running = keep_running(begin, || died += 1, Duration::ZERO, stop.clone());
        let limit = Duration::from_mins(2);
        tokio::time::timeout(limit, running).await.expect("it ends");
        assert_eq!((turns, died), (2, 1));
    }
}
