//! What the API server makes of our kinds: what it fills in, what it admits, what it refuses.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "json!() is written where it is passed"
)]

mod api_server;
mod defaults;
mod examples;
mod refused;
mod rules;
