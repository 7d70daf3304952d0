//! Who may join at all.

mod support;

use plenum_wire::join::Refusal;
use plenum_zone::admission::{Admission, Proof, Token};
use support::meeting;

const NOW: u64 = 1_800_000_000;

fn token(name: &str, expires: u64) -> Token {
    Token {
        meeting: meeting(name),
        expires,
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
fn a_zone_with_a_directory_asks_for_a_token_of_this_meeting_that_is_still_good() {
    let standup = meeting("standup");
    let admit = |proof: Proof<'_>| Admission::Directory.admit(&standup, proof, NOW);
    assert_eq!(admit(Proof::None), Err(Refusal::TokenRequired));
    assert_eq!(admit(Proof::Forged), Err(Refusal::Forbidden));
    assert_eq!(admit(Proof::Token(&token("standup", NOW + 1))), Ok(()));
    assert_eq!(
        admit(Proof::Token(&token("standup", NOW))),
        Err(Refusal::Forbidden)
    );
    assert_eq!(
        admit(Proof::Token(&token("retro", NOW + 1))),
        Err(Refusal::Forbidden)
    );
}

#[test]
fn who_was_let_in_comes_back_to_the_same_meeting_without_a_token() {
    let admit = |ticket: &str| {
        Admission::Directory.admit(&meeting("standup"), Proof::Ticket(&meeting(ticket)), NOW)
    };
    assert_eq!(admit("standup"), Ok(()));
    assert_eq!(admit("retro"), Err(Refusal::Forbidden));
}
