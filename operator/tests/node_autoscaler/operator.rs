//! The real planner: what it is shown, and what it says is done.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use plenum_crds::{MMRPool, MMRPoolSpec, NodeAutoscaler, SpareFrom};
use plenum_operator::pool::observed::{
    Coverage, Node, Observed, Owner, Pod, Said, View, Word, Zone,
};
use plenum_operator::pool::plan::{Change, Marks, Memory, plan};
use plenum_operator::pool::validate::{ValidPool, validate};

use crate::world::{MAX_ROUTERS, PER_ROUTER, World};

pub struct Operator {
    pool: ValidPool,
    memory: Memory,
}

impl Operator {
    pub fn new() -> Self {
        let mut object = MMRPool::new("p", MMRPoolSpec::new("z", [("routers", "true")]));
        object.metadata.namespace = Some("n".into());
        object.spec.participants_per_router = PER_ROUTER;
        object.spec.spare_participants = 50;
        object.spec.spare_from = SpareFrom::Arrivals;
        object.spec.max_routers = MAX_ROUTERS;
        object.spec.max_draining = 3;
        object.spec.scale_down_delay_seconds = 60;
        object.spec.node_autoscaler = NodeAutoscaler::ClusterAutoscaler;
        Self {
            pool: validate(&object).unwrap(),
            memory: Memory::default(),
        }
    }

    /// One look.
    pub fn look(&mut self, world: &mut World) {
        let now = Timestamp::from_second(1_000_000_000 + world.now).unwrap();
        let decided = plan(&self.pool, &observe(world), &self.memory, now);
        self.memory = decided.memory;
        world.placeholders = decided.placeholders;
        for (name, write) in &decided.nodes {
            let node = world.nodes.get_mut(name).unwrap();
            (node.active, node.drain) = match &write.marks {
                Marks::Active(drain) => (true, *drain),
                Marks::Bare => (false, None),
            };
            node.protected = node.active;
            match write.change {
                Change::Label => world.label(name),
                Change::UnlabelEmpty => world.unlabel(name),
                Change::UnlabelLate => panic!("the drain of {name} took too long"),
                _ => {}
            }
        }
        for (name, router) in &mut world.routers {
            router.draining = decided.draining.contains(name);
        }
    }
}

fn observe(world: &World) -> Observed {
    let nodes = world.nodes.iter().map(|(name, node)| {
        let owner = if node.active {
            Owner::Us
        } else {
            Owner::Nobody
        };
        let seen = Node {
            selected: true,
            drain_requested: false,
            schedulable: node.tainted.is_none(),
            ready: node.ready(world.now),
            owner,
            protected: node.protected,
            drain: node.drain,
        };
        (name.clone(), seen)
    });
    let pods = world.routers.iter().map(|(name, router)| {
        let runs = router.starts <= world.now;
        let pod = Pod {
            node: router.node.clone(),
            started: runs,
            ready: runs,
            born: Timestamp::UNIX_EPOCH,
            stopped: false,
            trouble: None,
            terminating: false,
            outdated: false,
            said: Said::default(),
        };
        (name.clone(), pod)
    });
    let running = world
        .routers
        .iter()
        .filter(|(_, router)| router.starts <= world.now);
    let words = running.map(|(name, router)| {
        let empty = router.draining && router.people == 0;
        let said = Word {
            participants: router.people,
            capacity: PER_ROUTER,
            accepting: !router.draining,
            draining: router.draining,
            fresh: true,
            connected: true,
            fresh_everywhere: true,
            empty_everywhere: empty.then_some(Duration::ZERO),
            received: None,
        };
        (name.clone(), said)
    });
    Observed {
        zone: Zone::Found,
        pool_deleting: false,
        startable: true,
        nodes: nodes.collect(),
        pods: pods.collect(),
        view: View {
            coverage: Coverage::Complete,
            routers: words.collect(),
            age: Some(Duration::ZERO),
            settling: false,
        },
        rivals: BTreeSet::new(),
    }
}
