//! Follows the cluster while the story goes on, and waits for what it should come to.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::observe::{self, RouterCounts, Seen, Timeline};

/// What is seen of the cluster.
pub struct Sightings {
    timeline: Timeline,
    seen: mpsc::UnboundedReceiver<(i64, Seen)>,
    watches: JoinSet<Result<()>>,
}

impl Sightings {
    /// Starts to watch.
    pub fn start(client: &kube::Client, namespace: &str) -> Self {
        let (watches, seen) = observe::watch(client, namespace);
        Self {
            timeline: Timeline::default(),
            seen,
            watches,
        }
    }

    /// Everything seen so far.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Waits until the pool's status satisfies `is`.
    pub async fn until(
        &mut self,
        what: &str,
        limit: Duration,
        is: impl Fn(&RouterCounts) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !is(&self.timeline.now()) {
            if !self.see_one(deadline).await? {
                bail!(
                    "{what}: not within {} s; the pool's status is {:?}",
                    limit.as_secs(),
                    self.timeline.now()
                );
            }
        }
        Ok(())
    }

    /// Waits until the next drain of a node's router is over; how long it took in ms.
    pub async fn until_drained(&mut self, node: &str, limit: Duration) -> Result<i64> {
        let deadline = Instant::now() + limit;
        loop {
            let done = self
                .timeline
                .drains
                .iter()
                .rev()
                .find(|drain| drain.node == node && !drain.cancelled);
            if let Some(took) = done.and_then(|drain| drain.took_ms) {
                return Ok(took);
            }
            if !self.see_one(deadline).await? {
                bail!(
                    "the router on {node} was not drained within {} s",
                    limit.as_secs()
                );
            }
        }
    }

    /// Goes on watching for a while.
    pub async fn rest(&mut self, how_long: Duration) {
        let deadline = Instant::now() + how_long;
        while matches!(self.see_one(deadline).await, Ok(true)) {}
    }

    /// Takes one sighting; `false` at the deadline.
    async fn see_one(&mut self, deadline: Instant) -> Result<bool> {
        tokio::select! {
            seen = timeout_at(deadline, self.seen.recv()) => match seen {
                Ok(Some((at, seen))) => {
                    self.timeline.see(at, seen);
                    Ok(true)
                }
                Ok(None) => bail!("the watches ended"),
                Err(_) => Ok(false),
            },
            Some(ended) = self.watches.join_next() => {
                ended?.context("a watch of the cluster failed")?;
                bail!("a watch of the cluster ended")
            }
        }
    }
}
