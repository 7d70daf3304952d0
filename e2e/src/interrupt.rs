//! Being told to stop.

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for Ctrl-C, a closed terminal and SIGTERM from the moment it is made.
///
/// From then on these signals no longer end the process by themselves, even when it is dropped.
pub(crate) struct Interrupt {
    ctrl_c: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interrupt {
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {
            ctrl_c: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns once one of the signals has arrived, even before this was called.
    pub(crate) async fn arrived(&mut self) {
        tokio::select! {
            _ = self.ctrl_c.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
