//! The first step: where the meeting may be joined.

use std::time::{Duration, Instant};

use plenum_wire::directory::{Denial, DirectoryProblem};

use super::hope::Doubt;
use super::renewing::Renewal;
use super::turns::Turns;
use super::{Connecting, State, Then};
use crate::connect::looking::{Asked, Looking, Outcome};
use crate::connect::places::Places;
use crate::connect::words::{Action, Attempt, Failure, News, Numbers, Out, Unanswered};

/// How soon somebody in a waiting room asks again at the least, at the most, and if the
/// directory does not say.
const WAITING: (Duration, Duration, Duration) = (
    Duration::from_secs(1),
    Duration::from_secs(30),
    Duration::from_secs(2),
);

impl Connecting {
    pub(super) fn look_up(&mut self, now: Instant) {
        self.stop_renewal();
        let order = self.informants();
        self.state = State::LookingUp(Looking::new(order, &mut self.numbers, now));
    }

    /// Who is asked, in this order.
    pub(super) fn informants(&self) -> Vec<Asked> {
        let directories = 0..self.setting.directories.len();
        let outs = self.setting.outs;
        let all = directories.flat_map(|place| (0..outs).map(move |out| (place, Out(out))));
        let mut order: Vec<Asked> = all.collect();
        // Who answered before, and knows who waits, is asked first.
        order.sort_by_key(|asked| Some(*asked) != self.informant);
        order
    }

    pub(super) fn handle_lookup(
        &mut self,
        attempt: Attempt,
        answer: Result<Places, Unanswered>,
        now: Instant,
    ) {
        if self.is_agreeing(attempt) {
            return self.agreed(answer, now);
        }
        let Some((looking, numbers)) = self.looking() else {
            return;
        };
        let outcome = looking.handle(attempt, answer, numbers, now);
        self.looked_up(outcome, now);
    }

    pub(super) fn handle_reached(
        &mut self,
        attempt: Attempt,
        reached: Result<(), Failure>,
        now: Instant,
    ) {
        let Some((looking, numbers)) = self.looking() else {
            return;
        };
        let outcome = looking.handle_reached(attempt, reached, numbers, now);
        self.looked_up(outcome, now);
    }

    /// The lookup that is going on: nothing else does, or it is beside the rest.
    const fn looking(&mut self) -> Option<(&mut Looking, &mut Numbers)> {
        match (&mut self.state, &mut self.renewal) {
            (State::LookingUp(looking), _) | (_, Renewal::Asking(looking)) => {
                Some((looking, &mut self.numbers))
            }
            _ => None,
        }
    }

    fn looked_up(&mut self, outcome: Option<Outcome>, now: Instant) {
        self.act();
        let Some(outcome) = outcome else {
            return;
        };
        if !matches!(self.state, State::LookingUp(_)) {
            return self.renewed(outcome, now);
        }
        match outcome {
            Outcome::Found(places, asked) => {
                self.wait_is_over(now);
                self.take_up(places, asked, now);
            }
            Outcome::Denied(problem, after, asked) => {
                self.informant = Some(asked);
                self.denied(&problem, after, now);
            }
            Outcome::Failed(troubles) => {
                let hopeless = self.is_hopeless(&troubles, now);
                self.troubles = troubles;
                self.denial = None;
                if hopeless {
                    return self.give_up(now);
                }
                let wait = self.wait_after_round();
                self.pause(wait, Then::LookUp, now);
            }
        }
    }

    /// Goes on with an answer.
    pub(super) fn take_up(&mut self, places: Places, asked: Asked, now: Instant) {
        self.put_reserve_away();
        self.informant = Some(asked);
        self.know(places);
        self.fresh = true;
        self.renewal = Renewal::of_answer(now);
        self.denial = None;
        self.steps.lookup = Some(now - self.began);
        self.enter(now);
    }

    /// Another answer than before: what was remembered by its place in the old one is looked for
    /// in this.
    fn know(&mut self, places: Places) {
        self.doubt = Doubt::default();
        // What was wrong with others says nothing of these.
        self.troubles.clear();
        self.turns = Turns::default();
        self.closed.forget();
        self.late = None;
        let before = std::mem::replace(&mut self.places, places);
        let home = self.home.and_then(|zone| before.zones.get(zone));
        self.home = home.and_then(|zone| self.places.find(zone));
        let avoid = self.avoid;
        self.avoid = avoid.and_then(|path| self.places.follow(path, &before));
    }

    fn denied(&mut self, problem: &DirectoryProblem, after: Option<Duration>, now: Instant) {
        // It was said after whatever a zone has.
        self.refusal = None;
        self.denial = Some(problem.clone());
        if !self.is_worth_waiting(problem.code) {
            return self.give_up(now);
        }
        let wait = match self.wait_for(problem, after) {
            Some(wait) => {
                self.be_patient();
                wait
            }
            None => self.backoff_after(after),
        };
        self.pause(wait, Then::LookUp, now);
    }

    /// Whether the same question may have another answer soon enough.
    pub(super) const fn is_worth_waiting(&self, code: Denial) -> bool {
        let for_somebody = matches!(code, Denial::WaitingForHost | Denial::NotYet);
        code.passes() && !(for_somebody && self.setting.patience.is_zero())
    }

    /// Tells the user if somebody else decides how long it takes, and then says after how long to
    /// ask again.
    pub(super) fn wait_for(
        &mut self,
        problem: &DirectoryProblem,
        after: Option<Duration>,
    ) -> Option<Duration> {
        let (least, most, usual) = WAITING;
        match problem.code {
            Denial::WaitingForHost => {
                self.admission = problem.waiting.clone().or(self.admission.take());
                self.tell(News::WaitingForHost);
                Some(after.unwrap_or(usual).clamp(least, most))
            }
            Denial::NotYet => {
                self.tell(News::NotYet);
                Some(after.unwrap_or(most).max(least))
            }
            _ => None,
        }
    }

    fn tell(&mut self, news: News) {
        if self.told.replace(news) != Some(news) {
            self.actions.push_back(Action::Tell(news));
        }
    }

    /// The time that others take is not the time that joining takes.
    pub(super) fn be_patient(&mut self) {
        self.deadline = self.deadline.max(self.began + self.setting.patience);
    }

    /// A directory has named places: the way from here takes as long as it would have without
    /// the wait.
    pub(super) fn wait_is_over(&mut self, now: Instant) {
        self.denial = None;
        if self.told.take().is_some() {
            let longest = self.setting.patience + self.setting.within;
            let deadline = now + self.setting.within;
            self.deadline = deadline.min(self.began + longest);
        }
    }
}
