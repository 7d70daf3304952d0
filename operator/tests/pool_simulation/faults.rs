//! What goes wrong, and what people do meanwhile.

use jiff::{SignedDuration, Timestamp};
use plenum_crds::conditions::DrainReason;
use plenum_wire::RouterId;

use crate::objects::{Dies, Ending, SimNode, SimPod, Template, Works};
use crate::world::World;

/// A small generator (xorshift64*), so that a seed is all that a run depends on.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }

    /// True so often in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

impl World {
    pub fn faults(&mut self) {
        if self.rng.chance(20) {
            self.change_load();
        }
        let names: Vec<String> = self.nodes.keys().cloned().collect();
        let any = usize::try_from(self.rng.below(names.len() as u64)).unwrap();
        let node = self.nodes.get_mut(&names[any]).unwrap();
        if self.rng.chance(12) {
            node.schedulable = !node.schedulable;
            node.version += 1;
        }
        if self.rng.chance(6) || (!node.selected && self.rng.chance(10)) {
            node.selected = !node.selected;
            node.version += 1;
        }
        if self.rng.chance(4) || (node.requested && self.rng.chance(20)) {
            node.requested = !node.requested;
            node.version += 1;
        }
        if self.rng.chance(4) || (!node.alive && self.rng.chance(100)) {
            node.alive = !node.alive;
        }
        if self.addresses && self.rng.chance(30) {
            node.addressed = !node.addressed;
        }
        if self.rng.chance(2) {
            node.protected = false;
            node.version += 1;
        }
        if let Some(drain) = &mut node.drain
            && self.rng.chance(5)
        {
            // Somebody writes nonsense over the time.
            drain.since = Timestamp::MAX;
            node.version += 1;
        }
        if self.rng.chance(4) {
            let works = match self.rng.below(6) {
                // In turns, so that the other templates of a seed stay what they were.
                0 if self.template.version.is_multiple_of(2) => Works::NeverScheduled,
                0 => Works::NeverStarts,
                1 if self.template.version.is_multiple_of(2) => Works::Crashes,
                1 => Works::TakesDown,
                2 => Works::Mute,
                _ => Works::Yes,
            };
            self.change_template(works);
        }
        if self.rng.chance(4) {
            self.pool.rollout_paused = !self.pool.rollout_paused;
        }
        let stopped = self.rng.chance(3);
        if stopped && let Some(last) = self.pods.keys().next_back().cloned() {
            // Somebody deletes a pod: it is told to stop, and its people go elsewhere.
            self.stop(&last);
        }
        if self.deafens {
            self.trouble_a_router();
        }
        self.meet();
        self.announce_meetings();
        if self.addresses {
            self.lose_an_address();
        }
        // Where routers are to be missed for long, controllers are heard most of the time.
        let (breaks, mends) = if self.deafens { (2, 50) } else { (10, 0) };
        for controller in self.controllers.values_mut() {
            let often = |fine: bool| if fine { breaks } else { breaks + mends };
            if self.rng.chance(often(controller.linked)) {
                controller.linked = !controller.linked;
                controller.orders = None;
            }
            if self.rng.chance(often(controller.hears)) {
                controller.hears = !controller.hears;
            }
            if self.rng.chance(3) {
                controller.knows.clear();
                controller.told.clear();
            }
        }
        let lies = self.rng.chance(15);
        if let Some(liar) = self.controllers.values_mut().next().filter(|_| lies) {
            liar.lies = !liar.lies;
        }
    }

    /// A router loses its way to every controller, or to one, or finds it again; its people stay. Or
    /// its process ends, and begins anew.
    fn trouble_a_router(&mut self) {
        let routers: Vec<RouterId> = self.pods.keys().cloned().collect();
        let Some(last) = routers.len().checked_sub(1) else {
            return;
        };
        let any = usize::try_from(self.rng.below(last as u64 + 1)).unwrap();
        if self.rng.chance(10) {
            let one = self.halves && self.rng.chance(500);
            let any_one = usize::from(one && self.rng.chance(500));
            let names = self.controllers.keys().skip(any_one);
            let pod = self.pods.get_mut(&routers[any]).unwrap();
            if pod.deaf_to.is_empty() {
                let most = if one { 1 } else { usize::MAX };
                pod.deaf_to = names.take(most).cloned().collect();
            } else {
                pod.deaf_to.clear();
            }
        }
        let runs = self.runs(&self.pods[&routers[any]]);
        if runs && self.rng.chance(5) {
            self.restart(&routers[any]);
        }
    }

