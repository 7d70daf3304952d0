//! When a meeting takes place.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod expectation;
mod properties;
mod refused;
mod vectors;
