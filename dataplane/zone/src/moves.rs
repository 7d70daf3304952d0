//! Moving a meeting: from the order to its end.
//!
//! A move is `ordered` (told to the router, lapses when nothing happens for
//! [`ORDER_PATIENCE`]), then `begun` (the router says so in its reports, whoever ordered it),
//! until the router reports otherwise, or that it is `over`. All of its participants are
//! promised room on the new router until that has counted them, or it has been over for
//! [`LEAVING`].

use std::time::{Duration, Instant};

use plenum_wire::link::{Member, SILENCE_MS};
use plenum_wire::{MeetingId, RouterId};

use crate::meetings::{Avoid, Move, Phase, Promise, promise, redeem};
use crate::routers::Router;
use crate::timers::Timer;
use crate::{Broker, Link, Order};

/// An order that the router has not taken up after this long is given again.
pub const ORDER_PATIENCE: Duration = Duration::from_secs(3);
/// Meetings that leave one router at the same time. Each move doubles the traffic of its
/// meeting while it lasts.
pub const MOVES_PER_ROUTER: usize = 4;
/// A router that a meeting could not move to is not tried again for this long ...
const AVOID: Duration = Duration::from_secs(3);
/// ... doubled with every failure up to this many times: whom a firewall keeps from a router
/// should not be asked every 3 s for the length of a meeting.
const AVOID_DOUBLINGS: u32 = 5;
/// A meeting that left an overloaded router does not go back there for this long: else two
/// routers that are both nearly full would pass it to each other. A router that is overloaded
/// all the time tries again whether it can do more once in about as long.
const FLED: Duration = Duration::from_secs(60);
/// After a move the last participants are still leaving the old router for a moment, and
/// must not be taken for a meeting that is on two routers: until the old one is lost at worst.
const LEAVING: Duration = Duration::from_millis(SILENCE_MS);

impl Broker {
    /// Orders a move.
    pub(crate) fn order(
        &mut self,
        meeting: &MeetingId,
        from: &RouterId,
        to: &RouterId,
        now: Instant,
    ) {
        if let Some(router) = self.routers.get_mut(from) {
            router.unplaced = None;
        }
        let ordered = Phase::Ordered(now + ORDER_PATIENCE);
        self.begin_move(meeting, (from, to), ordered, now);
        let order = Order::Move {
            meeting: meeting.clone(),
            to: to.clone(),
        };
        self.tell(from, order);
    }

    /// A report says whether this meeting is leaving `from`.
    pub(crate) fn move_heard(
        &mut self,
        from: &RouterId,
        meeting: &MeetingId,
        moving_to: Option<RouterId>,
        now: Instant,
    ) {
        let known = self
            .meetings
            .get(meeting)
            .and_then(|known| known.leaves(from));
        match (known, moving_to) {
            (Some(way), None) if way.phase == Phase::Begun => self.end_move(meeting, from),
            (_, None) => {}
            (Some(way), Some(to)) if way.to == to => self.mark_begun(meeting, from),
            (_, Some(to)) => self.begin_move(meeting, (from, &to), Phase::Begun, now),
        }
    }

    /// A router says that a move is over.
    pub(crate) fn move_ended(
        &mut self,
        link: Link,
        meeting: &MeetingId,
        to: &RouterId,
        (moved, failed): (u32, u32),
        now: Instant,
    ) {
        let Some(from) = self.heard(link, now) else {
            return;
        };
        self.note_received(to, now);
        let Some(known) = self.meetings.get_mut(meeting) else {
            return;
        };
        let ended = known.leaves(&from).is_some_and(|way| way.to == *to);
        if failed > 0 {
            let avoid = known.avoid.entry(to.clone()).or_insert(Avoid {
                until: now,
                failures: 0,
            });
            avoid.until = now + AVOID * (1 << avoid.failures.min(AVOID_DOUBLINGS));
            avoid.failures += 1;
        }
        if failed == 0 && moved > 0 {
            self.note_over(meeting, (&from, to), moved, now);
        } else if ended {
            self.end_move(meeting, &from);
        }
        if ended {
            self.drain(&from, now);
        }
    }

    /// A router asks for tickets to hand to the participants of a meeting.
    pub(crate) fn tickets_wanted(
        &mut self,
        link: Link,
        meeting: MeetingId,
        to: RouterId,
        participants: Vec<Member>,
        now: Instant,
    ) {
        let Some(from) = self.heard(link, now) else {
            return;
        };
        // Tickets open doors: a router gets none for a meeting that does not leave it.
        let leaves = self
            .meetings
            .get(&meeting)
            .and_then(|known| known.leaves(&from))
            .is_some_and(|way| way.to == to);
        if !leaves {
            return;
        }
        // A router that closed since the order would refuse them all. Unanswered, the old
        // router gives up, and the meeting is ordered elsewhere.
        let Some(router) = self.routers.get(&to).filter(|router| router.open()) else {
            return;
        };
        let endpoint = router.endpoint.clone();
        self.mark_begun(&meeting, &from);
        let order = Order::Tickets {
            meeting,
            to,
            endpoint,
            participants,
        };
        self.tell(&from, order);
    }

