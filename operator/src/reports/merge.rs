//! One view out of what several controllers say.

mod word;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use plenum_wire::directory::Expected;
use plenum_wire::link::RouterReport;
use plenum_wire::{PoolName, RouterId};

use crate::pool::observed::{Coverage, View};
use word::word;

/// How old a word may be to be acted on: six heartbeats.
pub const FRESH: Duration = Duration::from_secs(3);

/// Minutes before and after the present of which a report is believed to tell: people are five
/// late, and a directory tells of the next twenty.
const MINUTES: RangeInclusive<i64> = -5..=60;

/// The last report of one controller.
#[derive(Debug, Clone)]
pub struct Heard {
    /// When it came.
    at: Instant,
    /// What it said, by pool: a view of one does not look at the others.
    routers: BTreeMap<PoolName, BTreeMap<RouterId, RouterReport>>,
    expected: BTreeMap<Timestamp, u32>,
}

impl Heard {
    /// A report that came `at` this moment.
    #[must_use]
    pub fn new(at: Instant, said: Vec<RouterReport>) -> Self {
        let mut routers: BTreeMap<PoolName, BTreeMap<RouterId, RouterReport>> = BTreeMap::new();
        for report in said {
            let of_pool = routers.entry(report.pool.clone()).or_default();
            of_pool.entry(report.router.clone()).or_insert(report);
        }
        let expected = BTreeMap::new();
        Self {
            at,
            routers,
            expected,
        }
    }

    /// The same, with who is expected in the zone. By its minutes it is bounded, whatever was
    /// said.
    #[must_use]
    pub fn expecting(mut self, said: &[Expected], now: Timestamp) -> Self {
        let present = now.as_second().div_euclid(60);
        for Expected { at, people } in said {
            let minute = at.div_euclid(60);
            if MINUTES.contains(&(minute.saturating_sub(present)))
                && let Ok(begins) = Timestamp::from_second(minute * 60)
            {
                let known = self.expected.entry(begins).or_default();
                *known = known.saturating_add(*people);
            }
        }
        self
    }

    fn fresh(&self, now: Instant) -> bool {
        now.duration_since(self.at) <= FRESH
    }
}

/// What is known of the routers of `pool`.
///
/// `expected` are the controllers that clients can reach (ready pods): all of them have to
/// be heard for the view to be complete. Any other that is freshly heard counts as well
/// where something has to be true for EVERY controller.
#[must_use]
pub fn merge(
    expected: &BTreeSet<String>,
    heard: &BTreeMap<String, Heard>,
    pool: &PoolName,
    now: Instant,
) -> View {
    let voices: Vec<&Heard> = heard
        .iter()
        .filter(|(name, said)| expected.contains(*name) || said.fresh(now))
        .map(|(_, said)| said)
        .collect();
    let names: BTreeSet<&RouterId> = heard
        .values()
        .filter_map(|said| said.routers.get(pool))
        .flat_map(BTreeMap::keys)
        .collect();
    let routers = names
        .into_iter()
        .filter_map(|router| Some((router.clone(), word((pool, router), &voices, heard, now)?)))
        .collect();
    View {
        coverage: coverage(expected, heard, now),
        routers,
        settling: false,
        age: voices.iter().map(|said| now.duration_since(said.at)).max(),
        expected: to_come(heard, now),
    }
}

/// People by the minute. Each controller was told by itself, one a moment before the other, and
/// one that cannot reach the directory longer ago: the most counts of what is said now, and while
/// all are silent of what they said last.
fn to_come(heard: &BTreeMap<String, Heard>, now: Instant) -> BTreeMap<Timestamp, u32> {
    let silent = !heard.values().any(|said| said.fresh(now));
    let voices = heard.values().filter(|said| silent || said.fresh(now));
    let mut minutes = BTreeMap::new();
    for (begins, said) in voices.flat_map(|said| &said.expected) {
        let people = minutes.entry(*begins).or_default();
        *people = (*said).max(*people);
    }
    minutes
}

fn coverage(
    expected: &BTreeSet<String>,
    heard: &BTreeMap<String, Heard>,
    now: Instant,
) -> Coverage {
    if heard.is_empty() {
        return Coverage::Missing;
    }
    let fresh = |name: &String| heard.get(name).is_some_and(|said| said.fresh(now));
    if !expected.is_empty() && expected.iter().all(fresh) {
        Coverage::Complete
    } else {
        Coverage::Stale
    }
}

#[cfg(test)]
mod tests;
