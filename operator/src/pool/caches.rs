//! Everything that pools are planned from, as cached.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::ResourceExt as _;
use kube::runtime::reflector::{Store, store};
use kube::runtime::watcher::Event;
use plenum_crds::{MMRPool, MeetingZone, labels};

use super::fetch::Snapshot;
use super::index::{Nodes, PoolIndex};
use super::observe::label;
use super::outline::{NodeOutline, PodOutline};
use super::validate::ValidPool;
use crate::cache::{Cache, Feed, Item, Key};
use crate::reports::Controller;

/// Caches of everything that pools are planned from.
#[derive(Clone)]
pub struct Caches {
    pub(super) nodes: Nodes,
    /// Router and controller pods.
    pub(super) pods: Cache<PodOutline, Part>,
    pub(super) zones: Cache<MeetingZone, ()>,
    pub(super) daemonsets: Cache<DaemonSet, ()>,
    pub(super) placeholders: Cache<Deployment, ()>,
    /// All pools.
    pub pools: Store<MMRPool>,
    pub(super) index: Arc<PoolIndex>,
}

/// What a pod is part of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// The routers of a pool.
    Routers(Key),
    /// The controllers of a zone.
    Controllers(Key),
}

impl Caches {
    /// The objects of `pool` as cached. It looks at what concerns the pool, at each once, and at
    /// nothing else.
    #[must_use]
    pub fn snapshot(&self, pool: &ValidPool) -> Snapshot {
        let in_namespace = |name: &str| Key::new(&pool.namespace, name);
        let key = in_namespace(&pool.name);
        let (nodes, rivals) = self.nodes_of(&key);
        let daemonset = in_namespace(&super::build::daemonset_name(&pool.name));
        let placeholders = in_namespace(&super::placeholders::name(&pool.name));
        let zone = in_namespace(&pool.spec.zone);
        let other = |other: &Key| self.pools.get(&other.object_ref());
        Snapshot {
            nodes,
            pods: self.pods.group(&Part::Routers(key)),
            zone: self.zones.get(&zone),
            others: rivals.iter().filter_map(other).collect(),
            daemonset: self.daemonsets.get(&daemonset),
            placeholders: self.placeholders.get(&placeholders),
            controllers: self.controllers(zone),
        }
    }

    /// The nodes that the pool selects or has marked, by name, and the other pools that select
    /// some of those which it selects.
    fn nodes_of(&self, pool: &Key) -> (Vec<Arc<NodeOutline>>, BTreeSet<Key>) {
        let marked = self.nodes.group(pool).into_iter();
        let mut nodes: BTreeMap<Key, Arc<NodeOutline>> =
            marked.map(|node| (node.key(), node)).collect();
        let selected = self.index.selected(pool);
        for key in &selected {
            if !nodes.contains_key(key)
                && let Some(node) = self.nodes.get(key)
            {
                nodes.insert(key.clone(), node);
            }
        }
        let wanted = selected.iter().filter_map(|key| nodes.get(key));
        let rivals = self.index.rivals(pool, wanted.map(|node| node.labels()));
        (nodes.into_values().collect(), rivals)
    }

    /// Waits until all have been filled once.
    pub(super) async fn filled(&self) {
        // A writer that is gone ends the controller, and with it whoever waits here.
        let _ = self.pools.wait_until_ready().await;
        self.nodes.filled().await;
        self.pods.filled().await;
        self.zones.filled().await;
        self.daemonsets.filled().await;
        self.placeholders.filled().await;
    }

    /// The pools of a zone.
    pub(super) fn pools_of(&self, zone: &Key) -> Vec<Arc<MMRPool>> {
        let pools = self.index.of_zone(zone).into_iter();
        let pools = pools.filter_map(|key| self.pools.get(&key.object_ref()));
        pools.collect()
    }

    fn controllers(&self, zone: Key) -> Vec<Controller> {
        let mut controllers: Vec<Controller> = self
            .pods
            .group(&Part::Controllers(zone))
            .iter()
            .filter_map(|pod| pod.controller())
            .collect();
        controllers.sort();
        controllers
    }
}

impl Part {
    /// By its labels.
    pub(super) fn of(pod: &Pod) -> Option<Self> {
        let named = |key| Some(Key::new(&pod.namespace()?, label(pod, key)?));
        match label(pod, labels::APP_COMPONENT)? {
            labels::COMPONENT_ROUTER => named(labels::POOL).map(Self::Routers),
            labels::COMPONENT_CONTROLLER => named(labels::ZONE).map(Self::Controllers),
            _ => None,
        }
    }
}

/// Objects to fill caches with.
#[derive(Default)]
pub struct Objects {
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Pods of routers and controllers.
    pub pods: Vec<Pod>,
    /// Zones.
    pub zones: Vec<MeetingZone>,
    /// The routers' `DaemonSet`s.
    pub daemonsets: Vec<DaemonSet>,
    /// The Deployments of placeholders.
    pub placeholders: Vec<Deployment>,
    /// Pools.
    pub pools: Vec<MMRPool>,
}

impl Caches {
    /// Caches of what is there now, which nothing keeps up: for tests.
    #[must_use]
    pub fn of(objects: Objects) -> Self {
        let (nodes, feed) = Cache::new(in_pool);
        fill(feed, objects.nodes.iter().map(NodeOutline::of));
        let (pods, feed) = Cache::new(in_part);
        fill(feed, objects.pods.iter().map(PodOutline::of));
        let (zones, feed) = Cache::new(alone);
        fill(feed, objects.zones);
        let (daemonsets, feed) = Cache::new(alone);
        fill(feed, objects.daemonsets);
        let (placeholders, feed) = Cache::new(alone);
        fill(feed, objects.placeholders);
        let index = PoolIndex::default();
        let (pools, mut writer) = store();
        writer.apply_watcher_event(&Event::Init);
        for pool in objects.pools {
            index.set(&Key::of(&pool), Some(&pool), &nodes);
            writer.apply_watcher_event(&Event::InitApply(pool));
        }
        writer.apply_watcher_event(&Event::InitDone);
        Self {
            nodes,
            pods,
            zones,
            daemonsets,
            placeholders,
            pools,
            index: Arc::new(index),
        }
    }

    /// How many objects were looked at so far.
    #[must_use]
    pub fn visited(&self) -> u64 {
        self.nodes.visited()
            + self.pods.visited()
            + self.zones.visited()
            + self.daemonsets.visited()
            + self.placeholders.visited()
    }
}

fn fill<K, G>(mut feed: Feed<K, G>, objects: impl IntoIterator<Item = K>)
where
    K: Item,
    G: std::hash::Hash + Eq + Clone,
{
    feed.take(Event::Init);
    for object in objects {
        feed.take(Event::InitApply(object));
    }
    feed.take(Event::InitDone);
}

pub(super) fn in_pool(node: &NodeOutline) -> Vec<Key> {
    node.active_pool().into_iter().collect()
}

pub(super) fn in_part(pod: &PodOutline) -> Vec<Part> {
    pod.facts.part.clone().into_iter().collect()
}

pub(super) fn alone<K>(_: &K) -> Vec<()> {
    Vec::new()
}
