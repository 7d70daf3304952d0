//! Which event concerns which pool.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::reflector::{Store, reflector, store};
use kube::runtime::watcher;
use kube::{Client, Resource, ResourceExt as _};
use plenum_crds::{MMRPool, MeetingZone, labels};
use plenum_wire::PoolName;
use tokio_util::sync::CancellationToken;

use super::caches::{Caches, Part, alone, in_part, in_pool};
use super::index::{Nodes, PoolIndex};
use super::outline::{NodeOutline, PodOutline};
use super::{observe, prune};
use crate::cache::watch::{all, cached, events, pruned, unmanaged};
use crate::cache::{Change, Item, Key};
use crate::metrics::Metrics;
use crate::queue::Queue;

/// Asks for looks at pools. Cheap to clone.
#[derive(Clone)]
pub(super) struct Triggers {
    index: Arc<PoolIndex>,
    queue: Queue,
}

impl Triggers {
    /// The second value yields the pools to look at.
    pub(super) fn new(metrics: Arc<Metrics>) -> (Self, impl Stream<Item = Key> + Send + 'static) {
        let queue = Queue::new("pool", metrics);
        let due = queue.clone().due();
        let index = Arc::default();
        (Self { index, queue }, due)
    }

    /// Starts all watches; they end with `stop`.
    pub(super) fn watch_all(&self, client: &Client, stop: &CancellationToken) -> Caches {
        let [nodes, pods, zones, sets, placeholders] = std::array::from_fn(|_| self.clone());
        let to = (client, stop);
        let of_zones = all().labels(labels::ZONE);
        let of_pools = all().labels(labels::POOL);
        let placeholding = format!(
            "{}={}",
            labels::APP_COMPONENT,
            labels::COMPONENT_PLACEHOLDER
        );
        let placeholding = all().labels(&placeholding);
        let node_outline = |node: Node| NodeOutline::of(&node);
        let pod_outline = |pod: Pod| PodOutline::of(&pod);
        let nodes = cached(to, all(), node_outline, in_pool, move |node| {
            nodes.by_node(node);
        });
        Caches {
            pods: cached(to, of_zones, pod_outline, in_part, move |pod| {
                pods.by_pod(pod);
            }),
            zones: cached(to, all(), pruned(unmanaged), alone, move |zone| {
                zones.by_zone(zone);
            }),
            daemonsets: cached(to, of_pools, pruned(prune::daemonset), alone, move |set| {
                sets.by_daemonset(set);
            }),
            placeholders: cached(
                to,
                placeholding,
                pruned(prune::deployment),
                alone,
                move |change| {
                    placeholders.by_placeholders(change);
                },
            ),
            pools: self.watch_pools(to, nodes.clone()),
            nodes,
            index: self.index.clone(),
        }
    }

