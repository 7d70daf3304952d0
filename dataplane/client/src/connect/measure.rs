//! The network test: pings of all doors of all candidates at once, until the choice is clear.
//!
//! A candidate is a zone with its controllers, or a tunnel. Each door is tried by the first
//! way out; by the others [`HEDGE`] later, or at once when the first way has failed, for
//! candidates of which nothing has been heard. Bounded: [`PINGED`](budget::PINGED) doors by each way, more where
//! none of them answers as long as there are bytes left to spend, and the caller decides at
//! [`DECIDE_WITHIN`] with what is known then.

mod budget;
mod plan;
mod probe;
mod results;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::words::{Attempt, Failure, Numbers, Out};
pub use budget::LOOKS;
#[cfg(test)]
pub use budget::{BUDGET, PINGED};
pub use plan::{Plan, Subject};
use probe::{Probe, State};

/// When the choice is made with what has answered by then: the whole test is to take less
/// than a second.
pub const DECIDE_WITHIN: Duration = Duration::from_millis(900);
/// When the other ways out are tried too.
const HEDGE: Duration = Duration::from_millis(150);
/// How long the way straight ahead is waited for when another one has answered: three round
/// trips over 100 ms. Behind a proxy media has only TLS.
const STRAIGHT: Duration = Duration::from_millis(300);
/// How often it is looked whether those that are silent have been so for too long to win.
const LOOK: Duration = Duration::from_millis(10);

/// A door of a candidate, by a way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Door {
    /// By which way out.
    pub out: Out,
    /// Which candidate.
    pub subject: usize,
    /// Which of its doors.
    pub door: usize,
}

/// What the caller is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ping this.
    Ping(Attempt, Door),
    /// Once more, on the same connection.
    Again(Attempt, Door),
    /// Enough.
    Cancel(Attempt),
}

/// One test.
#[derive(Debug)]
pub struct Test {
    subjects: Vec<Subject>,
    /// Candidates and doors, in the order in which they are pinged.
    order: Vec<(usize, usize)>,
    /// As in [`Plan`]: these come after the others.
    tried: BTreeSet<Door>,
    outs: Vec<Out>,
    probes: Vec<Probe>,
    /// When the other ways out are tried; `None` once they are.
    hedge: Option<Instant>,
    began: Instant,
    /// When the choice is made with what there is; `None` once that has passed.
    decide: Option<Instant>,
    looked: Instant,
    steps: VecDeque<Step>,
}

impl Test {
    /// Starts with every door by the first way, or by all of them. `numbers` names the pings.
    pub fn new(plan: Plan, numbers: &mut Numbers, now: Instant) -> Self {
        let order = plan.order();
        let Plan {
            subjects,
            outs,
            at_once,
            tried,
        } = plan;
        let mut test = Self {
            subjects,
            order,
            tried,
            hedge: (outs.len() > 1).then(|| now + HEDGE),
            outs,
            probes: Vec::new(),
            began: now,
            decide: Some(now + DECIDE_WITHIN),
            looked: now,
            steps: VecDeque::new(),
        };
        let all: Vec<usize> = (0..test.subjects.len()).collect();
        if let Some(&out) = test.outs.first() {
            test.ping(&all, out, numbers, now);
        }
        if at_once {
            test.ping_otherwise(&all, numbers, now);
            test.hedge = None;
        }
        test
    }

    /// What was pinged answered.
    pub fn handle_pong(&mut self, attempt: Attempt, took: Duration) {
        if let Some(probe) = self.find(attempt) {
            probe.pong(took);
        }
    }

    /// What was pinged cannot be reached.
    pub fn handle_failed(
        &mut self,
        attempt: Attempt,
        failure: Failure,
        numbers: &mut Numbers,
        now: Instant,
    ) {
        if let Some(probe) = self.find(attempt) {
            probe.fail(failure);
        }
        if self.hedge.is_some() {
            let lost: Vec<usize> = (0..self.subjects.len())
                .filter(|&subject| self.has_failed(subject))
                .collect();
            self.ping_otherwise(&lost, numbers, now);
        }
        let failed = |probe: &Probe| matches!(probe.state, State::Failed(_));
        if self.probes.iter().all(failed) {
            self.look_further(numbers, now);
        }
    }

