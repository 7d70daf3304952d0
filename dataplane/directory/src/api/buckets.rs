//! Counts per key that fade: some are free, then one each of a time. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How many are free, and how long each further one takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// After a quiet time.
    pub free: u32,
    /// Then one each of this long.
    pub each: Duration,
}

/// Keys remembered. When there are more, those that come last share one count: memory is
/// bounded, and nobody is free of the limit.
pub const REMEMBERED: usize = 65_536;
/// How often a full table is searched for what can be forgotten.
const SWEEP: Duration = Duration::from_secs(1);

/// The counts.
#[derive(Debug)]
pub struct Buckets<K> {
    pace: Pace,
    /// The time at which everything is forgotten; each count moves it on.
    clear_at: BTreeMap<K, Instant>,
    /// Of those for whom there was no place.
    others: Option<Instant>,
    swept: Option<Instant>,
}

/// One that was counted.
#[derive(Debug)]
pub struct Noted {
    /// It was the last within the limit.
    pub last: bool,
    moved: Duration,
    among_others: bool,
}

impl<K: Ord + Clone> Buckets<K> {
    /// Nothing has been counted.
    pub const fn new(pace: Pace) -> Self {
        Self {
            pace,
            clear_at: BTreeMap::new(),
            others: None,
            swept: None,
        }
    }

    /// Whether anything is remembered of `key`.
    pub fn has_any(&self, key: &K, now: Instant) -> bool {
        self.clear_at(key).is_some_and(|clear_at| clear_at > now)
    }

    /// Whether one more of `key` is within the limit; else how long until it is.
    pub fn allow(&self, key: &K, now: Instant) -> Result<(), Duration> {
        let Some(clear_at) = self.clear_at(key) else {
            return Ok(());
        };
        let with_one_more = clear_at.max(now) + self.pace.each;
        let wait = with_one_more.saturating_duration_since(now + self.depth());
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    /// Counts one. Returns whether it was the last within the limit.
    pub fn count(&mut self, key: &K, now: Instant) -> bool {
        self.note(key, now).last
    }

    /// Counts one that may be [taken back](Buckets::take_back).
    pub fn note(&mut self, key: &K, now: Instant) -> Noted {
        let free_before = self.allow(key, now).is_ok();
        self.sweep(now);
        let (depth, each) = (self.depth(), self.pace.each);
        let full = self.clear_at.len() >= REMEMBERED && !self.clear_at.contains_key(key);
        let clear_at = if full {
            self.others.get_or_insert(now)
        } else {
            self.clear_at.entry(key.clone()).or_insert(now)
        };
        let before = (*clear_at).max(now);
        // Never further ahead than the free ones: what is refused is not counted.
        *clear_at = (before + each).min(now + depth);
        let moved = clear_at.saturating_duration_since(before);
        Noted {
            last: free_before && self.allow(key, now).is_err(),
            moved,
            among_others: full,
        }
    }

    /// Takes back one that was counted.
    pub fn take_back(&mut self, key: &K, noted: &Noted) {
        let clear_at = if noted.among_others {
            self.others.as_mut()
        } else {
            self.clear_at.get_mut(key)
        };
        if let Some(clear_at) = clear_at {
            *clear_at = clear_at.checked_sub(noted.moved).unwrap_or(*clear_at);
        }
    }

    /// Counts one if it is within the limit; else tells how long until it is.
    pub fn take(&mut self, key: &K, now: Instant) -> Result<(), Duration> {
        self.allow(key, now)?;
        self.count(key, now);
        Ok(())
    }

    fn clear_at(&self, key: &K) -> Option<Instant> {
        let full = self.clear_at.len() >= REMEMBERED;
        let known = self.clear_at.get(key).copied();
        known.or_else(|| self.others.filter(|_| full))
    }

    fn depth(&self) -> Duration {
        self.pace.each * self.pace.free
    }

    fn sweep(&mut self, now: Instant) {
        let recently = self.swept.is_some_and(|swept| now < swept + SWEEP);
        if self.clear_at.len() >= REMEMBERED && !recently {
            self.clear_at.retain(|_, clear_at| *clear_at > now);
            self.swept = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        free: 20,
        each: Duration::from_secs(30),
    };

    #[test]
    fn some_are_free_and_then_each_one_takes_its_time() {
        let (mut buckets, start) = (Buckets::new(PACE), Instant::now());
        for count in 1..=PACE.free {
            assert_eq!(buckets.allow(&1, start), Ok(()));
            assert_eq!(buckets.count(&1, start), count == PACE.free);
        }
        assert_eq!(buckets.allow(&1, start), Err(PACE.each));
        assert!(
            !buckets.count(&1, start),
            "what is refused costs nothing more"
        );
        assert_eq!(buckets.allow(&1, start), Err(PACE.each));
        assert_eq!(buckets.allow(&2, start), Ok(()));
        let later = start + PACE.each;
        assert_eq!(buckets.take(&1, later), Ok(()));
        assert_eq!(buckets.take(&1, later), Err(PACE.each));
        assert!(!buckets.has_any(&1, later + PACE.each * PACE.free));
    }

    #[test]
    fn what_is_taken_back_was_never_counted() {
        let (mut buckets, start) = (Buckets::new(PACE), Instant::now());
        for _ in 1..PACE.free {
            buckets.count(&1, start);
        }
        let right = buckets.note(&1, start);
        assert!(right.last && buckets.allow(&1, start).is_err());
        buckets.take_back(&1, &right);
        assert_eq!(buckets.allow(&1, start), Ok(()));
        assert!(buckets.count(&1, start));
        // One beyond the limit moved nothing.
        let beyond = buckets.note(&1, start);
        buckets.take_back(&1, &beyond);
        assert_eq!(buckets.allow(&1, start), Err(PACE.each));
    }

    #[test]
    fn more_than_can_be_remembered_share_one_count() {
        let (mut buckets, start) = (Buckets::new(PACE), Instant::now());
        for key in 0..70_000 {
            buckets.count(&key, start);
        }
        assert_eq!(buckets.clear_at.len(), REMEMBERED);
        assert!(buckets.allow(&100_000, start).is_err());
        let later = start + PACE.each * PACE.free + SWEEP;
        assert!(buckets.allow(&100_000, later).is_ok());
        buckets.count(&100_000, later);
        assert_eq!(buckets.clear_at.len(), 1, "what is quiet is forgotten");
    }
}
