//! Coming back after a change of the network: the router works, and so perhaps does what QUIC
//! took along, so the old leg stays until the new one is let in. Usually that is on the same
//! router, which then no longer knows the old one.

use std::time::Instant;

use plenum_wire::join::Offer;

use super::{Cause, Leg, LegId, Moving, News, OPEN_WITHIN, State};

const REASON: &str = "the network changed";

impl Moving {
    /// Connections over TCP lead nowhere any more, and questions have no answer.
    pub(super) fn leave_network(&mut self, state: State, waits: bool, now: Instant) -> State {
        // It was not the routers that failed.
        self.avoid.clear();
        // The time that others took was not the time of this join, or of this return.
        if waits {
            self.deadline = self.deadline.max(now + self.within);
        }
        match state {
            State::Asking => {
                self.ask(now);
                State::Asking
            }
            State::Opening { leg, .. } => {
                self.close(leg.id, false);
                self.ask(now);
                State::Asking
            }
            State::Steady(old) => self.set_out(old, now),
            State::Moving { old, new, .. } if new.complete => {
                self.close(old.id, true);
                self.arrived(&new);
                self.set_out(new, now)
            }
            State::Moving { old, new, .. } => {
                self.fail_move(&old, &new, REASON);
                self.set_out(old, now)
            }
            State::Returning { old, new } => {
                if let Some((new, _)) = new {
                    self.close(new.id, false);
                }
                self.ask(now);
                State::Returning { old, new: None }
            }
            State::Ended => State::Ended,
        }
    }

    fn set_out(&mut self, old: Leg, now: Instant) -> State {
        self.lost(&Cause::Broke(REASON.to_owned()), now);
        self.ask(now);
        State::Returning { old, new: None }
    }

    /// The zone has a router for us.
    pub(super) fn return_by(&mut self, old: Leg, offer: Box<Offer>, now: Instant) -> State {
        self.last = Some((offer.participant.clone(), offer.ticket.clone()));
        let new = Some((self.open(offer, None), now + OPEN_WITHIN));
        State::Returning { old, new }
    }

    /// It has none, but the old leg is still there: it was not so bad.
    pub(super) fn stay_on(&mut self, old: Leg) -> State {
        self.backoff.reset();
        let router = old.offer.router.clone();
        self.tell(News::Reconnected { router });
        State::Steady(old)
    }

    /// The new leg is let in. On the same router the old one has ended with that.
    pub(super) fn let_in(&mut self, old: &Leg, new: Leg, give_up: Instant) -> State {
        let elsewhere = old.offer.router != new.offer.router;
        self.close(old.id, elsewhere);
        State::Opening { leg: new, give_up }
    }

    /// One of the two legs died.
    pub(super) fn died_returning(
        &mut self,
        old: Leg,
        new: Option<(Leg, Instant)>,
        id: LegId,
        now: Instant,
    ) -> State {
        match new {
            new if id == old.id => {
                self.close(id, false);
                new.map_or(State::Asking, |(leg, give_up)| State::Opening {
                    leg,
                    give_up,
                })
            }
            Some((new, _)) if id == new.id => {
                self.close(id, false);
                if new.offer.router != old.offer.router {
                    self.avoid(&new.offer.router, now);
                }
                self.ask(now);
                State::Returning { old, new: None }
            }
            new => State::Returning { old, new },
        }
    }
}
