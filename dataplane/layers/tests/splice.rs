//! A receiver sees one stream of numbers, whichever of the publisher's streams it gets.

use std::collections::{HashMap, HashSet};

use plenum_layers::Splice;
use proptest::prelude::*;

fn begun(source: u8, at: u16) -> Splice {
    let mut splice = Splice::new();
    splice.cut(source, at);
    splice
}

#[test]
fn nothing_passes_before_a_key_frame() {
    let mut splice = Splice::new();
    assert_eq!(splice.source(), None);
    assert_eq!(splice.pass(7), None);
    splice.skip(8);
    assert_eq!(splice.find(7), None);
}

#[test]
fn numbers_go_on_over_a_cut_and_back() {
    let mut splice = begun(0, 65_534);
    let out: Vec<_> = [65_534, 65_535, 0, 1].map(|it| splice.pass(it)).into();
    assert_eq!(out, [Some(65_534), Some(65_535), Some(0), Some(1)]);
    splice.cut(2, 500);
    assert_eq!(splice.source(), Some(2));
    assert_eq!([500, 501].map(|it| splice.pass(it)), [Some(2), Some(3)]);
    splice.cut(0, 9);
    assert_eq!([9, 10].map(|it| splice.pass(it)), [Some(4), Some(5)]);
    let found: Vec<_> = [65_535, 1, 2, 3, 4, 5].map(|it| splice.find(it)).into();
    let sent = [(0, 65_535), (0, 1), (2, 500), (2, 501), (0, 9), (0, 10)];
    assert_eq!(found, sent.map(Some));
    let current = [65_535, 1, 2, 3, 4, 5, 6].map(|it| splice.is_current(it));
    assert_eq!(current, [false, false, false, false, true, true, false]);
    assert_eq!(splice.find(6), None, "not sent yet");
    assert_eq!(splice.find(65_533), None, "from before the first cut");
}

#[test]
fn what_was_lost_keeps_its_place() {
    let mut splice = begun(0, 10);
    assert_eq!(splice.pass(10), Some(10));
    assert_eq!(splice.pass(13), Some(13));
    assert_eq!(splice.find(11), Some((0, 11)), "it can be asked for");
    splice.cut(1, 100);
    assert_eq!(splice.pass(103), Some(17), "the first three were overtaken");
    assert_eq!(
        [101, 100, 102].map(|it| splice.pass(it)),
        [15, 14, 16].map(Some)
    );
    assert_eq!(splice.pass(101), Some(15), "sent again, the same number");
    assert_eq!(splice.pass(99), None, "from before the cut");
    assert_eq!(splice.find(12), Some((0, 12)), "of the stream before");
}

#[test]
fn what_is_late_from_before_the_cut_is_not_taken_for_another_stream() {
    let mut splice = begun(0, 10);
    assert_eq!(splice.pass(20), Some(20));
    splice.cut(1, 18);
    assert_eq!(splice.pass(18), Some(21));
    assert_eq!(
        splice.pass(17),
        None,
        "17 of the first stream is another packet"
    );
}

#[test]
fn what_is_left_out_leaves_no_gap() {
    let mut splice = begun(0, 0);
    assert_eq!(splice.pass(0), Some(0));
    splice.skip(1);
    splice.skip(2);
    assert_eq!(splice.pass(3), Some(1));
    assert_eq!(splice.pass(2), None, "it was left out");
    splice.skip(4);
    // 5 is lost and may be wanted.
    splice.skip(6);
    assert_eq!(splice.pass(7), Some(3));
    assert_eq!(splice.find(2), Some((0, 5)));
    assert_eq!(splice.pass(5), Some(2));
    assert_eq!(
        [0, 1, 3].map(|it| splice.find(it)),
        [0, 3, 7].map(|it| Some((0, it)))
    );
}

#[test]
fn what_is_left_out_too_late_leaves_its_number_empty() {
    let mut splice = begun(0, 0);
    assert_eq!([0, 2].map(|it| splice.pass(it)), [Some(0), Some(2)]);
    splice.skip(1);
    assert_eq!(splice.pass(3), Some(3));
    assert_eq!(splice.find(1), None, "nobody needs it");
    assert_eq!(splice.pass(1), None, "it was left out");
    assert_eq!(
        [0, 2].map(|it| splice.find(it)),
        [0, 2].map(|it| Some((0, it)))
    );
}

