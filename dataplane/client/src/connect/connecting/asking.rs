//! The third step: asking zones for a router, one after the other.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plenum_wire::join::{Offer, Problem, Refusal};

use super::{Connecting, EXCLUDE, QUICK, Setback, State, Then};
use crate::connect::words::{Action, Attempt, Failure, Path};

/// Longest wait that a zone's `Retry-After` is obeyed for: the user waits too.
const RETRY_AFTER: Duration = Duration::from_secs(3);

/// A zone, by a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub zone: usize,
    /// Which of its controllers answered best.
    pub first: Option<usize>,
    pub path: Path,
}

/// One round through the zones.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// All of this round, for the next one.
    round: Vec<Spot>,
    left: VecDeque<Spot>,
    current: Option<(Attempt, Spot)>,
    /// When the silence of a zone that was left a moment ago has lasted long enough.
    quick: Option<Instant>,
    /// For good.
    refused: Option<Problem>,
    /// For now.
    full: Option<(Problem, Option<Duration>)>,
    failures: Vec<Failure>,
}

impl Asking {
    pub fn next_timeout(&self) -> Option<Instant> {
        self.quick
    }

    pub fn is_overdue(&self, now: Instant) -> bool {
        self.quick.is_some_and(|due| due <= now)
    }

    /// Nobody is being asked.
    pub const fn is_idle(&self) -> bool {
        self.current.is_none()
    }

    /// No zone has answered in this round.
    pub const fn is_unheard(&self) -> bool {
        self.refused.is_none() && self.full.is_none()
    }

    /// What was wrong with those that have failed so far.
    pub fn so_far(&self) -> impl Iterator<Item = &Failure> {
        self.failures.iter()
    }

    /// More to ask when the others are through.
    pub fn add(&mut self, spots: &[Spot]) {
        self.round.extend_from_slice(spots);
        self.left.extend(spots);
    }
}

impl Connecting {
    /// Asks these, one after the other.
    pub(super) fn ask(&mut self, spots: Vec<Spot>, quick: Option<Instant>, now: Instant) {
        self.state = State::Asking(Asking {
            left: spots.iter().copied().collect(),
            round: spots,
            quick,
            ..Asking::default()
        });
        self.ask_next(now);
    }

    /// Back to where the participant was, by the way that it came if that is straight.
    pub(super) fn come_back(&mut self, zone: usize, path: Path, now: Instant) {
        self.zones_began = now;
        if path.tunnel.is_some() || self.setting.avoid == Some(path) {
            return self.test(now);
        }
        let spot = Spot {
            zone,
            first: None,
            path,
        };
        self.ask(vec![spot], Some(now + QUICK), now);
    }

    /// The zone is silent that was there a moment ago: perhaps the network is another one.
    pub(super) fn look_around(&mut self, now: Instant) {
        self.cancel_current();
        self.test(now);
    }

    pub(super) fn cancel_current(&mut self) {
        if let State::Asking(asking) = &mut self.state
            && let Some((attempt, _)) = asking.current.take()
        {
            self.actions.push_back(Action::Cancel(attempt));
        }
    }

    pub(super) fn ask_next(&mut self, now: Instant) {
        let State::Asking(asking) = &mut self.state else {
            return;
        };
        let Some(spot) = asking.left.pop_front() else {
            return self.round_over(now);
        };
        let attempt = self.numbers.next();
        asking.current = Some((attempt, spot));
        self.tries += 1;
        self.actions.push_back(Action::Ask {
            attempt,
            zone: spot.zone,
            first: spot.first,
            path: spot.path,
            forgive: now - self.began >= EXCLUDE,
        });
    }

    pub(super) fn handle_answer(
        &mut self,
        attempt: Attempt,
        answer: Result<Box<Offer>, Setback>,
        now: Instant,
    ) {
        let State::Asking(asking) = &mut self.state else {
            return;
        };
        let Some((_, spot)) = asking.current.take_if(|(it, _)| *it == attempt) else {
            return;
        };
        match answer {
            Ok(offer) => return self.found(offer, &spot, now),
            Err(Setback::Refused(problem, after)) => {
                self.refusal = Some(problem.clone());
                if problem.code.passes() {
                    asking.full = Some((problem, after));
                } else {
                    // What the first one says counts: it was the best.
                    asking.refused.get_or_insert(problem);
                }
                self.put_reserve_away();
            }
            Err(Setback::Failed(failure)) => asking.failures.push(failure),
        }
        self.ask_next(now);
    }

    /// Everybody was asked, and nobody had a router.
    pub(super) fn round_over(&mut self, now: Instant) {
        let State::Asking(asking) = &mut self.state else {
            return;
        };
        if asking.is_unheard() && asking.quick.is_some() {
            return self.test(now);
        }
        if asking.is_unheard() && self.call_reserve(now) {
            return;
        }
        let State::Asking(asking) = &mut self.state else {
            return;
        };
        let round = std::mem::take(&mut asking.round);
        if let Some((_, after)) = asking.full.take() {
            let after = after.map(|after| after.min(RETRY_AFTER));
            let wait = self.backoff_after(after);
            return self.pause(wait, Then::Ask(round), now);
        }
        if let Some(problem) = asking.refused.take() {
            return self.refused(problem, now);
        }
        let failures = std::mem::take(&mut asking.failures);
        self.unreachable(failures, round, now);
    }

    /// A refusal for good; but a token that was kept may only be too old.
    fn refused(&mut self, problem: Problem, now: Instant) {
        let about_token = matches!(problem.code, Refusal::TokenRequired | Refusal::Forbidden);
        if about_token && !self.fresh && !self.setting.directories.is_empty() {
            return self.look_up(now);
        }
        self.refusal = Some(problem);
        self.give_up(now);
    }

    /// No controller can be reached by any way.
    pub(super) fn failed_all(&mut self, failures: Vec<Failure>, now: Instant) {
        self.state = State::Asking(Asking {
            failures,
            ..Asking::default()
        });
        self.round_over(now);
    }

    /// Tried again, where that can help; a zone that the user gave without looking around.
    fn unreachable(&mut self, failures: Vec<Failure>, round: Vec<Spot>, now: Instant) {
        let hopeless = failures.iter().any(|failure| !failure.fault.passes());
        self.failures = failures;
        self.refusal = None;
        if hopeless {
            return self.give_up(now);
        }
        let wait = self.backoff_after(None);
        let given = self.setting.directories.is_empty() && self.setting.outs == 1;
        // After a network test that nobody answered there was no round.
        let then = if given && !round.is_empty() {
            Then::Ask(round)
        } else {
            Then::Test
        };
        self.pause(wait, then, now);
    }
}
