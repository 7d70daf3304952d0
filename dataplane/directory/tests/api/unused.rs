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

/// The number of an instant meeting that was made 40 days ago. Uses have been noted since then.
async fn old_meeting(store: &Store) -> String {
    let owner = store.account_named(&"admin".parse().unwrap()).await;
    let new = NewMeeting {
        owner: owner.unwrap().id,
        kind: MeetingKind::Instant,
        settings: MeetingSettings::usual(),
        passcode: None,
    };
    let made = store.add_meeting(new, days_ago(40)).await.unwrap();
    note_uses_for_40_days(store).await;
    made.number.to_string()
}

async fn note_uses_for_40_days(store: &Store) {
    let now = Timestamp::now();
    for hours in (0..=40 * 24).rev() {
        let time = now - SignedDuration::from_hours(hours);
        store.uses_are_noted(time).await.unwrap();
    }
}

/// Until the directory knows that people are there, or are there no more.
async fn until_it_runs(house: &House, zone: &Zone, number: &str, people: u32) {
    let running = json!({ "meetings": [{ "meeting": number, "participants": people }] });
    let nobody = json!({});
    let runs = people > 0;
    zone.report(if runs { running } else { nobody }).await;
    until(async || {
        let lookup: Value = look_up(house, number).await.json();
        ((lookup["zones"][0]["hosts"] == true) == runs).then_some(())
    })
    .await;
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
    until_it_runs(&house, &zone, &used, 1).await;
    house.directory.sweep().await.unwrap();
    look_up(&house, &unused).await.is(Denial::UnknownMeeting);
    until_it_runs(&house, &zone, &used, 0).await;
    house.directory.sweep().await.unwrap();
    assert_eq!(look_up(&house, &used).await.status, 200, "for a month");
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
    until_it_runs(&house, &away, &used, 1).await;
    assert_eq!(look_up(&house, &unused).await.status, 200);
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
