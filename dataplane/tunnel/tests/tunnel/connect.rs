//! What a CONNECT gets, and what it gets instead.

use std::time::Duration;

use plenum_tunnel::allowed::Kind;
use plenum_tunnel::{Admission, Limits, Target};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::site::{Echo, LOOPBACK, Site, echoes, wide, within};

#[tokio::test]
async fn bytes_go_both_ways_until_both_sides_are_done() {
    let echo = Echo::start().await;
    let site = Site::leading_to(&[echo.address]);
    let tunnel = site.connect(echo.address, "").await.tunnel();
    site.until("plenum_tunnel_open 1").await;
    let sent: Vec<u8> = (0..1_000_000_u32).map(|it| it.to_be_bytes()[3]).collect();
    let (mut from, mut to) = tokio::io::split(tunnel);
    let all = sent.clone();
    let sending = tokio::spawn(async move {
        to.write_all(&all).await.unwrap();
        to.shutdown().await.unwrap();
    });
    let mut heard = Vec::new();
    within(from.read_to_end(&mut heard)).await.unwrap();
    sending.await.unwrap();
    assert!(heard == sent, "{} of {} bytes", heard.len(), sent.len());
    site.until("plenum_tunnel_open 0").await;
    for sample in [
        r#"plenum_tunnel_opened_total{door="connect"} 1"#,
        r#"plenum_tunnel_ended_total{reason="closed"} 1"#,
        r#"plenum_tunnel_bytes_total{direction="up"} 1000000"#,
        r#"plenum_tunnel_bytes_total{direction="down"} 1000000"#,
    ] {
        assert!(site.metrics().contains(sample), "{}", site.metrics());
    }
}

#[tokio::test]
async fn a_name_that_is_registered_is_looked_up_by_the_tunnel() {
    let echo = Echo::start().await;
    let site = Site::start(Admission::Open, wide());
    let name = format!("localhost:{}", echo.address.port());
    let target = Target::parse(&name).unwrap();
    site.register([(target, Kind::Controller)].into_iter().collect());
    let mut tunnel = site.connect(name.to_uppercase(), "").await.tunnel();
    echoes(&mut tunnel, "by name").await;
    let by_address = site.connect(echo.address, "").await;
    by_address.assert_problem(403, "not_registered").await;
}

#[tokio::test]
async fn what_is_not_registered_is_refused_and_hears_nothing() {
    let (echo, other) = (Echo::start().await, Echo::start().await);
    let site = Site::leading_to(&[echo.address]);
    let refused = site.connect(other.address, "").await;
    refused.assert_problem(403, "not_registered").await;
    let refused = site.connect("meet.example.org:443", "").await;
    refused.assert_problem(403, "not_registered").await;
    assert_eq!((echo.came(), other.came()), (0, 0));
    let refused = r#"plenum_tunnel_refused_total{reason="not_registered"} 2"#;
    assert!(site.metrics().contains(refused), "{}", site.metrics());
}

#[tokio::test]
async fn what_is_no_longer_registered_is_refused_and_who_is_there_stays() {
    let (echo, other) = (Echo::start().await, Echo::start().await);
    let site = Site::leading_to(&[echo.address]);
    let mut tunnel = site.connect(echo.address, "").await.tunnel();
    site.allow(&[other.address]);
    let refused = site.connect(echo.address, "").await;
    refused.assert_problem(403, "not_registered").await;
    echoes(&mut tunnel, "still here").await;
}

#[tokio::test]
async fn before_a_controller_has_spoken_it_says_so() {
    let echo = Echo::start().await;
    let site = Site::start(Admission::Open, wide());
    let refused = site.connect(echo.address, "").await;
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
    refused.assert_problem(503, "not_ready").await;
}

#[tokio::test]
async fn a_target_that_refuses_is_told_from_one_that_is_silent() {
    let listener = TcpListener::bind(LOOPBACK).await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    // Who comes to a full queue hears nothing.
    let silent = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    silent.bind(&LOOPBACK.into()).unwrap();
    silent.listen(0).unwrap();
    let address = silent.local_addr().unwrap().as_socket().unwrap();
    let queue = [(); 8].map(|()| {
        let waiting = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        waiting.set_nonblocking(true).unwrap();
        let _ = waiting.connect(&address.into());
        waiting
    });
    let limits = Limits {
        patience: Duration::from_millis(300),
        ..wide()
    };
    let refused = Site::leading_to(&[closed]).connect(closed, "").await;
    refused.assert_problem(502, "target_unreachable").await;
    let site = Site::start(Admission::Open, limits);
    site.allow(&[address]);
    let refused = site.connect(address, "").await;
    refused.assert_problem(504, "target_silent").await;
    drop(queue);
}

#[tokio::test]
async fn a_target_that_breaks_off_ends_the_tunnel() {
    let listener = TcpListener::bind(LOOPBACK).await.unwrap();
    let address = listener.local_addr().unwrap();
    let site = Site::leading_to(&[address]);
    let mut tunnel = site.connect(address, "").await.tunnel();
    let (target, _) = within(listener.accept()).await.unwrap();
    socket2::SockRef::from(&target)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(target);
    let mut heard = Vec::new();
    // However it ends, it does.
    let _ = within(tunnel.read_to_end(&mut heard)).await;
    assert!(heard.is_empty());
    site.until("plenum_tunnel_open 0").await;
}

#[tokio::test]
async fn a_tunnel_on_which_nothing_flows_ends() {
    let echo = Echo::start().await;
    let limits = Limits {
        idle: Duration::from_millis(200),
        ..wide()
    };
    let site = Site::start(Admission::Open, limits);
    site.allow(&[echo.address]);
    let mut tunnel = site.connect(echo.address, "").await.tunnel();
    let mut heard = Vec::new();
    let _ = within(tunnel.read_to_end(&mut heard)).await;
    site.until(r#"plenum_tunnel_ended_total{reason="idle"} 1"#)
        .await;
}

#[tokio::test]
async fn the_ping_is_empty_and_other_paths_are_not_there() {
    let site = Site::leading_to(&[]);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: tunnel\r\n\r\n");
    let pong = site.send(&get("/v1/ping")).await;
    assert_eq!(pong.status, 204, "{}", pong.head);
    assert!(
        pong.head.contains("cache-control: no-store"),
        "{}",
        pong.head
    );
    for path in [
        "/",
        "/v1/pings",
        "/v1/ping/",
        "/v1/../v1/ping",
        "/metrics",
        "*",
    ] {
        let missing = site.send(&get(path)).await;
        missing.assert_problem(404, "bad_request").await;
    }
    let posted = "POST /v1/ping HTTP/1.1\r\nHost: tunnel\r\nContent-Length: 0\r\n\r\n";
    site.send(posted)
        .await
        .assert_problem(404, "bad_request")
        .await;
}
