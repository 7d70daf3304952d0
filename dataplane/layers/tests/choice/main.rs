//! Which frames of a scalable stream a receiver gets: enough to decode what it is on, and no
//! more. The streams are those of the AV1 RTP specification's examples (A.8.3), targets from
//! the lowest up, written as descriptors and read by the real reader.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod streams;

use plenum_layers::{Choice, Descriptors, FrameInfo};
use proptest::prelude::*;

use streams::{L1T3, L2T1_KEY, L3T1, L3T3, Stream};

/// For each frame whether it is taken, in letters.
fn taken(choice: &mut Choice, frames: &[FrameInfo], goal: u8) -> String {
    let take = |frame| if choice.take(frame, goal) { 'x' } else { '.' };
    frames.iter().map(take).collect()
}

#[test]
fn a_receiver_begins_with_a_key_frame() {
    let frames = L1T3.frames(65_533, 12, Some(8));
    let mut choice = Choice::new();
    assert_eq!(taken(&mut choice, &frames[4..], 2), "....xxxx");
    assert_eq!(choice.target(), Some(2));
}

/// A receiver's numbers begin with the packet that it begins with: those of the frame that
/// are before it could never be asked for.
#[test]
fn a_receiver_begins_with_the_first_packet_of_the_key_frame() {
    let frames = L1T3.frames(0, 5, None);
    let later_packet = FrameInfo {
        start: false,
        key: false,
        ..frames[0]
    };
    let mut choice = Choice::new();
    assert_eq!(taken(&mut choice, &[later_packet, frames[1]], 2), "..");
    assert!(choice.waits());
    assert_eq!(taken(&mut choice, &[frames[0], later_packet], 2), "xx");
    assert_eq!(taken(&mut choice, &frames[1..], 2), "xxxx");
}

#[test]
fn temporal_layers_change_within_a_cycle() {
    let frames = L1T3.frames(65_530, 24, None);
    let mut choice = Choice::new();
    assert_eq!(taken(&mut choice, &frames[..4], 0), "x...");
    assert_eq!(taken(&mut choice, &frames[4..8], 1), "x.x.");
    assert_eq!(taken(&mut choice, &frames[8..10], 1), "x.");
    assert_eq!(
        taken(&mut choice, &frames[10..16], 2),
        "xxxxxx",
        "up at the next of them"
    );
    assert_eq!(taken(&mut choice, &frames[16..17], 2), "x");
    assert_eq!(
        taken(&mut choice, &frames[17..20], 0),
        "xxx",
        "down with the next cycle"
    );
    assert_eq!(taken(&mut choice, &frames[20..], 0), "x...");
    assert!(!choice.waits());
}

#[test]
fn a_spatial_layer_that_was_not_sent_needs_a_key_frame() {
    let frames = L3T1.frames(7, 18, Some(12));
    let mut choice = Choice::new();
    assert_eq!(taken(&mut choice, &frames[..6], 0), "x..x..");
    // Its frames say "switch", and need the one before that was not sent.
    assert_eq!(taken(&mut choice, &frames[6..12], 2), "x..x..");
    assert!(choice.waits());
    assert_eq!(taken(&mut choice, &frames[12..], 2), "xxxxxx");
    assert_eq!((choice.target(), choice.waits()), (Some(2), false));
}

#[test]
fn few_layers_of_many_targets_are_at_equal_distances_up_to_the_last() {
    let targets = |stream: &Stream| stream.frames(0, 1, None)[0].targets;
    for (stream, layers, meant) in [
        (&L3T3, 3, &[2, 5, 8][..]),
        (&L3T3, 4, &[1, 3, 5, 8]),
        (&L3T3, 1, &[8]),
        (&L1T3, 3, &[0, 1, 2]),
        (&L2T1_KEY, 4, &[0, 1, 2, 3]),
    ] {
        let targets = targets(stream);
        for (layer, &target) in (0..).zip(meant) {
            assert_eq!(targets.of_layer(layer, layers), target);
            assert_eq!(targets.layer_of(target, layers), layer);
        }
    }
    let targets = targets(&L3T3);
    let layers: Vec<_> = (0..9).map(|target| targets.layer_of(target, 3)).collect();
    assert_eq!(layers, [0, 0, 0, 0, 0, 1, 1, 1, 2]);
}

#[test]
fn a_spatial_layer_is_given_up_at_once() {
    let frames = L3T1.frames(7, 12, None);
    let mut choice = Choice::new();
    assert_eq!(taken(&mut choice, &frames[..6], 2), "xxxxxx");
    assert_eq!(taken(&mut choice, &frames[6..], 1), "xx.xx.");
}

