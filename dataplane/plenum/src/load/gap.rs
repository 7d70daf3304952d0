//! Times in which no audio came, and which of them are a move's fault. Pure.

use std::time::{Duration, Instant};

/// How long after a move a gap still counts as its fault.
const AFTERMATH: Duration = Duration::from_secs(1);

/// A time in which no audio came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// When it began.
    pub since: Instant,
    /// How long it was; 20 ms when all is well.
    pub length: Duration,
}

/// Tells gaps during a move, and just after, from the others.
#[derive(Debug, Default)]
pub struct Moves {
    moving: bool,
    /// Until when a gap is one of the last move.
    until: Option<Instant>,
}

impl Moves {
    /// A move began.
    pub const fn start(&mut self) {
        self.moving = true;
    }

    /// It ended, either way.
    pub fn end(&mut self, now: Instant) {
        self.moving = false;
        self.until = Some(now + AFTERMATH);
    }

    /// Whether some of the gap was during a move.
    #[must_use]
    pub fn touch(&self, gap: Gap) -> bool {
        self.moving || self.until.is_some_and(|until| gap.since < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_belongs_to_a_move_if_some_of_it_does() {
        let start = Instant::now();
        let at = |ms| Gap {
            since: start + Duration::from_millis(ms),
            length: Duration::from_millis(20),
        };
        let mut moves = Moves::default();
        assert!(!moves.touch(at(0)));
        moves.start();
        assert!(moves.touch(at(0)));
        moves.end(start + Duration::from_millis(100));
        assert!(moves.touch(at(1_099)));
        assert!(!moves.touch(at(1_100)));
    }
}
