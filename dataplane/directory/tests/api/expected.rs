//! Meetings that are known ahead: the answer to a zone's report says who is about to come.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::house::{House, Place, Zone, meeting, until};

/// A meeting that begins in five minutes, by the database's clock, and when its minute begins.
async fn soon(house: &House, expected: u32) -> (Value, i64) {
    let begins = house.store().time().await.unwrap() + SignedDuration::from_mins(5);
    let begins = Timestamp::from_second(begins.as_second()).unwrap();
    let start = begins.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let times = json!({ "start": start, "zone": "UTC", "minutes": 60, "expected": expected });
    let minute = begins.as_second() / 60 * 60;
    (json!({ "kind": "scheduled", "times": times }), minute)
}

/// Reports this until the answer says just that.
async fn until_told(zone: &Zone, report: Value, expected: Value) {
    zone.report(report.clone()).await;
    until(async || {
        let report = zone.saying(report.clone());
        let answer: Value = zone.client.put(&zone.path(), report).await.json();
        (answer["expected"] == expected).then_some(())
    })
    .await;
}

pub async fn a_zone_is_told_who_is_about_to_come(place: Place) {
    let house = House::open(&place).await;
    let (admin, ada) = (house.admin().await, house.user("ada").await);
    let zone = house.zone(&admin, "eu.main", json!({})).await;
    until_told(&zone, json!({}), Value::Null).await;
    let (lecture, minute) = soon(&house, 300).await;
    let number = meeting(&ada, lecture).await;
    let in_all = |people| json!([{ "at": minute, "people": people }]);
    until_told(&zone, json!({}), in_all(300)).await;
    // Who is there is not expected any more.
    let there = json!({ "meetings": [{ "meeting": number, "participants": 120 }] });
    until_told(&zone, there, in_all(180)).await;
    // To another zone nobody goes while the meeting runs here; where it runs nowhere, half.
    let other = house.zone(&admin, "us.main", json!({})).await;
    until_told(&other, json!({}), Value::Null).await;
    zone.report(json!({})).await;
    until_told(&other, json!({}), in_all(150)).await;
    let path = format!("/v1/meetings/{number}");
    assert_eq!(ada.delete(&path).await.status, 204);
    until_told(&zone, json!({}), Value::Null).await;
}

pub async fn who_is_expected_may_be_changed(place: Place) {
    let house = House::open(&place).await;
    let (admin, ada) = (house.admin().await, house.user("ada").await);
    let zone = house.zone(&admin, "eu.main", json!({})).await;
    let (mut lecture, minute) = soon(&house, 300).await;
    let number = meeting(&ada, lecture.clone()).await;
    let path = format!("/v1/meetings/{number}");
    let read: Value = ada.get(&path).await.json();
    assert_eq!(read["times"]["expected"], 300);
    lecture["times"]["expected"] = 40.into();
    let change = json!({ "times": lecture["times"] });
    let changed: Value = ada.patch(&path, change).await.json();
    assert_eq!(changed["times"]["expected"], 40);
    until_told(&zone, json!({}), json!([{ "at": minute, "people": 40 }])).await;
    lecture["times"]["expected"] = Value::Null;
    let change = json!({ "times": lecture["times"] });
    assert_eq!(ada.patch(&path, change).await.status, 200);
    until_told(&zone, json!({}), Value::Null).await;
}
