//! More doors than one network test may try: all of them have a say.

use crate::connect::words::Fault;

use super::world::*;

#[test]
fn a_door_that_only_an_earlier_test_could_try_may_still_come() {
    let certain = Zone {
        controllers: 6,
        ..Zone::at(&[Way::Wrong(Fault::Untrusted)])
    };
    let mut world = world();
    world.zones = vec![certain; 5];
    // The fifteenth of 27: the first test tries it, and the second begins with the nineteenth.
    world.zones[4] = Zone {
        controllers: 3,
        faults: vec![Fault::Untrusted; 2],
        ..Zone::at(&[Way::Comes(Fault::Refused, 1, clear(40.0))])
    };
    let seen = world.join();
    assert_eq!(seen.found().zone, 4);
    assert!(seen.ms() < 2_000, "{} ms", seen.ms());
}

#[test]
fn what_is_certain_is_told_though_one_of_many_tunnels_answers_pings() {
    let mut world = world();
    world.zones[0].faults = vec![Fault::Untrusted];
    // The last one is tried by the second test only, and leads to the same controller.
    world.zones[0].tunnels = vec![vec![Way::Wrong(Fault::Untrusted)]; 20];
    world.zones[0].tunnels.push(vec![open(40.0)]);
    let seen = world.join();
    let told = seen.error().to_string();
    assert!(told.contains("is not trusted"), "{told}");
    assert!(seen.ms() < 2_000, "{} ms", seen.ms());
}
