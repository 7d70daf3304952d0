//! What the operator wants: which routers shall be empty.
//!
//! An operator's words count for as long as its link is open. When it is gone, every router
//! goes on as it was told last, and its own word counts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use plenum_wire::{PoolName, RouterId};

use crate::{Broker, Link};

/// The latest word on each pool, and who said it.
#[derive(Debug, Default)]
pub struct Words(BTreeMap<PoolName, (Link, BTreeSet<RouterId>)>);

impl Words {
    /// Whether a router shall be empty; `None` when no operator has spoken for its pool.
    pub fn wanted(&self, pool: &PoolName, router: &RouterId) -> Option<bool> {
        let (_, draining) = self.0.get(pool)?;
        Some(draining.contains(router))
    }

    /// Takes a word, unless a newer link has spoken for the pool.
    fn hear(&mut self, link: Link, pool: &PoolName, draining: BTreeSet<RouterId>) -> bool {
        if self.0.get(pool).is_some_and(|(newer, _)| *newer > link) {
            return false;
        }
        self.0.insert(pool.clone(), (link, draining));
        true
    }

    /// Forgets what was said on a link.
    fn drop_link(&mut self, link: Link) {
        self.0.retain(|_, (said_on, _)| *said_on != link);
    }
}

impl Broker {
    pub(crate) fn operator_word(
        &mut self,
        link: Link,
        pool: &PoolName,
        draining: BTreeSet<RouterId>,
        now: Instant,
    ) {
        if !self.words.hear(link, pool, draining) {
            return;
        }
        let mut changed = Vec::new();
        for (name, router) in self.routers.iter_mut().filter(|(_, it)| it.pool == *pool) {
            let wanted = self.words.wanted(pool, name);
            if router.wanted != wanted {
                router.wanted = wanted;
                changed.push(name.clone());
            }
        }
        for router in changed {
            self.remind(&router, now);
            self.drain(&router, now);
        }
    }

    pub(crate) fn operator_gone(&mut self, link: Link) {
        self.words.drop_link(link);
        for (name, router) in self.routers.iter_mut() {
            router.wanted = self.words.wanted(&router.pool, name);
        }
    }
}
