//! What came of one participant, or of many together.

use std::collections::BTreeMap;

use plenum_client::quality::Quality;
use plenum_wire::Rung;

use super::account::Totals;
use super::histogram::Histogram;
use super::sight::Seen;

/// What came of one participant, or of all together.
#[derive(Debug, Default)]
pub struct Figures {
    /// How long joins took.
    pub joins: Histogram,
    /// Packets.
    pub totals: Totals,
    /// Those of them that are audio.
    pub audio: Totals,
    /// From sender to receiver.
    pub latency: Histogram,
    /// Between audio packets, without moves.
    pub gaps: Histogram,
    /// Between audio packets, during moves.
    pub move_gaps: Histogram,
    /// How late packets were sent: what the load itself adds to latency and gaps.
    pub late: Histogram,
    /// How long coming back from a lost router took.
    pub back: Histogram,
    /// Moves begun.
    pub moves: u64,
    /// Moves that did not reach the new router.
    pub moves_failed: u64,
    /// What was heard and seen.
    pub quality: Quality,
    /// Pictures that were to be seen.
    pub seen: Seen,
    /// Second copies removed by the client.
    pub copies: u64,
    /// Sessions whose meeting was ended.
    pub ended: u64,
    /// Sessions that ended otherwise by themselves, or had no router when the load ended.
    pub dropped: u64,
    /// Media connections by the rung that carried last.
    pub rungs: BTreeMap<Rung, u64>,
}

impl Figures {
    /// Adds another participant's.
    pub fn merge(&mut self, other: &Self) {
        self.joins.merge(&other.joins);
        self.totals.add(other.totals);
        self.audio.add(other.audio);
        self.latency.merge(&other.latency);
        self.gaps.merge(&other.gaps);
        self.move_gaps.merge(&other.move_gaps);
        self.late.merge(&other.late);
        self.back.merge(&other.back);
        self.moves += other.moves;
        self.moves_failed += other.moves_failed;
        self.quality.add(&other.quality);
        self.seen.add(other.seen);
        self.copies += other.copies;
        self.ended += other.ended;
        self.dropped += other.dropped;
        for (&rung, count) in &other.rungs {
            *self.rungs.entry(rung).or_default() += count;
        }
    }
}
