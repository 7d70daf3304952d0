//! `plenum-bench`: see `make bench`.

use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use plenum_bench::meetings::Meetings;
use plenum_bench::{compare, load, ours, stock};
use plenum_wire::Fingerprint;

/// Measures what forwarding costs.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, ValueEnum)]
enum Forwarder {
    Ours,
    Stock,
}

#[derive(Subcommand)]
enum Command {
    /// Ours beside stock quinn, alternating; a table and bench-forwarding.json
    Compare {
        /// Where the figures go
        #[arg(long)]
        reports: PathBuf,
        /// Rounds of each; the medians count
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Only shapes of load whose name contains this
        #[arg(long, default_value = "")]
        only: String,
    },
    /// A server until its input closes; prints its address and certificate as JSON
    Serve {
        #[arg(value_enum)]
        forwarder: Forwarder,
        #[command(flatten)]
        meetings: Meetings,
        /// Threads of ours
        #[arg(long, default_value_t = NonZeroU8::MIN)]
        cores: NonZeroU8,
    },
    /// People on a server; prints `begin`, and at the end what they noticed as JSON
    Load {
        /// The server
        #[arg(long)]
        server: SocketAddr,
        /// Its certificate
        #[arg(long, value_parser = fingerprint)]
        fingerprint: Fingerprint,
        #[command(flatten)]
        meetings: Meetings,
        #[command(flatten)]
        plan: load::Plan,
    },
}

fn fingerprint(text: &str) -> Result<Fingerprint, serde_json::Error> {
    serde_json::from_value(text.into())
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Compare {
            reports,
            rounds,
            only,
        } => compare::run(&reports, rounds, &only),
        Command::Serve {
            forwarder: Forwarder::Ours,
            meetings,
            cores,
        } => ours::run(meetings, cores),
        Command::Serve {
            forwarder: Forwarder::Stock,
            meetings,
            ..
        } => stock::run(meetings),
        Command::Load {
            server,
            fingerprint,
            meetings,
            plan,
        } => load::run(server, fingerprint, meetings, &plan),
    }
}
