//! One round through the zones: who is asked, in which order, and what has come of it.

use std::collections::VecDeque;
use std::time::Instant;

use plenum_wire::join::Problem;

use super::closed::Closed;
use crate::connect::words::{Attempt, Path, Trouble};
use crate::zone::REQUEST;

/// A zone, by a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub zone: usize,
    /// Which of its controllers answered best.
    pub first: Option<usize>,
    pub path: Path,
}

/// One round through the zones.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// All of this round, for the next one.
    pub round: Vec<Spot>,
    pub left: VecDeque<Spot>,
    /// Of which nothing has been heard yet: asked when the others do not answer either, or beside
    /// them when they stay full.
    later: VecDeque<Spot>,
    /// Somebody was full in the round before: one of the later ones may be asked beside this.
    again: bool,
    pub current: Option<(Attempt, Spot)>,
    /// Only the zone is asked that was left a moment ago, or where the meeting is, until then.
    pub quick: Option<Instant>,
    /// When others are looked at again though somebody here may have room in a moment.
    around: Option<Instant>,
    /// For good.
    pub refused: Option<Problem>,
    /// Somebody has no room for now.
    pub full: bool,
    /// The meeting is here, and it is not the zone that is full.
    stays: bool,
    pub troubles: Vec<Trouble>,
}

impl Asking {
    /// These, then those, knowing what is wrong with others.
    pub fn beyond(spots: Vec<Spot>, later: VecDeque<Spot>, troubles: Vec<Trouble>) -> Self {
        Self {
            left: spots.iter().copied().collect(),
            round: spots,
            later,
            troubles,
            ..Self::default()
        }
    }

    /// By what a network test has shown, which counts until then. Whether somebody was full just
    /// before it.
    pub fn shown(self, again: bool, until: Instant) -> Self {
        Self {
            again,
            around: Some(until),
            ..self
        }
    }

    /// All of a round in which somebody was full.
    pub fn once_more(self) -> Self {
        Self {
            again: true,
            quick: self.quick,
            around: self.around,
            ..Self::beyond(self.round, self.later, Vec::new())
        }
    }

    /// Whether others are not looked at yet.
    pub const fn is_at_home(&self) -> bool {
        self.quick.is_some()
    }

    /// Others need not be looked at before `next`.
    pub fn may_go_on(&self, next: Instant) -> bool {
        let until = self.quick.or(self.around);
        until.is_some_and(|until| next < until)
    }

    /// Home is one among others from now on.
    pub const fn leave_home(&mut self) {
        self.quick = None;
    }

    /// The turn of those of which nothing has been heard: they are no worse than what stalls, but
    /// than what is full for a moment.
    pub fn call_later(&mut self) {
        if !self.full {
            self.left.append(&mut self.later);
        }
    }

    /// The turn of one of them, where somebody stays full.
    pub fn take_later(&mut self, closed: &Closed, now: Instant) -> Option<Spot> {
        let open = |spot: &Spot| !closed.has(spot.zone, now);
        let place = self.later.iter().position(open).filter(|_| self.again)?;
        self.later.remove(place)
    }

    /// Whose turn it is; not of those that want to be asked later.
    pub fn next(&mut self, closed: &Closed, now: Instant) -> Option<Spot> {
        loop {
            let spot = self.left.pop_front()?;
            if !closed.has(spot.zone, now) {
                return Some(spot);
            }
            self.full = true;
        }
    }

    /// The meeting has no room, or too many want something of this zone: it is no use to ask a zone
    /// where the meeting is not, if this is where it is.
    pub fn stay_where(&mut self, meets: impl Fn(usize) -> bool) {
        self.stays = true;
        self.round.retain(|it| meets(it.zone));
        self.left.retain(|it| meets(it.zone));
        self.later.retain(|it| meets(it.zone));
    }

    /// When to ask again those that have no room, where the first of them may be asked from then
    /// on: home is not waited for beyond the moment that it has, unless that is where to stay. Who
    /// has spoken there is waited for as long as anybody who is asked.
    pub fn next_round(&mut self, soonest: Instant) -> Instant {
        if self.stays {
            self.quick = Some(soonest + REQUEST);
        }
        self.quick.map_or(soonest, |until| soonest.min(until))
    }

    /// This one answers, and is asked in the rounds to come.
    pub fn include(&mut self, spot: Spot) {
        if !self.round.contains(&spot) {
            self.round.push(spot);
        }
    }

    /// Nobody, as none can be reached.
    pub fn nobody(troubles: Vec<Trouble>) -> Self {
        Self::beyond(Vec::new(), VecDeque::new(), troubles)
    }

    pub fn next_timeout(&self) -> Option<Instant> {
        self.quick
    }

    pub fn is_overdue(&self, now: Instant) -> bool {
        self.quick.is_some_and(|due| due <= now)
    }

    /// Nobody is being asked.
    pub const fn is_idle(&self) -> bool {
        self.current.is_none()
    }

    /// No zone has answered in this round.
    pub const fn is_unheard(&self) -> bool {
        self.refused.is_none() && !self.full
    }

    /// What is wrong with one of those that were asked.
    pub fn know(&mut self, troubles: Vec<Trouble>) {
        self.troubles.extend(troubles);
    }

    /// What was wrong with those that have failed so far.
    pub fn so_far(&self) -> &[Trouble] {
        &self.troubles
    }

    /// These are asked next, before what is left.
    pub fn prefer(&mut self, spots: &[Spot]) {
        self.round.extend_from_slice(spots);
        for spot in spots.iter().rev() {
            self.left.push_front(*spot);
        }
    }

    /// Leaves whoever is being asked; it comes last.
    pub fn put_back(&mut self) -> Option<Attempt> {
        let (attempt, spot) = self.current.take()?;
        self.left.push_back(spot);
        Some(attempt)
    }
}
