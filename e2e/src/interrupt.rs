//! Being told to stop.

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

/// Returns when a person presses Ctrl-C, closes the terminal, or somebody sends SIGTERM.
///
/// From the first call on these signals no longer end the process by themselves.
pub(crate) async fn interrupted() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}
