//! Which of the others a participant shows, and how large. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use plenum_wire::control::Want;
use plenum_wire::{Kind, ParticipantId};

/// How everybody looks at the others.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// Only so many of them; all if not given.
    pub shown: Option<usize>,
    /// So high, in pixels; as high as they are if not given.
    pub height: Option<u16>,
}

/// The others that one participant could show, in an order of its own, so that those who are
/// not shown are not the same for everybody.
#[derive(Debug)]
pub struct Gallery {
    look: Look,
    seed: u64,
    others: BTreeSet<(u64, ParticipantId)>,
    /// The heights that were said last, also of those who could not be shown since.
    said: BTreeMap<ParticipantId, u16>,
}

impl Gallery {
    /// Empty; the order comes from the seed.
    #[must_use]
    pub const fn new(look: Look, seed: u64) -> Self {
        Self {
            look,
            seed,
            others: BTreeSet::new(),
            said: BTreeMap::new(),
        }
    }

    /// Somebody can be shown. What is wanted of them is said again.
    pub fn came(&mut self, who: &ParticipantId) -> Vec<Want> {
        self.others.insert(self.place(who));
        let mut wants = self.arrange();
        if let Some(&height) = self.said.get(who)
            && !wants.iter().any(|want| want.participant == *who)
        {
            wants.push(want(who, height));
        }
        wants
    }

    /// Somebody can no longer be shown.
    pub fn left(&mut self, who: &ParticipantId) -> Vec<Want> {
        let place = self.place(who);
        self.others.remove(&place);
        self.arrange()
    }

    /// Somebody is no longer there: what was said of them is forgotten.
    pub fn gone(&mut self, who: &ParticipantId) {
        self.said.remove(who);
    }

    fn place(&self, who: &ParticipantId) -> (u64, ParticipantId) {
        let mut hasher = DefaultHasher::new();
        (self.seed, who.as_str()).hash(&mut hasher);
        (hasher.finish(), who.clone())
    }

    /// What changed.
    fn arrange(&mut self) -> Vec<Want> {
        let most = self.look.shown.unwrap_or(usize::MAX);
        let height = self.look.height.unwrap_or(Want::ANY_HEIGHT);
        let mut wants = Vec::new();
        for (number, (_, who)) in self.others.iter().enumerate() {
            let height = if number < most { height } else { 0 };
            let before = self.said.get(who).copied();
            // What nothing is said of is shown in full.
            if before.unwrap_or(Want::ANY_HEIGHT) != height {
                self.said.insert(who.clone(), height);
                wants.push(want(who, height));
            }
        }
        wants
    }
}

fn want(who: &ParticipantId, height: u16) -> Want {
    Want {
        participant: who.clone(),
        kind: Kind::Video,
        height,
        priority: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> ParticipantId {
        number.to_string().parse().unwrap()
    }

    /// What somebody has said in the end, after so many came.
    fn said(look: Look, seed: u64, people: u32) -> (Gallery, BTreeMap<ParticipantId, u16>) {
        let mut gallery = Gallery::new(look, seed);
        let mut said = BTreeMap::new();
        for number in 0..people {
            for want in gallery.came(&id(number)) {
                said.insert(want.participant, want.height);
            }
        }
        (gallery, said)
    }

    #[test]
    fn so_many_are_shown_and_not_the_same_by_everybody() {
        let look = Look {
            shown: Some(25),
            height: None,
        };
        let paused = |seed| {
            let (_, said) = said(look, seed, 49);
            let paused = said.into_iter().filter(|(_, height)| *height == 0);
            paused.map(|(who, _)| who).collect::<Vec<_>>()
        };
        assert_eq!(paused(1).len(), 24);
        assert_ne!(paused(1), paused(2));
    }

    #[test]
    fn when_one_of_those_shown_leaves_another_is_shown() {
        let look = Look {
            shown: Some(3),
            height: Some(180),
        };
        let (mut gallery, said) = said(look, 7, 5);
        assert_eq!(said.len(), 5, "each has a height");
        let shown = said.iter().find(|(_, height)| **height == 180).unwrap().0;
        let wants = gallery.left(shown);
        assert_eq!(wants.len(), 1);
        assert_eq!((wants[0].height, said[&wants[0].participant]), (180, 0));
        let paused = wants[0].participant.clone();
        assert_eq!(gallery.left(&paused).len(), 1);
    }

    #[test]
    fn what_was_said_holds_until_they_have_left() {
        let look = Look {
            shown: Some(1),
            height: None,
        };
        let (mut gallery, said) = said(look, 7, 2);
        let hidden = said.keys().next().unwrap();
        let shown = (0..2).map(id).find(|who| who != hidden).unwrap();
        assert!(gallery.left(hidden).is_empty());
        assert_eq!(gallery.left(&shown), []);
        assert_eq!(gallery.came(hidden), [want(hidden, Want::ANY_HEIGHT)]);
        gallery.left(hidden);
        gallery.gone(hidden);
        assert_eq!(gallery.came(hidden), []);
    }

    #[test]
    fn who_is_still_not_shown_with_another_picture_is_said_again() {
        let look = Look {
            shown: Some(0),
            height: None,
        };
        let (mut gallery, _) = said(look, 7, 1);
        gallery.left(&id(0));
        assert_eq!(gallery.came(&id(0)), [want(&id(0), 0)]);
    }

    #[test]
    fn without_a_look_nothing_is_said() {
        assert!(said(Look::default(), 1, 9).1.is_empty());
    }
}
