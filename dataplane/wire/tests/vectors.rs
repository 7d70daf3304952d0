//! The protocol in bytes. A failing test here means that the protocol changed: then
//! `docs/protocol.md` changes in the same commit, and old peers are thought of.

use bytes::BytesMut;
use plenum_wire::control::{ErrorCode, FromClient, FromRouter, Interest, Layer, Track, Want};
use plenum_wire::directory::{Expected, ReportAnswer};
use plenum_wire::frame::{self, FrameError};
use plenum_wire::join::Refusal;
use plenum_wire::link::{
    FromOperator, FromTunnel, Load, RouterTarget, TicketKey, ToOperator, ToRouter, ToTunnel,
};
use plenum_wire::{
    BadMessage, Codec, DisplayName, Fingerprint, FlowId, Kind, MeetingId, Rung, decode, encode,
    limits, rtcp, rtp,
};

fn flow(value: u64) -> FlowId {
    FlowId::new(value).expect("a flow id of the test")
}

#[test]
fn a_datagram_is_the_flow_id_as_varint_and_the_packet() {
    for (value, bytes) in [
        (0x25, &[0x25, 0xaa][..]),
        (0x3bbd, &[0x7b, 0xbd, 0xaa]),
        (0x1d7f_3e7d, &[0x9d, 0x7f, 0x3e, 0x7d, 0xaa]),
        (
            0x0219_7c5e_ff14_e88c,
            &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c, 0xaa],
        ),
    ] {
        assert_eq!(frame::encode_datagram(flow(value), &[0xaa]), bytes);
        assert_eq!(
            frame::decode_datagram(bytes),
            Ok((flow(value), &[0xaa][..]))
        );
    }
}

#[test]
fn what_is_no_datagram_is_refused() {
    for (bytes, error) in [
        (&[][..], FrameError::Short),
        (&[0x25], FrameError::Short),
        (&[0xc2, 0x19], FrameError::Short),
        (&[0x00, 0xaa], FrameError::FlowZero),
    ] {
        assert_eq!(frame::decode_datagram(bytes), Err(error));
    }
    let long = frame::encode_datagram(flow(1), &[0; limits::PACKET_BYTES + 1]);
    assert_eq!(frame::decode_datagram(&long), Err(FrameError::Long));
}

#[test]
fn a_stream_frame_has_its_length_in_front() {
    let mut bytes = BytesMut::new();
    frame::encode_stream(flow(0x3bbd), b"abc", &mut bytes);
    assert_eq!(&bytes[..], b"\x00\x05\x7b\xbdabc");
}

#[test]
fn stream_frames_come_out_whole_however_they_are_cut() {
    let mut sent = BytesMut::new();
    frame::encode_stream(flow(5), b"first", &mut sent);
    frame::encode_stream(flow(1 << 40), b"second", &mut sent);
    let mut received = BytesMut::new();
    let mut packets = Vec::new();
    for byte in sent {
        received.extend_from_slice(&[byte]);
        while let Some((flow, packet)) = frame::decode_stream(&mut received).unwrap() {
            packets.push((flow.value(), packet));
        }
    }
    assert_eq!(packets, [(5, "first".into()), (1 << 40, "second".into())]);
    assert_eq!(
        frame::decode_stream(&mut BytesMut::from(&b"\xff\xff"[..])),
        Err(FrameError::Long)
    );
}

#[test]
fn rtp_headers_are_read_past_sources_and_extensions() {
    let plain = rtp::Header {
        payload_type: 111,
        marker: true,
        sequence: 0x1234,
        timestamp: 0x5678_9abc,
        ssrc: 0xdead_beef,
        payload_offset: 12,
    };
    let packet = rtp::write(&plain, b"x");
    assert_eq!(
        &packet[..],
        b"\x80\xef\x12\x34\x56\x78\x9a\xbc\xde\xad\xbe\xefx"
    );
    assert_eq!(rtp::Header::parse(&packet), Some(plain));

    let mut extended = vec![0x91, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 9];
    extended.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0, 7]);
    assert_eq!(rtp::Header::parse(&extended).unwrap().payload_offset, 24);
    assert_eq!(rtp::Header::parse(&extended[..20]), None);
}

