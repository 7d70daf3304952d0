//! Which packets reach whom.

use bytes::Bytes;
use plenum_router::{ConnectionId, Input, Output};
use plenum_wire::control::{FromClient, FromRouter, Interest};
use plenum_wire::{Kind, Rung, rtp};

use crate::house::{Guest, House, forwarded, rtp_packet, said};

/// A participant with its audio connection.
fn listener(house: &mut House, who: &str, interest: Interest) -> (Guest, ConnectionId) {
    let guest = house.enter("4711", who, interest);
    let connection = house.bind(guest, Kind::Audio, Rung::Udp);
    house.take();
    (guest, connection)
}

fn subscription(to: &str, kind: Kind, wanted: bool) -> FromClient {
    let participant = to.parse().unwrap();
    if wanted {
        FromClient::Subscribe { participant, kind }
    } else {
        FromClient::Unsubscribe { participant, kind }
    }
}

#[test]
fn everybody_else_hears_a_speaker_on_their_own_flow() {
    let mut house = House::new(10);
    let (ann, from) = listener(&mut house, "ann", Interest::All);
    let (bob, to_bob) = listener(&mut house, "bob", Interest::All);
    let (cem, to_cem) = listener(&mut house, "cem", Interest::All);
    let elsewhere = house.join("4712", "dan");
    house.bind(elsewhere, Kind::Audio, Rung::Udp);
    house.publish(ann, Kind::Audio, 7);
    house.take();
    let packet = rtp_packet(7, 1);
    house.send(from, ann.flows.audio, packet.clone());
    let out = house.take();
    assert_eq!(
        forwarded(&out),
        [(to_bob, bob.flows.audio), (to_cem, cem.flows.audio)]
    );
    for output in out {
        let Output::Forward { packet: sent, .. } = output else {
            panic!("{output:?}")
        };
        assert_eq!(sent, packet);
        assert_eq!(sent.as_ptr(), packet.as_ptr(), "the bytes are shared");
    }
    let counted = house.shard.counters().of(Kind::Audio);
    assert_eq!(counted.packets_out, 2);
    assert_eq!(counted.bytes_out, 2 * packet.len() as u64);
}

#[test]
fn whoever_comes_late_is_told_what_is_there_and_hears_it() {
    let mut house = House::new(10);
    let (ann, from) = listener(&mut house, "ann", Interest::All);
    house.publish(ann, Kind::Audio, 7);
    let bob = house.enter("4711", "bob", Interest::All);
    let out = house.take();
    let welcome = said(&out, bob.channel).pop();
    let Some(FromRouter::Welcome {
        participants,
        tracks,
        ..
    }) = welcome
    else {
        panic!("{out:?}")
    };
    assert_eq!(participants.len(), 1);
    assert_eq!(participants[0].participant.as_str(), "ann");
    assert_eq!(
        (tracks.len(), tracks[0].kind, tracks[0].ssrc),
        (1, Kind::Audio, 7)
    );
    assert!(matches!(
        &said(&out, ann.channel)[..],
        [FromRouter::Published { .. }, FromRouter::ParticipantJoined { present }]
            if present.participant.as_str() == "bob"
    ));
    let to_bob = house.bind(bob, Kind::Audio, Rung::Tcp);
    house.take();
    house.send(from, ann.flows.audio, rtp_packet(7, 1));
    assert_eq!(forwarded(&house.take()), [(to_bob, bob.flows.audio)]);
}

#[test]
fn whoever_wants_nothing_gets_what_it_asks_for() {
    let mut house = House::new(10);
    let (ann, from) = listener(&mut house, "ann", Interest::All);
    let (bob, to_bob) = listener(&mut house, "bob", Interest::None);
    house.publish(ann, Kind::Audio, 7);
    let hears = |house: &mut House| {
        house.take();
        house.send(from, ann.flows.audio, rtp_packet(7, 1));
        forwarded(&house.take()) == [(to_bob, bob.flows.audio)]
    };
    assert!(!hears(&mut house));
    house.say(bob.channel, subscription("ann", Kind::Audio, true));
    assert!(hears(&mut house));
    house.say(bob.channel, subscription("ann", Kind::Audio, true));
    assert!(hears(&mut house), "asking twice is asking once");
    house.say(bob.channel, subscription("ann", Kind::Audio, false));
    assert!(!hears(&mut house));
}

