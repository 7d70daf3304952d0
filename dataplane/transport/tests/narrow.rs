//! A router finds out what a narrow path carries, and what it is widened to.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Router, flow, loopback, within};
use plenum_emulator::{Conditions, Path, Phase, Phases, Proxy};
use plenum_transport::dial::Dialer;
use plenum_wire::{Kind, Rung};
use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, interval};

const TICK: Duration = Duration::from_millis(20);
const NARROW: u64 = 1_000_000;
/// One is enough, unless the machine is too slow to send so much all the time.
const ROUNDS: u32 = 10;

fn down(rate: u64) -> Path {
    let delay = Duration::from_millis(20);
    let up = Conditions {
        delay,
        ..Conditions::default()
    };
    let rate = Some(rate);
    Path {
        up,
        down: Conditions { rate, ..up },
    }
}

/// Narrow for 4 s, then wide for 8 s.
fn round(number: u32) -> [Phase; 2] {
    let begins = Duration::from_secs(12) * number;
    let phase = |after, rate| Phase {
        after: begins + after,
        path: down(rate),
    };
    [
        phase(Duration::ZERO, NARROW),
        phase(Duration::from_secs(4), 20 * NARROW),
    ]
}

#[tokio::test]
async fn what_a_narrow_path_carries_is_found_out_and_so_is_more() {
    within(async {
        let mut router = Router::start().await;
        let phases = Phases::new((0..ROUNDS).flat_map(round).collect());
        let port = UdpSocket::bind(loopback()).await.unwrap();
        let mut endpoint = router.endpoint.clone();
        endpoint.media_port = port.local_addr().unwrap().port();
        let server = router.server.udp_address();
        let _path = Proxy::follow(port, server, Arc::new(phases), Instant::now(), 1);

        let dialer = Dialer::new().unwrap();
        let connection = dialer
            .media(Kind::Video, Rung::Udp, &endpoint)
            .await
            .unwrap();
        let (to_router, mut from_router) = connection.split();
        assert!(to_router.send(flow(), &Bytes::from_static(b"here")));
        let (id, ..) = router.packet().await;
        // 2.4 Mbit/s, come what may.
        let packet = Bytes::from(vec![7; 1_200]);
        let mut pace = interval(TICK);
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut lowest = u64::MAX;
        loop {
            tokio::select! {
                _ = pace.tick() => {
                    // Who says nothing for 8 s is taken to be gone.
                    to_router.send(flow(), &Bytes::from_static(b"here"));
                    for _ in 0..5 {
                        router.server.send(id, flow(), &packet);
                    }
                }
                packet = from_router.recv() => assert!(packet.is_some()),
                estimate = router.estimates.recv() => {
                    let (_, bits_per_s) = estimate.unwrap();
                    lowest = lowest.min(bits_per_s);
                    if lowest < NARROW && bits_per_s > 2 * NARROW {
                        break;
                    }
                }
            }
        }
    })
    .await;
}
