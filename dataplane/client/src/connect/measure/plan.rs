//! What is tested, and in which order.

use crate::connect::words::Out;

/// One candidate to be looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Subject {
    /// Whether the meeting is there already.
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
    /// So many doors have been tried in tests before this, all of them in vain: it begins with
    /// those after them.
    pub turn: usize,
}

impl Plan {
    /// The first doors of all candidates before the second ones: the limit cuts what is least
    /// needed, and not the same in every test.
    pub(super) fn order(&self) -> Vec<(usize, usize)> {
        let doors = self.subjects.iter().map(|subject| subject.doors);
        let mut order: Vec<(usize, usize)> = doors
            .enumerate()
            .flat_map(|(subject, doors)| (0..doors).map(move |door| (subject, door)))
            .collect();
        order.sort_by_key(|(_, door)| *door);
        let turn = self.turn.checked_rem(order.len()).unwrap_or_default();
        order.rotate_left(turn);
        order
    }
}
