//! When a drain may begin, by the world's own knowledge.

use jiff::SignedDuration;
use plenum_crds::conditions::DrainReason;
use plenum_operator::pool::observed::Drain;
use plenum_wire::RouterId;

use crate::missed::FRESH_MS;
use crate::objects::{SimNode, SimPod, Works};
use crate::world::World;

impl World {
    /// A drain of this node may begin, for this reason, now.
    pub fn check_drain(&self, node: &str, reason: DrainReason) {
        if self.ending.is_some() {
            return;
        }
        let before = self.nodes[node].drain.filter(|old| old.reason == reason);
        if let Some(old) = before {
            // It goes on, and from now: those who came to a router made anew get their time.
            assert!(
                reason == DrainReason::Rollout && self.was_made_since(node, old),
                "a drain began anew for the same router"
            );
            return;
        }
        assert!(self.all_is_heard(), "a drain began without reports");
        self.check_limit(node, reason);
        if reason == DrainReason::Requested {
            assert!(self.nodes[node].requested, "nobody asked for this drain");
        }
        if reason == DrainReason::Rollout {
            assert!(!self.pool.rollout_paused, "a paused rollout went on");
            assert!(
                self.nodes[node].addressed,
                "the new router on {node} would wait for an address"
            );
            assert!(
                self.is_broken(node) || !self.new_is_broken(),
                "a broken template went on rolling"
            );
        }
    }

    /// No more than may drain with this one. The new router of a rollout that had its time, and
    /// takes nobody, keeps no node from being emptied that somebody wants empty. A router that works is
    /// not rolled to a template that took as many nodes down.
    fn check_limit(&self, node: &str, reason: DrainReason) {
        let wanted_empty = !matches!(reason, DrainReason::Rollout | DrainReason::ScaleDown);
        let others = self.draining().filter(|(name, drain)| {
            *name != node && !(wanted_empty && self.is_given_up(name, *drain))
        });
        let to_work = reason == DrainReason::Rollout && !self.is_broken(node);
        let others = others.count() + if to_work { self.taken_down() } else { 0 };
        assert!(
            others < self.pool.max_draining as usize,
            "{node} drains as well as {others}"
        );
    }

    /// Its router was made anew in a rollout, and had its time to take people.
    fn is_given_up(&self, node: &str, drain: Drain) -> bool {
        let had_its_time = |pod: &SimPod| {
            let until = Self::time_of(pod.born).checked_add(self.pool.rollout_deadline);
            until.is_ok_and(|until| until <= self.time())
        };
        let mut pods = self.pods_on(node).filter(|pod| pod.gone.is_none());
        drain.reason == DrainReason::Rollout
            && pods.any(|pod| pod.template == self.template && had_its_time(pod))
    }

    /// Its router was made in this drain, as far as whole seconds tell.
    fn was_made_since(&self, node: &str, drain: Drain) -> bool {
        let second = SignedDuration::from_secs(1);
        self.pods_on(node)
            .any(|pod| Self::time_of(pod.born) + second > drain.since)
    }

    /// Whether every controller is linked, and has heard every running router just now, but for
    /// those that nobody ever heard, and those that were missed for long.
    fn all_is_heard(&self) -> bool {
        let ready: Vec<&RouterId> = self
            .pods
            .iter()
            .filter(|(_, pod)| self.runs(pod) && pod.known)
            .map(|(router, _)| router)
            .filter(|router| !self.silent.contains(*router))
            .collect();
        self.controllers.keys().all(|name| {
            self.heard.get(name).is_some_and(|(at, reports)| {
                let since = self.now - at;
                let fresh = |router: &&RouterId| {
                    reports.iter().any(|report| {
                        let age = since + i64::try_from(report.age_ms).unwrap();
                        report.router == **router && report.connected && age <= FRESH_MS
                    })
                };
                since <= FRESH_MS && ready.iter().all(fresh)
            })
        })
    }

    /// The router there never worked, or not yet, or ended and did not come back for long: nobody
    /// misses it.
    fn is_broken(&self, node: &str) -> bool {
        let left = |router: &RouterId, pod: &SimPod| !pod.known && self.is_missed_for_long(router);
        let mut there = self.pods.iter().filter(|(_, pod)| pod.node == node);
        there.all(|(router, pod)| {
            pod.template.works != Works::Yes || !pod.ever_known || left(router, pod)
        })
    }

    /// A router that is to serve was made from the template wanted now, and never will.
    fn new_is_broken(&self) -> bool {
        let rolls = |drain: Drain| drain.reason == DrainReason::Rollout;
        let living = |node: &SimNode| node.alive && node.drain.is_none_or(rolls);
        self.template.works != Works::Yes && self.with_new().any(living)
    }

    /// So many nodes died of the template wanted now, and have no mark any more that would count.
    fn taken_down(&self) -> usize {
        let died = self.with_new().filter(|it| !it.alive && it.drain.is_none());
        match self.template.works {
            Works::TakesDown => died.count(),
            _ => 0,
        }
    }

    /// The nodes that are to carry a router, and do one of the template wanted now.
    fn with_new(&self) -> impl Iterator<Item = &SimNode> {
        let new = |pod: &&SimPod| pod.template == self.template && pod.gone.is_none();
        let nodes = self.pods.values().filter(new);
        let nodes = nodes.map(|pod| &self.nodes[&pod.node]);
        nodes.filter(|it| it.active && it.selected && it.schedulable && !it.requested)
    }
}
