//! What is wrong with one server, one way out or one router keeps nobody from the others.

use crate::connect::words::Fault;

use super::world::*;
use super::*;

#[test]
fn a_way_by_which_no_router_was_reached_is_not_taken_again_where_another_works() {
    let mut world = world();
    world.known = true;
    world.avoid = Some(DIRECT);
    let seen = world.join();
    assert_eq!(seen.found().path, DIRECT, "there is no other");
    world.zones = vec![Zone::at(&[open(40.0)]).with_tunnel(&[open(40.0)])];
    assert_eq!(world.join().found().path, tunnel(0, 0));
    world.outs = 2;
    world.directories[0].ways.push(open(40.0));
    world.zones[0].ways.push(open(40.0));
    world.zones[0].tunnels[0].push(open(40.0));
    assert_eq!(world.join().found().path, PROXY);
}

#[test]
fn a_way_by_which_no_router_was_reached_is_taken_where_no_other_works() {
    for blocked in [Way::Hole, Way::Wrong(Fault::Refused)] {
        let mut proxied = world();
        proxied.outs = 2;
        proxied.directories[0].ways.push(blocked);
        proxied.zones = vec![Zone::at(&[open(40.0), blocked])];
        let mut tunnelled = world();
        tunnelled.zones = vec![Zone::at(&[open(40.0)]).with_tunnel(&[blocked])];
        for mut world in [proxied, tunnelled] {
            world.known = true;
            world.avoid = Some(DIRECT);
            let seen = world.join();
            assert_eq!(seen.found().path, DIRECT, "{blocked:?}");
            assert!(seen.ms() < 2_000, "{blocked:?}: {} ms", seen.ms());
        }
    }
}

#[test]
fn a_way_is_the_last_choice_until_a_round_has_failed_without_it() {
    let mut world = world();
    world.known = true;
    world.outs = 2;
    world.avoid = Some(DIRECT);
    let slow = Way::Comes(Fault::Refused, 1, clear(40.0));
    world.zones = vec![Zone::at(&[slow, Way::Stalls(clear(40.0))])];
    assert_eq!(world.join().found().path, DIRECT);
}

#[test]
fn nor_is_it_the_last_choice_for_ever_where_another_zone_is_full() {
    let mut world = world();
    world.outs = 2;
    world.directories[0].ways.push(open(40.0));
    world.avoid = Some(DIRECT);
    world.zones = vec![
        Zone::at(&[open(40.0), Way::Stalls(clear(40.0))]),
        Zone::at(&[Way::Balancer(clear(40.0)); 2]),
    ];
    // The test is over before that one has answered.
    world.zones[1].load = Some(1.0);
    let seen = world.join();
    assert_eq!((seen.found().zone, seen.found().path), (0, DIRECT));
}

#[test]
fn twelve_controllers_that_are_blocked_leave_room_to_ask_by_the_proxy() {
    let mut world = world();
    world.outs = 2;
    world.directories[0].ways = vec![open(40.0), open(60.0)];
    world.zones = vec![Zone::at(&[Way::Hole, open(60.0)]); 4];
    for zone in &mut world.zones {
        zone.controllers = 4;
    }
    let seen = world.join();
    assert_eq!(seen.found().path, PROXY);
    assert!(seen.ms() < 1_500, "{} ms", seen.ms());
}

#[test]
fn a_tunnel_comes_before_zones_that_may_stall_like_the_others() {
    let mut world = world();
    let zone = |away| Zone::at(&[Way::Stalls(clear(away))]);
    world.zones = [40.0, 60.0, 80.0, 100.0].map(zone).into();
    world.zones[3] = world.zones[3].clone().with_tunnel(&[open(40.0)]);
    let seen = world.join();
    assert_eq!(seen.found().path, tunnel(3, 0));
    assert!(seen.ms() < 6_500, "{} ms", seen.ms());
}

#[test]
fn a_zone_that_was_too_slow_for_the_test_is_asked_when_the_fast_ones_stall() {
    let mut world = world();
    world.zones = vec![
        Zone::at(&[Way::Stalls(clear(10.0))]),
        Zone::at(&[open(300.0)]),
    ];
    let seen = world.join();
    assert_eq!(seen.found().zone, 1);
    assert!(seen.ms() < 5_000, "{} ms", seen.ms());
}

#[test]
fn a_way_that_was_too_slow_for_the_test_is_taken_when_the_fast_one_stalls() {
    let mut world = world();
    world.outs = 2;
    world.known = true;
    world.zones = vec![Zone::at(&[open(250.0), Way::Stalls(clear(10.0))])];
    world.zones[0].controllers = 2;
    for faults in [Vec::new(), vec![Fault::Refused]] {
        world.zones[0].faults = faults;
        let seen = world.join();
        assert_eq!(seen.found().path, DIRECT);
        assert!(seen.ms() < 5_000, "{} ms", seen.ms());
    }
}

