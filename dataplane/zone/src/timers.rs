//! What has to be looked at again, and when. Entries are never taken back: who looks finds
//! out whether there is still something to do.

use std::collections::BTreeSet;
use std::time::Instant;

use plenum_wire::{MeetingId, ParticipantId, RouterId};

use crate::Link;

/// Why to look again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A router may be silent for too long.
    Silence(Link),
    /// A placed participant may never have arrived.
    Reservation(MeetingId, ParticipantId),
    /// An ordered move from this router may be unanswered, or nobody be left there after one.
    Move(MeetingId, RouterId),
    /// A meeting may still be on two routers.
    Merge(MeetingId),
    /// A router may have been gone for so long that nobody asks for it.
    Forget(RouterId),
}

#[derive(Debug, Default)]
pub struct Timers(BTreeSet<(Instant, Timer)>);

impl Timers {
    pub fn arm(&mut self, at: Instant, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// The earliest that is due.
    pub fn due(&mut self, now: Instant) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }
}
