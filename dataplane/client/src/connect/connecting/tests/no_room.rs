//! Who comes back to a zone that has no room, or no such meeting any more: there may be others.

use crate::connect::words::Fault;

use super::world::*;
use super::*;

const NO_ROUTER: [Refusal; 3] = [
    Refusal::ZoneFull,
    Refusal::ZoneOverloaded,
    Refusal::NoRouter,
];
/// The zone has room, or may have, and the others of the meeting are there.
const NOT_NOW: [Refusal; 2] = [Refusal::MeetingFull, Refusal::TooManyRequests];

/// After how long a zone may want to be asked again; the real one says 1 s.
const RETRY_AFTER: [Option<Duration>; 3] = [
    None,
    Some(Duration::from_secs(1)),
    Some(Duration::from_secs(3)),
];

/// Zones that take nobody, in every way in which one can.
fn closed() -> impl Iterator<Item = Zone> {
    let codes = NO_ROUTER.into_iter().chain([Refusal::UnknownMeeting]);
    let refusing = codes.flat_map(|code| {
        RETRY_AFTER.map(|after| {
            let mut zone = Zone::at(&[open(40.0)]);
            zone.refusal = Some((code, usize::MAX));
            zone.retry_after = after.filter(|_| code.passes());
            zone
        })
    });
    refusing.chain([Zone::at(&[Way::Balancer(clear(40.0))])])
}

/// Somebody who was in the first zone.
fn back() -> World {
    let mut world = world();
    world.known = true;
    world.back = Some((0, DIRECT));
    world
}

#[test]
fn another_zone_that_was_offered_takes_who_comes_back() {
    for home in closed() {
        let mut world = back();
        let what = (home.refusal, home.retry_after, home.ways[0]);
        world.zones = vec![home, Zone::at(&[open(60.0)])];
        let seen = world.join();
        assert_eq!(seen.found().zone, 1, "{what:?}");
        // The moment that home has, and what looking around costs.
        assert!(seen.ms() < 1_200, "{what:?}: {} ms", seen.ms());
    }
}

#[test]
fn a_zone_that_was_not_offered_before_takes_who_comes_back() {
    for home in closed() {
        let mut world = back();
        let what = (home.refusal, home.retry_after, home.ways[0]);
        world.gone = vec![home];
        let seen = world.join();
        assert_eq!((seen.zone, seen.lookups), (Some(0), 1), "{what:?}");
        assert!(seen.ms() < 2_000, "{what:?}: {} ms", seen.ms());
    }
}

#[test]
fn nobody_leaves_a_zone_that_is_full_for_a_moment() {
    for code in NO_ROUTER.into_iter().chain(NOT_NOW) {
        let mut world = back();
        world.zones.push(Zone::at(&[open(5.0)]));
        world.zones[0].refusal = Some((code, 2));
        let seen = world.join();
        assert_eq!(seen.found().zone, 0, "{code:?}");
        assert_eq!((seen.lookups, seen.pinged.len()), (0, 0), "{code:?}");
    }
}

#[test]
fn a_zone_that_would_have_others_wait_is_asked_once_more_before_it_is_left() {
    for code in NO_ROUTER {
        for after in RETRY_AFTER {
            let mut world = back();
            world.zones.push(Zone::at(&[open(5.0)]));
            world.zones[0].refusal = Some((code, 1));
            world.zones[0].retry_after = after;
            let seen = world.join();
            assert_eq!(seen.found().zone, 0, "{code:?} {after:?}");
            assert!(seen.ms() < 1_200, "{code:?} {after:?}: {} ms", seen.ms());
        }
    }
}

#[test]
fn how_soon_one_zone_may_be_asked_again_says_nothing_of_another() {
    for full in [[0, 1], [1, 0]] {
        let mut world = world();
        world.zones = vec![Zone::at(&[open(40.0)]), Zone::at(&[open(60.0)])];
        world.zones[full[0]].refusal = Some((Refusal::ZoneOverloaded, usize::MAX));
        world.zones[full[0]].retry_after = Some(Duration::from_secs(3));
        world.zones[full[1]].refusal = Some((Refusal::ZoneFull, 3));
        let seen = world.join();
        assert_eq!(seen.found().zone, full[1]);
        assert!(seen.ms() < 1_500, "{} ms", seen.ms());
        let asked = seen.asked.iter().filter(|(zone, _)| *zone == full[0]);
        assert_eq!(asked.count(), 1, "{seen:?}");
    }
}