#[test]
fn the_audio_level_is_extension_1_in_the_one_byte_form() {
    let header = rtp::Header {
        payload_type: 111,
        marker: false,
        sequence: 0x1234,
        timestamp: 0x5678_9abc,
        ssrc: 0xdead_beef,
        payload_offset: 20,
    };
    let level = rtp::AudioLevel {
        voice: true,
        below: 30,
    };
    let packet = rtp::write_with_level(&header, level, b"x");
    assert_eq!(
        &packet[..],
        b"\x90\x6f\x12\x34\x56\x78\x9a\xbc\xde\xad\xbe\xef\xbe\xde\0\x01\x10\x9e\0\0x"
    );
    assert_eq!(rtp::Header::parse(&packet), Some(header));
    assert_eq!(rtp::AudioLevel::read(&packet), Some(level));
    let plain = rtp::write(&header, b"x");
    assert_eq!(rtp::AudioLevel::read(&plain), None);
}

/// An RTP packet with one contributing source and this extension block.
fn extended(block: &[u8]) -> Vec<u8> {
    let head = [0x91, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 9];
    [&head[..], block, b"payload"].concat()
}

fn extensions(block: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let packet = extended(block);
    rtp::extensions(&packet)
        .map(|(id, data)| (id, data.to_vec()))
        .collect()
}

#[test]
fn extensions_are_read_in_both_forms() {
    let both = [(2, vec![7, 8]), (1, vec![0xff])];
    let one_byte = [0xbe, 0xde, 0, 2, 0x21, 7, 8, 0, 0, 0x10, 0xff, 0];
    assert_eq!(extensions(&one_byte), both);
    // The four bits of the application are nobody's business.
    let two_byte = [0x10, 0x05, 0, 2, 2, 2, 7, 8, 0, 1, 1, 0xff];
    assert_eq!(extensions(&two_byte), both);
    let loud = rtp::AudioLevel {
        voice: true,
        below: 127,
    };
    for block in [one_byte, two_byte] {
        assert_eq!(rtp::AudioLevel::read(&extended(&block)), Some(loud));
    }
    let empty = [0x10, 0, 0, 1, 9, 0, 0, 0];
    assert_eq!(extensions(&empty), [(9, vec![])]);
}

#[test]
fn extensions_end_where_they_make_no_sense() {
    for (block, read) in [
        // Id 15 ends the one-byte form, and so does id 0 with a length.
        (&[0xbe, 0xde, 0, 2, 0x20, 7, 0xf0, 7, 0x10, 7, 0, 0][..], 1),
        (&[0xbe, 0xde, 0, 2, 0x20, 7, 0x01, 7, 0x10, 7, 0, 0], 1),
        // Longer than the block.
        (&[0xbe, 0xde, 0, 1, 0x23, 7, 7, 7], 0),
        (&[0x10, 0, 0, 1, 1, 3, 7, 7], 0),
        (&[0x10, 0, 0, 1, 0, 0, 0, 1], 0),
        // Neither form, and nothing at all.
        (&[0xab, 0xcd, 0, 1, 0x10, 7, 0, 0], 0),
        (&[0xbe, 0xde, 0, 0], 0),
    ] {
        assert_eq!(extensions(block).len(), read, "{block:x?}");
    }
    // The block is longer than the packet.
    assert_eq!(extensions(&[0xbe, 0xde, 0, 9, 0x10, 7, 0, 0]).len(), 0);
}

#[test]
fn rtcp_is_told_from_rtp() {
    let knock = rtp::knock(7);
    assert_eq!(&knock[..], [0x80, 201, 0, 1, 0, 0, 0, 7]);
    assert!(rtp::is_rtcp(&knock));
    assert_eq!(rtp::Header::parse(&knock), None);
}

#[test]
fn control_messages_are_json_with_a_type() {
    let hello = FromClient::Hello {
        ticket: "t".into(),
        name: None,
        subscribe: Interest::All,
        moved_from: None,
    };
    assert_eq!(
        encode(&hello),
        r#"{"type":"hello","ticket":"t","subscribe":"all"}"#
    );
    assert_eq!(
        encode(&FromRouter::MediaBound {
            kind: Kind::Audio,
            rung: Rung::Udp
        }),
        r#"{"type":"media_bound","kind":"audio","rung":"udp"}"#
    );
    assert_eq!(
        encode(&FromRouter::Speakers {
            slots: vec![Some("p".parse().unwrap()), None],
            active: None
        }),
        r#"{"type":"speakers","slots":["p",null],"active":null}"#
    );
    assert_eq!(
        encode(&FromRouter::Error {
            code: ErrorCode::RouterFull,
            message: "m".into()
        }),
        r#"{"type":"error","code":"router_full","message":"m"}"#
    );
}

