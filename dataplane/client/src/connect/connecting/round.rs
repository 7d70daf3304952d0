//! One round through the zones: who is asked, in which order, and what has come of it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plenum_wire::join::Refusal;

use super::closed::Closed;
use crate::connect::words::{Attempt, Path, Trouble};
use crate::zone::REQUEST;

/// How long somebody who answers pings is waited for alone while others have not been asked: many
/// times what an answer takes, and a third of what silence does.
const SLOW: Duration = Duration::from_secs(1);

/// A zone, by a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub zone: usize,
    /// Which of its controllers answered best.
    pub first: Option<usize>,
    pub path: Path,
}

impl Spot {
    /// Whether the other one leads there too.
    pub fn is(&self, other: &Self) -> bool {
        (self.zone, self.path) == (other.zone, other.path)
    }
}

/// What a zone has said that has no router for us.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused {
    pub spot: Spot,
    pub code: Refusal,
    /// It is not to be asked before this, if that may help.
    pub until: Instant,
}

/// When others are looked at too, though somebody here may have room in a moment.
#[derive(Debug, Clone, Copy, Default)]
enum Others {
    /// Nothing speaks against it.
    #[default]
    Now,
    /// Only the zone is asked that was left a moment ago, or where the meeting is, until then.
    AfterHome(Instant),
    /// What a network test has shown counts until then.
    AfterTest(Instant),
}

/// What may come of those that were full in the round before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Hope {
    /// Nobody was.
    #[default]
    None,
    /// Somebody was: one of the later ones may be asked beside this.
    Full,
    /// And one of those asked since has only failed: it may be the same.
    Missed,
}

/// One round through the zones.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// All of this round, for the next one.
    round: Vec<Spot>,
    left: VecDeque<Spot>,
    /// Of which nothing has been heard yet: asked when the others do not answer either, or beside
    /// them when they stay full.
    later: VecDeque<Spot>,
    hope: Hope,
    current: Option<(Attempt, Spot)>,
    /// From then on whoever is asked is slow.
    slow_at: Option<Instant>,
    /// Who was slow, and is asked beside the others.
    slow: Option<Attempt>,
    others: Others,
    /// Somebody refuses for good.
    refused: bool,
    /// Somebody has no room for now.
    full: bool,
    /// The meeting is here, and it is not the zone that is full.
    stays: bool,
    troubles: Vec<Trouble>,
}

impl Asking {
    /// This one, and nobody else.
    pub fn only(spot: Spot) -> Self {
        Self::beyond(vec![spot], VecDeque::new(), Vec::new())
    }

    /// Where the participant was a moment ago: nobody else until then.
    pub fn home(spot: Spot, until: Instant) -> Self {
        Self {
            others: Others::AfterHome(until),
            ..Self::only(spot)
        }
    }

