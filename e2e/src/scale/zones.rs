//! What the zone controllers know of their routers: a model without IO.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use plenum_wire::link::{Load, RouterReport};
use plenum_wire::{Boot, PoolName, RouterId};
use tokio::sync::watch;

/// All zones, by `<namespace>.<name>`.
pub(super) struct Zones {
    capacity: u32,
    zones: Mutex<HashMap<String, Zone>>,
}

/// A zone: its routers, and its controllers' wish to tell of them.
struct Zone {
    people: u32,
    routers: BTreeMap<RouterId, Router>,
    changed: watch::Sender<()>,
}

struct Router {
    pool: PoolName,
    boot: Boot,
    draining: bool,
}

impl Default for Zone {
    fn default() -> Self {
        Self {
            people: 0,
            routers: BTreeMap::new(),
            changed: watch::Sender::new(()),
        }
    }
}

impl Zones {
    /// None yet; each router takes `capacity` people.
    pub(super) fn new(capacity: u32) -> Self {
        Self {
            capacity,
            zones: Mutex::default(),
        }
    }

    /// So many people are on each router of the zone that does not drain.
    pub(super) fn set_people(&self, zone: &str, people: u32) {
        self.change(zone, |zone| zone.people = people);
    }

    /// A router's process runs.
    pub(super) fn starts(&self, zone: &str, pool: PoolName, router: RouterId) {
        self.change(zone, |zone| {
            let boot = Boot(1);
            let draining = false;
            zone.routers.entry(router).or_insert(Router {
                pool,
                boot,
                draining,
            });
        });
    }

    /// It ended.
    pub(super) fn ends(&self, zone: &str, router: &RouterId) {
        self.change(zone, |zone| {
            zone.routers.remove(router);
        });
    }

    /// The operator's order.
    pub(super) fn drain(&self, zone: &str, pool: &PoolName, routers: &BTreeSet<RouterId>) {
        self.change(zone, |zone| {
            let of_pool = zone.routers.iter_mut().filter(|(_, r)| r.pool == *pool);
            for (name, router) in of_pool {
                router.draining = routers.contains(name);
            }
        });
    }

    /// Wakes when there is something new to report.
    pub(super) fn changes(&self, zone: &str) -> watch::Receiver<()> {
        let mut zones = self.lock();
        zones
            .entry(zone.to_owned())
            .or_default()
            .changed
            .subscribe()
    }

    /// What a controller of the zone says now.
    pub(super) fn report(&self, zone: &str) -> Vec<RouterReport> {
        let zones = self.lock();
        let Some(zone) = zones.get(zone) else {
            return Vec::new();
        };
        let report = |(name, router): (&RouterId, &Router)| RouterReport {
            router: name.clone(),
            pool: router.pool.clone(),
            boot: router.boot,
            load: Load {
                participants: if router.draining { 0 } else { zone.people },
                capacity: self.capacity,
                accepting: !router.draining,
                draining: router.draining,
            },
            meetings: zone.people / 4,
            age_ms: 20,
            connected: true,
            received_ms: None,
            unplaced: None,
        };
        zone.routers.iter().map(report).collect()
    }

    fn change(&self, zone: &str, change: impl FnOnce(&mut Zone)) {
        let mut zones = self.lock();
        let zone = zones.entry(zone.to_owned()).or_default();
        change(zone);
        zone.changed.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Zone>> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
