//! A router on loopback with real sockets: a controller of our own making links to it and
//! signs tickets, clients come in over every rung, and strangers send garbage.
//!
//! | file | idea |
//! |---|---|
//! | `controller` | a controller that does what a test says, and who vouches for it |
//! | `house` | starts a router |
//! | `client` | a participant |
//! | `hearing` | people hear each other |
//! | `strangers` | who has no business here harms nobody |
//! | `links` | controllers go and come back |
//! | `ending` | a stop, with people inside |
//! | `command` | `plenum mmr` as a whole |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod command;
mod controller;
mod ending;
mod hearing;
mod house;
mod links;
#[path = "../ports/mod.rs"]
mod ports;
mod strangers;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const ALPN: [&[u8]; 1] = [b"http/1.1"];

/// A test that hangs fails. Slow ones do not: the machine may be slow.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often a condition is looked at.
const PACE: Duration = Duration::from_millis(5);

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("takes longer than two minutes")
}
