//! Meetings that need to be on another router, and are too large for what is free on any.
//!
//! A meeting is on one router as a whole, so that all routers together may have seats in plenty and
//! none have enough. The operator, which counts seats, has to be told.

use std::time::{Duration, Instant};

use plenum_wire::RouterId;

use crate::Broker;

/// Only then it is told: room that is found within this is no reason for another router.
const LASTS: Duration = Duration::from_secs(2);
/// Whoever needs room says so again within this, or does not need it any more.
const FORGOTTEN: Duration = Duration::from_secs(15);

/// What the meetings on one router need.
#[derive(Debug)]
pub struct Unplaced {
    seats: u32,
    first: Instant,
    last: Instant,
}

impl Unplaced {
    /// How many seats on one router, if that has been so for long enough.
    pub fn seats(&self, now: Instant) -> Option<u32> {
        let lasts = self.last.duration_since(self.first) >= LASTS;
        (lasts && now < self.last + FORGOTTEN).then_some(self.seats)
    }
}

impl Broker {
    /// A meeting on `router` found no other with so many seats.
    pub(crate) fn note_unplaced(&mut self, router: &RouterId, seats: u32, now: Instant) {
        let Some(router) = self.routers.get_mut(router) else {
            return;
        };
        let known = router.unplaced.as_ref();
        let (first, before) = match known.filter(|it| now < it.last + FORGOTTEN) {
            Some(known) => (known.first, known.seats),
            None => (now, 0),
        };
        router.unplaced = Some(Unplaced {
            seats: seats.max(before),
            first,
            last: now,
        });
    }
}
