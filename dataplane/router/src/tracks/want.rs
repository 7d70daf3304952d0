//! How large a client shows each track.

use std::collections::BTreeMap;

use plenum_wire::control::{Layer, Want};
use plenum_wire::limits::WANTS;
use plenum_wire::{Kind, ParticipantId};

/// How one track is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    /// In pixels at most; 0 is not at all.
    height: u16,
    pub priority: u8,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            height: Want::ANY_HEIGHT,
            priority: 0,
        }
    }
}

impl Shown {
    pub(crate) const fn is_paused(self) -> bool {
        self.height == 0
    }

    /// The highest of `layers` that is of use: the lowest where all are too large.
    pub(crate) fn top(self, layers: &[Layer]) -> Option<u8> {
        if self.is_paused() {
            return None;
        }
        let fits = layers.iter().rposition(|it| it.height <= self.height);
        u8::try_from(fits.unwrap_or(0)).ok()
    }
}

/// What a client said about tracks, those too that are not there yet; at most [`WANTS`].
#[derive(Debug, Default)]
pub(crate) struct Wants([BTreeMap<ParticipantId, Shown>; 3]);

impl Wants {
    /// Of a track about which nothing was said: as large as it is.
    pub(crate) fn of(&self, publisher: &ParticipantId, kind: Kind) -> Shown {
        let said = self.0[kind as usize].get(publisher);
        said.copied().unwrap_or_default()
    }

    /// Keeps one. `false` when there are too many.
    pub(crate) fn keep(&mut self, want: Want) -> bool {
        let shown = Shown {
            height: want.height,
            priority: want.priority,
        };
        let kept: usize = self.0.iter().map(BTreeMap::len).sum();
        let of_kind = &mut self.0[want.kind as usize];
        if shown == Shown::default() {
            of_kind.remove(&want.participant);
            return true;
        }
        if kept >= WANTS && !of_kind.contains_key(&want.participant) {
            return false;
        }
        of_kind.insert(want.participant, shown);
        true
    }

    /// Somebody left.
    pub(crate) fn forget(&mut self, publisher: &ParticipantId) {
        for of_kind in &mut self.0 {
            of_kind.remove(publisher);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(participant: &str, height: u16) -> Want {
        Want {
            participant: participant.parse().unwrap(),
            kind: Kind::Video,
            height,
            priority: 0,
        }
    }

    #[test]
    fn the_top_is_the_highest_layer_that_is_not_too_large() {
        let layers = [180, 360, 720].map(|height| Layer {
            ssrc: 1,
            width: 1,
            height,
            kbps: 1,
        });
        let top = |height| {
            let shown = Shown {
                height,
                priority: 0,
            };
            shown.top(&layers)
        };
        assert_eq!(top(0), None);
        assert_eq!(top(90), Some(0));
        assert_eq!(top(359), Some(0));
        assert_eq!(top(360), Some(1));
        assert_eq!(top(Want::ANY_HEIGHT), Some(2));
    }

    #[test]
    fn so_many_are_kept_and_no_more_until_some_are_taken_back() {
        let mut wants = Wants::default();
        assert!((0..WANTS).all(|n| wants.keep(want(&n.to_string(), 180))));
        assert!(!wants.keep(want("late", 180)));
        assert!(wants.keep(want("0", 90)), "another word about the same");
        assert!(wants.keep(want("0", Want::ANY_HEIGHT)));
        assert!(wants.keep(want("late", 180)));
        wants.forget(&"late".parse().unwrap());
        assert!(wants.keep(want("later", 180)));
    }
}
