//! What Prometheus is told of a tunnel. Labels have a fixed set of values.

#[cfg(test)]
mod documented;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::relay::Ended;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByDoor {
    door: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByDirection {
    direction: &'static str,
}

/// The metrics. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    open: Gauge,
    opened: Family<ByDoor, Counter>,
    ended: Family<ByReason, Counter>,
    refused: Family<ByReason, Counter>,
    /// From clients, and to them: looked up once, as they are counted often.
    up: Counter,
    down: Counter,
    waits: Counter,
    targets: Gauge,
    controllers: Gauge,
}

/// A tunnel that counts as open until this is dropped.
#[derive(Debug)]
pub(crate) struct Open(Gauge);

impl Metrics {
    /// Registers them with the prefix `plenum_tunnel`.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let bytes = Family::<ByDirection, Counter>::default();
        let of = |direction| bytes.get_or_create(&ByDirection { direction }).clone();
        let metrics = Self {
            open: Gauge::default(),
            opened: Family::default(),
            ended: Family::default(),
            refused: Family::default(),
            up: of("up"),
            down: of("down"),
            waits: Counter::default(),
            targets: Gauge::default(),
            controllers: Gauge::default(),
        };
        let to = registry.sub_registry_with_prefix("plenum_tunnel");
        to.register("open", "Connections carried now", metrics.open.clone());
        to.register("opened", "Connections carried", metrics.opened.clone());
        to.register("ended", "Connections that ended", metrics.ended.clone());
        to.register("refused", "Requests refused", metrics.refused.clone());
        let help = "Bytes passed on, from clients (up) and to them (down)";
        to.register("bytes", help, bytes);
        let help = "Times that a client waited for its share";
        to.register("waits", help, metrics.waits.clone());
        let help = "Targets that may be reached";
        to.register("targets", help, metrics.targets.clone());
        let help = "Zone controllers that are connected";
        to.register("controllers", help, metrics.controllers.clone());
        metrics
    }

    /// What is known of the zone.
    pub fn zone(&self, targets: usize, controllers: usize) {
        self.targets.set(i64::try_from(targets).unwrap_or(i64::MAX));
        self.controllers
            .set(i64::try_from(controllers).unwrap_or(i64::MAX));
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&ByReason { reason }).inc();
    }

    pub(crate) fn opened(&self, door: &'static str) -> Open {
        self.opened.get_or_create(&ByDoor { door }).inc();
        self.open.inc();
        Open(self.open.clone())
    }

    pub(crate) fn ended(&self, ended: Ended) {
        let reason = ended.as_str();
        self.ended.get_or_create(&ByReason { reason }).inc();
    }

    pub(crate) fn waited(&self) {
        self.waits.inc();
    }

    /// The counters of bytes from clients and to them.
    pub(crate) fn bytes(&self) -> (Counter, Counter) {
        (self.up.clone(), self.down.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
