//! Random lives of a few people beside a model that keeps lists and nothing else: they come,
//! go, publish, and send, their router is drained or not, and their meetings move away or stay.
//!
//! `OPERATIONS=1000000 SEED=7 cargo test -p plenum-router --test spec -- --nocapture a_long_life`
//! lives one long life; `make soak-model` is that with a million operations.

use std::time::Duration;

use plenum_wire::Kind;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use life::Model;

mod life;
mod moves;

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

fn step() -> impl Strategy<Value = Step> {
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
    for who in 0..PEOPLE.len() {
        model.step(Step::Leave(who, false));
    }
    assert_eq!(model.house.shard.meetings(), 0);
    assert_eq!(model.house.shard.load().participants, 0);
}
