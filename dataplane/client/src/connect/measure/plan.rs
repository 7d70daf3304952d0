//! What is tested, and in which order.

use std::collections::BTreeSet;

use super::Door;
use crate::connect::words::Out;

/// One candidate to be looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Subject {
    /// Whether the meeting is there already, or begins there.
    pub hosts: bool,
    /// How full it is.
    pub load: Option<f64>,
    /// How many doors it has.
    pub doors: usize,
}

/// What is tested, and how.
#[derive(Debug)]
pub struct Plan {
    /// The candidates.
    pub subjects: Vec<Subject>,
    /// The ways out; the first of them is the one to be tried first.
    pub outs: Vec<Out>,
    /// All of them are tried at once.
    pub at_once: bool,
    /// What has been tried in vain in tests before this: the others come before that. Ways differ
    /// in how many doors one test may try, so each way has a turn of its own.
    pub tried: BTreeSet<Door>,
}

impl Plan {
    /// The first doors of all candidates before the second ones: the limit cuts what is least
    /// needed.
    pub(super) fn order(&self) -> Vec<(usize, usize)> {
        let doors = self.subjects.iter().map(|subject| subject.doors);
        let mut order: Vec<(usize, usize)> = doors
            .enumerate()
            .flat_map(|(subject, doors)| (0..doors).map(move |door| (subject, door)))
            .collect();
        order.sort_by_key(|(_, door)| *door);
        order
    }
}
