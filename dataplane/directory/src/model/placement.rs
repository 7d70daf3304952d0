//! Where a meeting begins.

use jiff::Timestamp;
use plenum_wire::ZoneName;

/// The zone that those are sent to who come before any zone has said that the meeting runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Its name.
    pub zone: ZoneName,
    /// Until when that counts.
    pub expires: Timestamp,
}
