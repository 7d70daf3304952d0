//! People on routers, as zone controllers hear of them: a model without IO.
//!
//! Who comes goes to a router that takes people; a router that drains moves its people to
//! others, a few at a time, and so does one that was told to stop; one that ends loses them, and
//! they come again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use plenum_wire::link::{Load, RouterReport};
use plenum_wire::{Boot, PoolName, RouterId};

use super::dice::Dice;

/// After so long without a word of a router its link is taken for broken.
const IN_TOUCH: Duration = Duration::from_millis(1_500);

/// A router that runs.
#[derive(Debug, Clone)]
pub struct Router {
    /// Where.
    pub node: String,
    /// Whose.
    pub pool: PoolName,
    /// On it now.
    pub people: u32,
    /// It was told to empty itself.
    pub draining: bool,
    /// Its process was told to stop, and ends when it is empty.
    pub stopping: bool,
    boot: Boot,
}

impl Router {
    /// Its people are to move to others.
    fn empties(&self) -> bool {
        self.draining || self.stopping
    }
}

/// How a zone controller speaks to the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Manner {
    /// As it is.
    #[default]
    Honest,
    /// It says nothing, though its link is up.
    Silent,
    /// It leaves one router out.
    Partial,
    /// It repeats what it last heard: no router reaches it any more.
    Deaf,
    /// It says that nobody is on any router.
    Empty,
}

#[derive(Debug, Default)]
struct Controller {
    manner: Manner,
    orders: BTreeMap<PoolName, BTreeSet<RouterId>>,
    knows: BTreeMap<RouterId, (RouterReport, Instant)>,
}

/// Everybody.
pub struct People {
    /// How many want to be in meetings.
    pub target: u32,
    /// How many a router takes.
    pub per_router: u32,
    /// Nobody can be moved from a draining router.
    pub stuck: bool,
    routers: BTreeMap<RouterId, Router>,
    controllers: BTreeMap<String, Controller>,
    manners: BTreeMap<String, Manner>,
    boots: u64,
    cut_off: u32,
    dice: Dice,
}

impl People {
    /// Nobody yet.
    pub fn new(seed: u64, per_router: u32) -> Self {
        Self {
            target: 0,
            per_router,
            stuck: false,
            routers: BTreeMap::new(),
            controllers: BTreeMap::new(),
            manners: BTreeMap::new(),
            boots: 0,
            cut_off: 0,
            dice: Dice::new(seed),
        }
    }

    /// A router's process begins. Controllers tell it at once what they were last told.
    pub fn router_starts(&mut self, router: RouterId, node: &str, pool: PoolName) {
        if self.routers.contains_key(&router) {
            return;
        }
        self.boots += 1;
        let ordered = |controller: &Controller| {
            let orders = controller.orders.get(&pool);
            orders.is_some_and(|orders| orders.contains(&router))
        };
        let draining = self.controllers.values().any(ordered);
        let begun = Router {
            node: node.to_owned(),
            pool,
            people: 0,
            draining,
            stopping: false,
            boot: Boot(self.boots),
        };
        self.routers.insert(router, begun);
    }

    /// A router's process is told to stop: its people are to move, as in a drain.
    pub fn router_stops(&mut self, router: &RouterId) {
        if let Some(router) = self.routers.get_mut(router) {
            router.stopping = true;
        }
    }

    /// A router's process ends, whoever is on it.
    pub fn router_ends(&mut self, router: &RouterId) {
        self.cut_off += self.routers.remove(router).map_or(0, |it| it.people);
    }

    /// How many were on routers when these ended.
    pub fn cut_off(&self) -> u32 {
        self.cut_off
    }

    /// A controller's process begins; it knows nothing.
    pub fn controller_starts(&mut self, name: &str) {
        let manner = self.manners.get(name).copied().unwrap_or_default();
        let begun = Controller {
            manner,
            ..Controller::default()
        };
        self.controllers.insert(name.to_owned(), begun);
    }

    /// A controller's process ends.
    pub fn controller_ends(&mut self, name: &str) {
        self.controllers.remove(name);
    }

    /// From now on the controller speaks like this, after a restart too.
    pub fn set_manner(&mut self, name: &str, manner: Manner) {
        self.manners.insert(name.to_owned(), manner);
        if let Some(controller) = self.controllers.get_mut(name) {
            controller.manner = manner;
        }
    }

    /// All controllers are honest again.
    pub fn all_honest(&mut self) {
        self.manners.clear();
        for controller in self.controllers.values_mut() {
            controller.manner = Manner::Honest;
        }
    }

    /// The operator says which routers of the pool shall be empty. The routers obey the last word.
    pub fn order(&mut self, controller: &str, pool: &PoolName, routers: BTreeSet<RouterId>) {
        let Some(known) = self.controllers.get_mut(controller) else {
            return;
        };
        for (name, router) in &mut self.routers {
            if router.pool == *pool {
                router.draining = routers.contains(name);
            }
        }
        known.orders.insert(pool.clone(), routers);
    }

    /// A moment passes.
    pub fn step(&mut self) {
        let here: u32 = self.routers.values().map(|it| it.people).sum();
        let mut leave = here.saturating_sub(self.target).min(6);
        let mut come = self.target.saturating_sub(here).min(8);
        for router in self.routers.values_mut() {
            let left = leave.min(router.people);
            router.people -= left;
            leave -= left;
        }
        let free = |it: &Router, most: u32| {
            if it.empties() {
                0
            } else {
                most.saturating_sub(it.people)
            }
        };
        let most = self.per_router;
        let mut room: u32 = self.routers.values().map(|it| free(it, most)).sum();
        room = room.saturating_sub(come);
        for router in self.routers.values_mut() {
            if router.empties() && !self.stuck && self.dice.chance(400) {
                let moved = router.people.min(4).min(room);
                router.people -= moved;
                room -= moved;
                come += moved;
            }
        }
        for router in self.routers.values_mut() {
            let joined = come.min(free(router, most));
            router.people += joined;
            come -= joined;
        }
    }

