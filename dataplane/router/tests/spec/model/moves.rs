//! The moves of the model: who is waited for, and until when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use plenum_router::moving::{LEAVE_WITHIN, MOVE_WITHIN, TICKETS_WITHIN};

enum Phase {
    Tickets(BTreeSet<usize>),
    Overlap(BTreeSet<usize>),
    Released,
}

struct Move {
    phase: Phase,
    until: Instant,
}

/// By meeting.
#[derive(Default)]
pub struct Moves(BTreeMap<usize, Move>);

impl Moves {
    /// Nobody comes into a meeting that goes.
    pub fn going(&self, meeting: usize) -> bool {
        self.0.contains_key(&meeting)
    }

    /// A second order is as good as none.
    pub fn ordered(&mut self, meeting: usize, now: Instant) {
        self.0.entry(meeting).or_insert_with(|| Move {
            phase: Phase::Tickets(BTreeSet::new()),
            until: now + TICKETS_WITHIN,
        });
    }

    /// All who are there have to have one.
    pub fn tickets(
        &mut self,
        meeting: usize,
        offered: &BTreeSet<usize>,
        members: &BTreeSet<usize>,
        now: Instant,
    ) {
        if let Some(it) = self.0.get_mut(&meeting)
            && let Phase::Tickets(so_far) = &mut it.phase
        {
            so_far.extend(offered);
            if so_far.is_superset(members) {
                it.phase = Phase::Overlap(members.clone());
                it.until = now + MOVE_WITHIN;
            }
        }
    }

    pub fn moved(&mut self, meeting: usize, who: usize, now: Instant) {
        if let Some(it) = self.0.get_mut(&meeting)
            && let Phase::Overlap(waiting) = &mut it.phase
        {
            waiting.remove(&who);
            if waiting.is_empty() {
                it.phase = Phase::Released;
                it.until = now + LEAVE_WITHIN;
            }
        }
    }

    pub fn left(&mut self, meeting: usize, who: usize, empty: bool, now: Instant) {
        self.moved(meeting, who, now);
        if empty {
            self.0.remove(&meeting);
        }
    }

    /// Before the tickets came nobody can have failed, and after the release it is too late.
    pub fn failed(&mut self, meeting: usize) {
        let at = self.0.get(&meeting).map(|it| &it.phase);
        if matches!(at, Some(Phase::Overlap(_))) {
            self.0.remove(&meeting);
        }
    }

    /// What is overdue stays; the meetings that were released and are still here, who are
    /// sent away.
    pub fn pass(&mut self, now: Instant) -> Vec<usize> {
        let due = |it: &Move| it.until <= now;
        let released = |it: &Move| matches!(it.phase, Phase::Released);
        self.0.retain(|_, it| !due(it) || released(it));
        let gone = self.0.iter().filter(|(_, it)| due(it));
        gone.map(|(meeting, _)| *meeting).collect()
    }
}
