//! What the operator is told, and the tunnels.

use std::time::Instant;

use plenum_wire::join::Endpoint;
use plenum_wire::link::{Load, RouterReport};

use crate::Broker;

impl Broker {
    /// Every router heard of, by name; those out of touch with a growing age. A router that
    /// has not reported yet is not in it: nothing is known of it.
    #[must_use]
    pub fn report(&self, now: Instant) -> Vec<RouterReport> {
        let known = self.routers.iter().filter_map(|(name, router)| {
            let load: Load = router.load?;
            let since = |at: Instant| {
                let age = now.saturating_duration_since(at).as_millis();
                u64::try_from(age).unwrap_or(u64::MAX)
            };
            Some(RouterReport {
                router: name.clone(),
                pool: router.pool.clone(),
                boot: router.boot,
                load,
                meetings: u32::try_from(router.hosts.len()).unwrap_or(u32::MAX),
                age_ms: since(router.heard),
                connected: router.link.is_some() && router.settled,
                received_ms: router.received.map(since),
                unplaced: router.unplaced.as_ref().and_then(|it| it.seats(now)),
            })
        });
        known.collect()
    }

    /// Where clients reach the routers that are in touch, by the routers' names.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let known = self.routers.iter();
        known.filter_map(|(_, router)| router.link.map(|_| &router.endpoint))
    }

    /// Grows whenever something in [`Broker::report`] changes but ages and what meetings find
    /// nowhere, for which a heartbeat is soon enough, or in [`Broker::endpoints`].
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }
}
