//! A router understands a peer that was written from the draft, and is understood by it.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;
mod roq;

use std::pin::pin;

use bytes::Bytes;
use common::{Router, within};
use plenum_wire::FlowId;
use roq::{ALPN, OLDER_ALPN, Peer, Session};

/// Flow ids as RFC 9000, appendix A.1, writes them, one for each length.
const FLOWS: [(u64, &[u8]); 4] = [
    (37, b"\x25"),
    (15_293, b"\x7b\xbd"),
    (494_878_333, b"\x9d\x7f\x3e\x7d"),
    (151_288_809_941_952_652, b"\xc2\x19\x7c\x5e\xff\x14\xe8\x8c"),
];

async fn connect(peer: &Peer, router: &Router, alpn: &str) -> Session {
    let server = router.server.udp_address();
    let pin = router.identity.fingerprint().0;
    peer.connect(server, pin, alpn).await.unwrap()
}

/// Fails unless a packet gets there on this flow and another one back.
async fn both_ways(session: &Session, router: &mut Router, flow: u64, there: &[u8], back: &[u8]) {
    session.send(flow, there);
    let (connection, on, packet) = router.packet().await;
    assert_eq!((on.value(), &packet[..]), (flow, there));
    let back_bytes = Bytes::copy_from_slice(back);
    router.server.send(connection, on, &back_bytes);
    assert_eq!(session.receive().await, (flow, back.to_vec()));
}

#[test]
fn the_peer_writes_the_bytes_of_the_draft() {
    for (flow, bytes) in FLOWS {
        assert_eq!(roq::varint(flow), bytes);
        assert_eq!(
            roq::read_varint(&[bytes, b"rest"].concat()),
            (flow, &b"rest"[..])
        );
    }
    assert_eq!(roq::varint_in(2, 37), b"\x40\x25");
    assert_eq!(
        roq::datagram(15_293, &roq::rtp(2, 0xdead_beef, b"x")),
        b"\x7b\xbd\x80\x6f\x00\x02\x00\x00\x07\x80\xde\xad\xbe\xefx"
    );
    let long = [7; 64];
    let stream = roq::stream(37, &[b"ab", &long]);
    assert_eq!(stream, [b"\x25\x02ab\x40\x40", &long[..]].concat());
    assert_eq!(roq::read_stream(&stream), (37, vec![&b"ab"[..], &long]));
}

