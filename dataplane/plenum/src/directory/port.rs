//! What is told of the directory's port, for people who watch it: connections that sent no good TLS
//! handshake, and from when to when the certificate holds that is shown there. After its end nobody
//! gets as far as a request that could be counted.

#[cfg(test)]
mod tests;

use std::fmt;

use plenum_transport::https::Counters;
use plenum_transport::tls::Identity;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What is told.
pub(super) struct Port {
    /// Counted by the listener.
    pub(super) counters: Counters,
    begins: Gauge,
    ends: Gauge,
}

impl Port {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let port = Self {
            counters: Counters::default(),
            begins: Gauge::default(),
            ends: Gauge::default(),
        };
        let directory = registry.sub_registry_with_prefix("plenum_directory");
        directory.register_with_unit(
            "certificate_not_before_timestamp",
            "From when on the certificate that callers see holds, since 1970",
            Unit::Seconds,
            port.begins.clone(),
        );
        directory.register_with_unit(
            "certificate_expiration_timestamp",
            "When the certificate that callers see runs out, since 1970",
            Unit::Seconds,
            port.ends.clone(),
        );
        registry.register_collector(Box::new(Handshakes(port.counters.clone())));
        port
    }

    /// Follows what is shown, until the end.
    pub(super) async fn follow(
        &self,
        mut shown: watch::Receiver<Identity>,
        end: &CancellationToken,
    ) {
        loop {
            self.see(&shown.borrow_and_update());
            tokio::select! {
                () = end.cancelled() => return,
                // Where nobody changes it any more it stays as it is.
                Ok(()) = shown.changed() => {}
            }
        }
    }

    fn see(&self, shown: &Identity) {
        if let Some((begins, ends)) = shown.validity() {
            self.begins.set(begins);
            self.ends.set(ends);
        }
    }
}

/// What the listener counts, read when somebody asks for it.
#[derive(Debug)]
struct Handshakes(Counters);

impl Collector for Handshakes {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let encoder = encoder.encode_descriptor(
            "plenum_directory_handshakes_failed",
            "Connections that sent no good TLS handshake",
            None,
            MetricType::Counter,
        )?;
        ConstCounter::new(self.0.garbage()).encode(encoder)
    }
}
