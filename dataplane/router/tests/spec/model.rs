//! Random lives of a few people beside a model that keeps lists and nothing else: they come,
//! go, publish, with layers and without, watch over links that carry more or less, and send,
//! their router is drained or not, and their meetings move away or stay.
//!
//! `OPERATIONS=1000000 SEED=7 cargo test -p plenum-router --test spec -- --nocapture a_long_life`
//! lives one long life; `make soak-model` is that with a million operations.

use std::time::Duration;

use plenum_wire::Kind;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use life::Model;
use pictures::Fate;

mod life;
mod moves;
mod moving;
mod pictures;
mod watching;

const PEOPLE: [&str; 5] = ["p0", "p1", "p2", "p3", "p4"];
const MEETINGS: [&str; 2] = ["m0", "m1"];
const CAPACITY: usize = 4;
/// Between two steps: nobody says more than a client may for long.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy)]
enum Step {
    Join(usize, usize, bool),
    Leave(usize, bool),
    Publish(usize, Kind, u32),
    Unpublish(usize, Kind),
    Ask(usize, usize, Kind, bool),
    Connect(usize, Kind),
    Disconnect(usize, Kind, usize),
    Send(usize, Kind, u32),
    /// A camera with so many layers.
    Layers(usize, u32, usize),
    /// Whose camera is shown how large, with which priority.
    Want(usize, usize, u16, u8),
    /// So many kbit/s fit on the newest connection for cameras.
    Estimate(usize, u32),
    /// The same, while nobody makes the key frames that are asked for.
    Squeeze(usize, u32),
    /// Everybody in a meeting who has a camera with layers makes so many pictures.
    Pictures(usize, Fate, u32),
    /// What was lost of somebody's pictures comes after all.
    Late(usize),
    /// Somebody who sees another, one of those pairs, misses what it saw so many packets ago.
    Nack(usize, u16),
    /// Or wishes for a key frame.
    Wish(usize),
    Drain(bool),
    Order(usize),
    /// For everybody, or for all but one.
    Tickets(usize, bool),
    Moved(usize),
    MoveFailed(usize),
    Pass(u64),
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Audio), Just(Kind::Video)]
}

fn fate() -> impl Strategy<Value = Fate> {
    let seldom = || (any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(a, b, c)| a & b & c);
    (seldom(), seldom(), 0..4_u8).prop_map(|(keys, lost, obeys)| Fate {
        keys,
        lost,
        obeys: obeys > 0,
    })
}

/// What happens to cameras with layers.
fn watching() -> impl Strategy<Value = Step> {
    let who = 0..PEOPLE.len();
    let heights = prop::sample::select(vec![0, 100, 180, 360, 720, u16::MAX]);
    let rates = prop::sample::select(vec![50, 160, 320, 660, 1_000, 1_800, 3_000, 6_000]);
    prop_oneof![
        3 => (who.clone(), 0..2_usize).prop_map(|(w, m)| Step::Join(w, m, true)),
        4 => who.clone().prop_map(|w| Step::Connect(w, Kind::Video)),
        3 => (who.clone(), 1..4_u32, 1..4_usize).prop_map(|(w, s, n)| Step::Layers(w, s, n)),
        2 => (who.clone(), who.clone(), heights, 0..2_u8)
            .prop_map(|(w, of, h, p)| Step::Want(w, of, h, p)),
        1 => (who.clone(), rates.clone()).prop_map(|(w, kbps)| Step::Squeeze(w, kbps)),
        3 => (who.clone(), rates).prop_map(|(w, kbps)| Step::Estimate(w, kbps)),
        10 => (0..2_usize, fate(), prop_oneof![4 => 1..3_u32, 1 => 10..40_u32])
            .prop_map(|(m, fate, n)| Step::Pictures(m, fate, n)),
        1 => who.prop_map(Step::Late),
        4 => (0..64_usize, 0..80_u16).prop_map(|(pair, back)| Step::Nack(pair, back)),
        2 => (0..64_usize).prop_map(Step::Wish),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![3 => life(), 4 => watching()]
}

fn life() -> impl Strategy<Value = Step> {
    let who = 0..PEOPLE.len();
    let ssrc = 1..4_u32;
    prop_oneof![
        2 => (who.clone(), 0..2_usize, any::<bool>()).prop_map(|(w, m, i)| Step::Join(w, m, i)),
        1 => (who.clone(), any::<bool>()).prop_map(|(w, bye)| Step::Leave(w, bye)),
        3 => (who.clone(), kind(), ssrc.clone()).prop_map(|(w, k, s)| Step::Publish(w, k, s)),
        1 => (who.clone(), kind()).prop_map(|(w, k)| Step::Unpublish(w, k)),
        3 => (who.clone(), who.clone(), kind(), any::<bool>())
            .prop_map(|(w, to, k, on)| Step::Ask(w, to, k, on)),
        3 => (who.clone(), kind()).prop_map(|(w, k)| Step::Connect(w, k)),
        1 => (who.clone(), kind(), 0..3_usize).prop_map(|(w, k, n)| Step::Disconnect(w, k, n)),
        6 => (who.clone(), kind(), ssrc).prop_map(|(w, k, s)| Step::Send(w, k, s)),
        1 => (0..4_u8).prop_map(|n| Step::Drain(n == 0)),
        1 => (0..2_usize).prop_map(Step::Order),
        2 => (0..2_usize, 0..3_u8).prop_map(|(m, n)| Step::Tickets(m, n != 0)),
        2 => who.clone().prop_map(Step::Moved),
        1 => (who, 0..8_u8).prop_map(|(w, n)| match n {
            0 => Step::MoveFailed(w),
            1 => Step::Pass(4_000),
            _ => Step::Pass(100),
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn packets_reach_those_whom_the_model_says(steps in prop::collection::vec(step(), 1..120)) {
        let mut model = Model::new();
        for step in steps {
            model.step(step);
            model.check();
        }
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |it| it.parse().expect("a number"))
}

/// One router goes through everything, and keeps nothing of it.
#[test]
fn a_long_life_leaves_nothing_behind() {
    let (seed, operations) = (number("SEED", 1), number("OPERATIONS", 5_000));
    println!("SEED={seed} OPERATIONS={operations}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), random);
    let steps = step();
    let mut model = Model::new();
    for _ in 0..operations {
        model.step(steps.new_tree(&mut runner).unwrap().current());
        model.check();
    }
    let moves = model.house.shard.counters().moves;
    println!("moves: {moves:?}");
    assert!(moves.succeeded > 0 && moves.failed > 0, "{moves:?}");
    let video = *model.house.shard.counters().of(Kind::Video);
    println!("video: {video:?}");
    assert!(video.cuts > 0 && video.probes > 0 && video.repaired > 0);
    assert!(
        video.key_frames_in > 0 && model.judged > 0,
        "{}",
        model.judged
    );
    for who in 0..PEOPLE.len() {
        model.step(Step::Leave(who, false));
    }
    assert_eq!(model.house.shard.meetings(), 0);
    assert_eq!(model.house.shard.load().participants, 0);
}