#[test]
fn a_source_that_counts_anew_far_behind_goes_on_with_a_cut() {
    let mut splice = begun(0, 30_000);
    for sequence in 30_000..33_000 {
        assert_eq!(splice.pass(sequence), Some(sequence));
    }
    let late = 32_999 - 1_000;
    assert_eq!(splice.pass(late), Some(late));
    assert!(!splice.counts_anew(late));
    // A number that went out lately, but of another packet.
    assert!(splice.counts_anew(31_000));
    assert_eq!(splice.pass(31_000), None);
    splice.cut(0, 31_000);
    assert!(!splice.counts_anew(31_000));
    assert_eq!(
        [31_000, 31_001].map(|it| splice.pass(it)),
        [33_000, 33_001].map(Some)
    );
}

#[test]
fn a_pause_ends_with_the_next_cut() {
    let mut splice = begun(0, 5);
    assert_eq!(splice.pass(5), Some(5));
    assert!(splice.is_current(5));
    splice.stop();
    assert!(!splice.is_current(5));
    assert_eq!((splice.source(), splice.pass(6)), (None, None));
    assert_eq!(splice.find(5), Some((0, 5)));
    splice.cut(0, 90);
    assert_eq!(splice.pass(90), Some(6));
}

#[test]
fn a_cut_that_nothing_followed_leaves_no_trace() {
    let mut splice = begun(0, 5);
    assert_eq!(splice.pass(5), Some(5));
    splice.cut(1, 70);
    splice.cut(2, 80);
    assert_eq!(splice.pass(80), Some(6));
    assert_eq!(splice.find(6), Some((2, 80)));
    let mut twice = begun(0, 5);
    twice.cut(1, 9);
    assert_eq!(twice.pass(9), Some(5));
}

/// Longer than any number of 16 bits can tell apart.
#[test]
fn a_long_life_forgets_without_mistakes() {
    let mut splice = begun(0, 0);
    for round in 0..4 {
        for sequence in 0..=u16::MAX {
            assert_eq!(splice.pass(sequence), Some(sequence));
            let back = sequence.wrapping_sub(900);
            let found = (round > 0 || sequence >= 900).then_some((0, back));
            assert_eq!(splice.find(back), found);
        }
    }
    assert_eq!(splice.find(32_768), Some((0, 32_768)));
    assert_eq!(
        splice.find(32_767),
        None,
        "nearer ahead of the newest than behind"
    );
}

/// What the network does to one of the publisher's streams, and the router to a receiver.
#[derive(Debug, Clone)]
enum Step {
    /// The stream sends so many packets, of which those of the mask are lost.
    Send {
        source: u8,
        count: u16,
        lost: u64,
    },
    /// They come in another order: the last ones first.
    Swap {
        source: u8,
        back: u16,
    },
    /// A packet of the current source comes again.
    Again {
        back: u16,
    },
    /// The packet after those seen is of a layer that this receiver does not get.
    Skip {
        count: u16,
    },
    /// The same of one that was overtaken.
    SkipLate {
        back: u16,
    },
    Cut {
        to: u8,
    },
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3_u8, 1..40_u16, any::<u64>(), any::<u64>())
            .prop_map(|(source, count, a, b)| Step::Send { source, count, lost: a & b }),
        2 => (0..3_u8, 1..20_u16).prop_map(|(source, back)| Step::Swap { source, back }),
        2 => (0..100_u16).prop_map(|back| Step::Again { back }),
        3 => (1..10_u16).prop_map(|count| Step::Skip { count }),
        3 => (0..30_u16).prop_map(|back| Step::SkipLate { back }),
        2 => (0..3_u8).prop_map(|to| Step::Cut { to }),
        1 => Just(Step::Stop),
    ]
}

/// The receiver's side of the story, in whole numbers.
#[derive(Debug)]
struct Model {
    splice: Splice,
    /// The next number of each source.
    next: [u16; 3],
    /// What went out, by outgoing number, in the order of the first time.
    sent: HashMap<u16, (u8, u16)>,
    order: Vec<u16>,
    skipped: HashSet<(u8, u16)>,
    /// Since the last cut, by incoming number.
    current: HashMap<u16, u16>,
}

