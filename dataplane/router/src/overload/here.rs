//! What strain does to a shard.

use std::time::Instant;

use super::policy::Sample;
use super::{OverloadStep, Shed, Strain};
use crate::Shard;

impl Shard {
    /// How it was since the last time.
    pub(crate) fn strain(&mut self, strain: Strain, now: Instant) {
        self.counters.overload.dropped_by_kernel += strain.dropped;
        let before = self.overload.step();
        let sample = Sample {
            strain,
            people: self.load().participants,
        };
        let Some(step) = self.overload.strain(sample, now) else {
            return;
        };
        self.counters.overload.entered[step as usize] += 1;
        if before.shed() != step.shed() {
            self.shed_changed();
        }
        // Whether it accepts is all that controllers are told of it.
        if (before == OverloadStep::Open) != (step == OverloadStep::Open) {
            self.reports.changed(None, now);
        }
    }

    /// How far the router has gone to have less to do.
    #[must_use]
    pub const fn overload(&self) -> OverloadStep {
        self.overload.step()
    }

    /// What is left out of the forwarded video.
    pub(crate) const fn shed(&self) -> Shed {
        self.overload.step().shed()
    }
}
