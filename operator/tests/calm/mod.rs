//! The real planner on a site where nothing fails: every node is well, every controller is heard,
//! every write is done. What it is shown, and what it says is done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use plenum_operator::pool::observed::{
    self, Coverage, Drain, Observed, Owner, Said, View, Word, Zone,
};
use plenum_operator::pool::plan::{Change, Marks, Memory, Plan, plan};
use plenum_operator::pool::validate::ValidPool;
use plenum_wire::{Boot, RouterId};

/// What is to be seen of a node.
// Independent facts of a node, as in the planner's own view of it.
#[allow(clippy::struct_excessive_bools)]
pub struct Node {
    pub schedulable: bool,
    pub ready: bool,
    pub active: bool,
    pub protected: bool,
    pub drain: Option<Drain>,
}

/// What is to be seen of a router.
pub struct Router<'a> {
    pub node: &'a str,
    /// It has started, and is heard.
    pub runs: bool,
    pub people: u32,
    pub capacity: u32,
    pub draining: bool,
    /// Since people were last moved to it.
    pub received: Option<Duration>,
}

/// Nodes and routers, and what is done to them.
pub trait Site {
    fn now(&self) -> Timestamp;
    fn nodes(&self) -> impl Iterator<Item = (&String, Node)>;
    fn routers(&self) -> impl Iterator<Item = (&RouterId, Router<'_>)>;
    /// Who is expected for meetings that are known ahead.
    fn expected(&self) -> BTreeMap<Timestamp, u32> {
        BTreeMap::new()
    }
    /// The marks that a node has from now on.
    fn mark(&mut self, node: &str, active: bool, drain: Option<Drain>);
    /// A router starts on it.
    fn label(&mut self, node: &str);
    /// Its router ends.
    fn unlabel(&mut self, node: &str);
    /// These are to be empty, and no others.
    fn order(&mut self, draining: &BTreeSet<RouterId>);
}

pub struct Operator {
    pool: ValidPool,
    memory: Memory,
}

impl Operator {
    pub fn new(pool: ValidPool) -> Self {
        Self {
            pool,
            memory: Memory::default(),
        }
    }

    /// One look, and what was decided by it.
    pub fn look(&mut self, site: &mut impl Site) -> Plan {
        let decided = plan(&self.pool, &observe(site), &self.memory, site.now());
        self.memory.clone_from(&decided.memory);
        for (name, write) in &decided.nodes {
            match &write.marks {
                Marks::Active(drain) => site.mark(name, true, *drain),
                Marks::Bare => site.mark(name, false, None),
            }
            match write.change {
                Change::Label => site.label(name),
                Change::UnlabelEmpty => site.unlabel(name),
                Change::UnlabelLate | Change::UnlabelUnheard => {
                    panic!("the drain of {name} took too long")
                }
                _ => {}
            }
        }
        site.order(&decided.draining);
        decided
    }
}

fn observe(site: &impl Site) -> Observed {
    let nodes = site.nodes().map(|(name, node)| {
        let owner = if node.active {
            Owner::Us
        } else {
            Owner::Nobody
        };
        let seen = observed::Node {
            selected: true,
            drain_requested: false,
            schedulable: node.schedulable,
            ready: node.ready,
            owner,
            protected: node.protected,
            drain: node.drain,
            reached: observed::Reached::ByItself,
        };
        (name.clone(), seen)
    });
    let running = site.routers().filter(|(_, router)| router.runs);
    let words: BTreeMap<_, _> = running
        .map(|(name, router)| (name.clone(), word(&router)))
        .collect();
    Observed {
        zone: Zone::Found,
        pool_deleting: false,
        startable: true,
        nodes: nodes.collect(),
        pods: site
            .routers()
            .map(|(name, router)| (name.clone(), pod(&router)))
            .collect(),
        view: View {
            coverage: Coverage::Complete,
            routers: words,
            age: Some(Duration::ZERO),
            expected: site.expected(),
            settling: false,
        },
        rivals: BTreeSet::new(),
        placeholder_trouble: None,
    }
}

fn pod(router: &Router) -> observed::Pod {
    observed::Pod {
        node: router.node.to_owned(),
        started: router.runs,
        ready: router.runs,
        born: Timestamp::UNIX_EPOCH,
        run: 0,
        stopped: false,
        trouble: None,
        terminating: false,
        outdated: false,
        said: Said {
            accepting: Some(router.runs && !router.draining),
            draining: Some(router.draining),
            written: true,
            heard: router.runs,
        },
        announced: None,
    }
}

fn word(router: &Router) -> Word {
    let empty = router.draining && router.people == 0;
    Word {
        boot: Boot(1),
        participants: router.people,
        participants_at_most: router.people,
        capacity: router.capacity,
        accepting: !router.draining,
        draining: router.draining,
        fresh: true,
        connected: true,
        fresh_everywhere: true,
        empty_everywhere: empty.then_some(Duration::ZERO),
        received: router.received,
        unplaced: None,
    }
}
