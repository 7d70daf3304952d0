//! Where a meeting begins that is in no zone yet.
//!
//! Those who begin it at the same time choose each by their own network test, and no zone knows of
//! the others. So each names the choice to the directory before going there, which tells all of
//! them the same zone: the one that was named first. Pings that are under way go on meanwhile, as that
//! zone may not have answered yet; no other zone is chosen. A directory that fails, or is slow, keeps nobody from the own choice.

use std::time::{Duration, Instant};

use super::{Connecting, State};
use crate::connect::places::Places;
use crate::connect::words::{Action, Attempt, Unanswered};

/// How long the directory is waited for: its answer takes one round trip, and that 300 ms to the
/// other side of the world.
const AGREE_WITHIN: Duration = Duration::from_millis(400);

/// The directory has been told.
#[derive(Debug)]
pub(super) struct Agreeing {
    attempt: Attempt,
    choice: usize,
    until: Instant,
}

impl Agreeing {
    /// Then the choice stands.
    pub const fn until(&self) -> Instant {
        self.until
    }
}

impl Connecting {
    /// Names this choice, if the directory wants to know of it. Whether its answer is to be waited
    /// for: then the choice is made anew.
    pub(super) fn agree_on(&mut self, choice: usize, now: Instant) -> bool {
        let wanted = std::mem::take(&mut self.places.nowhere);
        let Some((directory, out)) = self.informant.filter(|_| wanted) else {
            return self.agreeing.is_some();
        };
        let attempt = self.numbers.next();
        self.agreeing = Some(Agreeing {
            attempt,
            choice,
            until: now + AGREE_WITHIN,
        });
        self.actions.push_back(Action::Lookup {
            attempt,
            directory,
            out,
            waiting: self.admission.clone(),
            begin_in: self.places.zones[choice].name.clone(),
        });
        true
    }

    /// Whether that is the directory's answer to a choice.
    pub(super) fn is_agreeing(&self, attempt: Attempt) -> bool {
        let agreeing = self.agreeing.as_ref();
        agreeing.is_some_and(|it| it.attempt == attempt)
    }

    /// The directory's answer.
    pub(super) fn agreed(&mut self, answer: Result<Places, Unanswered>, now: Instant) {
        let Some(Agreeing { choice, .. }) = self.agreeing.take() else {
            return;
        };
        let places = answer.unwrap_or_default();
        let there = places.zones.iter().find(|zone| zone.hosts);
        match (there.map(|there| self.places.find(there)), self.informant) {
            (Some(Some(zone)), _) => self.begin_in(zone, choice),
            // It was not among those that were offered.
            (Some(None), Some(asked)) => {
                self.leave_test(now);
                self.stop_renewal();
                self.take_up(places, asked, now);
            }
            _ => self.begin_in(choice, choice),
        }
    }

    /// The time may be up. That the choice stands then is right also if only the answer is late.
    pub(super) fn look_at_agreeing(&mut self, now: Instant) {
        if let Some(Agreeing { choice, until, .. }) = self.agreeing
            && until <= now
        {
            self.leave_agreeing();
            self.begin_in(choice, choice);
        }
    }

    /// The others are in this zone, or will be in a moment. In the own choice nobody is yet, so it
    /// is waited for no longer than any other.
    fn begin_in(&mut self, zone: usize, choice: usize) {
        self.places.zones[zone].hosts |= zone != choice;
        if let State::Testing(test) = &mut self.state {
            test.host(|subject| subject == zone);
        }
        self.prefer_tunnels_of(zone);
    }

    /// The directory's answer is no longer needed.
    pub(super) fn leave_agreeing(&mut self) {
        let left = self.agreeing.take();
        let cancelled = left.map(|it| Action::Cancel(it.attempt));
        self.actions.extend(cancelled);
    }
}
