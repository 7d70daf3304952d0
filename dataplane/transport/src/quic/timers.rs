//! When which connection has something to do.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Due times of connections by their places.
///
/// A connection's due time moves with nearly every packet, mostly to later. So an entry is
/// only added when it moves to earlier than what is known, and one that comes up too early is
/// asked again: an entry costs nothing per packet.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The earliest entry of each place.
    known: Vec<Option<Instant>>,
}

impl Timers {
    /// The connection at `place` wants to be asked at `due`.
    pub(super) fn set(&mut self, place: usize, due: Option<Instant>) {
        let Some(due) = due else { return };
        if self.known.len() <= place {
            self.known.resize(place + 1, None);
        }
        if self.known[place].is_none_or(|known| due < known) {
            self.known[place] = Some(due);
            self.heap.push(Reverse((due, place)));
        }
    }

    /// A place whose time has come, as far as is known; it is forgotten until it is set again.
    pub(super) fn expired(&mut self, now: Instant) -> Option<usize> {
        while let Some(&Reverse((due, place))) = self.heap.peek() {
            if due > now {
                return None;
            }
            self.heap.pop();
            if self.known[place] == Some(due) {
                self.known[place] = None;
                return Some(place);
            }
        }
        None
    }

    /// The earliest time at which [`Timers::expired`] may give one.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn earlier_times_win_and_later_ones_wait_for_their_turn() {
        let start = Instant::now();
        let mut timers = Timers::default();
        timers.set(3, Some(at(start, 10)));
        timers.set(3, Some(at(start, 5)));
        timers.set(3, Some(at(start, 20)));
        timers.set(1, Some(at(start, 7)));
        timers.set(1, None);
        assert_eq!(timers.next(), Some(at(start, 5)));
        assert_eq!(timers.expired(at(start, 4)), None);
        assert_eq!(timers.expired(at(start, 30)), Some(3));
        assert_eq!(timers.expired(at(start, 30)), Some(1));
        assert_eq!(timers.expired(at(start, 30)), None, "the others are old");
        timers.set(3, Some(at(start, 20)));
        assert_eq!(timers.expired(at(start, 30)), Some(3));
    }
}
