//! Who lives in the database.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use plenum_directory::api::ZONE_CREDENTIAL;
use plenum_directory::model::{
    Access, AccountId, AccountRole, MeetingKind, MeetingNumber, MeetingSettings, NewAccount,
    NewMeeting, NewZone, Recurrence, Schedule,
};
use plenum_directory::random;
use plenum_directory::store::{self, Store};
use tokio::task::JoinSet;

use crate::asking;
use crate::house::{House, now};
use crate::{MEETINGS, USERS};

/// Of the meetings that ask for one.
pub const PASSCODE: &str = "246810";
/// However slow the machine is.
const PATIENCE: Duration = Duration::from_mins(2);
/// Writers at a time.
const WRITERS: usize = 8;

/// Fills the database, lets three zones report, and returns when they are offered. The meetings'
/// numbers.
pub fn seed(url: &str, house: &House) -> Vec<MeetingNumber> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = store::Config {
            patience: PATIENCE,
            answer: PATIENCE,
            ..store::Config::new(url)
        };
        let store = Store::open(&config).await.unwrap();
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let store = store.clone();
            writers.spawn(async move { write(&store, writer).await });
        }
        let numbers: Vec<MeetingNumber> = writers.join_all().await.into_iter().flatten().collect();
        zones(&store, house).await;
        store.close().await;
        asking::until_admitted(house, numbers[0]).await;
        numbers
    })
}

/// One writer's share. Each third meeting asks for a passcode, each third takes place every day.
async fn write(store: &Store, writer: usize) -> Vec<MeetingNumber> {
    let mut numbers = Vec::new();
    for user in (writer..USERS).step_by(WRITERS) {
        let owner = account(store, user).await;
        for meeting in 0..MEETINGS / USERS {
            let new = NewMeeting {
                owner,
                kind: kind(meeting),
                settings: settings(user),
                passcode: (meeting % 3 == 1).then(|| PASSCODE.parse().unwrap()),
            };
            numbers.push(store.add_meeting(new, now()).await.unwrap().number);
        }
    }
    numbers
}

async fn account(store: &Store, user: usize) -> AccountId {
    let new = NewAccount {
        name: format!("user-{user}").parse().unwrap(),
        display_name: format!("User {user}").parse().unwrap(),
        email: None,
        role: AccountRole::User,
        password: None,
    };
    store.add_account(new, now()).await.unwrap().id
}

fn kind(meeting: usize) -> MeetingKind {
    if meeting % 3 != 2 {
        return MeetingKind::Instant;
    }
    let start = now().to_zoned(TimeZone::UTC).datetime() - SignedDuration::from_hours(24 * 300);
    let midnight = start.date().to_datetime(Time::midnight());
    let daily = Recurrence::new("FREQ=DAILY", Vec::new()).unwrap();
    MeetingKind::Scheduled {
        schedule: Schedule::new(midnight, "Europe/Berlin", 24 * 60, Some(daily)).unwrap(),
    }
}

fn settings(user: usize) -> MeetingSettings {
    MeetingSettings {
        title: Some(format!("The meeting of user {user}").parse().unwrap()),
        hosts: Vec::new(),
        invited: Vec::new(),
        access: Access::Anyone,
        waiting_room: false,
        join_before_host: true,
    }
}

/// Three zones, which report every 5 s.
async fn zones(store: &Store, house: &House) {
    for name in ["bench.north", "bench.south", "bench.west"] {
        let secret = random::secret();
        let zone = NewZone {
            name: name.parse().unwrap(),
            credential: secret.hash(),
            networks: Vec::new(),
            location: None,
            weight: 1,
            enabled: true,
        };
        store.add_zone(zone, now()).await.unwrap();
        let credential = format!("{ZONE_CREDENTIAL}{}", secret.reveal());
        asking::report(house, name, &credential);
    }
}
