//! The table of meetings: where each is, who is expected, and which way it moves.
//!
//! The room that reservations and moves promise is kept in two sums per router,
//! [`crate::routers::Router::reserved`] and [`crate::routers::Router::moving_in`]; only this
//! file and `moves` change them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Instant;

use plenum_wire::{MeetingId, ParticipantId, RouterId};

use crate::routers::Routers;

/// One meeting.
#[derive(Debug, Default)]
pub struct Meeting {
    /// Participants reported, by router. Only routers in touch, never 0 unless it moves.
    pub at: BTreeMap<RouterId, u32>,
    /// Placed, not yet reported.
    pub expected: BTreeMap<ParticipantId, Reservation>,
    /// On the way or over, by the router it leaves.
    pub moves: BTreeMap<RouterId, Move>,
    /// Routers that it could not move to, until when not to try them again.
    pub avoid: BTreeMap<RouterId, Avoid>,
    /// Routers that it left because they were overloaded, until when not to go back.
    pub fled: BTreeMap<RouterId, Instant>,
    /// Not brought together before this.
    pub merge_from: Option<Instant>,
    /// Whether a timer is armed to look whether it is on two routers.
    pub merge_armed: bool,
}

/// Room kept for one participant who was placed.
#[derive(Debug)]
pub struct Reservation {
    pub router: RouterId,
    pub until: Instant,
}

/// A meeting that leaves a router for another.
#[derive(Debug)]
pub struct Move {
    pub to: RouterId,
    /// Participants that the new router has not counted in a report yet: their seats are theirs,
    /// as each router's reports come when they come.
    pub outstanding: u32,
    pub phase: Phase,
}

/// The life of a move, from its beginning to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The old router was told, and has begun by then or never does.
    Ordered(Instant),
    /// The old router has begun.
    Begun,
    /// All are over there by the word of the old router. The last of them leave it until then.
    Over(Instant),
}

impl Move {
    /// Nobody follows any more.
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// Somebody is on the way, or is over there and not counted yet.
    const fn arrives(&self) -> bool {
        !self.is_over() || self.outstanding > 0
    }

    /// When it is forgotten if nothing else happens.
    pub const fn until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Ordered(until) | Phase::Over(until) => Some(until),
            Phase::Begun => None,
        }
    }
}

/// Room on a router that is kept.
#[derive(Debug, Clone, Copy)]
pub enum Promise {
    /// For so many who were placed there.
    Seats(u32),
    /// For so many who move there.
    Move(u32),
}

/// A router that a meeting could not move to.
#[derive(Debug)]
pub struct Avoid {
    pub until: Instant,
    pub failures: u32,
}

impl Meeting {
    /// Routers that it is on, the one with most participants first; among equals by name.
    pub fn halves(&self) -> Vec<(&RouterId, u32)> {
        let mut halves: Vec<_> = self
            .at
            .iter()
            .map(|(router, count)| (router, *count))
            .collect();
        halves.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        halves
    }

    /// How many are expected on a router and not yet reported.
    pub fn expected_at(&self, router: &RouterId) -> u32 {
        let count = self
            .expected
            .values()
            .filter(|reservation| reservation.router == *router)
            .count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// It is on its way from this router.
    pub fn leaves(&self, router: &RouterId) -> Option<&Move> {
        self.moves.get(router).filter(|way| !way.is_over())
    }

    /// It is on its way to this router, or is over there and not counted yet.
    pub fn arrives_at(&self, router: &RouterId) -> bool {
        let mut ways = self.moves.values();
        ways.any(|way| way.to == *router && way.arrives())
    }

    /// Room on this router is kept for it.
    fn expects(&self, router: &RouterId) -> bool {
        self.arrives_at(router) || self.expected.values().any(|kept| kept.router == *router)
    }

    /// It could not move to this router a short time ago.
    pub fn avoids(&self, router: &RouterId, now: Instant) -> bool {
        self.avoid
            .get(router)
            .is_some_and(|avoid| now < avoid.until)
    }

    /// It leaves an overloaded router, and is not to go back before `until`.
    pub fn flees(&mut self, router: &RouterId, until: Instant, now: Instant) {
        self.fled.retain(|_, until| now < *until);
        self.fled.insert(router.clone(), until);
    }

    /// The router that it came to last, a moment ago.
    pub fn came_to(&self) -> Option<&RouterId> {
        let over = self.moves.values().filter(|way| way.is_over());
        over.max_by_key(|way| way.phase).map(|way| &way.to)
    }

    fn gone(&self) -> bool {
        let arrives = self.moves.values().any(Move::arrives);
        self.at.is_empty() && self.expected.is_empty() && !arrives
    }
}

/// All meetings of the zone that anybody is in or expected in.
#[derive(Debug, Default)]
pub struct Meetings(BTreeMap<MeetingId, Meeting>);

impl Meetings {
    pub fn iter(&self) -> impl Iterator<Item = (&MeetingId, &Meeting)> {
        self.0.iter()
    }

