//! A path over TCP that goes dead without a word is noticed soon by media, which has other ways to
//! take, and later by the rest.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use std::io::{Write as _, stderr};
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use common::{Router, flow, within};
use plenum_transport::dial::{Dialer, MediaConnection};
use plenum_transport::route::Route;
use plenum_wire::{Kind, Rung};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::interval;

/// Between two packets.
const PACE: Duration = Duration::from_millis(100);

/// Runs a shell command in a network of its own, where it may do as it likes.
fn apart(command: &str) -> Command {
    let mut apart = Command::new("unshare");
    apart.args(["--user", "--map-root-user", "--net", "sh", "-c", command]);
    apart
}

/// Why there are no networks with firewalls for everybody here; `None` where there are.
fn obstacle() -> Option<String> {
    match apart("ip link set lo up && iptables -w -A INPUT -p tcp -j DROP").output() {
        Ok(done) if done.status.success() => None,
        Ok(done) => Some(String::from_utf8_lossy(&done.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    }
}

#[test]
fn media_notices_a_dead_path_before_others_do() {
    if let Some(why) = obstacle() {
        // Past what holds the output of a test that passes back.
        let _ = writeln!(
            stderr(),
            "SKIPPED media_notices_a_dead_path_before_others_do: {why}"
        );
        return;
    }
    let this = std::env::current_exe().unwrap();
    let inside = format!(
        "ip link set lo up && exec {} --ignored --exact inside",
        this.display()
    );
    assert!(apart(&inside).status().unwrap().success());
}

/// Returns when the connection has ended, however much is sent.
async fn ends(connection: MediaConnection) {
    let (sender, mut receiver) = connection.split();
    let mut pace = interval(PACE);
    loop {
        tokio::select! {
            packet = receiver.recv() => if packet.is_none() {
                return;
            },
            _ = pace.tick() => {
                sender.send(flow(), &Bytes::from_static(b"is anybody there"));
            }
        }
    }
}

#[tokio::test]
#[ignore = "belongs into a network of its own: see above"]
async fn inside() {
    for rung in [Rung::Tcp, Rung::Tls] {
        let router = Router::start().await;
        let media = Dialer::new().unwrap();
        let media = media
            .media(Kind::Audio, rung, &router.endpoint)
            .await
            .unwrap();
        let (address, _) = router.tcp_of(rung);
        let mut other = Route::direct()
            .connect(&address.ip().to_string(), address.port())
            .await
            .unwrap();
        let drop = ["-w", "-I", "INPUT", "-p", "tcp", "-j", "DROP"];
        assert!(
            Command::new("iptables")
                .args(drop)
                .status()
                .unwrap()
                .success()
        );
        other.write_all(b"is anybody there").await.unwrap();
        let mut nothing = [0; 1];
        let first = within(async {
            tokio::select! {
                biased;
                () = ends(media) => "media",
                _ = other.read(&mut nothing) => "the other",
            }
        });
        assert_eq!(first.await, "media", "{rung}");
        assert!(
            Command::new("iptables")
                .args(["-w", "-F"])
                .status()
                .unwrap()
                .success()
        );
    }
}
