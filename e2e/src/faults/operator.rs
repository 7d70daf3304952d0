//! One run of the operator, in this process and in a runtime of its own: it can be killed
//! between any two of its steps, as a process can.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use kube::Config;
use plenum_operator::context::{Context, Image};
use plenum_operator::lease::Candidate;
use plenum_operator::metrics::Metrics;
use plenum_operator::{pool, requests, zone};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

/// Where pods' image is named by nothing else.
pub const IMAGE: &str = "plenum:1";
/// The Lease that operators of a world compete for.
pub const LEASE: &str = "plenum-operator";

/// A run; dropping it kills it.
pub struct Operator {
    runtime: Option<Runtime>,
}

impl Operator {
    /// Starts one that signs as `identity`, with the Lease in `namespace`.
    pub fn start(config: Config, namespace: &str, identity: &str) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("operator")
            .enable_all()
            .build()
            .context("a runtime for an operator")?;
        let (namespace, identity) = (namespace.to_owned(), identity.to_owned());
        runtime.spawn(async move {
            if let Err(error) = operate(config, &namespace, &identity).await {
                eprintln!("an operator did not start: {error:#}");
            }
        });
        Ok(Self {
            runtime: Some(runtime),
        })
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Its tasks end where they wait; nobody is told.
            runtime.shutdown_background();
        }
    }
}

async fn operate(config: Config, namespace: &str, identity: &str) -> Result<()> {
    let metrics = Arc::new(Metrics::default());
    let client = requests::client(config, metrics.clone())?;
    let candidate = Candidate::new(client.clone(), namespace, LEASE, identity);
    let image = Image {
        name: IMAGE.to_owned(),
        ..Image::default()
    };
    let context = Context::new(client, candidate.fence(), metrics, identity, image);
    let work = |term: CancellationToken| {
        let context = context.clone();
        async move {
            tokio::join!(
                zone::run(context.clone(), term.clone()),
                pool::run(context, term)
            );
        }
    };
    candidate.lead(&CancellationToken::new(), work).await;
    Ok(())
}
