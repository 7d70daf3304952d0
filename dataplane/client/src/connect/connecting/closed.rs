//! Zones that have said when to ask them again: a matter of each of them alone. Nobody waits with
//! one zone's question for the time that another one wants.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Longest wait that a zone's `Retry-After` is obeyed for: the user waits too.
const RETRY_AFTER: Duration = Duration::from_secs(3);

/// When a zone is to be asked again that wants this.
pub(super) fn until(after: Option<Duration>, now: Instant) -> Instant {
    now + after.unwrap_or_default().min(RETRY_AFTER)
}

/// Until when zones are not asked, by their places.
#[derive(Debug, Default)]
pub(super) struct Closed(BTreeMap<usize, Instant>);

impl Closed {
    /// A zone has no room, and wants to be asked again then.
    pub fn close(&mut self, zone: usize, until: Instant) {
        self.0.insert(zone, until);
    }

    /// Whether a zone is not to be asked yet.
    pub fn has(&self, zone: usize, now: Instant) -> bool {
        self.0.get(&zone).is_some_and(|until| *until > now)
    }

    /// When the first of those is to be asked again that had no room.
    pub fn opens(&self) -> Option<Instant> {
        self.0.values().min().copied()
    }

    /// When this one is to be asked again.
    pub fn opens_zone(&self, zone: usize) -> Option<Instant> {
        self.0.get(&zone).copied()
    }

    /// A new round begins: those that may be asked are.
    pub fn open(&mut self, now: Instant) {
        self.0.retain(|_, until| *until > now);
    }

    /// One of them, whatever it has said.
    pub fn open_zone(&mut self, zone: usize) {
        self.0.remove(&zone);
    }

    /// Whatever they have said.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}
