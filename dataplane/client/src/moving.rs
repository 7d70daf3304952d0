//! Which routers a participant is on: joining, moving with the meeting, coming back.
//!
//! Pure: [`Moving::handle`] takes what happened and the time, [`Moving::poll`] gives what is
//! to be done. A leg is one router with all its connections; the caller opens and closes
//! them and says when one is complete: let in, every media connection bound, every track
//! acknowledged.
//!
//! ```text
//! Asking -> Opening -> Steady <-> Moving (two legs: make before break)
//!    ^         ^          |          |
//!    |         |          +----------+-> Returning (the network changed: ask, and make before
//!    |         +--------------------------- break if what is there still works)
//!    +---------+----------+----------+   the last leg died: ask the zone again
//! ```
//!
//! Guarantees: never more than two legs; the old leg of a move is given up only when the old
//! router releases it, or dies; every `MoveStarted` is followed by one `MoveEnded`; nothing
//! follows `Ended`.

mod asking;
mod returning;
mod words;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plenum_wire::control::{ErrorCode, FromClient};
use plenum_wire::join::Offer;
use plenum_wire::{MeetingId, ParticipantId, RouterId};

use crate::backoff::Backoff;
use crate::error::JoinError;
pub use words::{Cause, Ending, Input, LegId, News, Output};

/// How long a leg may take to be complete. The old router of a move gives up after 10 s.
const OPEN_WITHIN: Duration = Duration::from_secs(8);

#[derive(Debug)]
struct Leg {
    id: LegId,
    offer: Box<Offer>,
    complete: bool,
}

#[derive(Debug)]
enum State {
    Asking,
    /// The first leg, or the one after the last died.
    Opening {
        leg: Leg,
        give_up: Instant,
    },
    Steady(Leg),
    /// `give_up` only until the new leg is complete.
    Moving {
        old: Leg,
        new: Leg,
        give_up: Instant,
    },
    /// The network changed: the old leg may still carry something, until the new one is let in.
    Returning {
        old: Leg,
        /// And when it is given up; `None` while the zone is asked.
        new: Option<(Leg, Instant)>,
    },
    Ended,
}

/// The state machine of one participant.
#[derive(Debug)]
pub struct Moving {
    state: State,
    joined: bool,
    next_leg: u32,
    deadline: Instant,
    /// How long this join, or this return, may take where nobody has to be waited for.
    within: Duration,
    backoff: Backoff,
    /// The last offer: proves who comes back.
    last: Option<(ParticipantId, String)>,
    avoid: Vec<(RouterId, Instant)>,
    /// Why the router tried last did not work. A zone asked for another says that it is full
    /// when it has no other, and that is not what keeps the user out.
    unusable: Option<JoinError>,
    outputs: VecDeque<Output>,
}

impl Moving {
    /// Starts by asking the zone. The first join is given up at `deadline`; `seed` spreads
    /// the waits of many participants.
    #[must_use]
    pub fn new(now: Instant, deadline: Instant, seed: u64) -> Self {
        let mut moving = Self {
            state: State::Asking,
            joined: false,
            next_leg: 0,
            deadline,
            within: deadline.saturating_duration_since(now),
            backoff: Backoff::new(seed),
            last: None,
            avoid: Vec::new(),
            unusable: None,
            outputs: VecDeque::new(),
        };
        moving.ask(now);
        moving
    }

