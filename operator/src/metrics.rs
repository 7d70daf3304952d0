//! What Prometheus sees. Labels are bounded: kinds, verbs, zones and pools, never routers.

mod backlog;
#[cfg(test)]
mod documented;
mod zones;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::cache::Key;
use backlog::Backlog;
pub use zones::{Life, ZoneNumbers, Zones, ZonesTerm};

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
    /// Routers that a rollout empties or makes anew, but for new ones that had their time to come up.
    pub replacing: u32,
    /// Participants on all routers.
    pub in_use: u32,
    /// Participants that the accepting routers take.
    pub capacity: u32,
    /// Room to be free for participants that are still to come.
    pub spare: u32,
    /// Participants who are expected for meetings that are known ahead.
    pub expected: u32,
}

/// All metrics of the operator.
pub struct Metrics {
    registry: Mutex<Registry>,
    reconciles: Family<ByController, Histogram>,
    errors: Family<ByController, Counter>,
    in_flight: Family<ByController, Gauge>,
    ended: Family<ByController, Counter>,
    backlog: Backlog,
    writes: Family<ByWrite, Counter>,
    requests: Family<ByVerb, Counter>,
    desired: Family<ByPool, Gauge>,
    active: Family<ByPool, Gauge>,
    accepting: Family<ByPool, Gauge>,
    draining: Family<ByPool, Gauge>,
    replacing: Family<ByPool, Gauge>,
    in_use: Family<ByPool, Gauge>,
    capacity: Family<ByPool, Gauge>,
    spare: Family<ByPool, Gauge>,
    expected: Family<ByPool, Gauge>,
    reported: Family<ByPool, Gauge<f64, AtomicU64>>,
    reports: Mutex<Option<Reports>>,
    /// Those of zones.
    pub zones: Zones,
}

/// The aim is a p99 under 100 ms (T13): the buckets are narrow around it, so that it is told to
/// a quarter.
const RECONCILE_BUCKETS: [f64; 18] = [
    0.000_5, 0.001, 0.002, 0.004, 0.008, 0.015, 0.025, 0.04, 0.06, 0.08, 0.1, 0.125, 0.16, 0.25,
    0.5, 1.0, 3.0, 10.0,
];

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Mutex::default(),
            reconciles: Family::new_with_constructor(|| Histogram::new(RECONCILE_BUCKETS)),
            errors: Family::default(),
            in_flight: Family::default(),
            ended: Family::default(),
            backlog: Backlog::default(),
            writes: Family::default(),
            requests: Family::default(),
            desired: Family::default(),
            active: Family::default(),
            accepting: Family::default(),
            draining: Family::default(),
            replacing: Family::default(),
            in_use: Family::default(),
            capacity: Family::default(),
            spare: Family::default(),
            expected: Family::default(),
            reported: Family::default(),
            reports: Mutex::default(),
            zones: Zones::default(),
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
        registry.register(
            "reconciles_in_flight",
            "Reconciles running now",
            self.in_flight.clone(),
        );
        registry.register(
            "controllers_ended",
            "Controllers that ended by themselves, as in a panic: the lead is given back each time",
            self.ended.clone(),
        );
        // There from the beginning: Prometheus sees no increase in a series that comes with a 1.
        for controller in ["zone", "pool"] {
            let _zero = self.ended.get_or_create(&ByController { controller });
        }
        self.backlog.register(&mut registry);
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
        let pools: [(&str, &str, &Family<ByPool, Gauge>); 9] = [
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
                "pool_routers_replacing",
                "Routers that a rollout empties or makes anew, but for new ones that had their time",
                &self.replacing,
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
                "pool_spare_wanted",
                "Room wanted for participants who are still to come",
                &self.spare,
            ),
            (
                "pool_participants_expected",
                "Participants still to come for meetings that are known ahead, within twenty minutes",
                &self.expected,
            ),
        ];
        for (name, help, family) in pools {
            registry.register(name, help, family.clone());
        }
        registry.register_with_unit(
            "pool_report_timestamp",
            "When the oldest report that counts came, since 1970; 0 without any",
            Unit::Seconds,
            self.reported.clone(),
        );
        self.zones.register(&mut registry);
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

    /// A controller ended by itself while this replica led.
    pub fn controller_ended(&self, controller: &'static str) {
        self.ended.get_or_create(&ByController { controller }).inc();
    }

    /// A reconcile of `controller` was asked for.
    pub fn asked(&self, controller: &'static str, key: &Key) {
        self.backlog.asked(controller, key);
    }

    /// The reconcile that was asked for begins, or is not needed any more.
    pub fn begun(&self, controller: &'static str, key: &Key) {
        self.backlog.begun(controller, key);
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

    /// Starts a term: until what is returned is dropped, `reports` tells at each scrape how
    /// old the oldest report of every pool is. Then all series of pools end: another replica
    /// exports them, and what this one last saw is no longer so.
    pub fn term(
        self: &Arc<Self>,
        reports: impl Fn() -> Vec<PoolReport> + Send + Sync + 'static,
    ) -> Term {
        *lock(&self.reports) = Some(Box::new(reports));
        Term(self.clone())
    }

    /// The state of a pool.
    pub fn pool(&self, namespace: &str, pool: &str, numbers: PoolNumbers) {
        let labels = by_pool(namespace, pool);
        let PoolNumbers {
            desired,
            active,
            accepting,
            draining,
            replacing,
            in_use,
            capacity,
            spare,
            expected,
        } = numbers;
        self.desired.get_or_create(&labels).set(desired.into());
        self.active.get_or_create(&labels).set(active.into());
        self.accepting.get_or_create(&labels).set(accepting.into());
        self.draining.get_or_create(&labels).set(draining.into());
        self.replacing.get_or_create(&labels).set(replacing.into());
        self.in_use.get_or_create(&labels).set(in_use.into());
        self.capacity.get_or_create(&labels).set(capacity.into());
        self.spare.get_or_create(&labels).set(spare.into());
        self.expected.get_or_create(&labels).set(expected.into());
    }

    /// The pool is gone.
    pub fn forget_pool(&self, namespace: &str, pool: &str) {
        let labels = by_pool(namespace, pool);
        for family in self.pools() {
            family.remove(&labels);
        }
        self.reported.remove(&labels);
    }

    fn pools(&self) -> [&Family<ByPool, Gauge>; 9] {
        [
            &self.desired,
            &self.active,
            &self.accepting,
            &self.draining,
            &self.replacing,
            &self.in_use,
            &self.capacity,
            &self.spare,
            &self.expected,
        ]
    }

    /// Everything in the text format.
    #[must_use]
    pub fn text(&self) -> String {
        self.see_reports();
        let mut text = String::new();
        encode(&mut text, &lock(&self.registry)).expect("writing to a String cannot fail");
        text
    }

    /// At the scrape, since reports that say nothing new cause no reconcile.
    fn see_reports(&self) {
        let reports = lock(&self.reports);
        self.reported.clear();
        let now = jiff::Timestamp::now().as_duration().as_secs_f64();
        for report in reports.iter().flat_map(|reports| reports()) {
            let came = report.age.map_or(0.0, |age| now - age.as_secs_f64());
            let labels = by_pool(&report.namespace, &report.pool);
            self.reported.get_or_create(&labels).set(came);
        }
    }
}