#[test]
fn a_network_test_brings_no_question_forward() {
    let wait = Duration::from_secs(3);
    let mut world = back();
    world.zones.push(Zone::at(&[open(60.0)]));
    for zone in &mut world.zones {
        zone.refusal = Some((Refusal::ZoneFull, usize::MAX));
    }
    world.within = Duration::from_secs(60);
    // Home has its second question before it is left.
    for (patient, early) in [(0, 1), (1, 0)] {
        let mut world = world.clone();
        world.zones[patient].retry_after = Some(wait);
        let seen = world.join();
        let asked = seen.asked.iter().zip(&seen.asked_after);
        let asked = asked.filter(|((zone, _), _)| *zone == patient);
        let asked: Vec<Duration> = asked.map(|(_, after)| *after).collect();
        assert!(asked.len() > 10, "{asked:?}");
        let gaps = asked.windows(2).map(|two| two[1].saturating_sub(two[0]));
        let gaps: Vec<Duration> = gaps.skip(early).collect();
        assert!(gaps.iter().all(|gap| *gap >= wait), "{gaps:?}");
    }
}

#[test]
fn who_was_asked_beside_the_others_and_is_full_is_not_asked_before_its_time() {
    let mut world = world();
    world.zones = vec![Zone::at(&[open(10.0)]), Zone::at(&[open(300.0)])];
    world.zones[0].refusal = Some((Refusal::ZoneFull, 6));
    world.zones[1].refusal = Some((Refusal::ZoneFull, usize::MAX));
    world.zones[1].retry_after = Some(Duration::from_secs(3));
    let seen = world.join();
    assert_eq!(seen.found().zone, 0);
    let aside = seen.asked.iter().filter(|(zone, _)| *zone == 1);
    assert_eq!(aside.count(), 1, "{seen:?}");
}

#[test]
fn who_was_asked_beside_the_others_and_is_full_is_waited_for_when_those_are_gone() {
    let mut world = world();
    // The first is full twice, and then away. The second is asked before it each time, and takes
    // long enough to say no for the third to be heard, which was too slow for the network test.
    world.zones = vec![
        Zone::at(&[Way::Goes(Fault::Refused, 3, clear(10.0))]),
        Zone::at(&[open(250.0)]),
        Zone::at(&[open(310.0)]),
    ];
    world.zones[0].load = Some(1.0);
    world.zones[0].refusal = Some((Refusal::ZoneFull, usize::MAX));
    world.zones[1].refusal = Some((Refusal::UnknownMeeting, usize::MAX));
    world.zones[2].refusal = Some((Refusal::ZoneFull, 1));
    let seen = world.join();
    assert_eq!(seen.found().zone, 2, "{seen:?}");
}

#[test]
fn another_zone_that_is_back_later_takes_whom_the_first_one_has_no_room_for() {
    for home in closed().filter(|zone| zone.refusal.is_some_and(|(code, _)| code.passes())) {
        let mut world = back();
        let starts = Way::Comes(Fault::Refused, 1, clear(60.0));
        world.zones = vec![home, Zone::at(&[starts])];
        for back in [world.back, None] {
            world.back = back;
            let seen = world.join();
            assert_eq!(seen.found().zone, 1);
            assert!(seen.ms() < 8_000, "{} ms", seen.ms());
        }
    }
}

#[test]
fn a_directory_that_is_away_keeps_nobody_from_another_zone() {
    for way in [Way::Hole, Way::Wrong(Fault::Refused)] {
        for home in closed() {
            let mut world = back();
            world.directories[0].ways = vec![way];
            world.zones = vec![home, Zone::at(&[open(60.0)])];
            let seen = world.join();
            assert_eq!(seen.found().zone, 1);
            assert!(seen.ms() < 2_000, "{} ms", seen.ms());
        }
    }
}

#[test]
fn a_full_zone_is_told_when_there_is_no_other_and_the_directory_not_asked_without_end() {
    let mut world = back();
    world.zones[0].refusal = Some((Refusal::ZoneFull, usize::MAX));
    world.zones.push(world.zones[0].clone());
    let seen = world.join();
    assert!(seen.error().to_string().contains("full"), "{seen:?}");
    assert!((1..=4).contains(&seen.lookups), "{} lookups", seen.lookups);
    assert!((10_000..=15_000).contains(&seen.ms()), "{} ms", seen.ms());
}

#[test]
fn a_meeting_that_no_zone_knows_any_more_is_what_the_directory_says_of_it() {
    let mut world = back();
    world.zones[0].refusal = Some((Refusal::UnknownMeeting, usize::MAX));
    let seen = world.join();
    let told = seen.error().to_string();
    assert!(told.contains("no such meeting"), "{told}");
    assert_eq!((seen.lookups, seen.asked.len()), (1, 2));
    world.zones.push(world.zones[0].clone());
    world.directories[0].says = Says::No(Denial::Over, None);
    let seen = world.join();
    assert!(seen.error().to_string().contains("is over"), "{seen:?}");
    assert_eq!(seen.lookups, 1);
    assert!(seen.ms() < 1_000, "{} ms", seen.ms());
}

