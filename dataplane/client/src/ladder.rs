//! Which rung carries one kind of media: a race with head starts, then a better one.
//!
//! Pure: `handle_*` take what happened and the time, [`Ladder::poll`] gives what is to be
//! done, [`Ladder::next_timeout`] when to look again. The caller dials and sends.
//!
//! Guarantees: at most one rung is carrying; it is given up only when it is lost, or after the
//! router has bound a better one, or any other where it went dead; with [`RungPolicy::Only`] no other rung is ever dialled. A rung that
//! opens and then stalls costs [`STALLED`], not the whole join.

mod step;
mod words;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plenum_wire::Rung;

use step::{State, Step, UPGRADE_EVERY};
pub use words::{Action, Lesson, RungPolicy};

/// After how long a rung starts when the better ones have not answered: 250 ms is the
/// connection attempt delay that RFC 8305 section 5 recommends.
const HEAD_START: Duration = Duration::from_millis(250);
/// How long the router may take to bind what is open before the next open rung is tried too:
/// two knocks were lost, or their answers.
const STALLED: Duration = Duration::from_millis(400);
/// How long an open connection may take to be bound by the router.
const BIND_WITHIN: Duration = Duration::from_secs(3);
/// Knocks until bound, because a datagram may be lost.
const KNOCK_UNBOUND: Duration = Duration::from_millis(200);
/// Knocks that keep a bound connection bound.
const KNOCK_BOUND: Duration = Duration::from_secs(1);
/// How long the next race waits after one in which every rung failed.
const RACE_AGAIN: Duration = Duration::from_secs(1);
/// How long a rung that was replaced stays open for packets on their way.
const LINGER: Duration = Duration::from_millis(500);

/// The rungs of one kind of media on one router.
#[derive(Debug)]
pub struct Ladder {
    steps: Vec<Step>,
    /// Knocks are allowed: the router knows the flow ids only once it has seen the ticket.
    welcome: bool,
    knock_at: Instant,
    /// Nothing comes back over what carries.
    silent: bool,
    /// Known not to get through here: they have no head start.
    blocked: Vec<Rung>,
    lessons: Vec<Lesson>,
    actions: VecDeque<Action>,
}

impl Ladder {
    /// Starts the race, without head starts for what is `blocked`.
    #[must_use]
    pub fn new(policy: RungPolicy, blocked: &[Rung], now: Instant) -> Self {
        let steps = policy.rungs().iter().map(|&rung| Step {
            rung,
            state: State::Resting,
            failed: false,
            deaths: 0,
        });
        let mut ladder = Self {
            steps: steps.collect(),
            welcome: false,
            knock_at: now,
            silent: false,
            blocked: blocked.to_vec(),
            lessons: Vec::new(),
            actions: VecDeque::new(),
        };
        ladder.race(now);
        ladder.handle_timeout(now);
        ladder
    }

    /// The rung that the router bound, if any.
    #[must_use]
    pub fn carrying(&self) -> Option<Rung> {
        self.find(|state| state == State::Bound)
    }

    /// The router has let the participant in.
    pub fn handle_welcome(&mut self, now: Instant) {
        self.welcome = true;
        self.court(now);
    }

    /// A dial succeeded.
    pub fn handle_opened(&mut self, rung: Rung, now: Instant) {
        if self.state(rung) != Some(State::Dialling) {
            self.actions.push_back(Action::Close(rung));
            return;
        }
        self.set(rung, State::Open { since: None });
        self.court(now);
    }

    /// A dial failed.
    pub fn handle_failed(&mut self, rung: Rung, now: Instant) {
        if self.state(rung) == Some(State::Dialling) {
            self.fail(rung, now);
        }
    }

    /// What has been learnt about the network since this was last asked.
    pub fn take_lessons(&mut self) -> Vec<Lesson> {
        std::mem::take(&mut self.lessons)
    }

