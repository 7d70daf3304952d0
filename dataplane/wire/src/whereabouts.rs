//! Which meetings run where, as a zone controller tells it at [`PATH`] of its health port: for
//! people who look after the zone. Ids and numbers, never who.

use serde::{Deserialize, Serialize};

use crate::{MeetingId, RouterId};

/// Where it is asked for, with GET.
pub const PATH: &str = "/meetings";

/// Meetings told at most: at some 200 bytes each, 2 MB.
pub const MEETINGS: usize = 10_000;

/// The meetings with somebody in them, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// At most [`MEETINGS`].
    pub meetings: Vec<Located>,
    /// How many more there are.
    pub left_out: usize,
}

/// A meeting and the routers it is on: one, or two while it moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Located {
    /// Which.
    pub meeting: MeetingId,
    /// The router with most people first.
    pub at: Vec<Half>,
}

/// The part of a meeting that is on one router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Half {
    /// Where.
    pub router: RouterId,
    /// People there.
    pub participants: u32,
}
