//! A router that is stopped while people are on it.

use std::time::Duration;

use plenum_transport::channel::Received;
use plenum_wire::control::{self, ErrorCode, FromClient};
use plenum_wire::link::FromRouter;

use crate::client::Client;
use crate::house::House;
use crate::within;

#[tokio::test]
async fn a_stop_drains_first_and_leaves_when_empty() {
    let mut house = House::start(Duration::from_secs(3_600)).await;
    let mut ann = Client::join(&house, "ann").await;
    house.stop.cancel();
    loop {
        match house.link.next().await {
            Some(FromRouter::Report { load, .. }) if load.draining => {
                assert_eq!((load.participants, load.accepting), (1, false));
                break;
            }
            Some(_) => {}
            None => panic!("the link is closed"),
        }
    }
    ann.sender.send(&FromClient::Bye);
    let closed = ann.next().await;
    assert!(
        matches!(
            closed,
            Received::Closed {
                code: Some(1000),
                ..
            }
        ),
        "{closed:?}"
    );
    within(house.mmr.finished()).await.unwrap();
    while house.link.next().await.is_some() {}
}

#[tokio::test]
async fn at_the_drain_deadline_everybody_is_told_to_go_elsewhere() {
    let house = House::start(Duration::ZERO).await;
    let mut ann = Client::join(&house, "ann").await;
    house.stop.cancel();
    within(house.mmr.finished()).await.unwrap();
    let told = ann.next().await;
    assert!(
        matches!(
            told,
            Received::Message(control::FromRouter::Error {
                code: ErrorCode::GoingAway,
                ..
            })
        ),
        "{told:?}"
    );
    let closed = ann.next().await;
    assert!(
        matches!(
            closed,
            Received::Closed {
                code: Some(1001),
                ..
            }
        ),
        "{closed:?}"
    );
}
