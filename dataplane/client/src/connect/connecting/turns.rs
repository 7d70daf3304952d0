//! Network tests of more than one may try: each begins with what those before it had no room for,
//! and what is certain is told when all have had their turn, by what was wrong with each of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::connect::measure::Door;
use crate::connect::words::Failure;

/// The turns of these places.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub controllers: Turn,
    pub tunnels: Turn,
}

impl Turns {
    /// Whether there is nothing that has not had its turn, as far as tests were in vain.
    pub const fn are_over(&self) -> bool {
        !self.controllers.goes_on && !self.tunnels.goes_on
    }
}

/// One turn through all doors, in as many tests as that takes.
#[derive(Debug, Default)]
pub(super) struct Turn {
    tried: BTreeSet<Door>,
    wrong: BTreeMap<Door, Failure>,
    goes_on: bool,
}

impl Turn {
    /// What comes last in the next test.
    pub fn tried(&self) -> BTreeSet<Door> {
        self.tried.clone()
    }

    /// A test was in vain, and this has been tried by now; nothing, if that was the last of a turn.
    /// Returns what was wrong in all of the turn.
    pub fn note(
        &mut self,
        tried: BTreeSet<Door>,
        failures: Vec<(Door, Failure)>,
    ) -> Vec<(Door, Failure)> {
        if self.tried.is_empty() {
            self.wrong.clear();
        }
        self.wrong.extend(failures);
        self.goes_on = !tried.is_empty();
        self.tried = tried;
        self.wrong.clone().into_iter().collect()
    }

    /// Somebody has answered: there is no end of the turn to wait for.
    pub const fn break_off(&mut self) {
        self.goes_on = false;
    }
}
