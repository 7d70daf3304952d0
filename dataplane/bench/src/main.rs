//! `plenum-bench`: see `make bench`.

use clap::Parser;
use plenum_bench::command::Command;

/// Measures what forwarding costs.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> anyhow::Result<()> {
    Arguments::parse().command.run()
}
