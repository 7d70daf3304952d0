//! `plenum zc` as a process: its ports, its files, its end.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use plenum::zc;
use plenum_transport::channel::Channel;
use plenum_wire::link::{FromRouter, HEARTBEAT_MS, ROUTER_SUBPROTOCOL, ToRouter};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::ports;
use crate::support::{Authority, FakeRouter, PACE, ask, dial, ed25519, loopback, within};

#[derive(Parser)]
pub struct Command {
    #[command(flatten)]
    pub zc: zc::Args,
}

pub fn write_tls(directory: &Path, authority: &Authority, role: &str) -> String {
    std::fs::create_dir(directory).unwrap();
    let (certificate, key) = authority.issue_pem(Some(role));
    std::fs::write(directory.join("tls.crt"), certificate).unwrap();
    std::fs::write(directory.join("tls.key"), key).unwrap();
    std::fs::write(directory.join("ca.crt"), authority.pem()).unwrap();
    directory.display().to_string()
}

pub fn arguments(files: &Path, authority: &Authority, ports: [SocketAddr; 3]) -> Vec<String> {
    let keys = files.join("keys");
    std::fs::create_dir(&keys).unwrap();
    std::fs::write(keys.join("k1.pem"), ed25519().serialize_pem()).unwrap();
    let [listen, link, health] = ports.map(|port| port.to_string());
    let tls = write_tls(&files.join("tls"), authority, "controller");
    let link_tls = write_tls(&files.join("link-tls"), authority, "controller");
    let keys = keys.display().to_string();
    let pairs = [
        ("--zone", "test.zone"),
        ("--name", "zc-0"),
        ("--listen", &listen),
        ("--link", &link),
        ("--health", &health),
        ("--tls", &tls),
        ("--link-tls", &link_tls),
        ("--signing-key", &keys),
    ];
    let pairs = pairs.iter().flat_map(|(name, value)| [*name, *value]);
    std::iter::once("zc")
        .chain(pairs)
        .map(str::to_owned)
        .collect()
}

pub async fn opened(port: SocketAddr) {
    within(async {
        while TcpStream::connect(port).await.is_err() {
            sleep(PACE).await;
        }
    })
    .await;
}

pub async fn until_ready(health: SocketAddr, status: u16) {
    within(async {
        while ask(health, "GET", "/readyz", "", "").await.status != status {
            sleep(PACE).await;
        }
    })
    .await;
}

#[tokio::test]
async fn it_serves_until_it_is_stopped_and_lets_its_last_callers_in() {
    let files = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let first = ports::three();
    let ports = [first, first + 1, first + 2].map(|port| SocketAddr::new(loopback().ip(), port));
    let [_, link, health] = ports;
    let args = Command::parse_from(arguments(files.path(), &authority, ports)).zc;
    let stop = CancellationToken::new();
    let mut running = tokio::spawn(zc::run(args, stop.clone()));
    opened(health).await;
    assert_eq!(ask(health, "GET", "/livez", "", "").await.status, 200);
    assert_eq!(ask(health, "GET", "/readyz", "", "").await.status, 503);

    let identity = authority.issue(Some("router"));
    let trust = authority.trust();
    let dialled = dial(link, &trust, &identity, ROUTER_SUBPROTOCOL).await;
    let mut router = FakeRouter::on(dialled.unwrap(), 10);
    router.hello("router-a");
    router.welcomed().await;
    router.report(&[]);
    until_ready(health, 200).await;
    let metrics = ask(health, "GET", "/metrics", "", "").await;
    plenum_documented::check_process(&metrics.body);
    assert!(
        metrics.body.contains("plenum_zone_capacity 10"),
        "{metrics:?}"
    );
    let meetings = ask(health, "GET", "/meetings", "", "").await;
    assert_eq!(meetings.status, 200);
    assert_eq!(meetings.body, r#"{"meetings":[],"left_out":0}"#);

    stop.cancel();
    until_ready(health, 503).await;
    let late: Result<Channel<ToRouter, FromRouter>, _> =
        dial(link, &trust, &identity, ROUTER_SUBPROTOCOL).await;
    assert!(late.is_ok(), "endpoints propagate: {late:?}");
    // A router that goes on living hears why its link ends.
    let mut beat = tokio::time::interval(Duration::from_millis(HEARTBEAT_MS));
    let ended = within(async {
        loop {
            tokio::select! {
                ended = &mut running => return ended,
                _ = beat.tick() => router.beat(),
            }
        }
    });
    ended.await.unwrap().unwrap();
    assert_eq!(router.closed().await, Some(1001));
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let files = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let arguments = arguments(files.path(), &authority, [loopback(); 3]);
    for missing in ["keys/k1.pem", "link-tls/ca.crt", "tls/tls.key"] {
        std::fs::remove_file(files.path().join(missing)).unwrap();
        let args = Command::parse_from(&arguments).zc;
        let error = zc::run(args, CancellationToken::new()).await.unwrap_err();
        let directory = missing.split('/').next().unwrap();
        assert!(format!("{error:#}").contains(directory), "{error:#}");
    }
}
