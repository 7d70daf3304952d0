//! Who may join at all.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod support;

use plenum_wire::directory::{Role, TokenClaims};
use plenum_wire::join::Refusal;
use plenum_zone::admission::{Admission, Proof};
use support::meeting;

const NOW: u64 = 1_800_000_000;

fn token(name: &str, zone: &str, expires: u64) -> TokenClaims {
    TokenClaims {
        iss: "https://meet.example.org".to_owned(),
        sub: "ada".to_owned(),
        aud: vec!["site.south".parse().unwrap(), zone.parse().unwrap()],
        meeting: meeting(name),
        role: Role::Participant,
        iat: NOW - 60,
        exp: expires,
        jti: "1".to_owned(),
    }
}

fn with_directory() -> Admission {
    Admission::Directory {
        zone: "site.north".parse().unwrap(),
    }
}

#[test]
fn an_open_zone_admits_everybody() {
    let open = Admission::Open { meetings: None };
    assert_eq!(open.admit(&meeting("standup"), Proof::None, NOW), Ok(()));
}

#[test]
fn an_open_zone_with_a_list_knows_only_those_meetings() {
    let open = Admission::Open {
        meetings: Some([meeting("standup")].into()),
    };
    assert_eq!(open.admit(&meeting("standup"), Proof::None, NOW), Ok(()));
    assert_eq!(
        open.admit(&meeting("retro"), Proof::None, NOW),
        Err(Refusal::UnknownMeeting)
    );
}

#[test]
fn a_zone_with_a_directory_asks_for_a_token_of_this_meeting_and_zone_that_is_still_good() {
    let standup = meeting("standup");
    let admit = |proof: Proof<'_>| with_directory().admit(&standup, proof, NOW);
    assert_eq!(admit(Proof::None), Err(Refusal::TokenRequired));
    assert_eq!(admit(Proof::Forged), Err(Refusal::Forbidden));
    let good = token("standup", "site.north", NOW + 1);
    assert_eq!(admit(Proof::Token(&good)), Ok(()));
    for wrong in [
        token("standup", "site.north", NOW),
        token("retro", "site.north", NOW + 1),
        token("standup", "site.west", NOW + 1),
    ] {
        assert_eq!(admit(Proof::Token(&wrong)), Err(Refusal::Forbidden));
    }
}

#[test]
fn who_is_let_in_by_a_token_is_vouched_for_since_the_directory_made_it() {
    let token = token("standup", "site.north", NOW + 1);
    let by_token = Proof::Token(&token);
    assert_eq!(with_directory().vouched(by_token, NOW), NOW - 60);
    // Where nobody looks at it, it may be as old as it likes.
    let open = Admission::Open { meetings: None };
    assert_eq!(open.vouched(by_token, NOW), NOW);
}

#[test]
fn who_was_let_in_comes_back_to_the_same_meeting_without_a_token() {
    let admit = |ticket: &str| {
        with_directory().admit(&meeting("standup"), Proof::Ticket(&meeting(ticket)), NOW)
    };
    assert_eq!(admit("standup"), Ok(()));
    assert_eq!(admit("retro"), Err(Refusal::Forbidden));
}
