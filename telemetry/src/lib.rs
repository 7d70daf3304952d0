//! How a Plenum process tells what it does: structured logs on standard error, traces
//! over OTLP where an endpoint is configured.
//!
//! Used by every binary, known by no deciding crate: those use `tracing` alone.

use anyhow::Context as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

mod format;
mod stop;
mod traces;
pub use format::{Format, name};
pub use stop::on_signal;
use traces::Traces;

/// Keeps traces flowing; what is not yet sent is sent when it is dropped.
#[must_use = "traces stop when the guard is dropped"]
pub struct Guard(
    // Dropped, and nothing else is done with it.
    #[expect(dead_code, reason = "dropping it is its use")] Option<Traces>,
);

/// Starts logs (filtered by `RUST_LOG`, else `info`) and traces for the process; those go where
/// `OTEL_EXPORTER_OTLP_ENDPOINT` says, and are not made where it says nothing.
///
/// Call it once.
pub fn init(service: &'static str, format: Format) -> anyhow::Result<Guard> {
    start(service, format, Traces::configured(service)?)
}

/// The same with traces to this collector, whatever the environment says.
pub fn init_with_traces(
    service: &'static str,
    format: Format,
    endpoint: &str,
) -> anyhow::Result<Guard> {
    start(service, format, Some(Traces::to(service, endpoint)?))
}

type Part = Box<dyn Layer<Registry> + Send + Sync>;

fn start(service: &'static str, format: Format, traces: Option<Traces>) -> anyhow::Result<Guard> {
    // Logs and traces each by their own: a trace is whole, however few logs are wanted.
    let mut parts = vec![lines(format)?];
    parts.extend(
        traces
            .as_ref()
            .map(|traces| -> Part { Box::new(traces.layer(service)) }),
    );
    tracing_subscriber::registry()
        .with(parts)
        .try_init()
        .context("logs were started twice")?;
    Ok(Guard(traces))
}

fn lines(format: Format) -> anyhow::Result<Part> {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::Level::INFO.into())
        .from_env()
        .context("RUST_LOG: write level or target=level, separated by commas")?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    Ok(match format {
        Format::Json => lines
            .json()
            .event_format(format::Json)
            .with_filter(filter)
            .boxed(),
        Format::Text => lines.with_target(false).with_filter(filter).boxed(),
    })
}
