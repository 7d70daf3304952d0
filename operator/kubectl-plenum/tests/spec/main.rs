//! What people are told, from real objects.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

mod addresses;
mod autoscaled;
mod bundle;
mod certificates;
mod directory;
mod drain;
mod images_and_ports;
mod installation;
mod kept_off;
mod labels;
mod meetings;
mod namespaces;
mod outside;
mod refusals;
mod remedies;
mod status;
mod top;
mod world;
mod zones_and_pools;
