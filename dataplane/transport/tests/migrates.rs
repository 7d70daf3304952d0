//! A connection of rung `udp` survives a change of the client's address.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use bytes::Bytes;
use common::{Router, flow, within};
use plenum_transport::dial::Dialer;
use plenum_transport::media::Event;
use plenum_wire::{Kind, Rung};

#[tokio::test]
async fn both_sides_go_on_over_the_same_connection() {
    // With several cores the kernel hands a new address to any of them.
    for cores in [1, 3] {
        within(async {
            let mut router = Router::on_cores(cores).await;
            let dialer = Dialer::new().unwrap();
            let dialled = dialer.media(Kind::Audio, Rung::Udp, &router.endpoint).await;
            let (to_router, mut from_router) = dialled.unwrap().split();
            let mut carried_by = None;
            for change in 0..5 {
                let packet = Bytes::from(format!("after {change} changes"));
                assert!(to_router.send(flow(), &packet));
                let (connection, flow, received) = router.packet().await;
                assert_eq!(received, packet);
                assert_eq!(*carried_by.get_or_insert(connection), connection);
                router.server.send(connection, flow, &packet);
                assert_eq!(from_router.recv().await, Some((flow, packet)));
                dialer.rebind().unwrap();
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_router_finds_a_client_that_only_listens() {
    within(async {
        let mut router = Router::start().await;
        let dialer = Dialer::new().unwrap();
        let dialled = dialer.media(Kind::Audio, Rung::Udp, &router.endpoint).await;
        let (_to_router, mut from_router) = dialled.unwrap().split();
        let Some(Event::Opened { connection, .. }) = router.events.recv().await else {
            panic!("the first event is that it opened");
        };
        dialer.rebind().unwrap();
        let packet = Bytes::from_static(b"where are you");
        // What is sent to the old address is lost; it does not take until the next knock.
        let mut again = tokio::time::interval(std::time::Duration::from_millis(20));
        loop {
            tokio::select! {
                received = from_router.recv() => {
                    assert_eq!(received, Some((flow(), packet)));
                    break;
                }
                _ = again.tick() => router.server.send(connection, flow(), &packet),
            }
        }
    })
    .await;
}