    /// An order may be unanswered: it lapses, and is given anew if it is still wanted. Or a move
    /// has been over for so long that the new router has counted all that came.
    pub(crate) fn check_move(&mut self, meeting: &MeetingId, from: &RouterId, now: Instant) {
        let due = self
            .meetings
            .get(meeting)
            .and_then(|known| known.moves.get(from)?.until())
            .is_some_and(|until| until <= now);
        if due {
            self.end_move(meeting, from);
            self.drain(from, now);
        }
    }

    /// A move has been over for a while, or there is none any more.
    pub(crate) fn end_move(&mut self, meeting: &MeetingId, from: &RouterId) {
        self.take_move(meeting, from);
        self.meetings.tidy(meeting);
    }

    /// What it has promised is taken back.
    fn take_move(&mut self, meeting: &MeetingId, from: &RouterId) {
        let Some(known) = self.meetings.get_mut(meeting) else {
            return;
        };
        let Some(way) = known.moves.remove(from) else {
            return;
        };
        let promised = Promise::Move(way.outstanding);
        redeem(&mut self.routers, known, &way.to, meeting, promised);
        if let Some(router) = self.routers.get_mut(from).filter(|_| !way.is_over()) {
            router.leaving -= 1;
        }
    }

    /// It takes the place of what is known of a move from there.
    fn put_move(&mut self, meeting: &MeetingId, from: &RouterId, way: Move) {
        self.take_move(meeting, from);
        if let Some(router) = self.routers.get_mut(from).filter(|_| !way.is_over()) {
            router.leaving += 1;
        }
        if let Some(until) = way.until() {
            self.timers
                .arm(until, Timer::Move(meeting.clone(), from.clone()));
        }
        let promised = Promise::Move(way.outstanding);
        promise(&mut self.routers, &way.to, meeting, promised);
        self.meetings.entry(meeting).moves.insert(from.clone(), way);
    }

    fn begin_move(
        &mut self,
        meeting: &MeetingId,
        (from, to): (&RouterId, &RouterId),
        phase: Phase,
        now: Instant,
    ) {
        let known = self.meetings.entry(meeting);
        let here = known.at.get(from).copied().unwrap_or(0);
        // Another replica may have ordered it to a router that is not heard of here yet.
        let outstanding = self.routers.get(to).map_or(0, |_| here);
        let to = to.clone();
        self.note_received(&to, now);
        let way = Move {
            to,
            outstanding,
            phase,
        };
        self.put_move(meeting, from, way);
        self.note_flight(meeting, from, now);
    }

    /// Whoever ordered the move, every replica remembers what it was for.
    fn note_flight(&mut self, meeting: &MeetingId, from: &RouterId, now: Instant) {
        let overloaded = self.routers.get(from).is_some_and(Router::overloaded);
        if let Some(known) = self.meetings.get_mut(meeting).filter(|_| overloaded) {
            known.flees(from, now + FLED, now);
        }
    }

    /// So many are over there, and nobody stays. Their seats stay promised until the new router
    /// counts them: the next meeting may be ordered there at once, by what it said before they
    /// came. At most: of those that hung up it is not known whether they had been counted.
    fn note_over(
        &mut self,
        meeting: &MeetingId,
        (from, to): (&RouterId, &RouterId),
        moved: u32,
        now: Instant,
    ) {
        let known = self.meetings.entry(meeting);
        known.avoid.clear();
        let way = known.leaves(from).filter(|way| way.to == *to);
        let outstanding = way.map_or(0, |way| way.outstanding.min(moved));
        let back = known.moves.get(to);
        if back.is_some_and(|back| back.is_over() && back.to == *from) {
            // It has come back: nobody belongs where it was meanwhile.
            self.take_move(meeting, to);
        }
        let way = Move {
            to: to.clone(),
            outstanding,
            phase: Phase::Over(now + LEAVING),
        };
        self.put_move(meeting, from, way);
    }

    /// People are on their way to this router, or came.
    fn note_received(&mut self, to: &RouterId, now: Instant) {
        if let Some(router) = self.routers.get_mut(to) {
            router.received = Some(now);
        }
    }

    fn mark_begun(&mut self, meeting: &MeetingId, from: &RouterId) {
        if let Some(known) = self.meetings.get_mut(meeting)
            && let Some(way) = known.moves.get_mut(from)
        {
            way.phase = Phase::Begun;
        }
    }
}