fn vp8() -> Codec {
    Codec {
        name: "VP8".into(),
        clock_rate: 90_000,
        payload_type: 96,
        width: 640,
        height: 360,
        channels: 0,
    }
}

#[test]
fn layers_are_a_list_with_the_lowest_first() {
    let layers = vec![
        Layer {
            ssrc: 8,
            width: 320,
            height: 180,
            kbps: 150,
        },
        Layer {
            ssrc: 9,
            width: 640,
            height: 360,
            kbps: 500,
        },
    ];
    let json = concat!(
        r#""codec":{"name":"VP8","clock_rate":90000,"payload_type":96,"width":640,"height":360,"channels":0},"#,
        r#""layers":[{"ssrc":8,"width":320,"height":180,"kbps":150},{"ssrc":9,"width":640,"height":360,"kbps":500}]}"#
    );
    let publish = FromClient::Publish {
        kind: Kind::Video,
        ssrc: 7,
        codec: vp8(),
        layers: layers.clone(),
    };
    let head = r#"{"type":"publish","kind":"video","ssrc":7,"#;
    assert_eq!(encode(&publish), format!("{head}{json}"));
    let added = FromRouter::TrackAdded {
        track: Track {
            participant: "p".parse().unwrap(),
            kind: Kind::Video,
            ssrc: 7,
            codec: vp8(),
            layers,
        },
    };
    let head = r#"{"type":"track_added","participant":"p","kind":"video","ssrc":7,"#;
    assert_eq!(encode(&added), format!("{head}{json}"));
}

#[test]
fn a_track_without_layers_is_written_as_before_there_were_any() {
    let publish = FromClient::Publish {
        kind: Kind::Video,
        ssrc: 7,
        codec: vp8(),
        layers: vec![],
    };
    let json = concat!(
        r#"{"type":"publish","kind":"video","ssrc":7,"codec":{"name":"VP8","clock_rate":90000,"#,
        r#""payload_type":96,"width":640,"height":360,"channels":0}}"#
    );
    assert_eq!(encode(&publish), json);
    assert_eq!(decode(json, limits::CLIENT_MESSAGE_BYTES), Ok(publish));
}

#[test]
fn wants_and_what_is_wanted_are_written_so() {
    let want = FromClient::Want {
        wants: vec![Want {
            participant: "p".parse().unwrap(),
            kind: Kind::Video,
            height: 180,
            priority: 0,
        }],
    };
    assert_eq!(
        encode(&want),
        r#"{"type":"want","wants":[{"participant":"p","kind":"video","height":180,"priority":0}]}"#
    );
    let short = r#"{"type":"want","wants":[{"participant":"p","kind":"video","height":180}]}"#;
    assert_eq!(decode(short, limits::CLIENT_MESSAGE_BYTES), Ok(want));
    let wanted = FromRouter::Wanted {
        kind: Kind::Video,
        layers: vec![true, false],
    };
    assert_eq!(
        encode(&wanted),
        r#"{"type":"wanted","kind":"video","layers":[true,false]}"#
    );
}

