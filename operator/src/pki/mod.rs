//! The certificates of a zone: its own authority, what it signs, and the key of its tickets.
//!
//! Everything here is decided from values: what the Secrets hold now, what is wanted, what
//! time it is. [`plan::plan`] says what to keep and what to make, [`plan::carry_out`] makes it
//! (this is where keys are drawn), and nothing here knows the API.
//!
//! Guarantees:
//! - A successor of the authority signs nothing before every bundle that the operator wrote
//!   has held it for [`OVERLAP`], so no peer meets a certificate that it cannot verify.
//! - An authority stays in every bundle until its own end.
//! - No certificate outlives its authority.
//! - What is good is kept byte for byte.

pub mod authority;
pub mod certificate;
pub mod issue;
pub mod leaf;
pub mod plan;
pub mod provided;
pub mod signing_key;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

/// Life of a zone authority: ten years of 365 days.
pub const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
/// Life of every other certificate.
pub const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long a successor is in every bundle before it signs. A kubelet brings a changed
/// Secret to its pods within two minutes (sync period and cache), a node that is away
/// catches up when it is back.
pub const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// Certificates start this much earlier, for peers whose clocks are behind.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);

/// When a certificate that is valid in this span is renewed: at two thirds of it.
#[must_use]
pub fn renewal(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
    let life = not_after.as_second() - not_before.as_second();
    Timestamp::from_second(not_before.as_second() + life / 3 * 2).unwrap_or(not_after)
}