#[tokio::test]
async fn rtp_and_rtcp_go_both_ways_on_flow_ids_of_every_length() {
    within(async {
        for alpn in [ALPN, OLDER_ALPN] {
            let mut router = Router::start().await;
            let peer = Peer::new();
            let session = connect(&peer, &router, alpn).await;
            for (flow, _) in FLOWS {
                let (sound, report) = (roq::rtp(1, 9, b"sound"), roq::sender_report(9));
                both_ways(&session, &mut router, flow, &sound, &report).await;
                both_ways(&session, &mut router, flow, &report, &sound).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_router_writes_flow_ids_in_the_fewest_bytes_and_reads_them_in_any() {
    within(async {
        let mut router = Router::start().await;
        let peer = Peer::new();
        let session = connect(&peer, &router, ALPN).await;
        let packet = roq::rtp(1, 9, b"sound");
        for (flow, bytes) in FLOWS {
            for length in [1, 2, 4, 8] {
                if length < bytes.len() {
                    continue;
                }
                session.send_bytes([roq::varint_in(length, flow), packet.clone()].concat());
                let (connection, on, received) = router.packet().await;
                assert_eq!((on.value(), &received[..]), (flow, &packet[..]));
                router.server.send(connection, on, &received);
                let back = session.receive_bytes().await;
                assert_eq!(back, [bytes, &packet].concat());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_peer_may_have_several_connections_with_flows_of_their_own() {
    within(async {
        let mut router = Router::on_cores(2).await;
        let peer = Peer::new();
        let mut sessions = Vec::new();
        for (flow, _) in FLOWS {
            sessions.push((flow, connect(&peer, &router, ALPN).await));
        }
        let mut ids = Vec::new();
        for (flow, session) in &sessions {
            let packet = roq::rtp(1, 9, &flow.to_be_bytes());
            session.send(*flow, &packet);
            let (connection, on, received) = router.packet().await;
            assert_eq!((on.value(), &received[..]), (*flow, &packet[..]));
            ids.push((connection, on, received));
        }
        // Back in another order, and each to its own.
        for (connection, flow, packet) in ids.iter().rev() {
            router.server.send(*connection, *flow, packet);
        }
        for ((flow, session), (.., packet)) in sessions.iter().zip(&ids) {
            assert_eq!(session.receive().await, (*flow, packet.to_vec()));
        }
        // The end of one is not the end of the others.
        sessions[0].1.close();
        assert_eq!(router.closed().await, ids[0].0);
        for (flow, session) in &sessions[1..] {
            both_ways(session, &mut router, *flow, b"there", b"back").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_peer_of_another_version_is_refused_by_tls() {
    within(async {
        let router = Router::start().await;
        let server = router.server.udp_address();
        let pin = router.identity.fingerprint().0;
        for alpn in ["roq-10", "roq", "h3"] {
            let refused = Peer::new().connect(server, pin, alpn).await.err().unwrap();
            // TLS's alert no_application_protocol (120), as RFC 9001, section 4.8, carries it.
            let quinn::ConnectionError::ConnectionClosed(close) = &refused else {
                panic!("{refused}");
            };
            assert_eq!(u64::from(close.error_code), 0x100 + 120);
        }
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_wants_a_stream_waits_for_it_and_goes_on_with_datagrams() {
    within(async {
        let mut router = Router::start().await;
        let peer = Peer::new();
        let session = connect(&peer, &router, ALPN).await;
        let mut opening = pin!(session.open_stream());
        for (flow, _) in FLOWS {
            let packet = roq::rtp(1, 9, b"sound");
            tokio::select! {
                biased;
                _ = &mut opening => panic!("the router takes no streams"),
                () = both_ways(&session, &mut router, flow, &packet, &packet) => {}
            }
        }
        assert!(session.is_open());
        assert_eq!(router.server.counters().udp.garbage, 0);
    })
    .await;
}

#[tokio::test]
async fn a_datagram_that_cannot_be_read_is_a_packet_error() {
    within(async {
        for bytes in [&b""[..], b"\x25", b"\xc2\x19", b"\x00packet"] {
            let mut router = Router::start().await;
            let peer = Peer::new();
            let session = connect(&peer, &router, ALPN).await;
            let other = connect(&peer, &router, ALPN).await;
            session.send_bytes(bytes.to_vec());
            assert_eq!(session.closed().await, roq::PACKET_ERROR, "{bytes:?}");
            assert_eq!(router.server.counters().udp.garbage, 1);
            both_ways(&other, &mut router, 37, b"there", b"back").await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_router_says_why_it_closes() {
    within(async {
        let mut router = Router::start().await;
        let peer = Peer::new();
        let (unknown, known) = (
            connect(&peer, &router, ALPN).await,
            connect(&peer, &router, ALPN).await,
        );
        unknown.send(37, &roq::rtp(1, 9, b"sound"));
        let (connection, flow, _) = router.packet().await;
        assert_eq!(flow, FlowId::new(37).unwrap());
        // Whose a flow is, only the SFU knows.
        let code = plenum_wire::frame::close::UNKNOWN_FLOW;
        router.server.close(connection, code, "unknown flow");
        assert_eq!(unknown.closed().await, roq::UNKNOWN_FLOW_ID);
        both_ways(&known, &mut router, 37, b"there", b"back").await;
        router.server.stop().await;
        assert_eq!(known.closed().await, roq::NO_ERROR);
    })
    .await;
}
