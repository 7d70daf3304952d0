//! Nodes, routers, people, and controllers that hear of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use plenum_crds::{MMRPool, MMRPoolSpec};
use plenum_operator::pool::observed::{self, Drain, Observed, Owner, Said, Zone};
use plenum_operator::pool::plan::Marks;
use plenum_operator::pool::validate::{ValidPool, validate};
use plenum_operator::reports::merge::{Heard, merge};
use plenum_wire::link::{Load, RouterReport};
use plenum_wire::{Boot, RouterId};

const PER_ROUTER: u32 = 20;

/// A small generator (xorshift64*), so that a seed is all that a run depends on.
pub struct Rng(u64);

impl Rng {
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

#[derive(Clone)]
// Independent facts of a node, as in the planner's own view of it.
#[allow(clippy::struct_excessive_bools)]
pub struct SimNode {
    pub version: u64,
    pub active: bool,
    pub protected: bool,
    pub drain: Option<Drain>,
    /// Its label was taken off at the drain's deadline.
    late: bool,
    schedulable: bool,
    alive: bool,
}

#[derive(Clone)]
pub struct SimPod {
    pub node: String,
    starts: i64,
    gone: Option<i64>,
    pub people: u32,
    draining: bool,
    boot: u64,
    said: Said,
}

/// A zone controller.
#[derive(Default)]
pub struct SimController {
    /// Its link to the operator is up.
    pub linked: bool,
    /// What the operator said over this link.
    pub orders: Option<BTreeSet<RouterId>>,
    /// Routers reach it.
    hears: bool,
    /// It says that nobody is there.
    lies: bool,
    knows: BTreeMap<RouterId, (Load, Boot, i64)>,
}

pub struct World {
    pub rng: Rng,
    pub pool: ValidPool,
    pub nodes: BTreeMap<String, SimNode>,
    pub pods: BTreeMap<RouterId, SimPod>,
    pub controllers: BTreeMap<String, SimController>,
    /// What the operator last got over each link.
    pub heard: BTreeMap<String, (i64, Vec<RouterReport>)>,
    target: u32,
    /// Simulated milliseconds.
    now: i64,
    next: u64,
    epoch: Instant,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut object = MMRPool::new("p", MMRPoolSpec::new("z", [("routers", "true")]));
        object.metadata.namespace = Some("n".into());
        object.spec.participants_per_router = PER_ROUTER;
        object.spec.spare_participants = 5;
        object.spec.min_routers = 1 + u32::try_from(rng.below(2)).unwrap();
        object.spec.max_routers = 6;
        object.spec.scale_down_delay_seconds = 10;
        object.spec.max_draining = 1 + u32::try_from(rng.below(2)).unwrap();
        object.spec.drain_deadline_seconds = 120;
        let node = SimNode {
            version: 0,
            active: false,
            protected: false,
            drain: None,
            late: false,
            schedulable: true,
            alive: true,
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
            target: 0,
            now: 0,
            next: 0,
            epoch: Instant::now(),
        }
    }

    pub fn time(&self) -> Timestamp {
        Timestamp::from_millisecond(1_000_000_000_000 + self.now).unwrap()
    }

    pub fn faults(&mut self) {
        if self.rng.chance(20) {
            self.target = u32::try_from(self.rng.below(110)).unwrap();
        }
        let names: Vec<String> = self.nodes.keys().cloned().collect();
        let any = usize::try_from(self.rng.below(names.len() as u64)).unwrap();
        let node = self.nodes.get_mut(&names[any]).unwrap();
        if self.rng.chance(12) {
            node.schedulable = !node.schedulable;
            node.version += 1;
        }
        if self.rng.chance(4) || (!node.alive && self.rng.chance(100)) {
            node.alive = !node.alive;
        }
        if self.rng.chance(2) {
            node.protected = false;
            node.version += 1;
        }
        let stopped = self.rng.chance(3);
        if stopped && let Some(pod) = self.pods.values_mut().next_back() {
            // Somebody deletes a pod: it is told to stop, and its people go elsewhere.
            pod.gone.get_or_insert(self.now + 1_500);
        }
        for controller in self.controllers.values_mut() {
            if self.rng.chance(10) {
                controller.linked = !controller.linked;
                controller.orders = None;
            }
            if self.rng.chance(10) {
                controller.hears = !controller.hears;
            }
            if self.rng.chance(3) {
                controller.knows.clear();
            }
        }
        let liar = self.controllers.values_mut().next().unwrap();
        if self.rng.chance(15) {
            liar.lies = !liar.lies;
        }
    }

