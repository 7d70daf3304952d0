//! `plenum doctor`, where a directory does not let everybody in.

use plenum_client::exit;
use serde_json::{Value, json};

use crate::house::House;
use crate::programs::{plenum, within};
use crate::web::Web;

async fn meeting(owner: &Web, more: &Value) -> String {
    let mut wishes = json!({ "kind": "instant", "title": "Tea", "passcode": null });
    let more = more.as_object().unwrap().clone();
    wishes.as_object_mut().unwrap().extend(more);
    let made = owner.post("/v1/meetings", &wishes).await.good();
    made["id"].as_str().unwrap().to_owned()
}

/// What the doctor says of a meeting, and how it ends.
async fn examined(house: &House, meeting: &str) -> (Value, i32) {
    let mut doctor = plenum(&["doctor", "--output", "json", "--passcode", "000000"]);
    doctor.args(["--directory", &house.url(), "--meeting", meeting]);
    doctor.arg("--ca").arg(house.authority());
    let ended = within(doctor.output()).await.unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    let report = serde_json::from_slice(&ended.stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {said}"));
    (report, ended.status.code().unwrap())
}

fn finding<'a>(report: &'a Value, subject: &str) -> &'a Value {
    let mut findings = report["findings"].as_array().unwrap().iter();
    let found = findings.find(|finding| finding["subject"] == subject);
    found.unwrap_or_else(|| panic!("{report}"))
}

#[tokio::test]
async fn a_waiting_room_is_named_and_not_waited_in() {
    let house = House::open().await;
    let admin = house.admin().await;
    let number = meeting(&admin, &json!({ "waiting_room": true })).await;
    let (report, status) = examined(&house, &number).await;
    assert_eq!(status, i32::from(exit::FULL), "{report}");
    assert_eq!(finding(&report, "lookup")["health"], "odd", "{report}");
    let advice = report["advice"].to_string();
    assert!(advice.contains("A host has to let people into"), "{report}");
}

#[tokio::test]
async fn a_wrong_passcode_is_tried_once() {
    let house = House::open().await;
    let admin = house.admin().await;
    let number = meeting(&admin, &json!({ "passcode": "123456" })).await;
    let (report, status) = examined(&house, &number).await;
    assert_eq!(status, i32::from(exit::REFUSED), "{report}");
    assert_eq!(finding(&report, "join")["health"], "blocked", "{report}");
    let wrong = "plenum_directory_lookups_total{result=\"wrong_passcode\"}";
    assert_eq!(house.metric(wrong).await, 1, "{report}");
}
