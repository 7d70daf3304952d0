//! Whatever arrives: no panic and nothing kept beyond its bound. What was written is read
//! back as it was.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod values;

use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::BytesMut;
use plenum_wire::control::{FromClient, FromRouter};
use plenum_wire::frame::{decode_datagram, decode_stream, encode_datagram, encode_stream};
use plenum_wire::join::JoinRequest;
use plenum_wire::limits::{CLIENT_MESSAGE_BYTES, MESSAGE_BYTES, PACKET_BYTES};
use plenum_wire::link::TicketKey;
use plenum_wire::rtcp::{self, Feedback};
use plenum_wire::rtp::{self, AudioLevel, Header};
use plenum_wire::ticket::{Keys, SigningKey};
use plenum_wire::{decode, encode};
use proptest::prelude::*;
use values::{bytes, claims, flow, from_client, from_router, nearly_a_message, packet};

/// The zone's key, and what its routers know of it.
static ZONE: LazyLock<(SigningKey, Keys)> = LazyLock::new(|| {
    let pair = Ed25519KeyPair::generate().unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(pair.to_pkcs8v1().unwrap())
    );
    let public = TicketKey {
        kid: "zone".to_owned(),
        x: URL_SAFE_NO_PAD.encode(pair.public_key()),
    };
    let key = SigningKey::from_pem("zone", pem.as_bytes()).unwrap();
    (key, Keys::from_keys(&[public]))
});

