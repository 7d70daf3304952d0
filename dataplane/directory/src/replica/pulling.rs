//! When to ask, and what to make of the answer.

use std::time::{Duration, Instant};

use crate::model::{ChangePage, FeedId, Revision};

/// Between two questions when there is nothing new: a meeting that was just made can be joined
/// here this much later.
const EVERY: Duration = Duration::from_secs(2);
/// The first wait after a failure; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait after failures. A directory that comes back has its replicas within this.
const LONGEST: Duration = Duration::from_secs(15);
/// The longest wait that a directory may ask for.
const ASKED_FOR: Duration = Duration::from_secs(60);

/// What to do with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Take it, and say [`Pulling::applied`] or [`Pulling::failed`].
    Apply,
    /// It does not fit to what is here: the next question is from the beginning, at once.
    Anew,
    /// No directory says that. It has been counted as a failure.
    Nonsense(&'static str),
}

/// The questions of a replica. One is on its way at a time: between [`Pulling::ask`] and
/// [`Pulling::applied`] or [`Pulling::failed`] nothing is due.
#[derive(Debug)]
pub struct Pulling {
    at: Option<(FeedId, Revision)>,
    asked: Option<Revision>,
    anew: bool,
    failures: u32,
    due: Instant,
    in_step: Option<Instant>,
}

impl Pulling {
    /// Goes on from there, at once.
    #[must_use]
    pub const fn new(at: Option<(FeedId, Revision)>, now: Instant) -> Self {
        Self {
            at,
            asked: None,
            anew: false,
            failures: 0,
            due: now,
            in_step: None,
        }
    }