    /// A node loses its address just as it gets a router, before that is told of it.
    fn lose_an_address(&mut self) {
        let gets_one =
            |name: &String, node: &SimNode| node.active && self.pods_on(name).next().is_none();
        let found = self.nodes.iter().find(|(name, node)| gets_one(name, node));
        let found = found.map(|(name, _)| name.clone());
        if let Some(name) = found.filter(|_| self.rng.chance(700)) {
            self.nodes.get_mut(&name).unwrap().addressed = false;
        }
    }

    /// All faults end, but that some nodes have no address; who gave a template that does not work
    /// gives one that does, and who announces meetings one more.
    pub fn heal(&mut self) {
        if self.template.works != Works::Yes {
            self.change_template(Works::Yes);
        }
        (self.pool.rollout_paused, self.mutes) = (false, false);
        self.announce_one_more();
        for node in self.nodes.values_mut() {
            (node.schedulable, node.selected, node.alive) = (true, true, true);
            node.requested = false;
            node.version += 1;
            node.addressed |= !(self.addresses && self.rng.chance(500));
        }
        for pod in self.pods.values_mut() {
            pod.deaf_to.clear();
            if pod.template.works == Works::TakesDown {
                pod.starts = i64::MAX;
            }
        }
        for controller in self.controllers.values_mut() {
            (controller.linked, controller.hears, controller.lies) = (true, true, false);
        }
    }

    /// All is well but for one more rollout, in which a node dies, and stays so.
    pub fn strike(&mut self, dies: Dies) {
        self.change_template(Works::Yes);
        self.dies = Some(dies);
    }

    /// The first node of that rollout: who was on it goes elsewhere, and in the end controllers
    /// forget it.
    pub fn let_a_node_die(&mut self) {
        let Some(dies) = self.dies else {
            return;
        };
        let rolls = |name: &str, node: &SimNode| {
            let new = |pod: &SimPod| pod.template == self.template;
            let mut there = self.pods.values().filter(|pod| pod.node == name);
            node.drain
                .is_some_and(|it| it.reason == DrainReason::Rollout)
                && there.any(|pod| new(pod) == (dies == Dies::After))
        };
        let found = self.nodes.iter().find(|(name, node)| rolls(name, node));
        let Some(name) = found.map(|(name, _)| name.clone()) else {
            return;
        };
        self.dies = None;
        self.nodes.get_mut(&name).unwrap().alive = false;
        for (router, pod) in self.pods.iter_mut().filter(|(_, pod)| pod.node == name) {
            pod.people = 0;
            for controller in self.controllers.values_mut() {
                controller.knows.remove(router);
            }
        }
    }

    /// Each new router of such a template does so once: a node that comes back stays, and nothing of the
    /// router starts there any more.
    pub fn let_nodes_be_taken_down(&mut self) {
        let now = self.now;
        let starts = |pod: &&mut SimPod| {
            let it_does = pod.template.works == Works::TakesDown;
            it_does && pod.starts <= now && pod.gone.is_none()
        };
        for pod in self.pods.values_mut().filter(starts) {
            let node = self.nodes.get_mut(&pod.node).unwrap();
            if std::mem::take(&mut node.alive) {
                pod.starts = i64::MAX;
            }
        }
    }

    fn change_template(&mut self, works: Works) {
        self.template = Template {
            version: self.template.version + 1,
            works,
        };
    }

    /// Somebody deletes the pool, or its zone.
    pub fn delete(&mut self) {
        let seconds = [0, 30, 1_000][usize::try_from(self.rng.below(3)).unwrap()];
        let until = self.time() + SignedDuration::from_secs(seconds);
        self.ending = Some(match self.rng.below(2) {
            0 => Ending::Pool,
            _ => Ending::Zone { until, gone: false },
        });
    }

    /// The zone goes when its routers are gone or late, and its controllers with it. One
    /// whose finalizer somebody takes off goes as soon as a router was told of it.
    pub fn end_zone(&mut self) {
        let Some(Ending::Zone { until, gone: false }) = self.ending else {
            return;
        };
        let told = |node: &SimNode| {
            let drain = node.drain.filter(|_| node.active);
            drain.is_some_and(|drain| drain.reason == DrainReason::ZoneDeleted)
        };
        let drained = !self.nodes.values().any(|node| node.active);
        let margin = SignedDuration::from_secs(30);
        let late = self.time() >= until + margin;
        let torn = self.rng.chance(2) && self.nodes.values().any(told);
        if drained || late || torn {
            self.ending = Some(Ending::Zone { until, gone: true });
            self.controllers.clear();
            self.heard.clear();
        }
    }
}
