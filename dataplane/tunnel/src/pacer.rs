//! [`Shares`] for many tasks, with a clock.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, oneshot};
use tokio::time::sleep_until;

use crate::shares::{Number, Shares, Turn};

/// Lets bytes pass in fair shares. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Pacer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// Somebody has begun to wait.
    waits: Notify,
}

#[derive(Debug)]
struct State {
    shares: Shares,
    waiting: BTreeMap<Turn, oneshot::Sender<()>>,
}

/// A place in the queue, given up when dropped.
struct Waiting<'a> {
    pacer: &'a Pacer,
    turn: Turn,
}

impl Pacer {
    pub(crate) fn new(rate: NonZeroU64) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::new(State {
                shares: Shares::new(rate),
                waiting: BTreeMap::new(),
            }),
            waits: Notify::new(),
        }))
    }

    /// Waits until so many bytes of this client may pass; tells whether it had to.
    pub(crate) async fn pass(&self, client: Number, bytes: u32) -> bool {
        let (turn, go) = {
            let mut state = self.state();
            let Some(turn) = state.shares.ask(client, bytes, Instant::now()) else {
                return false;
            };
            let (sender, go) = oneshot::channel();
            state.waiting.insert(turn, sender);
            (turn, go)
        };
        self.0.waits.notify_one();
        let waiting = Waiting { pacer: self, turn };
        // The sender is dropped only with the pacer.
        let _ = go.await;
        drop(waiting);
        true
    }

    /// Gives out the turns; for ever.
    pub(crate) async fn run(self) {
        loop {
            match self.give_out() {
                None => self.0.waits.notified().await,
                Some(at) => tokio::select! {
                    () = sleep_until(at.into()) => {}
                    () = self.0.waits.notified() => {}
                },
            }
        }
    }

    fn give_out(&self) -> Option<Instant> {
        let mut state = self.state();
        while let Some(turn) = state.shares.poll(Instant::now()) {
            if let Some(waiting) = state.waiting.remove(&turn) {
                // Who has just given up loses a turn.
                let _ = waiting.send(());
            }
        }
        state.shares.next_timeout()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.pacer.state();
        if state.waiting.remove(&self.turn).is_some() {
            state.shares.forget(self.turn);
        }
    }
}
