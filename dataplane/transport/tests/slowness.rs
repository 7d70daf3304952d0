//! Slow and silent peers keep nobody else waiting.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use bytes::Bytes;
use common::{Bystander, Router, connect_tls, flow, get_over, loopback, quic, within};
use plenum_transport::dial::Dialer;
use plenum_wire::Rung;
use plenum_wire::frame::ROQ_ALPN;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// More than the server lets in without proof of their address.
const SLOW: usize = 300;

#[tokio::test]
async fn slow_handshakes_over_tcp_keep_nobody_waiting() {
    within(async {
        let mut router = Router::start().await;
        for rung in [Rung::Tcp, Rung::Tls] {
            let (address, alpn) = router.tcp_of(rung);
            let mut slow = Vec::new();
            for _ in 0..SLOW {
                let mut stream = TcpStream::connect(address).await.unwrap();
                // The head of a TLS record that never comes.
                stream.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
                slow.push(stream);
            }
            Bystander::join(&mut router, rung).await;
            if rung == Rung::Tls {
                let mut stream = connect_tls(address, "router", &router.trust(), None, alpn)
                    .await
                    .unwrap();
                assert!(get_over(&mut stream).await.unwrap().contains("200 OK"));
            }
            let given_up = match rung {
                Rung::Tls => router.https_counters.garbage(),
                Rung::Udp | Rung::Tcp => router.server.counters().tcp.garbage,
            };
            assert_eq!(given_up, 0, "{rung}: all are still waiting");
            for stream in &mut slow {
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            }
        }
        assert_eq!(router.server.counters().tcp.garbage, SLOW as u64);
        assert_eq!(router.https_counters.garbage(), SLOW as u64);
    })
    .await;
}

#[tokio::test]
async fn slow_requests_are_cut_off() {
    within(async {
        let router = Router::start().await;
        let mut slow = Vec::new();
        for alpn in [&b"http/1.1"[..], b"h2"] {
            let stream = connect_tls(router.https, "router", &router.trust(), None, alpn).await;
            slow.push(stream.unwrap());
        }
        slow[0].write_all(b"GET / HT").await.unwrap();
        for stream in &mut slow {
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    })
    .await;
}

#[tokio::test]
async fn slow_handshakes_over_quic_keep_nobody_waiting() {
    within(async {
        let mut router = Router::start().await;
        // First packets of many clients, caught and passed on; what the router answers is not.
        let caught = UdpSocket::bind(loopback()).await.unwrap();
        let (endpoint, config) = quic(&router, ROQ_ALPN);
        let hole = caught.local_addr().unwrap();
        let connecting: Vec<_> = (0..SLOW)
            .map(|_| {
                endpoint
                    .connect_with(config.clone(), hole, "router")
                    .unwrap()
            })
            .collect();
        let mut packet = [0; 1_500];
        for _ in 0..SLOW {
            let (length, from) = caught.recv_from(&mut packet).await.unwrap();
            assert_eq!(from, endpoint.local_addr().unwrap());
            caught
                .send_to(&packet[..length], router.server.udp_address())
                .await
                .unwrap();
        }
        Bystander::join(&mut router, Rung::Udp).await;
        assert_eq!(
            router.server.counters().udp.garbage,
            0,
            "all are still waiting"
        );
        assert_eq!(router.server.counters().udp.opened, 1);
        drop(connecting);
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_loses_packets_and_holds_nobody() {
    for rung in Rung::ALL {
        within(async {
            let mut router = Router::start().await;
            let mut other = Bystander::join(&mut router, rung).await;
            let dialer = Dialer::new().unwrap();
            let connection = dialer.media(rung, &router.endpoint).await.unwrap();
            let (to_router, _from_router) = connection.split();
            assert!(to_router.send(flow(), &Bytes::from_static(b"once")));
            let (lazy, ..) = router.packet().await;
            let packet = Bytes::from(vec![7; 1_200]);
            while router.server.counters().of(rung).dropped_out == 0 {
                router.server.send(lazy, flow(), &packet);
            }
            other.is_served(&mut router).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_media_connection_that_never_says_anything_is_closed() {
    within(async {
        let mut router = Router::start().await;
        let dialer = Dialer::new().unwrap();
        let (_to_router, mut from_router) = dialer
            .media(Rung::Tcp, &router.endpoint)
            .await
            .unwrap()
            .split();
        assert_eq!(from_router.recv().await, None);
        router.closed().await;
    })
    .await;
}
