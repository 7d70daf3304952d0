//! How much one receiver may be sent again.

/// Most packets at once: 200 ms of a 3 Mbit/s picture.
const BURST: u64 = 64;
/// Packets of the track for each that may be sent again: a receiver that asks for everything
/// all the time gets half as much again as one that asks for nothing. At 10 % loss a third
/// of it is used.
const PER_REPAIR: u64 = 2;

/// What a receiver may still have again of a track. It is earned by what the track sends, so
/// that a flood of requests cannot make a small stream a large one.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// In packets of the track.
    credit: u64,
    /// How many the track had sent when credit was last added.
    seen: u64,
}

impl Budget {
    /// A full budget for a track that has sent so many packets.
    #[must_use]
    pub const fn new(sent: u64) -> Self {
        Self {
            credit: BURST * PER_REPAIR,
            seen: sent,
        }
    }

    /// Whether one more packet may be sent again, when the track has sent so many.
    pub fn take(&mut self, sent: u64) -> bool {
        let earned = sent.saturating_sub(self.seen);
        self.seen = sent;
        self.credit = (self.credit + earned).min(BURST * PER_REPAIR);
        match self.credit.checked_sub(PER_REPAIR) {
            Some(left) => {
                self.credit = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_half_of_what_is_sent() {
        let mut budget = Budget::new(0);
        assert!((0..BURST).all(|_| budget.take(0)));
        assert!(!budget.take(0));
        assert!(!budget.take(1));
        assert!(budget.take(2));
        assert_eq!((0..1_000).filter(|_| budget.take(1_000)).count(), 64);
    }
}