proptest! {
    #[test]
    fn any_datagram_is_a_packet_within_the_bound_or_refused(datagram in bytes(PACKET_BYTES + 16)) {
        if let Ok((flow, packet)) = decode_datagram(&datagram) {
            prop_assert!((1..=PACKET_BYTES).contains(&packet.len()));
            prop_assert!(datagram.ends_with(packet));
            // Its flow id may have been written longer than need be.
            let again = encode_datagram(flow, packet);
            prop_assert!(again.len() <= datagram.len());
            prop_assert_eq!(decode_datagram(&again), Ok((flow, packet)));
        }
    }

    #[test]
    fn any_bytes_are_feedback_within_the_bound_or_none(mut packet in bytes(PACKET_BYTES), nearly in any::<bool>()) {
        if let (true, [first, kind, high, ..]) = (nearly, &mut packet[..]) {
            // Random bytes are hardly ever feedback; these mostly are.
            (*first, *kind, *high) = (0x81 | *first & 0x20, 205 + (*kind & 1), 0);
        }
        let mut asked = 0;
        for message in rtcp::feedback(&packet) {
            if let Feedback::Nack(nack) = message {
                asked += nack.sequences().count();
            }
        }
        prop_assert!(asked <= packet.len() / 4 * 17);
    }

    #[test]
    fn what_was_asked_for_is_read_back_in_order(start in any::<u16>(), steps in prop::collection::vec(1..40_u16, 0..60)) {
        let sequences: Vec<u16> = steps
            .iter()
            .scan(start, |at, step| {
                *at = at.wrapping_add(*step);
                Some(*at)
            })
            .collect();
        let packet = rtcp::nack(1, 2, &sequences);
        prop_assert!(rtp::is_rtcp(&packet) && packet.len() <= PACKET_BYTES);
        let read: Vec<u16> = rtcp::feedback(&packet)
            .flat_map(|message| match message {
                Feedback::Nack(nack) => nack.sequences().collect(),
                Feedback::PictureLoss { .. } => Vec::new(),
            })
            .collect();
        prop_assert_eq!(read, sequences);
    }

    #[test]
    fn a_packet_in_a_datagram_comes_back(flow in flow(), packet in packet()) {
        let datagram = encode_datagram(flow, &packet);
        prop_assert_eq!(decode_datagram(&datagram), Ok((flow, &packet[..])));
    }

    #[test]
    fn any_stream_is_packets_within_the_bound_until_it_is_refused(
        pieces in prop::collection::vec(bytes(400), 0..20),
        small in any::<bool>(),
    ) {
        let mut received = BytesMut::new();
        for mut piece in pieces {
            if let (true, Some(high)) = (small, piece.first_mut()) {
                // Random lengths are mostly too long; these go further.
                *high = 0;
            }
            received.extend_from_slice(&piece);
            loop {
                match decode_stream(&mut received) {
                    Ok(Some((_, packet))) => prop_assert!((1..=PACKET_BYTES).contains(&packet.len())),
                    Ok(None) => break,
                    Err(_) => return Ok(()),
                }
            }
            prop_assert!(received.len() < 2 + PACKET_BYTES + 8, "kept {}", received.len());
        }
    }

    #[test]
    fn packets_in_a_stream_come_back_however_it_is_cut(
        packets in prop::collection::vec((flow(), packet()), 0..8),
        piece in 1..3_000_usize,
    ) {
        let mut sent = BytesMut::new();
        for (flow, packet) in &packets {
            encode_stream(*flow, packet, &mut sent);
        }
        let (mut received, mut read) = (BytesMut::new(), Vec::new());
        for piece in sent.chunks(piece) {
            received.extend_from_slice(piece);
            while let Some((flow, packet)) = decode_stream(&mut received).unwrap() {
                read.push((flow, packet.to_vec()));
            }
        }
        prop_assert!(received.is_empty());
        prop_assert_eq!(read, packets);
    }

    #[test]
    fn any_packet_is_rtp_with_its_payload_inside_or_none(
        mut packet in bytes(100),
        version in any::<bool>(),
    ) {
        if let (true, Some(first)) = (version, packet.first_mut()) {
            *first = *first & 0x3f | 0x80;
        }
        if let Some(header) = Header::parse(&packet) {
            prop_assert!((12..=packet.len()).contains(&header.payload_offset));
            prop_assert!(header.payload_type < 128);
            prop_assert!(!rtp::is_rtcp(&packet));
        }
    }

    #[test]
    fn any_bytes_have_extensions_inside_the_header_or_none(
        mut packet in bytes(100),
        two_byte in any::<bool>(),
    ) {
        if let [first, _, _, _, _, _, _, _, _, _, _, _, high, low, _, words, ..] = &mut packet[..] {
            *first = 0x90;
            (*high, *low) = if two_byte { (0x10, *low & 0x0f) } else { (0xbe, 0xde) };
            *words &= 0x0f;
        }
        let header = Header::parse(&packet).map_or(0, |header| header.payload_offset);
        let bytes: usize = rtp::extensions(&packet).map(|(_, data)| 1 + data.len()).sum();
        prop_assert!(bytes <= header.saturating_sub(16));
    }

    #[test]
    fn a_level_comes_back(voice in any::<bool>(), below in 0..128_u8, payload in bytes(100)) {
        let level = AudioLevel { voice, below };
        let header = Header {
            payload_type: 111,
            marker: false,
            sequence: 1,
            timestamp: 2,
            ssrc: 3,
            payload_offset: 20,
        };
        let packet = rtp::write_with_level(&header, level, &payload);
        prop_assert_eq!(AudioLevel::read(&packet), Some(level));
        prop_assert_eq!(Header::parse(&packet), Some(header));
        prop_assert_eq!(&packet[20..], payload);
    }

    #[test]
    fn an_rtp_header_comes_back(
        // RFC 5761 section 4: with a marker 64 to 95 would read as RTCP.
        payload_type in prop_oneof![0..64_u8, 96..128_u8],
        marker in any::<bool>(),
        (sequence, timestamp, ssrc) in any::<(u16, u32, u32)>(),
        payload in bytes(100),
    ) {
        let header = Header {
            payload_type,
            marker,
            sequence,
            timestamp,
            ssrc,
            payload_offset: 12,
        };
        let packet = rtp::write(&header, &payload);
        prop_assert_eq!(Header::parse(&packet), Some(header));
        prop_assert_eq!(&packet[12..], payload);
    }

    #[test]
    fn any_text_is_a_message_or_refused_with_a_sentence(
        text in prop_oneof![".{0,200}", nearly_a_message()],
    ) {
        let read = decode::<FromClient>(&text, CLIENT_MESSAGE_BYTES);
        if let Err(bad) = read {
            prop_assert!(!bad.to_string().is_empty());
        }
        let _ = decode::<FromRouter>(&text, MESSAGE_BYTES);
        let _ = serde_json::from_str::<JoinRequest>(&text);
    }

    #[test]
    fn what_a_client_says_comes_back(message in from_client()) {
        prop_assert_eq!(decode(&encode(&message), CLIENT_MESSAGE_BYTES), Ok(message));
    }

    #[test]
    fn what_a_router_says_comes_back(message in from_router()) {
        prop_assert_eq!(decode(&encode(&message), MESSAGE_BYTES), Ok(message));
    }

    #[test]
    fn what_a_ticket_says_comes_back_until_its_end(claims in claims()) {
        let (key, keys) = &*ZONE;
        let ticket = key.sign(&claims);
        prop_assert_eq!(keys.verify(&ticket, claims.expires - 1), Ok(claims.clone()));
        prop_assert!(keys.verify(&ticket, claims.expires).is_err());
    }

    #[test]
    fn any_text_is_no_ticket(text in prop_oneof![".{0,200}", "[A-Za-z0-9_-]{0,90}(\\.[A-Za-z0-9_-]{0,90}){0,3}"]) {
        let (_, keys) = &*ZONE;
        prop_assert!(keys.verify(&text, 0).is_err());
        prop_assert!(keys.identify(&text, 0).is_err());
    }

    #[test]
    fn a_ticket_with_one_byte_changed_says_the_same_or_nothing(
        claims in claims(),
        at in any::<prop::sample::Index>(),
        byte in 0..128_u8,
    ) {
        let (key, keys) = &*ZONE;
        let mut ticket = key.sign(&claims).into_bytes();
        let at = at.index(ticket.len());
        ticket[at] = byte;
        let ticket = String::from_utf8(ticket).unwrap();
        // The last character of the signature may hold bits that mean nothing.
        if let Ok(read) = keys.verify(&ticket, 0) {
            prop_assert_eq!(read, claims);
        }
    }
}
