//! What is known of a pool at one moment, as values: all that planning sees.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use plenum_crds::conditions::DrainReason;
use plenum_crds::{NoAddress, RouterAddresses};
use plenum_wire::{Boot, RouterId};

/// Everything that planning knows. Maps are sorted, so that equal views give equal plans.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// The zone that the pool names.
    pub zone: Zone,
    /// The pool is being deleted.
    pub pool_deleting: bool,
    /// There is a `DaemonSet` that starts routers on marked nodes.
    pub startable: bool,
    /// Nodes that the pool selects or has marked, by name.
    pub nodes: BTreeMap<String, Node>,
    /// Router pods of the pool.
    pub pods: BTreeMap<RouterId, Pod>,
    /// What the zone controllers say.
    pub view: View,
    /// Pools that select some of the same nodes, as `namespace/name`.
    pub rivals: BTreeSet<String>,
    /// Why there are no pods that bring nodes, where there should be some.
    pub placeholder_trouble: Option<String>,
}

/// The zone of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Zone {
    /// There is none of this name.
    #[default]
    Missing,
    /// It is there, and its certificates are not yet.
    NotReady,
    /// It is there.
    Found,
    /// It is being deleted.
    Deleting {
        /// Its meetings may go on until then.
        until: Timestamp,
    },
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
// Independent facts of a node, each read by itself; no states hide in them.
#[allow(clippy::struct_excessive_bools)]
pub struct Node {
    /// The pool's `nodeSelector` matches, and no older pool's does.
    pub selected: bool,
    /// Not cordoned, not being deleted, no taint that routers do not tolerate.
    pub schedulable: bool,
    /// Somebody asked, by an annotation, to have its router drained.
    pub drain_requested: bool,
    /// Its kubelet is alive.
    pub ready: bool,
    /// Whose router it carries.
    pub owner: Owner,
    /// The annotations against node autoscalers are there. On a node of nobody: some marks of
    /// ours were left behind.
    pub protected: bool,
    /// Its router shall go.
    pub drain: Option<Drain>,
    /// How clients reach a router on it.
    pub reached: Reached,
}

/// How clients reach a router on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reached {
    /// At the address that its kubelet tells it.
    #[default]
    ByItself,
    /// At these, which it has to be told.
    At(RouterAddresses),
    /// They could not be told.
    Nowhere(NoAddress),
}

/// Whose active label is on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// None.
    Nobody,
    /// This pool's.
    Us,
    /// Another pool's.
    Other,
}

/// The drain of a node's router, as written on the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// When it began, to the millisecond.
    pub since: Timestamp,
    /// Why.
    pub reason: DrainReason,
}

/// A router's pod.
#[derive(Debug, Clone, PartialEq, Eq)]
// As for nodes: independent facts.
#[allow(clippy::struct_excessive_bools)]
pub struct Pod {
    /// Where it is, or is to be once there is room for it.
    pub node: String,
    /// When it was made.
    pub born: Timestamp,
    /// How often its container was started anew, by the kubelet's last word.
    pub run: u32,
    /// Its process has run at some time, by the kubelet's last word.
    pub started: bool,
    /// It has run and does not just now, by the kubelet's last word: it ended, and is about to be
    /// started again.
    pub stopped: bool,
    /// Why it does not run, in the words of its scheduler or kubelet, without what changes by itself.
    pub trouble: Option<String>,
    /// The word of a living kubelet: the router's probes succeed.
    pub ready: bool,
    /// It was told to stop; it still exists.
    pub terminating: bool,
    /// It was made from another template than the one wanted now.
    pub outdated: bool,
    /// Our conditions on it, where written.
    pub said: Said,
    /// The addresses that are written on it, for its router to announce.
    pub announced: Option<RouterAddresses>,
}

/// Our conditions on a router's pod, and what they tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Said {
    /// `plenum.dev/Accepting`; `None` is `Unknown`.
    pub accepting: Option<bool>,
    /// `plenum.dev/Draining`; `None` is `Unknown`.
    pub draining: Option<bool>,
    /// Whether `plenum.dev/Heard` is written at all. Where it is not, somebody may have taken it off.
    pub written: bool,
    /// Some controller has heard the router at some time, or may have while nobody looked:
    /// `plenum.dev/Heard`. It is kept on the pod, as a new leader, and controllers that begin anew,
    /// know nothing of it.
    pub heard: bool,
}

