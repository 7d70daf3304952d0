//! The lookup: several directories and ways out, one after the other with a head start.
//!
//! The directories are a site's replica and the cloud's own, or two of the same: the first
//! that finds the meeting wins, whichever it is. A refusal counts when no directory before it
//! in the list may still answer, as a replica may not have heard of a new meeting yet.
//!
//! No directory is asked twice at once: each lookup counts against those who guess passcodes,
//! and knocks at the door of a waiting room. Where several ways may lead to a directory, it is
//! first found out which of them does, and asked by that one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plenum_wire::directory::{Denial, DirectoryProblem};

use super::places::Places;
use super::words::{Attempt, Failure, Numbers, Out, Server, Trouble, Unanswered};

/// Head start of the one asked before: RFC 8305 section 5.
const HEAD_START: Duration = Duration::from_millis(250);

/// Nobody waits for longer than that, and no clock has to know a time that is further away.
const LONGEST: Duration = Duration::from_hours(24);

/// One to be asked: its place in the list, and the way out.
pub type Asked = (usize, Out);

#[derive(Debug)]
enum State {
    Idle,
    /// Is it there?
    Reaching(Attempt),
    /// It is; and is asked when it has not spoken by another way.
    Reached,
    Running(Attempt),
    Denied(DirectoryProblem, Option<Duration>),
    Failed(Failure),
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// Found, by this way out.
    Found(Places, Asked),
    /// Refused by this one.
    Denied(DirectoryProblem, Option<Duration>, Asked),
    /// Nobody could be asked.
    Failed(Vec<Trouble>),
}

/// What the caller is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Find out whether it can be reached.
    Reach(Attempt, Asked),
    /// Ask.
    Ask(Attempt, Asked),
    /// No answer is needed.
    Cancel(Attempt),
}

/// One lookup.
#[derive(Debug)]
pub struct Looking {
    tries: Vec<(Asked, State)>,
    next: Option<Instant>,
    steps: VecDeque<Step>,
}

impl Looking {
    /// Starts to ask in this order.
    pub fn new(order: Vec<Asked>, numbers: &mut Numbers, now: Instant) -> Self {
        let tries = order.into_iter().map(|asked| (asked, State::Idle));
        let mut looking = Self {
            tries: tries.collect(),
            next: None,
            steps: VecDeque::new(),
        };
        looking.try_next(numbers, now);
        looking
    }

    /// A directory can be reached, or cannot. The outcome, once it is clear.
    pub fn handle_reached(
        &mut self,
        attempt: Attempt,
        reached: Result<(), Failure>,
        numbers: &mut Numbers,
        now: Instant,
    ) -> Option<Outcome> {
        let reaching = |state: &State| matches!(state, State::Reaching(it) if *it == attempt);
        let (asked, state) = self.tries.iter_mut().find(|(_, state)| reaching(state))?;
        let place = asked.0;
        match reached {
            Ok(()) => *state = State::Reached,
            Err(failure) => *state = State::Failed(failure),
        }
        self.ask_reached(place, numbers);
        self.go_on(numbers, now)
    }

    /// Somebody answered. The outcome, once it is clear.
    pub fn handle(
        &mut self,
        attempt: Attempt,
        answer: Result<Places, Unanswered>,
        numbers: &mut Numbers,
        now: Instant,
    ) -> Option<Outcome> {
        let running = |state: &State| matches!(state, State::Running(it) if *it == attempt);
        let (asked, state) = self.tries.iter_mut().find(|(_, state)| running(state))?;
        let asked = *asked;
        match answer {
            // Another one may know more of them.
            Ok(places) if places.zones.is_empty() => *state = State::Denied(no_zone(), None),
            Ok(places) => {
                *state = State::Idle;
                self.stop();
                return Some(Outcome::Found(places, asked));
            }
            Err(Unanswered::Denied(problem, after)) => {
                *state = State::Denied(problem, after.map(|after| after.min(LONGEST)));
            }
            Err(Unanswered::Failed(failure)) => {
                *state = State::Failed(failure);
                self.ask_reached(asked.0, numbers);
            }
        }
        self.go_on(numbers, now)
    }

