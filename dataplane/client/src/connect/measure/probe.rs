//! One door that is pinged.

use std::time::{Duration, Instant};

use super::Door;
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
    pub state: State,
}

impl Probe {
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
