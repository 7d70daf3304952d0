//! Plenum on a real Kubernetes cluster: the demo, the scenarios, and what joins and packets cost.
//!
//! | module | what it is |
//! |---|---|
//! | [`cluster`] | a real cluster on this machine, which knows nothing of Plenum; the first to read |
//! | [`image`] | Plenum's container image |
//! | [`site`] | Plenum and a zone on a cluster, on this machine's or another, and gone again |
//! | [`load`] | people for the zone: `plenum load` and its report |
//! | [`observe`] | what happens to routers, with times |
//! | [`demo`] | a story of people who come and go, and its figures |
//! | [`scenarios`] | what must hold, one after the other on one cluster |
//! | [`chart`] | the chart beside what it installs: its page, its dashboards on a real Prometheus |
//! | [`matrix`] | who gets in from behind which firewall, proxy and name, without a cluster |
//! | [`mod@bench`] | what a join, a packet and a participant cost, without a cluster |
//! | [`faults`] | what the operator does when anything fails, on an API server without nodes |
//! | [`scale`] | what the operator costs at a thousand zones, on an API server without nodes |
//! | [`interrupt`] | being told to stop |
//!
//! A `plenum`, `kubectl` or `helm` that one of them starts ends with this program, even when it is killed.

pub mod bench;
pub mod chart;
mod children;
pub mod cluster;
pub mod demo;
pub mod faults;
pub mod image;
pub mod interrupt;
pub mod load;
pub mod matrix;
pub mod observe;
mod pod_processes;
pub mod scale;
pub mod scenarios;
pub mod site;

pub use cluster::{
    Bare, Cluster, Commands, Config, Labelled, Layout, Lifetime, Tools, host_packages, teardown,
};
