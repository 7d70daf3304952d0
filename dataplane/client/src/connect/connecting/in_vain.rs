//! A round in which nobody had a router, and what is done about it.
//!
//! What passes is waited for. A zone that was left a moment ago is asked alone for that moment,
//! and once more when that is over, however long it would have others wait; then it is one among
//! others, and with what directories name by then: who was in a meeting is not kept out by a zone
//! that is full or no longer knows it, while another has room. Where it is the meeting that is
//! full, nobody goes to a zone where it is not. What one refuses for good is no end while another
//! that may have been full before has only failed: that one is looked for once more. That the meeting
//! was ended is the end for who was in it, at once and whoever says it.

use std::time::Instant;

use plenum_wire::join::{Problem, Refusal};

use super::renewing::{Renewal, Vain};
use super::round::Asking;
use super::testing::SHOWN;
use super::{Connecting, QUICK, State, Then};
use crate::connect::words::Trouble;

impl Connecting {
    /// Somebody has no room for the moment.
    pub(super) fn wait_for_room(&mut self, mut asking: Asking, now: Instant) {
        let backed_off = now + self.backoff.wait();
        let soonest = self
            .closed
            .opens()
            .map_or(backed_off, |at| at.max(backed_off));
        let next = asking.next_round(soonest);
        let goes_on = asking.may_go_on(next);
        if !(asking.is_at_home() && next < self.zones_began + QUICK) {
            if self.move_on(now) {
                return;
            }
            self.renew(now);
        }
        if !asking.so_far().is_empty() {
            self.no_longer_avoid();
        }
        let then = if goes_on || self.choices() == 1 {
            if !goes_on {
                asking.leave_home();
            }
            self.ask_aside(&mut asking, now);
            Then::Ask(Box::new(asking.once_more()))
        } else {
            if asking.is_at_home()
                && let Some(home) = self.home
            {
                // It is asked once more before it is left.
                self.closed.open_zone(home);
            }
            Then::Test
        };
        self.pause(next.saturating_duration_since(now), then, now);
    }

    /// Somebody could not be reached by another way: it was not the one way that was to blame, or
    /// not that alone.
    const fn no_longer_avoid(&mut self) {
        self.avoid = None;
    }

    /// Whether somebody comes back to a meeting that is over. Of who joins with a token that was kept
    /// it may have begun again.
    pub(super) fn was_in_one_that_ended(&self, problem: &Problem) -> bool {
        self.setting.back.is_some() && problem.code == Refusal::MeetingEnded
    }

    /// A refusal for good; but what is kept from before may be too old: the token, and where the
    /// meeting is.
    pub(super) fn refused(&mut self, at_home: bool, now: Instant) {
        let says = |code| self.refusal.as_ref().is_some_and(|it| it.code == code);
        let elsewhere = self.places.zones.len() > 1;
        if at_home && elsewhere && says(Refusal::UnknownMeeting) {
            self.renew(now);
            return self.test(now);
        }
        let as_before = self.fresh || self.setting.directories.is_empty();
        // What is wrong with the question itself no directory mends.
        if as_before || says(Refusal::BadRequest) {
            return self.give_up(now);
        }
        match std::mem::replace(&mut self.renewal, Renewal::None) {
            Renewal::Answered(places, asked) => self.take_up(places, asked, now),
            Renewal::Asking(looking) => self.state = State::LookingUp(looking),
            Renewal::From(from, Vain::Later) => {
                self.pause(from.saturating_duration_since(now), Then::LookUp, now);
            }
            Renewal::From(..) => self.look_up(now),
            Renewal::None => {
                // It has been asked, and says more than a zone that waits for its word.
                if self.denial.is_some() {
                    self.refusal = None;
                }
                self.give_up(now);
            }
        }
    }

    /// No controller can be reached by any way.
    pub(super) fn failed_all(&mut self, troubles: Vec<Trouble>, now: Instant) {
        // Nor whoever has spoken meanwhile.
        self.late = None;
        self.state = State::Asking(Asking::nobody(troubles));
        self.round_over(now);
    }

    /// Tried again, where that can help; a zone that the user gave without looking around.
    pub(super) fn unreachable(&mut self, mut round: Asking, now: Instant) {
        let mut troubles = round.take_troubles();
        troubles.append(&mut self.tunnels_wrong);
        let directories = self.renewal.troubles().iter().cloned();
        let all: Vec<Trouble> = troubles.iter().cloned().chain(directories).collect();
        let hopeless = self.is_hopeless(&all, now)
            && !self.may_learn()
            && self.turns.are_over()
            && self.aside.is_none();
        self.troubles = troubles;
        // What is refused for good is told if nobody has anything better to say in the end.
        if !round.is_refused() {
            self.refusal = None;
        }
        if hopeless {
            return self.give_up(now);
        }
        self.holds = SHOWN;
        self.no_longer_avoid();
        if self.move_on(now) {
            return;
        }
        self.renew(now);
        let wait = self.wait_after_round();
        // After a network test that nobody answered there was no round.
        let then = match round.anew().filter(|_| self.has_no_choice()) {
            Some(round) => Then::Ask(Box::new(round)),
            None => Then::Test,
        };
        self.pause(wait, then, now);
    }
}

/// Whether it is the zone that is full. Where it is the meeting, or there are too many requests,
/// the others of the meeting are there all the same, and nobody is in another zone.
pub(super) const fn lacks_routers(code: Refusal) -> bool {
    matches!(
        code,
        Refusal::ZoneFull | Refusal::ZoneOverloaded | Refusal::NoRouter
    )
}
