//! A real Kubernetes cluster on one machine, and what tests need to hurt it.
//!
//! The control plane is plain processes on the host. A node is a network namespace on a bridge, and one process tree
//! in PID, mount and UTS namespaces of its own, with containerd, kubelet and kube-proxy. So pods on `hostNetwork` have
//! a node's ports to themselves, and several nodes live on one machine without a container engine.
//!
//! What is guaranteed:
//! - Everything made in the kernel carries the prefix `plenum` ([`addresses`]), everything on disk lives below one
//!   directory ([`layout`]), and [`teardown`] removes all of it from any state it was left in.
//! - The host forwards nothing and filters nothing for the cluster: no sysctl, no iptables rule of the host is set by
//!   us, and those that the kubelets set are put back.
//! - Every wait has a deadline, and an error names the log file to read.
//!
//! It knows nothing of Plenum itself but the label that its nodes carry, and the kinds that a [`Commands::dump`] shows.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use plenum_e2e::{Cluster, Config};
//!
//! let cluster = Cluster::start(Config { nodes: 2, ..Config::default() }).await?;
//! cluster.kubectl(["get", "nodes", "-o", "wide"]).await?;
//! cluster.kill_node(2).await?;
//! # Ok(()) }
//! ```

pub mod addresses;
pub(crate) mod archive;
pub(crate) mod bare;
mod commands;
mod config;
mod containers;
mod control_plane;
mod dns;
mod dump;
pub(crate) mod elf;
mod faults;
pub mod host_packages;
mod host_state;
pub mod images;
pub mod layout;
mod lifecycle;
mod lock;
pub(crate) mod network;
mod node;
mod node_files;
mod pki;
mod policies;
pub(crate) mod process;
mod record;
pub mod teardown;
pub mod tools;
mod wait;

pub use bare::Bare;
pub use commands::Commands;
pub use config::{Config, Labelled};
pub use layout::Layout;
pub use lifecycle::Cluster;
pub use policies::Enforcement;
pub use process::Lifetime;
pub use tools::Tools;
