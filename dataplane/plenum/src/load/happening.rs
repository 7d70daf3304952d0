//! What happens to one participant, for the timeline.

use std::time::{SystemTime, UNIX_EPOCH};

use plenum_wire::{ParticipantId, RouterId};
use serde::Serialize;

/// One line of the timeline.
#[derive(Debug, Clone, Serialize)]
pub struct Happening {
    /// By this machine's clock, in milliseconds.
    pub unix_ms: u64,
    /// To whom: its number in the load; nobody in particular if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant: Option<String>,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// It is on this router, from the start or again after losing one.
    Joined {
        /// Which.
        router: RouterId,
    },
    /// It is no longer on it: it left, or the router was lost.
    Left {
        /// Which.
        router: RouterId,
    },
    /// A move is over.
    Moved {
        /// Away from this router.
        from: RouterId,
        /// To this one.
        to: RouterId,
        /// The longest time between two audio packets of one track that were due 20 ms
        /// apart, while it was under way.
        audio_gap_ms: f64,
    },
    /// Somebody's picture has another height than before, or is seen for the first time.
    Shown {
        /// Whose.
        of: ParticipantId,
        /// In pixels.
        height: u16,
    },
    /// The bad network is from now on as its next phase says.
    Network {
        /// From 1.
        phase: usize,
    },
}

/// Now, in Unix time in milliseconds.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
