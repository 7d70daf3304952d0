//! The end of a meeting, for zones that it may go on in.

use jiff::Timestamp;

use super::MeetingNumber;

/// A meeting that was ended or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Which.
    pub meeting: MeetingNumber,
    /// When.
    pub at: Timestamp,
}
