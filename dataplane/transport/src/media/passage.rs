//! From one thread of a router to another, in batches and in order. Neither waits for the other,
//! so what one brings waits for the other: `freight` says for how long, and `backlog` how much.
//!
//! How long is counted from when it is handed over, on each way anew: to the thread that decides,
//! and from there to that which sends. A thread with twice as much to do as time hands over what
//! it took after 360 ms at most, and what it took may have waited as long. If the next way
//! counted the time of deciding it would drop all cameras, and if it counted the way before it
//! would drop most voices too, when the work for them is done.
//!
//! It is shared memory and no channel because only who brings can drop what waits longest while
//! the other does not come. A batch costs one lock, held while it is put behind what waits, or
//! changes places with it where nothing does; to take is to change places. The lists are used
//! again, so nothing is allocated once they are long enough. Only when there is no room does the
//! lock last for a look at all that waits, and what is dropped is freed after it.
//!
//! Each direction between two cores is a passage of its own: a core that does not keep up takes
//! nothing from the others. The policy against overload is not told what is dropped here: a
//! thread that comes so late has worked, or waited for its turn, all the while, and is full by
//! that already.

mod backlog;
mod freight;
mod line;
mod load;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use plenum_wire::Rung;

use super::counters::{Count, Counts, RungCounts};
pub(super) use backlog::Room;
use backlog::{Backlog, drop_stale};
use freight::Tally;
pub(super) use freight::{Carried, Freight};
use line::Line;
pub(super) use load::Load;

/// Where one thread brings.
#[derive(Debug)]
pub(super) struct Entry<T>(Arc<Passage<T>>);

/// Where the other takes.
#[derive(Debug)]
pub(super) struct Exit<T> {
    passage: Arc<Passage<T>>,
    /// What it took last, of which the room is used again.
    taken: Line<T>,
}

#[derive(Debug)]
struct Passage<T> {
    backlog: Mutex<Backlog<T>>,
    counts: Arc<Counts>,
    packets: fn(&RungCounts) -> &Count,
}

/// What is dropped is counted as of rung `udp`: packets that are dropped as `packets` says.
pub(super) fn passage<T>(
    room: Room,
    counts: Arc<Counts>,
    packets: fn(&RungCounts) -> &Count,
) -> (Entry<T>, Exit<T>) {
    let passage = Arc::new(Passage {
        backlog: Mutex::new(Backlog::new(room)),
        counts,
        packets,
    });
    let exit = Exit {
        passage: Arc::clone(&passage),
        taken: Line::default(),
    };
    (Entry(passage), exit)
}

impl<T> Passage<T> {
    fn backlog(&self) -> MutexGuard<'_, Backlog<T>> {
        // Whoever broke in between has lost packets at most.
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, dropped: &Tally) {
        let counts = self.counts.of(Rung::Udp);
        if dropped.packets() > 0 {
            (self.packets)(counts).add(dropped.packets() as u64);
        }
        if dropped.unread > 0 {
            counts.dropped_unread.add(dropped.unread as u64);
        }
    }
}

impl<T: Carried> Entry<T> {
    /// Leaves the load empty. It is here since then.
    pub(super) fn bring(&self, load: &mut Load<T>, since: Instant) {
        let (gone, dropped) = self.0.backlog().push(load, since);
        self.0.count(&dropped);
        drop(gone);
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
        let dropped = drop_stale(&mut self.taken, now);
        self.passage.count(&dropped);
        self.taken.drain()
    }
}