#[test]
fn a_controller_is_waited_for_though_a_tunnel_answers_pings_and_nothing_else() {
    let mut world = world();
    let stalls = Way::Stalls(clear(5.0));
    world.zones = vec![Zone::at(&[open(330.0)]).with_tunnel(&[stalls])];
    let seen = world.join();
    assert_eq!(seen.found().path, DIRECT);
    assert!(seen.ms() < 6_500, "{} ms", seen.ms());
}

#[test]
fn a_server_that_is_hopeless_says_nothing_of_the_others() {
    let comes = Way::Comes(Fault::Refused, 3, clear(40.0));
    for fault in [Fault::Untrusted, Fault::ProxyLogin, Fault::Portal] {
        let mut zones = world();
        zones.zones = vec![Zone::at(&[Way::Wrong(fault)]), Zone::at(&[comes])];
        assert_eq!(zones.join().found().zone, 1, "{fault:?}");
        let mut directories = world();
        directories.directories[0].ways = vec![comes];
        let hopeless = Directory {
            ways: vec![Way::Wrong(fault)],
            says: Says::Yes,
        };
        directories.directories.insert(0, hopeless);
        directories.join().found();
    }
}

#[test]
fn a_controller_that_is_hopeless_says_nothing_of_the_others_of_its_zone() {
    for fault in [Fault::Untrusted, Fault::ProxyLogin, Fault::Portal] {
        let mut looked_up = world();
        looked_up.zones = vec![Zone::at(&[Way::Comes(Fault::Refused, 3, clear(40.0))])];
        looked_up.zones[0].controllers = 2;
        looked_up.zones[0].faults = vec![fault];
        let mut named = looked_up.clone();
        named.directories.clear();
        for world in [looked_up, named] {
            world.join().found();
        }
    }
}

#[test]
fn a_tunnel_is_worth_trying_as_long_as_one_controller_behind_it_is() {
    let mut world = world();
    let stalls = Way::Stalls(clear(40.0));
    world.zones = vec![Zone::at(&[Way::Wrong(Fault::ProxyForbids)]).with_tunnel(&[stalls])];
    world.zones[0].controllers = 2;
    world.zones[0].faults = vec![Fault::Untrusted];
    let seen = world.join();
    assert!(seen.asked.len() > 2 && seen.ms() > 10_000, "{seen:?}");
}

#[test]
fn a_zone_of_which_every_controller_is_hopeless_is_told_at_once() {
    let mut world = world();
    world.directories.clear();
    world.zones[0].controllers = 2;
    world.zones[0].faults = vec![Fault::Untrusted, Fault::Untrusted];
    let seen = world.join();
    assert!(seen.error().to_string().contains("is not trusted"));
    assert_eq!(seen.asked.len(), 1);
}

#[test]
fn a_network_that_seems_to_want_a_sign_in_is_given_a_second_look() {
    let comes = Way::Comes(Fault::Portal, 2, clear(40.0));
    let mut at_the_directory = world();
    at_the_directory.directories[0].ways = vec![comes];
    let mut at_the_zone = world();
    at_the_zone.zones = vec![Zone::at(&[comes])];
    for world in [at_the_directory, at_the_zone] {
        assert!(world.join().ms() < 1_500);
    }
}

#[test]
fn a_network_that_seems_to_want_a_sign_in_may_have_another_way_out() {
    let comes = Way::Comes(Fault::ProxyAway, 6, clear(40.0));
    let mut world = world();
    world.outs = 2;
    world.directories[0].ways = vec![Way::Wrong(Fault::Portal), comes];
    world.zones = vec![Zone::at(&[Way::Wrong(Fault::Portal), comes])];
    assert_eq!(world.join().found().path, PROXY);
}

#[test]
fn no_directory_is_asked_by_two_ways_at_once() {
    // Each question counts against those who guess passcodes.
    let mut world = world();
    world.outs = 2;
    world.directories[0].ways = vec![open(400.0), open(40.0)];
    world.zones[0].ways.push(open(40.0));
    world.directories[0].says = Says::No(Denial::WrongPasscode, None);
    let seen = world.join();
    assert_eq!((seen.reached, seen.lookups), (2, 1), "{seen:?}");
    // But by the other one, where the first leads nowhere after all.
    world.directories[0].says = Says::Yes;
    world.directories[0].ways[0] = Way::Stalls(clear(40.0));
    let seen = world.join();
    seen.found();
    assert_eq!(seen.lookups, 2);
}

#[test]
fn a_way_that_is_certain_to_fail_says_nothing_of_the_others() {
    // A zone in the house starts again, and the proxy lets nobody into the house.
    let comes = Way::Comes(Fault::Refused, 5, clear(40.0));
    for fault in [Fault::ProxyForbids, Fault::ProxyLogin, Fault::Untrusted] {
        let mut world = world();
        world.outs = 2;
        world.directories[0].ways = vec![comes, Way::Wrong(fault)];
        world.zones = vec![Zone::at(&[comes, Way::Wrong(fault)])];
        let seen = world.join();
        assert_eq!(seen.found().path, DIRECT, "{fault:?}");
    }
}

