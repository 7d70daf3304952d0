//! What the estimate does on paths of all kinds: virtual time, the same every time.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

use std::cell::Cell;
use std::time::{Duration, Instant};

use plenum_emulator::Conditions;

use super::simulation::{MS, SECOND, Sample, World};
use super::{Delivered, Estimate, LOWEST};

const FRAME: Duration = Duration::from_millis(33);
const SMOOTH: Duration = Duration::from_millis(5);

/// 100 ms there and back.
fn path() -> Conditions {
    Conditions {
        delay: 50 * MS,
        ..Conditions::default()
    }
}

fn limited(rate: u64) -> Conditions {
    Conditions {
        rate: Some(rate),
        ..path()
    }
}

fn between(samples: &[Sample], from: Duration, until: Duration) -> Vec<u64> {
    let samples = samples
        .iter()
        .filter(|one| one.at >= from && one.at < until);
    samples.map(|one| one.estimates[0]).collect()
}

fn longest_queue(samples: &[Sample], from: Duration, until: Duration) -> Duration {
    let samples = samples
        .iter()
        .filter(|one| one.at >= from && one.at < until);
    samples.map(|one| one.queue).max().unwrap()
}

/// Mean, and standard deviation in percent of it.
fn spread(values: &[u64]) -> (u64, u64) {
    let count = values.len() as u64;
    let mean = values.iter().sum::<u64>() / count;
    let squares = values.iter().map(|value| value.abs_diff(mean).pow(2));
    let deviation = (squares.sum::<u64>() / count).isqrt();
    (mean, deviation * 100 / mean)
}

#[test]
fn a_tenth_lost_by_chance_leaves_room_for_what_is_sent() {
    for seed in 0..10 {
        let mut world = World::new(
            Conditions {
                loss: 0.1,
                ..path()
            },
            seed,
        );
        world.add(FRAME, |_, _| 2_000_000);
        world.run_until(60 * SECOND);
        let after = between(&world.samples, 3 * SECOND, 60 * SECOND);
        let least = *after.iter().min().unwrap();
        assert!(least > 2_000_000, "{least} with seed {seed}");
    }
}

#[test]
fn a_path_that_gets_narrow_is_noticed_and_so_is_one_that_gets_wide_again() {
    for every in [FRAME, SMOOTH] {
        let mut world = World::new(limited(3_000_000), 1);
        world.add(every, |_, estimate| estimate.min(2_500_000));
        world.run_until(20 * SECOND);
        let wide = between(&world.samples, 10 * SECOND, 20 * SECOND);
        assert!(wide.iter().all(|one| *one > 2_000_000), "{wide:?}");
        world.set(limited(500_000));
        world.run_until(50 * SECOND);
        let soon = between(&world.samples, 21 * SECOND, 22 * SECOND);
        assert!(soon.iter().all(|one| *one < 500_000), "{soon:?}");
        let queue = longest_queue(&world.samples, 22 * SECOND, 23 * SECOND);
        assert!(queue < 100 * MS, "{queue:?}");
        world.set(limited(3_000_000));
        world.run_until(70 * SECOND);
        let again = between(&world.samples, 60 * SECOND, 70 * SECOND);
        assert!(again.iter().all(|one| *one > 2_000_000), "{again:?}");
    }
}

#[test]
fn below_what_the_path_carries_nothing_moves_it() {
    for every in [FRAME, SMOOTH] {
        for percent in [60, 80, 95] {
            let offered = 2_000_000 * percent / 100;
            let mut world = World::new(limited(2_000_000), 1);
            world.add(every, move |_, _| offered);
            world.run_until(60 * SECOND);
            let steady = between(&world.samples, 10 * SECOND, 60 * SECOND);
            assert!(steady.iter().all(|one| *one >= offered), "{percent} %");
            let (_, deviation) = spread(&steady);
            assert!(deviation <= 3, "{deviation} % at {percent} %");
        }
    }
}

#[test]
fn a_sender_that_takes_all_swings_little() {
    for rate in [500_000, 3_000_000, 20_000_000] {
        let mut world = World::new(limited(rate), 1);
        world.add(SMOOTH, |_, estimate| estimate);
        world.run_until(90 * SECOND);
        let steady = between(&world.samples, 30 * SECOND, 90 * SECOND);
        let (mean, deviation) = spread(&steady);
        let queue = longest_queue(&world.samples, 30 * SECOND, 90 * SECOND);
        assert!(
            (rate * 3 / 4..rate * 21 / 20).contains(&mean),
            "{mean} of {rate}"
        );
        assert!(deviation <= 10, "{deviation} % of {rate}");
        assert!(queue < 150 * MS, "{queue:?} at {rate}");
    }
}

#[test]
fn jitter_is_no_queue() {
    for seed in 0..10 {
        for every in [FRAME, SMOOTH] {
            let conditions = Conditions {
                jitter: 30 * MS,
                ..path()
            };
            let mut world = World::new(conditions, seed);
            world.add(every, |_, _| 1_000_000);
            world.run_until(60 * SECOND);
            assert!(!world.estimate(0).has_met_a_limit(), "seed {seed}");
        }
    }
}

#[test]
fn packets_that_are_overtaken_are_not_lost() {
    let conditions = Conditions {
        reorder: 0.1,
        reorder_by: 10 * MS,
        ..path()
    };
    let mut world = World::new(conditions, 1);
    world.add(FRAME, |_, _| 2_000_000);
    world.run_until(60 * SECOND);
    assert!(!world.estimate(0).has_met_a_limit());
}

