//! Which layers fit into a bandwidth.

use std::cmp::Reverse;

/// Layers of a track at most.
pub const LAYERS: usize = 4;

/// One track that a receiver could have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// How important it is, the most important 0. Those of one rank rise together.
    pub rank: u32,
    /// What the receiver is sent when it is on a layer, in kbit/s: of a scalable stream the
    /// layers below are part of it. 0 for a layer that is not there.
    pub kbps: [u32; LAYERS],
    /// The highest layer that is any use at the size it is shown.
    pub top: u8,
    /// The layer it has now. Of two of one rank the one that has more goes first, so that
    /// nothing changes without a reason.
    pub now: Option<u8>,
}

impl Wish {
    fn kbps_of(&self, layer: u8) -> Option<u64> {
        let kbps = *self.kbps.get(usize::from(layer))?;
        (kbps > 0).then_some(u64::from(kbps))
    }

    /// Where it begins. When only larger pictures than wanted are there, with the smallest of
    /// them: it is better than none.
    fn lowest(&self) -> Option<(u8, u64)> {
        let mut layers = (0..).take(LAYERS);
        layers.find_map(|layer| Some((layer, self.kbps_of(layer)?)))
    }

    /// The next layer up that is there and wanted.
    fn above(&self, layer: u8) -> Option<(u8, u64)> {
        let mut layers = layer + 1..=self.top;
        layers.find_map(|above| Some((above, self.kbps_of(above)?)))
    }
}

/// Says for each wish which layer it gets; `out` is filled anew, in the order of `wishes`.
///
/// First everybody's lowest layer by rank, as far as they fit; then up, rank by rank, and
/// within a rank one layer for each before the next for any. What does not fit is passed over
/// for a smaller one behind it.
///
/// - The sum is within the budget. Only when nobody's lowest layer fits the smallest of them is
///   given all the same: of a receiver that is sent nothing nobody learns what it could get.
/// - Nobody is left out for somebody of a larger rank.
/// - More budget makes no earlier decision worse, in the order above: it may show somebody
///   more at the cost of another's higher layer, never the other way round.
pub fn allocate(budget_kbps: u32, wishes: &[Wish], out: &mut Vec<Option<u8>>) {
    out.clear();
    out.resize(wishes.len(), None);
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by_key(|&index| (wishes[index].rank, Reverse(wishes[index].now)));

    let budget = u64::from(budget_kbps);
    let mut used = 0;
    for &index in &order {
        if let Some((lowest, kbps)) = wishes[index].lowest()
            && used + kbps <= budget
        {
            out[index] = Some(lowest);
            used += kbps;
        }
    }
    if used == 0 {
        let all = order.iter().filter_map(|&index| {
            let (lowest, kbps) = wishes[index].lowest()?;
            Some((kbps, index, lowest))
        });
        if let Some((kbps, index, lowest)) = all.min_by_key(|(kbps, ..)| *kbps) {
            out[index] = Some(lowest);
            used = kbps;
        }
    }
    for rank in order.chunk_by(|&a, &b| wishes[a].rank == wishes[b].rank) {
        for level in (1..).take(LAYERS - 1) {
            for &index in rank {
                used = raise(&wishes[index], level, &mut out[index], used, budget);
            }
        }
    }
}

/// Raises one wish to a level if that is there and fits; what is used then.
fn raise(wish: &Wish, level: u8, given: &mut Option<u8>, used: u64, budget: u64) -> u64 {
    let Some((has, of_level)) = given.zip(wish.kbps_of(level)) else {
        return used;
    };
    let left = used - wish.kbps_of(has).unwrap_or(0);
    if level > wish.top || left + of_level > budget {
        return used;
    }
    *given = Some(level);
    left + of_level
}

/// The smallest budget known to be enough for somebody to get more than this; `None` when all
/// have what they want.
pub(crate) fn next_step(wishes: &[Wish], given: &[Option<u8>]) -> Option<u64> {
    let of = |wish: &Wish, layer: &Option<u8>| layer.and_then(|it| wish.kbps_of(it)).unwrap_or(0);
    let used: u64 = wishes
        .iter()
        .zip(given)
        .map(|(wish, layer)| of(wish, layer))
        .sum();
    let steps = wishes.iter().zip(given).filter_map(|(wish, layer)| {
        let (_, next) = layer.map_or_else(|| wish.lowest(), |layer| wish.above(layer))?;
        Some(next.saturating_sub(of(wish, layer)))
    });
    Some(used + steps.min()?)
}
