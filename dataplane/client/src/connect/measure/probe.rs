//! One door that is pinged.

use std::time::{Duration, Instant};

use super::Door;
use crate::connect::SAMPLES;
use crate::connect::choice::Trial;
use crate::connect::words::{Attempt, Failure};

#[derive(Debug)]
pub(super) enum State {
    Running,
    Answered {
        first: Duration,
        samples: Vec<Duration>,
        done: bool,
    },
    Failed(Failure),
}

#[derive(Debug)]
pub(super) struct Probe {
    pub attempt: Attempt,
    pub door: Door,
    pub began: Instant,
    /// A request is on its way.
    pub in_flight: bool,
    pub state: State,
}

impl Probe {
    /// An answer came: the first connects and is not counted, the others are samples.
    pub fn pong(&mut self, took: Duration) {
        self.in_flight = false;
        match &mut self.state {
            State::Running => {
                self.state = State::Answered {
                    first: took,
                    samples: Vec::new(),
                    done: false,
                };
            }
            State::Answered {
                samples,
                done: done @ false,
                ..
            } => {
                samples.push(took);
                *done = samples.len() >= SAMPLES;
            }
            State::Answered { .. } | State::Failed(_) => {}
        }
    }

    /// There is no answer. One that answered before has told enough.
    pub fn fail(&mut self, failure: Failure) {
        self.in_flight = false;
        match &mut self.state {
            State::Answered { done, .. } => *done = true,
            state => *state = State::Failed(failure),
        }
    }

    /// Asks once more, if it has answered and not often enough. `false` if it need not.
    pub fn again(&mut self) -> bool {
        let wanted = matches!(self.state, State::Answered { done: false, .. });
        let again = wanted && !self.in_flight;
        self.in_flight |= again;
        again
    }

    /// As the choice sees it.
    pub fn trial(&self, now: Instant) -> Trial {
        match &self.state {
            State::Running => Trial::Silent(now.saturating_duration_since(self.began)),
            State::Answered {
                first,
                samples,
                done,
            } => Trial::Answered {
                first: *first,
                samples: samples.clone(),
                done: *done,
            },
            State::Failed(_) => Trial::Failed,
        }
    }
}
