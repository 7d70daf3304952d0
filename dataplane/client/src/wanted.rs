//! Which layers of a track of ours somebody receives, told by one or two routers. Pure.

use std::collections::BTreeMap;

use crate::moving::LegId;

/// Some of a track's layers, the lowest is number 0. A track without layers has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layers(u8);

impl Layers {
    /// The lowest `count`.
    pub fn lowest(count: usize) -> Self {
        Self((0..count.min(8)).fold(0, |layers, layer| layers | 1 << layer))
    }

    pub const fn has(self, layer: usize) -> bool {
        layer < 8 && self.0 >> layer & 1 == 1
    }

    /// This one.
    pub const fn only(layer: usize) -> Self {
        if layer < 8 { Self(1 << layer) } else { Self(0) }
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Of `count` layers, each.
    pub fn each(self, count: usize) -> Vec<bool> {
        (0..count).map(|layer| self.has(layer)).collect()
    }
}

impl From<&[bool]> for Layers {
    fn from(each: &[bool]) -> Self {
        let set = each.iter().take(8).enumerate();
        Self(set.fold(0, |layers, (layer, &is)| layers | u8::from(is) << layer))
    }
}

/// What the routers said of one track.
#[derive(Debug, Default)]
pub(crate) struct Wanted(BTreeMap<LegId, Layers>);

impl Wanted {
    /// A router said which layers it passes on to somebody.
    pub fn say(&mut self, leg: LegId, layers: &[bool]) {
        self.0.insert(leg, layers.into());
    }

    /// A leg is left, or was told of the track anew.
    pub fn forget(&mut self, leg: LegId) {
        self.0.remove(&leg);
    }

    /// Which of `count` layers one of these routers wants. One that said nothing wants all:
    /// only changes are said.
    pub fn layers(&self, legs: impl Iterator<Item = LegId>, count: usize) -> Layers {
        let all = Layers::lowest(count);
        let each = legs.map(|leg| self.0.get(&leg).copied().unwrap_or(all));
        each.reduce(Layers::or).unwrap_or(all).and(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: LegId = LegId(1);
    const NEW: LegId = LegId(2);

    fn layers(wanted: &Wanted, legs: &[LegId]) -> Vec<bool> {
        wanted.layers(legs.iter().copied(), 3).each(3)
    }

    #[test]
    fn what_one_router_wants_is_sent_and_all_before_a_word_was_said() {
        let mut wanted = Wanted::default();
        assert_eq!(layers(&wanted, &[OLD]), [true; 3]);
        wanted.say(OLD, &[true, false, false]);
        assert_eq!(layers(&wanted, &[OLD]), [true, false, false]);
        assert_eq!(layers(&wanted, &[OLD, NEW]), [true; 3]);
        wanted.say(NEW, &[false, true, false]);
        assert_eq!(layers(&wanted, &[OLD, NEW]), [true, true, false]);
        wanted.forget(OLD);
        assert_eq!(layers(&wanted, &[NEW]), [false, true, false]);
        assert_eq!(layers(&wanted, &[]), [true; 3], "nobody is asked");
    }

    #[test]
    fn a_router_cannot_want_what_is_not_there() {
        let mut wanted = Wanted::default();
        wanted.say(OLD, &[true; 20]);
        assert_eq!(wanted.layers([OLD].into_iter(), 1), Layers::lowest(1));
        wanted.say(OLD, &[]);
        assert_eq!(layers(&wanted, &[OLD]), [false; 3]);
    }
}