    /// An open connection ended without our asking.
    pub fn handle_lost(&mut self, rung: Rung, now: Instant) {
        match self.state(rung) {
            Some(State::Bound) => {
                self.silent = false;
                self.set(rung, State::Resting);
                self.race(now);
                self.handle_timeout(now);
                self.court(now);
            }
            Some(State::Open { .. }) => self.fail(rung, now),
            Some(State::Lingering { .. }) => self.set(rung, State::Resting),
            _ => {}
        }
    }

    /// Nothing comes back over an open connection. If it carries, the worse rungs are started,
    /// and it is left for the first of them that the router binds.
    pub fn handle_silent(&mut self, rung: Rung, now: Instant) {
        if self.state(rung) != Some(State::Bound) {
            return;
        }
        self.silent = true;
        let mut at = now;
        for step in self.steps.iter_mut().filter(|step| step.rung > rung) {
            if matches!(step.state, State::Resting | State::Waiting { .. }) {
                step.state = State::Waiting { at };
                at += HEAD_START;
            }
        }
        self.handle_timeout(now);
    }

    /// Something comes again: the worse rungs are not needed.
    pub fn handle_heard(&mut self, rung: Rung) {
        if self.state(rung) != Some(State::Bound) || !std::mem::take(&mut self.silent) {
            return;
        }
        for step in self.steps.iter_mut().filter(|step| step.rung > rung) {
            if matches!(step.state, State::Dialling | State::Open { .. }) {
                self.actions.push_back(Action::Close(step.rung));
            }
            if !matches!(step.state, State::Lingering { .. }) {
                step.state = State::Resting;
            }
        }
    }

