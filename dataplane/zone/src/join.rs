//! Where one participant goes.
//!
//! Seats that are kept for those on their way only steer: they are given away when nobody
//! else has one, and nobody is refused for them. The router is the last authority on its room.

use std::time::{Duration, Instant};

use plenum_wire::join::Refusal;
use plenum_wire::{MeetingId, ParticipantId, RouterId};

use crate::meetings::Meeting;
use crate::merge::RECOVERY;
use crate::moves::MOVES_PER_ROUTER;
use crate::placement::{choose, roomiest, snuggest};
use crate::routers::{Measure, Router};
use crate::timers::Timer;
use crate::{Action, Answer, Broker, Join};

/// How long a seat is kept for somebody who was placed and has not been reported.
pub const RESERVATION: Duration = Duration::from_secs(5);
/// Orders that a meeting can go through before it is taken for a circle.
const HOPS: usize = 4;

/// Of several routers where a meeting fits.
#[derive(Clone, Copy)]
enum Choice {
    Roomiest,
    Snuggest,
}

impl Broker {
    /// Answers a join.
    pub(crate) fn join(&mut self, join: Join, now: Instant) {
        // Whoever asks again is not expected where they were sent before.
        self.meetings
            .release(&mut self.routers, &join.meeting, &join.participant);
        self.hold_merge(&join, now);
        let placed = if self.endings.cover(&join.meeting, join.vouched) {
            Err(Refusal::MeetingEnded)
        } else {
            self.place(&join, now)
        };
        let answer = match placed {
            Ok(router) => self.accept(&join.meeting, join.participant, router, now),
            Err(refusal) => Answer::Refused(refusal),
        };
        let request = join.request;
        self.actions.push_back(Action::Answer { request, answer });
    }

    /// Room that was kept and not used is given back.
    pub(crate) fn lapse(&mut self, meeting: &MeetingId, participant: &ParticipantId, now: Instant) {
        let due = self
            .meetings
            .get(meeting)
            .and_then(|known| known.expected.get(participant))
            .is_some_and(|kept| kept.until <= now);
        if due {
            self.meetings
                .release(&mut self.routers, meeting, participant);
        }
    }

    fn accept(
        &mut self,
        meeting: &MeetingId,
        participant: ParticipantId,
        router: RouterId,
        now: Instant,
    ) -> Answer {
        let until = now + RESERVATION;
        let timer = Timer::Reservation(meeting.clone(), participant.clone());
        self.timers.arm(until, timer);
        self.meetings
            .reserve(&mut self.routers, meeting, participant, &router, until);
        match self.routers.get(&router) {
            Some(known) => Answer::Placed {
                endpoint: known.endpoint.clone(),
                router,
            },
            None => Answer::Refused(Refusal::NoRouter),
        }
    }

    /// Somebody could not reach the meeting's router: it may be dying, and those who come
    /// from it must not be sent back to it for the sake of bringing the meeting together.
    fn hold_merge(&mut self, join: &Join, now: Instant) {
        if let Some(known) = self.meetings.get_mut(&join.meeting)
            && join
                .exclude
                .iter()
                .any(|router| known.at.contains_key(router))
        {
            known.merge_from = known.merge_from.max(Some(now + RECOVERY));
        }
    }

    fn place(&mut self, join: &Join, now: Instant) -> Result<RouterId, Refusal> {
        let Some(home) = self.home(&join.meeting, &join.exclude) else {
            return self.place_new(&join.meeting, &join.exclude);
        };
        let known = self.routers.get(&home).ok_or(Refusal::NoRouter)?;
        let returns = join.from.as_ref() == Some(&home) && known.settled;
        if known.free() > 0 || (returns && known.open()) {
            return Ok(home);
        }
        match self.overflow(&join.meeting, &home, &join.exclude, now) {
            // A meeting that cannot leave a draining router loses nobody for a broken wire, and
            // goes on taking newcomers while there are seats.
            Err(_) if returns || self.stays(&join.meeting, &home) => Ok(home),
            placed => placed,
        }
    }

    /// The meeting is there, does not leave, and its router has seats for it: a router that is
    /// being emptied still lets people join those that are on it. An overloaded one does not.
    fn stays(&self, meeting: &MeetingId, home: &RouterId) -> bool {
        let here = self.meetings.get(meeting).is_some_and(|known| {
            let people = known.at.get(home).copied().unwrap_or(0);
            people > 0 && known.leaves(home).is_none()
        });
        let takes = |it: &Router| it.seats() > 0 && !it.overloaded();
        here && self.routers.get(home).is_some_and(takes)
    }

    /// The router where newcomers of a meeting belong: where it moves to, else where most of
    /// it is, else where others were placed just now, else where it went a moment ago.
    fn home(&self, meeting: &MeetingId, exclude: &[RouterId]) -> Option<RouterId> {
        let known = self.meetings.get(meeting)?;
        known
            .halves()
            .into_iter()
            .map(|(half, _)| self.destination(known, half, exclude))
            .find(|router| !exclude.contains(router))
            .or_else(|| {
                known
                    .expected
                    .values()
                    .filter(|kept| !exclude.contains(&kept.router))
                    .max_by(|a, b| a.until.cmp(&b.until).then(b.router.cmp(&a.router)))
                    .map(|kept| &kept.router)
            })
            .or_else(|| known.came_to().filter(|router| !exclude.contains(router)))
            .cloned()
    }

