//! Whether there are other places by now: those of an earlier answer may be gone.
//!
//! Who comes back knows where the meeting was, and asks no directory while that leads anywhere.
//! When nothing there answers, the directories are asked, beside what goes on there: they may be
//! away too, and the places be right all the same. What they name is taken as soon as nobody
//! there has anything to say. Who has to wait for a host hears it at once, and is patient from
//! the time on in which nobody there has come back: the ticket opens the door without a host.

use std::time::{Duration, Instant};

use plenum_wire::directory::DirectoryProblem;

use super::{Connecting, State, Then};
use crate::connect::looking::{Asked, Looking, Outcome};
use crate::connect::measure::DECIDE_WITHIN;
use crate::connect::places::Places;
use crate::connect::words::Trouble;

/// When an answer of this time is old enough to ask for another: a zone that has just died is
/// named for a while.
const OLD: Duration = Duration::from_secs(5);
/// Between two times that other places are asked for at least.
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) enum Renewal {
    /// There is nobody to ask, or only what has been said for good.
    None,
    /// The directories may be asked from then on.
    From(Instant, Vain),
    Asking(Looking),
    /// These are the places now.
    Answered(Places, Asked),
}

/// What came of the last time that other places were asked for.
#[derive(Debug)]
pub(super) enum Vain {
    /// They were not yet.
    Untried,
    /// A directory has none for the moment.
    Later,
    /// No directory could be asked.
    Failed(Vec<Trouble>),
}

impl Renewal {
    /// With places of this time.
    pub fn of_answer(now: Instant) -> Self {
        Self::From(now + OLD, Vain::Untried)
    }

    /// With places that are kept from before.
    pub fn of_kept(now: Instant) -> Self {
        Self::From(now, Vain::Untried)
    }

    /// What was wrong with the directories.
    pub fn troubles(&self) -> &[Trouble] {
        match self {
            Self::From(_, Vain::Failed(troubles)) => troubles,
            _ => &[],
        }
    }
}

impl Connecting {
    /// Whether a directory may name other places, of which nothing is known: then nothing that
    /// is wrong with these is the end.
    pub(super) fn may_learn(&self) -> bool {
        match &self.renewal {
            Renewal::From(_, Vain::Untried) => !self.fresh,
            Renewal::From(_, Vain::Later) | Renewal::Asking(_) | Renewal::Answered(..) => true,
            // Those are judged with the rest.
            Renewal::From(_, Vain::Failed(_)) | Renewal::None => false,
        }
    }

    /// When there is something to do.
    pub(super) fn renewal_timeout(&self) -> Option<Instant> {
        match &self.renewal {
            Renewal::Asking(looking) => looking.next_timeout(),
            // Silence is waited for as long as tunnels wait for it.
            Renewal::From(from, _) => {
                let since = self.silent_since()?;
                Some((since + DECIDE_WITHIN).max(*from))
            }
            Renewal::None | Renewal::Answered(..) => None,
        }
    }

    /// Since when nobody answers, if nobody does; tunnels are not heard of either.
    fn silent_since(&self) -> Option<Instant> {
        match &self.state {
            State::Testing(test) => (!test.is_answered(None)).then(|| test.began()),
            State::Asking(asking) => asking.is_idle().then_some(self.silence),
            State::LookingUp(_) | State::Pausing { .. } | State::Ended => None,
        }
    }

    /// Nobody can be reached, or nobody answers.
    pub(super) fn renew(&mut self, now: Instant) {
        if matches!(self.renewal, Renewal::From(from, _) if from <= now) {
            let looking = Looking::new(self.informants(), &mut self.numbers, now);
            self.renewal = Renewal::Asking(looking);
            self.act();
        }
    }

    /// What is due.
    pub(super) fn look_at_renewal(&mut self, now: Instant) {
        if self.renewal_timeout().is_none_or(|due| due > now) {
            return;
        }
        match &mut self.renewal {
            Renewal::Asking(looking) => looking.handle_timeout(&mut self.numbers, now),
            _ => self.renew(now),
        }
    }

    /// What the directories say.
    pub(super) fn renewed(&mut self, outcome: Outcome, now: Instant) {
        self.renewal = match outcome {
            Outcome::Found(places, asked) => {
                self.wait_is_over(now);
                Renewal::Answered(places, asked)
            }
            Outcome::Denied(problem, after, asked) => {
                self.informant = Some(asked);
                self.denied_beside(problem, after, now)
            }
            Outcome::Failed(troubles) => Renewal::From(now + AGAIN, Vain::Failed(troubles)),
        };
        if matches!(self.state, State::Pausing { .. }) || self.silent_since().is_some() {
            self.move_on(now);
        }
    }

    /// A directory says no while the zone may only be starting again: the ticket opens its door
    /// all the same, if there is somebody behind it.
    fn denied_beside(
        &mut self,
        problem: DirectoryProblem,
        after: Option<Duration>,
        now: Instant,
    ) -> Renewal {
        if !self.is_worth_waiting(problem.code) {
            self.denial = Some(problem);
            self.told = None;
            return Renewal::None;
        }
        let wait = match self.wait_for(&problem, after) {
            Some(wait) => {
                self.denial = Some(problem);
                wait
            }
            None => after.unwrap_or_default(),
        };
        Renewal::From(now + wait.max(AGAIN), Vain::Later)
    }

    /// The time to join is up. Who has been told to wait for somebody goes on with that alone, as
    /// in a first join.
    pub(super) fn time_is_up(&mut self, now: Instant) {
        let patience_ends = self.began + self.setting.patience;
        if self.told.is_none() || self.deadline >= patience_ends {
            return self.give_up(now);
        }
        // Where the old places lead is not waited for any longer.
        self.refusal = None;
        self.troubles.clear();
        self.be_patient();
        self.leave_off();
        self.put_reserve_away();
        match std::mem::replace(&mut self.renewal, Renewal::None) {
            Renewal::Asking(looking) => self.state = State::LookingUp(looking),
            Renewal::From(from, _) => {
                self.pause(from.saturating_duration_since(now), Then::LookUp, now);
            }
            Renewal::None | Renewal::Answered(..) => self.pause(AGAIN, Then::LookUp, now),
        }
    }

    /// Goes on with the places that a directory has named since, if there are others among them.
    pub(super) fn move_on(&mut self, now: Instant) -> bool {
        match std::mem::replace(&mut self.renewal, Renewal::None) {
            // Then what goes on goes on, such as taking a tunnel.
            Renewal::Answered(places, asked) if self.places.name_all_of(&places) => {
                self.informant = Some(asked);
                self.places.token = places.token;
                self.places.expires = places.expires;
                self.places.nowhere = places.nowhere;
                self.fresh = true;
                self.renewal = Renewal::of_answer(now);
                false
            }
            Renewal::Answered(places, asked) => {
                self.leave_test(now);
                self.take_up(places, asked, now);
                true
            }
            other => {
                self.renewal = other;
                false
            }
        }
    }

    /// No other places are needed.
    pub(super) fn stop_renewal(&mut self) {
        if let Renewal::Asking(looking) = &mut self.renewal {
            looking.stop();
        }
        self.act();
        self.renewal = Renewal::None;
    }
}
