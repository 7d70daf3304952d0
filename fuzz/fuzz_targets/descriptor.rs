//! Dependency descriptors, one after the other as a stream has them: what is read keeps to
//! its bounds and reads the same again, and what a receiver is sent is chosen alike for every
//! packet of a frame.
//!
//! Each is a byte of length and its bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenum_layers::{Choice, Descriptors};

fuzz_target!(|bytes: &[u8]| {
    let mut descriptors = Descriptors::new();
    let mut choice = Choice::new();
    let mut rest = bytes;
    while let [length, after @ ..] = rest {
        let (extension, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        let Some(frame) = descriptors.read(extension) else {
            continue;
        };
        assert_eq!(descriptors.read(extension), Some(frame));
        assert!((1..=32).contains(&frame.targets.count()));
        assert!(frame.spatial <= 3 && frame.temporal <= 7);
        let goal = length % 4;
        let taken = choice.take(&frame, goal);
        if choice.target().is_some() {
            assert_eq!(choice.take(&frame, goal ^ 1), taken);
        }
    }
});