    /// Where a meeting goes that is on `half`; `half` itself when it stays, or when newcomers
    /// cannot go where it goes.
    fn destination<'a>(
        &self,
        known: &'a Meeting,
        half: &'a RouterId,
        exclude: &[RouterId],
    ) -> &'a RouterId {
        let mut at = half;
        for _ in 0..HOPS {
            match known.moves.get(at) {
                Some(way) => at = &way.to,
                None => break,
            }
        }
        let open = self.routers.get(at).is_some_and(Router::open);
        if open && !exclude.contains(at) {
            at
        } else {
            half
        }
    }

    fn place_new(&self, meeting: &MeetingId, exclude: &[RouterId]) -> Result<RouterId, Refusal> {
        let by = |room: Measure| choose(meeting, self.routers.candidates(exclude, room));
        by(Router::room)
            .or_else(|| by(Router::free))
            .cloned()
            .ok_or_else(|| self.no_room())
    }

    /// The meeting's router takes nobody: the whole meeting goes where there is room for it
    /// and for the newcomer, who goes ahead.
    fn overflow(
        &mut self,
        meeting: &MeetingId,
        home: &RouterId,
        exclude: &[RouterId],
        now: Instant,
    ) -> Result<RouterId, Refusal> {
        let known = self.meetings.get(meeting).ok_or(Refusal::NoRouter)?;
        let here = known.at.get(home).copied().unwrap_or(0);
        if here == 0 && !known.arrives_at(home) {
            // Nobody is there yet whom one could move; the first report brings them together.
            return self.place_new(meeting, exclude);
        }
        if known.leaves(home).is_some() || known.arrives_at(home) {
            return Err(self.full());
        }
        let overloaded = self.routers.get(home).filter(|it| it.overloaded());
        if overloaded.is_some_and(|it| it.leaving >= MOVES_PER_ROUTER) {
            // It carries each of them twice already. Those who wait ask again.
            return Err(Refusal::ZoneOverloaded);
        }
        let mut exclude = exclude.to_vec();
        if overloaded.is_some() {
            let fled = known.fled.iter().filter(|(_, until)| now < **until);
            exclude.extend(fled.map(|(router, _)| router.clone()));
        }
        let need = here.saturating_add(1);
        let with_expected = need.saturating_add(known.expected_at(home));
        let overloaded = overloaded.is_some();
        let to = self
            .target(meeting, home, with_expected, &exclude, now)
            .or_else(|| self.target(meeting, home, need, &exclude, now));
        match to {
            Some(to) => {
                self.order(meeting, home, &to, now);
                Ok(to)
            }
            None if overloaded => Err(Refusal::ZoneOverloaded),
            None => {
                self.note_unplaced(home, need, now);
                Err(self.full())
            }
        }
    }

    /// A router that can take `need` participants of a meeting that outgrew `from`: one where
    /// others of it are already, else the one with most room, as it may grow further.
    fn target(
        &self,
        meeting: &MeetingId,
        from: &RouterId,
        need: u32,
        exclude: &[RouterId],
        now: Instant,
    ) -> Option<RouterId> {
        let leaves = (meeting, from, need);
        let by = |room| self.target_by(room, Choice::Roomiest, leaves, exclude, now);
        by(Router::room).or_else(|| by(Router::free))
    }

    /// The same for one that leaves `from` because that is emptied: the router that it fills
    /// most, so that few routers take what leaves one.
    pub(crate) fn refuge(
        &self,
        meeting: &MeetingId,
        from: &RouterId,
        need: u32,
        now: Instant,
    ) -> Option<RouterId> {
        let leaves = (meeting, from, need);
        let by = |room| self.target_by(room, Choice::Snuggest, leaves, &[], now);
        by(Router::room).or_else(|| by(Router::free))
    }

    fn target_by(
        &self,
        room: Measure,
        choice: Choice,
        (meeting, from, need): (&MeetingId, &RouterId, u32),
        exclude: &[RouterId],
        now: Instant,
    ) -> Option<RouterId> {
        let known = self.meetings.get(meeting)?;
        let fits = |router: &RouterId| {
            router != from
                && !exclude.contains(router)
                && !known.avoids(router, now)
                && self.routers.get(router).is_some_and(|it| room(it) >= need)
        };
        let expected = known.expected.values().map(|kept| &kept.router);
        let others = known.halves().into_iter().map(|(half, _)| half);
        if let Some(other) = others.chain(expected).find(|router| fits(router)) {
            return Some(other.clone());
        }
        let candidates = self.routers.candidates(exclude, room);
        let candidates = candidates.filter(|it| fits(it.router));
        match choice {
            Choice::Roomiest => roomiest(meeting, need, candidates),
            Choice::Snuggest => snuggest(meeting, need, candidates),
        }
        .cloned()
    }

    fn full(&self) -> Refusal {
        match self.no_room() {
            Refusal::ZoneFull if self.routers.iter().any(|(_, router)| router.free() > 0) => {
                Refusal::MeetingFull
            }
            other => other,
        }
    }

    fn no_room(&self) -> Refusal {
        let any = |holds: fn(&Router) -> bool| self.routers.iter().any(|(_, it)| holds(it));
        if any(Router::open) {
            Refusal::ZoneFull
        } else if any(Router::overloaded) {
            Refusal::ZoneOverloaded
        } else {
            Refusal::NoRouter
        }
    }
}
