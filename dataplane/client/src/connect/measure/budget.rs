//! What a test may cost: bytes by each way out, whatever comes of it.
//!
//! By the other ways goes what the first has not answered in a moment, which costs next to nothing
//! there if it is blocked.

use super::Test;
use super::probe::{Probe, State};
use crate::connect::SAMPLES;
use crate::connect::words::{Fault, Out};

/// Bytes of one test by one way out.
pub const BUDGET: usize = 100_000;
/// Until a door has answered once: TCP, TLS with the certificates of a public authority, which are
/// the longest, and a request.
const FIRST: usize = 6_000;
/// With every request that is timed after that one.
const WHOLE: usize = FIRST + SAMPLES * REQUEST;
/// A request on a connection that is there, and its answer.
const REQUEST: usize = 500;
/// Finding out whether a sign-in page answers in place of a server: two requests, and the heads of
/// their answers.
const LOOK: usize = 2_000;
/// So many servers' worth of that, for all that fail alike.
pub const LOOKS: usize = 2;
/// Doors pinged by one way out that answer, or may.
pub const PINGED: usize = (BUDGET - LOOKS * LOOK) / WHOLE;
/// And with those that have refused.
const TRIED: usize = 2 * PINGED;

impl Test {
    /// Whether one more door may be pinged by this way.
    pub(super) fn has_room(&self, out: Out) -> bool {
        let by: Vec<&Probe> = self
            .probes
            .iter()
            .filter(|probe| probe.door.out == out)
            .collect();
        let spent: usize = by.iter().map(|probe| self.cost(probe)).sum();
        by.len() < TRIED && spent + LOOKS * LOOK + self.price() <= BUDGET
    }

    /// What a door costs at most from now on: when the choice is overdue the first answer ends the
    /// test, and nobody is asked a second time.
    const fn price(&self) -> usize {
        if self.decide.is_some() { WHOLE } else { FIRST }
    }

    fn cost(&self, probe: &Probe) -> usize {
        match &probe.state {
            State::Running => self.price(),
            State::Answered { .. } => WHOLE,
            State::Failed(failure) if said_nothing(failure.fault) => 0,
            // Nobody is asked for anything whose certificate is not trusted.
            State::Failed(failure) if failure.fault == Fault::Untrusted => FIRST - REQUEST,
            State::Failed(_) => FIRST,
        }
    }
}

/// Whether not even TLS was spoken there.
const fn said_nothing(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Refused | Fault::UnknownName | Fault::ProxyAway
    )
}
