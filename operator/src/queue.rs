//! Objects that wait to be looked at, each once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::sync::Notify;

use crate::cache::Key;
use crate::metrics::Metrics;

/// What is asked for within this time of the first is handed on together: the events of one
/// cause (a node and its pod, a list) come in bursts. Not a pause after the last, which a storm
/// of events would put off for ever.
const TOGETHER: Duration = Duration::from_millis(20);

/// The queue of one controller. It is as long as there are objects at most. Its clones are the
/// same one.
#[derive(Clone)]
pub struct Queue {
    controller: &'static str,
    waiting: Arc<Mutex<BTreeSet<Key>>>,
    arrived: Arc<Notify>,
    metrics: Arc<Metrics>,
}

impl Queue {
    /// An empty one.
    #[must_use]
    pub fn new(controller: &'static str, metrics: Arc<Metrics>) -> Self {
        Self {
            controller,
            waiting: Arc::default(),
            arrived: Arc::default(),
            metrics,
        }
    }

    /// Asks for a look at this object.
    pub fn push(&self, key: Key) {
        self.metrics.asked(self.controller, &key);
        self.lock().insert(key);
        self.arrived.notify_one();
    }

    /// What is to be looked at. Never ends; for one reader.
    pub fn due(self) -> impl Stream<Item = Key> + Send + 'static {
        let batches = stream::unfold(self, |queue| async move {
            loop {
                queue.arrived.notified().await;
                tokio::time::sleep(TOGETHER).await;
                let batch = std::mem::take(&mut *queue.lock());
                // One that came in the pause is in this batch, and woke us once more for it.
                if !batch.is_empty() {
                    return Some((stream::iter(batch), queue));
                }
            }
        });
        batches.flatten()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<Key>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_one_look_and_nothing_is_lost() {
        let queue = Queue::new("pool", Arc::default());
        let mut due = Box::pin(queue.clone().due());
        let (a, b) = (Key::new("n", "a"), Key::new("n", "b"));
        for _ in 0..1_000 {
            queue.push(b.clone());
            queue.push(a.clone());
        }
        let burst = [due.next().await.unwrap(), due.next().await.unwrap()];
        assert_eq!(burst, [a.clone(), b]);
        let nothing = tokio::time::timeout(Duration::from_mins(1), due.next());
        assert!(nothing.await.is_err());
        queue.push(a.clone());
        assert_eq!(due.next().await, Some(a));
    }
}
