//! What must hold, by the world's own knowledge and not by what the operator believes.

use jiff::Timestamp;
use plenum_crds::conditions::DrainReason;
use plenum_operator::pool::observed::{self, Coverage, Drain, Observed, Owner, Pod};
use plenum_wire::RouterId;

use crate::objects::{Ending, SimPod, Works};
use crate::world::World;

impl World {
    /// When people may be cut off.
    fn deadline(&self, node: &str, drain: Drain) -> Timestamp {
        let unheard = self.pods_on(node).all(|pod| !pod.known);
        self.deadline_if(unheard, node, drain)
    }

    /// The same, for a router that nobody heard since it runs, or one that may have been.
    fn deadline_if(&self, unheard: bool, node: &str, drain: Drain) -> Timestamp {
        let after = |from: Timestamp, takes| from.checked_add(takes).unwrap_or(Timestamp::MAX);
        let mut own = after(drain.since, self.pool.drain_deadline);
        if let Some(listened) = self.listened.filter(|_| unheard) {
            // What does not run yet cannot be heard.
            let began = self.pods_on(node).map(|pod| pod.began).max();
            let from = Self::time_of(began.map_or(listened, |began| began.max(listened)));
            own = own.min(after(from.max(drain.since), self.pool.rollout_deadline));
        }
        match self.ending {
            Some(Ending::Zone { until, gone: false }) => match drain.reason {
                DrainReason::ZoneDeleted => until,
                _ => own.min(until),
            },
            _ => own,
        }
    }

    pub fn pods_on(&self, node: &str) -> impl Iterator<Item = &SimPod> {
        self.pods.values().filter(move |pod| pod.node == node)
    }

    /// Whether people may be there, or come yet.
    pub fn check_unlabel(&self, name: &str) -> bool {
        let people = self.pods_on(name).map(|pod| pod.people).sum();
        let late = self.check_cut(name, people);
        let active = self.nodes.values().filter(|node| node.active).count();
        assert!(
            active > self.pool.min as usize || self.ending.is_some(),
            "fewer active routers than the minimum"
        );
        late || self.pods_on(name).any(|pod| pod.starts > self.now)
    }

    pub fn check_replace(&self, router: &RouterId) {
        let pod = &self.pods[router];
        assert!(pod.template != self.template, "a new pod is made anew");
        assert!(
            self.nodes[&pod.node].addressed,
            "a router is made anew that would wait for an address"
        );
        self.check_cut(&pod.node, pod.people);
        let drain = self.nodes[&pod.node].drain.unwrap();
        let born = Self::time_of(pod.born);
        let its_own = Drain {
            since: drain.since.max(born),
            ..drain
        };
        assert!(
            pod.people == 0 || self.deadline(&pod.node, its_own) <= self.time(),
            "{} people were given the time of those before them",
            pod.people
        );
    }

    /// It is said of this node's router that its time is over: nobody may be on it, but each
    /// process has the time to be heard.
    pub fn check_late(&self, node: &str) {
        let drain = self.nodes[node].drain;
        let drain = drain.expect("only draining routers are late");
        assert!(
            self.deadline_if(true, node, drain) <= self.time(),
            "the router on {node} did not have its time"
        );
    }

    fn check_cut(&self, node: &str, people: u32) -> bool {
        let drain = self.nodes[node].drain;
        let drain = drain.expect("only draining routers are taken away");
        let late = self.deadline(node, drain) <= self.time();
        assert!(people == 0 || late, "{people} people on {node} are cut off");
        late
    }

    /// A template that takes down each node that it comes to is sent to no further one when more of
    /// them died than may drain at once.
    pub fn check_stake(&self, seen: &Observed) {
        if self.template.works != Works::TakesDown || seen.view.coverage != Coverage::Complete {
            return;
        }
        let new = |router: &RouterId| {
            let pod = self.pods.get(router);
            pod.is_some_and(|pod| pod.template == self.template)
        };
        let died = |(router, pod): &(&RouterId, &Pod)| {
            let node = &seen.nodes[&pod.node];
            let ours = node.owner == Owner::Us && stays_if_alive(node);
            ours && !node.ready && new(router) && !pod.terminating
        };
        let died = seen.pods.iter().filter(died).count();
        assert!(
            died <= self.pool.max_draining as usize,
            "{died} nodes died, and another gets the same router"
        );
    }