#[test]
fn two_senders_share_a_path() {
    for seed in 0..5 {
        let mut world = World::new(limited(3_000_000), seed);
        world.add(SMOOTH, |_, estimate| estimate);
        world.run_until(20 * SECOND);
        world.add(SMOOTH, |_, estimate| estimate);
        world.run_until(40 * SECOND);
        let before = [world.came(0), world.came(1)];
        world.run_until(100 * SECOND);
        let [one, other] = [0, 1].map(|place| world.came(place) - before[place]);
        assert!(one < 2 * other && other < 2 * one, "{one} {other}");
        let carried = (one + other) * 8 / 60;
        assert!(carried > 2_400_000, "{carried}");
    }
}

#[test]
fn a_path_that_drops_instead_of_queueing_is_known_by_its_loss() {
    let conditions = Conditions {
        queue: 10 * MS,
        ..limited(1_000_000)
    };
    let mut world = World::new(conditions, 1);
    world.add(SMOOTH, |_, estimate| estimate.min(4_000_000));
    world.run_until(60 * SECOND);
    let steady = between(&world.samples, 20 * SECOND, 60 * SECOND);
    let (mean, _) = spread(&steady);
    let most = *steady.iter().max().unwrap();
    assert!((900_000..1_300_000).contains(&mean), "{mean}");
    assert!(most < 1_600_000, "{most}");
}

#[test]
fn a_longer_path_is_not_a_queue_for_long() {
    let mut world = World::new(path(), 1);
    world.add(FRAME, |_, estimate| estimate.min(1_000_000));
    world.run_until(20 * SECOND);
    world.set(Conditions {
        delay: 100 * MS,
        ..path()
    });
    world.run_until(40 * SECOND);
    let later = between(&world.samples, 30 * SECOND, 40 * SECOND);
    assert!(later.iter().all(|one| *one > 1_000_000), "{later:?}");
    let least = *between(&world.samples, 20 * SECOND, 30 * SECOND)
        .iter()
        .min()
        .unwrap();
    assert!(least > 400_000, "{least}");
}

#[test]
fn a_large_frame_is_no_reason_to_send_less() {
    let mut world = World::new(limited(2_000_000), 1);
    // 40 kB every 3 s: 160 ms of the path.
    world.add(FRAME, |at, _| {
        let large = at.as_millis() % 3_000 < 33 && at > SECOND;
        if large { 9_600_000 } else { 700_000 }
    });
    world.run_until(60 * SECOND);
    let after = between(&world.samples, 5 * SECOND, 60 * SECOND);
    let least = *after.iter().min().unwrap();
    assert!(least > 1_000_000, "{least}");
}

#[test]
fn marks_are_taken_once_a_round_trip() {
    let start = Instant::now();
    let at = |ms: u32| start + MS * ms;
    let mut estimate = Estimate::new();
    // 960 kbit/s, 50 ms after it was sent.
    for number in 1..20 {
        let delivered = Delivered {
            sent: at(100 * number - 50),
            bytes: 12_000,
            packets: 10,
        };
        estimate.handle_delivered(delivered, at(100 * number));
    }
    let before = estimate.bits_per_s();
    estimate.handle_marked(at(1_950), at(2_000));
    let after = estimate.bits_per_s();
    assert!(after < before && after > 700_000, "{after}");
    estimate.handle_marked(at(1_960), at(2_010));
    assert_eq!(estimate.bits_per_s(), after, "sent before it was lowered");
    for number in 0..100 {
        estimate.handle_marked(at(2_050 + 100 * number), at(2_100 + 100 * number));
    }
    assert!(estimate.bits_per_s() >= LOWEST);
}

const LAYERS: [u64; 3] = [150_000, 650_000, 2_150_000];

/// As a router sends a picture in layers: down at once, up to the next when it has fitted with a
/// margin for a second, and every 2 s for a moment more than is needed, to learn whether it fits.
fn layers() -> impl Fn(Duration, u64) -> u64 {
    let state = Cell::new((LAYERS.len() - 1, Duration::ZERO));
    move |at, estimate| {
        let (before, since) = state.get();
        let fitting = LAYERS.iter().rposition(|layer| *layer <= estimate);
        let now = before.min(fitting.unwrap_or(0));
        let goal = LAYERS[(now + 1).min(LAYERS.len() - 1)];
        let fits = goal * 115 / 100 <= estimate;
        let waited = now == before && fits && at >= since + SECOND;
        state.set(match (waited, fits) {
            (true, _) => ((now + 1).min(LAYERS.len() - 1), at),
            (false, true) if now == before => (now, since),
            _ => (now, at),
        });
        let probes = at.as_millis() % 2_000 < 200 && !fits;
        let missing = if probes { goal - LAYERS[now] } else { 0 };
        LAYERS[now] + (missing * 2).min((estimate * 3 / 2).saturating_sub(LAYERS[now]))
    }
}

#[test]
fn layers_that_do_not_fit_are_not_tried_again_and_again() {
    for (narrow, fits) in [(500_000, 0), (1_000_000, 1)] {
        let mut world = World::new(limited(3_000_000), 1);
        world.add(FRAME, layers());
        world.run_until(20 * SECOND);
        world.set(limited(narrow));
        world.run_until(60 * SECOND);
        let meanwhile = between(&world.samples, 21 * SECOND, 60 * SECOND);
        let still = LAYERS[fits]..LAYERS[fits + 1] * 115 / 100;
        assert!(
            meanwhile.iter().all(|one| still.contains(one)),
            "{meanwhile:?}"
        );
        world.set(limited(3_000_000));
        world.run_until(80 * SECOND);
        let again = between(&world.samples, 69 * SECOND, 80 * SECOND);
        let highest = LAYERS[2] * 115 / 100;
        assert!(again.iter().all(|one| *one >= highest), "{again:?}");
    }
}
