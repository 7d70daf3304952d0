//! A zone under everything at once: joins, leaves, drains, crashes and restarted replicas at
//! random, with messages that take their time. Whatever happened, when it is quiet again
//! everybody is in, every meeting is on one router, what was drained is empty, and nothing
//! moves any more.
//!
//! `SEED=n cargo test -p plenum-zone --test simulation` runs one seed.

mod model;
mod router;
mod world;

use std::collections::BTreeMap;

use world::World;

/// Runs of the simulation, each of 40 s of trouble and 90 s of quiet.
const SEEDS: std::ops::Range<u64> = 0..30;

#[test]
fn whatever_happens_the_zone_comes_to_rest() {
    for seed in seeds() {
        println!("seed {seed}");
        let mut world = World::new(seed);
        world.trouble(40_000);
        world.quiet(70_000);
        let ordered = world.moves_ordered;
        world.quiet(20_000);
        let late = world.moves_ordered - ordered;
        assert_eq!(
            late, 0,
            "seed {seed}: meetings still move after 70 s of quiet"
        );
        at_rest(&world, seed);
        assert!(world.placed > 300, "seed {seed}: too little happened");
        assert!(world.moved > 5, "seed {seed}: too little moved");
        println!(
            "placed {}, moved {}, moves ordered {}",
            world.placed, world.moved, world.moves_ordered
        );
    }
}

/// The zone has a seat for each who has to move, and not one more.
#[test]
fn a_drain_that_just_fits_meets_no_full_router() {
    for seed in seeds() {
        println!("seed {seed}");
        let mut world = World::new(seed);
        world.quiet(2_000);
        for (router, meetings) in [(0, 10), (1, 7), (2, 7), (3, 6), (4, 10), (5, 10), (6, 10)] {
            for meeting in 0..meetings {
                world.sits(&format!("r{router}"), &format!("m{router}-{meeting}"), 3);
            }
        }
        world.quiet(2_000);
        world.draining.insert("r0".parse().expect("a name"));
        world.quiet(70_000);
        assert_eq!(world.met_full, 0, "seed {seed}: seats were promised twice");
        at_rest(&world, seed);
        assert!(world.moved >= 10, "seed {seed}: all of them moved");
    }
}

fn seeds() -> Vec<u64> {
    match std::env::var("SEED") {
        Ok(seed) => vec![seed.parse().expect("SEED is a number")],
        Err(_) => SEEDS.collect(),
    }
}

fn at_rest(world: &World, seed: u64) {
    let mut homes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, router) in &world.routers {
        for (meeting, hosted) in &router.meetings {
            homes.entry(meeting).or_default().push(name);
            assert!(hosted.moving.is_none(), "seed {seed}: {meeting} is moving");
        }
        if world.draining.contains(name) {
            let left = router.participants();
            assert_eq!(left, 0, "seed {seed}: {name} was drained");
        }
    }
    for (meeting, routers) in homes {
        assert_eq!(routers.len(), 1, "seed {seed}: {meeting} is on {routers:?}");
    }
    for (who, person) in &world.people {
        let router = person
            .router
            .as_ref()
            .and_then(|name| world.routers.get(name));
        let meeting = router.and_then(|router| router.meetings.get(&person.meeting));
        assert!(
            meeting.is_some_and(|hosted| hosted.people.contains_key(who)),
            "seed {seed}: {who} is not in"
        );
    }
}
