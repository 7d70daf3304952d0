//! Counts per key that fade: some are free, then one each of a time. Pure: it is told the time.
//!
//! At most [`REMEMBERED`] keys are remembered. Where there are more, the one that would be
//! forgotten soonest is forgotten now: nobody is refused for what others have done, and who has
//! used up a limit stays there, as they are the last to be forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How many are free, and how long each further one takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// After a quiet time.
    pub free: u32,
    /// Then one each of this long.
    pub each: Duration,
}

/// Keys remembered: some megabytes.
pub const REMEMBERED: usize = 65_536;

/// The counts.
#[derive(Debug)]
pub struct Buckets<K> {
    pace: Pace,
    /// The time at which everything is forgotten; each count moves it on.
    clear_at: BTreeMap<K, Instant>,
    /// The same, soonest first.
    soonest: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Clone> Buckets<K> {
    /// Nothing has been counted.
    #[must_use]
    pub const fn new(pace: Pace) -> Self {
        Self {
            pace,
            clear_at: BTreeMap::new(),
            soonest: BTreeSet::new(),
        }
    }

    /// Whether anything is remembered of `key`.
    #[must_use]
    pub fn has_any(&self, key: &K, now: Instant) -> bool {
        self.clear_at
            .get(key)
            .is_some_and(|clear_at| *clear_at > now)
    }

    /// Whether one more of `key` is within the limit; else how long until it is.
    pub fn allow(&self, key: &K, now: Instant) -> Result<(), Duration> {
        self.allow_of(self.pace.free, key, now)
    }

    /// The same where only so many are free.
    pub fn allow_of(&self, free: u32, key: &K, now: Instant) -> Result<(), Duration> {
        let Some(clear_at) = self.clear_at.get(key) else {
            return Ok(());
        };
        let with_one_more = *clear_at.max(&now) + self.pace.each;
        let wait = with_one_more.saturating_duration_since(now + self.pace.each * free);
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    /// Counts one. Returns whether it was the last within the limit.
    pub fn count(&mut self, key: &K, now: Instant) -> bool {
        let free_before = self.allow(key, now).is_ok();
        let before = self.clear_at.get(key).map_or(now, |at| now.max(*at));
        // Never further ahead than the free ones: what is refused is not counted.
        let depth = self.pace.each * self.pace.free;
        self.set(key, (before + self.pace.each).min(now + depth));
        free_before && self.allow(key, now).is_err()
    }

    /// Counts one if it is within the limit; else tells how long until it is.
    pub fn take(&mut self, key: &K, now: Instant) -> Result<(), Duration> {
        self.allow(key, now)?;
        self.count(key, now);
        Ok(())
    }

    fn set(&mut self, key: &K, clear_at: Instant) {
        if let Some(before) = self.clear_at.insert(key.clone(), clear_at) {
            self.soonest.remove(&(before, key.clone()));
        } else if self.soonest.len() >= REMEMBERED
            && let Some((_, forgotten)) = self.soonest.pop_first()
        {
            self.clear_at.remove(&forgotten);
        }
        self.soonest.insert((clear_at, key.clone()));
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
    fn some_may_use_only_a_part() {
        let (mut buckets, start) = (Buckets::new(PACE), Instant::now());
        for _ in 0..5 {
            assert_eq!(buckets.allow_of(5, &1, start), Ok(()));
            buckets.count(&1, start);
        }
        assert_eq!(buckets.allow_of(5, &1, start), Err(PACE.each));
        assert_eq!(buckets.allow(&1, start), Ok(()), "the others have the rest");
    }

    #[test]
    fn many_keys_neither_fill_the_memory_nor_free_who_is_at_the_limit_nor_stop_others() {
        let (mut buckets, start) = (Buckets::new(PACE), Instant::now());
        for _ in 0..PACE.free {
            buckets.count(&0, start);
        }
        for key in 1..70_000 {
            assert_eq!(buckets.take(&key, start), Ok(()), "{key}");
        }
        assert_eq!(buckets.clear_at.len(), REMEMBERED);
        assert_eq!(buckets.soonest.len(), REMEMBERED);
        assert_eq!(buckets.allow(&0, start), Err(PACE.each));
        assert_eq!(buckets.allow(&100_000, start), Ok(()));
    }
}
