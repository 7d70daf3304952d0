//! One stream that can be taken in part: a receiver gets the frames that its layer needs.

use plenum_router::Output;
use plenum_wire::{Kind, rtp};
use proptest::prelude::*;

use crate::studio::{MS, want};
use stage::{Stage, packet};

mod stage;

#[test]
fn it_begins_with_a_key_frame_that_is_asked_for() {
    let mut stage = Stage::new();
    assert!(stage.key);
    stage.key = false;
    assert_eq!(stage.gets(3), 0);
    stage.key = true;
    assert_eq!(stage.gets(10), 20);
}

#[test]
fn half_the_room_is_half_the_frames_without_a_hole_or_a_key_frame() {
    let mut stage = Stage::new();
    stage.pair();
    stage.estimate(200);
    assert_eq!(stage.gets(10), 10);
    stage.estimate(400);
    // The ladder's patience is a second, 12 pairs and a half.
    assert!((32..=38).contains(&stage.gets(25)));
    assert_eq!(stage.gets(10), 20);
    assert_eq!(
        stage.house.shard.counters().of(Kind::Video).key_frames_out,
        1
    );
}

#[test]
fn the_highest_layer_is_all_there_is_however_finely_it_is_made() {
    let mut stage = Stage::deep();
    assert_eq!(stage.gets(10), 20);
    stage.estimate(200);
    stage.pair();
    assert_eq!(stage.gets(10), 10);
}

#[test]
fn what_is_sent_counts_whatever_was_said() {
    let mut stage = Stage::new();
    // A pair in 80 ms: 1,000 kbit/s, and 500 of the lower layer. Said were 250 and 150.
    stage.bytes = 5_000;
    stage.estimate(700);
    stage.gets(25);
    assert_eq!(stage.gets(10), 10);
    stage.estimate(2_000);
    stage.gets(25);
    assert_eq!(stage.gets(10), 20);
}

#[test]
fn the_higher_layer_alone_is_no_longer_wanted() {
    let mut stage = Stage::new();
    stage.estimate(200);
    stage.gets(26);
    assert_eq!(stage.told, [[true, false]]);
    stage.estimate(400);
    stage.gets(13);
    assert_eq!(stage.told.last(), Some(&vec![true, true]));
}

#[test]
fn what_is_missing_is_found_by_the_number_that_went_out() {
    let mut stage = Stage::new();
    stage.pair();
    stage.estimate(200);
    stage.gets(10);
    let (number, sequence) = stage.seen[4];
    let out = stage.misses(number);
    let [
        Output::Forward {
            packet, rewrite, ..
        },
    ] = &out[..]
    else {
        panic!("{out:?}")
    };
    assert_eq!(rewrite.map(|rewrite| rewrite.sequence), Some(number));
    let header = rtp::Header::parse(packet).unwrap();
    assert_eq!(header.sequence, sequence);
}

#[test]
fn what_came_late_and_is_of_no_use_is_sent_to_nobody() {
    let mut stage = Stage::new();
    stage.pair();
    stage.estimate(200);
    stage.gets(10);
    // Of the higher layer, but nobody knows as long as it is lost.
    stage.pair_with([false, true]);
    stage.pair();
    let missing = stage.seen.last().unwrap().0.wrapping_sub(1);
    assert_ne!(stage.seen.iter().rev().nth(1).unwrap().0, missing);
    assert_eq!(stage.misses(missing), []);
    stage.bring_late();
    assert_eq!(stage.misses(missing), []);
}

#[test]
fn an_encoder_that_counts_anew_is_seen_again() {
    let mut stage = Stage::new();
    stage.gets(5);
    stage.sequence = stage.sequence.wrapping_sub(20_000);
    stage.pass(500 * MS);
    stage.key = false;
    assert!(stage.gets(10) < 20, "a key frame is asked for and awaited");
    assert_eq!(stage.gets(5), 10);
}

#[test]
fn after_a_pause_it_begins_anew_and_the_numbers_go_on() {
    let mut stage = Stage::new();
    stage.gets(5);
    let last = stage.seen.last().unwrap().0;
    stage.says(want("ann", Kind::Video, 0, 0));
    assert_eq!(stage.gets(5), 0);
    stage.house.pass(600 * MS);
    stage.says(want("ann", Kind::Video, 180, 0));
    assert!(stage.key);
    assert_eq!(stage.gets(5), 10);
    assert_eq!(stage.seen[0].0, last.wrapping_add(1));
}

#[test]
fn what_says_nothing_of_its_layer_goes_to_all_who_see_something() {
    let mut stage = Stage::new();
    stage.pair();
    stage.estimate(200);
    stage.gets(3);
    stage.seen.clear();
    for descriptor in [&[][..], &[0xff], &[1]] {
        stage.sequence = stage.sequence.wrapping_add(1);
        stage.bring(packet(stage.sequence, descriptor, 7));
    }
    assert_eq!(stage.seen.len(), 3);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Frames of both layers, of which each may be lost.
    Pair([bool; 2]),
    /// What was lost comes after all.
    Late,
    /// An encoder makes a key frame when it likes to, too.
    Key,
    Estimate(u64),
    Show(bool),
    /// Bob misses what he got so many frames ago.
    Miss(usize),
    /// Nothing is sent for a while, in milliseconds.
    Pass(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let lost = || (0..10_u8).prop_map(|it| it == 0);
    prop_oneof![
        20 => [lost(), lost()].prop_map(Step::Pair),
        1 => Just(Step::Late),
        1 => Just(Step::Key),
        2 => prop::sample::select(vec![100, 200, 260, 400]).prop_map(Step::Estimate),
        1 => any::<bool>().prop_map(Step::Show),
        2 => (0..40_usize).prop_map(Step::Miss),
        1 => (0..3_000_u32).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Every frame has those that it needs, or they were lost before the router; no number is
    /// missing for anything else. The stage's decoder says so.
    #[test]
    fn whatever_happens_what_is_seen_can_be_decoded(steps in prop::collection::vec(step(), 1..300)) {
        let mut stage = Stage::new();
        for step in steps {
            match step {
                Step::Pair(lost) => stage.pair_with(lost),
                Step::Late => stage.bring_late(),
                Step::Key => stage.key = true,
                Step::Estimate(kbps) => stage.estimate(kbps),
                Step::Show(shown) => stage.says(want("ann", Kind::Video, 180 * u16::from(shown), 0)),
                Step::Miss(back) => {
                    if let Some(&(number, _)) = stage.seen.iter().rev().nth(back) {
                        stage.misses(number);
                    }
                }
                Step::Pass(ms) => stage.pass(ms * MS),
            }
        }
    }
}
