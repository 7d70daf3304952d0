//! What Prometheus is told of a controller. Labels have a fixed set of values.

#[cfg(test)]
mod documented;

use std::fmt;

use plenum_transport::https;
use plenum_wire::join::Refusal;
use plenum_wire::link::RouterReport;
use plenum_zone::Answer;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPort {
    port: &'static str,
}

/// The metrics. Clones count together.
#[derive(Clone)]
pub struct Metrics {
    joins: Family<ByResult, Counter>,
    moves: Family<ByResult, Counter>,
    directory_reports: Family<ByResult, Counter>,
    link_garbage: Counter,
    routers: Gauge,
    participants: Gauge,
    capacity: Gauge,
}

impl Metrics {
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            joins: Family::default(),
            moves: Family::default(),
            directory_reports: Family::default(),
            link_garbage: Counter::default(),
            routers: Gauge::default(),
            participants: Gauge::default(),
            capacity: Gauge::default(),
        };
        let zone = registry.sub_registry_with_prefix("plenum_zone");
        zone.register("joins", "Joins answered", metrics.joins.clone());
        zone.register("moves", "Meetings moved", metrics.moves.clone());
        zone.register(
            "directory_reports",
            "Reports to the directory",
            metrics.directory_reports.clone(),
        );
        zone.register(
            "link_garbage",
            "Messages and connections on the zone link that made no sense",
            metrics.link_garbage.clone(),
        );
        zone.register("routers", "Routers connected", metrics.routers.clone());
        zone.register(
            "participants",
            "Participants on connected routers",
            metrics.participants.clone(),
        );
        zone.register(
            "capacity",
            "Participants that connected, accepting routers take at most",
            metrics.capacity.clone(),
        );
        metrics
    }

    pub fn placed(&self, answer: &Answer) {
        match answer {
            Answer::Placed { .. } => self.join("placed"),
            Answer::Refused(refusal) => self.refused(*refusal),
        }
    }

    pub fn refused(&self, refusal: Refusal) {
        self.join(match refusal {
            Refusal::UnknownMeeting => "unknown_meeting",
            Refusal::TokenRequired => "token_required",
            Refusal::Forbidden => "forbidden",
            Refusal::MeetingEnded => "meeting_ended",
            Refusal::ZoneFull => "zone_full",
            Refusal::MeetingFull => "meeting_full",
            Refusal::ZoneOverloaded => "zone_overloaded",
            Refusal::NoRouter => "no_router",
            Refusal::TooManyRequests => "too_many_requests",
            Refusal::BadRequest => "bad_request",
        });
    }

    /// A report to the directory was heard, or was not.
    pub fn reported(&self, heard: bool) {
        let result = if heard { "heard" } else { "failed" };
        self.directory_reports
            .get_or_create(&ByResult { result })
            .inc();
    }

    fn join(&self, result: &'static str) {
        self.joins.get_or_create(&ByResult { result }).inc();
    }

    pub fn move_ended(&self, failed: u32) {
        let result = if failed == 0 { "moved" } else { "stayed" };
        self.moves.get_or_create(&ByResult { result }).inc();
    }

    pub fn link_garbage(&self) {
        self.link_garbage.inc();
    }

    pub fn routers(&self, report: &[RouterReport]) {
        let connected = || report.iter().filter(|router| router.connected);
        let sum = |count: &dyn Fn(&RouterReport) -> u32| {
            connected().map(|router| i64::from(count(router))).sum()
        };
        self.routers.set(sum(&|_| 1));
        self.participants.set(sum(&|it| it.load.participants));
        self.capacity.set(sum(&|it| {
            let open = it.load.accepting && !it.load.draining;
            if open { it.load.capacity } else { 0 }
        }));
    }
}

/// What the two HTTPS listeners count, read when somebody asks for it. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Listeners {
    pub public: https::Counters,
    pub link: https::Counters,
}

impl Listeners {
    pub fn new(registry: &mut Registry) -> Self {
        let listeners = Self::default();
        registry.register_collector(Box::new(listeners.clone()));
        listeners
    }
}

impl Collector for Listeners {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut encoder = encoder.encode_descriptor(
            "plenum_zone_handshakes_failed",
            "Connections that sent no good TLS handshake",
            None,
            MetricType::Counter,
        )?;
        for (port, counters) in [("public", &self.public), ("link", &self.link)] {
            let port = ByPort { port };
            let encoder = encoder.encode_family(&port)?;
            ConstCounter::new(counters.garbage()).encode(encoder)?;
        }
        Ok(())
    }
}
