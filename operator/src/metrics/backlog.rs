//! How many reconciles were asked for and have not begun, and how long they waited.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::{ByController, RECONCILE_BUCKETS};
use crate::cache::Key;

/// Of all controllers. It holds each object once, so it is bounded by their number.
pub(super) struct Backlog {
    since: Mutex<HashMap<(&'static str, Key), Instant>>,
    depth: Family<ByController, Gauge>,
    waited: Family<ByController, Histogram>,
}

impl Default for Backlog {
    fn default() -> Self {
        Self {
            since: Mutex::default(),
            depth: Family::default(),
            waited: Family::new_with_constructor(|| Histogram::new(RECONCILE_BUCKETS)),
        }
    }
}

impl Backlog {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "queue_depth",
            "Objects for which a reconcile was asked that has not begun",
            self.depth.clone(),
        );
        registry.register_with_unit(
            "queue_wait",
            "Time from an event that asks for a reconcile to its beginning",
            Unit::Seconds,
            self.waited.clone(),
        );
    }

    pub(super) fn asked(&self, controller: &'static str, key: &Key) {
        let mut since = self.lock();
        since.entry((controller, key.clone())).or_insert_with(|| {
            self.depth.get_or_create(&ByController { controller }).inc();
            Instant::now()
        });
    }

    /// It begins, or there is nothing to look at any more.
    pub(super) fn begun(&self, controller: &'static str, key: &Key) {
        let Some(since) = self.lock().remove(&(controller, key.clone())) else {
            return;
        };
        let labels = ByController { controller };
        self.depth.get_or_create(&labels).dec();
        let waited = self.waited.get_or_create(&labels);
        waited.observe(since.elapsed().as_secs_f64());
    }

    /// The controllers ended: nobody will look at what waits.
    pub(super) fn clear(&self) {
        self.lock().clear();
        self.depth.clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(&'static str, Key), Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
