//! Who is heard, told by one or two routers. Pure.
//!
//! In a move each router has slots of its own. Until the release the old one carries
//! everybody, so the word of the leg that is longest there counts; what the new one forwards
//! besides is a welcome surplus.

use std::collections::BTreeMap;

use plenum_wire::ParticipantId;

use crate::moving::LegId;

/// Whether somebody's audio is sent to us, by the slots of [`Event::Speakers`]. While a slot
/// is free everybody's is: a router leaves nobody out for nothing, and who has just come is
/// heard before it is said.
///
/// [`Event::Speakers`]: crate::Event::Speakers
#[must_use]
pub fn is_heard(slots: &[Option<ParticipantId>], who: &ParticipantId) -> bool {
    let mut slots = slots.iter();
    slots.any(|slot| slot.as_ref().is_none_or(|heard| heard == who))
}

/// What one router says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub slots: Vec<Option<ParticipantId>>,
    pub active: Option<ParticipantId>,
}

/// What all routers say, and what the user knows.
#[derive(Debug, Default)]
pub(crate) struct Speakers {
    said: BTreeMap<LegId, Said>,
    shown: Said,
}

impl Speakers {
    /// A router said who is heard. `Some` when that is news to the user.
    pub fn say(&mut self, leg: LegId, said: Said) -> Option<Said> {
        self.said.insert(leg, said);
        self.news()
    }

    /// A leg was left or died. Without another word the last one stays: who is coming back
    /// will hear a new one.
    pub fn gone(&mut self, leg: LegId) -> Option<Said> {
        self.said.remove(&leg);
        self.news()
    }

    fn news(&mut self) -> Option<Said> {
        let (_, counts) = self.said.first_key_value()?;
        if *counts == self.shown {
            return None;
        }
        self.shown = counts.clone();
        Some(self.shown.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(who: &str) -> Said {
        Said {
            slots: vec![Some(who.parse().unwrap()), None],
            active: None,
        }
    }

    #[test]
    fn the_old_router_counts_until_it_is_left() {
        let (old, new) = (LegId(1), LegId(2));
        let mut speakers = Speakers::default();
        assert_eq!(speakers.say(old, said("ann")), Some(said("ann")));
        assert_eq!(speakers.say(old, said("ann")), None, "no news");
        assert_eq!(speakers.say(new, said("bob")), None);
        assert_eq!(speakers.say(old, said("cem")), Some(said("cem")));
        assert_eq!(speakers.gone(old), Some(said("bob")));
    }

    #[test]
    fn while_a_slot_is_free_everybody_is_heard() {
        let [ann, bob] = ["ann", "bob"].map(|who| who.parse().unwrap());
        let only = [Some(bob)];
        assert!(!is_heard(&only, &ann));
        assert!(is_heard(&[only[0].clone(), None], &ann));
        assert!(is_heard(&only, only[0].as_ref().unwrap()));
    }

    #[test]
    fn after_a_router_died_its_word_stays_until_there_is_another() {
        let mut speakers = Speakers::default();
        speakers.say(LegId(1), said("ann"));
        assert_eq!(speakers.gone(LegId(1)), None);
        assert_eq!(speakers.say(LegId(2), said("ann")), None);
        assert_eq!(speakers.say(LegId(2), said("bob")), Some(said("bob")));
    }
}
