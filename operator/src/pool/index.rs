//! All pools, as far as they concern each other and what they run on.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::{Resource as _, ResourceExt as _};
use plenum_crds::MMRPool;

use super::outline::{Labels, NodeOutline};
use super::selection::{Selection, Selector};
use crate::cache::{Cache, Groups, Key};

/// Nodes by the pool whose active label they carry.
pub(super) type Nodes = Cache<NodeOutline, Key>;

/// Which pools there are, of which zone, and which nodes they select.
#[derive(Debug, Default)]
pub(super) struct PoolIndex {
    by_zone: Groups<Key>,
    selection: Mutex<Selection>,
    known: Mutex<HashMap<Key, Seen>>,
}

/// A pool as it was when it was looked at last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    uid: Option<String>,
    version: Option<String>,
    deleting: bool,
    selector: Selector,
}

/// What has to be looked at since a pool came, changed or went.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Concerned {
    /// The pool is news.
    pub itself: bool,
    /// Pools that select some of the same nodes, and may win or lose them.
    pub others: BTreeSet<Key>,
}

impl PoolIndex {
    /// The pool is this from now on, or is gone.
    pub(super) fn set(&self, key: &Key, pool: Option<&MMRPool>, nodes: &Nodes) -> Concerned {
        let new = pool.map(|pool| Seen {
            uid: pool.uid(),
            version: pool.resource_version(),
            deleting: pool.meta().deletion_timestamp.is_some(),
            selector: pool.spec.node_selector.clone(),
        });
        let old = {
            let mut known = lock(&self.known);
            match new.clone() {
                Some(new) => known.insert(key.clone(), new),
                None => known.remove(key),
            }
        };
        let versioned = new.as_ref().is_some_and(|new| new.version.is_some());
        if versioned && old == new {
            return Concerned::default();
        }
        let zone = |pool: &MMRPool| Key::new(key.namespace(), &pool.spec.zone);
        self.by_zone.set(key, pool.map(zone).into_iter().collect());
        let claim = |seen: &Option<Seen>| {
            let seen = seen.as_ref()?;
            Some((seen.uid.clone(), seen.deleting, seen.selector.clone()))
        };
        let others = if claim(&old) == claim(&new) {
            BTreeSet::new()
        } else {
            self.select(key, new.as_ref().map(|new| &new.selector), nodes)
        };
        Concerned {
            itself: true,
            others,
        }
    }

    /// The others that select what the pool selected or selects.
    fn select(&self, pool: &Key, selector: Option<&Selector>, nodes: &Nodes) -> BTreeSet<Key> {
        let mut selection = lock(&self.selection);
        let before = selection.selector(pool).cloned();
        let mut others = rivals(&selection, pool, before.as_ref(), nodes);
        selection.set_pool(pool, selector, || nodes.all());
        others.extend(rivals(&selection, pool, selector, nodes));
        others
    }

    /// A node came, changed its labels, or went.
    pub(super) fn set_node(&self, node: &Key, old: Option<&Labels>, new: Option<&Labels>) {
        if old != new {
            lock(&self.selection).set_node(node, old, new);
        }
    }

    /// Pools that select a node with these labels.
    pub(super) fn selecting(&self, labels: &Labels) -> BTreeSet<Key> {
        lock(&self.selection).pools(labels).cloned().collect()
    }

    /// The nodes that the pool selects.
    pub(super) fn selected(&self, pool: &Key) -> BTreeSet<Key> {
        let selection = lock(&self.selection);
        let selector = selection.selector(pool).into_iter();
        selector
            .flat_map(|by| selection.nodes(by))
            .cloned()
            .collect()
    }

    /// The other pools that select some of the nodes with these labels.
    pub(super) fn rivals<'a>(
        &self,
        pool: &Key,
        nodes: impl Iterator<Item = &'a Labels>,
    ) -> BTreeSet<Key> {
        let selection = lock(&self.selection);
        let mut rivals = BTreeSet::new();
        for labels in nodes {
            add_rivals(&mut rivals, &selection, pool, labels);
        }
        rivals
    }

    /// The pools of a zone.
    pub(super) fn of_zone(&self, zone: &Key) -> Vec<Key> {
        self.by_zone.members(zone)
    }

    /// Whether there is such a pool.
    pub(super) fn knows(&self, pool: &Key) -> bool {
        lock(&self.known).contains_key(pool)
    }

    /// Their names.
    pub(super) fn names(&self) -> Vec<Key> {
        lock(&self.known).keys().cloned().collect()
    }
}

/// The other pools that select nodes which this selector matches.
fn rivals(
    selection: &Selection,
    pool: &Key,
    selector: Option<&Selector>,
    nodes: &Nodes,
) -> BTreeSet<Key> {
    let matched = selector.into_iter().flat_map(|by| selection.nodes(by));
    let mut rivals = BTreeSet::new();
    for node in matched.filter_map(|key| nodes.get(key)) {
        add_rivals(&mut rivals, selection, pool, node.labels());
    }
    rivals
}

fn add_rivals(to: &mut BTreeSet<Key>, selection: &Selection, pool: &Key, labels: &Labels) {
    let others = selection.pools(labels).filter(|other| *other != pool);
    to.extend(others.cloned());
}

/// A poisoned lock only says that a holder panicked; an entry under these is replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
