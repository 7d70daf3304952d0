//! How it ends: with a router, or with what keeps the user out and what to do about it.

use std::time::Instant;

use super::{Connecting, State};
use crate::connect::words::{Action, Failure, Found};
use crate::error::JoinError;

impl Connecting {
    /// Ends with what was wrong.
    pub(super) fn give_up(&mut self, now: Instant) {
        let error = self.verdict(now);
        self.end(Err(error));
    }

    pub(super) fn end(&mut self, result: Result<Box<Found>, JoinError>) {
        match &mut self.state {
            State::Ended | State::Pausing { .. } => {}
            State::LookingUp(looking) => looking.stop(),
            State::Testing(test) => test.stop(),
            State::Asking(_) => self.cancel_current(),
        }
        self.put_reserve_away();
        self.state = State::Ended;
        self.actions.push_back(Action::Done(result));
    }

    /// What somebody said comes before what nobody did.
    fn verdict(&self, now: Instant) -> JoinError {
        let meeting = &self.setting.meeting;
        if let Some(problem) = &self.refusal {
            let waited = now.saturating_duration_since(self.began);
            return JoinError::refused(meeting, problem.clone(), self.tries, waited);
        }
        if let Some(problem) = &self.denial {
            let meeting = meeting.clone();
            return JoinError::Denied {
                meeting,
                problem: problem.clone(),
            };
        }
        let worst = self.current_failures().max_by_key(|failure| failure.fault);
        let (directories, zones) = (&self.setting.directories, &self.places.zones);
        if zones.is_empty() {
            return JoinError::of_directories(directories, worst);
        }
        let controllers = zones.iter().flat_map(|zone| &zone.controllers);
        JoinError::of_zones(controllers, worst)
    }

    /// What is wrong now, or was in the round before.
    fn current_failures(&self) -> Box<dyn Iterator<Item = &Failure> + '_> {
        let before = self.failures.iter();
        match &self.state {
            State::LookingUp(looking) => Box::new(before.chain(looking.so_far())),
            State::Testing(test) => Box::new(before.chain(test.so_far())),
            State::Asking(asking) => Box::new(before.chain(asking.so_far())),
            State::Pausing { .. } | State::Ended => Box::new(before),
        }
    }
}