    /// Nobody, as none can be reached.
    pub fn nobody(troubles: Vec<Trouble>) -> Self {
        Self::beyond(Vec::new(), VecDeque::new(), troubles)
    }

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
            hope: if again { Hope::Full } else { Hope::None },
            others: Others::AfterTest(until),
            ..self
        }
    }

    /// All of a round in which somebody was full.
    pub fn once_more(self) -> Self {
        Self {
            hope: Hope::Full,
            others: self.others,
            ..Self::beyond(self.round, self.later, Vec::new())
        }
    }

    /// All of a round in which nobody was reached; `None` if there was nobody in it.
    pub fn anew(self) -> Option<Self> {
        let round = Self::beyond(self.round, VecDeque::new(), Vec::new());
        (!round.left.is_empty()).then_some(round)
    }

    /// Whether others are not looked at yet.
    pub const fn is_at_home(&self) -> bool {
        matches!(self.others, Others::AfterHome(_))
    }

    /// Others need not be looked at before `next`.
    pub fn may_go_on(&self, next: Instant) -> bool {
        match self.others {
            Others::Now => false,
            Others::AfterHome(until) | Others::AfterTest(until) => next < until,
        }
    }

    /// Home is one among others from now on.
    pub const fn leave_home(&mut self) {
        self.others = Others::Now;
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
        let place = self
            .later
            .iter()
            .position(open)
            .filter(|_| self.hope != Hope::None)?;
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
    /// has spoken there is waited for about as long as anybody who is asked.
    pub fn next_round(&mut self, soonest: Instant) -> Instant {
        if self.stays {
            self.others = Others::AfterHome(soonest + REQUEST);
        }
        self.next_timeout()
            .map_or(soonest, |until| soonest.min(until))
    }

    /// This one has no room for now, and is asked in the rounds to come.
    pub fn fill(&mut self, spot: Spot) {
        self.full = true;
        self.keep(spot);
    }

    /// This one has no room for now, and is asked in the round that begins in a moment.
    pub fn take_in(&mut self, spot: Spot) {
        if !self.left.iter().any(|it| it.is(&spot)) {
            self.left.push_back(spot);
        }
        self.keep(spot);
    }

    fn keep(&mut self, spot: Spot) {
        self.later.retain(|it| !it.is(&spot));
        if !self.round.iter().any(|it| it.is(&spot)) {
            self.round.push(spot);
        }
    }

    /// When home has had its moment.
    pub const fn next_timeout(&self) -> Option<Instant> {
        match self.others {
            Others::AfterHome(until) => Some(until),
            Others::Now | Others::AfterTest(_) => None,
        }
    }

    pub fn is_overdue(&self, now: Instant) -> bool {
        self.next_timeout().is_some_and(|due| due <= now)
    }

    /// Who is being asked.
    pub fn asked(&self) -> Option<&Spot> {
        self.current.as_ref().map(|(_, spot)| spot)
    }

    /// Nobody is being asked.
    pub const fn is_idle(&self) -> bool {
        self.current.is_none()
    }

    /// No zone has answered in this round.
    pub const fn is_unheard(&self) -> bool {
        !self.refused && !self.full
    }

    /// Somebody refuses for good.
    pub const fn refuse(&mut self) {
        self.refused = true;
    }

    /// Whether somebody refuses for good.
    pub const fn is_refused(&self) -> bool {
        self.refused
    }

    /// Whether somebody has no room for now.
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// Somebody was full a moment ago, and one of those asked since has only failed: that may be
    /// the one, so what others refuse for good is not the end yet.
    pub fn hopes(&self) -> bool {
        self.hope == Hope::Missed
    }

    /// What is wrong with one of those that were asked.
    pub fn know(&mut self, troubles: Vec<Trouble>) {
        if self.hope == Hope::Full {
            self.hope = Hope::Missed;
        }
        self.troubles.extend(troubles);
    }

    /// What was wrong with those that have failed so far.
    pub fn so_far(&self) -> &[Trouble] {
        &self.troubles
    }

    pub fn take_troubles(&mut self) -> Vec<Trouble> {
        std::mem::take(&mut self.troubles)
    }

    /// These are asked next, before what is left.
    pub fn prefer(&mut self, spots: &[Spot]) {
        self.round.extend_from_slice(spots);
        for spot in spots.iter().rev() {
            self.left.push_front(*spot);
        }
    }

    /// Whether somebody has not been asked yet.
    pub fn goes_on(&self) -> bool {
        !self.left.is_empty()
    }

    /// This one is being asked.
    pub fn wait_for(&mut self, attempt: Attempt, spot: Spot, now: Instant) {
        self.current = Some((attempt, spot));
        self.slow_at = Some(now + SLOW);
    }

    /// When the next one is asked beside whoever is being asked: not where the meeting is not,
    /// while somebody is asked where it is.
    pub fn goes_on_at(&self, meets: impl Fn(usize) -> bool) -> Option<Instant> {
        let (current, later) = (self.asked()?, self.later.front());
        let next = self.left.front().or(later.filter(|_| !self.full))?;
        let together = meets(next.zone) || !meets(current.zone);
        self.slow_at.filter(|_| together)
    }

    /// Who was asked this, and has answered.
    pub fn take_answered(&mut self, attempt: Attempt) -> Option<Spot> {
        let asked = self.current.take_if(|(it, _)| *it == attempt);
        asked.map(|(_, spot)| spot)
    }

    /// Who is being asked, and is no longer waited for here.
    pub const fn let_go(&mut self) -> Option<(Attempt, Spot)> {
        self.current.take()
    }

    /// Who is being asked, and is waited for beside the next one.
    pub fn let_slow_go(&mut self) -> Option<(Attempt, Spot)> {
        self.slow = self.current.as_ref().map(|(attempt, _)| *attempt);
        self.let_go()
    }

    /// Whether that is the one.
    pub fn waits_for(&self, attempt: Attempt) -> bool {
        self.slow == Some(attempt)
    }

    /// Leaves whoever is being asked; it comes last.
    pub fn put_back(&mut self) -> Option<Attempt> {
        let (attempt, spot) = self.let_go()?;
        self.left.push_back(spot);
        Some(attempt)
    }
}
