//! A zone controller as its peers see it: over real sockets, with routers that are only links.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod api;
mod links;
#[path = "../ports/mod.rs"]
mod ports;
mod process;
mod support;
mod tunnels;