/// A poisoned lock only says that a holder panicked; what is under these is replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How old the oldest report that counts for a pool is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolReport {
    /// The pool's namespace.
    pub namespace: String,
    /// Its name.
    pub pool: String,
    /// `None` when no zone controller has reported.
    pub age: Option<Duration>,
}

type Reports = Box<dyn Fn() -> Vec<PoolReport> + Send + Sync>;

/// A time in which this replica leads; see [`Metrics::term`].
#[must_use = "the term ends when it is dropped"]
pub struct Term(Arc<Metrics>);

impl Drop for Term {
    fn drop(&mut self) {
        *lock(&self.0.reports) = None;
        self.0.backlog.clear();
        for family in self.0.pools() {
            family.clear();
        }
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
        metrics.pool("n", "p", numbers);
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

    #[test]
    fn what_waits_is_counted_once_until_it_begins() {
        let metrics = Metrics::default();
        let depth = |n| format!("plenum_operator_queue_depth{{controller=\"zone\"}} {n}\n");
        let keys = ["a", "b"].map(|name| Key::new("n", name));
        for key in [&keys[0], &keys[1], &keys[0]] {
            metrics.asked("zone", key);
        }
        assert!(metrics.text().contains(&depth(2)), "{}", metrics.text());
        metrics.begun("zone", &keys[0]);
        metrics.begun("zone", &keys[0]);
        assert!(metrics.text().contains(&depth(1)));
        let waited = "plenum_operator_queue_wait_seconds_count{controller=\"zone\"} 1\n";
        assert!(metrics.text().contains(waited), "{}", metrics.text());
    }

    #[test]
    fn a_report_that_stays_away_is_seen_at_the_next_scrape_though_nobody_looks() {
        let metrics = Arc::new(Metrics::default());
        let age = Arc::new(Mutex::new(None));
        let told = age.clone();
        let term = metrics.term(move || {
            vec![PoolReport {
                namespace: "n".into(),
                pool: "p".into(),
                age: *lock(&told),
            }]
        });
        let came = || {
            let series =
                "plenum_operator_pool_report_timestamp_seconds{namespace=\"n\",pool=\"p\"} ";
            let text = metrics.text();
            let line = text.lines().find_map(|line| line.strip_prefix(series));
            line.map(|value| value.parse::<f64>().unwrap())
        };
        assert_eq!(came(), Some(0.0));
        let now = jiff::Timestamp::now().as_duration().as_secs_f64();
        *lock(&age) = Some(Duration::from_secs(60));
        let minute_ago = came().unwrap();
        assert!(
            (now - 60.0..now - 50.0).contains(&minute_ago),
            "{minute_ago} at {now}"
        );
        drop(term);
        assert_eq!(came(), None);
    }

    #[test]
    fn a_replica_that_no_longer_leads_exports_no_pools() {
        let metrics = Arc::new(Metrics::default());
        let term = metrics.term(Vec::new);
        metrics.pool("n", "p", PoolNumbers::default());
        assert!(metrics.text().contains("pool=\"p\""));
        drop(term);
        assert!(!metrics.text().contains("pool=\"p\""));
    }
}
