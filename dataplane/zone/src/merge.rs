//! A meeting that is on two routers comes together again: the smaller half moves.
//!
//! It happens when replicas placed a new meeting differently, when a meeting was full and its
//! newcomer went ahead, and when a router was thought dead.

use std::time::{Duration, Instant};

use plenum_wire::link::{COALESCE_MS, HEARTBEAT_MS, SILENCE_MS};
use plenum_wire::{MeetingId, RouterId};

use crate::Broker;
use crate::placement::roomiest;
use crate::routers::{Measure, Router};
use crate::timers::Timer;

/// From a meeting's being seen on two routers to the order: by then every replica has heard
/// the same reports and orders the same.
pub const SETTLE: Duration = Duration::from_millis(3 * COALESCE_MS);
/// A meeting that did not fit, or whose move failed, is tried again after this long.
const AGAIN: Duration = Duration::from_millis(HEARTBEAT_MS);
/// For this long after somebody could not reach a router its meeting is not brought together:
/// if the router is dead, it will be known by then.
pub const RECOVERY: Duration = Duration::from_millis(SILENCE_MS + HEARTBEAT_MS);

/// What to do about a meeting that is on several routers.
#[derive(Debug, PartialEq, Eq)]
enum Merge {
    Done,
    Later,
    Order { from: RouterId, to: RouterId },
}

impl Broker {
    /// Looks after a meeting if it is on several routers.
    pub(crate) fn watch_for_merge(&mut self, meeting: &MeetingId, now: Instant) {
        if let Some(known) = self.meetings.get_mut(meeting)
            && known.at.len() > 1
            && !known.merge_armed
        {
            known.merge_armed = true;
            self.timers.arm(now + SETTLE, Timer::Merge(meeting.clone()));
        }
    }

    /// Brings a meeting together, if it is still on several routers.
    pub(crate) fn merge(&mut self, meeting: &MeetingId, now: Instant) {
        let next = match self.next_merge(meeting, Router::room, now) {
            Merge::Later => self.next_merge(meeting, Router::free, now),
            next => next,
        };
        if let Merge::Order { from, to } = &next {
            self.order(meeting, from, to, now);
        }
        let again = next != Merge::Done;
        if let Some(known) = self.meetings.get_mut(meeting) {
            known.merge_armed = again;
        }
        if again {
            self.timers.arm(now + AGAIN, Timer::Merge(meeting.clone()));
        }
    }

    fn next_merge(&self, meeting: &MeetingId, room: Measure, now: Instant) -> Merge {
        let Some(known) = self.meetings.get(meeting).filter(|it| it.at.len() > 1) else {
            return Merge::Done;
        };
        let held = known.merge_from.is_some_and(|from| now < from);
        if held || !known.moves.is_empty() {
            return Merge::Later;
        }
        let mut halves = known.halves();
        // What is on a draining router leaves it anyway, preferably to the other halves.
        halves.retain(|(name, _)| {
            let router = self.routers.get(name);
            router.is_some_and(|router| !router.draining(now))
        });
        let [(larger, most), .., (smaller, few)] = halves[..] else {
            return Merge::Later;
        };
        let fits = |to: &RouterId, count: u32| {
            let room = self.routers.get(to).map_or(0, room);
            room >= count && !known.avoids(to, now)
        };
        let order = |from: &RouterId, to: &RouterId| Merge::Order {
            from: from.clone(),
            to: to.clone(),
        };
        if fits(larger, few) {
            return order(smaller, larger);
        }
        if fits(smaller, most) {
            return order(larger, smaller);
        }
        let both = [larger.clone(), smaller.clone()];
        let elsewhere = self.routers.candidates(&both, room);
        let elsewhere = elsewhere.filter(|it| !known.avoids(it.router, now));
        roomiest(meeting, most.saturating_add(few), elsewhere)
            .map_or(Merge::Later, |to| order(larger, to))
    }
}
