//! Three zones 5, 60 and 150 ms away, one of them overloaded, over bad networks.

use super::world::*;

/// A zone so far away, in round trips; the network adds a tenth of jitter and loses one packet
/// in a hundred.
fn zone(round_trip: f64, load: f64) -> Zone {
    let link = Link {
        round_trip,
        jitter: 5.0 + round_trip / 10.0,
        loss: 0.01,
    };
    let mut zone = Zone::at(&[Way::Open(link)]);
    zone.controllers = 2;
    zone.load = Some(load);
    zone
}

/// Trials of a thousand in which the right one was chosen, and the slowest test. Distances as
/// round trips and as one-way delays both.
fn right(overloaded: usize, expected: usize, scale: f64) -> (usize, u128) {
    let mut right = 0;
    let mut slowest = 0;
    for seed in 0..1_000 {
        let mut world = world();
        let distances = [5.0, 60.0, 150.0].into_iter().enumerate();
        world.zones = distances
            .map(|(index, away)| zone(away * scale, if index == overloaded { 0.97 } else { 0.4 }))
            .collect();
        world.seed = seed;
        let seen = world.join();
        let found = seen.found();
        let test = found.steps.test.expect("there is something to choose");
        slowest = slowest.max(test.as_millis());
        right += usize::from(found.zone == expected);
    }
    (right, slowest)
}

#[test]
fn the_right_zone_is_chosen_in_99_of_100_trials_within_a_second() {
    for scale in [1.0, 2.0] {
        for (overloaded, expected) in [(0, 1), (1, 0), (2, 0)] {
            let (right, slowest) = right(overloaded, expected, scale);
            println!("{right} of 1000 with zone {overloaded} overloaded, at most {slowest} ms");
            assert!(
                right >= 990,
                "{right} of 1000 with zone {overloaded} overloaded"
            );
            assert!(slowest < 1_000, "the slowest test took {slowest} ms");
        }
    }
}
