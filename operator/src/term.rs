//! What runs in a term: controllers, each in a task of its own.

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::metrics::Metrics;

/// Runs a controller until it ends, and then ends the term. One that ends while the term lasts
/// is counted: it panicked, or what it watches ended.
///
/// A task of its own, as a long reconcile must not keep the Lease from being renewed. It is
/// aborted when this future is dropped: nothing of a term that is over goes on.
pub async fn controller(
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
    term: &CancellationToken,
    metrics: &Metrics,
) {
    let result = AbortOnDropHandle::new(tokio::spawn(work)).await;
    if !term.is_cancelled() {
        metrics.controller_ended(name);
    }
    term.cancel();
    if let Err(error) = result {
        tracing::error!(controller = name, %error, "controller failed");
    }
}
