//! Which meetings were ended. All of a day are read once, and then what came since the last look:
//! a look costs the same however many there are.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::super::Directory;
use super::super::endings::Endings;
use super::place;
use crate::model::{FeedId, Revision};
use crate::store::{self, ENDINGS_KEPT, LAST_ENDINGS};

/// They are read again from so long before the last look: one is dated before it is written down,
/// which may take as long as its request, and a replica's page.
const OVERLAP: SignedDuration = SignedDuration::from_mins(1);

/// What was read.
#[derive(Default)]
pub struct Ended {
    place: Option<(FeedId, Revision)>,
    read_up_to: Option<Timestamp>,
    known: Arc<Endings>,
}

impl Ended {
    /// Reads those that came since the last time.
    pub async fn read(
        &mut self,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<(), store::Error> {
        let place = place(directory).await?;
        let since = self.since(place, now);
        let read = directory.store().endings(since).await?;
        if !self.known.have(&read) {
            // The board has the others meanwhile.
            let known = Arc::make_mut(&mut self.known);
            known.learn(&read, LAST_ENDINGS as usize);
            known.forget(now - ENDINGS_KEPT);
        }
        (self.place, self.read_up_to) = (place, Some(now));
        Ok(())
    }

    /// For the board.
    pub const fn known(&self) -> &Arc<Endings> {
        &self.known
    }

    /// From when to read. A database that is another, or was set back, and a clock that was, begin
    /// anew.
    fn since(&mut self, place: Option<(FeedId, Revision)>, now: Timestamp) -> Timestamp {
        let goes_on = |(feed, head)| place.is_some_and(|it| it.0 == feed && it.1 >= head);
        if !self.place.is_none_or(goes_on) || self.read_up_to > Some(now) {
            *self = Self::default();
        }
        let last = self.read_up_to.map(|last| last - OVERLAP);
        last.unwrap_or(now - ENDINGS_KEPT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_since_the_last_look_is_read_unless_time_or_the_database_went_back() {
        let time = |second: i64| Timestamp::from_second(1_000_000 + second).unwrap();
        let place = |feed, head| Some((FeedId::from_random(feed), Revision(head)));
        let (before, all) = (time(-60), |second: i64| time(second) - ENDINGS_KEPT);
        for (now, at, since) in [
            (place(1, 40), 0, before),
            (place(1, 41), 1, before),
            (place(1, 39), 1, all(1)),
            (place(2, 41), 1, all(1)),
            (None, 1, all(1)),
            (place(1, 41), -1, all(-1)),
        ] {
            let mut ended = Ended {
                place: place(1, 40),
                read_up_to: Some(time(0)),
                ..Ended::default()
            };
            assert_eq!(ended.since(now, time(at)), since, "{now:?} {at}");
        }
        assert_eq!(Ended::default().since(place(1, 40), time(0)), all(0));
    }
}
