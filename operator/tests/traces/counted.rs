//! What a day cost, and who was moved how often.

use std::collections::BTreeMap;

use crate::day::Second;

/// Why a meeting moves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its router is one too many: the operator's doing.
    Drained,
    /// Its router is full: the zone controllers' doing.
    Grew,
}

/// What is counted.
#[derive(Default)]
pub struct Counted {
    /// Seconds that routers were there, from the label to its end.
    pub router_seconds: u64,
    /// People moved, each time counted.
    pub moves: u64,
    /// Of these for want of room where their meeting was.
    pub moved_by_growth: u64,
    /// When each was moved who was, and why.
    moved: BTreeMap<usize, Vec<(Second, Why)>>,
    /// Most routers at once.
    pub most_routers: u32,
}

impl Counted {
    /// Somebody is moved now.
    pub fn note(&mut self, visit: usize, now: Second, why: Why) {
        self.moves += 1;
        self.moved_by_growth += u64::from(why == Why::Grew);
        self.moved.entry(visit).or_default().push((now, why));
    }

    /// Participants who were moved by a drain within an hour of another move before.
    pub fn drained_again(&self) -> usize {
        self.again(|why| why == Why::Drained)
    }

    /// Participants whose meeting outgrew its router within an hour of another move.
    pub fn grown_again(&self) -> usize {
        self.again(|why| why == Why::Grew)
    }

    fn again(&self, counts: fn(Why) -> bool) -> usize {
        let soon = |pair: &[(Second, Why)]| pair[1].0 - pair[0].0 < 3_600 && counts(pair[1].1);
        let all = self.moved.values();
        all.filter(|moves| moves.windows(2).any(soon)).count()
    }
}