/// The merged reports of the zone's controllers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// Whether it may be acted on.
    pub coverage: Coverage,
    /// What is known of each router that any controller ever heard.
    pub routers: BTreeMap<RouterId, Word>,
    /// Age of the oldest report that counts.
    pub age: Option<Duration>,
    /// How many are expected to come to this pool, or, as reports have it, to its zone, for
    /// meetings that are known ahead, by the minute in which these begin.
    pub expected: BTreeMap<Timestamp, u32>,
    /// The links are just being made: silence means nothing yet. A new leader must not
    /// unsay what the last one wrote before it could hear anybody.
    pub settling: bool,
}

/// Which controllers were heard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Coverage {
    /// None ever, since this operator leads.
    #[default]
    Missing,
    /// At least one that should be heard was not, for longer than reports stay fresh.
    Stale,
    /// All of them.
    Complete,
}

/// What is known of one router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
// Each is a fact from the wire, with its own quantifier over controllers.
#[allow(clippy::struct_excessive_bools)]
pub struct Word {
    /// Which process said its newest word.
    pub boot: Boot,
    /// Participants by its newest word, however old: a meeting that moved is on one router only.
    pub participants: u32,
    /// The most that any controller says now: what may take a router away from people counts these.
    /// One that says more than the newest word may not have heard yet that they left; or it is the
    /// newest word that is not true.
    pub participants_at_most: u32,
    /// Participants it takes at most, by its newest word.
    pub capacity: u32,
    /// By its newest word it takes participants.
    pub accepting: bool,
    /// By its newest word it empties itself.
    pub draining: bool,
    /// Some controller has heard it within the last seconds.
    pub fresh: bool,
    /// Some controller has heard this run of it within the last seconds, and its link is up:
    /// there is somebody who can send people to it.
    pub connected: bool,
    /// EVERY controller has heard it within the last seconds.
    pub fresh_everywhere: bool,
    /// EVERY controller has heard from it, freshly, that it drains and is empty: the age of
    /// the oldest of these words. One that is older than a drain says nothing about it.
    pub empty_everywhere: Option<Duration>,
    /// Since people were last moved to it from another router, by any controller; `None` if they
    /// never were.
    pub received: Option<Duration>,
    /// Seats on one other router that a meeting on it needs and has found nowhere, by any
    /// controller that knows as well as the newest word whether it empties itself.
    pub unplaced: Option<u32>,
}

impl Node {
    /// Why clients could not be told where a router on it is, if they could not.
    #[must_use]
    pub fn no_address(&self) -> Option<&NoAddress> {
        match &self.reached {
            Reached::Nowhere(why) => Some(why),
            Reached::ByItself | Reached::At(_) => None,
        }
    }
}

impl Word {
    /// What its newest word says can be relied on: it is fresh, and the router is in touch.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.fresh && self.connected
    }
}

impl View {
    /// The same without what changes by the mere passing of time, to tell whether there is
    /// news.
    #[must_use]
    pub fn without_ages(mut self) -> Self {
        self.age = None;
        for word in self.routers.values_mut() {
            word.empty_everywhere = word.empty_everywhere.map(|_| Duration::ZERO);
            word.received = word.received.map(|_| Duration::ZERO);
        }
        self
    }
}

impl Observed {
    /// Nodes that can get a router now that clients would find, first by name. A pod that is
    /// still stopping keeps the next from starting, so its node is not free.
    pub fn free_nodes(&self) -> impl Iterator<Item = &str> {
        let taken: BTreeSet<&str> = self.pods.values().map(|pod| pod.node.as_str()).collect();
        self.open_nodes()
            .filter(|(_, node)| node.no_address().is_none())
            .map(|(name, _)| name)
            .filter(move |name| !taken.contains(name))
    }

    /// Nodes that could get one if clients could be told where they are.
    pub fn unreached_nodes(&self) -> impl Iterator<Item = (&str, &NoAddress)> {
        self.open_nodes()
            .filter_map(|(name, node)| Some((name, node.no_address()?)))
    }

    /// Nodes of nobody that could run one.
    fn open_nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes
            .iter()
            .filter(|(_, n)| n.selected && n.schedulable && !n.drain_requested)
            .filter(|(_, n)| n.ready && n.owner == Owner::Nobody)
            .map(|(name, node)| (name.as_str(), node))
    }
}
