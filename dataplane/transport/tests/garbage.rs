//! Garbage costs who sends it, nobody else, and is counted.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use bytes::{Bytes, BytesMut};
use common::{Bystander, Router, connect_tls, flow, loopback, quic, within};
use futures_util::{SinkExt, StreamExt};
use plenum_wire::frame::{ROQ_ALPN, TLS_SUBPROTOCOL, encode_stream};
use plenum_wire::{Rung, control};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

#[tokio::test]
async fn datagrams_that_are_not_quic_are_counted_and_nothing_more() {
    within(async {
        let mut router = Router::start().await;
        let mut other = Bystander::join(&mut router, Rung::Udp).await;
        let socket = UdpSocket::bind(loopback()).await.unwrap();
        for length in [1, 20, 21, 500, 1_400] {
            let garbage = vec![0x80; length];
            socket
                .send_to(&garbage, router.server.udp_address())
                .await
                .unwrap();
            // QUIC by its first byte, and nothing else.
            let garbage = vec![0xff; length];
            socket
                .send_to(&garbage, router.server.udp_address())
                .await
                .unwrap();
        }
        // The same socket is read in order: when this arrives, the garbage has.
        other.is_served(&mut router).await;
        assert_eq!(router.server.counters().udp.garbage, 5 + 2);
        assert_eq!(router.server.counters().udp.opened, 1);
    })
    .await;
}

#[tokio::test]
async fn a_quic_peer_of_another_protocol_is_turned_away() {
    within(async {
        let mut router = Router::start().await;
        let mut other = Bystander::join(&mut router, Rung::Udp).await;
        let (endpoint, config) = quic(&router, b"h3");
        let connecting = endpoint.connect_with(config, router.server.udp_address(), "router");
        assert!(connecting.unwrap().await.is_err());
        other.is_served(&mut router).await;
        assert_eq!(router.server.counters().udp.garbage, 1);
    })
    .await;
}

#[tokio::test]
async fn a_datagram_that_is_no_frame_closes_its_quic_connection() {
    within(async {
        let mut router = Router::start().await;
        let mut other = Bystander::join(&mut router, Rung::Udp).await;
        let (endpoint, config) = quic(&router, ROQ_ALPN);
        let connecting = endpoint.connect_with(config, router.server.udp_address(), "router");
        let connection = connecting.unwrap().await.unwrap();
        // Flow id 0.
        connection
            .send_datagram(Bytes::from_static(b"\0packet"))
            .unwrap();
        let quinn::ConnectionError::ApplicationClosed(close) = connection.closed().await else {
            panic!("closed by the router");
        };
        assert_eq!(
            u64::from(close.error_code),
            u64::from(plenum_wire::frame::close::PACKET)
        );
        other.is_served(&mut router).await;
        assert_eq!(router.server.counters().udp.garbage, 1);
    })
    .await;
}

#[tokio::test]
async fn garbage_on_the_tcp_ports_is_cut_off() {
    within(async {
        let mut router = Router::start().await;
        for rung in [Rung::Tcp, Rung::Tls] {
            let mut other = Bystander::join(&mut router, rung).await;
            let (address, _) = router.tcp_of(rung);
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            // Reset or ended: both are cut off.
            let _ = stream.read_to_end(&mut answer).await;
            other.is_served(&mut router).await;
        }
        assert_eq!(router.server.counters().tcp.garbage, 1);
        assert_eq!(router.https_counters.garbage(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_frame_that_is_none_closes_its_tcp_connection() {
    within(async {
        let mut router = Router::start().await;
        let mut other = Bystander::join(&mut router, Rung::Tcp).await;
        let (address, alpn) = router.tcp_of(Rung::Tcp);
        let mut stream = connect_tls(address, "router", &router.trust(), None, alpn)
            .await
            .unwrap();
        let mut bytes = BytesMut::new();
        encode_stream(flow(), b"good", &mut bytes);
        stream.write_all(&bytes).await.unwrap();
        let (bad, ..) = router.packet().await;
        stream.write_all(&[0xff; 100]).await.unwrap();
        assert_eq!(router.closed().await, bad);
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        other.is_served(&mut router).await;
        assert_eq!(router.server.counters().tcp.garbage, 1);
    })
    .await;
}

#[tokio::test]
async fn a_tcp_client_without_protocol_is_turned_away() {
    within(async {
        let mut router = Router::start().await;
        let mut other = Bystander::join(&mut router, Rung::Tcp).await;
        let config = plenum_transport::tls::client_config(&router.trust(), None, &[]).unwrap();
        let stream = TcpStream::connect(router.server.tcp_address())
            .await
            .unwrap();
        let name = "router".try_into().unwrap();
        let mut stream = tokio_rustls::TlsConnector::from(config)
            .connect(name, stream)
            .await
            .unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        other.is_served(&mut router).await;
        assert_eq!(router.server.counters().tcp.garbage, 1);
        assert_eq!(router.server.counters().tcp.opened, 1);
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_no_media_closes_its_websocket() {
    for message in [
        Message::text("hello"),
        Message::binary(Bytes::new()),
        Message::binary(vec![1; 5_000]),
    ] {
        within(async {
            let mut router = Router::start().await;
            let mut other = Bystander::join(&mut router, Rung::Tls).await;
            let (address, alpn) = router.tcp_of(Rung::Tls);
            let tls = connect_tls(address, "router", &router.trust(), None, alpn)
                .await
                .unwrap();
            let mut request = format!("wss://{address}{}", control::MEDIA_PATH)
                .into_client_request()
                .unwrap();
            let headers = request.headers_mut();
            headers.insert("sec-websocket-protocol", TLS_SUBPROTOCOL.parse().unwrap());
            let (mut websocket, _) = tokio_tungstenite::client_async(request, tls).await.unwrap();
            websocket.send(message).await.unwrap();
            let end = websocket.next().await;
            if let Some(Ok(Message::Close(Some(close)))) = end {
                assert_eq!(u16::from(close.code), 4_003);
            } else {
                assert!(matches!(end, None | Some(Err(_))), "{end:?}");
            }
            router.closed().await;
            other.is_served(&mut router).await;
            assert_eq!(router.server.counters().tls.garbage, 1);
        })
        .await;
    }
}
