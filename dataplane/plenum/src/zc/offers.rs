//! Offers: what a client needs to reach its router, with a ticket that is signed here.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use plenum_wire::directory::TokenClaims;
use plenum_wire::join::{Endpoint, Offer};
use plenum_wire::link::Member;
use plenum_wire::ticket::{Claims, LIFETIME_S};
use plenum_wire::{FlowId, Flows, MeetingId, ParticipantId, RouterId};

use super::keys::KeyRing;

/// A signed offer for somebody.
pub fn offer(
    keys: &KeyRing,
    meeting: MeetingId,
    who: Member,
    router: RouterId,
    endpoint: Endpoint,
) -> Offer {
    let flows = Flows {
        audio: flow(),
        video: flow(),
        content: flow(),
    };
    let claims = Claims {
        meeting,
        participant: who.participant,
        router,
        fingerprint: endpoint.fingerprint,
        flows,
        expires: unix_now() + LIFETIME_S,
        admitted: who.admitted,
        vouched: who.vouched,
    };
    let ticket = keys.signing().sign(&claims);
    Offer {
        meeting: claims.meeting,
        participant: claims.participant,
        router: claims.router,
        endpoint,
        flows,
        ticket,
    }
}

/// Whom a token lets in, at whatever controller and however often it is shown: 128 bits of a hash
/// of what tells it from all others. So who shows it a second time is the first one again, and never
/// somebody more.
pub fn participant_of(token: &TokenClaims) -> ParticipantId {
    let TokenClaims {
        iss,
        sub,
        meeting,
        iat,
        jti,
        ..
    } = token;
    let named = serde_json::to_vec(&(iss, sub, meeting, iat, jti)).expect("texts and a number");
    let hash = digest(&SHA256, &named);
    let (bits, _) = hash.as_ref().split_first_chunk().expect("32 bytes");
    participant(u128::from_be_bytes(*bits))
}

/// A name that nobody else in any meeting has: 128 random bits.
pub fn new_participant() -> ParticipantId {
    participant(rand::random())
}

fn participant(bits: u128) -> ParticipantId {
    let digits = format!("{bits:032x}");
    digits.parse().expect("hexadecimal digits are a name")
}

/// Unix time in seconds.
pub fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn flow() -> FlowId {
    FlowId::from_random(rand::random())
}

#[cfg(test)]
pub fn claims_for_tests() -> Claims {
    Claims {
        meeting: "standup".parse().unwrap(),
        participant: new_participant(),
        router: "router-a".parse().unwrap(),
        fingerprint: plenum_wire::Fingerprint([7; 32]),
        flows: Flows {
            audio: flow(),
            video: flow(),
            content: flow(),
        },
        expires: 1,
        admitted: 0,
        vouched: 0,
    }
}
