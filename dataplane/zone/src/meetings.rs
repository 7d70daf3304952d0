//! The table of meetings: where each is, who is expected, and which way it moves.
//!
//! The room that reservations and moves promise is kept in two sums per router,
//! [`crate::routers::Router::reserved`] and [`crate::routers::Router::moving_in`]; only this
//! file and `moves` change them.

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
    /// On the way, by the router it leaves.
    pub moves: BTreeMap<RouterId, Move>,
    /// Routers that it could not move to, until when not to try them again.
    pub avoid: BTreeMap<RouterId, Avoid>,
    /// Routers that it left because they were overloaded, until when not to go back.
    pub fled: BTreeMap<RouterId, Instant>,
    /// It has moved, by the router that it left: the last participants may still be leaving that.
    pub left: BTreeMap<RouterId, Left>,
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

/// A meeting on its way.
#[derive(Debug)]
pub struct Move {
    pub to: RouterId,
    /// Participants that have yet to arrive there.
    pub outstanding: u32,
    /// The router has begun; until then the order lapses at `deadline`.
    pub begun: bool,
    pub deadline: Instant,
}

/// A meeting that has moved.
#[derive(Debug)]
pub struct Left {
    pub to: RouterId,
    /// Participants that are over there by the word of the old router, and that the new one has
    /// not counted in a report yet. Their seats are theirs: each router's reports come when they
    /// come.
    pub uncounted: u32,
    /// By then nobody is there any more.
    pub until: Instant,
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

    /// It is on its way to this router.
    pub fn moves_to(&self, router: &RouterId) -> bool {
        self.moves.values().any(|way| way.to == *router)
    }

    /// It is on its way to this router, or is over there and not counted yet.
    pub fn arrives_at(&self, router: &RouterId) -> bool {
        let uncounted = |left: &Left| left.to == *router && left.uncounted > 0;
        self.moves_to(router) || self.left.values().any(uncounted)
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

    /// It has moved, and its last participants may still be leaving the old router.
    pub fn leaves(&self, now: Instant) -> bool {
        self.left.values().any(|left| now < left.until)
    }

    /// Where those on `router` are going or have gone, if they do not stay.
    pub fn next_stop(&self, router: &RouterId, now: Instant) -> Option<&RouterId> {
        let moves = self.moves.get(router).map(|way| &way.to);
        let left = self.left.get(router).filter(|left| now < left.until);
        moves.or_else(|| left.map(|left| &left.to))
    }

    /// The router that it came to last, where it is not counted yet.
    pub fn came_to(&self, now: Instant) -> Option<&RouterId> {
        let left = self.left.values().filter(|left| now < left.until);
        left.max_by_key(|left| left.until).map(|left| &left.to)
    }

    fn gone(&self) -> bool {
        let uncounted = self.left.values().any(|left| left.uncounted > 0);
        self.at.is_empty() && self.expected.is_empty() && self.moves.is_empty() && !uncounted
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
        let moving = known.moves.values_mut().filter(|way| way.to == *router);
        let moving = moving.map(|way| &mut way.outstanding);
        let moved = known.left.values_mut().filter(|left| left.to == *router);
        let moved = moved.map(|left| &mut left.uncounted);
        for outstanding in moved.chain(moving) {
            let came = left.min(*outstanding);
            *outstanding -= came;
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
