//! Who comes in, and who is told that nobody does.

use std::time::Duration;

use plenum_router::{Input, LinkId, Output, OverloadStep};
use plenum_wire::control::{ErrorCode, FromClient, FromRouter, Interest};
use plenum_wire::link::{self, Load, ToRouter};

use super::strain;
use crate::house::{House, UNIX_S, refusal, reported, said};

/// A ticket of somebody whom the zone let in after all that has happened.
fn newcomer(house: &mut House, meeting: &str, who: &str) -> String {
    let mut claims = house.zone.claims("a", meeting, who);
    claims.admitted = UNIX_S + 1;
    house.zone.key.sign(&claims)
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
        let ticket = newcomer(&mut house, meeting, "bob");
        let refused = house.refused(ticket);
        assert_eq!(refused, (ErrorCode::RouterOverloaded, 4505), "{meeting}");
    }
    assert_eq!(house.shard.load().participants, 1);
    assert_eq!(house.shard.counters().refused.router_overloaded, 2);
    assert!(said(&strain(&mut house, 20, 1.0), ann.channel).is_empty());
}

#[test]
fn who_was_inside_comes_back_after_their_wire_was_closed() {
    let mut house = House::new(10);
    let ticket = house.zone.offer("a", "4711", "ann").ticket;
    let channel = house.hello(ticket.clone(), Interest::All);
    strain(&mut house, 2, 1.0);
    house.handle(Input::ControlClosed { channel });
    assert_eq!(house.shard.load().participants, 0);
    let channel = house.hello(ticket, Interest::All);
    let said = said(&house.take(), channel);
    assert!(matches!(said[..], [FromRouter::Welcome { .. }]), "{said:?}");
}

#[test]
fn who_was_let_in_before_it_closed_is_told_whatever_the_directorys_clock_says() {
    let mut house = House::new(10);
    strain(&mut house, 2, 1.0);
    let (hour, before, after) = (3_600, UNIX_S - 7, UNIX_S + 1);
    for (admitted, is_taken) in [(before, true), (after, false)] {
        for vouched in [admitted - hour, admitted + hour] {
            let mut claims = house.zone.claims("a", "4711", "bob");
            (claims.admitted, claims.vouched) = (admitted, vouched);
            let ticket = house.zone.key.sign(&claims);
            let channel = house.hello(ticket, Interest::All);
            let told = said(&house.take(), channel);
            let welcome = matches!(told[..], [FromRouter::Welcome { .. }]);
            assert_eq!(welcome, is_taken, "{claims:?}: {told:?}");
            house.handle(Input::ControlClosed { channel });
            house.take();
        }
    }
}

#[test]
fn a_move_that_was_under_way_when_it_closed_goes_on() {
    let mut house = House::new(10);
    // Both have been in the meeting for a while, on another router.
    let [ann, bob] = ["ann", "bob"].map(|who| house.zone.offer("a", "4711", who).ticket);
    let over = |house: &mut House, ticket| {
        let channel = house.open();
        let hello = FromClient::Hello {
            ticket,
            name: None,
            subscribe: Interest::All,
            moved_from: Some("b".parse().unwrap()),
        };
        house.say(channel, hello);
        matches!(
            said(&house.take(), channel)[..],
            [FromRouter::Welcome { .. }]
        )
    };
    assert!(over(&mut house, ann));
    strain(&mut house, 2, 1.0);
    assert!(over(&mut house, bob));
}

#[test]
fn who_is_in_already_may_come_again_over_a_wire_that_broke_silently() {
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
    assert_eq!(
        (house.shard.overload(), load.capacity),
        (OverloadStep::Closed, 10)
    );
    strain(&mut house, 4, 0.5);
    let out = house.pass(Duration::from_millis(50));
    assert!(loads(&out, link)[0].accepting);
    house.join("4711", "ann");
}

#[test]
fn all_is_as_before_within_two_seconds_of_the_end() {
    let mut house = House::new(10);
    strain(&mut house, 600, 1.0);
    assert_eq!(house.shard.overload(), OverloadStep::ActiveOnly);
    strain(&mut house, 19, 0.3);
    assert_eq!(house.shard.overload(), OverloadStep::Open);
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
