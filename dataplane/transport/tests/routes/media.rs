//! Media and the control channel on a route.

use bytes::Bytes;
use plenum_transport::dial::{DialError, Dialer};
use plenum_transport::route::{ProxyProblem, RouteError};
use plenum_wire::{Kind, Rung};

use super::*;
use crate::common::{Router, flow, within};

#[tokio::test]
async fn tcp_and_tls_carry_media_through_a_proxy() {
    for rung in [Rung::Tcp, Rung::Tls] {
        within(async {
            let mut router = Router::start().await;
            let proxy = proxy(ProxyRules::default()).await;
            let dialer = Dialer::new().unwrap().via(&via(hop(&proxy)));
            let connection = dialer
                .media(Kind::Video, rung, &router.endpoint)
                .await
                .unwrap();
            assert_eq!(connection.rung(), rung);
            let (to_router, mut from_router) = connection.split();
            let packet = Bytes::from_static(b"through");
            assert!(to_router.send(flow(), &packet));
            let (connection, flow, received) = router.packet().await;
            assert_eq!(received, packet);
            router.server.send(connection, flow, &packet);
            assert_eq!(from_router.recv().await, Some((flow, packet)));
            let (address, _) = router.tcp_of(rung);
            assert_eq!(proxy.asked(), [address.to_string()], "{rung}");
        })
        .await;
    }
}

#[tokio::test]
async fn there_is_no_udp_through_a_proxy() {
    within(async {
        let router = Router::start().await;
        let proxy = proxy(ProxyRules::default()).await;
        let direct = Dialer::new().unwrap();
        let dialer = direct.via(&via(hop(&proxy)));
        let refused = dialer.media(Kind::Video, Rung::Udp, &router.endpoint).await;
        assert!(matches!(refused, Err(DialError::NotOnRoute)), "{refused:?}");
        assert!(proxy.asked().is_empty());
        direct
            .media(Kind::Video, Rung::Udp, &router.endpoint)
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_proxys_word_reaches_whoever_dials() {
    within(async {
        let router = Router::start().await;
        let locked = proxy(behind(PROOF)).await;
        let dialer = Dialer::new().unwrap().via(&via(hop(&locked)));
        let media = dialer.media(Kind::Video, Rung::Tcp, &router.endpoint).await;
        let control = dialer.control(&router.endpoint).await;
        for error in [media.unwrap_err(), control.unwrap_err()] {
            let DialError::Route(RouteError::Proxy { problem, .. }) = error else {
                panic!("{error}");
            };
            assert!(matches!(problem, ProxyProblem::CredentialsWanted { .. }));
        }
    })
    .await;
}
