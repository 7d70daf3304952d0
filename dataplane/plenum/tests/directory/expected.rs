//! A meeting that is known ahead: how many are expected goes from the directory to the operator.

use jiff::{SignedDuration, Timestamp};
use plenum_wire::directory::Expected;
use serde_json::json;

use crate::house::House;
use crate::zone::{FAILED, Zone};

#[tokio::test]
async fn the_operator_is_told_also_while_the_directory_is_away_and_by_a_new_controller() {
    let mut house = House::open().await;
    let admin = house.admin().await;
    let mut zone = Zone::open("site.main", &house).await;
    let minute = Timestamp::now().as_second() / 60 * 60;
    let begins = Timestamp::from_second(minute).unwrap() + SignedDuration::from_mins(10);
    let start = begins.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let times = json!({ "start": start, "zone": "UTC", "minutes": 60, "expected": 300 });
    let lecture = json!({ "kind": "scheduled", "times": times });
    admin.post("/v1/meetings", &lecture).await.good();
    let all = [Expected {
        at: begins.as_second(),
        people: 300,
    }];
    zone.expects(&all).await;
    house.die().await;
    zone.controller().counts_beyond(FAILED, 1).await;
    zone.expects(&all).await;
    house.start().await;
    zone.controller_dies().await;
    zone.start(&[&house]);
    zone.router_is_back().await;
    zone.expects(&all).await;
}
