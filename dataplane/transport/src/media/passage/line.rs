//! Loads one behind the other, with since when each is here. Pure.

use std::collections::HashMap;
use std::time::Instant;

use super::freight::{Carried, Freight, Tally};
use super::load::Load;

/// Places that an empty one keeps: 8 ms, the longest that a busy core gathers, at 500,000
/// packets/s, several times over. More were needed once.
const KEPT: usize = 16_384;

/// See the [module's documentation](self).
#[derive(Debug)]
pub(super) struct Line<T> {
    /// Of estimates only those are counted that were not looked through yet.
    all: Load<T>,
    /// What of it came together: all of it is in one.
    loads: Vec<Part>,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    since: Instant,
    length: usize,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            all: Load::default(),
            loads: Vec::new(),
        }
    }
}

impl<T> Line<T> {
    pub(super) const fn tally(&self) -> &Tally {
        &self.all.tally
    }

    /// Since when the first is here.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.loads.first().map(|load| load.since)
    }

    /// Gives back the memory that an empty one does not need every day.
    pub(super) fn give_back(&mut self) {
        self.all.things.shrink_to(KEPT);
        self.loads.shrink_to(KEPT);
    }

    /// Empties it, from the first on; with each since when it is here.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (Instant, T)> {
        self.all.tally = Tally::default();
        let loads = self.loads.drain(..);
        let times = loads.flat_map(|load| std::iter::repeat_n(load.since, load.length));
        times.zip(self.all.things.drain(..))
    }
}

impl<T: Carried> Line<T> {
    /// Takes all of a load that is here since then.
    pub(super) fn append(&mut self, load: &mut Load<T>, since: Instant) {
        let length = load.things.len();
        if length > 0 {
            self.loads.push(Part { since, length });
            self.all.append(load);
        }
    }

    /// Gives to `gone` what `goes` says, asked from the first on; how many of each that were.
    pub(super) fn drop_where(
        &mut self,
        mut goes: impl FnMut(Instant, Freight) -> bool,
        gone: impl FnMut(T),
    ) -> Tally {
        let mut dropped = Tally::default();
        let (loads, tally) = (&mut self.loads, &mut self.all.tally);
        let (mut load, mut unasked) = (0, loads.first().map_or(0, |load| load.length));
        let going = self.all.things.extract_if(.., |thing| {
            while unasked == 0 {
                load += 1;
                unasked = loads[load].length;
            }
            unasked -= 1;
            let freight = thing.freight();
            let goes = goes(loads[load].since, freight);
            if goes {
                loads[load].length -= 1;
                *tally.part(freight) -= 1;
                *dropped.part(freight) += 1;
            }
            goes
        });
        going.for_each(gone);
        self.loads.retain(|load| load.length > 0);
        dropped
    }

    /// Gives to `gone` each estimate that a newer one of its connection makes worthless.
    pub(super) fn keep_newest_estimates(&mut self, gone: impl FnMut(T)) {
        let mut of_each = HashMap::new();
        for thing in &self.all.things {
            if let Freight::Estimate(whose) = thing.freight() {
                *of_each.entry(whose).or_insert(0_usize) += 1;
            }
        }
        // Those that were looked through before are counted again, until this is done.
        self.all.tally.estimates = of_each.values().sum();
        let is_followed = |_, freight| match freight {
            Freight::Estimate(whose) => of_each.get_mut(&whose).is_some_and(|left| {
                *left -= 1;
                *left > 0
            }),
            _ => false,
        };
        self.drop_where(is_followed, gone);
        self.all.tally.estimates = 0;
    }
}
