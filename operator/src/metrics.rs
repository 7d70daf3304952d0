//! What Prometheus sees. Labels are bounded: kinds, verbs and pools, never routers.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByController {
    controller: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByWrite {
    kind: String,
    verb: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByVerb {
    verb: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByPool {
    namespace: String,
    pool: String,
}

/// Numbers of one pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolNumbers {
    /// Routers wanted.
    pub desired: u32,
    /// Nodes with the active label.
    pub active: u32,
    /// Routers that take participants.
    pub accepting: u32,
    /// Routers being emptied.
    pub draining: u32,
    /// Participants on all routers.
    pub in_use: u32,
    /// Participants that the accepting routers take.
    pub capacity: u32,
}

/// All metrics of the operator.
pub struct Metrics {
    registry: Mutex<Registry>,
    reconciles: Family<ByController, Histogram>,
    errors: Family<ByController, Counter>,
    in_flight: Family<ByController, Gauge>,
    queue: Family<ByController, Gauge>,
    writes: Family<ByWrite, Counter>,
    requests: Family<ByVerb, Counter>,
    desired: Family<ByPool, Gauge>,
    active: Family<ByPool, Gauge>,
    accepting: Family<ByPool, Gauge>,
    draining: Family<ByPool, Gauge>,
    in_use: Family<ByPool, Gauge>,
    capacity: Family<ByPool, Gauge>,
    report_age: Family<ByPool, Gauge>,
}

/// The aim is a p99 under 100 ms (T13); the buckets are densest there.
const RECONCILE_BUCKETS: [f64; 10] = [0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.3, 1.0, 3.0, 10.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Mutex::default(),
            reconciles: Family::new_with_constructor(|| Histogram::new(RECONCILE_BUCKETS)),
            errors: Family::default(),
            in_flight: Family::default(),
            queue: Family::default(),
            writes: Family::default(),
            requests: Family::default(),
            desired: Family::default(),
            active: Family::default(),
            accepting: Family::default(),
            draining: Family::default(),
            in_use: Family::default(),
            capacity: Family::default(),
            report_age: Family::default(),
        };
        metrics.registry = Mutex::new(metrics.registered());
        metrics
    }
}

impl Metrics {
    fn registered(&self) -> Registry {
        let mut registry = Registry::with_prefix("plenum_operator");
        registry.register_with_unit(
            "reconcile_duration",
            "Time of one reconcile",
            Unit::Seconds,
            self.reconciles.clone(),
        );
        registry.register(
            "reconcile_errors",
            "Reconciles that failed",
            self.errors.clone(),
        );
        let gauges: [(&str, &str, &Family<ByController, Gauge>); 2] = [
            (
                "reconciles_in_flight",
                "Reconciles running now",
                &self.in_flight,
            ),
            (
                "queue_depth",
                "Triggers waiting for their reconcile",
                &self.queue,
            ),
        ];
        for (name, help, family) in gauges {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "writes",
            "Write requests to the API server",
            self.writes.clone(),
        );
        registry.register(
            "api_requests",
            "Requests to the API server, the Lease's renewals and opened watches included",
            self.requests.clone(),
        );
        let pools: [(&str, &str, &Family<ByPool, Gauge>); 7] = [
            ("pool_routers_desired", "Routers wanted", &self.desired),
            (
                "pool_routers_active",
                "Nodes with the active label",
                &self.active,
            ),
            (
                "pool_routers_accepting",
                "Routers that take participants",
                &self.accepting,
            ),
            (
                "pool_routers_draining",
                "Routers being emptied",
                &self.draining,
            ),
            (
                "pool_participants",
                "Participants on all routers",
                &self.in_use,
            ),
            (
                "pool_capacity",
                "Participants the accepting routers take",
                &self.capacity,
            ),
            (
                "pool_report_age_milliseconds",
                "Age of the oldest report that counts; -1 without any",
                &self.report_age,
            ),
        ];
        for (name, help, family) in pools {
            registry.register(name, help, family.clone());
        }
        registry
    }

