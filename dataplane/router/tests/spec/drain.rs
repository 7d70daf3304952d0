//! A router that shall be empty.

use std::time::Duration;

use plenum_router::{Input, Output};
use plenum_wire::control::{ErrorCode, FromRouter, Interest};
use plenum_wire::link::ToRouter;
use plenum_wire::{Kind, Rung};

use crate::house::{House, refusal, reported, said};

#[test]
fn it_takes_no_new_meetings_and_keeps_those_it_has() {
    let mut house = House::new(10);
    let link = house.link();
    let ann = house.join("4711", "ann");
    house.order(link, ToRouter::SetDraining { draining: true });
    let ticket = house.zone.offer("a", "4712", "bob").ticket;
    assert_eq!(house.refused(ticket), (ErrorCode::RouterDraining, 4504));
    // Nobody is sent away, and the zone sends late joiners to where their meeting is.
    house.join("4711", "cem");
    assert!(house.shard.load().draining && !house.shard.load().accepting);
    assert_eq!(house.shard.load().participants, 2);
    assert!(said(&house.take(), ann.channel).is_empty());
}

#[test]
fn the_zone_can_take_it_back() {
    let mut house = House::new(10);
    let link = house.link();
    house.order(link, ToRouter::SetDraining { draining: true });
    house.order(link, ToRouter::SetDraining { draining: false });
    house.join("4711", "ann");
    assert!(house.shard.load().accepting);
}

#[test]
fn a_change_is_reported_and_a_repetition_is_not() {
    let mut house = House::new(10);
    let link = house.link();
    house.take();
    house.order(link, ToRouter::SetDraining { draining: true });
    let out = house.pass(Duration::from_millis(50));
    assert_eq!(reported(&out, link).len(), 1);
    house.order(link, ToRouter::SetDraining { draining: true });
    let out = house.pass(Duration::from_millis(50));
    assert_eq!(reported(&out, link), []);
}

#[test]
fn a_process_that_was_told_to_end_drains_whatever_the_zone_says() {
    let mut house = House::new(10);
    let link = house.link();
    house.handle(Input::Drain);
    house.order(link, ToRouter::SetDraining { draining: false });
    assert!(house.shard.load().draining);
    let ticket = house.zone.offer("a", "4711", "ann").ticket;
    assert_eq!(house.refused(ticket).0, ErrorCode::RouterDraining);
}

#[test]
fn at_the_end_everybody_is_sent_to_ask_the_zone_again() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    let bob = house.enter("4711", "bob", Interest::All);
    let connection = house.bind(ann, Kind::Audio, Rung::Udp);
    house.take();
    house.handle(Input::Stop);
    let out = house.take();
    for guest in [ann, bob] {
        assert_eq!(refusal(&out, guest.channel), (ErrorCode::GoingAway, 1001));
        assert!(
            matches!(said(&out, guest.channel)[..], [FromRouter::Error { .. }]),
            "nothing else is said: {out:?}"
        );
    }
    assert!(out.contains(&Output::CloseMedia {
        connection,
        code: 0
    }));
    assert_eq!(house.shard.load().participants, 0);
    assert_eq!(house.shard.meetings(), 0);
    // What the shell reports afterwards finds nobody.
    house.handle(Input::ControlClosed {
        channel: ann.channel,
    });
    house.handle(Input::MediaClosed { connection });
    assert_eq!(house.take(), []);
}