    pub fn heal(&mut self) {
        for node in self.nodes.values_mut() {
            (node.schedulable, node.alive) = (true, true);
            node.version += 1;
        }
        for controller in self.controllers.values_mut() {
            (controller.linked, controller.hears, controller.lies) = (true, true, false);
        }
    }

    pub fn step(&mut self, ms: i64) {
        self.now += ms;
        self.run_daemonset();
        self.obey_orders();
        self.move_people();
        self.report();
    }

    /// A labelled node gets a pod; one without label loses it at once, people or not.
    fn run_daemonset(&mut self) {
        let now = self.now;
        self.pods
            .retain(|_, pod| pod.gone.is_none_or(|at| at > now));
        for pod in self.pods.values_mut() {
            let node = &self.nodes[&pod.node];
            // The DaemonSet's controller takes its time: nobody may come meanwhile.
            if !node.active && pod.gone.is_none() && self.rng.chance(300) {
                let people = pod.people;
                assert!(
                    people == 0 || node.late,
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
                let pod = SimPod {
                    node: name.clone(),
                    starts: now + 1_000,
                    gone: None,
                    people: 0,
                    draining: false,
                    boot: self.next,
                    said: Said::default(),
                };
                self.pods.insert(router, pod);
            }
        }
    }

    fn obey_orders(&mut self) {
        for controller in self.controllers.values().filter(|c| c.hears) {
            let Some(orders) = &controller.orders else {
                continue;
            };
            for (router, pod) in &mut self.pods {
                pod.draining = orders.contains(router);
            }
        }
    }

    fn runs(&self, pod: &SimPod) -> bool {
        pod.starts <= self.now && pod.gone.is_none() && self.nodes[&pod.node].alive
    }

    fn move_people(&mut self) {
        let running: Vec<(RouterId, bool)> = self
            .pods
            .iter()
            .filter(|(_, pod)| self.runs(pod))
            .map(|(router, pod)| (router.clone(), pod.draining))
            .collect();
        let total: u32 = self.pods.values().map(|pod| pod.people).sum();
        // Whoever leaves leaves from anywhere; whoever comes is refused by draining routers.
        let mut leave = total.saturating_sub(self.target).min(3);
        let mut come = self.target.saturating_sub(total).min(5);
        for (router, draining) in &running {
            let pod = self.pods.get_mut(router).unwrap();
            let left = leave.min(pod.people);
            pod.people -= left;
            leave -= left;
            if *draining {
                // Moving takes a while, so that faults fall into it.
                let moved = pod.people.min(u32::from(self.rng.chance(120)));
                pod.people -= moved;
                come += moved;
            }
        }
        for (router, draining) in &running {
            let pod = self.pods.get_mut(router).unwrap();
            if !draining {
                let joined = come.min(PER_ROUTER.saturating_sub(pod.people));
                pod.people += joined;
                come -= joined;
            }
        }
    }

    fn report(&mut self) {
        let words: Vec<(RouterId, Load, Boot)> = self
            .pods
            .iter()
            .filter(|(_, pod)| self.runs(pod))
            .map(|(router, pod)| {
                let load = Load {
                    participants: pod.people,
                    capacity: PER_ROUTER,
                    accepting: !pod.draining,
                    draining: pod.draining,
                };
                (router.clone(), load, Boot(pod.boot))
            })
            .collect();
        for (name, controller) in &mut self.controllers {
            if controller.hears {
                for (router, load, boot) in &words {
                    controller
                        .knows
                        .insert(router.clone(), (*load, *boot, self.now));
                }
            }
            if controller.linked {
                let routers = controller.knows.iter().map(|(router, (load, boot, at))| {
                    let participants = if controller.lies {
                        0
                    } else {
                        load.participants
                    };
                    RouterReport {
                        router: router.clone(),
                        pool: "n.p".parse().unwrap(),
                        boot: *boot,
                        load: Load {
                            participants,
                            ..*load
                        },
                        meetings: 0,
                        age_ms: u64::try_from(self.now - at).unwrap(),
                        connected: self.now - at < 1_500,
                    }
                });
                self.heard
                    .insert(name.clone(), (self.now, routers.collect()));
            }
        }
    }

    /// What a fetch sees, with the versions of the nodes.
    pub fn observe(&self) -> (Observed, BTreeMap<String, u64>) {
        let at = |ms: i64| self.epoch + Duration::from_millis(u64::try_from(ms).unwrap());
        let heard = self
            .heard
            .iter()
            .map(|(name, (ms, routers))| {
                (
                    name.clone(),
                    Heard {
                        at: at(*ms),
                        routers: routers.clone(),
                    },
                )
            })
            .collect();
        let expected = self.controllers.keys().cloned().collect();
        let node = |node: &SimNode| observed::Node {
            selected: true,
            schedulable: node.schedulable,
            ready: node.alive,
            owner: if node.active {
                Owner::Us
            } else {
                Owner::Nobody
            },
            protected: node.protected,
            drain: node.drain,
        };
        let pod = |pod: &SimPod| observed::Pod {
            node: pod.node.clone(),
            started: pod.starts <= self.now,
            ready: self.runs(pod),
            terminating: pod.gone.is_some(),
            outdated: false,
            said: pod.said,
        };
        let seen = Observed {
            zone: Zone::Found,
            pool_deleting: false,
            nodes: self
                .nodes
                .iter()
                .map(|(k, v)| (k.clone(), node(v)))
                .collect(),
            pods: self.pods.iter().map(|(k, v)| (k.clone(), pod(v))).collect(),
            view: merge(&expected, &heard, &self.pool.wire, at(self.now)),
            rivals: BTreeSet::new(),
        };
        let versions = self
            .nodes
            .iter()
            .map(|(k, v)| (k.clone(), v.version))
            .collect();
        (seen, versions)
    }

    pub fn say(&mut self, router: &RouterId, said: Said) {
        if let Some(pod) = self.pods.get_mut(router) {
            pod.said = said;
        }
    }

    /// A write to a node; refused when it changed since `version`.
    pub fn mark(&mut self, name: &str, marks: &Marks, version: u64) -> bool {
        let node = self.nodes.get(name).unwrap();
        if node.version != version {
            return false;
        }
        let late = node.active && *marks == Marks::Bare && self.check_unlabel(name);
        let node = self.nodes.get_mut(name).unwrap();
        let (active, drain) = match marks {
            Marks::Active(drain) => (true, *drain),
            Marks::Bare => (false, None),
        };
        (node.active, node.protected, node.drain) = (active, active, drain);
        node.late = late;
        node.version += 1;
        self.check();
        true
    }

    /// Whether it is allowed by the deadline alone.
    fn check_unlabel(&self, name: &str) -> bool {
        let node = &self.nodes[name];
        let people: u32 = self
            .pods
            .values()
            .filter(|pod| pod.node == name)
            .map(|pod| pod.people)
            .sum();
        let drain = node.drain.expect("only draining nodes are unlabelled");
        let deadline = drain.since.checked_add(self.pool.drain_deadline).unwrap();
        let late = deadline <= self.time();
        assert!(
            people == 0 || late,
            "{name} unlabelled under {people} people"
        );
        let active = self.nodes.values().filter(|node| node.active).count();
        assert!(
            active > self.pool.min as usize,
            "fewer active routers than the minimum"
        );
        late
    }

    pub fn check(&self) {
        let draining = self
            .nodes
            .values()
            .filter(|n| n.active && n.drain.is_some())
            .count();
        assert!(
            draining <= self.pool.max_draining as usize,
            "{draining} drain at once"
        );
    }

    /// Whether every controller is linked, and heard every running router just now.
    pub fn all_is_heard(&self) -> bool {
        self.controllers.keys().all(|name| {
            self.heard
                .get(name)
                .is_some_and(|(at, _)| self.now - at <= 3_000)
        })
    }

    pub fn check_settled(&self) {
        let total: u32 = self.pods.values().map(|pod| pod.people).sum();
        let most = self.pool.max.min(u32::try_from(self.nodes.len()).unwrap());
        assert_eq!(total, self.target.min(most * PER_ROUTER), "all are served");
        let wanted = (total + self.pool.spare)
            .div_ceil(PER_ROUTER)
            .clamp(self.pool.min, most);
        let active = self.nodes.values().filter(|node| node.active).count();
        assert_eq!(
            active, wanted as usize,
            "the size is what the load asks for"
        );
        assert!(self.nodes.values().all(|node| node.drain.is_none()));
        assert!(
            self.nodes
                .values()
                .all(|node| node.protected == node.active)
        );
    }
}