    /// The pools themselves. They come from kube's store, which its controller reads.
    fn watch_pools(
        &self,
        (client, stop): (&Client, &CancellationToken),
        nodes: Nodes,
    ) -> Store<MMRPool> {
        let (pools, writer) = store::<MMRPool>();
        let (triggers, reader) = (self.clone(), pools.clone());
        let watched = reflector(writer, events(client, all(), unmanaged));
        let watched = watched.for_each(move |event| {
            match event {
                Ok(watcher::Event::Apply(pool)) => {
                    triggers.by_pool(&Key::of(&pool), Some(&pool), &nodes);
                }
                Ok(watcher::Event::Delete(pool)) => {
                    triggers.by_pool(&Key::of(&pool), None, &nodes);
                }
                // The store has a new list when that is whole.
                Ok(watcher::Event::InitDone) => triggers.relisted(&reader, &nodes),
                Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => {}
                Err(error) => tracing::warn!(kind = "MMRPool", %error, "a watch broke"),
            }
            std::future::ready(())
        });
        let stop = stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(watched).await });
        pools
    }

    /// Something new was reported of this pool, called `<namespace>.<name>`.
    pub(super) fn by_wire_name(&self, pool: &PoolName) {
        if let Some((namespace, name)) = pool.as_str().split_once('.') {
            self.push(Key::new(namespace, name));
        }
    }

    fn by_pool(&self, key: &Key, pool: Option<&MMRPool>, nodes: &Nodes) {
        let concerned = self.index.set(key, pool, nodes);
        if concerned.itself {
            self.queue.push(key.clone());
        }
        concerned.others.into_iter().for_each(|key| self.push(key));
    }

    fn relisted(&self, pools: &Store<MMRPool>, nodes: &Nodes) {
        for key in self.index.names() {
            if pools.get(&key.object_ref()).is_none() {
                self.by_pool(&key, None, nodes);
            }
        }
        for pool in pools.state() {
            self.by_pool(&Key::of(pool.as_ref()), Some(&pool), nodes);
        }
    }

    fn by_node(&self, change: &Change<NodeOutline>) {
        let Some(key) = change.sides().next().map(Item::key) else {
            return;
        };
        let [old, new] = [&change.old, &change.new].map(|side| side.as_ref().map(|n| n.labels()));
        self.index.set_node(&key, old, new);
        if change.is_news(NodeOutline::is_the_same) {
            for node in change.sides() {
                let selecting = self.index.selecting(node.labels());
                for key in selecting.into_iter().chain(node.active_pool()) {
                    self.push(key);
                }
            }
        }
    }

    fn by_pod(&self, change: &Change<PodOutline>) {
        if !change.is_news(PodOutline::is_the_same) {
            return;
        }
        for part in change.sides().filter_map(|pod| pod.facts.part.as_ref()) {
            match part {
                Part::Routers(pool) => self.push(pool.clone()),
                Part::Controllers(zone) => self.of_zone(zone),
            }
        }
    }

    fn by_zone(&self, change: &Change<MeetingZone>) {
        // How many people there are is no news; the conditions are.
        let same = |old: &MeetingZone, new: &MeetingZone| {
            let conditions = |zone: &MeetingZone| zone.status.clone().map(|s| s.conditions);
            same_meta(&old.metadata, &new.metadata)
                && old.spec == new.spec
                && conditions(old) == conditions(new)
        };
        if change.is_news(same)
            && let Some(zone) = change.sides().next()
        {
            self.of_zone(&Key::of(zone));
        }
    }

    fn by_daemonset(&self, change: &Change<DaemonSet>) {
        let same = |old: &DaemonSet, new: &DaemonSet| {
            same_meta(&old.metadata, &new.metadata) && old.spec == new.spec
        };
        if change.is_news(same) {
            change.sides().for_each(|set| self.by_child(set));
        }
    }

    fn by_placeholders(&self, change: &Change<Deployment>) {
        let same = |old: &Deployment, new: &Deployment| {
            same_meta(&old.metadata, &new.metadata)
                && old.spec == new.spec
                && old.status == new.status
        };
        if change.is_news(same) {
            change.sides().for_each(|pods| self.by_child(pods));
        }
    }

    /// By the label that says which pool it was made for.
    fn by_child(&self, child: &impl Resource) {
        let pool = observe::label(child, labels::POOL);
        if let (Some(namespace), Some(pool)) = (child.namespace(), pool) {
            self.push(Key::new(&namespace, pool));
        }
    }

    fn of_zone(&self, zone: &Key) {
        for key in self.index.of_zone(zone) {
            self.push(key);
        }
    }

    fn push(&self, key: Key) {
        if self.index.knows(&key) {
            self.queue.push(key);
        }
    }
}

/// Whether nothing differs but the version, and what no planner reads.
fn same_meta(old: &ObjectMeta, new: &ObjectMeta) -> bool {
    old.uid == new.uid
        && old.generation == new.generation
        && old.labels == new.labels
        && old.annotations == new.annotations
        && old.owner_references == new.owner_references
        && old.deletion_timestamp == new.deletion_timestamp
}

/// Waits until all caches have been filled once; `false` when stopped before.
pub(super) async fn synced(caches: &Caches, stop: &CancellationToken) -> bool {
    stop.run_until_cancelled(caches.filled()).await.is_some()
}
