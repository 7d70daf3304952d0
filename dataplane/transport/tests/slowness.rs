//! Slow and silent peers keep nobody else waiting.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Bystander, Router, connect_tls, flow, get_over, loopback, quic, within};
use plenum_transport::dial::Dialer;
use plenum_wire::frame::ROQ_ALPN;
use plenum_wire::{Kind, Rung};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// More than the server lets in without proof of their address.
const SLOW: usize = 300;

/// Packets between two looks at what was dropped.
const BURST: usize = 64;

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
            // All, unless the machine is very slow.
            assert!(given_up < SLOW as u64, "{rung}: others are still waiting");
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
async fn a_body_that_never_ends_is_cut_off_and_a_websocket_is_not() {
    within(async {
        let mut router = Router::start().await;
        let mut websocket = Bystander::join(&mut router, Rung::Tls).await;
        let trust = router.trust();
        let stream = connect_tls(router.https, "router", &trust, None, b"http/1.1");
        let (mut reads, mut writes) = tokio::io::split(stream.await.unwrap());
        let head = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n";
        writes.write_all(head).await.unwrap();
        let mut answer = Vec::new();
        let end = reads.read_to_end(&mut answer);
        tokio::pin!(end);
        let mut trickle = tokio::time::interval(Duration::from_millis(500));
        loop {
            tokio::select! {
                _ = &mut end => break,
                _ = trickle.tick() => {
                    // Fails when the router has hung up, which the reading side sees too.
                    let _ = writes.write_all(b"x").await;
                    websocket.is_served(&mut router).await;
                }
            }
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        websocket.is_served(&mut router).await;
    })
    .await;
}

/// Frame types of HTTP/2 (RFC 9113 section 6).
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, stream];
    frame.extend_from_slice(payload);
    frame
}

#[tokio::test]
async fn an_http2_connection_that_only_answers_pings_is_closed() {
    within(async {
        let router = Router::start().await;
        let stream = connect_tls(router.https, "router", &router.trust(), None, b"h2").await;
        let mut stream = stream.unwrap();
        let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        hello.extend(frame(SETTINGS, 0, 0, &[]));
        // GET https://test/, all of it in one frame (RFC 7541 appendix A).
        let request = *b"\x82\x87\x84\x41\x04test";
        hello.extend(frame(HEADERS, 0x5, 1, &request));
        stream.write_all(&hello).await.unwrap();
        let (mut answered, mut pings) = (false, 0);
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            stream.read_exact(&mut payload).await.unwrap();
            answered |= head[3] == HEADERS;
            let acknowledged = head[4] & 1 != 0;
            if head[3] == PING && !acknowledged {
                pings += 1;
                // Fails when the router has closed it, as it shall.
                let _ = stream.write_all(&frame(PING, 1, 0, &payload)).await;
            }
        }
        assert!(answered, "the request was good");
        assert!(pings > 0, "it was asked whether it lives, and answered");
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
        let mut first = Vec::new();
        for _ in 0..SLOW {
            let mut packet = vec![0; 1_500];
            let (length, from) = caught.recv_from(&mut packet).await.unwrap();
            assert_eq!(from, endpoint.local_addr().unwrap());
            packet.truncate(length);
            first.push(packet);
        }
        // Then only: the router's answers come here too.
        for packet in first {
            let router = router.server.udp_address();
            caught.send_to(&packet, router).await.unwrap();
        }
        Bystander::join(&mut router, Rung::Udp).await;
        let counters = router.server.counters().udp;
        // All, unless the machine is very slow.
        assert!(counters.garbage < SLOW as u64, "others are still waiting");
        assert_eq!(counters.opened, 1);
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
            let connection = dialer
                .media(Kind::Video, rung, &router.endpoint)
                .await
                .unwrap();
            let (to_router, _from_router) = connection.split();
            assert!(to_router.send(flow(), &Bytes::from_static(b"once")));
            let (lazy, ..) = router.packet().await;
            let packet = Bytes::from(vec![7; 1_200]);
            let mut bursts = 0;
            while router.server.counters().of(rung).dropped_out == 0 {
                for _ in 0..BURST {
                    router.server.send(lazy, flow(), &packet);
                }
                router.server.turn();
                bursts += 1;
                assert!(bursts < 100_000, "{rung}: all of it waits somewhere");
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
            .media(Kind::Video, Rung::Tcp, &router.endpoint)
            .await
            .unwrap()
            .split();
        assert_eq!(from_router.recv().await, None);
        router.closed().await;
    })
    .await;
}
