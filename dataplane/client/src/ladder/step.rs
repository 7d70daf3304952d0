//! One rung: how it is, and when it is tried again.

use std::time::{Duration, Instant};

use plenum_wire::Rung;

/// How often a better rung is tried again.
pub(super) const UPGRADE_EVERY: Duration = Duration::from_secs(10);
/// The same for one that went dead while it carried, doubled each time up to so often: it may
/// do so again, and that is heard.
const DOUBLINGS: u32 = 5;

/// How a rung is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Not tried again before `at`.
    Waiting {
        at: Instant,
    },
    /// Not wanted: a better one carries.
    Resting,
    Dialling,
    /// Open, and knocked on since `since` once it is the best one.
    Open {
        since: Option<Instant>,
    },
    Bound,
    /// Replaced; closed at `until`.
    Lingering {
        until: Instant,
    },
}

/// A rung on the ladder.
#[derive(Debug)]
pub(super) struct Step {
    pub rung: Rung,
    pub state: State,
    /// Failed in the race that is on.
    pub failed: bool,
    /// How often it went dead while it carried.
    pub deaths: u32,
}

impl Step {
    /// Not wanted now, and tried again in a while.
    pub fn later(&self, now: Instant) -> State {
        let at = now + UPGRADE_EVERY * 2_u32.pow(self.deaths.min(DOUBLINGS));
        State::Waiting { at }
    }
}

impl State {
    /// Knocked on, and not bound yet.
    pub const fn is_courted(self) -> bool {
        matches!(self, Self::Open { since: Some(_) })
    }
}
