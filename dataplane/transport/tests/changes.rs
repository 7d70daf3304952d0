//! A client hears when addresses of its machine change, and of nothing when they do not.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

use std::io::{Write as _, stderr};
use std::process::Command;
use std::time::Duration;

use plenum_transport::dial::Changes;
use tokio::time::timeout;

/// More than twice what whoever only looks waits between two looks.
const QUIET: Duration = Duration::from_millis(2_500);
/// A test that hangs fails.
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs a command in a network of its own, where it may do as it likes.
fn apart(command: &str) -> Command {
    let mut apart = Command::new("unshare");
    apart.args(["--user", "--map-root-user", "--net", command]);
    apart
}

/// Why there are no networks for everybody here; `None` where there are.
fn obstacle() -> Option<String> {
    let mut up = apart("ip");
    match up.args(["link", "set", "lo", "up"]).output() {
        Ok(done) if done.status.success() => None,
        Ok(done) => Some(String::from_utf8_lossy(&done.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    }
}

#[test]
fn a_change_is_heard_of() {
    // Not every machine lets everybody have networks of their own.
    if let Some(why) = obstacle() {
        // Past what holds the output of a test that passes back.
        let _ = writeln!(stderr(), "SKIPPED a_change_is_heard_of: {why}");
        return;
    }
    let this = std::env::current_exe().unwrap();
    let inside = ["--ignored", "--exact", "inside"];
    let status = apart(this.to_str().unwrap()).args(inside).status().unwrap();
    assert!(status.success());
}

#[tokio::test]
#[ignore = "belongs into a network of its own: see above"]
async fn inside() {
    let mut changes = Changes::watch();
    let nothing = timeout(QUIET, changes.next()).await;
    assert!(nothing.is_err(), "nothing changed");
    for up in 1..=3 {
        let direction = if up % 2 == 1 { "up" } else { "down" };
        let done = Command::new("ip")
            .args(["link", "set", "lo", direction])
            .status();
        assert!(done.unwrap().success());
        let heard = timeout(PATIENCE, changes.next()).await;
        assert!(heard.is_ok(), "{direction}");
    }
}
