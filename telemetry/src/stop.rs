//! One way to stop: a token that SIGTERM or Ctrl-C cancels.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGTERM or SIGINT. A second one ends the
/// process at once, for whoever does not want to wait for a graceful end.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if first {
                tracing::info!("stopping");
                stopped.cancel();
            } else {
                // The number that shells give to a process ended by SIGINT.
                std::process::exit(130);
            }
        }
    });
    Ok(stop)
}
