//! One meeting as it is on this router.

use std::collections::BTreeMap;

use plenum_wire::{Kind, ParticipantId};

use crate::participant::Slot;
use crate::speakers::Stage;

/// Who is in a meeting and which SSRCs its tracks have.
#[derive(Debug, Default)]
pub(crate) struct Meeting {
    pub members: BTreeMap<ParticipantId, Slot>,
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

    /// Gives an SSRC to a track; `false` when another track has it.
    pub(crate) fn claim(&mut self, ssrc: u32, owner: Slot, kind: Kind) -> bool {
        *self.ssrcs.entry(ssrc).or_insert((owner, kind)) == (owner, kind)
    }

    /// Whose track has an SSRC.
    pub(crate) fn owner(&self, ssrc: u32) -> Option<(Slot, Kind)> {
        self.ssrcs.get(&ssrc).copied()
    }

    pub(crate) fn release(&mut self, ssrc: u32) {
        self.ssrcs.remove(&ssrc);
    }
}
