//! Any world: there is always an end, it comes in time, and whoever has a way gets in.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::world::*;
use super::*;
use crate::connect::words::{Fault, Out, Path, Tunnel};

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Silent),
        Just(Fault::Refused),
        Just(Fault::UnknownName),
        Just(Fault::NotReady),
        Just(Fault::Nonsense),
        Just(Fault::ProxyAway),
        Just(Fault::ProxyForbids),
        Just(Fault::Untrusted),
        Just(Fault::ProxyLogin),
        Just(Fault::Portal),
    ]
}

fn link() -> impl Strategy<Value = Link> {
    let loss = prop_oneof![2 => Just(0.0), 1 => 0.0..0.05_f64];
    let link = (1.0..300.0_f64, 0.0..50.0_f64, loss);
    link.prop_map(|(round_trip, jitter, loss)| Link {
        round_trip,
        jitter,
        loss,
    })
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        6 => link().prop_map(Way::Open),
        2 => Just(Way::Hole),
        1 => link().prop_map(Way::Stalls),
        2 => fault().prop_map(Way::Wrong),
        1 => (fault(), 0_usize..6, link()).prop_map(|(fault, times, link)| Way::Comes(fault, times, link)),
    ]
}

fn ways(outs: usize) -> impl Strategy<Value = Vec<Way>> {
    prop::collection::vec(way(), outs)
}

/// There may be a load balancer in front of a zone, by whatever way that is reached.
fn ways_to_zone(outs: usize) -> impl Strategy<Value = Vec<Way>> {
    let balancer = link().prop_map(move |link| vec![Way::Balancer(link); outs]);
    prop_oneof![12 => ways(outs), 1 => balancer]
}

fn says() -> impl Strategy<Value = Says> {
    let code = prop_oneof![
        Just(Denial::WaitingForHost),
        Just(Denial::NotYet),
        Just(Denial::Unavailable),
        Just(Denial::NoZone),
        Just(Denial::TooManyRequests),
        Just(Denial::WrongPasscode),
        Just(Denial::UnknownMeeting),
    ];
    let after = prop::option::of((0_u64..10_000).prop_map(Duration::from_millis));
    prop_oneof![
        6 => Just(Says::Yes),
        1 => (code.clone(), after).prop_map(|(code, after)| Says::No(code, after)),
        1 => (code, 0_usize..4).prop_map(|(code, times)| Says::Later(code, times)),
        1 => Just(Says::Nothing),
    ]
}

fn zone(outs: usize) -> impl Strategy<Value = Zone> {
    let code = prop_oneof![
        Just(Refusal::ZoneFull),
        Just(Refusal::ZoneOverloaded),
        Just(Refusal::MeetingFull),
        Just(Refusal::UnknownMeeting),
        Just(Refusal::Forbidden),
    ];
    let refusal = prop::option::weighted(0.3, (code, 0_usize..50));
    let retry_after = prop::option::of((0_u64..5).prop_map(Duration::from_secs));
    let load = prop::option::of(-1.0..2.0_f64);
    let tunnels = prop::collection::vec(ways(outs), 0..3);
    // One that is set up wrongly, now and then.
    let faults = prop_oneof![4 => Just(Vec::new()), 1 => fault().prop_map(|it| vec![it])];
    (
        ways_to_zone(outs),
        (0_usize..4, faults),
        load,
        any::<bool>(),
        (refusal, retry_after),
        tunnels,
    )
        .prop_map(
            |(ways, (controllers, faults), load, hosts, (refusal, retry_after), tunnels)| Zone {
                ways,
                controllers,
                faults,
                load,
                hosts,
                refusal,
                before: None,
                retry_after,
                tunnels,
            },
        )
}

/// A zone where nobody is any more.
fn gone(outs: usize) -> impl Strategy<Value = Zone> {
    let way = prop_oneof![Just(Way::Hole), fault().prop_map(Way::Wrong)];
    let ways = prop::collection::vec(way, outs);
    let tunnels = prop::collection::vec(ways.clone(), 0..2);
    (ways, tunnels).prop_map(|(ways, tunnels)| {
        let mut zone = Zone::at(&ways);
        zone.tunnels = tunnels;
        zone
    })
}

/// More than are pinged at once, now and then.
fn how_many() -> impl Strategy<Value = usize> {
    prop_oneof![15 => 1_usize..4, 1 => 13_usize..17]
}

fn path(zones: usize, outs: usize) -> impl Strategy<Value = (usize, Path)> {
    (0..zones.max(1), 0..outs).prop_map(|(zone, out)| {
        let out = Out(out);
        (zone, Path { out, tunnel: None })
    })
}

/// Of several zones.
fn begins(zones: usize) -> impl Strategy<Value = Option<Begins>> {
    let begins = prop_oneof![
        Just(Begins::WhereNamed),
        (0..zones).prop_map(Begins::In),
        Just(Begins::InAnother),
    ];
    prop::option::of(begins).prop_map(move |it| it.filter(|_| zones > 1))
}

