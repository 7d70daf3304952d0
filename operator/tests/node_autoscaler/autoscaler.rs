//! Node autoscalers by their published rules.
//!
//! Cluster Autoscaler (its FAQ): pending pods bring nodes of a group that they would fit on. A
//! node is unneeded while it carries nothing but `DaemonSet` pods and pods that fit elsewhere,
//! and not for ten minutes after the last node was added; unneeded for ten minutes it gets the
//! taint `ToBeDeletedByClusterAutoscaler` and is deleted seconds later (`--node-delete-delay-after-taint`);
//! empty nodes go in bulk. The annotation `scale-down-disabled` keeps a node from being found
//! unneeded.
//!
//! Karpenter (its disruption concepts): pending pods bring nodes. A node that is empty but for
//! `DaemonSet` pods, or whose pods fit elsewhere, is a candidate after `consolidateAfter`, is
//! looked at again 15 s later, gets the taint `karpenter.sh/disrupted` and is deleted.
//! `do-not-disrupt` on a node excludes it.

use std::collections::BTreeMap;

use crate::world::{Added, World};

#[derive(Clone, Copy)]
pub struct Rules {
    /// How often it looks at the cluster.
    scan_s: i64,
    /// How long a node must not have been needed.
    unneeded_s: i64,
    /// No node goes for so long after one was added.
    after_add_s: i64,
    /// From the taint to the deletion.
    taint_s: i64,
    /// Nodes that go at once.
    bulk: usize,
    /// How long a node takes to come.
    node_s: i64,
}

impl Rules {
    pub const CLUSTER_AUTOSCALER: Self = Self {
        scan_s: 10,
        unneeded_s: 600,
        after_add_s: 600,
        taint_s: 5,
        bulk: 10,
        node_s: 120,
    };
    /// `consolidateAfter` as short as it can be, and the look 15 s later.
    pub const KARPENTER: Self = Self {
        scan_s: 10,
        unneeded_s: 15,
        after_add_s: 0,
        taint_s: 5,
        bulk: 1,
        node_s: 60,
    };
}

pub struct Autoscaler {
    rules: Rules,
    /// Whether the marks of nodes are heeded. Without, for comparison.
    marks_count: bool,
    scanned: i64,
    added: i64,
    unneeded: BTreeMap<String, i64>,
    /// Decided at the last scan, tainted at the next step: what happens in between is not seen.
    condemned: Vec<String>,
}

impl Autoscaler {
    pub fn new(rules: Rules, marks_count: bool) -> Self {
        Self {
            rules,
            marks_count,
            scanned: 0,
            added: 0,
            unneeded: BTreeMap::new(),
            condemned: Vec::new(),
        }
    }

    /// How many people were on the routers of nodes that it deleted now.
    pub fn step(&mut self, world: &mut World) -> u32 {
        let now = world.now;
        for name in self.condemned.drain(..) {
            if let Some(node) = world.nodes.get_mut(&name) {
                node.tainted.get_or_insert(now);
            }
        }
        let lost = self.delete(world);
        if now - self.scanned >= self.rules.scan_s {
            self.scanned = now;
            self.scale_up(world);
            self.scale_down(world);
        }
        lost
    }

    fn delete(&self, world: &mut World) -> u32 {
        let due = |since: i64| world.now - since >= self.rules.taint_s;
        let gone: Vec<String> = world
            .nodes
            .iter()
            .filter(|(_, node)| node.tainted.is_some_and(due))
            .map(|(name, _)| name.clone())
            .collect();
        gone.iter().map(|name| world.delete_node(name)).sum()
    }

    /// As many nodes as pods fit nowhere, without those that are on their way.
    fn scale_up(&mut self, world: &mut World) {
        let coming = world
            .nodes
            .values()
            .filter(|node| !node.ready(world.now))
            .count();
        for _ in coming..world.pending() {
            self.added = world.now;
            world.add_node(Added::ReadyAt(world.now + self.rules.node_s));
        }
    }

    fn scale_down(&mut self, world: &World) {
        let (now, rules) = (world.now, self.rules);
        let free = world.free_places();
        let unneeded = world.nodes.iter().filter(|(_, node)| {
            let kept = self.marks_count && node.protected;
            // A placeholder that fits elsewhere does not hold a node.
            let holds = node.placeholder && free == 0;
            node.ready(now) && node.tainted.is_none() && !kept && !holds
        });
        self.unneeded = unneeded
            .map(|(name, _)| {
                let since = self.unneeded.get(name).copied().unwrap_or(now);
                (name.clone(), since)
            })
            .collect();
        if now - self.added < rules.after_add_s {
            return;
        }
        let long = |since: i64| now - since >= rules.unneeded_s;
        let due = self.unneeded.iter().filter(|(_, since)| long(**since));
        let mut due: Vec<&String> = due.map(|(name, _)| name).collect();
        // Those whose pods have to go elsewhere one at a time, as each takes a place.
        due.sort_by_key(|name| world.nodes[*name].placeholder);
        let empty = due
            .iter()
            .filter(|name| !world.nodes[**name].placeholder)
            .count();
        self.condemned = due
            .into_iter()
            .take(rules.bulk.min(empty.max(1)))
            .cloned()
            .collect();
    }
}
