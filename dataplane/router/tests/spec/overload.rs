//! A router that has more to do than it can: who comes in, what is left out, who is told.

use std::time::Duration;

use plenum_router::{Input, LinkId, Output, Step};
use plenum_wire::control::{ErrorCode, FromRouter, Interest};
use plenum_wire::link::{self, Load, ToRouter};

use crate::house::{House, refusal, reported, said};

const SAMPLE: Duration = Duration::from_millis(100);

/// So many samples of how busy it is; what the router did about them.
fn strain(house: &mut House, samples: u32, busy: f32) -> Vec<Output> {
    let mut out = Vec::new();
    for _ in 0..samples {
        out.extend(house.pass(SAMPLE));
        house.handle(Input::Strain { busy, dropped: 0 });
        out.extend(house.take());
    }
    out
}

fn loads(out: &[Output], link: LinkId) -> Vec<Load> {
    let load = |message| match message {
        link::FromRouter::Report { load, .. } => Some(load),
        _ => None,
    };
    reported(out, link).into_iter().filter_map(load).collect()
}

#[test]
fn newcomers_are_refused_and_those_inside_stay() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    strain(&mut house, 2, 1.0);
    for meeting in ["4711", "4712"] {
        let ticket = house.zone.offer("a", meeting, "bob").ticket;
        let refused = house.refused(ticket);
        assert_eq!(refused, (ErrorCode::RouterOverloaded, 4505), "{meeting}");
    }
    assert_eq!(house.shard.load().participants, 1);
    assert_eq!(house.shard.counters().refused.router_overloaded, 2);
    assert!(said(&strain(&mut house, 20, 1.0), ann.channel).is_empty());
}

#[test]
fn who_is_in_already_may_come_again_after_a_broken_wire() {
    let mut house = House::new(10);
    let ticket = house.zone.offer("a", "4711", "ann").ticket;
    let older = house.hello(ticket.clone(), Interest::All);
    strain(&mut house, 2, 1.0);
    let newer = house.hello(ticket, Interest::All);
    let out = house.take();
    assert_eq!(refusal(&out, older), (ErrorCode::Replaced, 4409));
    assert!(matches!(
        said(&out, newer)[..],
        [FromRouter::Welcome { .. }]
    ));
}

#[test]
fn controllers_hear_at_once_that_it_takes_nobody_and_that_it_does_again() {
    let mut house = House::new(10);
    let link = house.link();
    strain(&mut house, 4, 0.5);
    let out = strain(&mut house, 6, 0.92);
    let load = *loads(&out, link).last().unwrap();
    assert!(!load.accepting && !load.draining, "{load:?}");
    assert_eq!((house.shard.overload(), load.capacity), (Step::Closed, 10));
    strain(&mut house, 4, 0.5);
    let out = house.pass(Duration::from_millis(50));
    assert!(loads(&out, link)[0].accepting);
    house.join("4711", "ann");
}

#[test]
fn all_is_as_before_within_two_seconds_of_the_end() {
    let mut house = House::new(10);
    strain(&mut house, 600, 1.0);
    assert_eq!(house.shard.overload(), Step::ActiveOnly);
    strain(&mut house, 19, 0.3);
    assert_eq!(house.shard.overload(), Step::Open);
    house.join("4711", "ann");
    let totals = house.shard.counters().overload;
    assert_eq!(totals.entered, [1, 1, 2, 1], "each of them on its way");
}

#[test]
fn a_router_that_is_emptied_says_that_rather() {
    let mut house = House::new(10);
    let link = house.link();
    strain(&mut house, 2, 1.0);
    house.order(link, ToRouter::SetDraining { draining: true });
    let ticket = house.zone.offer("a", "4711", "bob").ticket;
    assert_eq!(house.refused(ticket).0, ErrorCode::RouterDraining);
}

#[test]
fn what_the_kernel_dropped_is_counted_whatever_it_means() {
    let mut house = House::new(10);
    for _ in 0..3 {
        house.handle(Input::Strain {
            busy: 0.1,
            dropped: 5,
        });
    }
    assert_eq!(house.shard.counters().overload.dropped_by_kernel, 15);
    assert_eq!(house.shard.overload(), Step::Open);
}