#[test]
fn a_proxy_is_no_other_zone_in_which_the_meeting_may_be() {
    let mut world = back();
    world.outs = 2;
    world.directories[0].ways.push(open(60.0));
    world.zones = vec![Zone::at(&[open(40.0), open(60.0)])];
    world.zones[0].refusal = Some((Refusal::UnknownMeeting, usize::MAX));
    let seen = world.join();
    let told = seen.error().to_string();
    assert!(told.contains("no such meeting"), "{told}");
    // Once by what was kept, and once by what the directory says.
    assert_eq!((seen.lookups, seen.asked.len()), (1, 2), "{seen:?}");
}

#[test]
fn what_is_wrong_with_the_question_itself_is_told_at_once() {
    let mut world = back();
    world.zones.push(Zone::at(&[open(5.0)]));
    world.zones[0].refusal = Some((Refusal::BadRequest, usize::MAX));
    let seen = world.join();
    assert_eq!((seen.lookups, seen.asked.len()), (0, 1), "{seen:?}");
    assert!(seen.result.is_err());
    assert_eq!(seen.ms(), 40);
}

#[test]
fn nobody_leaves_a_zone_where_only_the_meeting_is_full_or_that_is_asked_too_often() {
    for code in NOT_NOW {
        let mut world = back();
        world.zones.push(Zone::at(&[open(5.0)]));
        world.zones[0].refusal = Some((code, 10));
        let seen = world.join();
        assert_eq!(seen.found().zone, 0, "{code:?}");
        assert!(seen.ms() > 2_000, "{code:?}: {} ms", seen.ms());
        // But for where the meeting goes on now, if the directory knows.
        world.gone = vec![world.zones[0].clone()];
        world.gone[0].refusal = Some((code, usize::MAX));
        world.zones.remove(0);
        let seen = world.join();
        assert_eq!((seen.zone, seen.lookups), (Some(0), 1), "{code:?}");
        assert!(seen.ms() < 2_000, "{code:?}: {} ms", seen.ms());
    }
}

#[test]
fn by_whatever_way_somebody_comes_back_the_others_of_a_full_meeting_are_where_it_was() {
    let mut by_tunnel = back();
    by_tunnel.zones[0] = Zone::at(&[open(40.0)]).with_tunnel(&[open(40.0)]);
    by_tunnel.back = Some((0, tunnel(0, 0)));
    let mut blamed = back();
    blamed.avoid = Some(DIRECT);
    let mut far = back();
    far.zones[0] = Zone::at(&[open(900.0)]);
    for mut world in [by_tunnel, blamed, far] {
        world.zones.push(Zone::at(&[open(5.0)]));
        for code in NOT_NOW {
            for after in RETRY_AFTER {
                world.zones[0].refusal = Some((code, 3));
                world.zones[0].retry_after = after;
                let seen = world.join();
                assert_eq!(seen.found().zone, 0, "{code:?} {after:?}: {seen:?}");
                assert!(seen.asked.iter().all(|(zone, _)| *zone == 0), "{seen:?}");
            }
        }
    }
}

#[test]
fn a_zone_that_the_directory_names_beside_home_does_not_take_who_was_in_a_full_meeting() {
    for code in NOT_NOW {
        let mut world = back();
        world.zones[0].refusal = Some((code, 10));
        world.zones.push(Zone::at(&[open(5.0)]));
        // By what was kept there was only home.
        world.unknown = 1;
        let seen = world.join();
        assert!(seen.lookups > 0, "{code:?}");
        assert_eq!(seen.found().zone, 0, "{code:?}");
        assert!(seen.asked.iter().all(|(zone, _)| *zone == 0), "{seen:?}");
    }
}

#[test]
fn who_joins_a_full_meeting_waits_for_room_in_it_and_opens_no_second_one() {
    let mut world = world();
    world.zones = vec![Zone::at(&[open(40.0)]), Zone::at(&[open(60.0)])];
    world.zones[0].refusal = Some((Refusal::MeetingFull, 5));
    assert_eq!(world.join().found().zone, 1, "the meeting may be anywhere");
    world.zones[0].hosts = true;
    let seen = world.join();
    assert_eq!(seen.found().zone, 0);
    assert_eq!(seen.asked.len(), 6, "{seen:?}");
}
