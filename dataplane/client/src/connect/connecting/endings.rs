//! How it ends: with a router, or with what keeps the user out and what to do about it.

use std::time::Instant;

use super::testing::trouble;
use super::{Connecting, State, Then};
use crate::connect::words::{Action, Failure, Fault, Found, Server, Trouble};
use crate::error::JoinError;

/// Controllers that one sentence names.
const CONTROLLERS: usize = 4;

impl Connecting {
    /// Ends with what was wrong.
    pub(super) fn give_up(&mut self, now: Instant) {
        let error = self.verdict(now);
        self.end(Err(error));
    }

    pub(super) fn end(&mut self, result: Result<Box<Found>, JoinError>) {
        self.leave_off();
        self.put_reserve_away();
        self.stop_renewal();
        self.state = State::Ended;
        self.actions.push_back(Action::Done(result));
    }

    /// Ends what goes on, but for what goes on beside it.
    pub(super) fn leave_off(&mut self) {
        self.leave_aside();
        self.leave_agreeing();
        match &mut self.state {
            State::Ended | State::Pausing { .. } => {}
            State::LookingUp(looking) => looking.stop(),
            State::Testing(test) => test.stop(),
            State::Asking(_) => self.cancel_current(),
        }
        self.act();
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
        let troubles = self.current_troubles();
        let of_tunnel = |it: &&Trouble| matches!(it.server, Server::Tunnel(_));
        let (of_tunnels, others): (Vec<_>, Vec<_>) = troubles.iter().partition(of_tunnel);
        let failures: Vec<&Failure> = others.into_iter().map(|it| &it.failure).collect();
        let worst = worst(&failures);
        let (directories, zones) = (&self.setting.directories, &self.places.zones);
        if zones.is_empty() || self.is_looking_up() {
            return JoinError::of_directories(directories, worst.as_ref());
        }
        let mut controllers: Vec<String> = zones
            .iter()
            .flat_map(|it| &it.controllers)
            .cloned()
            .collect();
        let more = controllers.len().saturating_sub(CONTROLLERS);
        controllers.truncate(CONTROLLERS);
        controllers.extend((more > 0).then(|| format!("and {more} more")));
        let tunnels: Vec<&Failure> = of_tunnels.iter().map(|it| &it.failure).collect();
        JoinError::of_zones(&controllers, worst.as_ref(), &tunnels)
    }

    /// Places that were known before are no longer gone to.
    const fn is_looking_up(&self) -> bool {
        matches!(
            self.state,
            State::LookingUp(_)
                | State::Pausing {
                    then: Then::LookUp,
                    ..
                }
        )
    }

    /// What is wrong now, or was in the round before.
    fn current_troubles(&self) -> Vec<Trouble> {
        let mut troubles = self.troubles.clone();
        match &self.state {
            State::LookingUp(looking) => troubles.extend(looking.so_far()),
            State::Testing(test) => {
                let failures = test.so_far();
                troubles.extend(failures.map(|(door, why)| trouble(door, why.clone())));
            }
            State::Asking(asking) => troubles.extend_from_slice(asking.so_far()),
            State::Pausing { .. } | State::Ended => {}
        }
        troubles.extend(self.troubles_of_tunnels());
        troubles
    }
}

/// What tells most. A proxy that is away is only half of it where the straight way failed too:
/// it may be the one of another network, and its name was left in this machine's settings.
fn worst(failures: &[&Failure]) -> Option<Failure> {
    let fault = |failure: &&Failure| failure.fault;
    let worst = failures.iter().copied().max_by_key(fault)?;
    let straight = failures.iter().copied().filter(|it| it.proxy.is_none());
    match straight.max_by_key(fault) {
        Some(straight) if worst.fault == Fault::ProxyAway => Some(Failure {
            reason: format!("{}; and {}", straight.reason, worst.reason),
            ..straight.clone()
        }),
        _ => Some(worst.clone()),
    }
}
