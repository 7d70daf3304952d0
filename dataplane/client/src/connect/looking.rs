//! The lookup: several directories and ways out, one after the other with a head start.
//!
//! The directories are a site's replica and the cloud's own, or two of the same: the first
//! that finds the meeting wins, whichever it is. A refusal counts when no directory before it
//! in the list may still answer, as a replica may not have heard of a new meeting yet.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plenum_wire::directory::{Denial, DirectoryProblem};

use super::words::{Attempt, Failure, Numbers, Out, Places, Unanswered};

/// Head start of the one asked before: RFC 8305 section 5. Each lookup counts against those
/// who guess passcodes, so two are not asked at once.
const HEAD_START: Duration = Duration::from_millis(250);

/// One to be asked: its place in the list, and the way out.
pub type Asked = (usize, Out);

#[derive(Debug)]
enum State {
    Idle,
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
    Failed(Vec<Failure>),
}

/// What the caller is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
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
        looking.ask_next(numbers, now);
        looking
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
        match answer {
            Ok(places) => {
                let asked = *asked;
                *state = State::Idle;
                self.stop();
                return Some(Outcome::Found(places, asked));
            }
            Err(Unanswered::Denied(problem, after)) => *state = State::Denied(problem, after),
            Err(Unanswered::Failed(failure)) => *state = State::Failed(failure),
        }
        if let Some(outcome) = self.conclude() {
            self.stop();
            return Some(outcome);
        }
        self.ask_next(numbers, now);
        None
    }

    /// The next one is asked when it is due.
    pub fn handle_timeout(&mut self, numbers: &mut Numbers, now: Instant) {
        if self.next.is_some_and(|due| due <= now) {
            self.ask_next(numbers, now);
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
            if let State::Running(attempt) = state {
                self.steps.push_back(Step::Cancel(*attempt));
            }
        }
    }

    /// What was wrong with those that have failed so far.
    pub fn so_far(&self) -> impl Iterator<Item = &Failure> {
        self.tries.iter().filter_map(|(_, state)| match state {
            State::Failed(failure) => Some(failure),
            _ => None,
        })
    }

    fn ask_next(&mut self, numbers: &mut Numbers, now: Instant) {
        let mut idle = self.tries.iter_mut();
        let next = idle.find(|(_, state)| matches!(state, State::Idle));
        let Some((asked, state)) = next else {
            self.next = None;
            return;
        };
        let attempt = numbers.next();
        *state = State::Running(attempt);
        self.steps.push_back(Step::Ask(attempt, *asked));
        let more = idle.any(|(_, state)| matches!(state, State::Idle));
        self.next = more.then(|| now + HEAD_START);
    }

    /// A refusal that nobody before it can contradict, or what is left when all have spoken.
    fn conclude(&self) -> Option<Outcome> {
        let spoken = |state: &State| matches!(state, State::Denied(..) | State::Failed(_));
        let refusals = self.tries.iter().filter_map(|(asked, state)| match state {
            State::Denied(problem, after) => Some((asked, problem, after)),
            _ => None,
        });
        let told = |(asked, problem, after): (&Asked, &DirectoryProblem, &Option<Duration>)| {
            Outcome::Denied(problem.clone(), *after, *asked)
        };
        let firm = refusals.clone().find(|(asked, problem, _)| {
            let before = self.tries.iter().filter(|((place, _), _)| *place < asked.0);
            is_about_the_meeting(problem.code) && before.clone().all(|(_, state)| spoken(state))
        });
        if let Some(firm) = firm {
            return Some(told(firm));
        }
        if !self.tries.iter().all(|(_, state)| spoken(state)) {
            return None;
        }
        let failures = self.so_far().cloned().collect();
        let any = refusals.min_by_key(|(_, problem, _)| !is_about_the_meeting(problem.code));
        Some(any.map_or(Outcome::Failed(failures), told))
    }
}

/// Whether a refusal is about the meeting, and not about how this directory fares.
const fn is_about_the_meeting(code: Denial) -> bool {
    !matches!(
        code,
        Denial::NoZone | Denial::Unavailable | Denial::ReadOnly | Denial::TooManyRequests
    )
}
