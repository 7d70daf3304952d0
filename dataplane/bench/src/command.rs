//! The command line of a bench, and of its servers and loads, which are the same program.

use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use plenum_wire::Fingerprint;

use crate::meetings::Meetings;
use crate::{capacity, compare, load, ours, stock};

/// Which server.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Forwarder {
    /// The router's loop.
    Ours,
    /// quinn and tokio.
    Stock,
}

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Measure {
    /// Where the figures go
    #[arg(long)]
    pub reports: PathBuf,
    /// Rounds of each; the medians count
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Only what has this in its name
    #[arg(long, default_value = "")]
    pub only: String,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ours beside stock quinn, alternating; a table and bench-forwarding.json
    Compare(Measure),
    /// What one core carries, and what a second one adds; bench-capacity.json
    ///
    /// Its parts are loss, delay, memory, small and cores.
    Capacity(Measure),
    /// A server until its input closes; prints its address and certificate as JSON
    Serve {
        /// Which
        #[arg(value_enum)]
        forwarder: Forwarder,
        /// Who is in which meeting
        #[command(flatten)]
        meetings: Meetings,
        /// Threads of ours
        #[arg(long, default_value_t = NonZeroU8::MIN)]
        cores: NonZeroU8,
    },
    /// People on a server; prints `ready`, counts from the line `measure` to `stop`, and prints
    /// what they noticed as JSON
    Load {
        /// The server
        #[arg(long)]
        server: SocketAddr,
        /// Its certificate
        #[arg(long, value_parser = fingerprint)]
        fingerprint: Fingerprint,
        /// Who is in which meeting
        #[command(flatten)]
        meetings: Meetings,
        /// What is sent
        #[command(flatten)]
        plan: load::Plan,
        /// How
        #[command(flatten)]
        manner: load::Manner,
    },
    /// Turns until its input closes
    Spin,
}

fn fingerprint(text: &str) -> Result<Fingerprint, serde_json::Error> {
    serde_json::from_value(text.into())
}

impl Command {
    /// Does it.
    pub fn run(self) -> Result<()> {
        match self {
            Self::Compare(measure) => compare::run(&measure),
            Self::Capacity(measure) => capacity::run(&measure),
            Self::Serve {
                forwarder: Forwarder::Ours,
                meetings,
                cores,
            } => ours::run(meetings, cores),
            Self::Serve {
                forwarder: Forwarder::Stock,
                meetings,
                ..
            } => stock::run(meetings),
            Self::Load {
                server,
                fingerprint,
                meetings,
                plan,
                manner,
            } => load::run(server, fingerprint, meetings, plan, manner),
            Self::Spin => {
                stock::when_input_ends(|| std::process::exit(0));
                loop {
                    std::hint::spin_loop();
                }
            }
        }
    }
}
