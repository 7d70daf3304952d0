//! What Prometheus is told of a directory. Labels have a fixed set of values: routes as they
//! are written here, not as they are asked for.

#[cfg(test)]
mod documented;

use std::time::Duration;

use axum::http::StatusCode;
use plenum_wire::directory::Denial;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// From what one indexed query takes to the limit of a request; 10 ms is what lookups promise.
const SECONDS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 8.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRequest {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTask {
    task: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByState {
    state: &'static str,
}

/// The metrics. Clones count together.
#[derive(Clone)]
pub struct Metrics {
    requests: Family<ByRequest, Counter>,
    lookups: Family<ByResult, Counter>,
    lookup_seconds: Histogram,
    guesses: Family<ByKind, Counter>,
    reports: Counter,
    unused: Counter,
    zones: Family<ByState, Gauge>,
    database: Gauge,
    died: Family<ByTask, Counter>,
}

impl Metrics {
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            lookups: Family::default(),
            lookup_seconds: Histogram::new(SECONDS),
            guesses: Family::default(),
            reports: Counter::default(),
            unused: Counter::default(),
            zones: Family::default(),
            database: Gauge::default(),
            died: Family::default(),
        };
        let directory = registry.sub_registry_with_prefix("plenum_directory");
        directory.register("requests", "Requests answered", metrics.requests.clone());
        directory.register("lookups", "Lookups answered", metrics.lookups.clone());
        directory.register(
            "lookup_seconds",
            "From a lookup's head to its answer",
            metrics.lookup_seconds.clone(),
        );
        directory.register(
            "wrong_guesses",
            "Passcodes, passwords and meeting numbers that were wrong",
            metrics.guesses.clone(),
        );
        directory.register("reports", "Reports of zones taken", metrics.reports.clone());
        directory.register(
            "unused_meetings_deleted",
            "Instant meetings that nobody used, deleted by this process",
            metrics.unused.clone(),
        );
        directory.register(
            "zones",
            "Zones registered; at a replica those heard of there within the last hour",
            metrics.zones.clone(),
        );
        directory.register(
            "database_up",
            "1 while the database answers, looked at once a second",
            metrics.database.clone(),
        );
        directory.register(
            "tasks_died",
            "Tasks that ended though they never should, and were begun anew",
            metrics.died.clone(),
        );
        metrics
    }

    pub fn answered(
        &self,
        method: &'static str,
        route: Option<String>,
        status: StatusCode,
        took: Duration,
    ) {
        let route = route.unwrap_or_else(|| "none".to_owned());
        if route == plenum_wire::directory::LOOKUP_PATH {
            self.lookup_seconds.observe(took.as_secs_f64());
        }
        let status = status.as_u16();
        let labels = ByRequest {
            method,
            route,
            status,
        };
        self.requests.get_or_create(&labels).inc();
    }

    pub fn lookup(&self, refused: Option<Denial>) {
        let result = refused.map_or("admitted", Denial::as_str);
        self.lookups.get_or_create(&ByResult { result }).inc();
    }

    pub fn wrong_guess(&self, kind: &'static str) {
        self.guesses.get_or_create(&ByKind { kind }).inc();
    }

    pub fn report(&self) {
        self.reports.inc();
    }

    pub fn unused_deleted(&self, meetings: u64) {
        self.unused.inc_by(meetings);
    }

    pub fn database(&self, answers: bool) {
        self.database.set(answers.into());
    }

    pub fn died(&self, task: &'static str) {
        self.died.get_or_create(&ByTask { task }).inc();
    }

    pub fn zones(&self, healthy: usize, other: usize) {
        for (state, count) in [("healthy", healthy), ("other", other)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.zones.get_or_create(&ByState { state }).set(count);
        }
    }
}
