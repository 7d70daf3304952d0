//! A router whose controller goes away and comes back.

use std::net::IpAddr;
use std::time::Duration;

use plenum_wire::link::FromRouter;

use crate::client::Client;
use crate::house::House;

#[tokio::test]
async fn a_lost_link_comes_back_with_everything_and_media_does_not_notice() {
    let mut house = House::start(Duration::ZERO).await;
    let _ann = Client::join(&house, "ann").await;
    house.link.sender.close(1001, "the controller restarts");
    while house.link.next().await.is_some() {}
    house.until(|status| status.links == 0).await;
    let _bob = Client::join(&house, "bob").await;
    let mut link = house.controller.welcome().await;
    let Some(FromRouter::Report { load, meetings, .. }) = link.next().await else {
        panic!("no report")
    };
    assert_eq!(load.participants, 2);
    assert_eq!(meetings.len(), 1);
}

#[tokio::test]
async fn controllers_hear_of_another_address_at_once_and_nobody_leaves() {
    let mut house = House::start(Duration::ZERO).await;
    let mut ann = Client::join(&house, "ann").await;
    let moved: IpAddr = "203.0.113.7".parse().unwrap();
    house.addresses.send_replace(vec![moved]);
    while house.link.next().await.is_some() {}
    let (mut link, endpoint) = house.controller.hello().await;
    assert_eq!(endpoint.addresses, [moved]);
    assert_eq!(endpoint.fingerprint, house.endpoint.fingerprint);
    let Some(FromRouter::Report { load, .. }) = link.next().await else {
        panic!("no report")
    };
    assert_eq!(load.participants, 1);
    ann.publish(7).await;
}
