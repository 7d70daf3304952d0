//! What cameras may have of the way to a receiver that content comes on too.
//!
//! Each has a connection of its own, and an estimate that does not fall while less is sent. So
//! cameras that gave up room to content would think that they still have it.

use std::time::{Duration, Instant};

/// What cameras keep of their estimate whatever content lacks: one part in so many.
const KEEP: u32 = 4;
/// After so long without a change what is not known has to be tried. Where it was a mistake the
/// estimate falls and is no longer an old one.
const TRY_AFTER: Duration = Duration::from_secs(10);

/// What content is sent, and what its next step up takes beyond its estimate, in kbit/s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub sent: u32,
    pub lacks: u32,
}

/// One receiver's cameras.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// The cameras' estimate that what follows is about.
    estimate: u32,
    /// What content has taken since that estimate was found.
    taken: u32,
    /// Since when.
    since: Option<Instant>,
    /// What content was sent at the last look.
    content: u32,
}

impl Beside {
    /// What cameras may have, which are sent so much now.
    pub(super) fn room(
        &mut self,
        (estimate, sent): (u32, u32),
        content: Content,
        now: Instant,
    ) -> u32 {
        self.follow(estimate, content.sent, now);
        let left = estimate.saturating_sub(self.taken);
        // What is sent comes through, and a little more may be tried.
        let left = left.max(sent.saturating_add(sent / 4)).min(estimate);
        // What does not help content is not given up.
        let without = estimate.saturating_sub(content.lacks);
        if without >= estimate / KEEP {
            left.min(without)
        } else {
            left
        }
    }

    fn follow(&mut self, estimate: u32, content: u32, now: Instant) {
        let apart = u64::from(estimate.abs_diff(self.estimate));
        if apart * 10 > u64::from(self.estimate) {
            // It was found beside content.
            self.estimate = estimate;
            self.taken = 0;
        }
        if self.since.is_some_and(|since| now >= since + TRY_AFTER) {
            self.taken = 0;
        }
        if content > self.content {
            self.taken = self.taken.saturating_add(content - self.content);
            self.since = Some(now);
        }
        self.taken = self.taken.min(content);
        self.content = content;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;

    const FOUND: u32 = 3_000;

    fn content(sent: u32) -> Content {
        Content { sent, lacks: 0 }
    }

    #[test]
    fn what_content_took_is_not_there_until_it_is_found_again() {
        let now = Instant::now();
        let mut beside = Beside::default();
        assert_eq!(beside.room((FOUND, 500), content(0), now), FOUND);
        assert_eq!(beside.room((FOUND, 500), content(500), now), 2_500);
        assert_eq!(beside.room((FOUND, 500), content(1_500), now), 1_500);
        assert_eq!(beside.room((FOUND, 500), content(1_000), now), 2_000);
        assert_eq!(beside.room((FOUND, 500), content(0), now), FOUND);
        beside.room((FOUND, 500), content(1_500), now);
        for moved in [1_400, 3_400] {
            assert_eq!(beside.room((moved, 500), content(1_500), now), moved);
        }
    }

    #[test]
    fn cameras_give_up_nothing_that_comes_through() {
        let now = Instant::now();
        let mut beside = Beside::default();
        beside.room((FOUND, 2_000), content(0), now);
        assert_eq!(beside.room((FOUND, 2_000), content(2_000), now), 2_500);
    }

    #[test]
    fn what_is_not_known_is_tried_after_a_while() {
        let now = Instant::now();
        let mut beside = Beside::default();
        beside.room((FOUND, 500), content(0), now);
        let mut room = |after| beside.room((FOUND, 500), content(1_500), now + after);
        assert_eq!(room(Duration::ZERO), 1_500);
        assert_eq!(room(TRY_AFTER / 2), 1_500);
        assert_eq!(room(TRY_AFTER), FOUND);
    }

    #[test]
    fn what_content_lacks_is_given_up_if_enough_is_left() {
        let now = Instant::now();
        let mut beside = Beside::default();
        let mut room = |lacks| beside.room((1_000, 800), Content { sent: 0, lacks }, now);
        assert_eq!([room(0), room(400), room(750)], [1_000, 600, 250]);
        assert_eq!(room(751), 1_000);
    }
}
