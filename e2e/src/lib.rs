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
//! It knows nothing of Plenum itself but the label that its nodes carry.
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
mod archive;
pub mod bench;
mod children;
pub mod cluster;
mod commands;
mod containers;
mod control_plane;
pub mod demo;
mod dns;
mod dump;
mod elf;
mod faults;
pub mod host_packages;
mod host_state;
pub mod image;
pub mod interrupt;
pub mod layout;
pub mod load;
mod lock;
mod network;
mod node;
mod node_files;
pub mod observe;
mod pki;
mod pod_processes;
mod process;
pub mod scenarios;
pub mod site;

pub mod teardown;
pub mod tools;
mod wait;

pub use cluster::{Cluster, Config, Labelled};
pub use commands::Commands;
pub use layout::Layout;
pub use process::Lifetime;
pub use tools::Tools;
