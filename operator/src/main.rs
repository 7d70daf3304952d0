//! `plenum-operator`: keeps `MeetingZone` and `MMRPool` resources.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use kube::Config;
use plenum_operator::context::{Context, Image};
use plenum_operator::environment::Variable;
use plenum_operator::lease::Candidate;
use plenum_operator::metrics::Metrics;
use plenum_operator::{health, pool, requests, term, zone};
use plenum_telemetry::Format;
use tokio_util::sync::CancellationToken;

/// Makes the cluster what `MeetingZone` and `MMRPool` resources say. Replicas elect a leader;
/// the others wait. Logs go to standard error, filtered by `RUST_LOG`; traces go to
/// `OTEL_EXPORTER_OTLP_ENDPOINT` where it is set.
#[derive(Parser)]
#[command(name = "plenum-operator", version)]
struct Arguments {
    /// Image of zone controllers and routers where a resource names none.
    #[arg(long, env = "PLENUM_IMAGE")]
    image: String,
    /// Secrets by which zone controllers and routers pull their image, separated by commas; each
    /// has to be in the namespaces of the zones.
    #[arg(long, env = "PLENUM_PULL_SECRETS", value_delimiter = ',')]
    pull_secrets: Vec<String>,
    /// What zone controllers, tunnels and routers are told of traces and logs, as
    /// NAME=VALUE,NAME=VALUE: variables `OTEL_*`, and `PLENUM_LOG_FORMAT`. A change replaces them.
    #[arg(
        long,
        value_name = "NAME=VALUE",
        env = "PLENUM_DATA_PLANE_ENV",
        value_delimiter = ','
    )]
    data_plane_env: Vec<Variable>,
    /// Name of this pod: how it signs its Lease and its Events.
    #[arg(long, env = "POD_NAME")]
    pod_name: String,
    /// Namespace of this pod, where the Lease is.
    #[arg(long, env = "POD_NAMESPACE")]
    pod_namespace: String,
    /// Name of the Lease that replicas compete for, in this namespace.
    #[arg(long, env = "LEASE_NAME", default_value = "plenum-operator")]
    lease: String,
    /// Where /livez, /readyz and /metrics are served; [::] is IPv4 as well, and IPv4 alone where
    /// there is no IPv6.
    #[arg(long, env = "PLENUM_HEALTH", default_value = "[::]:8081")]
    health: SocketAddr,
    /// How log lines look, json or text.
    #[arg(
        long,
        value_name = "FORMAT",
        env = "PLENUM_LOG_FORMAT",
        default_value = "json"
    )]
    log_format: Format,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let _traces = plenum_telemetry::init("plenum-operator", arguments.log_format)?;
    let stop = plenum_telemetry::on_signal()?;
    // One provider of cryptography in the whole workspace; kube asks for the default one.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a provider of cryptography was installed before"))?;
    let metrics = Arc::new(Metrics::default());
    let config = Config::infer()
        .await
        .context("no Kubernetes API: run in a cluster, or point KUBECONFIG to one")?;
    let client = requests::client(config, metrics.clone())
        .context("the configuration of the Kubernetes API does not work")?;
    let health = tokio::spawn(serve_health(
        arguments.health,
        metrics.clone(),
        stop.clone(),
    ));

    let Arguments {
        image,
        pull_secrets,
        data_plane_env,
        pod_name,
        pod_namespace,
        lease,
        ..
    } = arguments;
    let candidate = Candidate::new(client.clone(), &pod_namespace, &lease, &pod_name);
    let image = Image {
        name: image,
        pull_secrets,
        environment: data_plane_env,
    };
    let context = Context::new(client, candidate.fence(), metrics, &pod_name, image);
    candidate
        .lead(&stop, |term| control(context.clone(), term))
        .await;
    stop.cancel();
    health.await.context("health server")?
}

/// All controllers, for as long as this replica leads. One that ends by itself takes the other
/// with it: half an operator helps nobody.
async fn control(context: Context, term: CancellationToken) {
    let metrics = context.metrics.clone();
    let zones = zone::run(context.clone(), term.clone());
    let pools = pool::run(context, term.clone());
    tokio::join!(
        term::controller("zone", zones, &term, &metrics),
        term::controller("pool", pools, &term, &metrics),
    );
}

async fn serve_health(
    address: SocketAddr,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let served = health::serve(address, metrics, stop.clone()).await;
    // Without it nobody could see whether this process lives.
    stop.cancel();
    served.with_context(|| format!("cannot serve health and metrics on {address}"))
}
