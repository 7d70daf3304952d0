//! What forwarding costs beside Janus: `make bench-peers`.
//!
//! Janus is Debian's, its streaming plugin with one RTP mountpoint; each subscriber is a `WebRTC`
//! peer that decrypts. Ours has as many subscribers, QUIC clients that decrypt, and the same
//! packets a second. A program of its own, so that nothing else needs a `WebRTC` library.
//!
//! | module | what it does |
//! |---|---|
//! | `janus` | a Janus of our own settings, and its end |
//! | `talk` | its API over a Unix socket |
//! | `subscriber` | one `WebRTC` peer |
//! | `subscribe` | many of them and the sender, on one thread |
//! | `compare` | rounds, medians, the table |

mod compare;
mod janus;
mod subscribe;
mod subscriber;
mod talk;

use clap::{Parser, Subcommand};
use plenum_bench::command::Command as Bench;

/// Measures what forwarding costs beside other servers.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Ours beside Janus, alternating; a table and bench-peers.json
    Peers(compare::Peers),
    /// Subscribers of a Janus and its source; prints and is told what `load` is
    Subscribe(subscribe::Subscribe),
    #[command(flatten)]
    Bench(Bench),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Peers(peers) => peers.run(),
        Command::Subscribe(subscribe) => subscribe.run(),
        Command::Bench(bench) => bench.run(),
    }
}