impl Model {
    fn pass(&mut self, source: u8, sequence: u16) {
        if self.splice.source() != Some(source) {
            return;
        }
        let Some(out) = self.splice.pass(sequence) else {
            return;
        };
        assert!(
            !self.skipped.contains(&(source, sequence)),
            "left out, and sent"
        );
        let known = self.sent.insert(out, (source, sequence));
        assert!(
            known.is_none_or(|it| it == (source, sequence)),
            "two packets are {out}"
        );
        if known.is_none() {
            self.order.push(out);
        }
        if let Some(before) = self.current.get(&sequence.wrapping_sub(1)) {
            assert_eq!(out, before.wrapping_add(1), "one after the other");
        }
        self.current.insert(sequence, out);
        assert_eq!(self.splice.find(out), Some((source, sequence)));
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Send {
                source,
                count,
                lost,
            } => {
                for index in 0..count {
                    let sequence = self.take(source);
                    if lost >> index & 1 == 0 {
                        self.pass(source, sequence);
                    }
                }
            }
            Step::Swap { source, back } => {
                let first = self.next[usize::from(source)];
                let count = back.min(19) + 1;
                (0..count).for_each(|_| _ = self.take(source));
                for index in (0..count).rev() {
                    self.pass(source, first.wrapping_add(index));
                }
            }
            Step::Again { back } => {
                if let Some(source) = self.splice.source() {
                    let sequence = self.next[usize::from(source)].wrapping_sub(1 + back);
                    self.pass(source, sequence);
                }
            }
            Step::Skip { count } => {
                if let Some(source) = self.splice.source() {
                    for _ in 0..count {
                        let sequence = self.take(source);
                        self.splice.skip(sequence);
                        self.skipped.insert((source, sequence));
                    }
                }
            }
            Step::SkipLate { back } => {
                if let Some(source) = self.splice.source() {
                    let sequence = self.next[usize::from(source)].wrapping_sub(1 + back);
                    if !self.current.contains_key(&sequence) {
                        self.splice.skip(sequence);
                        self.skipped.insert((source, sequence));
                    }
                }
            }
            Step::Cut { to } => {
                let sequence = self.take(to);
                self.splice.cut(to, sequence);
                self.current.clear();
                let before = self.order.len();
                self.pass(to, sequence);
                assert_eq!(
                    self.order.len(),
                    before + 1,
                    "the key frame has a number of its own"
                );
            }
            Step::Stop => self.splice.stop(),
        }
    }

    fn take(&mut self, source: u8) -> u16 {
        let next = &mut self.next[usize::from(source)];
        *next = next.wrapping_add(1);
        next.wrapping_sub(1)
    }
}

proptest! {
    /// Whatever order packets come in: no number is used for two, what comes again has its
    /// number, and what went out lately is found. A test lasts less than 2^16 packets, so
    /// that every number is of one packet only.
    #[test]
    fn numbers_are_unique_and_found_again(
        starts in any::<[u16; 3]>(),
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut model = Model {
            splice: Splice::new(),
            next: starts,
            sent: HashMap::new(),
            order: Vec::new(),
            skipped: HashSet::new(),
            current: HashMap::new(),
        };
        for step in &steps {
            model.step(step);
            for out in model.order.iter().rev().take(20) {
                prop_assert_eq!(model.splice.find(*out), model.sent.get(out).copied());
            }
        }
    }

    /// Streams without loss make one without gaps, wherever it is cut and whatever is left
    /// out.
    #[test]
    fn what_is_continuous_stays_so(
        starts in any::<[u16; 3]>(),
        runs in prop::collection::vec((0..3_u8, 1..20_u16, 0..5_u16), 1..200),
    ) {
        let mut splice = Splice::new();
        let mut next = starts;
        let mut last: Option<u16> = None;
        for (source, passed, skipped) in runs {
            let at = &mut next[usize::from(source)];
            if splice.source() != Some(source) {
                splice.cut(source, *at);
            }
            for index in 0..passed + skipped {
                if index < passed {
                    let out = splice.pass(*at);
                    prop_assert!(out.is_some());
                    prop_assert!(last.is_none_or(|last| out == Some(last.wrapping_add(1))));
                    last = out;
                } else {
                    splice.skip(*at);
                }
                *at = at.wrapping_add(1);
            }
        }
    }
}