    /// Takes what happened.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match (std::mem::replace(&mut self.state, State::Ended), input) {
            (State::Ended, _) => {}
            (state, Input::Leave) => self.leave(&state),
            (State::Asking, Input::Answer(Ok(offer))) => {
                self.last = Some((offer.participant.clone(), offer.ticket.clone()));
                let leg = self.open(offer, None);
                let give_up = now + OPEN_WITHIN;
                // Who waited for a host has no time left, and may still need a second router.
                if now >= self.deadline {
                    self.deadline = give_up;
                }
                self.state = State::Opening { leg, give_up };
            }
            (State::Asking, Input::Answer(Err(error))) => {
                let ending = self.ending_of(error);
                self.end(ending);
            }
            (State::Returning { old, new: None }, Input::Answer(Ok(offer))) => {
                self.state = self.return_by(old, offer, now);
            }
            (State::Returning { old, new: None }, Input::Answer(Err(_))) => {
                self.state = self.stay_on(old);
            }
            (
                State::Returning {
                    old,
                    new: Some((new, give_up)),
                },
                Input::Welcomed(leg),
            ) if leg == new.id => {
                self.state = self.let_in(&old, new, give_up);
            }
            (state, Input::NetworkChanged { waits }) => {
                self.state = self.leave_network(state, waits, now);
            }
            (state, Input::Complete(leg)) => self.state = self.completed(state, leg),
            (state, Input::Died(leg, cause)) => self.died(state, leg, &cause, now),
            (State::Steady(old), Input::Migrate(leg, offer)) if leg == old.id => {
                self.state = self.start_move(old, offer, now);
            }
            (State::Moving { old, new, .. }, Input::Migrate(leg, offer))
                if leg == old.id && offer.router != new.offer.router =>
            {
                self.abandon(&old, &new);
                self.state = self.start_move(old, offer, now);
            }
            (State::Moving { old, new, .. }, Input::Release(leg, to))
                if leg == old.id && to == new.offer.router && new.complete =>
            {
                self.close(old.id, true);
                self.arrived(&new);
                self.state = State::Steady(new);
            }
            (State::Moving { old, new, .. }, Input::Stay(leg, to))
                if leg == old.id && to == new.offer.router =>
            {
                self.abandon(&old, &new);
                self.state = State::Steady(old);
            }
            (state, _) => self.state = state,
        }
    }

    /// Gives up a leg that takes too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        let late = match &self.state {
            State::Opening { leg, give_up } if *give_up <= now => leg.id,
            State::Moving { new, give_up, .. } if *give_up <= now && !new.complete => new.id,
            State::Returning {
                new: Some((new, give_up)),
                ..
            } if *give_up <= now => new.id,
            _ => return,
        };
        let cause = Cause::Broke("the router took too long".to_owned());
        self.handle(Input::Died(late, cause), now);
    }

    /// When [`Moving::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Opening { give_up, .. }
            | State::Returning {
                new: Some((_, give_up)),
                ..
            } => Some(*give_up),
            State::Moving { new, give_up, .. } if !new.complete => Some(*give_up),
            _ => None,
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The router that the participant is on, or is coming from.
    #[must_use]
    pub fn router(&self) -> Option<&RouterId> {
        match &self.state {
            State::Opening { leg, .. }
            | State::Steady(leg)
            | State::Moving { old: leg, .. }
            | State::Returning { old: leg, .. } => Some(&leg.offer.router),
            State::Asking | State::Ended => None,
        }
    }

    fn completed(&mut self, state: State, id: LegId) -> State {
        match state {
            State::Opening { mut leg, .. } if leg.id == id => {
                leg.complete = true;
                self.unusable = None;
                self.backoff.reset();
                let router = leg.offer.router.clone();
                let news = if self.joined {
                    News::Reconnected { router }
                } else {
                    let participant = leg.offer.participant.clone();
                    News::Joined {
                        participant,
                        router,
                    }
                };
                self.joined = true;
                self.outputs.push_back(Output::Tell(news));
                State::Steady(leg)
            }
            State::Moving {
                old,
                mut new,
                give_up,
            } if new.id == id => {
                if !new.complete {
                    let to = new.offer.router.clone();
                    self.say(&old, FromClient::Moved { to });
                }
                new.complete = true;
                State::Moving { old, new, give_up }
            }
            other => other,
        }
    }

    fn died(&mut self, state: State, id: LegId, cause: &Cause, now: Instant) {
        if let Cause::Said(ErrorCode::Replaced, _) = cause
            && !expects_replacing(&state, id)
        {
            self.close_all(&state, false);
            return self.end(Ending::Replaced);
        }
        if let Cause::Said(ErrorCode::MeetingEnded, _) = cause {
            self.close_all(&state, false);
            return self.end(Ending::MeetingEnded);
        }
        match state {
            State::Opening { leg, .. } | State::Steady(leg) if leg.id == id => {
                self.close(id, false);
                self.come_back(&leg, cause, now);
            }
            State::Moving { old, new, give_up } if old.id == id => {
                self.close(id, false);
                self.avoid(&old.offer.router, now);
                if new.complete {
                    self.arrived(&new);
                    self.state = State::Steady(new);
                } else {
                    self.ended_move(false, &old.offer.router);
                    self.lost(cause, now);
                    self.state = State::Opening { leg: new, give_up };
                }
            }
            State::Moving { old, new, .. } if new.id == id => {
                self.fail_move(&old, &new, &cause.to_string());
                self.state = State::Steady(old);
            }
            State::Returning { old, new } => {
                self.state = self.died_returning(old, new, id, now);
            }
            other => self.state = other,
        }
    }

    fn open(&mut self, offer: Box<Offer>, moved_from: Option<RouterId>) -> Leg {
        let id = LegId(self.next_leg);
        self.next_leg += 1;
        self.outputs.push_back(Output::Open {
            leg: id,
            offer: offer.clone(),
            moved_from,
        });
        Leg {
            id,
            offer,
            complete: false,
        }
    }

    fn start_move(&mut self, old: Leg, offer: Box<Offer>, now: Instant) -> State {
        if !same_seat(&old.offer, &offer) {
            let to = offer.router.clone();
            let reason = "the offer is not for another router of the same meeting".to_owned();
            self.say(&old, FromClient::MoveFailed { to, reason });
            return State::Steady(old);
        }
        self.tell(News::MoveStarted {
            to: offer.router.clone(),
        });
        self.last = Some((offer.participant.clone(), offer.ticket.clone()));
        let new = self.open(offer, Some(old.offer.router.clone()));
        State::Moving {
            old,
            new,
            give_up: now + OPEN_WITHIN,
        }
    }

    fn fail_move(&mut self, old: &Leg, new: &Leg, reason: &str) {
        let to = new.offer.router.clone();
        let reason = reason.to_owned();
        self.say(old, FromClient::MoveFailed { to, reason });
        self.abandon(old, new);
    }

    fn abandon(&mut self, old: &Leg, new: &Leg) {
        self.close(new.id, true);
        self.ended_move(false, &old.offer.router);
    }

    fn arrived(&mut self, new: &Leg) {
        self.ended_move(true, &new.offer.router);
    }

    fn ended_move(&mut self, ok: bool, router: &RouterId) {
        let router = router.clone();
        self.tell(News::MoveEnded { ok, router });
    }

    fn leave(&mut self, state: &State) {
        self.close_all(state, true);
        self.end(Ending::Left);
    }

    fn close_all(&mut self, state: &State, bye: bool) {
        match state {
            State::Opening { leg, .. } | State::Steady(leg) => self.close(leg.id, bye),
            State::Moving { old, new, .. } => {
                self.close(old.id, bye);
                self.close(new.id, bye);
            }
            State::Returning { old, new } => {
                self.close(old.id, bye);
                if let Some((new, _)) = new {
                    self.close(new.id, bye);
                }
            }
            State::Asking | State::Ended => {}
        }
    }

    fn end(&mut self, ending: Ending) {
        self.tell(News::Ended(ending));
        self.state = State::Ended;
    }

    fn say(&mut self, leg: &Leg, message: FromClient) {
        self.outputs.push_back(Output::Say(leg.id, message));
    }

    fn close(&mut self, leg: LegId, bye: bool) {
        self.outputs.push_back(Output::Close { leg, bye });
    }

    fn tell(&mut self, news: News) {
        self.outputs.push_back(Output::Tell(news));
    }
}

/// Whether it is ourselves that replace us there.
fn expects_replacing(state: &State, id: LegId) -> bool {
    match state {
        State::Moving { old, new, .. } => [old.id, new.id].contains(&id),
        State::Returning { old, new } => old.id == id && new.is_some(),
        _ => false,
    }
}

/// Whether a move leads to another router but the same place in the same meeting.
fn same_seat(old: &Offer, new: &Offer) -> bool {
    let seat = |offer: &Offer| -> (MeetingId, ParticipantId) {
        (offer.meeting.clone(), offer.participant.clone())
    };
    seat(old) == seat(new) && old.router != new.router
}

#[cfg(test)]
mod tests;
