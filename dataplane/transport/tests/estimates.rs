//! Both ends know how much the path between them carries.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use bytes::Bytes;
use common::{Router, flow, within};
use plenum_transport::dial::Dialer;
use plenum_wire::{Kind, Rung};

#[tokio::test]
async fn what_a_path_carries_is_told_and_known_on_every_rung() {
    for rung in Rung::ALL {
        within(async {
            let mut router = Router::start().await;
            let dialer = Dialer::new().unwrap();
            let connection = dialer
                .media(Kind::Video, rung, &router.endpoint)
                .await
                .unwrap();
            let (to_router, mut from_router) = connection.split();
            let packet = Bytes::from(vec![7; 1_200]);
            assert!(to_router.send(flow(), &packet));
            let (id, ..) = router.packet().await;
            router.server.send(id, flow(), &packet);
            assert!(from_router.recv().await.is_some());
            let (of, first) = router.estimates.recv().await.unwrap();
            assert_eq!(of, id);
            assert_eq!(to_router.estimate(), None, "the path has shown no limit");
            // Loopback carries all that is sent, until it is believed.
            loop {
                for _ in 0..50 {
                    router.server.send(id, flow(), &packet);
                    from_router.recv().await.unwrap();
                }
                if let Ok((of, bits_per_s)) = router.estimates.try_recv() {
                    assert_eq!(of, id);
                    if bits_per_s > first {
                        break;
                    }
                }
            }
        })
        .await;
    }
}
