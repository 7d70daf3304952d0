//! Routers that have as much to do as they can, and since when: a moment is no reason for
//! another node, which then stays for the whole delay of a smaller pool.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use plenum_wire::RouterId;

use super::members::Members;
use super::size::elapsed;
use crate::pool::validate::ValidPool;

/// From then on it counts. Routers open again within 2 s of a short strain's end; a node takes
/// longer than this to carry anybody.
const LASTS: Duration = Duration::from_secs(5);

/// Since when each has been seen to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Overloaded(BTreeMap<RouterId, Timestamp>);

impl Overloaded {
    /// Those that are so now.
    pub(super) fn with(&self, members: &Members, now: Timestamp) -> Self {
        let overloaded = members.serving.values().filter(|it| it.overloaded());
        let since = |router: &RouterId| self.0.get(router).copied().unwrap_or(now);
        let routers = overloaded.filter_map(|member| member.pod);
        Self(
            routers
                .map(|(router, _)| (router.clone(), since(router)))
                .collect(),
        )
    }

    /// Whether any has been so for longer than a moment.
    pub(super) fn lasting(&self, now: Timestamp) -> bool {
        self.0.values().any(|since| lasts(*since, now))
    }

    /// Seats that nobody gets: those on such routers, which so count as full.
    pub(super) fn out_of_reach(&self, pool: &ValidPool, members: &Members, now: Timestamp) -> u32 {
        let lasting = |router| self.0.get(router).is_some_and(|since| lasts(*since, now));
        members
            .serving
            .values()
            .filter(|member| member.pod.is_some_and(|(router, _)| lasting(router)))
            .map(|member| member.capacity(pool).saturating_sub(member.participants()))
            .fold(0, u32::saturating_add)
    }

    /// When the next of them will have been so for longer.
    pub(super) fn look_again(&self, now: Timestamp) -> Option<Timestamp> {
        let fresh = self.0.values().filter(|since| !lasts(**since, now));
        fresh.min()?.checked_add(LASTS).ok()
    }
}

fn lasts(since: Timestamp, now: Timestamp) -> bool {
    elapsed(since, now) >= LASTS
}
