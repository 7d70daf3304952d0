//! The certificates of a zone: its own authority, what it signs, and the key of its tickets.
//!
//! Everything here is decided from values: what the Secrets hold now, what is wanted, what
//! time it is. [`authority::Authority::step`] and [`leaf::step`] decide, [`renew::renew`] carries
//! that out (only `issue` draws keys), and nothing here knows the API.
//!
//! Guarantees:
//! - A successor of the authority signs nothing before every bundle that the operator wrote
//!   has held it for [`OVERLAP`], so no peer meets a certificate that it cannot verify; where
//!   nothing presses it waits for [`NOTICE`].
//! - An authority stays in every bundle until its own end.
//! - No certificate outlives its authority.
//! - What is good is kept byte for byte.
//!
//! | file | what lives there |
//! |---|---|
//! | `certificate` | reading certificates and pairs |
//! | `issue` | making them |
//! | `authority` | the zone's authority and its succession |
//! | `leaf` | what it signs, and when that is made anew |
//! | `signing_key` | the key of the tickets |
//! | `provided` | a certificate that the user gives |
//! | `renew` | one pass over all of it |

pub mod authority;
pub mod certificate;
pub mod issue;
pub mod leaf;
pub mod provided;
pub mod renew;
pub mod signing_key;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// What a Secret holds, by key.
pub type Data = BTreeMap<String, Vec<u8>>;

/// Key of a certificate in a Secret, as in the type `kubernetes.io/tls`.
pub const CERTIFICATE: &str = "tls.crt";
/// Key of a private key in a Secret.
pub const KEY: &str = "tls.key";
/// Key of the certificates that verify others, by the convention of cert-manager.
pub const BUNDLE: &str = "ca.crt";

/// Life of a zone authority: ten years of 365 days.
pub const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
/// Life of every other certificate.
pub const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long a successor is in every bundle before it signs. A kubelet brings a changed
/// Secret to its pods within two minutes (sync period and cache), a node that is away
/// catches up when it is back.
pub const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// How long it waits where nothing presses: clients outside the cluster were given the
/// authority's certificate by people, who need time to give them the next.
pub const NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Certificates start this much earlier, for peers whose clocks are behind.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);

/// When a certificate that is valid in this span is renewed: at two thirds of it.
#[must_use]
pub fn renewal(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
    let life = not_after.as_second() - not_before.as_second();
    Timestamp::from_second(not_before.as_second() + life / 3 * 2).unwrap_or(not_after)
}
