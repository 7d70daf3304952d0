//! A zone whose credential is wrong.

use crate::house::{House, zone_until};
use crate::zone::{FAILED, HEARD, Zone};

#[tokio::test]
async fn it_is_told_once_and_a_better_one_needs_no_restart() {
    let house = House::open().await;
    let admin = house.admin().await;
    let right = house.credential("site.main").await;
    let wrong = house.credential("site.other").await;
    let mut zone = Zone::new("site.main");
    zone.set_credential(&wrong);
    zone.start(&[&house]);
    let controller = zone.controller();
    controller.counts_beyond(FAILED, 2).await;
    assert_eq!(controller.metric(HEARD).await, 0);
    zone_until(&admin, "site.main", |zone| zone["heard"].is_null()).await;

    zone.set_credential(&right);
    controller.counts_beyond(HEARD, 0).await;
    let log = controller.log();
    let told: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("the directory does not hear"))
        .collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(
        told[0].contains("credential"),
        "it says what is wrong: {log}"
    );
    assert!(!log.contains(&wrong), "and does not tell the secret");
}
