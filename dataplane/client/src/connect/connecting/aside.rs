//! A zone of which nothing has been heard, asked beside the others while those stay full.
//!
//! It may be slow and have room, or be silent, which takes 3 s to show: whoever is full may have
//! room long before that, and is asked as often as if nobody else were. So is the zone that was
//! left a moment ago and has not answered yet while others are looked at. One at a time; the first
//! offer counts.

use std::time::Instant;

use super::Connecting;
use super::round::Asking;
use crate::connect::words::Action;

impl Connecting {
    /// The turn of the next one, unless another is still being asked.
    pub(super) fn ask_aside(&mut self, round: &mut Asking, now: Instant) {
        if self.aside.is_some() {
            return;
        }
        if let Some(spot) = round.take_later(&self.closed, now) {
            let attempt = self.numbers.next();
            self.aside = Some((attempt, spot));
            self.put(attempt, &spot, now);
        }
    }

    /// All begins anew, or has an end.
    pub(super) fn leave_aside(&mut self) {
        let left = self.aside.take();
        let cancelled = left.map(|(attempt, _)| Action::Cancel(attempt));
        self.actions.extend(cancelled);
    }
}