fn any_world() -> impl Strategy<Value = World> {
    (1_usize..3, 0_usize..3, how_many()).prop_flat_map(|(outs, directories, zones)| {
        let directory = (ways(outs), says()).prop_map(|(ways, says)| Directory { ways, says });
        (
            prop::collection::vec(directory, directories),
            prop::collection::vec(zone(outs), zones),
            prop::option::weighted(0.2, path(zones, outs)),
            prop::option::weighted(0.2, path(zones, outs)),
            prop::option::weighted(0.3, prop::collection::vec(gone(outs), 1..3)),
            (any::<bool>(), any::<bool>(), any::<bool>()),
            (begins(zones), any::<u64>()),
        )
            .prop_map(
                move |(
                    directories,
                    zones,
                    back,
                    avoid,
                    gone,
                    (known, turned, tunnelled),
                    (begins, seed),
                )| {
                    let gone = gone.filter(|_| known && !directories.is_empty());
                    let gone = gone.unwrap_or_default();
                    let before: &[Zone] = if gone.is_empty() { &zones } else { &gone };
                    let back = back.map(|(zone, path)| {
                        let zone = zone % before.len();
                        let there = tunnelled && !before[zone].tunnels.is_empty();
                        let tunnel = there.then_some(Tunnel { zone, index: 0 });
                        (zone, Path { tunnel, ..path })
                    });
                    World {
                        outs,
                        back: back.filter(|_| known || directories.is_empty()),
                        avoid: avoid.map(|(_, path)| path),
                        directories,
                        zones,
                        admission: None,
                        begins,
                        known,
                        gone,
                        unknown: 0,
                        turned,
                        within: Duration::from_secs(15),
                        patience: Duration::from_secs(60),
                        seed,
                    }
                },
            )
    })
}

/// Whether there is an undisturbed way: a directory that says yes, and a zone that does, both
/// by the straight way out and without loss, with nothing else that could say no before.
fn has_a_way(world: &World) -> bool {
    let clear = |ways: &[Way]| matches!(ways[0], Way::Open(link) if link.loss == 0.0);
    let directory = |it: &Directory| clear(&it.ways) && it.says == Says::Yes;
    let informed = world.directories.is_empty() || world.directories.iter().all(directory);
    let willing = |zone: &Zone| zone.refusal.is_none();
    let open = |zone: &Zone| zone.has_a_sound_one() && clear(&zone.ways);
    informed && world.zones.iter().all(willing) && world.offered().iter().any(open)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..Default::default() })]
    #[test]
    fn there_is_an_end_in_time_and_a_router_where_there_is_a_way(world in any_world()) {
        let seen = world.join();
        let patience = if seen.news.is_empty() {
            world.within
        } else {
            // Let in at the last moment of the patience, and then the way to the router.
            world.patience + world.within
        };
        prop_assert!(seen.took <= patience, "{} ms", seen.ms());
        if let Ok(found) = &seen.result {
            let zone = world.zone(seen.zone.unwrap());
            let way = match found.path.tunnel {
                Some(tunnel) => zone.tunnels[tunnel.index][found.path.out.0],
                None => zone.ways[found.path.out.0],
            };
            let answers = matches!(way, Way::Open(_) | Way::Comes(..));
            prop_assert!(answers, "an offer from nowhere: {seen:?}");
            prop_assert!(found.path.tunnel.is_none_or(|tunnel| tunnel.zone == found.zone));
        } else {
            prop_assert!(!has_a_way(&world), "{}: {seen:?}", seen.error());
        }
        prop_assert!(seen.asked.len() < 400, "{} questions", seen.asked.len());
        prop_assert!(seen.lookups < 200, "{} lookups", seen.lookups);
    }

    #[test]
    fn what_is_certain_by_one_way_does_not_end_what_may_come_by_another(world in half_certain()) {
        let seen = world.join();
        prop_assert!(seen.result.is_ok(), "{}: {seen:?}", seen.error());
    }
}

/// By the proxy it is certain that nothing works, and straight ahead it does in a moment.
fn half_certain() -> impl Strategy<Value = World> {
    let certain = prop_oneof![
        Just(Fault::ProxyForbids),
        Just(Fault::Untrusted),
        Just(Fault::ProxyLogin),
        Just(Fault::Portal),
    ];
    let passing = prop_oneof![
        Just(Fault::Refused),
        Just(Fault::UnknownName),
        Just(Fault::Nonsense),
    ];
    let link = (1.0..300.0_f64).prop_map(clear);
    let ways = (passing, 0_usize..4, link, certain);
    let ways = ways.prop_map(|(fault, times, link, certain)| {
        vec![Way::Comes(fault, times, link), Way::Wrong(certain)]
    });
    let zones = prop::collection::vec(ways.clone(), 1..3);
    (ways, zones, any::<bool>(), any::<u64>()).prop_map(|(directory, zones, known, seed)| {
        let mut world = world();
        world.outs = 2;
        world.directories[0].ways = directory;
        world.zones = zones.iter().map(|ways| Zone::at(ways)).collect();
        world.known = known;
        world.seed = seed;
        world
    })
}

/// The property above is worth nothing where no world has a way.
#[test]
fn many_worlds_have_a_way() {
    let mut runner = TestRunner::deterministic();
    let worlds = (0..1_000).map(|_| any_world().new_tree(&mut runner).unwrap().current());
    let with_a_way = worlds.filter(has_a_way).count();
    assert!(with_a_way >= 50, "{with_a_way} of 1,000");
}
