//! A zone of which nothing has been heard, asked beside the others while those stay full.
//!
//! It may be slow and have room, or be silent, which takes 3 s to show: whoever is full may have
//! room long before that, and is asked as often as if nobody else were. So is the zone that was
//! left a moment ago and has not answered yet while others are looked at. One at a time; the first
//! offer counts.

use std::time::Instant;

use plenum_wire::join::Offer;

use super::asking::{meets, troubles};
use super::in_vain::lacks_routers;
use super::round::{Asking, Spot};
use super::{Connecting, State, Then};
use crate::connect::words::{Action, Setback};

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

    pub(super) fn handle_aside(
        &mut self,
        spot: Spot,
        answer: Result<Box<Offer>, Setback>,
        now: Instant,
    ) {
        let round = match &mut self.state {
            State::Asking(round) => Some(round),
            State::Pausing {
                then: Then::Ask(round),
                ..
            } => Some(&mut **round),
            _ => None,
        };
        match answer {
            Ok(offer) => self.found(offer, &spot, now),
            Err(Setback::Refused(problem, after)) => {
                if problem.code.passes() {
                    self.closed.close(spot.zone, after, now);
                    if let Some(round) = round {
                        round.include(spot);
                    }
                    let stays = !lacks_routers(problem.code);
                    self.refusal = Some(problem);
                    if stays && meets(&self.places, self.home)(spot.zone) {
                        self.stay_with(spot, now);
                    }
                }
            }
            Err(Setback::Failed(failures)) => {
                let troubles = troubles(&self.places, &spot, failures);
                if let Some(round) = round {
                    round.know(&troubles);
                }
            }
        }
    }

    /// The meeting is there: nobody else is looked for, or asked.
    fn stay_with(&mut self, spot: Spot, now: Instant) {
        if let State::LookingUp(_)
        | State::Pausing {
            then: Then::LookUp, ..
        } = self.state
        {
            // Whom the directories name next is asked.
            return;
        }
        self.leave_test(now);
        self.cancel_current();
        self.put_reserve_away();
        let mut round = Asking::nobody(Vec::new());
        round.full = true;
        round.include(spot);
        round.stay_where(meets(&self.places, self.home), spot);
        self.ask_round(round, now);
    }

    /// All begins anew, or has an end.
    pub(super) fn leave_aside(&mut self) {
        let left = self.aside.take();
        let cancelled = left.map(|(attempt, _)| Action::Cancel(attempt));
        self.actions.extend(cancelled);
    }
}
