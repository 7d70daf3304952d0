//! A meeting that was ended for good.

use std::time::Duration;

use plenum_wire::control::{ErrorCode, FromRouter, Interest};
use plenum_wire::link::{FromRouter as Report, ToRouter};
use plenum_wire::{Kind, Rung};

use crate::house::{House, UNIX_S, forwarded, refusal, reported, rtp_packet, said};

fn end(meeting: &str, at: u64) -> ToRouter {
    ToRouter::EndMeeting {
        meeting: meeting.parse().unwrap(),
        at,
    }
}

#[test]
fn everybody_in_it_is_told_so_and_nothing_else() {
    let mut house = House::new(10);
    let link = house.link();
    let guests = [house.join("4711", "ann"), house.join("4711", "bob")];
    let cem = house.join("4712", "cem");
    let connection = house.bind(guests[0], Kind::Audio, Rung::Udp);
    house.bind(guests[1], Kind::Audio, Rung::Udp);
    house.publish(guests[0], Kind::Audio, 7);
    // The controllers know of it.
    house.pass(Duration::from_millis(50));
    house.order(link, end("4711", UNIX_S));
    let out = house.take();
    for guest in guests {
        assert_eq!(
            refusal(&out, guest.channel),
            (ErrorCode::MeetingEnded, 4411)
        );
        assert!(
            matches!(said(&out, guest.channel)[..], [FromRouter::Error { .. }]),
            "{out:?}"
        );
    }
    assert!(said(&out, cem.channel).is_empty());
    house.send(connection, guests[0].flows.audio, rtp_packet(7, 1));
    assert_eq!(forwarded(&house.take()), []);
    assert_eq!(house.shard.load().participants, 1);
    assert_eq!(house.shard.counters().refused.meeting_ended, 2);
    let reports = reported(&house.pass(Duration::from_millis(50)), link);
    let Some(Report::Report { ended, .. }) = reports.first() else {
        panic!("{reports:?}")
    };
    assert_eq!(ended[..], ["4711".parse().unwrap()]);
}

#[test]
fn who_was_let_in_before_it_does_not_come_in_with_a_ticket_either() {
    let mut house = House::new(10);
    let link = house.link();
    house.order(link, end("4711", UNIX_S));
    let older = house.zone.offer("a", "4711", "ann").ticket;
    assert_eq!(house.refused(older), (ErrorCode::MeetingEnded, 4411));
    house.join("4712", "ann");
}

#[test]
fn who_was_let_in_after_it_is_in_a_meeting_that_began_again() {
    let mut house = House::new(10);
    let link = house.link();
    let ann = house.join("4711", "ann");
    let mut claims = house.zone.claims("a", "4711", "bob");
    claims.vouched = UNIX_S;
    let ticket = house.zone.key.sign(&claims);
    let bob = house.hello(ticket.clone(), Interest::All);
    house.take();
    house.order(link, end("4711", UNIX_S - 1));
    let out = house.take();
    assert_eq!(refusal(&out, ann.channel).0, ErrorCode::MeetingEnded);
    let left = FromRouter::ParticipantLeft {
        participant: "ann".parse().unwrap(),
    };
    assert_eq!(said(&out, bob), [left]);
    // To be told again changes nothing for who is rightly there, or comes again.
    house.order(link, end("4711", UNIX_S - 1));
    assert!(said(&house.take(), bob).is_empty());
    house.hello(ticket, Interest::All);
    assert_eq!(house.shard.load().participants, 1);
}

#[test]
fn a_meeting_that_is_on_its_way_to_another_router_is_ended_too() {
    let mut house = House::new(10);
    let link = house.link();
    let ann = house.join("4711", "ann");
    house.order(
        link,
        ToRouter::MoveMeeting {
            meeting: "4711".parse().unwrap(),
            to: "b".parse().unwrap(),
        },
    );
    house.take();
    house.order(link, end("4711", UNIX_S));
    let out = house.take();
    assert_eq!(refusal(&out, ann.channel).0, ErrorCode::MeetingEnded);
    assert!(
        reported(&out, link)
            .iter()
            .any(|it| matches!(it, Report::MoveEnded { failed: 0, .. })),
        "{out:?}"
    );
    assert_eq!(house.shard.meetings(), 0);
}
