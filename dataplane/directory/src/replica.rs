//! Following another directory, as pure code: when a replica asks it for what has changed, and
//! what it makes of the answer.
//!
//! A replica speaks outward only, so it may be behind any NAT. It answers lookups with what it
//! has, however long the directory is away, and tells of its own keys by itself. What it takes
//! is applied by [`crate::store::Store::apply`]; who asks over the network is elsewhere.

mod pulling;

pub use pulling::{Pulling, Verdict};
