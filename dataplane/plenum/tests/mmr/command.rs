//! `plenum mmr` as a whole: what its health port says.

use std::net::SocketAddr;

use plenum::mmr::{self, Args};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::controller::Authority;
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

#[tokio::test]
async fn the_command_is_healthy_with_every_controller_away() {
    let authority = Authority::new();
    let link_tls = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.issue("router-1");
    for (name, contents) in [
        ("tls.crt", certificate),
        ("tls.key", key),
        ("ca.crt", authority.pem()),
    ] {
        std::fs::write(link_tls.path().join(name), contents).unwrap();
    }
    let health = SocketAddr::new(LOOPBACK.ip(), ports::three());
    let args = Args {
        cores: std::num::NonZeroU8::MIN,
        router: "router-1".parse().unwrap(),
        pool: "ns.pool".parse().unwrap(),
        // Port 1 of loopback: nobody is there.
        controllers: "127.0.0.1:1".parse().unwrap(),
        link_tls: link_tls.path().to_owned(),
        address: vec![LOOPBACK.ip()],
        https: LOOPBACK,
        media: LOOPBACK,
        health,
        participants: 10,
        drain_deadline: 0,
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn(mmr::run(args, stop.clone()));
    for path in ["/livez", "/readyz"] {
        let answer = within(get(health, path)).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    let metrics = within(get(health, "/metrics")).await;
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