    /// When to ask next; `None` while a question is on its way.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.asked.is_none().then_some(self.due)
    }

    /// The question: what changed after this number?
    pub fn ask(&mut self) -> Revision {
        let known = self.at.filter(|_| !self.anew);
        let after = known.map_or(Revision(0), |(_, at)| at);
        self.asked = Some(after);
        after
    }

    /// An answer came. A directory that knows better may answer from the beginning.
    pub fn answered(&mut self, page: &ChangePage, share: f64, now: Instant) -> Verdict {
        let of_ours = self
            .asked
            .is_some_and(|after| page.after == after || page.after == Revision(0));
        if !of_ours {
            self.failed(share, None, now);
            return Verdict::Nonsense("it answers another question");
        }
        if !page.is_sound() {
            self.failed(share, None, now);
            return Verdict::Nonsense("its numbers do not fit together");
        }
        if page.fits(self.at) {
            return Verdict::Apply;
        }
        // From the beginning everything fits, so this happens once.
        (self.asked, self.anew, self.due) = (None, true, now);
        Verdict::Anew
    }

    /// The page is in the database. If it was not the last, the next question is due at once.
    pub fn applied(&mut self, page: &ChangePage, now: Instant) {
        self.at = Some((page.feed, page.next));
        (self.asked, self.anew, self.failures) = (None, false, 0);
        if page.is_last() {
            self.in_step = Some(now);
            self.due = now + EVERY;
        } else {
            self.due = now;
        }
    }

    /// Another process with the same database took what followed, and is there now. That is no
    /// failure; yet whoever comes second has no reason to hurry.
    pub fn overtaken(&mut self, at: Option<(FeedId, Revision)>, now: Instant) {
        self.at = at;
        (self.asked, self.anew) = (None, false);
        self.due = now + FIRST;
    }

    /// Nobody answered, or what was said could not be taken. `share`, 0 to 1 at random, keeps
    /// many replicas from coming back all at once; `after` is what the directory asked for.
    pub fn failed(&mut self, share: f64, after: Option<Duration>, now: Instant) {
        self.asked = None;
        let doubled = FIRST * 2u32.saturating_pow(self.failures.min(8));
        self.failures = self.failures.saturating_add(1);
        let wait = doubled
            .min(LONGEST)
            .mul_f64(1.0 - share.clamp(0.0, 1.0) / 2.0);
        self.due = now + wait.max(after.unwrap_or_default().min(ASKED_FOR));
    }

    /// How many questions went without a good answer since the last that had one.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// How old what is here may be; `None` before everything was here once since the start.
    #[must_use]
    pub fn behind(&self, now: Instant) -> Option<Duration> {
        Some(now.saturating_duration_since(self.in_step?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mark;

    fn page(feed: u128, after: u64, next: u64, head: u64) -> ChangePage {
        let changes = (after < next).then(|| crate::model::Change {
            revision: Revision(next),
            item: crate::model::Item::LoginGone(crate::model::LoginId::from_random(1)),
        });
        ChangePage {
            feed: FeedId::from_random(feed),
            head: Revision(head),
            oldest: Revision(0),
            after: Revision(after),
            changes: changes.into_iter().collect(),
            next: Revision(next),
            mark: Mark::from_random(1),
        }
    }

    /// Takes a page at once.
    fn take(pulling: &mut Pulling, page: &ChangePage, now: Instant) {
        assert_eq!(pulling.ask(), page.after);
        assert_eq!(pulling.answered(page, 0.5, now), Verdict::Apply);
        pulling.applied(page, now);
    }

    #[test]
    fn it_asks_page_after_page_and_then_every_two_seconds() {
        let now = Instant::now();
        let mut pulling = Pulling::new(None, now);
        assert_eq!(pulling.next_timeout(), Some(now));
        assert_eq!(pulling.behind(now), None);
        take(&mut pulling, &page(1, 0, 5, 9), now);
        assert_eq!(pulling.next_timeout(), Some(now), "there is more");
        assert_eq!(pulling.behind(now), None);
        take(&mut pulling, &page(1, 5, 9, 9), now);
        assert_eq!(pulling.next_timeout(), Some(now + EVERY));
        assert_eq!(pulling.behind(now + EVERY), Some(EVERY));
        assert_eq!(pulling.ask(), Revision(9));
        assert_eq!(pulling.next_timeout(), None, "one at a time");
    }

    #[test]
    fn failures_are_followed_by_longer_waits_up_to_a_quarter_of_a_minute() {
        let now = Instant::now();
        let mut pulling = Pulling::new(None, now);
        let mut waits = Vec::new();
        for _ in 0..7 {
            pulling.ask();
            pulling.failed(0.0, None, now);
            waits.push(pulling.next_timeout().unwrap() - now);
        }
        let seconds = [1, 2, 4, 8, 15, 15, 15].map(Duration::from_secs);
        assert_eq!(waits, seconds);
        pulling.ask();
        pulling.failed(1.0, None, now);
        assert_eq!(
            pulling.next_timeout(),
            Some(now + LONGEST / 2),
            "spread out"
        );
        pulling.ask();
        let wish = Duration::from_secs(3_600);
        pulling.failed(1.0, Some(wish), now);
        assert_eq!(
            pulling.next_timeout(),
            Some(now + ASKED_FOR),
            "within reason"
        );
        take(&mut pulling, &page(1, 0, 9, 9), now);
        assert_eq!(pulling.failures(), 0);
    }

    #[test]
    fn who_was_overtaken_goes_on_from_there_in_a_while() {
        let now = Instant::now();
        let mut pulling = Pulling::new(Some((FeedId::from_random(1), Revision(5))), now);
        assert_eq!(pulling.ask(), Revision(5));
        assert_eq!(
            pulling.answered(&page(1, 5, 7, 9), 0.5, now),
            Verdict::Apply
        );
        pulling.overtaken(Some((FeedId::from_random(1), Revision(7))), now);
        assert_eq!(pulling.next_timeout(), Some(now + FIRST));
        assert_eq!((pulling.ask(), pulling.failures()), (Revision(7), 0));
    }

    #[test]
    fn what_does_not_fit_begins_anew_at_once() {
        let now = Instant::now();
        for (what, odd) in [
            ("another database", page(2, 7, 9, 9)),
            ("set back", page(1, 7, 5, 5)),
        ] {
            let mut pulling = Pulling::new(Some((FeedId::from_random(1), Revision(7))), now);
            pulling.ask();
            assert_eq!(pulling.answered(&odd, 0.5, now), Verdict::Anew, "{what}");
            assert_eq!(pulling.next_timeout(), Some(now), "{what}");
            take(&mut pulling, &page(2, 0, 5, 9), now);
            take(&mut pulling, &page(2, 5, 9, 9), now);
        }
    }

    #[test]
    fn a_directory_that_knows_better_answers_from_the_beginning() {
        let now = Instant::now();
        let mut pulling = Pulling::new(Some((FeedId::from_random(1), Revision(7))), now);
        pulling.ask();
        let all = page(1, 0, 5, 9);
        assert_eq!(pulling.answered(&all, 0.5, now), Verdict::Apply);
        pulling.applied(&all, now);
        assert_eq!(pulling.ask(), Revision(5));
    }

    #[test]
    fn nonsense_is_a_failure() {
        let now = Instant::now();
        let mut pulling = Pulling::new(Some((FeedId::from_random(1), Revision(7))), now);
        for odd in [page(1, 3, 9, 9), page(1, 7, 7, 9)] {
            pulling.ask();
            let verdict = pulling.answered(&odd, 0.5, now);
            assert!(matches!(verdict, Verdict::Nonsense(_)), "{odd:?}");
        }
        assert_eq!(pulling.failures(), 2);
        assert!(pulling.next_timeout() > Some(now));
    }
}
