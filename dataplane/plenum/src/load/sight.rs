//! For how long a picture was to be seen, and was not. Pure.
//!
//! Other figures are of what came: who never got anything has no loss and no freeze.

use std::time::{Duration, Instant};

use super::camera::INTERVAL;

/// A picture that stands for so much longer than it should is none: a freeze.
const FREEZE: Duration = Duration::from_millis(150);
/// Who was to be seen for less and was not is no picture that was never seen.
const SOON: Duration = Duration::from_secs(1);

/// What came of pictures that were to be seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// How often one was to be seen.
    pub pictures: u64,
    /// And no frame of it came while it was.
    pub never: u64,
    /// For how long, all together.
    pub shown: Duration,
    /// For how long of that nothing had come yet, or the picture stood.
    pub without: Duration,
}

impl Seen {
    /// Adds another one's.
    pub fn add(&mut self, other: Self) {
        self.pictures += other.pictures;
        self.never += other.never;
        self.shown += other.shown;
        self.without += other.without;
    }

    /// The share of the time without a picture, 0 to 1; `None` if none was to be seen.
    #[must_use]
    pub fn share_without(&self) -> Option<f64> {
        (!self.shown.is_zero()).then(|| self.without.as_secs_f64() / self.shown.as_secs_f64())
    }
}

/// One track at one viewer.
#[derive(Debug)]
pub struct Sight {
    /// While it is to be seen.
    now: Option<Showing>,
    past: Seen,
}

#[derive(Debug, Clone, Copy)]
struct Showing {
    since: Instant,
    /// When the last frame came.
    frame: Option<Instant>,
    without: Duration,
}

impl Showing {
    /// Time has passed, until a frame came or the end.
    fn pass(&mut self, until: Instant) {
        self.without += match self.frame {
            None => until.saturating_duration_since(self.since),
            Some(before) => {
                let stood = until.saturating_duration_since(before);
                if stood > INTERVAL + FREEZE {
                    stood.saturating_sub(INTERVAL)
                } else {
                    Duration::ZERO
                }
            }
        };
    }
}

impl Sight {
    /// To be seen from now on.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        let now = Some(Showing {
            since: now,
            frame: None,
            without: Duration::ZERO,
        });
        let past = Seen {
            pictures: 0,
            never: 0,
            shown: Duration::ZERO,
            without: Duration::ZERO,
        };
        Self { now, past }
    }

    /// Whether it is to be seen from now on.
    pub fn show(&mut self, shown: bool, now: Instant) {
        if !shown {
            self.past = self.seen(now);
            self.now = None;
        } else if self.now.is_none() {
            self.now = Self::new(now).now;
        }
    }

    /// A frame of it came.
    pub fn frame(&mut self, at: Instant) {
        if let Some(showing) = &mut self.now {
            showing.pass(at);
            showing.frame = Some(at);
        }
    }

    /// What came of it until `end`.
    #[must_use]
    pub fn seen(&self, end: Instant) -> Seen {
        let mut seen = self.past;
        if let Some(mut showing) = self.now {
            showing.pass(end);
            let shown = end.saturating_duration_since(showing.since);
            let never = showing.frame.is_none();
            seen.add(Seen {
                pictures: u64::from(!never || shown >= SOON),
                never: u64::from(never && shown >= SOON),
                shown,
                without: showing.without,
            });
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Frames come from the first of these seconds to the other.
    fn frames(sight: &mut Sight, start: Instant, from: u32, to: u32) {
        let mut at = start + SECOND * from;
        while at <= start + SECOND * to {
            sight.frame(at);
            at += INTERVAL;
        }
    }

    #[test]
    fn what_never_came_is_missing_all_the_time() {
        let start = Instant::now();
        let seen = Sight::new(start).seen(start + SECOND * 10);
        assert_eq!((seen.pictures, seen.never), (1, 1));
        assert_eq!(seen.share_without(), Some(1.0));
    }

    #[test]
    fn the_wait_for_the_first_frame_and_stands_are_without_a_picture() {
        let start = Instant::now();
        let mut sight = Sight::new(start);
        frames(&mut sight, start, 2, 5);
        frames(&mut sight, start, 7, 8);
        let seen = sight.seen(start + SECOND * 10);
        assert_eq!((seen.pictures, seen.never), (1, 0));
        assert_eq!(seen.shown, SECOND * 10);
        assert_eq!(seen.without + 2 * INTERVAL, SECOND * 6);
    }

    #[test]
    fn what_is_not_shown_is_not_missed() {
        let start = Instant::now();
        let mut sight = Sight::new(start);
        frames(&mut sight, start, 0, 1);
        sight.show(false, start + SECOND);
        sight.show(false, start + SECOND * 2);
        sight.show(true, start + SECOND * 5);
        sight.show(true, start + SECOND * 6);
        frames(&mut sight, start, 5, 6);
        let mut seen = sight.seen(start + SECOND * 6);
        assert_eq!((seen.pictures, seen.never), (2, 0));
        assert_eq!((seen.shown, seen.without), (SECOND * 2, Duration::ZERO));
        seen.add(seen);
        assert_eq!((seen.pictures, seen.shown), (4, SECOND * 4));
    }

    #[test]
    fn who_was_to_be_seen_for_a_moment_only_is_no_picture() {
        let start = Instant::now();
        let seen = Sight::new(start).seen(start + SECOND / 2);
        assert_eq!((seen.pictures, seen.never), (0, 0));
        assert_eq!(Seen::default().share_without(), None);
    }
}
