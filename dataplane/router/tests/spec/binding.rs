//! Whose a media connection is, and which of several carries.

use std::time::Duration;

use plenum_router::limits::CONNECTIONS_PER_FLOW;
use plenum_router::{ConnectionId, Input, Output};
use plenum_wire::control::FromRouter;
use plenum_wire::frame::close;
use plenum_wire::{FlowId, Kind, Rung, rtp};

use crate::house::{Guest, House, forwarded, rtp_packet, said};

const AUDIO: Kind = Kind::Audio;

/// A speaker whose packets show where the listener's media goes.
fn speaker(house: &mut House) -> impl Fn(&mut House) -> Vec<(ConnectionId, FlowId)> + use<> {
    let ann = house.join("4711", "ann");
    let from = house.bind(ann, AUDIO, Rung::Udp);
    house.publish(ann, AUDIO, 7);
    house.take();
    move |house| {
        house.take();
        house.send(from, ann.flows.audio, rtp_packet(7, 1));
        forwarded(&house.take())
    }
}

fn bound(house: &mut House, guest: Guest) -> Vec<Rung> {
    let out = house.take();
    said(&out, guest.channel)
        .into_iter()
        .filter_map(|message| match message {
            FromRouter::MediaBound { rung, .. } => Some(rung),
            _ => None,
        })
        .collect()
}

#[test]
fn the_first_packet_binds_and_is_confirmed_once() {
    let mut house = House::new(10);
    let bob = house.join("4711", "bob");
    let connection = house.bind(bob, AUDIO, Rung::Tcp);
    let out = house.take();
    assert!(matches!(
        said(&out, bob.channel)[..],
        [FromRouter::MediaBound {
            kind: AUDIO,
            rung: Rung::Tcp
        }]
    ));
    assert!(out.contains(&Output::Carries {
        connection,
        kind: AUDIO
    }));
    house.send(connection, bob.flows.audio, rtp::knock(0));
    assert_eq!(bound(&mut house, bob), []);
}

#[test]
fn a_better_rung_takes_over_and_late_packets_on_the_old_one_still_count() {
    let mut house = House::new(10);
    let heard_by = speaker(&mut house);
    let bob = house.join("4711", "bob");
    house.publish(bob, AUDIO, 8);
    let old = house.bind(bob, AUDIO, Rung::Tls);
    assert_eq!(heard_by(&mut house), [(old, bob.flows.audio)]);
    let new = house.bind(bob, AUDIO, Rung::Udp);
    assert_eq!(bound(&mut house, bob), [Rung::Udp]);
    assert_eq!(heard_by(&mut house), [(new, bob.flows.audio)]);
    // Bob's own packets that are still on their way on the old rung are forwarded, and do
    // not bind it again.
    house.send(old, bob.flows.audio, rtp_packet(8, 1));
    assert_eq!(forwarded(&house.take()).len(), 1);
    assert_eq!(heard_by(&mut house), [(new, bob.flows.audio)]);
}

#[test]
fn when_the_newer_connection_dies_the_older_carries_again() {
    let mut house = House::new(10);
    let heard_by = speaker(&mut house);
    let bob = house.join("4711", "bob");
    let old = house.bind(bob, AUDIO, Rung::Tcp);
    let new = house.bind(bob, AUDIO, Rung::Udp);
    house.take();
    house.handle(Input::MediaClosed { connection: new });
    assert_eq!(bound(&mut house, bob), [Rung::Tcp]);
    assert_eq!(heard_by(&mut house), [(old, bob.flows.audio)]);
    house.handle(Input::MediaClosed { connection: old });
    assert_eq!(heard_by(&mut house), []);
}

#[test]
fn the_end_of_an_older_connection_changes_nothing() {
    let mut house = House::new(10);
    let heard_by = speaker(&mut house);
    let bob = house.join("4711", "bob");
    let old = house.bind(bob, AUDIO, Rung::Tcp);
    let new = house.bind(bob, AUDIO, Rung::Udp);
    house.take();
    house.handle(Input::MediaClosed { connection: old });
    assert_eq!(bound(&mut house, bob), []);
    assert_eq!(heard_by(&mut house), [(new, bob.flows.audio)]);
}

#[test]
fn one_flow_does_not_keep_connections_without_bound() {
    let mut house = House::new(10);
    let heard_by = speaker(&mut house);
    let bob = house.join("4711", "bob");
    let all: Vec<_> = (0..=CONNECTIONS_PER_FLOW)
        .map(|_| house.bind(bob, AUDIO, Rung::Udp))
        .collect();
    let closed: Vec<_> = house
        .take()
        .into_iter()
        .filter_map(|output| match output {
            Output::CloseMedia { connection, code } => Some((connection, code)),
            _ => None,
        })
        .collect();
    assert_eq!(closed, [(all[0], close::NONE)]);
    let newest = *all.last().unwrap();
    assert_eq!(heard_by(&mut house), [(newest, bob.flows.audio)]);
}

#[test]
fn a_flow_that_is_nobodys_closes_the_connection() {
    let mut house = House::new(10);
    let connection = house.connect(Rung::Udp);
    let flow = FlowId::new(123_456_789).unwrap();
    house.send(connection, flow, rtp_packet(1, 1));
    house.send(connection, flow, rtp_packet(1, 2));
    assert_eq!(
        house.take(),
        [Output::CloseMedia {
            connection,
            code: close::UNKNOWN_FLOW
        }]
    );
    let dropped = house.shard.counters().dropped;
    assert_eq!((dropped.unknown_flow, dropped.closed_connection), (1, 1));
}

#[test]
fn a_connection_that_is_closed_does_not_bind_again() {
    let mut house = House::new(10);
    let bob = house.join("4711", "bob");
    let connection = house.connect(Rung::Udp);
    house.handle(Input::MediaClosed { connection });
    house.send(connection, bob.flows.audio, rtp::knock(0));
    assert_eq!(bound(&mut house, bob), []);
    assert_eq!(house.shard.counters().dropped.closed_connection, 1);
}

#[test]
fn a_connection_that_shows_nothing_for_5_seconds_goes() {
    let mut house = House::new(10);
    let silent = house.connect(Rung::Tls);
    let bob = house.join("4711", "bob");
    house.bind(bob, AUDIO, Rung::Udp);
    let out = house.pass(Duration::from_secs(5));
    let closed: Vec<_> = out
        .iter()
        .filter(|output| matches!(output, Output::CloseMedia { .. }))
        .collect();
    assert_eq!(
        closed,
        [&Output::CloseMedia {
            connection: silent,
            code: close::GENERAL
        }]
    );
}
