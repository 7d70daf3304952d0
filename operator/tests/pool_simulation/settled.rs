//! What is left in the end.

use plenum_crds::SpareFrom;

use crate::objects::{Ending, SimNode, SimPod};
use crate::world::{PER_ROUTER, World};

impl World {
    /// The pool was deleted, and everything is as if it had never been.
    pub fn check_gone(&self) {
        assert!(self.pods.is_empty(), "routers are left");
        let bare = |node: &SimNode| !node.active && !node.protected;
        assert!(self.nodes.values().all(bare), "nodes are left marked");
        if self.ending == Some(Ending::Pool) {
            assert!(self.finished, "the finalizer stays for ever");
        }
    }

    /// The finalizer is taken off.
    pub fn finish(&mut self) {
        assert!(self.ending == Some(Ending::Pool), "nobody deletes the pool");
        assert!(self.pods.is_empty(), "routers are left behind");
        let none = self.nodes.values().all(|node| !node.active);
        assert!(none, "labels are left behind");
        self.finished = true;
    }

    /// As many nodes as may drain at once died with a router of the template wanted now before
    /// anybody heard it.
    fn nodes_died_new(&self) -> bool {
        let died = self.pods.values().filter(|pod| {
            let node = &self.nodes[&pod.node];
            !node.alive && node.active && pod.template == self.template && !pod.ever_known
        });
        died.count() >= self.pool.max_draining as usize
    }

    /// Clients are told where a router on it is, or could be.
    fn is_reached(&self, name: &str, node: &SimNode) -> bool {
        let mut pods = self.pods.values().filter(|pod| pod.node == name);
        node.addressed || pods.any(|pod| pod.announces && pod.ever_known)
    }

    pub fn check_settled(&self) {
        let total: u32 = self.pods.values().map(|pod| pod.people).sum();
        let living: Vec<&SimNode> = self
            .nodes
            .iter()
            .filter(|(name, node)| node.alive && self.is_reached(name, node))
            .map(|(_, node)| node)
            .collect();
        let pods = || {
            let pods = self.pods.values().filter(|it| {
                let node = &self.nodes[&it.node];
                node.alive && self.is_reached(&it.node, node)
            });
            pods.filter(|it| it.announces)
        };
        let most = self.pool.max.min(u32::try_from(living.len()).unwrap());
        assert_eq!(total, self.target.min(most * PER_ROUTER), "all are served");
        // By arrivals, of which there are none any more, a tenth is kept for meetings that grow.
        let spare = match self.pool.spec.spare_from {
            SpareFrom::Spec => self.pool.spare,
            SpareFrom::Arrivals => self.pool.spare.max(total / 10),
        };
        let wanted = (total + spare)
            .div_ceil(PER_ROUTER)
            .clamp(self.pool.min.min(most), most);
        let active = living.iter().filter(|node| node.active).count();
        assert_eq!(
            active, wanted as usize,
            "the size is what the load asks for"
        );
        let kept = self.nodes.values().filter(|it| it.alive && it.active);
        let asked = (total + spare).div_ceil(PER_ROUTER);
        assert!(
            kept.count() <= asked.clamp(self.pool.min, self.pool.max) as usize,
            "no node is kept for a router that waits and would be one too many"
        );
        // With all nodes in use, people keep the routers that they are on, as they do where a new one
        // would have no address; and a template of which nodes may have died is rolled no further.
        let stays =
            |pod: &SimPod| pod.template == self.template || !self.nodes[&pod.node].addressed;
        assert!(
            wanted == most || self.nodes_died_new() || pods().all(stays),
            "the rollout came to its end"
        );
        assert!(self.nodes.values().all(|node| node.drain.is_none()));
        assert!(
            pods().all(|pod| pod.said.heard),
            "it is written of each that somebody heard it"
        );
        assert!(
            self.nodes
                .values()
                .all(|node| node.protected == node.active)
        );
    }
}