#[test]
fn the_only_zone_on_this_side_of_the_firewall_may_be_far_down_the_list() {
    for blocked in [
        Way::Hole,
        Way::Wrong(Fault::Refused),
        Way::Wrong(Fault::Untrusted),
    ] {
        let mut world = world();
        world.zones = vec![Zone::at(&[blocked]); 15];
        world.zones.push(Zone::at(&[open(40.0)]));
        let seen = world.join();
        assert_eq!(seen.found().zone, 15, "{blocked:?}");
        assert!(seen.ms() < 1_500, "{blocked:?}: {} ms", seen.ms());
    }
}

#[test]
fn doors_that_one_test_may_not_pay_for_are_tried_in_the_next() {
    let mut world = world();
    world.zones = vec![Zone::at(&[Way::Hole]); 9];
    for zone in &mut world.zones {
        zone.controllers = 2;
    }
    // The second door of the last zone is the eighteenth.
    world.zones[8].ways = vec![open(40.0)];
    world.zones[8].faults = vec![Fault::Silent];
    let seen = world.join();
    assert_eq!(seen.found().zone, 8);
    // As long as it takes to be sure that the others are silent.
    assert!(seen.ms() < 8_000, "{} ms", seen.ms());
}

#[test]
fn what_is_certain_of_some_doors_is_not_told_before_all_have_been_tried() {
    for fault in [Fault::Untrusted, Fault::ProxyForbids, Fault::ProxyLogin] {
        let mut world = world();
        // As many zones as a directory offers, and more doors than one test may try.
        world.zones = vec![Zone::at(&[Way::Wrong(fault)]); 5];
        for zone in &mut world.zones {
            zone.controllers = 4;
        }
        let seen = world.join();
        assert!(seen.result.is_err(), "{fault:?}");
        assert!(seen.ms() < 1_000, "{fault:?}: {} ms", seen.ms());
        world.zones[4].ways = vec![open(40.0)];
        world.zones[4].faults = vec![fault; 3];
        let seen = world.join();
        assert_eq!(seen.found().zone, 4, "{fault:?}");
        assert!(seen.ms() < 1_000, "{fault:?}: {} ms", seen.ms());
    }
}

#[test]
fn a_dead_proxy_that_is_still_in_the_settings_hides_no_door() {
    // It fails at once for as many doors as one test may try, which are more than are tried
    // straight ahead where those are silent.
    let mut world = world();
    world.outs = 2;
    let dead = Way::Wrong(Fault::ProxyAway);
    world.directories[0].ways.push(dead);
    world.zones = vec![Zone::at(&[Way::Hole, dead]); 48];
    world.zones[20].ways[0] = open(40.0);
    let seen = world.join();
    assert_eq!((seen.found().zone, seen.found().path), (20, DIRECT));
    // In the second test: as long as it takes to be sure that those of the first are silent.
    assert!(seen.ms() < 8_000, "{} ms", seen.ms());
}

#[test]
fn many_silent_tunnels_of_one_zone_leave_room_to_try_those_of_the_others() {
    let mut world = world();
    world.zones = vec![Zone::at(&[Way::Hole]); 3];
    for zone in &mut world.zones[..2] {
        zone.tunnels = vec![vec![Way::Hole]; 8];
    }
    world.zones[2].tunnels = vec![vec![open(40.0)]];
    let seen = world.join();
    assert_eq!(seen.found().path, tunnel(2, 0));
    assert!(seen.ms() < 2_000, "{} ms", seen.ms());
}

#[test]
fn a_directory_that_names_no_zone_keeps_nobody_from_one_that_does() {
    let mut world = world();
    let empty = Directory {
        ways: vec![open(10.0)],
        says: Says::Nothing,
    };
    world.directories.insert(0, empty);
    world.join().found();
    world.directories.pop();
    let seen = world.join();
    assert!(seen.error().to_string().contains("no zone is ready"));
}

#[test]
fn zones_that_answer_pings_and_then_nothing_keep_nobody_from_another() {
    let stalls = Way::Stalls(clear(10.0));
    let tunnelled = Zone::at(&[stalls])
        .with_tunnel(&[stalls])
        .with_tunnel(&[stalls]);
    // One of each two waits for the silence of the one before: 3 s, as long as for both.
    for (stalling, count) in [(Zone::at(&[stalls]), 5), (tunnelled, 3)] {
        for away in [40.0, 250.0] {
            let mut world = world();
            world.zones = vec![stalling.clone(); count];
            world.zones.push(Zone::at(&[open(away)]));
            let seen = world.join();
            assert_eq!(seen.found().zone, count, "{seen:?}");
            assert!(seen.ms() < 8_000, "{count} {away}: {} ms", seen.ms());
        }
    }
}
