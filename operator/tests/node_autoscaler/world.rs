//! Nodes that come and go, routers, placeholder pods and people.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plenum_operator::pool::observed::Drain;
use plenum_wire::RouterId;

use crate::calm;

pub const PER_ROUTER: u32 = 100;
pub const MAX_ROUTERS: u32 = 12;
/// From the label to the first participant.
const STARTS_S: i64 = 8;
/// People who move off a draining router, a second.
const MOVES: u32 = 20;
/// After so long everybody of a crowd has found room: a node comes in two minutes.
const SERVED_S: i64 = 600;

#[derive(Clone, Copy)]
pub enum Added {
    Ready,
    ReadyAt(i64),
}

// Independent facts of a node.
#[allow(clippy::struct_excessive_bools)]
pub struct SimNode {
    ready_at: i64,
    pub active: bool,
    pub protected: bool,
    drain: Option<Drain>,
    /// The autoscaler is about to delete it, since then.
    pub tainted: Option<i64>,
    /// A placeholder pod runs on it.
    pub placeholder: bool,
}

impl SimNode {
    pub fn ready(&self, now: i64) -> bool {
        self.ready_at <= now
    }
}

struct Router {
    node: String,
    starts: i64,
    people: u32,
    draining: bool,
}

pub struct World {
    rng: u64,
    pub now: i64,
    pub nodes: BTreeMap<String, SimNode>,
    routers: BTreeMap<RouterId, Router>,
    /// Placeholder pods that there should be.
    pub placeholders: u32,
    /// People who want to be in a meeting.
    target: u32,
    crowd_since: i64,
    made: u32,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            rng: seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            now: 0,
            nodes: BTreeMap::new(),
            routers: BTreeMap::new(),
            placeholders: 0,
            target: 0,
            crowd_since: 0,
            made: 0,
        };
        world.add_node(Added::Ready);
        world
    }

    /// Smaller than `n`.
    fn below(&mut self, n: u64) -> u64 {
        self.rng ^= self.rng >> 12;
        self.rng ^= self.rng << 25;
        self.rng ^= self.rng >> 27;
        (self.rng.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }

    pub fn step(&mut self, seconds: i64) {
        self.now += seconds;
        self.crowds(seconds);
        self.schedule();
        self.people(seconds);
    }

    /// A crowd of another size about every half hour; nobody in the last hour.
    fn crowds(&mut self, seconds: i64) {
        let last = self.now > (crate::HOURS - 1) * 3_600;
        if last {
            self.target = 0;
        } else if self.now == seconds || self.below(1_000) < u64::try_from(seconds).unwrap() / 2 {
            self.target = u32::try_from(self.below(u64::from(MAX_ROUTERS - 2) * 100)).unwrap();
            self.crowd_since = self.now;
        }
    }

    /// The scheduler: placeholders on ready nodes without a router or another of them; they give
    /// way to a router, which has the higher priority.
    fn schedule(&mut self) {
        let mut wanted = self.placeholders;
        let now = self.now;
        for node in self.nodes.values_mut() {
            let stays = node.placeholder && !node.active && node.tainted.is_none() && wanted > 0;
            node.placeholder = stays;
            wanted -= u32::from(stays);
        }
        for node in self.nodes.values_mut() {
            let free = node.ready(now) && !node.active && node.tainted.is_none();
            if free && !node.placeholder && wanted > 0 {
                node.placeholder = true;
                wanted -= 1;
            }
        }
    }

    /// Placeholder pods that fit nowhere.
    pub fn pending(&self) -> usize {
        let running = self.nodes.values().filter(|node| node.placeholder).count();
        (self.placeholders as usize).saturating_sub(running)
    }

    /// Ready nodes that could take a placeholder.
    pub fn free_places(&self) -> usize {
        let free = |node: &&SimNode| {
            node.ready(self.now) && !node.active && !node.placeholder && node.tainted.is_none()
        };
        self.nodes.values().filter(free).count()
    }

    fn takes(&self, router: &Router) -> bool {
        router.starts <= self.now && !router.draining
    }

    fn people(&mut self, seconds: i64) {
        let moves = MOVES * u32::try_from(seconds).unwrap();
        let total: u32 = self.routers.values().map(|router| router.people).sum();
        let mut leave = total.saturating_sub(self.target).min(moves);
        let mut coming = self.target.saturating_sub(total).min(moves);
        let names: Vec<RouterId> = self.routers.keys().cloned().collect();
        let room = |world: &Self| -> u32 {
            let open = world.routers.values().filter(|router| world.takes(router));
            open.map(|router| PER_ROUTER - router.people).sum()
        };
        for name in &names {
            let free = room(self).saturating_sub(coming);
            let router = self.routers.get_mut(name).unwrap();
            let left = leave.min(router.people);
            router.people -= left;
            leave -= left;
            if router.draining {
                let went = router.people.min(moves).min(free);
                router.people -= went;
                coming += went;
            }
        }
        for name in &names {
            if self.takes(&self.routers[name]) {
                let router = self.routers.get_mut(name).unwrap();
                let joined = coming.min(PER_ROUTER - router.people);
                router.people += joined;
                coming -= joined;
            }
        }
    }

    pub fn unserved(&self) -> u32 {
        let total: u32 = self.routers.values().map(|router| router.people).sum();
        self.target.saturating_sub(total)
    }

    pub fn crowd_has_lasted(&self) -> bool {
        self.now - self.crowd_since > SERVED_S
    }

    pub fn add_node(&mut self, when: Added) {
        self.made += 1;
        let node = SimNode {
            ready_at: match when {
                Added::Ready => self.now,
                Added::ReadyAt(at) => at,
            },
            active: false,
            protected: false,
            drain: None,
            tainted: None,
            placeholder: false,
        };
        self.nodes.insert(format!("n{:04}", self.made), node);
    }

    /// A node is deleted with everything on it; how many people were.
    pub fn delete_node(&mut self, name: &str) -> u32 {
        self.nodes.remove(name);
        let on_it = |router: &Router| router.node == name;
        let people = self.routers.values().filter(|router| on_it(router));
        let people = people.map(|router| router.people).sum();
        self.routers.retain(|_, router| !on_it(router));
        people
    }
}

