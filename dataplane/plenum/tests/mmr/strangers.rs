//! Who has no business here is told so, counted, and harms nobody.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use plenum_transport::channel::Received;
use plenum_transport::dial::Dialer;
use plenum_wire::control::{self, ErrorCode};
use plenum_wire::{FlowId, Kind, Rung};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::client::{Client, packet};
use crate::house::House;
use crate::{LOOPBACK, within};

#[tokio::test]
async fn a_bad_ticket_is_told_so_and_the_channel_closed() {
    let house = House::start(Duration::ZERO).await;
    let flows = house.ticket("ann").1;
    let mut client = Client::hello(&house, ("garbage".into(), flows)).await;
    let told = client.next().await;
    assert!(
        matches!(
            &told,
            Received::Message(control::FromRouter::Error {
                code: ErrorCode::TicketForged,
                ..
            })
        ),
        "{told:?}"
    );
    let closed = client.next().await;
    assert!(
        matches!(
            closed,
            Received::Closed {
                code: Some(4401),
                ..
            }
        ),
        "{closed:?}"
    );
}

#[tokio::test]
async fn garbage_on_each_port_is_counted_and_harms_nobody() {
    let house = House::start(Duration::ZERO).await;
    let mut ann = Client::join(&house, "ann").await;
    let mut bob = Client::join(&house, "bob").await;
    ann.publish(7).await;
    let (from_ann, _ann_hears) = ann.connect(Rung::Udp).await;
    let (_from_bob, mut bob_hears) = bob.connect(Rung::Tcp).await;

    let media = SocketAddr::new(LOOPBACK.ip(), house.endpoint.media_port);
    let stranger = UdpSocket::bind(LOOPBACK).await.unwrap();
    stranger.send_to(b"no QUIC at all", media).await.unwrap();
    for port in [house.endpoint.media_port, house.endpoint.https_port] {
        let address = SocketAddr::new(LOOPBACK.ip(), port);
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&[0xff; 600]).await.unwrap();
        // The router closes it, with or without an alert.
        let _ = within(stream.read_to_end(&mut Vec::new())).await;
    }
    // A flow id that is nobody's, a packet that is none, and another's SSRC.
    let guess = Dialer::new().unwrap();
    let guess = within(guess.media(Kind::Video, Rung::Tls, &house.endpoint))
        .await
        .unwrap();
    let (guess, mut closed) = guess.split();
    assert!(guess.send(FlowId::new(1).unwrap(), &packet(7, 1)));
    assert_eq!(within(closed.recv()).await, None);
    from_ann.send(ann.flows.audio, &Bytes::from_static(b"no RTP at all"));
    from_ann.send(ann.flows.audio, &packet(8, 1));

    let status = house
        .until(|status| {
            let dropped = status.counters.dropped;
            (dropped.unknown_flow, dropped.malformed, dropped.wrong_ssrc) == (1, 1, 1)
                && status.media.udp.garbage == 1
                && status.media.tcp.garbage == 1
        })
        .await;
    assert_eq!(status.load.participants, 2);
    assert_eq!(house.https.garbage(), 1);

    let sent = packet(7, 1);
    assert!(from_ann.send(ann.flows.audio, &sent));
    assert_eq!(
        within(bob_hears.recv()).await,
        Some((bob.flows.audio, sent))
    );
}
