//! What to look at later, the earliest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Things with a time to look at each. One that needs no look any more is not taken out: it
/// is passed over when its time comes, so whoever puts one in keeps the time it did so for.
#[derive(Debug)]
pub(crate) struct Due<K>(BinaryHeap<Reverse<(Instant, K)>>);

impl<K: Ord> Default for Due<K> {
    fn default() -> Self {
        Self(BinaryHeap::new())
    }
}

impl<K: Ord> Due<K> {
    pub(crate) fn at(&mut self, when: Instant, what: K) {
        self.0.push(Reverse((when, what)));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// The next whose time has come, and the time it was put in with.
    pub(crate) fn take(&mut self, now: Instant) -> Option<(Instant, K)> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(due)| due)
    }
}
