//! The move of one meeting to another router: make before break.
//!
//! ```text
//!  order -> Tickets --all offers--> Overlap --everybody moved or left--> Released -> (empty)
//!              |                       |
//!              +-- 3 s, offers missing +-- somebody could not, 10 s --> (the meeting stays)
//! ```
//! Until `Released` the old router carries everything, so giving up costs nobody a packet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use plenum_wire::join::Offer;
use plenum_wire::{MeetingId, ParticipantId, RouterId};

/// The zone answers with tickets this soon.
pub const TICKETS_WITHIN: Duration = Duration::from_secs(3);
/// Everybody is over there this long after being told, or the meeting stays.
pub const MOVE_WITHIN: Duration = Duration::from_secs(10);
/// Who was released leaves this soon, or is sent away: packets sent here before the others
/// moved have arrived by then.
pub const LEAVE_WITHIN: Duration = Duration::from_secs(3);

#[derive(Debug)]
enum Phase {
    /// What came of the offers so far: for a large meeting they come in several messages.
    Tickets {
        offers: BTreeMap<ParticipantId, Offer>,
    },
    Overlap {
        waiting: BTreeSet<ParticipantId>,
        moved: u32,
    },
    Released,
}

/// A move under way.
#[derive(Debug)]
pub(crate) struct Moving {
    pub to: RouterId,
    started: Instant,
    deadline: Instant,
    phase: Phase,
}

/// How far a move got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Others are not there yet, or what was said does not matter (any more).
    Waits,
    /// Everybody moved or left.
    Complete,
}

/// What became of the offers that the zone sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tickets {
    /// They are not for this move, or came twice.
    Ignored,
    /// Others are still to come.
    Incomplete,
    /// Pass them on.
    Migrate(Vec<Offer>),
}

/// What a deadline means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// The meeting stays.
    GiveUp,
    /// Those still here after the release are sent away.
    Clear,
}

impl Moving {
    pub(crate) fn order(to: RouterId, now: Instant) -> Self {
        Self {
            to,
            started: now,
            deadline: now + TICKETS_WITHIN,
            phase: Phase::Tickets {
                offers: BTreeMap::new(),
            },
        }
    }

    pub(crate) const fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) const fn released(&self) -> bool {
        matches!(self.phase, Phase::Released)
    }

    pub(crate) fn took_ms(&self, now: Instant) -> u64 {
        let took = now.saturating_duration_since(self.started);
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
    }

    /// Some of the zone's offers. One is wanted for each of `members`; those for others, who
    /// left meanwhile, are of no use.
    pub(crate) fn tickets<'a>(
        &mut self,
        meeting: &MeetingId,
        to: &RouterId,
        came: Vec<Offer>,
        members: impl Iterator<Item = &'a ParticipantId>,
        now: Instant,
    ) -> Tickets {
        let Phase::Tickets { offers } = &mut self.phase else {
            return Tickets::Ignored;
        };
        if *to != self.to {
            return Tickets::Ignored;
        }
        let waiting: BTreeSet<_> = members.cloned().collect();
        for offer in came {
            let fits = offer.router == *to && offer.meeting == *meeting;
            if fits && waiting.contains(&offer.participant) {
                offers.insert(offer.participant.clone(), offer);
            }
        }
        offers.retain(|who, _| waiting.contains(who));
        if offers.len() < waiting.len() {
            return Tickets::Incomplete;
        }
        let offers = std::mem::take(offers).into_values().collect();
        self.deadline = now + MOVE_WITHIN;
        self.phase = Phase::Overlap { waiting, moved: 0 };
        Tickets::Migrate(offers)
    }

    /// A participant says that it is over there.
    pub(crate) fn moved(&mut self, who: &ParticipantId, to: &RouterId) -> Progress {
        if *to != self.to {
            return Progress::Waits;
        }
        self.no_longer_waits(who, 1)
    }

    /// Whether this participant's failure ends the move.
    pub(crate) fn fails(&self, to: &RouterId) -> bool {
        *to == self.to && matches!(self.phase, Phase::Overlap { .. })
    }

    /// A participant left the old router: nobody waits for it any more.
    pub(crate) fn left(&mut self, who: &ParticipantId) -> Progress {
        self.no_longer_waits(who, 0)
    }

    fn no_longer_waits(&mut self, who: &ParticipantId, there: u32) -> Progress {
        let Phase::Overlap { waiting, moved } = &mut self.phase else {
            return Progress::Waits;
        };
        if !waiting.remove(who) {
            return Progress::Waits;
        }
        *moved += there;
        if waiting.is_empty() {
            Progress::Complete
        } else {
            Progress::Waits
        }
    }

    /// Everybody may leave. How many said that they moved.
    pub(crate) fn release(&mut self, now: Instant) -> u32 {
        let moved = self.moved_count();
        self.phase = Phase::Released;
        self.deadline = now + LEAVE_WITHIN;
        moved
    }

    pub(crate) const fn moved_count(&self) -> u32 {
        match &self.phase {
            Phase::Overlap { moved, .. } => *moved,
            Phase::Tickets { .. } | Phase::Released => 0,
        }
    }

    pub(crate) fn overdue(&self, now: Instant) -> Option<Overdue> {
        if now < self.deadline {
            return None;
        }
        Some(match self.phase {
            Phase::Tickets { .. } | Phase::Overlap { .. } => Overdue::GiveUp,
            Phase::Released => Overdue::Clear,
        })
    }
}