    /// A reconcile of `controller` starts; the value returned measures it until it is dropped
    /// by [`Reconcile::done`].
    #[must_use]
    pub fn reconcile(&self, controller: &'static str) -> Reconcile<'_> {
        self.in_flight
            .get_or_create(&ByController { controller })
            .inc();
        Reconcile {
            metrics: self,
            controller,
            started: std::time::Instant::now(),
        }
    }

    /// A write request is about to be made.
    pub fn write(&self, kind: &str, verb: &'static str) {
        let kind = kind.to_owned();
        self.writes.get_or_create(&ByWrite { kind, verb }).inc();
    }

    /// Any request is about to be made.
    pub fn request(&self, verb: &'static str) {
        self.requests.get_or_create(&ByVerb { verb }).inc();
    }

    /// How many triggers wait for `controller`.
    pub fn queue(&self, controller: &'static str, depth: usize) {
        self.queue
            .get_or_create(&ByController { controller })
            .set(i64::try_from(depth).unwrap_or(i64::MAX));
    }

    /// The state of a pool.
    pub fn pool(&self, namespace: &str, pool: &str, numbers: PoolNumbers, age: Option<Duration>) {
        let labels = by_pool(namespace, pool);
        let PoolNumbers {
            desired,
            active,
            accepting,
            draining,
            in_use,
            capacity,
        } = numbers;
        self.desired.get_or_create(&labels).set(desired.into());
        self.active.get_or_create(&labels).set(active.into());
        self.accepting.get_or_create(&labels).set(accepting.into());
        self.draining.get_or_create(&labels).set(draining.into());
        self.in_use.get_or_create(&labels).set(in_use.into());
        self.capacity.get_or_create(&labels).set(capacity.into());
        let age = age.map_or(-1, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        self.report_age.get_or_create(&labels).set(age);
    }

    /// The pool is gone.
    pub fn forget_pool(&self, namespace: &str, pool: &str) {
        let labels = by_pool(namespace, pool);
        for family in [
            &self.desired,
            &self.active,
            &self.accepting,
            &self.draining,
            &self.in_use,
            &self.capacity,
            &self.report_age,
        ] {
            family.remove(&labels);
        }
    }

    /// Everything in the text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        encode(&mut text, &registry).expect("writing to a String cannot fail");
        text
    }
}

fn by_pool(namespace: &str, pool: &str) -> ByPool {
    ByPool {
        namespace: namespace.to_owned(),
        pool: pool.to_owned(),
    }
}

/// One reconcile being measured.
pub struct Reconcile<'a> {
    metrics: &'a Metrics,
    controller: &'static str,
    started: std::time::Instant,
}

impl Reconcile<'_> {
    /// It ended, well or not.
    pub fn done<T, E>(self, result: &Result<T, E>) {
        if result.is_err() {
            let controller = self.controller;
            self.metrics
                .errors
                .get_or_create(&ByController { controller })
                .inc();
        }
    }
}

impl Drop for Reconcile<'_> {
    fn drop(&mut self) {
        let labels = ByController {
            controller: self.controller,
        };
        self.metrics.in_flight.get_or_create(&labels).dec();
        self.metrics
            .reconciles
            .get_or_create(&labels)
            .observe(self.started.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_that_is_gone_leaves_no_series_behind() {
        let metrics = Metrics::default();
        let numbers = PoolNumbers {
            desired: 3,
            ..PoolNumbers::default()
        };
        metrics.pool("n", "p", numbers, None);
        let series = "plenum_operator_pool_routers_desired{namespace=\"n\",pool=\"p\"} 3";
        assert!(metrics.text().contains(series), "{}", metrics.text());
        metrics.forget_pool("n", "p");
        assert!(!metrics.text().contains("pool=\"p\""));
    }

    #[test]
    fn a_failed_reconcile_is_counted_and_measured() {
        let metrics = Metrics::default();
        metrics.reconcile("pool").done(&Err::<(), _>("no"));
        let text = metrics.text();
        assert!(text.contains("plenum_operator_reconcile_errors_total{controller=\"pool\"} 1"));
        assert!(
            text.contains(
                "plenum_operator_reconcile_duration_seconds_count{controller=\"pool\"} 1"
            )
        );
        assert!(text.contains("plenum_operator_reconciles_in_flight{controller=\"pool\"} 0"));
    }
}
