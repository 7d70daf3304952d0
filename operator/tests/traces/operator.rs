//! The real planner on a site: it is shown what it would see, and what it says is done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use plenum_operator::pool::observed::{
    Coverage, Node, Observed, Owner, Pod, Said, View, Word, Zone,
};
use plenum_operator::pool::plan::{Change, Marks, Memory, plan};
use plenum_operator::pool::validate::ValidPool;

use crate::day::Second;
use crate::site::{Router, Site};

/// Midnight of a Monday.
const MIDNIGHT: i64 = 1_767_571_200;

pub struct Operator {
    pool: ValidPool,
    memory: Memory,
}

pub fn time(second: Second) -> Timestamp {
    Timestamp::from_second(MIDNIGHT + second).unwrap()
}

fn since(from: Second, now: Second) -> Duration {
    Duration::from_secs(u64::try_from(now - from).unwrap())
}

impl Operator {
    pub fn new(pool: ValidPool) -> Self {
        Self {
            pool,
            memory: Memory::default(),
        }
    }

    /// One look.
    pub fn look(&mut self, site: &mut Site) {
        let seen = observe(site, self.pool.per_router);
        let decided = plan(&self.pool, &seen, &self.memory, time(site.now));
        self.memory = decided.memory;
        for (name, write) in &decided.nodes {
            let node = site.nodes.get_mut(name).unwrap();
            (node.active, node.drain) = match &write.marks {
                Marks::Active(drain) => (true, *drain),
                Marks::Bare => (false, None),
            };
            match write.change {
                Change::Label => site.label(name),
                Change::UnlabelEmpty => site.unlabel(name),
                Change::UnlabelLate => panic!("a drain on {name} took too long"),
                _ => {}
            }
        }
        for (name, router) in &mut site.routers {
            router.draining = decided.draining.contains(name);
        }
    }
}

fn observe(site: &Site, per_router: u32) -> Observed {
    let nodes = site.nodes.iter().map(|(name, node)| {
        let owner = if node.active {
            Owner::Us
        } else {
            Owner::Nobody
        };
        let seen = Node {
            selected: true,
            drain_requested: false,
            schedulable: true,
            ready: true,
            owner,
            protected: node.active,
            drain: node.drain,
        };
        (name.clone(), seen)
    });
    let running = |router: &Router| router.starts <= site.now;
    let pods = site.routers.iter().map(|(name, router)| {
        let said = Said {
            accepting: Some(site.open(router)),
            draining: Some(router.draining),
            written: true,
        };
        let pod = Pod {
            node: router.node.clone(),
            started: running(router),
            ready: running(router),
            born: Timestamp::UNIX_EPOCH,
            stopped: false,
            trouble: None,
            terminating: false,
            outdated: false,
            said,
        };
        (name.clone(), pod)
    });
    let words = site.routers.iter().filter(|(_, router)| running(router));
    let words = words.map(|(name, router)| {
        let empty = router.draining && router.people == 0;
        let word = Word {
            participants: router.people,
            capacity: per_router,
            accepting: !router.draining,
            draining: router.draining,
            fresh: true,
            connected: true,
            fresh_everywhere: true,
            empty_everywhere: empty.then_some(Duration::ZERO),
            received: router.received.map(|at| since(at, site.now)),
        };
        (name.clone(), word)
    });
    let routers: BTreeMap<_, _> = words.collect();
    Observed {
        zone: Zone::Found,
        pool_deleting: false,
        startable: true,
        nodes: nodes.collect(),
        pods: pods.collect(),
        view: View {
            coverage: Coverage::Complete,
            routers,
            age: Some(Duration::ZERO),
            settling: false,
        },
        rivals: BTreeSet::new(),
    }
}
