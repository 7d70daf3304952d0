//! Nonsense on every port, beside a meeting that must not notice.

use std::net::SocketAddr;

use plenum_transport::channel::{Channel, Dial, Received};
use plenum_transport::dial::Dialer;
use plenum_transport::tls::{Trust, client_config};
use plenum_wire::control::{CONTROL_PATH, FromRouter, SUBPROTOCOL};
use plenum_wire::join::Offer;
use plenum_wire::rtp::{self, Header};
use plenum_wire::{FlowId, Kind, Rung};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::process::Child;

use crate::site::{Ended, Site, sample, signal, within};
use crate::web;

/// Somebody who speaks until they are stopped.
fn speaker(site: &Site, voice: &str) -> Child {
    let mut join = site.join("4711");
    join.arg("--loop").arg("--audio").arg(sample(voice));
    join.spawn().unwrap()
}

/// Sends bytes without TLS and waits for the other side to close.
async fn plain(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    // With or without an alert, or a reset.
    let _ = within(stream.read_to_end(&mut Vec::new())).await;
}

#[tokio::test]
async fn garbage_on_every_port_is_answered_counted_and_harms_nobody() {
    let site = Site::start(&[]).await;
    let talk = [speaker(&site, "alice.ogg"), speaker(&site, "bob.ogg")];
    let forwarded = r#"plenum_packets_out_total{kind="audio"}"#;
    site.until(forwarded, |packets| packets > 50).await;

    on_the_https_port(&site).await;
    on_the_media_port(&site).await;
    let offer = web::offer(&site, "4711").await;
    on_a_control_channel(&site, &offer).await;
    on_a_media_connection(&site, &offer).await;
    plain(site.health(), b"\x16\x03\x01 no HTTP\r\n\r\n").await;
    assert!(site.get("/livez").await.starts_with("HTTP/1.1 200 "));

    // Two seconds of two voices after it all.
    let before = site.metric(forwarded).await;
    site.until(forwarded, |packets| packets > before + 200)
        .await;
    assert_eq!(site.metric("plenum_participants").await, 2);
    for speaker in talk {
        signal(&speaker, "INT").await;
        let ended = Ended::of(speaker).await;
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(!ended.stderr.contains("lost"), "{ended:?}");
        let report = ended.report();
        assert_eq!(report["tracks"][0]["lost"], 0, "{report}");
        assert!(
            report["tracks"][0]["packets"].as_u64() > Some(100),
            "{report}"
        );
    }
    assert!(!site.log().contains("panicked"), "{}", site.log());
}

async fn on_the_https_port(site: &Site) {
    let https = |result: &str| format!(r#"plenum_https_connections_total{{result="{result}"}}"#);
    let before = site.metric(&https("garbage")).await;
    for bytes in [
        &[0xff; 600][..],
        b"GET /v1/ping HTTP/1.1\r\nHost: test\r\n\r\n",
    ] {
        plain(site.https(), bytes).await;
    }
    // A client that tries several ways at once gives up what comes second: on a slow machine
    // there may be some of these too.
    site.until(&https("garbage"), |garbage| garbage >= before + 2)
        .await;

    let opened = site.metric(&https("opened")).await;
    let nonsense = web::send(site, b"\x00\x01 no HTTP at all\r\n\r\n").await;
    assert_eq!(nonsense.status, 400, "{nonsense:?}");
    assert!(site.metric(&https("opened")).await > opened);

    let join = "/v1/meetings/4711/join";
    for (method, path, body, status) in [
        ("GET", "/v1/nowhere", "", 404),
        ("GET", join, "", 405),
        ("POST", join, "no JSON", 400),
        ("POST", join, r#"{"exclude": 7}"#, 400),
        ("POST", join, &"x".repeat(20_000), 413),
    ] {
        let answer = web::request(site, method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert!(!answer.problem().detail.is_empty(), "{answer:?}");
    }
    let bad = r#"plenum_zone_joins_total{result="bad_request"}"#;
    assert_eq!(site.metric(bad).await, 3);
    for path in [CONTROL_PATH, plenum_wire::control::MEDIA_PATH] {
        let answer = web::request(site, "GET", path, "").await;
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
    }
}

async fn on_the_media_port(site: &Site) {
    let garbage =
        ["udp", "tcp"].map(|rung| format!(r#"plenum_media_garbage_total{{rung="{rung}"}}"#));
    let before = [
        site.metric(&garbage[0]).await,
        site.metric(&garbage[1]).await,
    ];
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    stranger.send_to(b"no QUIC", site.media()).await.unwrap();
    plain(site.media(), &[0xff; 600]).await;
    for (garbage, before) in garbage.iter().zip(before) {
        site.until(garbage, |garbage| garbage > before).await;
    }
}

/// Something else than control messages, on a channel that anybody can open.
async fn on_a_control_channel(site: &Site, offer: &Offer) {
    let trust = Trust::Pinned(offer.endpoint.fingerprint);
    let dial = Dial {
        addr: site.https(),
        server_name: site.https().ip().to_string(),
        path: CONTROL_PATH.to_owned(),
        subprotocol: SUBPROTOCOL.to_owned(),
        tls: client_config(&trust, None, &[b"http/1.1"]).unwrap(),
    };
    let channel = within(Channel::<FromRouter, Value>::dial(dial)).await;
    let (sender, mut receiver) = channel.unwrap().split();
    assert!(sender.send(&json!({ "type": "nonsense" })));
    let answer = within(receiver.next()).await;
    assert!(
        matches!(answer, Received::Message(FromRouter::Error { .. })),
        "{answer:?}"
    );
    site.until("plenum_bad_messages_total", |bad| bad == 1)
        .await;
}

/// A flow that is nobody's, on a connection that is media's in form.
async fn on_a_media_connection(site: &Site, offer: &Offer) {
    let packet = rtp::write(
        &Header {
            payload_type: 111,
            marker: false,
            sequence: 1,
            timestamp: 1,
            ssrc: 1,
            payload_offset: 12,
        },
        b"a guess",
    );
    let dialer = Dialer::new().unwrap();
    for rung in Rung::ALL {
        let connection = within(dialer.media(Kind::Video, rung, &offer.endpoint))
            .await
            .unwrap();
        let (sender, mut receiver) = connection.split();
        assert!(sender.send(FlowId::new(1).unwrap(), &packet));
        let heard = within(receiver.recv()).await;
        assert_eq!(heard, None, "{rung}: the router closes it");
    }
    let unknown = r#"plenum_packets_dropped_total{reason="unknown_flow"}"#;
    site.until(unknown, |dropped| dropped >= 3).await;
}
