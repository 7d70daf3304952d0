//! Every rung carries packets both ways as they are, to the router that was asked for.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use bytes::Bytes;
use common::{Router, flow, loopback, until, within};
use plenum_transport::dial::{DialError, Dialer};
use plenum_transport::media::Event;
use plenum_wire::limits::PACKET_BYTES;
use plenum_wire::{Fingerprint, FlowId, Kind, Rung, rtp};

/// Packets between two looks at what was dropped.
const BURST: usize = 64;

/// Packets from one byte to the longest, all different.
fn packets() -> Vec<Bytes> {
    [1, 2, 12, 63, 64, 700, 1_199, PACKET_BYTES]
        .into_iter()
        .enumerate()
        .map(|(seed, length)| {
            (0..length)
                .map(|at| (at.wrapping_mul(31) ^ seed.wrapping_mul(97)).to_le_bytes()[0])
                .collect()
        })
        .collect()
}

#[tokio::test]
async fn packets_arrive_both_ways_bit_by_bit() {
    for rung in Rung::ALL {
        within(async {
            let mut router = Router::start().await;
            let dialer = Dialer::new().unwrap();
            let connection = dialer
                .media(Kind::Video, rung, &router.endpoint)
                .await
                .unwrap();
            assert_eq!(connection.rung(), rung);
            let (to_router, mut from_router) = connection.split();
            // Flow ids of every length on the wire.
            let flows =
                [1, 0x40, 0x4000, 0x4000_0000, FlowId::MAX].map(|id| FlowId::new(id).unwrap());
            for flow in flows {
                for packet in packets() {
                    assert!(to_router.send(flow, &packet));
                    let (connection, by, received) = router.packet().await;
                    assert_eq!((by, &received), (flow, &packet), "{rung}");
                    router.server.send(connection, by, &received);
                    assert_eq!(from_router.recv().await, Some((flow, packet)), "{rung}");
                }
            }
            let sent = (flows.len() * packets().len()) as u64;
            // On some rungs a packet is counted after it was handed over.
            until(|| router.server.counters().of(rung).packets_out >= sent).await;
            let counters = *router.server.counters().of(rung);
            assert_eq!(counters.opened, 1, "{rung}");
            assert_eq!(
                (counters.packets_in, counters.packets_out),
                (sent, sent),
                "{rung}"
            );
            assert_eq!(
                (counters.garbage, counters.dropped_in, counters.dropped_out),
                (0, 0, 0)
            );
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_different_for_one_receiver_is_changed_in_its_copy_only() {
    for rung in Rung::ALL {
        within(async {
            let mut router = Router::start().await;
            let dialer = Dialer::new().unwrap();
            let connection = dialer
                .media(Kind::Video, rung, &router.endpoint)
                .await
                .unwrap();
            let (to_router, mut from_router) = connection.split();
            let header = rtp::Header {
                payload_type: 96,
                marker: false,
                sequence: 1,
                timestamp: 3_000,
                ssrc: 7,
                payload_offset: 12,
            };
            let packet = rtp::write(&header, b"a picture");
            assert!(to_router.send(flow(), &packet));
            let (connection, flow, packet) = router.packet().await;
            let (ssrc, sequence, later) = (8, 65_535, false);
            let rewrite = rtp::Rewrite {
                ssrc,
                sequence,
                later,
            };
            router
                .server
                .send_rewritten(connection, flow, &packet, rewrite);
            router.server.send(connection, flow, &packet);
            let changed = rtp::Header {
                ssrc,
                sequence,
                ..header
            };
            let changed = rtp::write(&changed, b"a picture");
            assert_eq!(from_router.recv().await, Some((flow, changed)), "{rung}");
            assert_eq!(from_router.recv().await, Some((flow, packet)), "{rung}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_router_with_another_certificate_is_refused() {
    let router = Router::start().await;
    let mut endpoint = router.endpoint.clone();
    endpoint.fingerprint = Fingerprint([7; 32]);
    let dialer = Dialer::new().unwrap();
    for rung in Rung::ALL {
        let refused = within(dialer.media(Kind::Video, rung, &endpoint)).await;
        assert!(
            matches!(refused, Err(DialError::Untrusted(_))),
            "{rung}: {refused:?}"
        );
    }
    let refused = within(dialer.control(&endpoint)).await;
    assert!(
        matches!(refused, Err(DialError::Untrusted(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn opened_comes_first_and_closed_last() {
    for rung in Rung::ALL {
        within(async {
            let mut router = Router::start().await;
            let dialer = Dialer::new().unwrap();
            let (to_router, from_router) = dialer
                .media(Kind::Video, rung, &router.endpoint)
                .await
                .unwrap()
                .split();
            assert!(to_router.send(flow(), &Bytes::from_static(b"once")));
            let Some(Event::Opened {
                connection: opened,
                rung: on,
                peer,
            }) = router.events.recv().await
            else {
                panic!("{rung}: opened comes first");
            };
            assert_eq!(on, rung);
            assert!(peer.ip().is_loopback());
            let (by, ..) = router.packet().await;
            assert_eq!(by, opened);
            drop((to_router, from_router));
            assert_eq!(
                router.events.recv().await,
                Some(Event::Closed { connection: opened })
            );
            assert_eq!(router.server.counters().of(rung).closed, 1);
        })
        .await;
    }
}

#[tokio::test]
async fn the_router_closes_one_connection_and_not_the_other() {
    for rung in Rung::ALL {
        within(async {
            let mut router = Router::start().await;
            let mut other = common::Bystander::join(&mut router, rung).await;
            let dialer = Dialer::new().unwrap();
            let (to_router, mut from_router) = dialer
                .media(Kind::Video, rung, &router.endpoint)
                .await
                .unwrap()
                .split();
            assert!(to_router.send(flow(), &Bytes::from_static(b"once")));
            let (connection, ..) = router.packet().await;
            router
                .server
                .close(connection, plenum_wire::frame::close::UNKNOWN_FLOW, "who?");
            assert_eq!(from_router.recv().await, None, "{rung}");
            assert!(
                !to_router.send(flow(), &Bytes::from_static(b"late")),
                "{rung}"
            );
            assert_eq!(router.closed().await, connection);
            other.is_served(&mut router).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_stop_ends_every_connection_and_then_the_events() {
    within(async {
        let mut router = Router::start().await;
        let dialer = Dialer::new().unwrap();
        let mut open = Vec::new();
        for rung in Rung::ALL {
            let connection = dialer
                .media(Kind::Video, rung, &router.endpoint)
                .await
                .unwrap();
            open.push(connection.split());
        }
        // WebSockets are adopted after the handshake; the others before.
        let mut opened = 0;
        while opened < Rung::ALL.len() {
            opened += usize::from(matches!(
                router.events.recv().await,
                Some(Event::Opened { .. })
            ));
        }
        router.server.stop().await;
        for (_, receiver) in &mut open {
            assert_eq!(receiver.recv().await, None);
        }
        let mut closed = 0;
        while let Some(event) = router.events.recv().await {
            closed += usize::from(matches!(event, Event::Closed { .. }));
        }
        assert_eq!(closed, Rung::ALL.len());
    })
    .await;
}

#[tokio::test]
async fn a_slow_reader_of_events_loses_packets_but_no_end_of_a_connection() {
    within(async {
        let mut router = Router::start().await;
        let dialer = Dialer::new().unwrap();
        let (to_router, from_router) = dialer
            .media(Kind::Video, Rung::Tcp, &router.endpoint)
            .await
            .unwrap()
            .split();
        let packet = Bytes::from_static(&[1; 20]);
        // Nobody reads the events meanwhile.
        let paused = router.server.pause();
        until(|| {
            for _ in 0..BURST {
                assert!(to_router.send(flow(), &packet));
            }
            router.server.counters().tcp.dropped_in > 0
        })
        .await;
        drop((to_router, from_router, paused));
        let mut packets = 0;
        loop {
            match router.events.recv().await.unwrap() {
                Event::Closed { .. } => break,
                Event::Packet { .. } => packets += 1,
                Event::Opened { .. } => assert_eq!(packets, 0),
                Event::Estimate { .. } => {}
            }
        }
        assert!(packets >= plenum_transport::media::EVENTS - 1);
    })
    .await;
}

#[tokio::test]
async fn the_first_address_that_answers_is_used() {
    within(async {
        let router = Router::start().await;
        let mut endpoint = router.endpoint.clone();
        // Loopback has the whole of 127/8, and nobody listens on this one.
        endpoint.addresses = vec!["127.0.0.9".parse().unwrap(), loopback().ip()];
        let dialer = Dialer::new().unwrap();
        for rung in Rung::ALL {
            dialer.media(Kind::Video, rung, &endpoint).await.unwrap();
        }
        endpoint.addresses.clear();
        let none = dialer.media(Kind::Video, Rung::Udp, &endpoint).await;
        assert!(matches!(none, Err(DialError::NoAddress)));
    })
    .await;
}

#[tokio::test]
async fn packets_that_fit_no_path_are_dropped() {
    for rung in Rung::ALL {
        within(async {
            let mut router = Router::start().await;
            let mut other = common::Bystander::join(&mut router, rung).await;
            let dialer = Dialer::new().unwrap();
            let connection = dialer
                .media(Kind::Video, rung, &router.endpoint)
                .await
                .unwrap();
            let (to_router, _from_router) = connection.split();
            assert!(to_router.send(flow(), &Bytes::new()), "dropped, not closed");
            assert!(to_router.send(flow(), &Bytes::from(vec![7; PACKET_BYTES + 1])));
            assert!(to_router.send(flow(), &Bytes::from_static(b"fits")));
            let (connection, _, packet) = router.packet().await;
            assert_eq!(packet, "fits");
            router
                .server
                .send(connection, flow(), &Bytes::from(vec![7; 70_000]));
            other.is_served(&mut router).await;
            assert_eq!(router.server.counters().of(rung).dropped_out, 1);
        })
        .await;
    }
}
