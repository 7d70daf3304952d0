//! One meeting as it is on this router.

use std::collections::{BTreeMap, BTreeSet};

use plenum_wire::{Kind, ParticipantId};

use crate::participant::Slot;
use crate::speakers::Stage;

/// Who is in a meeting and which SSRCs its tracks have.
#[derive(Debug, Default)]
pub(crate) struct Meeting {
    pub members: BTreeMap<ParticipantId, Slot>,
    /// It was ended, and everybody in it goes in this turn: that somebody left is no news, and
    /// changes nothing for the others.
    pub over: bool,
    /// Whose audio is forwarded.
    pub stage: Stage<Slot>,
    ssrcs: BTreeMap<u32, (Slot, Kind)>,
}

impl Meeting {
    pub(crate) fn size(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// Everybody but one.
    pub(crate) fn others(&self, than: Slot) -> impl Iterator<Item = Slot> + '_ {
        self.members
            .values()
            .copied()
            .filter(move |slot| *slot != than)
    }

    /// Gives SSRCs to a track; `false`, and none of them, when another track has one.
    pub(crate) fn claim(&mut self, ssrcs: &BTreeSet<u32>, owner: Slot, kind: Kind) -> bool {
        let free = |ssrc| self.owner(ssrc).is_none_or(|it| it == (owner, kind));
        let all_free = ssrcs.iter().copied().all(free);
        if all_free {
            self.ssrcs
                .extend(ssrcs.iter().map(|ssrc| (*ssrc, (owner, kind))));
        }
        all_free
    }

    /// Whose track has an SSRC.
    pub(crate) fn owner(&self, ssrc: u32) -> Option<(Slot, Kind)> {
        self.ssrcs.get(&ssrc).copied()
    }

    pub(crate) fn release(&mut self, ssrc: u32) {
        self.ssrcs.remove(&ssrc);
    }
}
