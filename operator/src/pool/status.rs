//! The pool's status, written only when it differs.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use plenum_crds::{MMRPool, MMRPoolStatus, Participants, Routers, labels};

use crate::conditions::{Verdict, update};
use crate::metrics::PoolNumbers;

/// A change of the number of people alone is written this often at most: a status is not a
/// metric. Everything else is written at once.
pub const LOAD_EVERY: Duration = Duration::from_secs(2);

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

/// How long to wait before writing `wanted`; `None`: write (or leave) it now.
#[must_use]
pub fn postponed(
    old: Option<&MMRPoolStatus>,
    wanted: &MMRPoolStatus,
    written: Option<Instant>,
    now: Instant,
) -> Option<Duration> {
    let old = old?;
    let only_load = old.participants.in_use != wanted.participants.in_use && {
        let mut same = wanted.clone();
        same.participants.in_use = old.participants.in_use;
        same == *old
    };
    let since = now.duration_since(written?);
    (only_load && since < LOAD_EVERY).then(|| LOAD_EVERY.saturating_sub(since))
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
    fn people_come_and_go_without_a_write_each_but_capacity_is_told_at_once() {
        let now = Instant::now();
        let just_now = Some(now);
        let old = with(1, 200);
        assert!(postponed(Some(&old), &with(2, 200), just_now, now).is_some());
        assert!(postponed(Some(&old), &with(2, 200), just_now, now + LOAD_EVERY).is_none());
        assert!(postponed(Some(&old), &with(2, 0), just_now, now).is_none());
        assert!(postponed(Some(&old), &with(1, 200), just_now, now).is_none());
        assert!(postponed(None, &with(1, 200), just_now, now).is_none());
    }
}
