//! From one thread of a router to another, in batches and in order. Neither waits for the other,
//! so what one brings waits for the other, and `backlog` says for how long, and how much.
//!
//! It is shared memory and no channel because only who brings can drop what waits longest while
//! the other does not come. A batch costs one lock, held while two lists change places; they are
//! used again, so nothing is allocated once they are long enough.
//!
//! Each direction between two cores is a passage of its own: a core that does not keep up takes
//! nothing from the others. The policy against overload is not told what is dropped here: a
//! thread that comes so late has worked, or waited for its turn, all the while, and is full by
//! that already.

mod backlog;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use plenum_wire::Rung;

use super::counters::Counts;
use backlog::Backlog;
pub(super) use backlog::{Carried, Freight};

/// Where one thread brings.
#[derive(Debug)]
pub(super) struct Entry<T>(Arc<Passage<T>>);

/// Where the other takes.
#[derive(Debug)]
pub(super) struct Exit<T> {
    passage: Arc<Passage<T>>,
    /// What it took last, of which the room is used again.
    taken: Backlog<T>,
}

#[derive(Debug)]
struct Passage<T> {
    backlog: Mutex<Backlog<T>>,
    counts: Arc<Counts>,
}

/// With room for so many. What is dropped is counted as of rung `udp`.
pub(super) fn passage<T>(most: usize, counts: Arc<Counts>) -> (Entry<T>, Exit<T>) {
    let passage = Arc::new(Passage {
        backlog: Mutex::new(Backlog::new(most)),
        counts,
    });
    let exit = Exit {
        passage: Arc::clone(&passage),
        taken: Backlog::new(most),
    };
    (Entry(passage), exit)
}

impl<T> Passage<T> {
    fn backlog(&self) -> MutexGuard<'_, Backlog<T>> {
        // Whoever broke in between has lost packets at most.
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, dropped: u64) {
        if dropped > 0 {
            self.counts.of(Rung::Udp).dropped_between.add(dropped);
        }
    }
}

impl<T: Carried> Entry<T> {
    /// Leaves the batch empty. Its packets are here since then.
    pub(super) fn bring(&self, batch: &mut Vec<T>, since: Instant) {
        let dropped = self.0.backlog().push(batch, since);
        self.0.count(dropped);
    }

    /// Nobody takes any more.
    pub(super) fn is_deserted(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl<T: Carried> Exit<T> {
    /// All that waits and is not too old, and since when it is here.
    pub(super) fn take(&mut self, now: Instant) -> impl Iterator<Item = (Instant, T)> {
        self.taken.give_back();
        self.passage.backlog().exchange(&mut self.taken);
        let dropped = self.taken.drop_stale(now);
        self.passage.count(dropped);
        self.taken.drain()
    }
}