#[test]
fn whoever_wants_everything_can_do_without_one() {
    let mut house = House::new(10);
    let (ann, from) = listener(&mut house, "ann", Interest::All);
    let (bob, _) = listener(&mut house, "bob", Interest::All);
    house.publish(ann, Kind::Audio, 7);
    house.say(bob.channel, subscription("ann", Kind::Audio, false));
    house.take();
    house.send(from, ann.flows.audio, rtp_packet(7, 1));
    assert_eq!(forwarded(&house.take()), []);
    // A new track of the same kind is new: interest decides again.
    house.say(ann.channel, FromClient::Unpublish { kind: Kind::Audio });
    house.publish(ann, Kind::Audio, 8);
    house.take();
    house.send(from, ann.flows.audio, rtp_packet(8, 1));
    assert_eq!(forwarded(&house.take()).len(), 1);
}

#[test]
fn a_track_goes_only_over_connections_of_its_kind() {
    let mut house = House::new(10);
    let (ann, _) = listener(&mut house, "ann", Interest::All);
    let (bob, _) = listener(&mut house, "bob", Interest::All);
    let camera = house.bind(ann, Kind::Video, Rung::Udp);
    house.publish(ann, Kind::Video, 9);
    house.take();
    house.send(camera, ann.flows.video, rtp_packet(9, 1));
    assert_eq!(forwarded(&house.take()), [], "bob has only audio");
    let to_bob = house.bind(bob, Kind::Video, Rung::Udp);
    house.take();
    house.send(camera, ann.flows.video, rtp_packet(9, 2));
    assert_eq!(forwarded(&house.take()), [(to_bob, bob.flows.video)]);
}

#[test]
fn the_end_of_a_track_and_of_a_participant_are_told() {
    let mut house = House::new(10);
    let (ann, from) = listener(&mut house, "ann", Interest::All);
    let (bob, _) = listener(&mut house, "bob", Interest::All);
    house.publish(ann, Kind::Audio, 7);
    house.take();
    house.say(ann.channel, FromClient::Unpublish { kind: Kind::Audio });
    let out = house.take();
    let participant = "ann".parse().unwrap();
    assert_eq!(
        said(&out, bob.channel),
        [FromRouter::TrackRemoved {
            participant,
            kind: Kind::Audio
        }]
    );
    house.send(from, ann.flows.audio, rtp_packet(7, 1));
    assert_eq!(forwarded(&house.take()), []);
    assert_eq!(house.shard.counters().dropped.unpublished, 1);
}

#[test]
fn what_is_no_packet_of_the_track_is_dropped_and_counted() {
    let mut house = House::new(10);
    let (ann, from) = listener(&mut house, "ann", Interest::All);
    listener(&mut house, "bob", Interest::All);
    let flow = ann.flows.audio;
    house.send(from, flow, rtp_packet(7, 1));
    house.publish(ann, Kind::Audio, 7);
    house.send(from, flow, Bytes::from_static(b"no rtp at all"));
    house.send(from, flow, rtp_packet(8, 1));
    house.send(from, flow, rtp::knock(7));
    assert_eq!(forwarded(&house.take()), []);
    let counters = house.shard.counters();
    let dropped = counters.dropped;
    assert_eq!(
        (dropped.unpublished, dropped.malformed, dropped.wrong_ssrc),
        (1, 1, 1)
    );
    // Both knocked when they bound their connections, too.
    assert_eq!(counters.of(Kind::Audio).rtcp_in, 3);
    assert_eq!(counters.of(Kind::Audio).packets_in, 6);
}

#[test]
fn nobody_is_sent_to_after_leaving() {
    let mut house = House::new(10);
    let (ann, from) = listener(&mut house, "ann", Interest::All);
    let (bob, _) = listener(&mut house, "bob", Interest::All);
    house.publish(ann, Kind::Audio, 7);
    house.handle(Input::ControlClosed {
        channel: bob.channel,
    });
    house.take();
    // The next one takes bob's place in memory, and nothing else of his.
    let cem = house.enter("4711", "cem", Interest::None);
    house.bind(cem, Kind::Audio, Rung::Udp);
    house.take();
    house.send(from, ann.flows.audio, rtp_packet(7, 1));
    assert_eq!(forwarded(&house.take()), []);
}
