//! Accounts, meetings and zones for tests.

use std::net::Ipv6Addr;

use jiff::{SignedDuration, Timestamp};
use plenum_directory::model::{
    Access, Account, AccountId, AccountRole, KeyId, Login, LoginKind, MeetingKind, MeetingSettings,
    NewAccount, NewLogin, NewMeeting, NewWaiting, NewZone, Recurrence, Schedule, Secret, Showed,
    SigningKey,
};
use plenum_directory::store::Store;
use plenum_directory::{random, tokens};
use plenum_wire::directory::ZoneReport;

/// The moment so many seconds after the tests begin.
pub fn second(seconds: i64) -> Timestamp {
    let begin: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    begin
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap()
}

pub fn account(name: &str) -> NewAccount {
    NewAccount {
        name: name.parse().unwrap(),
        display_name: format!("Called {name}").parse().unwrap(),
        email: Some(format!("{name}@example.org").parse().unwrap()),
        role: AccountRole::User,
        password: None,
    }
}

pub async fn add_account(store: &Store, name: &str) -> Account {
    store.add_account(account(name), second(0)).await.unwrap()
}

pub fn login(account: AccountId, kind: LoginKind) -> (NewLogin, Secret) {
    let secret = random::secret();
    let label = "a browser".to_owned();
    let new = NewLogin {
        account,
        showed: Showed::Nothing,
        kind,
        label,
        secret: secret.hash(),
        expires: Some(second(3600)),
    };
    (new, secret)
}

pub async fn add_login(store: &Store, account: AccountId, kind: LoginKind) -> (Login, Secret) {
    let (new, secret) = login(account, kind);
    (store.add_login(new, second(0)).await.unwrap(), secret)
}

pub fn settings() -> MeetingSettings {
    MeetingSettings {
        title: Some("Über uns".parse().unwrap()),
        hosts: vec![],
        invited: vec![],
        access: Access::Anyone,
        waiting_room: true,
        join_before_host: false,
    }
}

pub fn weekly() -> MeetingKind {
    let except = vec!["2026-12-21T09:00:00".parse().unwrap()];
    let recurrence = Recurrence::new("FREQ=WEEKLY;BYDAY=MO", except).unwrap();
    let start = "2026-11-23T09:00:00".parse().unwrap();
    let schedule = Schedule::new(start, "Europe/Berlin", 45, Some(recurrence)).unwrap();
    MeetingKind::Scheduled { schedule }
}

/// The same with so many people expected each Monday.
pub fn weekly_expecting(people: u16) -> MeetingKind {
    let MeetingKind::Scheduled { schedule } = weekly() else {
        unreachable!("it is scheduled");
    };
    let schedule = schedule.expecting(Some(people)).unwrap();
    MeetingKind::Scheduled { schedule }
}

pub fn meeting(owner: AccountId, kind: MeetingKind) -> NewMeeting {
    NewMeeting {
        owner,
        kind,
        settings: settings(),
        passcode: None,
    }
}

pub fn zone(name: &str) -> NewZone {
    NewZone {
        name: name.parse().unwrap(),
        credential: random::secret().hash(),
        networks: vec![
            "192.0.2.0/24".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ],
        location: plenum_directory::model::Coordinates::new(52.5, 13.4).ok(),
        weight: 100,
        enabled: true,
    }
}

pub fn report(controller: &str, participants: u32) -> ZoneReport {
    ZoneReport {
        controller: controller.to_owned(),
        controllers: vec!["https://192.0.2.1".to_owned()],
        tunnels: vec![],
        authority: None,
        routers: 2,
        capacity: 1000,
        participants,
        meetings: vec![],
    }
}

/// Somebody of a household of their own.
pub fn waiting(meeting: plenum_directory::model::MeetingNumber) -> (NewWaiting, Secret) {
    let secret = random::secret();
    let new = NewWaiting {
        meeting,
        name: "Somebody".parse().unwrap(),
        account: None,
        household: Ipv6Addr::from(random::bits()).into(),
        secret: secret.hash(),
        expires: second(60),
    };
    (new, secret)
}

pub fn signing_key(now: Timestamp, active_from: Timestamp) -> SigningKey {
    SigningKey {
        id: KeyId::from_random(random::bits()),
        pkcs8: tokens::generate(),
        created: now,
        active_from,
        retired: None,
    }
}

/// What kind of error it was.
#[macro_export]
macro_rules! assert_error {
    ($result:expr, $kind:ident) => {
        match $result {
            Err(plenum_directory::store::Error::$kind { .. }) => {}
            other => panic!("expected {}, got {other:?}", stringify!($kind)),
        }
    };
}
