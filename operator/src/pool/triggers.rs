//! Which event concerns which pool.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{Stream, StreamExt as _};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::reflector::{ObjectRef, Store, reflector, store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use plenum_crds::{MMRPool, MeetingZone, labels};
use plenum_wire::PoolName;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::fetch::{Caches, selects};
use crate::apply::FIELD_MANAGER;

/// Asks for looks at pools. Cheap to clone.
#[derive(Clone)]
pub(super) struct Triggers {
    pools: Store<MMRPool>,
    queue: mpsc::UnboundedSender<ObjectRef<MMRPool>>,
    /// Digest of what matters of each node: kubelets touch their nodes far more often.
    nodes: Arc<Mutex<HashMap<String, u64>>>,
}

impl Triggers {
    /// The second value yields the pools to look at. The queue cannot grow without bound:
    /// the controller's scheduler keeps one entry a pool and always takes the next.
    pub(super) fn new(
        pools: Store<MMRPool>,
    ) -> (
        Self,
        impl Stream<Item = ObjectRef<MMRPool>> + Send + 'static,
    ) {
        let (queue, mut due) = mpsc::unbounded_channel();
        let triggers = Self {
            pools,
            queue,
            nodes: Arc::default(),
        };
        let due = futures_util::stream::poll_fn(move |context| due.poll_recv(context));
        (triggers, due)
    }

    /// Starts all watches; they end with `stop`.
    pub(super) fn watch_all(&self, client: &Client, stop: &CancellationToken) -> Caches {
        let all = watcher::Config::default;
        let ours = all().labels(labels::ZONE);
        let [nodes, pods, zones, sets, pools] = std::array::from_fn(|_| self.clone());
        let to = (client, stop);
        let again = || self.clone();
        Caches {
            pools: self.pools.clone(),
            nodes: watch(to, all(), slim_node, again(), move |node, gone| {
                nodes.by_node(node, gone);
            }),
            pods: watch(to, ours, slim, again(), move |pod, _| pods.by_pod(pod)),
            zones: watch(to, all(), slim, again(), move |zone, _| zones.by_zone(zone)),
            daemonsets: watch(
                to,
                all().labels(labels::POOL),
                slim,
                again(),
                move |set, _| {
                    sets.by_daemonset(set);
                },
            ),
        }
        .with_rivals(client, stop, pools)
    }

    /// Something new was reported of this pool.
    pub(super) fn by_wire_name(&self, name: &PoolName) {
        let named = |pool: &MMRPool| {
            let namespace = pool.namespace().unwrap_or_default();
            name.as_str() == format!("{namespace}.{}", pool.name_any())
        };
        self.each(named);
    }

    fn by_node(&self, node: &Node, gone: bool) {
        if !self.is_news(node, gone) {
            return;
        }
        let active = node.labels().get(labels::ACTIVE_POOL);
        self.each(|pool| {
            let namespace = pool.namespace().unwrap_or_default();
            let ours = || format!("{namespace}.{}", pool.name_any());
            selects(pool, node) || active.is_some_and(|value| *value == ours())
        });
    }

    fn is_news(&self, node: &Node, gone: bool) -> bool {
        let mut known = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        if gone {
            known.remove(&node.name_any());
            return true;
        }
        let digest = digest(node);
        known.insert(node.name_any(), digest) != Some(digest)
    }

    fn by_pod(&self, pod: &Pod) {
        let component = pod.labels().get(labels::APP_COMPONENT).map(String::as_str);
        let (key, of_pool) = match component {
            Some(labels::COMPONENT_ROUTER) => (labels::POOL, true),
            Some(labels::COMPONENT_CONTROLLER) => (labels::ZONE, false),
            _ => return,
        };
        let (namespace, name) = (pod.namespace(), pod.labels().get(key));
        self.each(|pool| {
            let own = if of_pool {
                pool.name_any()
            } else {
                pool.spec.zone.clone()
            };
            pool.namespace() == namespace && Some(&own) == name
        });
    }

    fn by_zone(&self, zone: &MeetingZone) {
        let (namespace, name) = (zone.namespace(), zone.name_any());
        self.each(|pool| pool.namespace() == namespace && pool.spec.zone == name);
    }

    fn by_daemonset(&self, set: &DaemonSet) {
        let (namespace, name) = (set.namespace(), set.labels().get(labels::POOL));
        self.each(|pool| pool.namespace() == namespace && Some(&pool.name_any()) == name);
    }

    /// A pool came, went or selects other nodes: others may win or lose nodes by it.
    fn by_rival(&self, rival: &MMRPool) {
        self.each(|pool| {
            pool.uid() != rival.uid()
                && overlap(&pool.spec.node_selector, &rival.spec.node_selector)
        });
    }

