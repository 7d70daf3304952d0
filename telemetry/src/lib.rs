//! How a Plenum process tells what it does: structured logs on standard error, traces
//! over OTLP where an endpoint is configured.
//!
//! Used by every binary, known by no deciding crate: those use `tracing` alone.

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

mod format;
mod stop;
pub use format::{Format, name};
pub use stop::on_signal;

/// Standard variable that names the OTLP endpoint; unset means no traces are sent.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Keeps traces flowing; what is not yet sent is sent when it is dropped.
#[must_use = "traces stop when the guard is dropped"]
pub struct Guard(Option<SdkTracerProvider>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(provider) = self.0.take()
            && let Err(error) = provider.shutdown()
        {
            eprintln!("the last traces were not sent: {error}");
        }
    }
}

/// Starts logs (filtered by `RUST_LOG`, else `info`) and traces for the process.
///
/// Call it once, inside the tokio runtime when [`ENDPOINT`] may be set.
pub fn init(service: &'static str, format: Format) -> anyhow::Result<Guard> {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::Level::INFO.into())
        .from_env()
        .context("RUST_LOG: write level or target=level, separated by commas")?;
    let lines = match format {
        Format::Json => fmt::layer()
            .json()
            .event_format(format::Json)
            .with_writer(std::io::stderr)
            .boxed(),
        Format::Text => fmt::layer()
            .with_target(false)
            .with_writer(std::io::stderr)
            .boxed(),
    };
    let provider = std::env::var_os(ENDPOINT)
        .map(|_| provider(service))
        .transpose()?;
    let traces = provider
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer(service)));
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(traces)
        .try_init()
        .context("logs were started twice")?;
    Ok(Guard(provider))
}

fn provider(service: &'static str) -> anyhow::Result<SdkTracerProvider> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .build()
        .with_context(|| format!("{ENDPOINT}: write http://HOST:4317"))?;
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder().with_service_name(service).build())
        .build())
}
