//! When a new leg brings everything.

use std::time::{Duration, Instant};

use super::Session;
use crate::leg::Leg;
use crate::moving::{Input, LegId};

/// How long a leg that is otherwise complete waits for the pictures that another leg brings:
/// each begins with a key frame, which an encoder makes at once and a file has once a second
/// or so. The old router of a move gives up after 10 s.
const PICTURES_WITHIN: Duration = Duration::from_secs(3);

/// A leg that carries all of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settling {
    leg: LegId,
    /// When it waits for pictures no longer; `None` when it is done with that.
    until: Option<Instant>,
}

impl Settling {
    /// The newest leg that is complete is the one that waits: what an older one says meanwhile
    /// changes nothing.
    fn settle(before: Option<Self>, leg: LegId, now: Instant) -> Self {
        let until = Some(now + PICTURES_WITHIN);
        before
            .filter(|before| before.leg >= leg)
            .unwrap_or(Self { leg, until })
    }

    /// When [`Session::look_whether_settled`] has something to do.
    pub const fn next_timeout(self) -> Option<Instant> {
        self.until
    }
}

impl Session {
    /// Something happened to a leg.
    pub(super) fn settle(&mut self, id: LegId, now: Instant) {
        if self.legs.get(&id).is_some_and(Leg::is_complete) {
            self.settling = Some(Settling::settle(self.settling, id, now));
        }
        self.look_whether_settled(now);
    }

    /// To be called when a picture may have come over to the new leg.
    pub(super) fn look_whether_settled(&mut self, now: Instant) {
        let Some(settling) = &mut self.settling else {
            return;
        };
        let (leg, until) = (settling.leg, settling.until);
        if until.is_some_and(|until| now >= until || self.roster.has_pictures_of(leg, now)) {
            settling.until = None;
            self.moving.handle(Input::Complete(leg), now);
            self.act(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_old_router_does_not_end_the_wait_for_the_new_ones_pictures() {
        let (old, new) = (LegId(3), LegId(4));
        let start = Instant::now();
        let settled = Settling::settle(None, old, start);
        let waits = Settling::settle(Some(settled), new, start + PICTURES_WITHIN);
        assert_eq!(waits.until, Some(start + 2 * PICTURES_WITHIN));
        for leg in [old, new] {
            let still = Settling::settle(Some(waits), leg, start + 2 * PICTURES_WITHIN);
            assert_eq!((still.leg, still.until), (new, waits.until), "{leg:?}");
        }
    }
}
