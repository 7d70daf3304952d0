//! Who gets in, by which way, and how long it takes: 20 ms each way unless said otherwise.

use crate::connect::words::{Fault, Target};

use super::world::*;
use super::*;

/// What a router still needs after its offer: its control channel and media.
const MEDIA: u128 = 400;

#[test]
fn an_open_network_costs_the_round_trips_of_the_steps() {
    let seen = world().join();
    assert_eq!(seen.found().path, DIRECT);
    // TCP, TLS and the request of the lookup; the same of the test; the question.
    assert_eq!(seen.ms(), 3 * 40 + 3 * 40 + 40);
    // The choice is clear with the first answer, and the connection free for the question.
    assert_eq!(seen.pings, 1);
    let steps = seen.found().steps;
    let ms = |step: Option<Duration>| step.map(|step| step.as_millis());
    assert_eq!(
        (ms(steps.lookup), ms(steps.test), ms(steps.router)),
        (Some(120), Some(120), Some(40))
    );
}

#[test]
fn a_zone_that_the_user_names_is_asked_at_once() {
    let mut world = world();
    world.directories.clear();
    let seen = world.join();
    assert_eq!((seen.lookups, seen.pinged.len(), seen.ms()), (0, 0, 40));
    assert_eq!(seen.found().steps.test, None);
}

#[test]
fn the_second_directory_answers_when_the_first_does_not() {
    for first in [Way::Hole, Way::Wrong(Fault::UnknownName)] {
        let mut world = world();
        let replica = world.directories[0].clone();
        world.directories.insert(
            0,
            Directory {
                ways: vec![first],
                says: Says::Yes,
            },
        );
        assert_eq!(world.directories[1].ways, replica.ways);
        let seen = world.join();
        seen.found();
        assert!(seen.ms() <= 280 + 250, "{first:?}: {seen:?}");
    }
}

#[test]
fn a_replica_that_has_not_heard_of_the_meeting_does_not_overrule_the_directory() {
    let mut world = world();
    world.directories[0].ways = vec![open(300.0)];
    world.directories.push(Directory {
        ways: vec![open(10.0)],
        says: Says::No(Denial::UnknownMeeting, None),
    });
    let seen = world.join();
    assert_eq!(seen.lookups, 2);
    seen.found();
}

#[test]
fn one_of_two_names_that_dns_does_not_know_costs_nothing() {
    let mut world = world();
    world
        .zones
        .push(Zone::at(&[Way::Wrong(Fault::UnknownName)]));
    let seen = world.join();
    assert_eq!((seen.found().zone, seen.ms()), (0, 280));
}

#[test]
fn only_a_proxy_leads_out() {
    for blocked in [Way::Hole, Way::Wrong(Fault::Refused)] {
        let mut world = world();
        world.outs = 2;
        world.directories[0].ways = vec![blocked, open(60.0)];
        world.zones = vec![Zone::at(&[blocked, open(60.0)])];
        let seen = world.join();
        assert_eq!(seen.found().path, PROXY);
        assert!(seen.ms() + MEDIA < 1_500, "{blocked:?}: {} ms", seen.ms());
    }
}

#[test]
fn a_zone_in_the_house_is_reached_straight_though_the_directory_is_behind_the_proxy() {
    let mut world = world();
    world.outs = 2;
    world.directories[0].ways = vec![Way::Hole, open(60.0)];
    world.zones = vec![Zone::at(&[open(60.0), open(20.0)])];
    assert_eq!(world.join().found().path, DIRECT);
}

#[test]
fn a_tunnel_carries_where_every_controller_is_silent_or_refuses() {
    for (blocked, at_least) in [(Way::Hole, 1_000), (Way::Wrong(Fault::Refused), 0)] {
        let mut world = world();
        world.zones = vec![Zone::at(&[blocked]).with_tunnel(&[open(40.0)])];
        let seen = world.join();
        assert_eq!(seen.found().path, tunnel(0, 0));
        assert!(seen.ms() >= at_least, "{} ms", seen.ms());
        // What follows goes by the tunnel too: twice the handshakes.
        assert!(
            seen.ms() + 2 * MEDIA < 2_500,
            "{blocked:?}: {} ms",
            seen.ms()
        );
    }
}

#[test]
fn the_nearest_of_three_tunnels_carries() {
    for nearest in 0..3 {
        let mut zone = Zone::at(&[Way::Hole]);
        for index in 0..3 {
            let away = if index == nearest { 40.0 } else { 90.0 };
            zone = zone.with_tunnel(&[open(away)]);
        }
        let mut world = world();
        world.zones = vec![zone];
        assert_eq!(world.join().found().path, tunnel(0, nearest));
    }
}

#[test]
fn a_slow_controller_is_preferred_to_a_tunnel_that_is_as_slow() {
    let mut world = world();
    world.zones = vec![Zone::at(&[open(400.0)]).with_tunnel(&[open(400.0)])];
    let seen = world.join();
    assert_eq!(seen.found().path, DIRECT);
    assert!(seen.ms() > 1_000);
}

#[test]
fn a_controller_that_answers_pings_and_then_stalls_is_given_up_for_a_tunnel() {
    let link = Link {
        round_trip: 40.0,
        jitter: 0.0,
        loss: 0.0,
    };
    let mut world = world();
    world.zones = vec![Zone::at(&[Way::Stalls(link)]).with_tunnel(&[open(40.0)])];
    let seen = world.join();
    assert_eq!(seen.found().path, tunnel(0, 0));
    assert!(seen.ms() < 6_500, "{} ms", seen.ms());
}

