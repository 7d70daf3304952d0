//! Who is asked beside the others may answer at any time: in a network test, in a round, or in the
//! pause before one.

use crate::connect::words::Fault;

use super::world::*;
use super::*;

const NO_WAY: Way = Way::Wrong(Fault::Refused);

#[test]
fn what_home_says_while_others_are_looked_at_does_not_take_the_tunnels_away() {
    let mut full = Zone::at(&[open(1_000.0)]);
    full.refusal = Some((Refusal::ZoneFull, usize::MAX));
    let mut gone = full.clone();
    gone.refusal = Some((Refusal::UnknownMeeting, usize::MAX));
    // Each says no after 0.7 s, when others are looked at, and before 1.6 s, when tunnels are.
    for home in [full, gone, Zone::at(&[Way::Balancer(clear(400.0))])] {
        let mut world = world();
        world.known = true;
        world.back = Some((0, DIRECT));
        let what = (home.refusal, home.ways[0]);
        world.zones = vec![home, Zone::at(&[Way::Hole]).with_tunnel(&[open(40.0)])];
        let seen = world.join();
        assert_eq!(seen.found().path, tunnel(1, 0), "{what:?}");
        assert!(seen.ms() < 2_000, "{what:?}: {} ms", seen.ms());
    }
}

#[test]
fn who_has_spoken_while_others_are_looked_at_is_not_asked_by_its_own_tunnel() {
    let full = (Refusal::ZoneFull, 1);
    for refusal in [full, (Refusal::UnknownMeeting, usize::MAX)] {
        // It says so before tunnels are pinged, and while they are.
        for away in [1_000.0, 1_650.0] {
            let mut world = world();
            world.known = true;
            world.back = Some((0, DIRECT));
            // Its tunnel is the first to answer, and by far.
            let mut home = Zone::at(&[open(away)]).with_tunnel(&[open(20.0)]);
            home.refusal = Some(refusal);
            let other = Zone::at(&[Way::Hole]).with_tunnel(&[open(400.0)]);
            world.zones = vec![home, other];
            let seen = world.join();
            assert_eq!(seen.found().path, tunnel(1, 0), "{refusal:?} {away}");
            assert!(!seen.asked.contains(&(0, tunnel(0, 0))), "{seen:?}");
            if refusal == full {
                world.zones[1].tunnels.clear();
                let seen = world.join();
                assert_eq!((seen.zone, seen.found().path), (Some(0), DIRECT));
            }
        }
    }
}

#[test]
fn what_one_refuses_for_good_is_no_end_while_who_was_full_has_failed_once() {
    // The second zone answers after 0.3 s: in the pause, or while the first is silent.
    for after in [Some(Duration::from_secs(1)), None] {
        for code in [Refusal::Forbidden, Refusal::UnknownMeeting] {
            let mut world = world();
            // One ping and two questions, and then it has a moment of its own.
            world.zones = vec![
                Zone::at(&[Way::Misses(3, clear(10.0))]),
                Zone::at(&[open(300.0)]),
            ];
            world.zones[0].refusal = Some((Refusal::ZoneFull, 2));
            world.zones[0].retry_after = after;
            world.zones[1].refusal = Some((code, usize::MAX));
            let seen = world.join();
            assert_eq!(seen.found().zone, 0, "{code:?} {after:?}");
            assert_eq!(seen.asked[..4], [0, 0, 1, 0].map(|zone| (zone, DIRECT)));
        }
    }
}

#[test]
fn a_question_goes_on_where_the_meeting_is_too_when_home_says_that_it_is_full() {
    let mut world = world();
    world.known = true;
    world.back = Some((0, DIRECT));
    // Home says so while the other one, which is asked after the network test, has its answer on
    // the way.
    world.zones = vec![Zone::at(&[open(1_700.0)]), Zone::at(&[open(200.0)])];
    world.zones[0].refusal = Some((Refusal::MeetingFull, usize::MAX));
    world.zones[1].hosts = true;
    let seen = world.join();
    assert_eq!(seen.found().zone, 1, "{seen:?}");
    assert_eq!(seen.asked, [(0, DIRECT), (1, DIRECT)]);
    let answered = [1_700, 200].map(Duration::from_millis);
    let answered = [0, 1].map(|it| seen.asked_after[it] + answered[it]);
    assert!(seen.asked_after[1] < answered[0] && answered[0] < answered[1]);
    assert_eq!(seen.took, answered[1]);
}

#[test]
fn what_home_says_of_a_full_meeting_while_others_are_looked_at_is_no_end_of_those_that_have_it() {
    for code in [Refusal::MeetingFull, Refusal::TooManyRequests] {
        let mut world = world();
        world.known = true;
        world.back = Some((0, DIRECT));
        // Home says so after 1 s, 0.3 s after the network test has begun.
        world.zones = [1_000.0, 300.0, 5.0]
            .map(|away| Zone::at(&[open(away)]))
            .to_vec();
        world.zones[0].refusal = Some((code, usize::MAX));
        world.zones[1].hosts = true;
        let seen = world.join();
        assert_eq!(seen.found().zone, 1, "{code:?}: {seen:?}");
        assert_eq!(seen.ms(), 1_300, "{code:?}");
        assert!(seen.asked.iter().all(|(zone, _)| *zone != 2), "{seen:?}");
    }
}