    /// The next one is tried when it is due.
    pub fn handle_timeout(&mut self, numbers: &mut Numbers, now: Instant) {
        if self.next.is_some_and(|due| due <= now) {
            self.try_next(numbers, now);
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// When [`Looking::handle_timeout`] has something to do.
    pub const fn next_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// No answer is needed any more.
    pub fn stop(&mut self) {
        self.next = None;
        for (_, state) in &self.tries {
            if let State::Reaching(attempt) | State::Running(attempt) = state {
                self.steps.push_back(Step::Cancel(*attempt));
            }
        }
    }

    /// What was wrong with those that have failed so far.
    pub fn so_far(&self) -> impl Iterator<Item = Trouble> {
        self.tries.iter().filter_map(|(asked, state)| match state {
            State::Failed(failure) => Some(Trouble {
                server: Server::Directory(asked.0),
                failure: failure.clone(),
            }),
            _ => None,
        })
    }

    /// The end, or the next one: what has spoken is waited for no longer.
    fn go_on(&mut self, numbers: &mut Numbers, now: Instant) -> Option<Outcome> {
        if let Some(outcome) = self.conclude() {
            self.stop();
            return Some(outcome);
        }
        let reached = |state: &State| matches!(state, State::Reached | State::Running(_));
        // One that was just reached is asked now, and keeps its head start.
        if !self.tries.iter().any(|(_, state)| reached(state)) {
            self.try_next(numbers, now);
        }
        None
    }

    fn try_next(&mut self, numbers: &mut Numbers, now: Instant) {
        let open: Vec<usize> = (0..self.tries.len())
            .filter(|&index| {
                let ((place, _), state) = &self.tries[index];
                matches!(state, State::Idle) && !self.has_denied(*place)
            })
            .collect();
        let Some(&index) = open.first() else {
            self.next = None;
            return;
        };
        let attempt = numbers.next();
        let asked = self.tries[index].0;
        let (state, step) = if self.ways_to(asked.0) > 1 {
            (State::Reaching(attempt), Step::Reach(attempt, asked))
        } else {
            (State::Running(attempt), Step::Ask(attempt, asked))
        };
        self.tries[index].1 = state;
        self.steps.push_back(step);
        self.next = (open.len() > 1).then(|| now + HEAD_START);
    }

    /// A directory that can be reached is asked, unless it is already, or has spoken.
    fn ask_reached(&mut self, place: usize, numbers: &mut Numbers) {
        let asked = |state: &State| matches!(state, State::Running(_) | State::Denied(..));
        let mut of = self.tries.iter().filter(|((it, _), _)| *it == place);
        if of.any(|(_, state)| asked(state)) {
            return;
        }
        let ready = |((it, _), state): &&mut (Asked, State)| {
            *it == place && matches!(state, State::Reached)
        };
        if let Some((asked, state)) = self.tries.iter_mut().find(ready) {
            let attempt = numbers.next();
            *state = State::Running(attempt);
            self.steps.push_back(Step::Ask(attempt, *asked));
        }
    }

    fn ways_to(&self, place: usize) -> usize {
        let of = self.tries.iter().filter(|((it, _), _)| *it == place);
        of.count()
    }

    /// It has answered by one way, and would say the same by another.
    fn has_denied(&self, place: usize) -> bool {
        let mut of = self.tries.iter().filter(|((it, _), _)| *it == place);
        of.any(|(_, state)| matches!(state, State::Denied(..)))
    }

    /// A refusal that nobody before it can contradict, or what is left when all have spoken.
    fn conclude(&self) -> Option<Outcome> {
        let spoken = |((place, _), state): &(Asked, State)| {
            matches!(state, State::Denied(..) | State::Failed(_)) || self.has_denied(*place)
        };
        let refusals = self.tries.iter().filter_map(|(asked, state)| match state {
            State::Denied(problem, after) => Some((asked, problem, after)),
            _ => None,
        });
        let told = |(asked, problem, after): (&Asked, &DirectoryProblem, &Option<Duration>)| {
            Outcome::Denied(problem.clone(), *after, *asked)
        };
        let firm = refusals.clone().find(|(asked, problem, _)| {
            let mut before = self.tries.iter().filter(|((place, _), _)| *place < asked.0);
            is_about_the_meeting(problem.code) && before.all(spoken)
        });
        if let Some(firm) = firm {
            return Some(told(firm));
        }
        if !self.tries.iter().all(spoken) {
            return None;
        }
        let any = refusals.min_by_key(|(_, problem, _)| !is_about_the_meeting(problem.code));
        Some(any.map_or_else(|| Outcome::Failed(self.so_far().collect()), told))
    }
}

/// What a directory should have said instead of naming no zone.
fn no_zone() -> DirectoryProblem {
    DirectoryProblem::new(Denial::NoZone, "The directory named none.")
}

/// Whether a refusal is about the meeting, and not about how this directory fares.
const fn is_about_the_meeting(code: Denial) -> bool {
    !matches!(
        code,
        Denial::NoZone | Denial::Unavailable | Denial::ReadOnly | Denial::TooManyRequests
    )
}
