//! A ticket opens the door to one router, for one participant, for a while.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use plenum_wire::link::TicketKey;
use plenum_wire::ticket::{Claims, IDENTITY_S, Keys, SigningKey, TicketError};
use plenum_wire::{Fingerprint, FlowId, Flows};

const NOW: u64 = 1_800_000_000;

fn zone(kid: &str) -> (SigningKey, TicketKey) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(pair.to_pkcs8v1().unwrap())
    );
    let public = TicketKey {
        kid: kid.into(),
        x: URL_SAFE_NO_PAD.encode(pair.public_key()),
    };
    (SigningKey::from_pem(kid, pem.as_bytes()).unwrap(), public)
}

fn claims() -> Claims {
    let flow = |bits| FlowId::from_random(bits);
    Claims {
        meeting: "4711".parse().unwrap(),
        participant: "p1".parse().unwrap(),
        router: "r1".parse().unwrap(),
        fingerprint: Fingerprint([7; 32]),
        flows: Flows {
            audio: flow(1),
            video: flow(2),
            content: flow(3),
        },
        expires: NOW + 60,
        admitted: NOW - 60,
        vouched: NOW - 65,
    }
}

#[test]
fn what_the_zone_signed_is_believed_until_its_end() {
    let (key, public) = zone("a");
    let keys = Keys::from_keys(&[public]);
    let ticket = key.sign(&claims());
    assert_eq!(keys.verify(&ticket, NOW), Ok(claims()));
    assert_eq!(keys.verify(&ticket, NOW + 60), Err(TicketError::Expired));
}

#[test]
fn a_ticket_of_a_former_program_vouches_for_its_holder_since_they_were_let_in() {
    let (key, public) = zone("a");
    let unsaid = Claims {
        vouched: 0,
        ..claims()
    };
    let read = Keys::from_keys(&[public]).verify(&key.sign(&unsaid), NOW);
    assert_eq!(read.unwrap().vouched, NOW - 60, "and not since for ever");
}

#[test]
fn an_old_ticket_still_says_who_its_holder_was() {
    let (key, public) = zone("a");
    let keys = Keys::from_keys(&[public]);
    let ticket = key.sign(&claims());
    assert_eq!(keys.identify(&ticket, NOW + 3_600), Ok(claims()));
    let end = NOW - 60 + IDENTITY_S;
    assert_eq!(keys.identify(&ticket, end - 1), Ok(claims()));
    assert_eq!(keys.identify(&ticket, end), Err(TicketError::Expired));
}

#[test]
fn renewing_a_ticket_does_not_make_its_holder_known_for_longer() {
    let (key, public) = zone("a");
    let keys = Keys::from_keys(&[public]);
    let end = NOW - 60 + IDENTITY_S;
    let renewed = Claims {
        expires: end + 120,
        ..claims()
    };
    let ticket = key.sign(&renewed);
    assert_eq!(keys.identify(&ticket, end), Err(TicketError::Expired));
}

#[test]
fn another_zones_ticket_is_forged_even_under_our_key_id() {
    let (_, public) = zone("a");
    let (foreign, _) = zone("a");
    let keys = Keys::from_keys(&[public]);
    assert_eq!(
        keys.verify(&foreign.sign(&claims()), NOW),
        Err(TicketError::Forged)
    );
}

#[test]
fn a_changed_ticket_is_forged() {
    let (key, public) = zone("a");
    let keys = Keys::from_keys(&[public]);
    let ticket = key.sign(&claims());
    for position in 0..ticket.len() {
        let mut changed = ticket.clone().into_bytes();
        changed[position] = if changed[position] == b'A' {
            b'B'
        } else {
            b'A'
        };
        let changed = String::from_utf8(changed).unwrap();
        // The last characters of base64 may hold bits that mean nothing.
        if let Ok(read) = keys.verify(&changed, NOW) {
            assert_eq!(read, claims(), "position {position}");
        }
    }
    assert_eq!(keys.verify("", NOW), Err(TicketError::Forged));
    assert_eq!(keys.verify("a.b.c", NOW), Err(TicketError::Forged));
}

#[test]
fn an_unsigned_ticket_is_forged() {
    let (key, public) = zone("a");
    let keys = Keys::from_keys(&[public]);
    let ticket = key.sign(&claims());
    let body = ticket.split('.').nth(1).unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"a"}"#);
    assert_eq!(
        keys.verify(&format!("{header}.{body}."), NOW),
        Err(TicketError::Forged)
    );
}

#[test]
fn keys_that_cannot_be_read_are_skipped() {
    let (key, public) = zone("good");
    let broken = TicketKey {
        kid: "broken".into(),
        x: "short".into(),
    };
    let keys = Keys::from_keys(&[broken, public]);
    assert!(keys.verify(&key.sign(&claims()), NOW).is_ok());
}

#[test]
fn a_key_of_another_kind_is_refused() {
    assert!(SigningKey::from_pem("a", b"no key").is_err());
}
