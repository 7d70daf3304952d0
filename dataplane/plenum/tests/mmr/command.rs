//! `plenum mmr` as a whole: what its health port says, and when controllers hear of it.

use std::net::{IpAddr, SocketAddr};

use plenum::mmr::{self, Args};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::controller::{Authority, Controller};
use crate::{LOOPBACK, PACE, ports, within};

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = loop {
        match TcpStream::connect(address).await {
            Ok(stream) => break stream,
            Err(_) => tokio::time::sleep(PACE).await,
        }
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The command line of a router whose zone has this authority, and the directory of its
/// certificate.
fn args(authority: &Authority, controllers: &str) -> (Args, TempDir) {
    let link_tls = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.issue("router-1");
    for (name, contents) in [
        ("tls.crt", certificate),
        ("tls.key", key),
        ("ca.crt", authority.pem()),
    ] {
        std::fs::write(link_tls.path().join(name), contents).unwrap();
    }
    let args = Args {
        cores: std::num::NonZeroU8::MIN,
        router: "router-1".parse().unwrap(),
        pool: "ns.pool".parse().unwrap(),
        controllers: controllers.parse().unwrap(),
        link_tls: link_tls.path().to_owned(),
        address: vec![LOOPBACK.ip()],
        address_file: None,
        https: LOOPBACK,
        media: LOOPBACK,
        health: SocketAddr::new(LOOPBACK.ip(), ports::three()),
        participants: 10,
        drain_deadline: 0,
    };
    (args, link_tls)
}

/// Asks until the health port answers so.
async fn until(health: SocketAddr, path: &str, wanted: &str) {
    within(async {
        while !get(health, path).await.contains(wanted) {
            tokio::time::sleep(PACE).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_router_waits_for_its_address_and_announces_every_later_one() {
    let authority = Authority::new();
    let mut controller = Controller::start(&authority);
    let (args, directory) = args(&authority, &controller.address.to_string());
    let file = directory.path().join("public-address");
    std::fs::write(&file, "").unwrap();
    let args = Args {
        address: Vec::new(),
        address_file: Some(file.clone()),
        ..args
    };
    let (health, stop) = (args.health, CancellationToken::new());
    let running = tokio::spawn(mmr::run(args, stop.clone()));
    let waits = "not ready: it waits for the addresses at which clients reach it";
    until(health, "/readyz", waits).await;
    let alive = within(get(health, "/livez")).await;
    assert!(alive.starts_with("HTTP/1.1 200"), "{alive}");
    assert!(controller.is_alone(), "nobody could be sent to it");
    std::fs::write(&file, "203.0.113.7").unwrap();
    let (mut link, endpoint) = controller.hello().await;
    assert_eq!(
        endpoint.addresses,
        ["203.0.113.7".parse::<IpAddr>().unwrap()]
    );
    until(health, "/readyz", "ready\n").await;

    // What makes no sense takes nothing back, and what comes after it counts.
    std::fs::write(&file, "r1.example.com").unwrap();
    std::fs::write(&file, "203.0.113.8,2001:db8::8").unwrap();
    while link.next().await.is_some() {}
    let (_link, endpoint) = controller.hello().await;
    let moved = ["203.0.113.8", "2001:db8::8"].map(|it| it.parse::<IpAddr>().unwrap());
    assert_eq!(endpoint.addresses, moved);
    stop.cancel();
    within(running).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_command_is_healthy_with_every_controller_away() {
    let authority = Authority::new();
    // Port 1 of loopback: nobody is there.
    let (args, _directory) = args(&authority, "127.0.0.1:1");
    let health = args.health;
    let stop = CancellationToken::new();
    let running = tokio::spawn(mmr::run(args, stop.clone()));
    for path in ["/livez", "/readyz"] {
        let answer = within(get(health, path)).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    let metrics = within(get(health, "/metrics")).await;
    plenum_documented::check_process(&metrics);
    for line in [
        "plenum_participants 0",
        "plenum_participants_limit 10",
        "plenum_controller_links 0",
        "plenum_packets_out_total{kind=\"video\"} 0",
        "plenum_packets_dropped_total{reason=\"malformed\"} 0",
        "plenum_media_connections{rung=\"tcp\"} 0",
        "plenum_overload_step 0",
        "plenum_overload_steps_total{step=\"closed\"} 0",
        "plenum_packets_dropped_total{reason=\"receive_buffer\"} 0",
        "plenum_media_busy_ratio ",
        "plenum_cpu_limit_used_ratio ",
        "process_cpu_seconds_total ",
    ] {
        assert!(metrics.contains(line), "no {line:?} in {metrics}");
    }
    stop.cancel();
    within(running).await.unwrap().unwrap();
}
