//! Who begins a meeting where there are several zones names one before going there, and goes where
//! the directory says that it begins. 20 ms each way to all that nothing else is said of.

use proptest::prelude::*;

use crate::connect::words::Fault;

use super::world::*;
use super::*;

/// Zones so far away in round trips, of which the first is the nearest.
fn beginning(begins: Begins, away: &[f64]) -> World {
    let mut world = world();
    world.zones = away.iter().map(|away| Zone::at(&[open(*away)])).collect();
    world.begins = Some(begins);
    world
}

#[test]
fn to_begin_a_meeting_takes_one_round_trip_more() {
    let mut world = beginning(Begins::WhereNamed, &[40.0, 200.0]);
    let seen = world.join();
    assert_eq!((seen.zone, &seen.named[..]), (Some(0), &[0][..]));
    let began = seen.ms();
    world.begins = None;
    let seen = world.join();
    assert_eq!(began, seen.ms() + 40);
    assert_eq!((seen.lookups, &seen.named[..]), (1, &[][..]));
}

#[test]
fn who_comes_second_goes_where_the_first_is_on_the_way_to() {
    // It has answered by then, or not yet.
    for away in [45.0, 200.0] {
        let seen = beginning(Begins::In(1), &[40.0, away]).join();
        assert_eq!((seen.zone, &seen.named[..]), (Some(1), &[0][..]), "{away}");
        assert_eq!(seen.asked, [(1, DIRECT)], "{away}");
    }
}

#[test]
fn a_directory_that_fails_or_is_silent_keeps_nobody_from_the_own_choice() {
    let link = clear(40.0);
    let ways = [
        (Way::Goes(Fault::Refused, 1, link), 1),
        (Way::Misses(1, link), 400),
    ];
    for (way, longer) in ways {
        let mut world = beginning(Begins::In(1), &[40.0, 200.0]);
        let undisturbed = World {
            begins: None,
            ..world.clone()
        };
        world.directories[0].ways = vec![way];
        let seen = world.join();
        assert_eq!((seen.zone, &seen.named[..]), (Some(0), &[0][..]), "{way:?}");
        assert_eq!(seen.ms(), undisturbed.join().ms() + longer, "{way:?}");
    }
}

#[test]
fn one_that_refuses_by_then_keeps_nobody_out() {
    let mut world = beginning(Begins::In(1), &[40.0, 200.0]);
    world.directories[0].says = Says::Once(Denial::TooManyRequests);
    let seen = world.join();
    assert_eq!((seen.zone, seen.lookups), (Some(0), 2));
}

#[test]
fn a_zone_that_was_not_offered_before_is_gone_to() {
    let seen = beginning(Begins::InAnother, &[40.0, 60.0, 200.0]).join();
    assert_eq!((seen.zone, &seen.named[..]), (Some(2), &[0][..]));
}

#[test]
fn who_cannot_get_to_where_the_others_are_gets_in_all_the_same() {
    for way in [Way::Hole, Way::Wrong(Fault::Refused)] {
        let mut world = beginning(Begins::In(1), &[40.0, 60.0]);
        world.zones[1].ways = vec![way];
        let seen = world.join();
        assert_eq!(seen.zone, Some(0), "{way:?}");
        assert!(seen.ms() < 1_500, "{way:?}: {} ms", seen.ms());
    }
}

#[test]
fn the_own_choice_is_waited_for_no_longer_than_any_zone_where_nobody_is() {
    let mut world = beginning(Begins::WhereNamed, &[40.0, 60.0]);
    world.zones[0].ways = vec![Way::Stalls(clear(40.0))];
    let seen = world.join();
    assert_eq!(seen.asked, [(0, DIRECT), (1, DIRECT)]);
    assert!(seen.ms() < 2_000, "{} ms", seen.ms());
}

#[test]
fn tunnels_lead_to_where_the_others_are() {
    for (begins, zone) in [(Begins::WhereNamed, 0), (Begins::In(1), 1)] {
        let mut world = beginning(begins, &[40.0, 40.0]);
        for (number, away) in [(0, 40.0), (1, 60.0)] {
            world.zones[number] = Zone::at(&[Way::Hole]).with_tunnel(&[open(away)]);
        }
        let seen = world.join();
        assert_eq!(seen.found().path, tunnel(zone, 0));
        assert_eq!(seen.named, [0]);
    }
}

fn links() -> impl Strategy<Value = Vec<Way>> {
    let link = (1.0..250.0_f64, 0.0..20.0_f64);
    let way = link.prop_map(|(round_trip, jitter)| {
        Way::Open(Link {
            round_trip,
            jitter,
            loss: 0.0,
        })
    });
    prop::collection::vec(way, 2..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..Default::default() })]
    #[test]
    fn all_who_begin_a_meeting_come_to_the_zone_of_the_first(
        first in links(), seeds in prop::collection::vec(any::<u64>(), 1..4),
    ) {
        let at = |ways: &[Way], begins, seed| World {
            zones: ways.iter().map(|way| Zone::at(&[*way])).collect(),
            begins: Some(begins),
            seed,
            ..world()
        };
        let begun = at(&first, Begins::WhereNamed, 1).join();
        let zone = begun.zone.unwrap();
        prop_assert_eq!(&begun.named, &[zone]);
        // Others are nearer to others.
        for seed in seeds {
            let mut ways = first.clone();
            ways.rotate_left(usize::try_from(seed % 7).unwrap() % first.len());
            let other = at(&ways, Begins::In(zone), seed).join();
            prop_assert_eq!(other.zone, Some(zone), "{:?}", other);
        }
    }
}