#[test]
fn nobody_waits_for_an_answer_from_where_a_full_meeting_is_not() {
    let mut world = world();
    // The second is slow, and asked beside the first while that is full.
    world.zones = vec![Zone::at(&[open(10.0)]), Zone::at(&[open(400.0)])];
    world.zones[0].hosts = true;
    world.zones[0].before = Some((Refusal::ZoneFull, 2));
    world.zones[0].refusal = Some((Refusal::MeetingFull, 10));
    let seen = world.join();
    assert!(seen.asked.contains(&(1, DIRECT)), "{seen:?}");
    assert_eq!(seen.found().zone, 0, "{seen:?}");
}

#[test]
fn who_is_found_full_in_a_pause_is_asked_after_it_and_not_when_another_zone_wants() {
    // The first one is full and wants to be asked every two seconds; the second, which is slow, is
    // full when it is asked beside that, and has room a moment later.
    let (any, other) = (
        (300.0, false, Refusal::ZoneFull),
        (400.0, true, Refusal::MeetingFull),
    );
    for ((away, hosts, code), within) in [(any, 3_500), (other, 4_500)] {
        let mut world = world();
        world.zones = vec![Zone::at(&[open(10.0)]), Zone::at(&[open(away)])];
        world.zones[0].refusal = Some((Refusal::ZoneFull, usize::MAX));
        world.zones[0].retry_after = Some(Duration::from_secs(2));
        world.zones[1].refusal = Some((code, 1));
        world.zones[1].hosts = hosts;
        let seen = world.join();
        assert_eq!(seen.found().zone, 1, "{code:?}");
        assert!(seen.ms() < within, "{code:?}: {} ms", seen.ms());
        let asked = seen.asked.iter().filter(|(zone, _)| *zone == 0);
        assert_eq!(asked.count(), 2, "{code:?}: {seen:?}");
    }
}

#[test]
fn what_one_refuses_for_good_is_told_when_who_was_full_is_gone() {
    for after in [Some(Duration::from_secs(1)), None] {
        for fault in [Fault::Refused, Fault::Untrusted] {
            for given in [false, true] {
                let mut world = world();
                if given {
                    world.directories.clear();
                }
                // One ping and two questions, and then it is gone.
                world.zones = vec![
                    Zone::at(&[Way::Goes(fault, 3, clear(10.0))]),
                    Zone::at(&[open(300.0)]),
                ];
                world.zones[0].refusal = Some((Refusal::ZoneFull, usize::MAX));
                world.zones[0].retry_after = after;
                world.zones[1].refusal = Some((Refusal::Forbidden, usize::MAX));
                let seen = world.join();
                let what = (after, fault, given);
                let told = matches!(&seen.result, Err(JoinError::Refused { .. }));
                assert!(told, "{what:?}: {:?}", seen.result);
                assert!(seen.ms() < 8_000, "{what:?}: {} ms", seen.ms());
            }
        }
    }
}

#[test]
fn an_answer_that_is_slow_counts_though_the_next_one_has_been_asked() {
    // By a tunnel so far away it takes 1.25 s; the next one never answers, or fails at once.
    let slow = open(250.0);
    let next = clear(260.0);
    for other in [Way::Stalls(next), Way::Goes(Fault::Refused, 1, next)] {
        let one_zone = vec![
            Zone::at(&[NO_WAY])
                .with_tunnel(&[slow])
                .with_tunnel(&[other]),
        ];
        let two_zones = [slow, other].map(|way| Zone::at(&[NO_WAY]).with_tunnel(&[way]));
        for zones in [one_zone, two_zones.to_vec()] {
            let mut world = world();
            world.zones = zones;
            let seen = world.join();
            assert_eq!(seen.found().path, tunnel(0, 0), "{other:?}: {seen:?}");
            let [first, second] = seen.asked_after[..] else {
                panic!("{other:?}: {seen:?}")
            };
            assert_eq!(second, first + Duration::from_secs(1), "{other:?}");
            assert_eq!(seen.took, first + Duration::from_millis(1_250), "{other:?}");
        }
    }
}

/// Two zones by tunnels only. The first one answers after 1.25 s; the second much sooner, but it is
/// nearly full.
fn slow_and_nearly_full() -> World {
    let by_tunnel = |away| Zone::at(&[NO_WAY]).with_tunnel(&[open(away)]);
    let mut world = world();
    world.zones = vec![by_tunnel(250.0), by_tunnel(20.0)];
    world.zones[1].load = Some(0.94);
    world
}

#[test]
fn the_first_offer_counts_when_an_answer_is_slow() {
    let seen = slow_and_nearly_full().join();
    assert_eq!(seen.asked, [(0, tunnel(0, 0)), (1, tunnel(1, 0))]);
    assert_eq!(seen.found().path, tunnel(1, 0));
}

#[test]
fn an_answer_that_is_slow_is_waited_for_when_another_zone_refuses_for_good() {
    let mut world = slow_and_nearly_full();
    world.zones[1].refusal = Some((Refusal::Forbidden, usize::MAX));
    let seen = world.join();
    assert_eq!(seen.asked, [(0, tunnel(0, 0)), (1, tunnel(1, 0))]);
    assert_eq!(seen.found().path, tunnel(0, 0));
}

#[test]
fn nobody_is_asked_where_the_meeting_is_not_because_an_answer_is_slow_where_it_is() {
    let mut world = slow_and_nearly_full();
    world.zones[0].hosts = true;
    let seen = world.join();
    assert_eq!(seen.asked, [(0, tunnel(0, 0))]);
    assert_eq!(seen.found().path, tunnel(0, 0));
}
