//! Traces: sent by OTLP over gRPC where an endpoint is configured. Without one nothing is made.
//!
//! What is sent are spans of ours down to debug, and no events: those are logs, where the name of
//! the trace is. Spans tell zones, routers, routes and outcomes; no people, no meetings, no
//! secrets.
//!
//! Sampling and limits are the SDK's, by its standard variables: who begins a trace decides, by
//! `OTEL_TRACES_SAMPLER`; at most 2,048 spans wait to be sent (`OTEL_BSP_MAX_QUEUE_SIZE`), and
//! what comes beyond is dropped.

use anyhow::{Context as _, bail};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::{Builder, Runtime};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, LevelFilter, filter_fn};
use tracing_subscriber::registry::LookupSpan;

/// Standard variables that name the OTLP endpoint; with neither set no traces are made.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
/// Standard variable that switches everything off.
const DISABLED: &str = "OTEL_SDK_DISABLED";
/// Standard variable that says how the service is called, if not like its program.
const SERVICE: &str = "OTEL_SERVICE_NAME";
/// Where the name of this one of several is: pods are told, others have a host.
const INSTANCE: [&str; 2] = ["POD_NAME", "HOSTNAME"];
/// Crates of ours.
const OURS: &str = "plenum";
/// A span of what machines say all the time: there for logs, and in no trace.
const UNTRACED: &str = "heartbeat";

/// Keeps traces flowing; what is not yet sent is sent when it is dropped, within 5 s.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    _thread: Thread,
}

/// Where the exporter connects: no thread of anything else, so that media waits for no collector,
/// and the end of a process not for a runtime that it has stopped.
struct Thread(Option<Runtime>);

impl Traces {
    /// Those of a process, to where its environment says.
    pub(crate) fn configured(service: &'static str) -> anyhow::Result<Option<Self>> {
        if set(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let endpoint = ENDPOINTS.into_iter().find_map(set);
        endpoint
            .map(|endpoint| Self::to(service, &endpoint))
            .transpose()
    }

    /// To a collector.
    pub(crate) fn to(service: &'static str, endpoint: &str) -> anyhow::Result<Self> {
        if !endpoint.starts_with("http://") {
            bail!(wrong(endpoint));
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("traces")
            .enable_all()
            .build()
            .context("a thread for traces")?;
        let handle = runtime.handle().clone();
        let thread = Thread(Some(runtime));
        let within = handle.enter();
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .build()
            .with_context(|| wrong(endpoint))?;
        drop(within);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource(service))
            .build();
        Ok(Self {
            provider,
            _thread: thread,
        })
    }

    /// Turns spans into what is sent.
    pub(crate) fn layer<S>(&self, service: &'static str) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(service))
            // Where in the code and on which thread says nothing to who looks after a site.
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(ours())
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown() {
            eprintln!("the last traces were not sent: {error}");
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Dropped where others run it would panic, as it might wait for itself.
            runtime.shutdown_background();
        }
    }
}

fn wrong(endpoint: &str) -> String {
    format!("the collector of traces {endpoint:?}: write http://HOST:4317")
}

/// What is sent. Whatever is finer than that is then over with one comparison, in every library:
/// without the hint each of them would be asked about.
fn ours() -> FilterFn {
    filter_fn(is_ours as fn(&Metadata<'_>) -> bool).with_max_level_hint(LevelFilter::DEBUG)
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span()
        && *metadata.level() <= Level::DEBUG
        && metadata.target().starts_with(OURS)
        && metadata.name() != UNTRACED
}

fn resource(service: &'static str) -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let mut resource = Resource::builder().with_attribute(version);
    if set(SERVICE).is_none() {
        resource = resource.with_service_name(service);
    }
    if let Some(instance) = INSTANCE.into_iter().find_map(set) {
        resource = resource.with_attribute(KeyValue::new("service.instance.id", instance));
    }
    resource.build()
}

/// An empty variable is one that is not set.
fn set(variable: &str) -> Option<String> {
    std::env::var(variable)
        .ok()
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::Filter;

    use super::*;

    #[test]
    fn what_is_finer_than_traces_costs_one_comparison() {
        let hint = Filter::<Registry>::max_level_hint(&ours());
        assert_eq!(hint, Some(LevelFilter::DEBUG));
    }
}
