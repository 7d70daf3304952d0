//! The control channel with people who make mistakes.

use std::time::Duration;

use plenum_router::limits::MESSAGE_BURST;
use plenum_router::{ChannelId, Input, Output};
use plenum_wire::control::{ErrorCode, FromClient, FromRouter, Interest};
use plenum_wire::limits::CLIENT_MESSAGE_BYTES;
use plenum_wire::{BadMessage, Codec, Kind, decode};

use crate::house::{House, codec, objection, publish, refusal, said};

fn bad(house: &mut House, channel: ChannelId) -> Vec<Output> {
    let bad = BadMessage::UnknownType("teleport".into());
    house.handle(Input::ControlBad { channel, bad });
    house.take()
}

#[test]
fn a_client_says_hello_within_5_seconds() {
    let mut house = House::new(10);
    let silent = house.open();
    let talker = house.join("4711", "ann");
    let out = house.pass(Duration::from_millis(4_999));
    assert!(said(&out, silent).is_empty());
    let out = house.pass(Duration::from_millis(1));
    assert_eq!(refusal(&out, silent), (ErrorCode::HelloExpected, 4400));
    assert!(said(&out, talker.channel).is_empty());
}

#[test]
fn the_first_message_is_hello() {
    let mut house = House::new(10);
    let channel = house.open();
    house.say(channel, publish(Kind::Audio, 1));
    assert_eq!(
        refusal(&house.take(), channel),
        (ErrorCode::HelloExpected, 4400)
    );
    let channel = house.open();
    let out = bad(&mut house, channel);
    assert_eq!(refusal(&out, channel), (ErrorCode::HelloExpected, 4400));
}

#[test]
fn a_message_nobody_knows_is_answered_and_the_channel_stays() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    let out = bad(&mut house, ann.channel);
    assert_eq!(objection(&out, ann.channel), ErrorCode::BadMessage);
    assert!(matches!(
        &said(&out, ann.channel)[..],
        [FromRouter::Error { message, .. }] if message.contains("teleport")
    ));
    assert_eq!(house.shard.counters().bad_messages, 1);
}

#[test]
fn a_second_hello_is_answered_and_changes_nothing() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    let ticket = house.zone.offer("a", "4712", "eve").ticket;
    house.say(
        ann.channel,
        FromClient::Hello {
            ticket,
            name: None,
            subscribe: Interest::All,
            moved_from: None,
        },
    );
    let out = house.take();
    assert_eq!(objection(&out, ann.channel), ErrorCode::BadMessage);
    assert_eq!(house.shard.meetings(), 1);
}

#[test]
fn what_is_too_long_is_not_told_to_others() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    for codec in [
        Codec {
            name: "x".repeat(33),
            ..codec()
        },
        Codec {
            payload_type: 200,
            ..codec()
        },
    ] {
        house.say(
            ann.channel,
            FromClient::Publish {
                kind: Kind::Audio,
                ssrc: 1,
                codec,
                layers: Vec::new(),
            },
        );
        let out = house.take();
        assert_eq!(objection(&out, ann.channel), ErrorCode::BadMessage);
    }
}

#[test]
fn a_hello_that_cannot_be_read_is_told_what_was_wrong_with_it() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    let channel = house.open();
    let name = "x".repeat(129);
    let hello = format!(r#"{{"type":"hello","ticket":"t","name":"{name}"}}"#);
    let bad = decode::<FromClient>(&hello, CLIENT_MESSAGE_BYTES).unwrap_err();
    house.handle(Input::ControlBad { channel, bad });
    let out = house.take();
    assert_eq!(refusal(&out, channel), (ErrorCode::HelloExpected, 4400));
    assert!(matches!(
        &said(&out, channel)[..],
        [FromRouter::Error { message, .. }] if message.contains("at most 128 bytes")
    ));
    assert!(said(&out, ann.channel).is_empty());
    assert_eq!(house.shard.counters().refused.hello_expected, 1);
}

#[test]
fn an_ssrc_belongs_to_one_track_of_a_meeting() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    let bob = house.join("4711", "bob");
    let elsewhere = house.join("4712", "cem");
    house.publish(ann, Kind::Audio, 7);
    house.take();
    house.publish(bob, Kind::Audio, 7);
    let out = house.take();
    assert_eq!(objection(&out, bob.channel), ErrorCode::SsrcTaken);
    house.publish(ann, Kind::Video, 7);
    let out = house.take();
    assert_eq!(objection(&out, ann.channel), ErrorCode::SsrcTaken);
    house.publish(elsewhere, Kind::Audio, 7);
    let out = house.take();
    assert_eq!(
        said(&out, elsewhere.channel),
        [FromRouter::Published { kind: Kind::Audio }]
    );
    // It is free again after its track.
    house.say(ann.channel, FromClient::Unpublish { kind: Kind::Audio });
    house.take();
    house.publish(bob, Kind::Audio, 7);
    let out = house.take();
    assert_eq!(
        said(&out, bob.channel),
        [FromRouter::Published { kind: Kind::Audio }]
    );
}

#[test]
fn publishing_twice_is_one_track_and_another_ssrc_a_new_one() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    let bob = house.join("4711", "bob");
    house.publish(ann, Kind::Audio, 7);
    house.take();
    house.publish(ann, Kind::Audio, 7);
    let out = house.take();
    assert_eq!(
        said(&out, ann.channel),
        [FromRouter::Published { kind: Kind::Audio }]
    );
    assert!(said(&out, bob.channel).is_empty());
    house.publish(ann, Kind::Audio, 8);
    let out = house.take();
    assert!(matches!(
        &said(&out, bob.channel)[..],
        [FromRouter::TrackRemoved { .. }, FromRouter::TrackAdded { track }] if track.ssrc == 8
    ));
}

#[test]
fn tracks_that_are_not_there_cannot_be_had_nor_ended() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    house.publish(ann, Kind::Audio, 7);
    house.take();
    let of = |who: &str, kind| FromClient::Subscribe {
        participant: who.parse().unwrap(),
        kind,
    };
    for message in [
        of("nobody", Kind::Audio),
        of("ann", Kind::Audio),
        FromClient::Unpublish { kind: Kind::Video },
    ] {
        house.say(ann.channel, message);
        let out = house.take();
        assert_eq!(objection(&out, ann.channel), ErrorCode::UnknownTrack);
    }
}

#[test]
fn a_client_that_talks_too_fast_has_to_go() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    for _ in 1..MESSAGE_BURST {
        house.publish(ann, Kind::Audio, 7);
    }
    assert_eq!(house.shard.load().participants, 1);
    house.publish(ann, Kind::Audio, 7);
    let out = house.take();
    assert_eq!(refusal(&out, ann.channel), (ErrorCode::TooFast, 4429));
    assert_eq!(house.shard.load().participants, 0);
}

#[test]
fn bye_closes_the_channel_and_the_media_connections() {
    let mut house = House::new(10);
    let ann = house.join("4711", "ann");
    let connection = house.bind(ann, Kind::Audio, plenum_wire::Rung::Udp);
    house.take();
    house.say(ann.channel, FromClient::Bye);
    let out = house.take();
    assert!(out.contains(&Output::CloseControl {
        channel: ann.channel,
        code: 1000,
        reason: "bye"
    }));
    assert!(out.contains(&Output::CloseMedia {
        connection,
        code: 0
    }));
}
