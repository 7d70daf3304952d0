//! A zone of which nothing has been heard, asked beside the others while those stay full.
//!
//! It may be slow and have room, or be silent, which takes 3 s to show: whoever is full may have
//! room long before that, and is asked as often as if nobody else were. So is the zone that was
//! left a moment ago and has not answered yet while others are looked at, and one that is slow to
//! answer while others of its round have not been asked. One at a time; the first offer counts.

use std::time::Instant;

use super::asking::meets;
use super::round::Asking;
use super::{Connecting, State};
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

    /// When the next of a round has its turn beside one that is slow.
    pub(super) fn goes_on_at(&self) -> Option<Instant> {
        match &self.state {
            State::Asking(round) if self.aside.is_none() => {
                round.goes_on_at(meets(&self.places, self.home))
            }
            _ => None,
        }
    }

    /// Its answer still counts.
    pub(super) fn go_on_beside(&mut self, now: Instant) {
        if let State::Asking(round) = &mut self.state {
            self.aside = round.let_slow_go();
            self.ask_next(now);
        }
    }

    /// Nobody else of its round has a router, or will have one: it is waited for as if it had been
    /// asked last. Whether there is one.
    pub(super) fn take_slow_back(&mut self, now: Instant) -> bool {
        let State::Asking(round) = &mut self.state else {
            return false;
        };
        if round.is_full() {
            return false;
        }
        let slow = self.aside.take_if(|(attempt, _)| round.waits_for(*attempt));
        if let Some((attempt, spot)) = slow {
            round.wait_for(attempt, spot, now);
        }
        slow.is_some()
    }

    /// All begins anew, or has an end.
    pub(super) fn leave_aside(&mut self) {
        let left = self.aside.take();
        let cancelled = left.map(|(attempt, _)| Action::Cancel(attempt));
        self.actions.extend(cancelled);
    }
}
