//! What the API server makes of our kinds: what it fills in, what it admits, what it refuses.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod api_server;
mod defaults;
mod refused;
mod rules;