impl calm::Site for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_000_000_000 + self.now).unwrap()
    }

    fn nodes(&self) -> impl Iterator<Item = (&String, calm::Node)> {
        self.nodes.iter().map(|(name, node)| {
            let seen = calm::Node {
                schedulable: node.tainted.is_none(),
                ready: node.ready(self.now),
                active: node.active,
                protected: node.protected,
                drain: node.drain,
            };
            (name, seen)
        })
    }

    fn routers(&self) -> impl Iterator<Item = (&RouterId, calm::Router<'_>)> {
        self.routers.iter().map(|(name, router)| {
            let seen = calm::Router {
                node: &router.node,
                runs: router.starts <= self.now,
                people: router.people,
                capacity: PER_ROUTER,
                draining: router.draining,
                received: None,
            };
            (name, seen)
        })
    }

    fn mark(&mut self, node: &str, active: bool, drain: Option<Drain>) {
        let node = self.nodes.get_mut(node).unwrap();
        (node.active, node.protected, node.drain) = (active, active, drain);
    }

    fn label(&mut self, node: &str) {
        self.made += 1;
        let router = Router {
            node: node.to_owned(),
            starts: self.now + STARTS_S,
            people: 0,
            draining: false,
        };
        let name = format!("r{:05}", self.made).parse().unwrap();
        self.routers.insert(name, router);
    }

    fn unlabel(&mut self, node: &str) {
        let people = self.routers.values().filter(|router| router.node == node);
        let people: u32 = people.map(|router| router.people).sum();
        assert_eq!(people, 0, "people on {node} are cut off by the operator");
        self.routers.retain(|_, router| router.node != node);
    }

    fn order(&mut self, draining: &BTreeSet<RouterId>) {
        for (name, router) in &mut self.routers {
            router.draining = draining.contains(name);
        }
    }
}
