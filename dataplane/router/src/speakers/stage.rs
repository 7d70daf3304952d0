//! Who has the slots of one meeting, and who is active. Pure.
//!
//! While somebody waits all slots are taken, so that no voice is left out for nothing.

use std::collections::BTreeMap;
use std::time::Instant;

use super::voice::Standing;
use super::{CLEARLY_DB, REVIEW, SLOTS, TAKES_SLOT, TAKES_TURN};

/// The voices of one meeting; `K` tells them apart.
#[derive(Debug)]
pub(crate) struct Stage<K> {
    slots: [Option<K>; SLOTS],
    /// Who has no slot, and since when clearly louder than the one who can be missed.
    waiting: BTreeMap<K, Option<Instant>>,
    active: Option<K>,
    /// Who is clearly louder than the active speaker, and since when.
    next: Option<(K, Instant)>,
    reviewed: Option<Instant>,
    changed: bool,
    told: bool,
}

impl<K> Default for Stage<K> {
    fn default() -> Self {
        Self {
            slots: [const { None }; SLOTS],
            waiting: BTreeMap::new(),
            active: None,
            next: None,
            reviewed: None,
            changed: false,
            told: false,
        }
    }
}

/// A slot went from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Swap<K> {
    pub out: K,
    pub into: K,
}

impl<K: Copy + Ord> Stage<K> {
    /// A voice comes; whether there is a slot for it.
    pub(crate) fn enter(&mut self, who: K) -> bool {
        if let Some(free) = self.slots.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(who);
            self.changed = true;
            return true;
        }
        self.waiting.insert(who, None);
        false
    }

    /// A voice goes. Its slot goes to the loudest who waits.
    pub(crate) fn leave(&mut self, who: K, loudness: impl Fn(K) -> f32) -> Option<K> {
        self.waiting.remove(&who);
        self.next = self.next.filter(|(next, _)| *next != who);
        if self.active == Some(who) {
            self.active = None;
            self.changed = true;
        }
        let slot = self.slots.iter_mut().find(|slot| **slot == Some(who))?;
        let waiting = self.waiting.keys().copied();
        *slot = waiting.max_by(|a, b| loudness(*a).total_cmp(&loudness(*b)));
        self.changed = true;
        let promoted = (*slot)?;
        self.waiting.remove(&promoted);
        Some(promoted)
    }

    /// Everybody, those with slots first.
    pub(crate) fn voices(&self) -> impl Iterator<Item = K> + '_ {
        let waiting = self.waiting.keys().copied();
        self.slots.iter().flatten().copied().chain(waiting)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = Option<K>> + '_ {
        self.slots.iter().copied()
    }

    pub(crate) const fn active(&self) -> Option<K> {
        self.active
    }

    /// Whether it is time for a review; if not, when it will be.
    pub(crate) fn due(&mut self, now: Instant) -> Result<(), Instant> {
        let reviewed = *self.reviewed.get_or_insert(now);
        if now.saturating_duration_since(reviewed) < REVIEW {
            return Err(reviewed + REVIEW);
        }
        self.reviewed = Some(now);
        Ok(())
    }

    /// Whether the meeting is to be told; asking is telling.
    pub(crate) fn news(&mut self) -> bool {
        let news = std::mem::take(&mut self.changed);
        self.told |= news;
        news
    }

    /// Whether the meeting was told, so that newcomers have to be.
    pub(crate) const fn told(&self) -> bool {
        self.told
    }

    /// Who takes whose slot now. `voices` has everybody of [`Stage::voices`].
    pub(crate) fn review(&mut self, voices: &BTreeMap<K, Standing>, now: Instant) -> Vec<Swap<K>> {
        let swaps = self.pass_slots(voices, now);
        self.pass_turn(voices, now);
        swaps
    }

    /// The loudest outside against the one inside who can be missed most, the second against
    /// the second, and so on.
    fn pass_slots(&mut self, voices: &BTreeMap<K, Standing>, now: Instant) -> Vec<Swap<K>> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let all = voices.iter().map(|(who, standing)| (*who, *standing));
        let (mut outside, mut inside): (Vec<_>, Vec<_>) =
            all.partition(|(who, _)| self.waiting.contains_key(who));
        outside.sort_by(|(_, a), (_, b)| b.loudness.total_cmp(&a.loudness));
        inside.sort_by(|(_, a), (_, b)| {
            missed(a)
                .cmp(&missed(b))
                .then(a.loudness.total_cmp(&b.loudness))
        });
        let mut swaps = Vec::new();
        let pairs = inside.into_iter().map(Some).chain(std::iter::repeat(None));
        for ((into, challenger), holder) in outside.into_iter().zip(pairs) {
            let Some(since) = self.waiting.get_mut(&into) else {
                continue;
            };
            let holder = holder.filter(|(_, holder)| {
                challenger.speaks() && challenger.loudness >= holder.loudness + CLEARLY_DB
            });
            let Some((out, holder)) = holder else {
                *since = None;
                continue;
            };
            let since = *since.get_or_insert(now);
            // Who never spoke has the slot only because it was free.
            if holder.spoke.is_none() || now.saturating_duration_since(since) >= TAKES_SLOT {
                swaps.push(Swap { out, into });
            }
        }
        for swap in &swaps {
            self.swap(*swap);
        }
        swaps
    }

    fn swap(&mut self, Swap { out, into }: Swap<K>) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| **slot == Some(out)) {
            *slot = Some(into);
            self.waiting.remove(&into);
            self.waiting.insert(out, None);
            self.changed = true;
        }
    }

    /// Of those with a slot the loudest over a longer time is active next. Who was active
    /// stays so in silence.
    fn pass_turn(&mut self, voices: &BTreeMap<K, Standing>, now: Instant) {
        let heard = self.slots.iter().flatten();
        let standings = heard.filter_map(|who| Some((*who, *voices.get(who)?)));
        let loudest = standings.max_by(|(_, a), (_, b)| a.slowly.total_cmp(&b.slowly));
        let loudest =
            loudest.filter(|(who, standing)| standing.holds_forth() && Some(*who) != self.active);
        let now_active = self.active.and_then(|active| voices.get(&active));
        let clearly = loudest.filter(|(_, standing)| {
            now_active.is_none_or(|active| standing.slowly >= active.slowly + CLEARLY_DB)
        });
        let Some((who, _)) = clearly else {
            self.next = None;
            return;
        };
        let since = match self.next {
            Some((next, since)) if next == who => since,
            _ => now,
        };
        self.next = Some((who, since));
        if now_active.is_none() || now.saturating_duration_since(since) >= TAKES_TURN {
            self.active = Some(who);
            self.next = None;
            self.changed = true;
        }
    }
}

/// Who can be missed most comes first: who never spoke, then who is silent longest, then all
/// who speak.
fn missed(standing: &Standing) -> (bool, Option<Instant>) {
    let speaks = standing.speaks();
    (speaks, standing.spoke.filter(|_| !speaks))
}
