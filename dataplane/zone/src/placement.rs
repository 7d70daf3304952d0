//! Which router a meeting gets, as pure functions of names and room.
//!
//! A new meeting is placed by rendezvous hashing (Thaler and Ravishankar, 1998): replicas
//! with the same view choose the same router without talking, and a router that comes or
//! goes changes the choice only for meetings that it wins or held. It is weighted by room
//! (Schindelhauer and Schomaker, 2005): of meetings that begin at the same time each router gets
//! what it has room for when they have grown, the full one few and the new one not all.

use std::cmp::Reverse;

use plenum_wire::{MeetingId, RouterId};

/// Kept free of new meetings where that is possible, so that those already there can grow:
/// this share of the capacity in percent ...
pub const SPARE_PERCENT: u32 = 10;
/// ... and at least room for this many participants.
pub const SPARE_MIN: u32 = 8;

/// A router that may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Who.
    pub router: &'a RouterId,
    /// [`hash`] of its name; kept, as it never changes.
    pub hash: u64,
    /// Participants it can still take.
    pub room: u32,
    /// Participants it takes at most.
    pub capacity: u32,
}

impl Candidate<'_> {
    /// Has room to spare, so that a meeting that begins here can grow here.
    const fn comfortable(&self) -> bool {
        let spare = self.capacity / 100 * SPARE_PERCENT + self.capacity % 100 * SPARE_PERCENT / 100;
        self.room >= if spare > SPARE_MIN { spare } else { SPARE_MIN }
    }
}

/// The router for a new meeting, among those with room to spare, else among those with any room:
/// each with a chance in proportion to its room. `None` when there is no room.
#[must_use]
pub fn choose<'a>(
    meeting: &MeetingId,
    candidates: impl IntoIterator<Item = Candidate<'a>>,
) -> Option<&'a RouterId> {
    let meeting = hash(meeting.as_str());
    candidates
        .into_iter()
        .filter(|candidate| candidate.room > 0)
        .min_by_key(|candidate| {
            (
                !candidate.comfortable(),
                distance(score(meeting, candidate.hash)) / u64::from(candidate.room),
                Reverse(candidate.router),
            )
        })
        .map(|candidate| candidate.router)
}

/// How far a score is below the highest, by its logarithm: the least of these, each divided by a
/// weight, is that of a candidate with a chance in proportion to its weight. In whole numbers, as
/// replicas must agree to the last bit; a straight line between powers of two is close enough,
/// and keeps the order.
const fn distance(score: u64) -> u64 {
    /// Bits after the point; 64 times as much is the most.
    const POINT: u32 = 57;
    let below = score.leading_zeros();
    // Without its highest bit, which stands for the whole part.
    let mantissa = if below < 63 { score << (below + 1) } else { 0 };
    let whole = (below as u64) << POINT;
    whole + ((u64::MAX - mantissa) >> (64 - POINT))
}

/// The router with the most room for a whole meeting of `need` participants; among equals
/// the highest score. `None` when it fits nowhere.
#[must_use]
pub fn roomiest<'a>(
    meeting: &MeetingId,
    need: u32,
    candidates: impl IntoIterator<Item = Candidate<'a>>,
) -> Option<&'a RouterId> {
    let meeting = hash(meeting.as_str());
    candidates
        .into_iter()
        .filter(|candidate| candidate.room >= need)
        .max_by_key(|candidate| {
            (
                candidate.room,
                score(meeting, candidate.hash),
                candidate.router,
            )
        })
        .map(|candidate| candidate.router)
}

/// The router that a whole meeting of `need` participants fills most and that still has room to
/// spare then; where none has, the [`roomiest`]. Off a router that is emptied it goes there: few
/// routers take what leaves one, and the others can be emptied next without moving anybody
/// twice. `None` when it fits nowhere.
#[must_use]
pub fn snuggest<'a>(
    meeting: &MeetingId,
    need: u32,
    candidates: impl IntoIterator<Item = Candidate<'a>>,
) -> Option<&'a RouterId> {
    let candidates: Vec<Candidate> = candidates.into_iter().collect();
    let hashed = hash(meeting.as_str());
    let with_it = |candidate: &Candidate<'a>| Candidate {
        room: candidate.room.saturating_sub(need),
        ..*candidate
    };
    candidates
        .iter()
        .filter(|candidate| candidate.room >= need && with_it(candidate).comfortable())
        .min_by_key(|candidate| {
            (
                candidate.room,
                Reverse(score(hashed, candidate.hash)),
                candidate.router,
            )
        })
        .map(|candidate| candidate.router)
        .or_else(|| roomiest(meeting, need, candidates))
}

/// FNV-1a with 64 bits. Fixed for ever: replicas of different versions must agree.
#[must_use]
pub fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The finisher of `SplitMix64` over both names: FNV alone leaves similar names similar.
const fn score(meeting: u64, router: u64) -> u64 {
    let mut x = meeting ^ router.rotate_left(32);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