    /// What the controller says to the operator now; `None`: nothing.
    pub fn report(&mut self, controller: &str, now: Instant) -> Option<Vec<RouterReport>> {
        let per_router = self.per_router;
        let known = self.controllers.get_mut(controller)?;
        if known.manner != Manner::Deaf {
            for (name, router) in &self.routers {
                let report = word(name, router, per_router);
                known.knows.insert(name.clone(), (report, now));
            }
        }
        let manner = known.manner;
        let mut said: Vec<RouterReport> = known
            .knows
            .values()
            .map(|(report, at)| {
                let age = now.duration_since(*at);
                let mut report = report.clone();
                report.age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
                report.connected = age < IN_TOUCH;
                if manner == Manner::Empty {
                    report.load.participants = 0;
                }
                report
            })
            .collect();
        match manner {
            Manner::Silent => return None,
            Manner::Partial => said.truncate(said.len().saturating_sub(1)),
            _ => {}
        }
        Some(said)
    }

    /// Whether every controller says that nobody is there: an operator cannot know better.
    pub fn are_denied(&self) -> bool {
        let lies = |it: &Controller| it.manner == Manner::Empty;
        !self.controllers.is_empty() && self.controllers.values().all(lies)
    }

    /// People on routers of this node.
    pub fn on_node(&self, node: &str) -> u32 {
        let there = self.routers.values().filter(|it| it.node == node);
        there.map(|it| it.people).sum()
    }

    /// People on this router.
    pub fn on_router(&self, router: &str) -> u32 {
        let named = self
            .routers
            .iter()
            .find(|(name, _)| name.as_str() == router);
        named.map_or(0, |(_, it)| it.people)
    }

    /// Everybody who is in a meeting.
    pub fn seated(&self) -> u32 {
        self.routers.values().map(|it| it.people).sum()
    }
}

fn word(name: &RouterId, router: &Router, per_router: u32) -> RouterReport {
    RouterReport {
        router: name.clone(),
        pool: router.pool.clone(),
        boot: router.boot,
        load: Load {
            participants: router.people,
            capacity: per_router,
            accepting: !router.empties(),
            draining: router.empties(),
        },
        meetings: 0,
        age_ms: 0,
        connected: true,
        received_ms: None,
        unplaced: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_routers() -> People {
        let mut people = People::new(1, 10);
        for (router, node) in [("r1", "n1"), ("r2", "n2")] {
            people.router_starts(router.parse().unwrap(), node, "n.p".parse().unwrap());
        }
        people.controller_starts("zc-0");
        people
    }

    #[test]
    fn a_router_that_drains_loses_its_people_to_the_other_and_nobody_to_nowhere() {
        let mut people = two_routers();
        people.target = 16;
        for _ in 0..20 {
            people.step();
        }
        assert_eq!(people.seated(), 16);
        people.target = 9;
        for _ in 0..20 {
            people.step();
        }
        let all = BTreeSet::from(["r1".parse().unwrap()]);
        people.order("zc-0", &"n.p".parse().unwrap(), all);
        for _ in 0..200 {
            people.step();
            assert_eq!(people.seated(), 9);
        }
        assert_eq!((people.on_router("r1"), people.on_router("r2")), (0, 9));
    }

    #[test]
    fn one_that_is_told_to_stop_moves_its_people_and_one_that_ends_cuts_them_off() {
        let mut people = two_routers();
        people.target = 9;
        people.step();
        people.step();
        people.router_stops(&"r1".parse().unwrap());
        for _ in 0..200 {
            people.step();
        }
        assert_eq!((people.on_router("r1"), people.on_router("r2")), (0, 9));
        people.router_ends(&"r1".parse().unwrap());
        assert_eq!(people.cut_off(), 0);
        people.router_ends(&"r2".parse().unwrap());
        assert_eq!(people.cut_off(), 9);
    }

    #[test]
    fn people_are_denied_when_every_controller_does() {
        let mut people = two_routers();
        people.controller_starts("zc-1");
        people.set_manner("zc-0", Manner::Empty);
        assert!(!people.are_denied());
        people.set_manner("zc-1", Manner::Empty);
        assert!(people.are_denied());
        people.all_honest();
        assert!(!people.are_denied());
    }

    #[test]
    fn a_liar_says_nobody_and_a_deaf_one_grows_old() {
        let mut people = two_routers();
        people.target = 5;
        people.step();
        let now = Instant::now();
        people.set_manner("zc-0", Manner::Empty);
        let said = people.report("zc-0", now).unwrap();
        assert!(said.iter().all(|it| it.load.participants == 0));
        people.set_manner("zc-0", Manner::Deaf);
        let said = people.report("zc-0", now + Duration::from_secs(2)).unwrap();
        assert!(said.iter().all(|it| it.age_ms == 2_000 && !it.connected));
        assert_eq!(said.iter().map(|it| it.load.participants).sum::<u32>(), 5);
        people.set_manner("zc-0", Manner::Silent);
        assert!(people.report("zc-0", now).is_none());
    }
}
