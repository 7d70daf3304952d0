//! The pool's status, written only when it differs.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::time::Duration;

use jiff::Timestamp;
use plenum_crds::{MMRPool, MMRPoolStatus, Participants, Routers, labels};

use crate::conditions::{Verdict, update};
use crate::metrics::PoolNumbers;

/// A change of the number of people alone is written this often at most: a status is not a
/// metric. Everything else is written at once.
pub const LOAD_EVERY: Duration = Duration::from_secs(2);
/// Such writes in a second, of all pools together.
const LOAD_WRITES_PER_SECOND: u32 = 10;

/// [`LOAD_EVERY`], or longer where there are many pools: together they write no more often than
/// the API server, and the zones that add them up, can well take.
#[must_use]
pub fn load_every(pools: usize) -> Duration {
    let pools = u32::try_from(pools).unwrap_or(u32::MAX);
    LOAD_EVERY.max(Duration::from_secs(1).saturating_mul(pools) / LOAD_WRITES_PER_SECOND)
}

/// How long ago a new leader takes a pool's status for written: a moment within `every` of its
/// own, so that the pools do not all write at once, then and ever after.
#[must_use]
pub fn spread(object: &MMRPool, every: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    object.metadata.uid.hash(&mut hasher);
    let part = u32::try_from(hasher.finish() % 1_000).unwrap_or_default();
    every * part / 1_000
}

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

/// How long to wait before writing `wanted`, `since` the last write; `None`: write (or leave) it
/// now.
#[must_use]
pub fn postponed(
    old: Option<&MMRPoolStatus>,
    wanted: &MMRPoolStatus,
    since: Duration,
    every: Duration,
) -> Option<Duration> {
    let old = old?;
    let only_load = old.participants.in_use != wanted.participants.in_use && {
        let mut same = wanted.clone();
        same.participants.in_use = old.participants.in_use;
        same == *old
    };
    (only_load && since < every).then(|| every.saturating_sub(since))
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
        let old = with(1, 200);
        let wait = |wanted, since| postponed(Some(&old), &wanted, since, LOAD_EVERY);
        let now = Duration::ZERO;
        assert_eq!(wait(with(2, 200), now), Some(LOAD_EVERY));
        assert!(wait(with(2, 200), LOAD_EVERY).is_none());
        assert!(wait(with(2, 0), now).is_none());
        assert!(wait(with(1, 200), now).is_none());
        assert!(postponed(None, &with(1, 200), now, LOAD_EVERY).is_none());
    }

    #[test]
    fn a_thousand_pools_write_their_load_no_more_often_together_than_twenty() {
        assert_eq!(load_every(0), LOAD_EVERY);
        assert_eq!(load_every(20), LOAD_EVERY);
        assert_eq!(load_every(1_000), Duration::from_secs(100));
        let mut pool = MMRPool::new("p", plenum_crds::MMRPoolSpec::new("z", [("a", "b")]));
        let every = load_every(1_000);
        let mut first_half = 0;
        for n in 0..100 {
            pool.metadata.uid = Some(format!("uid-{n}"));
            let since = spread(&pool, every);
            assert!(since <= every);
            first_half += u32::from(since < every / 2);
        }
        assert!((20..80).contains(&first_half), "{first_half}");
    }
}
