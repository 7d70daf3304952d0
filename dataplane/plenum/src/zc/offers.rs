//! Offers: what a client needs to reach its router, with a ticket that is signed here.

use std::time::{SystemTime, UNIX_EPOCH};

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

/// A name that nobody else in any meeting has: 128 random bits.
pub fn new_participant() -> ParticipantId {
    format!("{:032x}", rand::random::<u128>())
        .parse()
        .expect("hexadecimal digits are a name")
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
