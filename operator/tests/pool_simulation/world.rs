//! Nodes, routers, and people.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use jiff::Timestamp;
use plenum_crds::{MMRPool, MMRPoolSpec, SpareFrom};
use plenum_operator::pool::observed::Said;
use plenum_operator::pool::plan::Marks;
use plenum_operator::pool::validate::{ValidPool, validate};
use plenum_wire::RouterId;
use plenum_wire::directory::Expected;
use plenum_wire::link::RouterReport;

use crate::announced::Announced;
use crate::controllers::SimController;
use crate::faults::Rng;
use crate::missed::Missed;
use crate::objects::{Dies, Ending, SimNode, SimPod, Template, Works};

pub const PER_ROUTER: u32 = 20;

// What a seed does or leaves is independent, and so is read by itself.
#[allow(clippy::struct_excessive_bools)]
pub struct World {
    pub rng: Rng,
    pub pool: ValidPool,
    pub nodes: BTreeMap<String, SimNode>,
    pub pods: BTreeMap<RouterId, SimPod>,
    pub controllers: BTreeMap<String, SimController>,
    /// What the operator last got over each link.
    pub heard: BTreeMap<String, (i64, Vec<RouterReport>)>,
    /// Who is to come, as was said with that.
    pub expected: BTreeMap<String, Vec<Expected>>,
    /// Since when it got something over all of them whenever it looked.
    pub listened: Option<i64>,
    /// The routers of which it missed a word meanwhile.
    pub missed: BTreeMap<RouterId, Missed>,
    /// Those of which it need not wait for one any more.
    pub silent: BTreeSet<RouterId>,
    /// Routers lose their way to the controllers; their links to the operator seldom break.
    pub deafens: bool,
    /// Some of them lose only one, of several.
    pub halves: bool,
    /// Some routers never had that way, or find it late.
    pub mutes: bool,
    /// Routers are told where clients reach them, by what is known of their nodes, of some late, and of
    /// some not for good.
    pub addresses: bool,
    /// Some of the people are in meetings that are on one router as a whole.
    pub gathers: bool,
    /// Some meetings are announced, and the pool goes by that, and by arrivals.
    pub announced: Option<Announced>,
    /// Routers with a meeting that needs another while the pool may grow, and since when.
    pub unplaced: BTreeMap<RouterId, i64>,
    /// Routers that were seen to have one while they were emptied for the load, and when last.
    pub stuck: BTreeMap<RouterId, i64>,
    /// A node is to die for good in the next rollout, and when.
    pub dies: Option<Dies>,
    /// The one wanted now.
    pub template: Template,
    pub ending: Option<Ending>,
    /// The pool's finalizer was taken off.
    pub finished: bool,
    pub target: u32,
    /// Simulated milliseconds.
    pub now: i64,
    next: u64,
    pub epoch: Instant,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut object = MMRPool::new("p", MMRPoolSpec::new("z", [("routers", "true")]));
        object.metadata.namespace = Some("n".into());
        object.spec.participants_per_router = PER_ROUTER;
        object.spec.spare_participants = 5;
        object.spec.min_routers = 1 + u32::try_from(rng.below(2)).unwrap();
        object.spec.max_routers = 6;
        object.spec.scale_down_delay_seconds = 10;
        object.spec.move_pause_seconds = 60;
        object.spec.max_draining = 1 + u32::try_from(rng.below(2)).unwrap();
        object.spec.drain_deadline_seconds = 120;
        object.spec.rollout_deadline_seconds = 30;
        let announced = (seed % 8 == 3).then(|| Announced::new(seed));
        if announced.is_some() {
            object.spec.spare_from = SpareFrom::Arrivals;
        }
        let node = SimNode {
            version: 0,
            active: false,
            protected: false,
            drain: None,
            excused: false,
            schedulable: true,
            selected: true,
            requested: false,
            alive: true,
            addressed: true,
        };
        let controller = || SimController {
            linked: true,
            hears: true,
            ..Default::default()
        };
        let nodes = 3 + rng.below(5);
        Self {
            rng,
            pool: validate(&object).unwrap(),
            nodes: (0..nodes)
                .map(|n| (format!("n{n}"), node.clone()))
                .collect(),
            pods: BTreeMap::new(),
            controllers: (0..2).map(|n| (format!("zc-{n}"), controller())).collect(),
            heard: BTreeMap::new(),
            expected: BTreeMap::new(),
            listened: None,
            missed: BTreeMap::new(),
            silent: BTreeSet::new(),
            deafens: seed.is_multiple_of(2),
            halves: matches!(seed % 10, 0 | 8),
            mutes: seed % 6 == 2,
            addresses: seed % 7 == 3,
            gathers: seed.is_multiple_of(5),
            announced,
            unplaced: BTreeMap::new(),
            stuck: BTreeMap::new(),
            dies: None,
            template: Template {
                version: 0,
                works: Works::Yes,
            },
            ending: None,
            finished: false,
            target: 0,
            now: 0,
            next: 0,
            epoch: Instant::now(),
        }
    }

    pub fn time(&self) -> Timestamp {
        Self::time_of(self.now)
    }

    pub fn time_of(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_000_000_000_000 + ms).unwrap()
    }

    pub fn step(&mut self, ms: i64) {
        self.now += ms;
        self.end_zone();
        self.let_a_node_die();
        self.let_nodes_be_taken_down();
        self.run_daemonset();
        self.obey_orders();
        self.come_as_announced();
        self.move_people();
        self.move_meetings();
        self.report();
    }

    /// A labelled node gets a pod, whatever other labels it has; one without loses it at once,
    /// people or not.
    fn run_daemonset(&mut self) {
        let now = self.now;
        // Without a kubelet a pod that was told to stop stays.
        let alive = |pod: &SimPod| self.nodes[&pod.node].alive;
        self.pods
            .retain(|_, pod| pod.gone.is_none_or(|at| at > now || !alive(pod)));
        for pod in self.pods.values_mut() {
            let node = &self.nodes[&pod.node];
            // The DaemonSet's controller takes its time: nobody may come meanwhile.
            if !node.active && pod.gone.is_none() && self.rng.chance(300) {
                let people = pod.people;
                assert!(
                    people == 0 || node.excused,
                    "{people} people came after the unlabelling"
                );
                pod.gone = Some(now + 1_000);
                pod.people = 0;
            }
            if pod.gone.is_some() {
                pod.people = 0;
            }
        }
        for (name, node) in &self.nodes {
            if node.active && node.alive && !self.pods.values().any(|pod| pod.node == *name) {
                self.next += 1;
                let router = format!("r{}", self.next).parse().unwrap();
                let deaf = self.mutes && self.rng.chance(250);
                let pod = SimPod {
                    node: name.clone(),
                    template: self.template,
                    born: now,
                    starts: now + 1_000,
                    gone: None,
                    people: 0,
                    meetings: Vec::new(),
                    outgrown: false,
                    needs: None,
                    draining: false,
                    deaf_to: self.controllers.keys().filter(|_| deaf).cloned().collect(),
                    boot: self.next,
                    run: 0,
                    began: now,
                    told: false,
                    known: false,
                    ever_known: false,
                    said: Said::default(),
                    announces: !self.addresses,
                };
                self.pods.insert(router, pod);
            }
        }
    }

    pub fn runs(&self, pod: &SimPod) -> bool {
        matches!(pod.template.works, Works::Yes | Works::Mute)
            && pod.announces
            && pod.starts <= self.now
            && pod.gone.is_none()
            && self.nodes[&pod.node].alive
    }

    /// Its process ends, with everybody on it, and another begins in a moment.
    pub fn restart(&mut self, router: &RouterId) {
        self.next += 1;
        let (boot, starts) = (self.next, self.now + 1_000);
        if let Some(pod) = self.pods.get_mut(router) {
            (pod.boot, pod.starts) = (boot, starts);
            (pod.people, pod.known, pod.draining) = (0, false, false);
            if std::mem::take(&mut pod.told) {
                pod.began = starts;
            }
            pod.run += 1;
        }
    }

    pub fn say(&mut self, router: &RouterId, said: Said) {
        if let Some(pod) = self.pods.get_mut(router) {
            pod.said = said;
        }
    }

    /// Its address is written on a pod.
    pub fn announce(&mut self, router: &RouterId) {
        if let Some(pod) = self.pods.get_mut(router) {
            pod.announces = true;
        }
    }

    /// Deletes a pod, for the `DaemonSet` to make it anew.
    pub fn replace(&mut self, router: &RouterId) {
        self.check_replace(router);
        self.stop(router);
    }

    /// A pod is told to stop. One that no kubelet has is gone at once.
    pub fn stop(&mut self, router: &RouterId) {
        if let Some(pod) = self.pods.get_mut(router) {
            let takes = match pod.template.works {
                Works::NeverScheduled => 0,
                _ => 1_500,
            };
            pod.gone.get_or_insert(self.now + takes);
        }
    }

    /// A write to a node; refused when it changed since `version`.
    pub fn mark(&mut self, name: &str, marks: &Marks, version: u64) -> bool {
        let node = self.nodes.get(name).unwrap();
        if node.version != version {
            return false;
        }
        let excused = node.active && *marks == Marks::Bare && self.check_unlabel(name);
        let node = self.nodes.get_mut(name).unwrap();
        let (active, drain) = match marks {
            Marks::Active(drain) => (true, *drain),
            Marks::Bare => (false, None),
        };
        (node.active, node.protected, node.drain) = (active, active, drain);
        node.excused = excused;
        node.version += 1;
        self.check();
        true
    }
}