#[test]
fn layers_that_were_apart_since_the_key_frame_meet_at_the_next() {
    let frames = L2T1_KEY.frames(0, 12, Some(8));
    let mut choice = Choice::new();
    assert_eq!(taken(&mut choice, &frames[..4], 1), "xx.x");
    assert_eq!(
        taken(&mut choice, &frames[4..8], 0),
        ".x.x",
        "the lower one would not decode"
    );
    assert!(choice.waits());
    assert_eq!(taken(&mut choice, &frames[8..], 0), "x.x.");
}

#[test]
fn all_packets_of_a_frame_fare_alike() {
    let frames = L1T3.frames(0, 8, None);
    let mut choice = Choice::new();
    assert_eq!(taken(&mut choice, &frames[..2], 0), "x.");
    assert_eq!(
        taken(&mut choice, &frames[..2], 2),
        "x.",
        "sent again, another goal"
    );
    assert_eq!(taken(&mut choice, &frames[3..5], 2), ".x");
    // 2 comes late and is judged by what the receiver is on now, the others as before.
    assert_eq!(taken(&mut choice, &frames[2..3], 2), "x");
    assert_eq!(taken(&mut choice, &frames[..4], 2), "x.x.");
}

/// Numbers come round in the memory after 256 frames.
#[test]
fn frames_long_ago_are_not_taken_for_late_ones() {
    let frames = L1T3.frames(0, 300, None);
    let mut choice = Choice::new();
    assert_eq!(taken(&mut choice, &frames[..8], 2), "xxxxxxxx");
    // 264 needs 260, which was lost. 4 was sent.
    assert_eq!(taken(&mut choice, &frames[264..265], 1), "x");
    assert_eq!((choice.target(), choice.waits()), (Some(2), true));

    let mut descriptors = Descriptors::new();
    let key = [&[0xc0, 0, 0][..], &L1T3.key_frame_fields()].concat();
    descriptors.read(&key).unwrap();
    // A size of three times four bits, and one less than the distance.
    let far = descriptors.read(&[0xc1, 0, 4, 0b0001_0110, 0b0010_0000, 0b0110_0000]);
    let far = far.unwrap();
    assert_eq!(far.references.distances(), [260]);
    let mut choice = Choice::new();
    assert_eq!(taken(&mut choice, &frames[..4], 2), "xxxx");
    assert_eq!(
        taken(&mut choice, &[far], 1),
        "x",
        "0 is 260 back in no memory"
    );
    assert_eq!((choice.target(), choice.waits()), (Some(2), true));
}

#[test]
fn a_goal_above_what_there_is_means_the_highest() {
    let frames = L1T3.frames(0, 4, None);
    let mut choice = Choice::new();
    assert_eq!(taken(&mut choice, &frames, 200), "xxxx");
    assert_eq!((choice.target(), choice.waits()), (Some(2), false));
}

#[test]
fn an_encoder_that_begins_anew_is_followed() {
    let mut choice = Choice::new();
    assert_eq!(taken(&mut choice, &L1T3.frames(30_000, 4, None), 2), "xxxx");
    assert_eq!(
        taken(&mut choice, &L1T3.frames(20_000, 8, None)[1..4], 2),
        "..."
    );
    assert_eq!(
        taken(&mut choice, &L1T3.frames(20_000, 8, None), 2),
        "xxxxxxxx"
    );
}

proptest! {
    /// However often the goal changes and whatever is lost before it gets here: with every
    /// frame that is sent all those it needs were sent, unless they were lost.
    #[test]
    fn what_is_sent_decodes(
        stream in 0..3_usize,
        first in any::<u16>(),
        again in 20..200_u16,
        goals in prop::collection::vec((0..3_u8, 1..30_usize), 1..30),
        lost in prop::collection::hash_set(0..300_u16, 0..20),
    ) {
        let frames = [L1T3, L3T1, L2T1_KEY][stream].frames(first, 300, Some(again));
        let goals = goals.iter().flat_map(|&(goal, times)| vec![goal; times]).cycle();
        let mut choice = Choice::new();
        let mut sent = std::collections::HashSet::new();
        for (frame, goal) in frames.iter().zip(goals) {
            let index = frame.number.wrapping_sub(first);
            if lost.contains(&index) {
                continue;
            }
            if choice.take(frame, goal) {
                for distance in frame.references.distances() {
                    let needed = index - distance;
                    prop_assert!(sent.contains(&needed) || lost.contains(&needed));
                }
                sent.insert(index);
            }
        }
    }
}
