//! A router that has more to do than it can: who comes in, what is left out, who is told.

use std::time::Duration;

use plenum_router::{ConnectionId, Input, LinkId, Output, Step};
use plenum_wire::control::{ErrorCode, FromRouter, Interest};
use plenum_wire::link::{self, Load, ToRouter};
use plenum_wire::{Kind, Rung};

use crate::house::{Guest, House, forwarded, refusal, reported, rtp_packet, said};
use crate::speakers::loud_packet;

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

/// Ann, Bob and Cem send everything to each other; only Bob speaks.
struct Three {
    house: House,
    people: [(Guest, [ConnectionId; 3]); 3],
    sequence: u16,
}

const ANN: usize = 0;
const BOB: usize = 1;
const CEM: usize = 2;
/// Receivers of somebody's audio, video and content: all others.
const ALL: [usize; 3] = [2, 2, 2];
/// Of who does not speak nobody gets the picture.
const NO_PICTURE: [usize; 3] = [2, 0, 2];

impl Three {
    fn new() -> Self {
        let mut house = House::new(10);
        let people = ["ann", "bob", "cem"].map(|who| {
            let guest = house.join("4711", who);
            (
                guest,
                Kind::ALL.map(|kind| house.bind(guest, kind, Rung::Udp)),
            )
        });
        let mut three = Self {
            house,
            people,
            sequence: 0,
        };
        for who in [ANN, BOB, CEM] {
            for kind in Kind::ALL {
                let guest = three.people[who].0;
                three.house.publish(guest, kind, ssrc(who, kind));
            }
        }
        // Long enough for Bob to be the active speaker.
        for _ in 0..100 {
            three.house.pass(Duration::from_millis(20));
            three.seen();
        }
        three
    }

    /// How many get a packet of each kind of each of them.
    fn seen(&mut self) -> [[usize; 3]; 3] {
        self.sequence += 1;
        [ANN, BOB, CEM].map(|who| Kind::ALL.map(|kind| self.send(who, kind)))
    }

    fn send(&mut self, who: usize, kind: Kind) -> usize {
        let (guest, connections) = self.people[who];
        let below = if who == BOB { 20 } else { 90 };
        let packet = match kind {
            Kind::Audio => loud_packet(ssrc(who, kind), self.sequence, below),
            Kind::Video | Kind::Content => rtp_packet(ssrc(who, kind), self.sequence),
        };
        self.house.take();
        let flow = guest.flows.of(kind);
        self.house.send(connections[kind as usize], flow, packet);
        forwarded(&self.house.take()).len()
    }
}

fn ssrc(who: usize, kind: Kind) -> u32 {
    u32::try_from(who * 3 + kind as usize + 1).unwrap()
}

#[test]
fn pictures_of_who_does_not_speak_are_left_out_and_nothing_else() {
    let mut three = Three::new();
    assert_eq!(three.seen(), [ALL; 3]);
    strain(&mut three.house, 2, 1.0);
    assert_eq!(three.house.shard.overload(), Step::LowLayers);
    assert_eq!(three.seen(), [NO_PICTURE, ALL, NO_PICTURE]);
    strain(&mut three.house, 20, 1.0);
    assert_eq!(three.house.shard.overload(), Step::ActiveOnly);
    assert_eq!(three.seen(), [NO_PICTURE, ALL, NO_PICTURE]);
    strain(&mut three.house, 19, 0.3);
    assert_eq!(three.seen(), [ALL; 3]);
}

#[test]
fn a_closed_router_leaves_out_nothing() {
    let mut three = Three::new();
    strain(&mut three.house, 10, 0.92);
    assert_eq!(three.house.shard.overload(), Step::Closed);
    assert_eq!(three.seen(), [ALL; 3]);
}