    fn each(&self, concerned: impl Fn(&MMRPool) -> bool) {
        for pool in self.pools.state_filter(|pool| concerned(pool)) {
            // Closed only when the controller has ended.
            let _ = self.queue.send(ObjectRef::from_obj(pool.as_ref()));
        }
    }
}

impl Caches {
    /// Watches the pools once more, only for their effect on each other.
    fn with_rivals(self, client: &Client, stop: &CancellationToken, triggers: Triggers) -> Self {
        let seen: Mutex<HashMap<String, u64>> = Mutex::default();
        let config = watcher::Config::default();
        let again = triggers.clone();
        let rivals = move |pool: &MMRPool, gone: bool| {
            let mut hasher = DefaultHasher::new();
            pool.spec.node_selector.hash(&mut hasher);
            pool.metadata.deletion_timestamp.is_some().hash(&mut hasher);
            let digest = hasher.finish();
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let known = seen.insert(pool.uid().unwrap_or_default(), digest);
            if gone {
                seen.remove(&pool.uid().unwrap_or_default());
            }
            if gone || known != Some(digest) {
                triggers.by_rival(pool);
            }
        };
        let _store: Store<MMRPool> = watch((client, stop), config, slim, again, rivals);
        self
    }
}

/// Two selectors that no node can match at once name another value for the same label.
fn overlap(
    a: &std::collections::BTreeMap<String, String>,
    b: &std::collections::BTreeMap<String, String>,
) -> bool {
    a.iter()
        .all(|(key, value)| b.get(key).is_none_or(|other| other == value))
}

/// Waits until all caches have been filled once; `false` when stopped before.
pub(super) async fn synced(caches: &Caches, stop: &CancellationToken) -> bool {
    let filled = async {
        let _ = caches.nodes.wait_until_ready().await;
        let _ = caches.pods.wait_until_ready().await;
        let _ = caches.zones.wait_until_ready().await;
        let _ = caches.daemonsets.wait_until_ready().await;
    };
    stop.run_until_cancelled(filled).await.is_some()
}

/// A cache of all objects of one kind. `concerns` gets every object that came or changed, or,
/// with `true`, that went.
fn watch<K>(
    (client, stop): (&Client, &CancellationToken),
    config: watcher::Config,
    slim: fn(&mut K),
    relisted: Triggers,
    concerns: impl Fn(&K, bool) + Send + 'static,
) -> Store<K>
where
    K: Resource<DynamicType = ()>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug
        + Send
        + Sync
        + 'static,
{
    let (reader, writer) = store::<K>();
    let events = watcher(Api::<K>::all(client.clone()), config)
        .modify(slim)
        .default_backoff();
    let stop = stop.clone();
    let events = reflector(writer, events).for_each(move |event| {
        match event {
            Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => {
                concerns(&object, false);
            }
            Ok(watcher::Event::Delete(object)) => concerns(&object, true),
            Ok(watcher::Event::Init) => {}
            // What went while the watch was broken makes no event of its own.
            Ok(watcher::Event::InitDone) => relisted.each(|_| true),
            Err(error) => tracing::warn!(kind = %K::kind(&()), %error, "watch"),
        }
        std::future::ready(())
    });
    tokio::spawn(async move { stop.run_until_cancelled(events).await });
    reader
}

fn slim<K: Resource>(object: &mut K) {
    object.managed_fields_mut().clear();
}

/// Keeps of a node what planning reads: 5,000 of them shall fit in memory.
fn slim_node(node: &mut Node) {
    node.managed_fields_mut().retain_mut(|entry| {
        entry.fields_v1 = None;
        entry.manager.as_deref() == Some(FIELD_MANAGER)
    });
    if let Some(status) = &mut node.status {
        status.images = None;
        status.volumes_attached = None;
        status.volumes_in_use = None;
        status.allocatable = None;
        status.capacity = None;
    }
}

/// What planning reads of a node.
fn digest(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    node.uid().hash(&mut hasher);
    node.labels().hash(&mut hasher);
    node.annotations().hash(&mut hasher);
    node.metadata.deletion_timestamp.is_some().hash(&mut hasher);
    if let Some(spec) = &node.spec {
        spec.unschedulable.hash(&mut hasher);
        for taint in spec.taints.iter().flatten() {
            (&taint.key, &taint.value, &taint.effect).hash(&mut hasher);
        }
    }
    let conditions = node
        .status
        .iter()
        .flat_map(|s| s.conditions.iter().flatten());
    for condition in conditions.filter(|c| c.type_ == "Ready") {
        condition.status.hash(&mut hasher);
    }
    hasher.finish()
}
