//! A zone controller as its peers see it: over real sockets, with routers that are only links.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod api;
mod cut_off;
mod forged;
mod links;
#[path = "../../../transport/tests/common/old_hello.rs"]
mod old_hello;
mod old_tls;
#[path = "../ports/mod.rs"]
mod ports;
mod process;
mod support;
mod tunnels;