#[test]
fn a_router_and_a_zone_say_that_they_are_overloaded() {
    let code = ErrorCode::RouterOverloaded;
    assert_eq!(encode(&code), r#""router_overloaded""#);
    assert_eq!(code.close(), Some(4505));
    let refusal = Refusal::ZoneOverloaded;
    assert_eq!(encode(&refusal), r#""zone_overloaded""#);
    assert_eq!((refusal.status(), refusal.passes()), (503, true));
}

#[test]
fn a_meeting_that_was_ended_is_told_to_zones_routers_and_people() {
    let answer = r#"{"jwks":{},"report_every_s":5,"ended":[{"meeting":"4711","at":1800000000}]}"#;
    let said: ReportAnswer = serde_json::from_str(answer).unwrap();
    assert_eq!(encode(&said), answer);
    let former = r#"{"jwks":{},"report_every_s":5}"#;
    let said: ReportAnswer = serde_json::from_str(former).unwrap();
    assert_eq!((said.ended.len(), encode(&said)), (0, former.to_owned()));
    let order = ToRouter::EndMeeting {
        meeting: "4711".parse().unwrap(),
        at: 1_800_000_000,
    };
    assert_eq!(
        encode(&order),
        r#"{"type":"end_meeting","meeting":"4711","at":1800000000}"#
    );
    let code = ErrorCode::MeetingEnded;
    assert_eq!(encode(&code), r#""meeting_ended""#);
    assert_eq!(code.close(), Some(4411));
    let refusal = Refusal::MeetingEnded;
    assert_eq!(encode(&refusal), r#""meeting_ended""#);
    assert_eq!((refusal.status(), refusal.passes()), (403, false));
}

#[test]
fn link_messages_are_json_with_a_type() {
    assert_eq!(
        encode(&ToRouter::MoveMeeting {
            meeting: "m".parse().unwrap(),
            to: "r".parse().unwrap()
        }),
        r#"{"type":"move_meeting","meeting":"m","to":"r"}"#
    );
    assert_eq!(
        encode(&FromOperator::SetDraining {
            pool: "ns.p".parse().unwrap(),
            routers: vec!["r".parse().unwrap()]
        }),
        r#"{"type":"set_draining","pool":"ns.p","routers":["r"]}"#
    );
    let load = Load {
        participants: 1,
        capacity: 2,
        accepting: true,
        draining: false,
    };
    assert_eq!(
        encode(&load),
        r#"{"participants":1,"capacity":2,"accepting":true,"draining":false}"#
    );
}

/// Directories, controllers and operators of former versions say nothing of it, and leave it out
/// of what they read.
#[test]
fn who_is_expected_is_said_beside_what_was_said_before() {
    let expected = |people: &[u32]| -> Vec<Expected> {
        let one = |people: &u32| Expected {
            at: 1_795_421_700,
            people: *people,
        };
        people.iter().map(one).collect()
    };
    let answer = |people| ReportAnswer {
        jwks: serde_json::json!({ "keys": [] }),
        report_every_s: 5,
        ended: vec![],
        expected: expected(people),
    };
    let report = |people| ToOperator::Report {
        controller: "zc-0".to_owned(),
        routers: vec![],
        expected: expected(people),
    };
    let before = r#"{"jwks":{"keys":[]},"report_every_s":5}"#;
    let now =
        r#"{"jwks":{"keys":[]},"report_every_s":5,"expected":[{"at":1795421700,"people":300}]}"#;
    for (people, text) in [(&[][..], before), (&[300], now)] {
        assert_eq!(encode(&answer(people)), text);
        assert_eq!(serde_json::from_str(text).ok(), Some(answer(people)));
    }
    let before = r#"{"type":"report","controller":"zc-0","routers":[]}"#;
    let now = r#"{"type":"report","controller":"zc-0","routers":[],"expected":[{"at":1795421700,"people":300}]}"#;
    for (people, text) in [(&[][..], before), (&[300], now)] {
        assert_eq!(encode(&report(people)), text);
        assert_eq!(decode(text, limits::MESSAGE_BYTES), Ok(report(people)));
    }
}

#[test]
fn tunnels_hear_every_target_in_one_message() {
    let hello = FromTunnel::Hello {
        tunnel: "ht-0".parse().unwrap(),
    };
    assert_eq!(encode(&hello), r#"{"type":"hello","tunnel":"ht-0"}"#);
    let targets = ToTunnel::Targets {
        controller: "zc-0".to_owned(),
        zone: "ns.z".parse().unwrap(),
        controllers: vec!["https://meet.example.org".to_owned()],
        routers: vec![RouterTarget {
            addresses: vec!["192.0.2.1".parse().unwrap()],
            https_port: 443,
            fingerprint: Fingerprint([0xab; 32]),
        }],
        keys: vec![],
        directory_keys: vec![TicketKey {
            kid: "d1".to_owned(),
            x: "AA".to_owned(),
        }],
    };
    let text = format!(
        r#"{{"type":"targets","controller":"zc-0","zone":"ns.z","controllers":["https://meet.example.org"],"routers":[{{"addresses":["192.0.2.1"],"https_port":443,"fingerprint":"{}"}}],"keys":[],"directory_keys":[{{"kid":"d1","x":"AA"}}]}}"#,
        "ab".repeat(32)
    );
    assert_eq!(encode(&targets), text);
    assert_eq!(decode(&text, limits::MESSAGE_BYTES), Ok(targets));
}

#[test]
fn unknown_fields_are_ignored_and_unknown_types_named() {
    let limit = limits::CLIENT_MESSAGE_BYTES;
    let read = |text: &str| decode::<FromClient>(text, limit);
    assert_eq!(read(r#"{"type":"bye","new":[1]}"#), Ok(FromClient::Bye));
    assert_eq!(
        read(r#"{"type":"dance"}"#),
        Err(BadMessage::UnknownType("dance".into()))
    );
    assert_eq!(read("[]"), Err(BadMessage::NoType));
    assert_eq!(read(r#"["bye"]"#), Err(BadMessage::NoType));
    assert_eq!(read("{"), Err(BadMessage::NoType));
    assert!(matches!(
        read(r#"{"type":"unpublish","kind":"smell"}"#),
        Err(BadMessage::Fields { message, .. }) if message == "unpublish"
    ));
    let long = format!(r#"{{"type":"{}"}}"#, "x".repeat(limit));
    assert_eq!(read(&long), Err(BadMessage::TooLong { limit }));
}

#[test]
fn names_are_checked_at_the_border() {
    assert!("room-1.a_B".parse::<MeetingId>().is_ok());
    for bad in ["", "a b", "a/b", "ü", &"x".repeat(129)] {
        assert!(bad.parse::<MeetingId>().is_err(), "{bad:?}");
    }
    assert!(serde_json::from_str::<MeetingId>("\"a b\"").is_err());
}

#[test]
fn a_name_to_show_is_any_text_of_at_most_128_bytes() {
    for good in ["", "Zoë & co.", &"x".repeat(128)] {
        let name: DisplayName = good.parse().unwrap();
        assert_eq!(encode(&name), serde_json::Value::from(good).to_string());
    }
    let long = "é".repeat(65);
    let error = long.parse::<DisplayName>().unwrap_err().to_string();
    assert_eq!(error, "a display name has at most 128 bytes, not 130");
    let hello = format!(r#"{{"type":"hello","ticket":"t","name":"{long}"}}"#);
    let bad = decode::<FromClient>(&hello, limits::CLIENT_MESSAGE_BYTES).unwrap_err();
    assert!(bad.to_string().contains(&error), "{bad}");
}

#[test]
fn flow_ids_are_sixteen_hexadecimal_digits_in_json() {
    assert_eq!(
        serde_json::to_string(&flow(0xabc)).unwrap(),
        "\"0000000000000abc\""
    );
    assert!(serde_json::from_str::<FlowId>("\"ffffffffffffffff\"").is_err());
    assert_eq!(FlowId::new(0), None);
    assert_eq!(FlowId::from_random(0), flow(1));
}

#[test]
fn feedback_is_a_compound_of_a_receiver_report_and_the_message() {
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    let nack = rtcp::nack(9, 0x0102_0304, &[10, 11, 26, 27, 65_535]);
    let pairs = [0, 10, 0x80, 1, 0, 27, 0, 0, 0xff, 0xff, 0, 0];
    let message = [0x81, 205, 0, 5, 0, 0, 0, 9, 1, 2, 3, 4];
    assert_eq!(nack[..], [&report[..], &message, &pairs].concat());
    let wanted = rtcp::picture_loss(9, 0x0102_0304);
    let message = [0x81, 206, 0, 2, 0, 0, 0, 9, 1, 2, 3, 4];
    assert_eq!(wanted[..], [&report[..], &message].concat());
    assert!(rtp::is_rtcp(&nack) && rtp::is_rtcp(&wanted));
}

#[test]
fn feedback_is_found_behind_what_is_not_known_and_before_what_is_broken() {
    let unknown = [0x80, 204, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0];
    let padded = [
        0xa1, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 7, 0, 0, 0, 0, 0, 4,
    ];
    let cut = [0x81, 206, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2];
    let compound = [&unknown[..], &padded, &cut].concat();
    let found: Vec<_> = rtcp::feedback(&compound).collect();
    let [rtcp::Feedback::Nack(nack)] = found[..] else {
        panic!("{found:?}")
    };
    assert_eq!((nack.sender, nack.media), (1, 2));
    assert_eq!(nack.sequences().collect::<Vec<_>>(), [7]);
    assert_eq!(rtcp::feedback(&rtp::knock(1)).count(), 0);
}