    /// It is still undecided: whoever answered is asked again. Not before that is known, or
    /// the connection that the next question goes by would be busy with one more ping.
    pub fn go_on(&mut self) {
        let again = self.probes.iter_mut().filter_map(|probe| {
            let again = Step::Again(probe.attempt, probe.door);
            probe.again().then_some(again)
        });
        self.steps.extend(again);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, numbers: &mut Numbers, now: Instant) {
        self.looked = now;
        let late = self.decide.take_if(|due| *due <= now).is_some();
        if self.hedge.take_if(|due| *due <= now).is_some() {
            let unheard: Vec<usize> = (0..self.subjects.len())
                .filter(|&subject| !self.has_answered(subject))
                .collect();
            self.ping_otherwise(&unheard, numbers, now);
        }
        if late && !self.is_answered(None) {
            self.look_further(numbers, now);
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// When to look again, as long as it is undecided.
    pub fn next_timeout(&self) -> Option<Instant> {
        let answered = self.decide.is_some() && self.is_answered(None);
        let look = answered.then_some(self.looked + LOOK);
        self.hedge.into_iter().chain(self.decide).chain(look).min()
    }

    /// The meeting is in these of the candidates.
    pub fn host(&mut self, hosts: impl Fn(usize) -> bool) {
        for (index, subject) in self.subjects.iter_mut().enumerate() {
            subject.hosts |= hosts(index);
        }
    }

    /// Ends every ping that is on its way.
    pub fn stop(&mut self) {
        let running = self.probes.iter().filter(|probe| probe.in_flight);
        let cancelled = running.map(|probe| Step::Cancel(probe.attempt));
        self.steps.extend(cancelled);
    }

    /// Whether this is a ping of this test.
    pub fn has(&self, attempt: Attempt) -> bool {
        self.probes.iter().any(|probe| probe.attempt == attempt)
    }

    /// What has been tried in vain by now. A way by which that is everything begins anew.
    pub fn tried(&self) -> BTreeSet<Door> {
        let mut tried = self.tried.clone();
        tried.extend(self.probes.iter().map(|probe| probe.door));
        for &out in &self.outs {
            if self.doors(out).all(|door| tried.contains(&door)) {
                tried.retain(|door| door.out != out);
            }
        }
        tried
    }

    fn doors(&self, out: Out) -> impl Iterator<Item = Door> {
        let order = self.order.iter();
        order.map(move |&(subject, door)| Door { out, subject, door })
    }

    /// Since when.
    pub const fn began(&self) -> Instant {
        self.began
    }

    /// `Some` once every candidate without an answer has been tried by every way out.
    fn started_everything(&self) -> Option<()> {
        let last = self.outs.last()?;
        let tried = |subject: usize| {
            let mut probes = self.probes.iter();
            self.has_answered(subject)
                || probes.any(|probe| probe.door.subject == subject && probe.door.out == *last)
        };
        (0..self.subjects.len()).all(tried).then_some(())
    }

    fn of(&self, subject: usize) -> impl Iterator<Item = &Probe> {
        let probes = self.probes.iter();
        probes.filter(move |probe| probe.door.subject == subject)
    }

    fn has_answered(&self, subject: usize) -> bool {
        self.of(subject)
            .any(|probe| matches!(probe.state, State::Answered { .. }))
    }

    /// Whether there is nothing left to hope for by the ways that were tried.
    fn has_failed(&self, subject: usize) -> bool {
        self.of(subject)
            .all(|probe| matches!(probe.state, State::Failed(_)))
    }

    fn find(&mut self, attempt: Attempt) -> Option<&mut Probe> {
        let mut probes = self.probes.iter_mut();
        probes.find(|probe| probe.attempt == attempt)
    }

    fn ping_otherwise(&mut self, subjects: &[usize], numbers: &mut Numbers, now: Instant) {
        for out in self.outs.clone().into_iter().skip(1) {
            self.ping(subjects, out, numbers, now);
        }
        if self.started_everything().is_some() {
            self.hedge = None;
        }
    }

    /// The best ones may all be behind the same firewall, and the only one on this side of it far
    /// down the list. Those that refuse have cost next to nothing; those that are silent may only
    /// be slow, and cost their part yet.
    fn look_further(&mut self, numbers: &mut Numbers, now: Instant) {
        let all: Vec<usize> = (0..self.subjects.len()).collect();
        for out in self.outs.clone() {
            self.ping(&all, out, numbers, now);
        }
    }

    /// Each way has a limit of its own, or the first would leave nothing for the others.
    fn ping(&mut self, subjects: &[usize], out: Out, numbers: &mut Numbers, now: Instant) {
        let mut doors: Vec<Door> = self.doors(out).collect();
        doors.sort_by_key(|door| self.tried.contains(door));
        for door in doors {
            let known = self.of(door.subject).any(|probe| probe.door == door);
            if known || !subjects.contains(&door.subject) || !self.has_room(out) {
                continue;
            }
            let attempt = numbers.next();
            self.probes.push(Probe {
                attempt,
                door,
                began: now,
                in_flight: true,
                state: State::Running,
            });
            self.steps.push_back(Step::Ping(attempt, door));
        }
    }
}