    /// So many nodes may get a router: with those that carry one that stays, no more than are
    /// wanted, and those that a rollout takes beside them. A router that nobody ever heard stays,
    /// whoever is heard just now.
    pub fn check_label(&self, seen: &Observed, labelled: u32, wanted: u32) {
        let ours = || seen.nodes.iter().filter(|(_, it)| it.owner == Owner::Us);
        let serves = |name: &str, node: &observed::Node| {
            stays(node) && !self.is_silent_there(seen, name) && !self.waits_there(seen, name)
        };
        let there = ours().filter(|(name, node)| serves(name, node));
        let there = u32::try_from(there.count()).unwrap();
        let rolls = |drain: Drain| drain.reason == DrainReason::Rollout;
        let rolls = seen.pods.values().any(|pod| pod.outdated)
            || ours().any(|(_, node)| node.drain.is_some_and(rolls));
        let surge = match seen.view.coverage {
            Coverage::Complete if rolls => self.pool.max_draining,
            _ => 0,
        };
        assert!(
            there + labelled <= wanted + surge,
            "{labelled} nodes get a router as well as {there}, and {wanted} are wanted"
        );
        self.check_bound(seen, labelled);
    }

    /// Routers that come in the place of silent ones may fall silent too: with all that are there,
    /// but for dead nodes and silent ones that are to be empty, they are no more than the largest pool
    /// has, and as many as may drain, or are to.
    fn check_bound(&self, seen: &Observed, labelled: u32) {
        let ours = seen.nodes.iter().filter(|(_, it)| it.owner == Owner::Us);
        let carry = ours.filter(|(name, node)| {
            let silent = !stays(node) && self.is_silent_there(seen, name);
            node.ready && !silent && !self.waits_there(seen, name)
        });
        let (leave, stay): (Vec<_>, Vec<_>) = carry.partition(|(_, it)| !is_called_for(it));
        let leave = u32::try_from(leave.len()).unwrap();
        let there = u32::try_from(stay.len()).unwrap() + leave;
        let most = self.pool.max + self.pool.max_draining.max(leave);
        assert!(
            there + labelled <= most,
            "{labelled} nodes get a router as well as {there}, and no more than {most} may"
        );
    }

    /// Its router has no address to announce, or had the time of a new one and nobody ever heard it.
    fn waits_there(&self, seen: &Observed, name: &str) -> bool {
        let mut there = seen.pods.iter().filter(|(_, pod)| pod.node == name);
        let serves = |(router, pod): (&RouterId, &Pod)| {
            let late = !pod.said.heard && self.is_missed_for_long(router);
            pod.announced.is_some() && !pod.terminating && !late
        };
        seen.nodes[name].no_address().is_some() && !there.any(serves)
    }

    /// The router there was heard, and missed for long.
    fn is_silent_there(&self, seen: &Observed, node: &str) -> bool {
        let heard =
            |router: &RouterId, pod: &Pod| pod.said.heard || seen.view.routers.contains_key(router);
        let mut there = seen.pods.iter().filter(|(_, pod)| pod.node == node);
        there.any(|(router, pod)| heard(router, pod) && self.is_missed_for_long(router))
    }

    pub fn draining(&self) -> impl Iterator<Item = (&str, Drain)> {
        let active = self.nodes.iter().filter(|(_, node)| node.active);
        active.filter_map(|(name, node)| Some((name.as_str(), node.drain?)))
    }

    pub fn check(&self) {
        // The mark of a rollout stays while its new router is waited for, and nobody leaves that.
        let stays = |pod: &SimPod| pod.template == self.template || !pod.known;
        let empties = |(name, drain): &(&str, Drain)| {
            drain.reason != DrainReason::Rollout || !self.pods_on(name).all(stays)
        };
        let draining = self.draining().filter(empties).count();
        assert!(
            draining <= self.pool.max_draining as usize || self.ending.is_some(),
            "{draining} drain at once"
        );
    }
}

/// Nobody wants it empty.
pub fn is_called_for(node: &observed::Node) -> bool {
    node.selected && node.schedulable && !node.drain_requested
}

/// Its router is there to stay, or comes back.
fn stays(node: &observed::Node) -> bool {
    node.ready && stays_if_alive(node)
}

fn stays_if_alive(node: &observed::Node) -> bool {
    let mark = node.drain.map(|drain| drain.reason);
    is_called_for(node) && matches!(mark, None | Some(DrainReason::Rollout))
}
