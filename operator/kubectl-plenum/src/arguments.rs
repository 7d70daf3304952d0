//! The command line. Flags that `kubectl` has are called as there.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Zones, routers and meetings of Plenum, by the API server alone.
///
/// Called by kubectl when it is on the PATH: `kubectl plenum status`. Exits with 0 when all is
/// well or done, with 1 when something is wrong or not done, with 2 when the command line is
/// wrong, and with 3 when the API server could not be asked.
#[derive(Debug, Parser)]
#[command(name = "kubectl-plenum", bin_name = "kubectl plenum", version)]
pub struct Arguments {
    /// Which cluster.
    #[command(flatten)]
    pub connection: Connection,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Which cluster, and where in it.
#[derive(Debug, Clone, Default, Args)]
pub struct Connection {
    /// The kubeconfig file, instead of KUBECONFIG or ~/.kube/config
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig file, instead of its current one
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The namespace, instead of that of the context
    #[arg(long, short, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// All namespaces
    #[arg(long, short = 'A', global = true, conflicts_with = "namespace")]
    pub all_namespaces: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A zone at a glance: controllers, routers, people, certificates, problems with what to do
    Status {
        /// Only this zone
        zone: Option<String>,
        /// How it is written.
        #[command(flatten)]
        output: Output,
    },
    /// How much goes on on each router, live
    Top(Top),
    /// Empty the router of a node, and keep it out until --cancel; nobody is dropped
    Drain(Drain),
    /// Which meetings run, on which router, with how many people
    Meetings {
        /// Only this zone
        zone: Option<String>,
        /// How it is written.
        #[command(flatten)]
        output: Output,
    },
    /// Look for what is wrong, and say why and what to type; in all namespaces unless -n is given
    Doctor {
        /// How it is written.
        #[command(flatten)]
        output: Output,
    },
    /// Gather what support needs to see into a file, without what is secret; from all namespaces unless -n is given
    SupportBundle {
        /// The file to write; - is standard output
        #[arg(long, short, value_name = "FILE.tar.gz")]
        output: Option<PathBuf>,
    },
}

/// How it is written.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Output {
    /// For scripts; the shapes are in docs/kubectl.md
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,
}

/// A format for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// JSON
    Json,
    /// YAML
    Yaml,
}

/// `top`.
#[derive(Debug, Args)]
pub struct Top {
    /// Only this zone
    pub zone: Option<String>,
    /// Seconds between two looks
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub interval: u64,
    /// How many tables; without it for ever on a terminal, and one elsewhere
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// How it is written.
    #[command(flatten)]
    pub output: Output,
}

/// `drain`.
#[derive(Debug, Args)]
pub struct Drain {
    /// The node
    pub node: String,
    /// Wait until the router is gone, and say how far it is
    #[arg(long)]
    pub wait: bool,
    /// Take the wish back: the node may have a router again
    #[arg(long, conflicts_with = "wait")]
    pub cancel: bool,
    /// With --wait: give up after so many seconds; the drain goes on
    #[arg(
        long,
        default_value_t = 3_900,
        requires = "wait",
        value_name = "SECONDS"
    )]
    pub timeout: u64,
    /// How it is written.
    #[command(flatten)]
    pub output: Output,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn flags_of_kubectl_may_come_before_or_after_the_command() {
        for line in [
            "kubectl-plenum -n meetings status main -o json",
            "kubectl-plenum status main -n meetings -o json",
        ] {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(arguments.connection.namespace.as_deref(), Some("meetings"));
        }
        assert!(Arguments::try_parse_from(["x", "drain", "n", "--wait", "--cancel"]).is_err());
    }
}