    pub fn get(&self, meeting: &MeetingId) -> Option<&Meeting> {
        self.0.get(meeting)
    }

    pub fn get_mut(&mut self, meeting: &MeetingId) -> Option<&mut Meeting> {
        self.0.get_mut(meeting)
    }

    pub fn entry(&mut self, meeting: &MeetingId) -> &mut Meeting {
        if !self.0.contains_key(meeting) {
            self.0.insert(meeting.clone(), Meeting::default());
        }
        self.0.get_mut(meeting).expect("inserted above")
    }

    /// Forgets a meeting that nobody is in or expected in.
    pub fn tidy(&mut self, meeting: &MeetingId) {
        if self.0.get(meeting).is_some_and(Meeting::gone) {
            self.0.remove(meeting);
        }
    }

    /// Keeps room on `router` for somebody until they are reported or `until` passes.
    pub fn reserve(
        &mut self,
        routers: &mut Routers,
        meeting: &MeetingId,
        participant: ParticipantId,
        router: &RouterId,
        until: Instant,
    ) {
        self.release(routers, meeting, &participant);
        let reservation = Reservation {
            router: router.clone(),
            until,
        };
        self.entry(meeting)
            .expected
            .insert(participant, reservation);
        promise(routers, router, meeting, Promise::Seats(1));
    }

    /// Gives back the room that was kept for somebody.
    pub fn release(
        &mut self,
        routers: &mut Routers,
        meeting: &MeetingId,
        participant: &ParticipantId,
    ) {
        let Some(known) = self.0.get_mut(meeting) else {
            return;
        };
        if let Some(reservation) = known.expected.remove(participant) {
            let seat = Promise::Seats(1);
            redeem(routers, known, &reservation.router, meeting, seat);
        }
        self.tidy(meeting);
    }

    /// `arrived` more participants were reported on `router`: so many promises are kept.
    pub fn arrived(
        &mut self,
        routers: &mut Routers,
        meeting: &MeetingId,
        router: &RouterId,
        arrived: u32,
    ) {
        let Some(known) = self.0.get_mut(meeting) else {
            return;
        };
        let mut due: Vec<(Instant, ParticipantId)> = known
            .expected
            .iter()
            .filter(|(_, reservation)| reservation.router == *router)
            .map(|(participant, reservation)| (reservation.until, participant.clone()))
            .collect();
        due.sort();
        due.truncate(arrived as usize);
        let mut left = arrived;
        for (_, participant) in due {
            known.expected.remove(&participant);
            left -= 1;
        }
        redeem(
            routers,
            known,
            router,
            meeting,
            Promise::Seats(arrived - left),
        );
        let unplaced = left;
        let ways = known.moves.values_mut().filter(|way| way.to == *router);
        let mut ways: Vec<&mut Move> = ways.collect();
        // Those who are over there come before those who are on the way.
        ways.sort_by_key(|way| Reverse(way.phase));
        for way in ways {
            let came = left.min(way.outstanding);
            way.outstanding -= came;
            left -= came;
        }
        let moved = unplaced - left;
        redeem(routers, known, router, meeting, Promise::Move(moved));
    }
}

/// Promises room on a router.
pub fn promise(routers: &mut Routers, router: &RouterId, meeting: &MeetingId, what: Promise) {
    if let Some(router) = routers.get_mut(router) {
        match what {
            Promise::Seats(count) => router.reserved = router.reserved.saturating_add(count),
            Promise::Move(count) => router.moving_in = router.moving_in.saturating_add(count),
        }
        router.expects.insert(meeting.clone());
    }
}

/// Takes a promise back, after it was taken from `known`.
pub fn redeem(
    routers: &mut Routers,
    known: &Meeting,
    router: &RouterId,
    meeting: &MeetingId,
    what: Promise,
) {
    if let Some(entry) = routers.get_mut(router) {
        match what {
            Promise::Seats(count) => entry.reserved = entry.reserved.saturating_sub(count),
            Promise::Move(count) => entry.moving_in = entry.moving_in.saturating_sub(count),
        }
        if !known.expects(router) {
            entry.expects.remove(meeting);
        }
    }
}
