//! Nothing that is run speaks TLS 1.2 or older, on any of its ports.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::old_hello;
use crate::support::within;
use crate::tunnels::Zone;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_port_of_a_zone_does() {
    let zone = Zone::start().await;
    for port in zone.ports().await {
        within(old_hello::is_refused(port)).await;
    }
}

#[tokio::test]
async fn a_directory_does_not() {
    let home = tempfile::tempdir().unwrap();
    let mut directory = Command::new(env!("CARGO_BIN_EXE_plenum"));
    directory
        .args(["directory", "--self-signed", "--output", "json"])
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(home.path().join("data"))
        .env_remove("PLENUM_DATABASE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut running = directory.spawn().unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(running.stdout.take().unwrap());
    within(said.read_line(&mut line)).await.unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let url = ready["directory"].as_str().unwrap();
    let address = url.trim_start_matches("https://").parse().unwrap();
    within(old_hello::is_refused(address)).await;
    within(running.kill()).await.unwrap();
}
