//! What is told of each zone, by the leader alone.

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::cache::Key;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByZone {
    namespace: String,
    zone: String,
}

impl From<&Key> for ByZone {
    fn from(key: &Key) -> Self {
        Self {
            namespace: key.namespace().to_owned(),
            zone: key.name().to_owned(),
        }
    }
}

/// What is told of one zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneNumbers {
    /// Whether its condition `Ready` is true.
    pub ready: bool,
    /// The certificate that clients see; `None` while there is none.
    pub certificate: Option<Life>,
}

/// From when to when a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// From then on.
    pub begins: Timestamp,
    /// It runs out then.
    pub ends: Timestamp,
}

/// The series of zones. Clones are the same series.
#[derive(Clone, Default)]
pub struct Zones {
    ready: Family<ByZone, Gauge>,
    certificate_begins: Family<ByZone, Gauge>,
    certificate_ends: Family<ByZone, Gauge>,
}

impl Zones {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "zone_ready",
            "1 while the zone's condition Ready is true",
            self.ready.clone(),
        );
        registry.register_with_unit(
            "zone_certificate_not_before_timestamp",
            "From when on the certificate that clients see holds, since 1970",
            Unit::Seconds,
            self.certificate_begins.clone(),
        );
        registry.register_with_unit(
            "zone_certificate_expiration_timestamp",
            "When the certificate that clients see runs out, since 1970",
            Unit::Seconds,
            self.certificate_ends.clone(),
        );
    }

    /// Starts a term: when what is returned is dropped, all series of zones end.
    pub fn term(&self) -> ZonesTerm {
        ZonesTerm(self.clone())
    }

    /// The state of a zone.
    pub fn see(&self, zone: &Key, numbers: ZoneNumbers) {
        let labels = ByZone::from(zone);
        let ready = self.ready.get_or_create(&labels);
        ready.set(numbers.ready.into());
        let ends = [
            (
                &self.certificate_begins,
                numbers.certificate.map(|it| it.begins),
            ),
            (
                &self.certificate_ends,
                numbers.certificate.map(|it| it.ends),
            ),
        ];
        for (family, end) in ends {
            if let Some(end) = end {
                family.get_or_create(&labels).set(end.as_second());
            } else {
                family.remove(&labels);
            }
        }
    }

    /// The zone is gone, or about to go.
    pub fn forget(&self, zone: &Key) {
        let labels = ByZone::from(zone);
        self.ready.remove(&labels);
        self.certificate_begins.remove(&labels);
        self.certificate_ends.remove(&labels);
    }
}

/// A time in which this replica leads; see [`Zones::term`].
#[must_use = "the term ends when it is dropped"]
pub struct ZonesTerm(Zones);

impl Drop for ZonesTerm {
    fn drop(&mut self) {
        self.0.ready.clear();
        self.0.certificate_begins.clear();
        self.0.certificate_ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::*;

    fn lines(metrics: &Metrics) -> Vec<String> {
        let text = metrics.text();
        let of_zones = |line: &&str| line.starts_with("plenum_operator_zone_");
        text.lines().filter(of_zones).map(str::to_owned).collect()
    }

    #[test]
    fn a_zone_says_whether_it_is_ready_and_when_its_certificate_begins_and_ends() {
        let metrics = Metrics::default();
        let zone = Key::new("n", "z");
        let mut numbers = ZoneNumbers {
            ready: false,
            certificate: Some(Life {
                begins: Timestamp::from_second(1_790_000_000).unwrap(),
                ends: Timestamp::from_second(1_800_000_000).unwrap(),
            }),
        };
        metrics.zones.see(&zone, numbers);
        let labels = r#"{namespace="n",zone="z"}"#;
        let certificate = "plenum_operator_zone_certificate";
        let expected = [
            format!("plenum_operator_zone_ready{labels} 0"),
            format!("{certificate}_not_before_timestamp_seconds{labels} 1790000000"),
            format!("{certificate}_expiration_timestamp_seconds{labels} 1800000000"),
        ];
        assert_eq!(lines(&metrics), expected);

        numbers.certificate = None;
        metrics.zones.see(&zone, numbers);
        assert_eq!(lines(&metrics), expected[..1], "no end is no end in 1970");
        metrics.zones.forget(&zone);
        assert_eq!(lines(&metrics), [""; 0]);
    }

    #[test]
    fn a_replica_that_no_longer_leads_exports_no_zones() {
        let metrics = Metrics::default();
        let term = metrics.zones.term();
        let numbers = ZoneNumbers {
            ready: true,
            certificate: Some(Life {
                begins: Timestamp::UNIX_EPOCH,
                ends: Timestamp::UNIX_EPOCH,
            }),
        };
        metrics.zones.see(&Key::new("n", "z"), numbers);
        assert_eq!(lines(&metrics).len(), 3);
        drop(term);
        assert_eq!(lines(&metrics), [""; 0]);
    }
}
