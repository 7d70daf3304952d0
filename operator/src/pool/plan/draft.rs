//! A plan being made: what is to be written, and how the pool's nodes are once it is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use plenum_crds::conditions::DrainReason;
use plenum_wire::RouterId;

use super::members;
use super::size::Size;
use super::{Change, Marks, NodeWrite, Replaced};
use crate::pool::observed::{Drain, Observed, Owner};
use crate::pool::validate::ValidPool;

/// Less than this the clocks of two leaders differ: a drain that the last one began may lie so
/// far ahead.
const CLOCKS_DIFFER: Duration = Duration::from_mins(1);

/// A plan being made.
pub(super) struct Draft<'a> {
    pub pool: &'a ValidPool,
    pub seen: &'a Observed,
    pub now: Timestamp,
    pub writes: BTreeMap<String, NodeWrite>,
    pub replace: BTreeMap<RouterId, Replaced>,
    /// Nodes of the pool once the writes are done, with their drains.
    pub active: BTreeMap<String, Option<Drain>>,
    /// When something may be decided that cannot be now.
    pub moments: Vec<Timestamp>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(pool: &'a ValidPool, seen: &'a Observed, now: Timestamp) -> Self {
        let active = members::labelled(seen)
            .map(|(name, node)| (name.clone(), node.drain))
            .collect();
        Self {
            pool,
            seen,
            now,
            writes: BTreeMap::new(),
            replace: BTreeMap::new(),
            active,
            moments: Vec::new(),
        }
    }

    pub(super) fn write(&mut self, node: &str, marks: Marks, change: Change) {
        match &marks {
            Marks::Active(drain) => self.active.insert(node.to_owned(), *drain),
            Marks::Bare => self.active.remove(node),
        };
        let write = NodeWrite { marks, change };
        self.writes.insert(node.to_owned(), write);
    }

    pub(super) fn start_drain(&mut self, node: &str, reason: DrainReason) {
        let drain = Drain {
            since: self.to_the_millisecond(),
            reason,
        };
        self.write(node, Marks::Active(Some(drain)), Change::StartDrain(reason));
    }

    pub(super) fn cancel_drain(&mut self, node: &str) {
        self.write(node, Marks::Active(None), Change::CancelDrain);
    }

    /// Marks that others took off or wrote something else into, or that were left when somebody
    /// removed the label by hand.
    pub(super) fn repair(&mut self, ending: Option<DrainReason>) {
        let seen = self.seen;
        for (name, node) in &seen.nodes {
            match node.owner {
                Owner::Us => {
                    let drain = node.drain.map(|drain| self.begun(drain, ending));
                    if !node.protected || drain != node.drain {
                        self.write(name, Marks::Active(drain), Change::Repair);
                    }
                }
                Owner::Nobody
                    if (node.protected || node.drain.is_some())
                        && members::pods_on(seen, name).next().is_none() =>
                {
                    self.write(name, Marks::Bare, Change::Repair);
                }
                _ => {}
            }
        }
    }

    /// A drain that is yet to begin, by what somebody wrote over it or because nobody can read
    /// it, would never end: it begins now, and for what ends everything, if anything does: the last
    /// one tells of a zone that is gone.
    fn begun(&self, drain: Drain, ending: Option<DrainReason>) -> Drain {
        let latest = self.now.checked_add(CLOCKS_DIFFER).unwrap_or(self.now);
        if drain.since <= latest {
            return drain;
        }
        Drain {
            since: self.to_the_millisecond(),
            reason: ending.unwrap_or(drain.reason),
        }
    }

    /// Now, as it is written: finer than a second, as reports are compared with it.
    fn to_the_millisecond(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now.as_millisecond()).unwrap_or(self.now)
    }

    pub(super) fn draining_routers(&self) -> BTreeSet<RouterId> {
        self.seen
            .pods
            .iter()
            .filter(|(_, pod)| match self.active.get(&pod.node) {
                // The new pod of a rollout is there to stay.
                Some(Some(drain)) => drain.reason != DrainReason::Rollout || pod.outdated,
                Some(None) => pod.terminating,
                // Its label is off, and it is about to be stopped: until it is gone nobody
                // may be sent there again.
                None => true,
            })
            .map(|(router, _)| router.clone())
            .collect()
    }

    pub(super) fn finished(&self) -> bool {
        self.seen.pool_deleting && self.active.is_empty() && self.seen.pods.is_empty()
    }

    pub(super) fn look_again(&self, size: &Size) -> Option<Timestamp> {
        self.moments
            .iter()
            .copied()
            .chain(size.look_again)
            .filter(|at| *at > self.now)
            .min()
    }
}
