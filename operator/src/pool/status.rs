//! The pool's status, written only when it differs.

use jiff::Timestamp;
use plenum_crds::{MMRPool, MMRPoolStatus, Participants, Routers, labels};

use crate::conditions::{Verdict, update};
use crate::metrics::PoolNumbers;

/// The status to have.
#[must_use]
pub fn status(
    object: &MMRPool,
    numbers: PoolNumbers,
    verdicts: &[Verdict],
    now: Timestamp,
) -> MMRPoolStatus {
    let previous = object.status.as_ref();
    let conditions = previous
        .map(|s| s.conditions.as_slice())
        .unwrap_or_default();
    let generation = object.metadata.generation;
    let name = object.metadata.name.as_deref().unwrap_or_default();
    MMRPoolStatus {
        observed_generation: generation,
        conditions: update(conditions, verdicts, generation, now),
        routers: Routers {
            desired: numbers.desired,
            active: numbers.active,
            accepting: numbers.accepting,
            draining: numbers.draining,
        },
        participants: Participants {
            in_use: numbers.in_use,
            capacity: numbers.capacity,
        },
        placeholders: None,
        replicas: numbers.active,
        selector: Some(format!(
            "{}={},{}={name}",
            labels::APP_COMPONENT,
            labels::COMPONENT_ROUTER,
            labels::POOL
        )),
    }
}

/// The status of a pool that cannot be acted on: `verdict`, and the rest as it was.
#[must_use]
pub fn refused(object: &MMRPool, verdict: &Verdict, now: Timestamp) -> MMRPoolStatus {
    let mut status = object.status.clone().unwrap_or_default();
    let generation = object.metadata.generation;
    let verdicts = std::slice::from_ref(verdict);
    let new = update(&status.conditions, verdicts, generation, now);
    status.conditions.retain(|c| c.type_ != verdict.type_);
    status.conditions.splice(0..0, new);
    status.observed_generation = generation;
    status
}

/// Whether they differ in the number of people and in nothing else.
#[must_use]
pub fn differ_in_people_alone(old: &MMRPoolStatus, wanted: &MMRPoolStatus) -> bool {
    let mut same = wanted.clone();
    same.participants.in_use = old.participants.in_use;
    old != wanted && same == *old
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(in_use: u32, capacity: u32) -> MMRPoolStatus {
        MMRPoolStatus {
            participants: Participants { in_use, capacity },
            ..MMRPoolStatus::default()
        }
    }

    #[test]
    fn who_comes_and_goes_is_told_apart_from_what_there_is_room_for() {
        let old = with(1, 200);
        assert!(differ_in_people_alone(&old, &with(2, 200)));
        assert!(!differ_in_people_alone(&old, &with(2, 0)));
        assert!(!differ_in_people_alone(&old, &with(1, 200)));
    }
}
