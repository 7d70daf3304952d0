//! Instant meetings that nobody uses.

use jiff::{SignedDuration, Timestamp};
use plenum_directory::api::Config;
use plenum_directory::model::{MeetingKind, MeetingSettings, NewMeeting};
use plenum_directory::store::Store;
use plenum_wire::directory::Denial;
use serde_json::{Value, json};

use crate::house::{House, Place, Zone, config, until};
use crate::replicas::{copy, read_only};

fn days_ago(days: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(24 * days)
}

/// The number of an instant meeting that was made so many days ago.
async fn instant_meeting(store: &Store, age: i64) -> String {
    let owner = store.account_named(&"admin".parse().unwrap()).await;
    let new = NewMeeting {
        owner: owner.unwrap().id,
        kind: MeetingKind::Instant,
        settings: MeetingSettings::usual(),
        passcode: None,
    };
    let made = store.add_meeting(new, days_ago(age)).await.unwrap();
    made.number.to_string()
}

/// One that was made 40 days ago. Uses have been noted since then.
async fn old_meeting(store: &Store) -> String {
    let number = instant_meeting(store, 40).await;
    note_uses_for_40_days(store).await;
    number
}

async fn note_uses_for_40_days(store: &Store) {
    let now = Timestamp::now();
    for hours in (0..=40 * 24).rev() {
        let time = now - SignedDuration::from_hours(hours);
        store.uses_are_noted(time).await.unwrap();
    }
}

/// Until the directory knows that people are in these meetings of the zone. Who looks one up uses
/// it, so that is known by another, which is new.
async fn until_they_run(house: &House, zone: &Zone, numbers: &[&str]) {
    let other = instant_meeting(house.store(), 0).await;
    let runs = |number: &&str| json!({ "meeting": number, "participants": 1 });
    let running: Vec<Value> = numbers.iter().chain([&&*other]).map(runs).collect();
    zone.report(json!({ "meetings": running })).await;
    until(async || {
        let lookup: Value = look_up(house, &other).await.json();
        (lookup["zones"][0]["hosts"] == true).then_some(())
    })
    .await;
}

async fn is_there(house: &House, number: &str) -> bool {
    house.store().meeting(number.parse().unwrap()).await.is_ok()
}

async fn look_up(house: &House, number: &str) -> crate::http::Answer {
    house.client.look_up(json!({ "meeting": number })).await
}

pub async fn an_instant_meeting_that_nobody_uses_goes(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    let zone = house.zone(&admin, "eu.main", json!({})).await;
    let used = old_meeting(house.store()).await;
    let unused = old_meeting(house.store()).await;
    until_they_run(&house, &zone, &[&used]).await;
    house.directory.sweep().await.unwrap();
    look_up(&house, &unused).await.is(Denial::UnknownMeeting);
    let deleted = "plenum_directory_unused_meetings_deleted_total 1\n";
    assert!(house.metrics().contains(deleted), "{}", house.metrics());
    until_they_run(&house, &zone, &[]).await;
    house.directory.sweep().await.unwrap();
    assert!(is_there(&house, &used).await, "for a month");
}

/// No zone has said yet that they are there.
pub async fn one_that_somebody_has_just_come_to_stays(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let used = old_meeting(house.store()).await;
    let unused = old_meeting(house.store()).await;
    assert_eq!(look_up(&house, &used).await.status, 200);
    house.directory.sweep().await.unwrap();
    assert!(is_there(&house, &used).await);
    assert!(!is_there(&house, &unused).await);
}

pub async fn it_may_be_kept_for_ever(place: Place) {
    let config = Config {
        instant_meetings_kept: None,
        ..config()
    };
    let house = House::with(&place, config).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let number = old_meeting(house.store()).await;
    house.directory.sweep().await.unwrap();
    assert_eq!(look_up(&house, &number).await.status, 200);
}

/// They may be in it by a replica, of which nothing is known here.
pub async fn what_people_of_a_zone_that_is_cut_off_use_stays(place: Place) {
    let house = House::open(&place).await;
    let admin = house.admin().await;
    house.zone(&admin, "eu.main", json!({})).await;
    let away = house.silent_zone(&admin, "us.main", json!({})).await;
    let [used, unused] = [
        old_meeting(house.store()).await,
        old_meeting(house.store()).await,
    ];
    house.directory.sweep().await.unwrap();
    // It is back, and what it says counts first.
    until_they_run(&house, &away, &[&used]).await;
    assert!(is_there(&house, &unused).await);
    house.directory.sweep().await.unwrap();
    look_up(&house, &unused).await.is(Denial::UnknownMeeting);
    assert_eq!(look_up(&house, &used).await.status, 200);
}

/// Its directory does, and may know of uses that it does not.
pub async fn a_replica_deletes_no_meeting_by_itself(place: Place) {
    let primary = House::open(&place).await;
    let admin = primary.admin().await;
    let mut zone = primary.zone(&admin, "eu.main", json!({})).await;
    let number = old_meeting(primary.store()).await;
    let house = House::with(&copy(&primary).await, read_only()).await;
    zone.client = house.client.with(zone.client.bearer.as_ref().unwrap());
    until(async || {
        zone.report(json!({})).await;
        (house.directory.healthy_zones() == 1).then_some(())
    })
    .await;
    note_uses_for_40_days(house.store()).await;
    house.directory.sweep().await.unwrap();
    assert_eq!(look_up(&house, &number).await.status, 200);
}
