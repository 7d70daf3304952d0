//! What is told of the directory's port, for people who watch it: connections that sent no good TLS
//! handshake, and from when to when the certificate holds that is shown there. After its end nobody
//! gets as far as a request that could be counted.

#[cfg(test)]
mod tests;

use std::time::Duration;

use plenum_transport::https::Counters;
use plenum_transport::tls::Identity;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the listener's counters are copied; scrapes are tens of seconds apart.
const COPY: Duration = Duration::from_secs(5);

/// What is told.
pub(super) struct Port {
    /// Counted by the listener.
    pub(super) counters: Counters,
    failed: Gauge,
    begins: Gauge,
    ends: Gauge,
}

impl Port {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let port = Self {
            counters: Counters::default(),
            failed: Gauge::default(),
            begins: Gauge::default(),
            ends: Gauge::default(),
        };
        let directory = registry.sub_registry_with_prefix("plenum_directory");
        directory.register(
            "handshakes_failed",
            "Connections that sent no good TLS handshake since the start",
            port.failed.clone(),
        );
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
        port
    }

    /// Follows what is shown, and copies what the listener counts now and then, until the end.
    pub(super) async fn follow(
        &self,
        mut shown: watch::Receiver<Identity>,
        end: &CancellationToken,
    ) {
        loop {
            self.see(&shown.borrow_and_update());
            tokio::select! {
                () = end.cancelled() => return,
                // The tick below sees what is new where the other side is gone.
                Ok(()) = shown.changed() => {}
                () = tokio::time::sleep(COPY) => {}
            }
        }
    }

    fn see(&self, shown: &Identity) {
        let failed = self.counters.garbage();
        self.failed.set(i64::try_from(failed).unwrap_or(i64::MAX));
        if let Some((begins, ends)) = shown.validity() {
            self.begins.set(begins);
            self.ends.set(ends);
        }
    }
}
