//! A router on several cores is one router.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use std::collections::BTreeSet;

use bytes::Bytes;
use common::{Router, flow, loopback, quic, within};
use plenum_transport::media::ConnectionId;
use plenum_wire::frame::{ROQ_ALPN, decode_datagram, encode_datagram};
use quinn::Connection;

/// The kernel spreads them by their ports: that all get the same core is as likely as a coin
/// that falls on one side so many times.
const PEOPLE: usize = 24;

/// Its core, which is in the number's highest bits.
fn core(id: ConnectionId) -> u64 {
    id.0 >> 56
}

async fn say(connection: &Connection, router: &mut Router) -> ConnectionId {
    let word = Bytes::from_static(b"here");
    connection
        .send_datagram(encode_datagram(flow(), &word))
        .unwrap();
    let (id, _, packet) = router.packet().await;
    assert_eq!(packet, word);
    id
}

async fn hear(connection: &Connection) -> Bytes {
    let datagram = connection.read_datagram().await.unwrap();
    let (by, packet) = decode_datagram(&datagram).unwrap();
    assert_eq!(by, flow());
    Bytes::copy_from_slice(packet)
}

#[tokio::test]
async fn one_meeting_spans_both_cores() {
    within(async {
        let mut router = Router::on_cores(2).await;
        let mut people = Vec::new();
        for _ in 0..PEOPLE {
            // Each from a port of its own.
            let (endpoint, config) = quic(&router, ROQ_ALPN);
            let at = router.server.udp_address();
            let connecting = endpoint.connect_with(config, at, "router").unwrap();
            let connection = connecting.await.unwrap();
            let id = say(&connection, &mut router).await;
            people.push((id, connection, endpoint));
        }
        let cores: BTreeSet<u64> = people.iter().map(|(id, ..)| core(*id)).collect();
        assert_eq!(cores.len(), 2, "both cores have people");
        for (speaker, ..) in &people {
            let word = Bytes::copy_from_slice(&speaker.0.to_be_bytes());
            for (listener, ..) in &people {
                router.server.send(*listener, flow(), &word);
            }
            for (_, connection, _) in &people {
                assert_eq!(hear(connection).await, word);
            }
        }
        router.server.stop().await;
        for (_, connection, _) in &people {
            connection.closed().await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_changes_their_address_stays_on_their_core() {
    within(async {
        let mut router = Router::on_cores(2).await;
        let (endpoint, config) = quic(&router, ROQ_ALPN);
        let at = router.server.udp_address();
        let connecting = endpoint.connect_with(config, at, "router").unwrap();
        let connection = connecting.await.unwrap();
        let id = say(&connection, &mut router).await;
        // Of so many ports some lead to the other core's socket.
        for _ in 0..PEOPLE {
            endpoint
                .rebind(std::net::UdpSocket::bind(loopback()).unwrap())
                .unwrap();
            assert_eq!(say(&connection, &mut router).await, id);
            let word = Bytes::from_static(b"and back");
            router.server.send(id, flow(), &word);
            assert_eq!(hear(&connection).await, word);
        }
        assert_eq!(router.server.counters().udp.opened, 1);
    })
    .await;
}
