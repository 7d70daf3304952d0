//! What waits for another thread, the oldest first. Pure.
//!
//! A thread takes all that waits at once, so what waits is what came while it was busy with what
//! it took before: if it does not keep up, each time is longer than the last. So what is too old
//! is dropped as it is taken, and a thread that comes back is at once where the others are. That
//! bounds the time; only if a thread does not come at all do things become so many that some make
//! room for others, each kind for its own:
//!
//! | what | makes room |
//! |---|---|
//! | packets | what is missed least first, and of that the oldest |
//! | datagrams that nobody has read | the oldest; they are bounded by themselves, as anybody can send them |
//! | estimates | those of which there is a newer one, which leaves one for each connection |
//! | words | never: as many as there are connections that come and go |

use std::time::Instant;

use super::freight::{Carried, Freight, LEAST_FIRST, Tally};
use super::line::Line;
use super::load::Load;
use crate::media::MAX_CONNECTIONS;

/// Of what has no room left this share goes at once, so that not every batch looks for some.
const MAKES_ROOM: usize = 4;

/// How many of each may wait.
#[derive(Debug, Clone, Copy)]
pub(in crate::media) struct Room {
    /// Packets of every kind together.
    pub(in crate::media) packets: usize,
    /// Datagrams that nobody has read.
    pub(in crate::media) unread: usize,
    /// Estimates, beside the newest of each connection.
    pub(in crate::media) estimates: usize,
}

impl Room {
    /// For so many packets. Of datagrams that nobody has read as many as 10,000/s bring while a
    /// voice grows too old, 6 MB of the longest: clients whose addresses changed, until their
    /// networks send them elsewhere again, and whoever wants to be taken for one. Of estimates
    /// as many as there are connections: when all are told anew, those before are looked through.
    pub(in crate::media) const fn for_packets(packets: usize) -> Self {
        Self {
            packets,
            unread: 4_096,
            estimates: MAX_CONNECTIONS,
        }
    }

    /// What must go of so much that waits.
    fn excess(&self, waiting: &Tally) -> Tally {
        let mut excess = Tally::default();
        if waiting.unread > self.unread {
            excess.unread = waiting.unread - stays(self.unread);
        }
        if waiting.packets() > self.packets {
            let mut packets = waiting.packets() - stays(self.packets);
            let mut waiting = *waiting;
            for kind in LEAST_FIRST {
                let freight = Freight::Packet(kind);
                let go = packets.min(*waiting.part(freight));
                *excess.part(freight) = go;
                packets -= go;
            }
        }
        excess
    }
}

const fn stays(most: usize) -> usize {
    most - most / MAKES_ROOM
}

/// See the [module's documentation](self).
#[derive(Debug)]
pub(super) struct Backlog<T> {
    waiting: Line<T>,
    room: Room,
}

impl<T> Backlog<T> {
    pub(super) fn new(room: Room) -> Self {
        Self {
            waiting: Line::default(),
            room,
        }
    }

    /// Takes an empty line for all that waits.
    pub(super) const fn exchange(&mut self, empty: &mut Line<T>) {
        std::mem::swap(&mut self.waiting, empty);
    }
}

impl<T: Carried> Backlog<T> {
    /// Adds all of a load that is here since then. What had to make room for it, to be freed,
    /// and how many of each; estimates that were followed by others are not counted.
    pub(super) fn push(&mut self, load: &mut Load<T>, since: Instant) -> (Vec<T>, Tally) {
        self.waiting.append(load, since);
        let mut gone = Vec::new();
        let mut excess = self.room.excess(self.waiting.tally());
        let mut dropped = Tally::default();
        if excess != Tally::default() {
            let goes = |_, freight| {
                let left = excess.part(freight);
                let goes = *left > 0;
                *left -= usize::from(goes);
                goes
            };
            dropped = self.waiting.drop_where(goes, |it| gone.push(it));
        }
        if self.waiting.tally().estimates > self.room.estimates {
            self.waiting.keep_newest_estimates(|it| gone.push(it));
        }
        (gone, dropped)
    }
}

/// Drops what is too old of what was taken; how many of each that were.
pub(super) fn drop_stale<T: Carried>(taken: &mut Line<T>, now: Instant) -> Tally {
    let age = |since| now.saturating_duration_since(since);
    match taken.oldest() {
        Some(since) if Freight::may_be_stale(age(since)) => {
            taken.drop_where(|since, freight| freight.is_stale(age(since)), drop)
        }
        _ => Tally::default(),
    }
}
