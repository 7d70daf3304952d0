//! What a test has shown so far, and what that decides.

use std::time::Instant;

use super::probe::{Probe, State};
use super::{DECIDE_WITHIN, Door, STRAIGHT, Test};
use crate::connect::choice::{self, Candidate};
use crate::connect::words::{Failure, Out};

impl Test {
    /// The doors to knock at, the best candidate's first: as soon as nothing can change the
    /// winner, or the time is up and somebody has answered.
    pub fn verdict(&self, now: Instant) -> Option<Vec<Door>> {
        let candidates: Vec<Candidate> = self.candidates(now).collect();
        let up = now >= self.began + DECIDE_WITHIN || !self.is_running();
        if !up && !choice::is_decided(&candidates) {
            return None;
        }
        let order = choice::order(&candidates);
        let doors: Vec<Door> = order
            .into_iter()
            .filter_map(|it| self.best_door(it))
            .collect();
        let best = doors.first()?;
        (up || !self.may_be_straighter(best, now)).then_some(doors)
    }

    /// Whether the same candidate may still answer by a better way out.
    fn may_be_straighter(&self, best: &Door, now: Instant) -> bool {
        self.of(best.subject).any(|probe| {
            matches!(probe.state, State::Running)
                && self.rank(probe.door.out) < self.rank(best.out)
                && now < probe.began + STRAIGHT
        })
    }

    fn rank(&self, out: Out) -> Option<usize> {
        self.outs.iter().position(|it| *it == out)
    }

    /// What was wrong with all of them; `None` as long as one may answer.
    pub fn failures(&self) -> Option<Vec<(Door, Failure)>> {
        if self.hedge.is_some() && self.started_everything().is_none() {
            return None;
        }
        let failed = |probe: &Probe| match &probe.state {
            State::Failed(failure) => Some((probe.door, failure.clone())),
            _ => None,
        };
        self.probes.iter().map(failed).collect()
    }

    /// What was wrong with those that have failed so far.
    pub fn so_far(&self) -> impl Iterator<Item = (Door, &Failure)> {
        self.probes.iter().filter_map(|probe| match &probe.state {
            State::Failed(failure) => Some((probe.door, failure)),
            _ => None,
        })
    }

    /// Candidates of which nothing has been heard by a way, or nothing that is among these doors,
    /// and which may still be reached by it; the better ways first.
    pub fn left(&self, doors: &[Door]) -> Vec<(usize, Out)> {
        let chosen = |subject: usize| doors.iter().any(|door| door.subject == subject);
        let open = |subject: usize, out: Out| {
            let tried = self.of(subject).filter(|probe| probe.door.out == out);
            let tried: Vec<&State> = tried.map(|probe| &probe.state).collect();
            if chosen(subject) {
                let answered = |state: &&State| matches!(state, State::Answered { .. });
                let silent = |state: &&State| matches!(state, State::Running);
                return tried.iter().any(silent) && !tried.iter().any(answered);
            }
            let failed = |state: &&State| matches!(state, State::Failed(_));
            tried.is_empty() || !tried.iter().all(failed)
        };
        let subjects = (0..self.subjects.len()).filter(|&it| self.subjects[it].doors > 0);
        let subjects: Vec<usize> = subjects.collect();
        let outs = self.outs.iter();
        outs.flat_map(|&out| subjects.iter().map(move |&subject| (subject, out)))
            .filter(|&(subject, out)| open(subject, out))
            .collect()
    }

    /// Whether anybody has answered, by another way than this.
    pub fn is_answered(&self, but: Option<Out>) -> bool {
        self.probes.iter().any(|probe| {
            matches!(probe.state, State::Answered { .. }) && Some(probe.door.out) != but
        })
    }

    fn is_running(&self) -> bool {
        let mut probes = self.probes.iter();
        self.hedge.is_some()
            || probes.any(|probe| {
                matches!(
                    probe.state,
                    State::Running | State::Answered { done: false, .. }
                )
            })
    }

    fn candidates(&self, now: Instant) -> impl Iterator<Item = Candidate> {
        let all = self.subjects.iter().enumerate();
        all.map(move |(index, subject)| Candidate {
            hosts: subject.hosts,
            load: subject.load,
            trials: self.of(index).map(|probe| probe.trial(now)).collect(),
        })
    }

    /// The way straight ahead where that works, and of its doors the one that answers fastest.
    fn best_door(&self, subject: usize) -> Option<Door> {
        let answered = self.of(subject).filter_map(|probe| match &probe.state {
            State::Answered { first, samples, .. } => {
                let fastest = samples.iter().min().copied();
                Some((
                    self.rank(probe.door.out),
                    fastest.unwrap_or(*first),
                    probe.door,
                ))
            }
            _ => None,
        });
        Some(answered.min()?.2)
    }
}
