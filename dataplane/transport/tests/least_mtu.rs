//! Media over a path that carries as little as IPv6 allows, and says nothing of what it drops.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use common::{Router, flow, loopback, within};
use plenum_transport::dial::Dialer;
use plenum_wire::{Kind, Rung};
use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, interval};

/// 1,280 bytes (RFC 8200 section 5) without the headers of IPv6 and UDP.
const CARRIED: usize = 1_280 - 40 - 8;
/// The largest packet that fits, and two that QUIC would put together if it had a few bytes more.
const SIZES: [usize; 3] = [1_186, 593, 593];

/// What is between a client and a router.
async fn path(port: UdpSocket, router: SocketAddr) {
    let out = UdpSocket::bind(loopback()).await.unwrap();
    out.connect(router).await.unwrap();
    let (mut up, mut down) = ([0; 2_048], [0; 2_048]);
    let mut client = None;
    loop {
        tokio::select! {
            came = port.recv_from(&mut up) => {
                let (bytes, from) = came.unwrap();
                client = Some(from);
                if bytes <= CARRIED {
                    out.send(&up[..bytes]).await.unwrap();
                }
            }
            came = out.recv(&mut down) => {
                let bytes = came.unwrap();
                if bytes <= CARRIED {
                    port.send_to(&down[..bytes], client.unwrap()).await.unwrap();
                }
            }
        }
    }
}

/// One that can be told from the others.
fn packet(number: u64, bytes: usize) -> Bytes {
    let mut packet = vec![7; bytes];
    packet[..8].copy_from_slice(&number.to_be_bytes());
    packet.into()
}

#[tokio::test]
async fn what_every_path_of_ipv6_carries_is_enough() {
    within(async {
        let mut router = Router::start().await;
        let port = UdpSocket::bind(loopback()).await.unwrap();
        let mut endpoint = router.endpoint.clone();
        endpoint.media_port = port.local_addr().unwrap().port();
        tokio::spawn(path(port, router.server.udp_address()));

        let dialer = Dialer::new().unwrap();
        let reached = dialer.media(Kind::Video, Rung::Udp, &endpoint);
        let (to_router, mut from_router) = reached.await.unwrap().split();
        assert!(to_router.send(flow(), &Bytes::from_static(b"here")));
        let (id, ..) = router.packet().await;
        let mut pace = interval(Duration::from_millis(20));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut sent, mut last, mut in_a_row) = (0, 0, 0);
        // What is lost until the router has noticed is lost; then nothing is.
        while in_a_row < 300 {
            tokio::select! {
                _ = pace.tick() => {
                    // Who says nothing for 8 s is taken to be gone.
                    to_router.send(flow(), &Bytes::from_static(b"here"));
                    for bytes in SIZES {
                        sent += 1;
                        router.server.send(id, flow(), &packet(sent, bytes));
                    }
                }
                came = from_router.recv() => {
                    let (_, packet) = came.unwrap();
                    let number = u64::from_be_bytes(*packet.first_chunk().unwrap());
                    in_a_row = if number == last + 1 { in_a_row + 1 } else { 0 };
                    last = number;
                }
            }
        }
    })
    .await;
}
