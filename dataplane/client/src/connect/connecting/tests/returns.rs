//! Who was in, and comes back: to the zone where it was, unless the network is another one.

use crate::connect::words::Fault;

use super::world::*;
use super::*;

#[test]
fn who_comes_back_asks_where_it_was_without_a_lookup() {
    let mut world = world();
    world.known = true;
    world.zones.push(Zone::at(&[open(5.0)]));
    world.back = Some((0, DIRECT));
    let seen = world.join();
    assert_eq!((seen.lookups, seen.pinged.len()), (0, 0));
    assert_eq!((seen.found().zone, seen.ms()), (0, 40));
}

#[test]
fn who_comes_back_to_a_network_that_blocks_looks_around() {
    for (way, within) in [(Way::Hole, 2_500), (Way::Wrong(Fault::Refused), 1_000)] {
        let mut world = world();
        world.known = true;
        world.back = Some((0, DIRECT));
        world.zones = vec![Zone::at(&[way]).with_tunnel(&[open(40.0)])];
        let seen = world.join();
        assert_eq!(seen.found().path, tunnel(0, 0));
        assert!(seen.ms() < within, "{way:?}: {} ms", seen.ms());
    }
}

#[test]
fn who_comes_back_to_a_zone_that_is_away_looks_for_it_until_the_end() {
    let mut world = world();
    world.directories.clear();
    world.back = Some((0, DIRECT));
    world.zones = vec![Zone::at(&[Way::Wrong(Fault::Refused)])];
    let seen = world.join();
    assert!(seen.result.is_err());
    // After the first few tries once a second at least.
    let tries = seen.asked.len() + seen.pinged.len();
    let least = usize::try_from(world.within.as_secs()).unwrap();
    assert!(tries >= least, "{tries} tries in {} ms", seen.ms());
}

#[test]
fn who_comes_back_from_a_tunnel_goes_straight_where_that_works_again() {
    let mut world = world();
    world.known = true;
    world.back = Some((0, tunnel(0, 0)));
    world.zones = vec![Zone::at(&[open(40.0)]).with_tunnel(&[open(10.0)])];
    let seen = world.join();
    assert_eq!(seen.found().path, DIRECT);
    world.zones[0].ways = vec![Way::Hole];
    let seen = world.join();
    assert_eq!(seen.found().path, tunnel(0, 0));
    assert!(seen.ms() < 1_000, "{} ms", seen.ms());
}

#[test]
fn a_kept_answer_is_used_and_a_token_that_the_zone_does_not_take_is_renewed() {
    let mut world = world();
    world.known = true;
    assert_eq!(world.join().lookups, 0);
    world.zones[0].refusal = Some((Refusal::Forbidden, 1));
    let seen = world.join();
    assert_eq!((seen.lookups, seen.asked.len()), (1, 2));
    seen.found();
}

#[test]
fn home_is_the_same_zone_when_the_directory_names_it_in_another_place() {
    let mut world = world();
    world.known = true;
    world.turned = true;
    world.back = Some((0, DIRECT));
    world.zones.push(Zone::at(&[open(5.0)]));
    // The ticket is too old, and so is the token that was kept.
    world.zones[0].refusal = Some((Refusal::Forbidden, 1));
    let seen = world.join();
    assert_eq!(seen.lookups, 1);
    assert_eq!(seen.found().zone, 1, "the meeting is there");
    assert_eq!(seen.asked, [(0, DIRECT), (0, DIRECT)]);
}