#[test]
fn tunnels_are_left_alone_as_long_as_a_controller_answers() {
    let mut world = world();
    world.zones = vec![Zone::at(&[open(40.0)]).with_tunnel(&[open(10.0)])];
    world.zones[0].refusal = Some((Refusal::ZoneFull, 20));
    let seen = world.join();
    assert_eq!(seen.found().path, DIRECT);
    let tunnels = seen
        .pinged
        .iter()
        .filter(|it| matches!(it, Target::Tunnel(_)));
    assert_eq!(tunnels.count(), 0, "{seen:?}");
}

#[test]
fn tunnels_are_left_alone_however_long_zones_have_been_full_before() {
    let mut world = world();
    let mut zone = Zone::at(&[open(40.0)]).with_tunnel(&[open(5.0)]);
    zone.refusal = Some((Refusal::ZoneFull, 30));
    world.zones = vec![zone; 2];
    world.within = Duration::from_secs(60);
    let seen = world.join();
    assert_eq!(seen.found().path, DIRECT);
    let by_tunnels = seen.asked.iter().filter(|(_, path)| path.tunnel.is_some());
    assert_eq!(by_tunnels.count(), 0, "{seen:?}");
    // The time that the zones were full for is not that of choosing between them.
    let steps = seen.found().steps;
    assert!(seen.ms() > 10_000 && steps.test < Some(Duration::from_secs(1)));
    let all = [steps.lookup, steps.test, steps.router]
        .into_iter()
        .flatten();
    assert_eq!(all.sum::<Duration>(), seen.took);
}

#[test]
fn the_next_zone_is_asked_when_the_first_is_full_or_refuses() {
    for refusal in [Refusal::ZoneFull, Refusal::UnknownMeeting] {
        let mut world = world();
        world.zones.push(Zone::at(&[open(60.0)]));
        world.zones[0].refusal = Some((refusal, usize::MAX));
        let seen = world.join();
        assert_eq!(seen.found().zone, 1, "{refusal:?}");
        assert_eq!(seen.asked.len(), 2);
    }
}

#[test]
fn a_zone_that_was_too_slow_for_the_test_is_asked_when_the_near_one_stays_full() {
    let mut world = world();
    world.zones = vec![Zone::at(&[open(10.0)]), Zone::at(&[open(300.0)])];
    world.zones[0].refusal = Some((Refusal::ZoneFull, usize::MAX));
    let seen = world.join();
    assert_eq!(seen.found().zone, 1);
    assert!(seen.ms() < 1_500, "{} ms", seen.ms());
    // But not when it is full for a moment.
    world.zones[0].refusal = Some((Refusal::ZoneFull, 1));
    assert_eq!(world.join().found().zone, 0);
}

#[test]
fn zones_that_are_silent_keep_nobody_from_one_that_was_full_for_a_while() {
    let mut world = world();
    world.zones = vec![Zone::at(&[Way::Hole]); 8];
    world.zones[0] = Zone::at(&[open(10.0)]);
    world.zones[0].refusal = Some((Refusal::ZoneFull, 3));
    let seen = world.join();
    assert_eq!(seen.found().zone, 0);
    // The others are asked beside it, and that they do not answer takes 3 s to show.
    assert!(seen.ms() < 1_000, "{} ms", seen.ms());
}

#[test]
fn a_zone_that_was_too_slow_for_the_test_and_is_full_too_is_asked_again_with_the_near_one() {
    let mut world = world();
    world.zones = vec![Zone::at(&[open(10.0)]), Zone::at(&[open(300.0)])];
    world.zones[0].refusal = Some((Refusal::ZoneFull, usize::MAX));
    world.zones[1].refusal = Some((Refusal::ZoneFull, 2));
    let seen = world.join();
    assert_eq!(seen.found().zone, 1);
    assert!(seen.ms() < 5_000, "{} ms", seen.ms());
}

#[test]
fn what_passes_is_asked_again_until_it_has_passed() {
    let mut world = world();
    world.zones[0].refusal = Some((Refusal::ZoneOverloaded, 3));
    let seen = world.join();
    assert_eq!(seen.asked.len(), 4);
    seen.found();
}

#[test]
fn a_router_is_asked_for_again_where_the_zone_has_no_other() {
    let mut world = world();
    world.zones[0].refusal = Some((Refusal::NoRouter, 8));
    let seen = world.join();
    seen.found();
    assert!(!seen.forgave[0] && seen.forgave[8], "{seen:?}");
}

#[test]
fn whoever_waits_for_a_host_shows_the_proof_and_comes_in_when_let() {
    let mut world = world();
    world.directories[0].says = Says::Later(Denial::WaitingForHost, 20);
    let seen = world.join();
    seen.found();
    assert!(seen.ms() > 40_000, "longer than any other join may take");
    assert_eq!(seen.news, [News::WaitingForHost]);
    assert_eq!(seen.waiting[0], None);
    assert!(
        seen.waiting[1..]
            .iter()
            .all(|proof| proof.as_deref() == Some("proof"))
    );
}

#[test]
fn who_has_knocked_from_another_network_is_known_by_the_proof_from_the_first_question_on() {
    let mut world = world();
    world.admission = Some("proof".to_owned());
    world.directories[0].says = Says::Later(Denial::WaitingForHost, 3);
    let seen = world.join();
    seen.found();
    assert_eq!(seen.waiting, vec![Some("proof".to_owned()); 4]);
}
