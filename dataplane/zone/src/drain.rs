//! Emptying a router: every meeting on it has to move, a few at a time, where there is room.
//!
//! What cannot move stays, and is tried again with the router's next report.

use std::ops::Bound;
use std::time::Instant;

use plenum_wire::{MeetingId, RouterId};

use crate::moves::MOVES_PER_ROUTER;
use crate::{Broker, Order};

impl Broker {
    /// Orders what can move now off a router that is draining.
    pub(crate) fn drain(&mut self, from: &RouterId, now: Instant) {
        let mut last: Option<MeetingId> = None;
        // The smallest meeting that fitted nowhere: larger ones need not be tried.
        let mut too_large = u32::MAX;
        while self.may_leave(from, now) {
            let next = self.next_to_leave(from, last.as_ref(), too_large, now);
            let Some((meeting, count, to)) = next else {
                return;
            };
            if let Some(to) = to {
                self.order(&meeting, from, &to, now);
            } else {
                self.note_unplaced(from, count, now);
                too_large = count;
            }
            last = Some(meeting);
        }
    }

    /// Tells a router what the operator wants, unless it does it already.
    pub(crate) fn remind(&mut self, name: &RouterId, now: Instant) {
        let Some(router) = self.routers.get_mut(name) else {
            return;
        };
        if let Some(wanted) = router.untold(now) {
            router.tell(wanted, now);
            self.tell(name, Order::Drain(wanted));
        }
    }

    fn may_leave(&self, from: &RouterId, now: Instant) -> bool {
        self.routers
            .get(from)
            .is_some_and(|router| router.draining(now) && router.leaving < MOVES_PER_ROUTER)
    }

    /// The next meeting after `last` that neither leaves nor arrives, with its size and the
    /// router it can go to.
    fn next_to_leave(
        &self,
        from: &RouterId,
        last: Option<&MeetingId>,
        too_large: u32,
        now: Instant,
    ) -> Option<(MeetingId, u32, Option<RouterId>)> {
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        let hosts = &self.routers.get(from)?.hosts;
        hosts
            .range::<MeetingId, _>((after, Bound::Unbounded))
            .find_map(|meeting| {
                let known = self.meetings.get(meeting)?;
                let count = *known.at.get(from)?;
                let mut moves = known.moves.iter();
                let busy = moves.any(|(at, way)| way.is_over() || at == from || way.to == *from);
                if busy || count >= too_large {
                    return None;
                }
                let to = self.refuge(meeting, from, count, now);
                // Avoiding a router is this meeting's own affair, and says nothing of others.
                let to_avoid = to.is_none() && !known.avoid.is_empty();
                (!to_avoid).then(|| (meeting.clone(), count, to))
            })
    }
}