    /// The router said that this rung now carries.
    pub fn handle_bound(&mut self, rung: Rung, now: Instant) {
        if !matches!(self.state(rung), Some(State::Open { .. })) {
            return;
        }
        self.silent = false;
        for step in &mut self.steps {
            step.failed = false;
            if step.state == State::Bound && step.rung < rung {
                step.deaths += 1;
                self.lessons.push(Lesson::Blocked(step.rung));
            }
            step.state = match step.state {
                _ if step.rung == rung => State::Bound,
                State::Bound => State::Lingering {
                    until: now + LINGER,
                },
                State::Dialling | State::Open { .. } if step.rung > rung => {
                    self.actions.push_back(Action::Close(step.rung));
                    State::Resting
                }
                State::Waiting { .. } if step.rung > rung => State::Resting,
                State::Resting if step.rung < rung => step.later(now),
                other => other,
            };
        }
        self.blocked.retain(|blocked| *blocked != rung);
        self.lessons.push(Lesson::Works(rung));
        self.knock_at = now + KNOCK_BOUND;
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        for index in 0..self.steps.len() {
            let step = &self.steps[index];
            let (rung, state, later) = (step.rung, step.state, step.later(now));
            match state {
                State::Waiting { at } if at <= now => {
                    self.set(rung, State::Dialling);
                    self.actions.push_back(Action::Dial(rung));
                }
                State::Open { since: Some(since) } if since + BIND_WITHIN <= now => {
                    self.actions.push_back(Action::Close(rung));
                    self.fail(rung, now);
                }
                State::Lingering { until } if until <= now => {
                    let idle = match self.carrying() {
                        None => State::Waiting { at: now },
                        // Left because it went dead.
                        Some(carrying) if rung < carrying => later,
                        Some(_) => State::Resting,
                    };
                    self.set(rung, idle);
                    self.actions.push_back(Action::Close(rung));
                }
                _ => {}
            }
        }
        self.court(now);
        self.knock(now);
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Ladder::handle_timeout`] has something to do next.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let steps = self.steps.iter().filter_map(|step| match step.state {
            State::Waiting { at } => Some(at),
            State::Open { since: Some(since) } => Some(since + BIND_WITHIN),
            State::Lingering { until } => Some(until),
            _ => None,
        });
        let knock = self.pace().map(|_| self.knock_at);
        steps.chain(knock).min()
    }

    /// Every rung from the best down, each a head start after the one before.
    fn race(&mut self, now: Instant) {
        let mut at = now;
        for step in &mut self.steps {
            step.failed = false;
            if matches!(step.state, State::Resting | State::Waiting { .. }) {
                step.state = State::Waiting { at };
            }
            if !self.blocked.contains(&step.rung) {
                at += HEAD_START;
            }
        }
    }

    fn fail(&mut self, rung: Rung, now: Instant) {
        let again = now + UPGRADE_EVERY;
        for step in self.steps.iter_mut().filter(|step| step.rung == rung) {
            step.failed = true;
            step.state = State::Waiting { at: again };
        }
        if let Some(carrying) = self.carrying() {
            if rung < carrying {
                self.lessons.push(Lesson::Blocked(rung));
            }
            return;
        }
        if self.steps.iter().all(|step| step.failed) {
            self.actions.push_back(Action::Exhausted);
            self.race(now + RACE_AGAIN);
            return;
        }
        self.hurry();
        self.court(now);
    }

    /// A head start is for one that may still win: with none on its way the next goes at once.
    fn hurry(&mut self) {
        let on_its_way = |state| matches!(state, State::Dialling | State::Open { .. });
        if self.find(on_its_way).is_some() {
            return;
        }
        let idle = |state| matches!(state, State::Waiting { .. } | State::Resting);
        let mut idle = self.steps.iter_mut().filter(|step| idle(step.state));
        if let Some(next) = idle.find(|step| !step.failed) {
            next.state = State::Dialling;
            self.actions.push_back(Action::Dial(next.rung));
        }
    }

    /// Knocks at once on the best open rung, if that is better than what carries; and on the
    /// next one too when that one has stalled.
    fn court(&mut self, now: Instant) {
        let carrying = self.carrying();
        let stalled = |since: Instant| now >= since + STALLED;
        let best = self.find(|state| match state {
            State::Open { since: Some(since) } => !stalled(since),
            State::Open { since: None } => true,
            _ => false,
        });
        let wanted = |best| carrying.is_none_or(|rung| best < rung || self.silent);
        let Some(best) = best.filter(|&best| wanted(best)) else {
            return;
        };
        if self.welcome && self.state(best) == Some(State::Open { since: None }) {
            self.set(best, State::Open { since: Some(now) });
            self.knock_at = now;
            self.knock(now);
        }
    }

    /// On everything that wants to carry, and otherwise on what does.
    fn knock(&mut self, now: Instant) {
        let Some(every) = self.pace().filter(|_| self.knock_at <= now) else {
            return;
        };
        let courted = self.steps.iter().filter(|step| step.state.is_courted());
        let mut knocked: Vec<Rung> = courted.map(|step| step.rung).collect();
        if knocked.is_empty() {
            knocked.extend(self.carrying());
        }
        self.actions.extend(knocked.into_iter().map(Action::Knock));
        self.knock_at = now + every;
    }

    /// How often somebody is knocked on.
    fn pace(&self) -> Option<Duration> {
        let courted = self.find(State::is_courted).map(|_| KNOCK_UNBOUND);
        courted.or_else(|| self.carrying().map(|_| KNOCK_BOUND))
    }

    /// The best rung in such a state.
    fn find(&self, wanted: impl Fn(State) -> bool) -> Option<Rung> {
        let step = self.steps.iter().find(|step| wanted(step.state))?;
        Some(step.rung)
    }

    fn state(&self, rung: Rung) -> Option<State> {
        let step = self.steps.iter().find(|step| step.rung == rung)?;
        Some(step.state)
    }

    fn set(&mut self, rung: Rung, state: State) {
        for step in self.steps.iter_mut().filter(|step| step.rung == rung) {
            step.state = state;
        }
    }
}

#[cfg(test)]
mod tests;
