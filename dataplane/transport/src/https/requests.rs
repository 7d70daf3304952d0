//! Whether a connection is used.

use tokio::sync::watch;
use tokio::time::timeout;

use super::IDLE_TIMEOUT;
use crate::HANDSHAKE_TIMEOUT;

/// How many requests run on a connection. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests(watch::Sender<usize>);

/// A request that runs until this is dropped.
#[derive(Debug)]
pub(super) struct Running(watch::Sender<usize>);

impl Requests {
    pub(super) fn begin(&self) -> Running {
        self.0.send_modify(|running| *running += 1);
        Running(self.0.clone())
    }

    /// Ends when none has begun within [`HANDSHAKE_TIMEOUT`], or none has run for
    /// [`IDLE_TIMEOUT`]. HTTP/1 has its own limits, but none for a peer that does not read;
    /// HTTP/2 would wait for ever.
    pub(super) async fn none(&self) {
        let mut running = self.0.subscribe();
        let mut patience = HANDSHAKE_TIMEOUT;
        loop {
            let changed = timeout(patience, running.changed()).await;
            if changed.is_err() && *running.borrow() == 0 {
                return;
            }
            patience = IDLE_TIMEOUT;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}
