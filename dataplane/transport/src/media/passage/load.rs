//! What one thread has for another. Pure.

use super::freight::{Carried, Tally};

/// Gathered by who brings it, in order.
#[derive(Debug)]
pub(in crate::media) struct Load<T> {
    pub(super) things: Vec<T>,
    pub(super) tally: Tally,
}

impl<T> Default for Load<T> {
    fn default() -> Self {
        Self {
            things: Vec::new(),
            tally: Tally::default(),
        }
    }
}

impl<T> Load<T> {
    pub(in crate::media) const fn is_empty(&self) -> bool {
        self.things.is_empty()
    }
}

impl<T: Carried> Load<T> {
    pub(in crate::media) fn add(&mut self, thing: T) {
        *self.tally.part(thing.freight()) += 1;
        self.things.push(thing);
    }

    /// Takes all of the other.
    pub(super) fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
        } else {
            self.things.append(&mut other.things);
            self.tally.add(std::mem::take(&mut other.tally));
        }
    }
}
