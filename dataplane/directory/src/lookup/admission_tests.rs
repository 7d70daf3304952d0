use jiff::civil::date;

use super::*;
use crate::model::{MeetingNumber, MeetingSettings, Passcode, PasscodeKey, Revision, Schedule};

const OWNER: AccountId = AccountId::from_random(1);
const CO_HOST: AccountId = AccountId::from_random(2);
const GUEST_LIST: AccountId = AccountId::from_random(3);
const OTHER: AccountId = AccountId::from_random(4);

/// 9 to 10 o'clock UTC, once.
fn scheduled() -> MeetingKind {
    let start = date(2027, 3, 1).at(9, 0, 0, 0);
    let schedule = Schedule::new(start, "UTC", 60, None).unwrap();
    MeetingKind::Scheduled { schedule }
}

fn at(time: &str) -> Timestamp {
    format!("2027-03-01T{time}:00Z").parse().unwrap()
}

fn meeting() -> Meeting {
    Meeting {
        number: MeetingNumber::from_random(7),
        owner: OWNER,
        kind: MeetingKind::Instant,
        settings: MeetingSettings {
            title: None,
            hosts: vec![CO_HOST],
            invited: vec![GUEST_LIST],
            access: Access::Anyone,
            waiting_room: false,
            join_before_host: true,
        },
        passcode: None,
        ended: None,
        created: at("00:00"),
        revision: Revision(1),
    }
}

fn with_passcode() -> Meeting {
    let passcode: Passcode = "123456".parse().unwrap();
    let mut meeting = meeting();
    let hash = PasscodeKey::from_random([7; 32]).hash(meeting.number, &passcode);
    meeting.passcode = Some(hash);
    meeting
}

fn nobody() -> Asker {
    Asker {
        account: None,
        passcode: Said::Nothing,
        waiting: None,
    }
}

fn account(account: AccountId) -> Asker {
    Asker {
        account: Some(account),
        ..nobody()
    }
}

fn says(passcode: Said) -> Asker {
    Asker {
        passcode,
        ..nobody()
    }
}

fn waits(state: WaitingState) -> Asker {
    Asker {
        waiting: Some(state),
        ..nobody()
    }
}

const RUNS: Life = Life {
    runs: true,
    host_comes: false,
};
const EMPTY: Life = Life {
    runs: false,
    host_comes: false,
};
const HOST_COMES: Life = Life {
    runs: false,
    host_comes: true,
};

fn denied(denial: Denial) -> Result<Role, Refused> {
    Err(Refused::By(denial))
}

const IN: Result<Role, Refused> = Ok(Role::Participant);

#[test]
fn an_open_meeting_lets_everybody_in_and_knows_its_hosts() {
    let meeting = meeting();
    for (asker, role) in [
        (nobody(), Role::Participant),
        (account(OTHER), Role::Participant),
        (account(OWNER), Role::Host),
        (account(CO_HOST), Role::Host),
    ] {
        assert_eq!(admit(&meeting, &asker, EMPTY, at("09:00")), Ok(role));
    }
}

#[test]
fn the_passcode() {
    let meeting = with_passcode();
    for (what, asker, expected) in [
        ("none said", nobody(), denied(Denial::PasscodeRequired)),
        ("wrong", says(Said::Wrong), denied(Denial::WrongPasscode)),
        ("right", says(Said::Right), IN),
        (
            "signed in is not enough",
            account(OTHER),
            denied(Denial::PasscodeRequired),
        ),
        ("who is invited needs none", account(GUEST_LIST), IN),
        ("a host needs none", account(OWNER), Ok(Role::Host)),
    ] {
        assert_eq!(
            admit(&meeting, &asker, EMPTY, at("09:00")),
            expected,
            "{what}"
        );
    }
}

#[test]
fn who_has_to_sign_in() {
    let sign_in = denied(Denial::SignInRequired);
    for (access, asker, expected) in [
        (Access::SignedIn, nobody(), sign_in),
        (Access::SignedIn, account(OTHER), IN),
        (Access::Invited, nobody(), sign_in),
        (Access::Invited, account(OTHER), denied(Denial::Forbidden)),
        (Access::Invited, account(GUEST_LIST), IN),
        (Access::Invited, account(CO_HOST), Ok(Role::Host)),
    ] {
        let mut meeting = meeting();
        meeting.settings.access = access;
        let decided = admit(&meeting, &asker, EMPTY, at("09:00"));
        assert_eq!(decided, expected, "{access:?} {asker:?}");
    }
}

#[test]
fn the_time_of_a_scheduled_meeting() {
    let mut meeting = meeting();
    meeting.kind = scheduled();
    let early = Err(Refused::Before(at("08:45")));
    for (time, life, expected) in [
        ("00:00", EMPTY, early),
        ("08:44", EMPTY, early),
        ("08:44", RUNS, IN),
        ("08:45", EMPTY, IN),
        ("09:30", EMPTY, IN),
        ("10:14", EMPTY, IN),
        ("10:15", EMPTY, denied(Denial::Over)),
        ("10:15", RUNS, IN),
    ] {
        assert_eq!(
            admit(&meeting, &nobody(), life, at(time)),
            expected,
            "{time}"
        );
        let host = admit(&meeting, &account(OWNER), life, at(time));
        assert_eq!(host, Ok(Role::Host), "hosts come when they want");
    }
}

#[test]
fn before_the_host() {
    let mut meeting = meeting();
    meeting.settings.join_before_host = false;
    for (life, expected) in [(EMPTY, Err(Refused::NoHost)), (HOST_COMES, IN), (RUNS, IN)] {
        assert_eq!(admit(&meeting, &nobody(), life, at("09:00")), expected);
    }
}

#[test]
fn the_waiting_room() {
    let mut meeting = meeting();
    meeting.settings.waiting_room = true;
    for (asker, expected) in [
        (nobody(), Err(Refused::Wait)),
        (account(GUEST_LIST), Err(Refused::Wait)),
        (waits(WaitingState::Waiting), Err(Refused::Wait)),
        (waits(WaitingState::Admitted), IN),
        (waits(WaitingState::Refused), denied(Denial::Refused)),
        (account(OWNER), Ok(Role::Host)),
    ] {
        assert_eq!(
            admit(&meeting, &asker, RUNS, at("09:00")),
            expected,
            "{asker:?}"
        );
    }
}

#[test]
fn who_does_not_know_the_passcode_learns_nothing_else() {
    let mut meeting = with_passcode();
    meeting.kind = scheduled();
    meeting.settings.waiting_room = true;
    meeting.settings.join_before_host = false;
    for time in ["00:00", "09:00", "12:00"] {
        let decided = admit(&meeting, &says(Said::Wrong), EMPTY, at(time));
        assert_eq!(decided, denied(Denial::WrongPasscode));
    }
}

#[test]
fn a_meeting_that_was_ended_is_over_for_everybody() {
    let mut meeting = meeting();
    meeting.ended = Some(at("08:00"));
    for asker in [nobody(), account(OWNER)] {
        assert_eq!(
            admit(&meeting, &asker, RUNS, at("09:00")),
            denied(Denial::Over)
        );
    }
}
