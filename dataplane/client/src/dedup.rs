//! Removing packets that arrived twice.
//!
//! During a move every packet comes through two routers; a track's [`Window`] lets the
//! first copy through. It also extends the 16-bit sequence number over its wraps.

/// How many packets back a copy is still recognised: 20 s of audio, 1 s of fast video.
const WINDOW: u64 = 1_024;
const WORDS: usize = (WINDOW / 64) as usize;

/// What a packet is to its track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Seen for the first time, with its extended sequence number.
    New(u64),
    /// A copy of one that was let through.
    Copy,
    /// So far behind that nobody can tell; treated as a copy, and of no use to a player.
    TooOld,
}

impl Verdict {
    /// Whether the packet is to be passed on.
    #[must_use]
    pub const fn is_new(self) -> bool {
        matches!(self, Self::New(_))
    }
}

/// The packets of one track seen last. 144 bytes, no allocation.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// `None` before the first packet.
    highest: Option<u64>,
    /// One bit a packet, at its extended number modulo [`WINDOW`].
    seen: [u64; WORDS],
}

impl Window {
    /// Judges a packet by the sequence number in its RTP header.
    pub fn check(&mut self, sequence: u16) -> Verdict {
        self.check_extended(self.extend(sequence))
    }

    /// Judges the first packet after a long silence: it is later than all before, however
    /// far its number went on.
    pub fn check_ahead(&mut self, sequence: u16) -> Verdict {
        let number = self.highest.map_or_else(
            || self.extend(sequence),
            |highest| {
                let low = (highest & 0xffff) as u16;
                let ahead = sequence.wrapping_sub(low).wrapping_sub(1);
                highest + 1 + u64::from(ahead)
            },
        );
        self.check_extended(number)
    }

    /// Judges a packet whose number does not wrap.
    pub fn check_extended(&mut self, number: u64) -> Verdict {
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            self.mark(number);
            return Verdict::New(number);
        };
        if number > highest {
            self.forget_between(highest, number);
            self.highest = Some(number);
        } else if highest - number >= WINDOW {
            return Verdict::TooOld;
        } else if self.seen[word(number)] & bit(number) != 0 {
            return Verdict::Copy;
        }
        self.mark(number);
        Verdict::New(number)
    }

    /// The highest extended number so far.
    #[must_use]
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The extended number nearest to the highest. The first track starts one wrap up, so
    /// that packets from just before its first one have a number too.
    fn extend(&self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else {
            return (1 << 16) + u64::from(sequence);
        };
        let low = highest.to_le_bytes();
        let step = sequence
            .wrapping_sub(u16::from_le_bytes([low[0], low[1]]))
            .cast_signed();
        highest.saturating_add_signed(i64::from(step))
    }

    fn mark(&mut self, number: u64) {
        self.seen[word(number)] |= bit(number);
    }

    fn forget_between(&mut self, highest: u64, number: u64) {
        if number - highest >= WINDOW {
            self.seen = [0; WORDS];
            return;
        }
        for skipped in highest + 1..=number {
            self.seen[word(skipped)] &= !bit(skipped);
        }
    }
}

const fn word(number: u64) -> usize {
    (number % WINDOW / 64) as usize
}

const fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_copy_is_removed_whichever_router_was_first() {
        let mut window = Window::default();
        let verdicts = [10, 11, 10, 12, 12, 11].map(|sequence| window.check(sequence).is_new());
        assert_eq!(verdicts, [true, true, false, true, false, false]);
    }

    #[test]
    fn a_late_packet_passes_once() {
        let mut window = Window::default();
        assert!(window.check(100).is_new());
        assert!(window.check(102).is_new());
        assert!(window.check(101).is_new());
        assert_eq!(window.check(101), Verdict::Copy);
        assert!(
            window.check(99).is_new(),
            "from before the first that came through"
        );
    }

    #[test]
    fn numbers_go_on_over_the_wrap() {
        let mut window = Window::default();
        assert_eq!(window.check(65_534), Verdict::New(131_070));
        assert_eq!(window.check(1), Verdict::New(131_073));
        assert_eq!(window.check(65_535), Verdict::New(131_071));
        assert_eq!(window.check(1), Verdict::Copy);
    }

    #[test]
    fn after_a_silence_every_number_is_later() {
        for sequence in [101, 40_000, 99, 100] {
            let mut window = Window::default();
            let first = window.check(100);
            assert_eq!(first, Verdict::New(65_636));
            let later = window.check_ahead(sequence);
            assert!(later > first && later.is_new(), "{sequence}: {later:?}");
            assert!(window.check(sequence.wrapping_add(1)).is_new());
            assert_eq!(window.check(sequence), Verdict::Copy);
        }
    }

    #[test]
    fn beyond_the_window_nothing_passes_backwards() {
        let mut window = Window::default();
        assert!(window.check_extended(5_000).is_new());
        assert!(window.check_extended(5_000 - WINDOW + 1).is_new());
        assert_eq!(window.check_extended(5_000 - WINDOW), Verdict::TooOld);
    }

    proptest! {
        /// Against a model that remembers everything.
        #[test]
        fn agrees_with_a_full_memory(steps in prop::collection::vec(-60i64..80, 1..2_000)) {
            let mut window = Window::default();
            let mut seen = HashSet::new();
            let mut highest = 0u64;
            let mut at = 100_000u64;
            for step in steps {
                at = at.saturating_add_signed(step);
                let fresh = seen.insert(at);
                let verdict = window.check(u16::try_from(at % 65_536).unwrap());
                if highest > 0 && at + WINDOW <= highest {
                    prop_assert_eq!(verdict, Verdict::TooOld);
                } else {
                    prop_assert_eq!(verdict.is_new(), fresh);
                }
                highest = highest.max(at);
            }
        }
    }
}
