//! What happens to routers on a cluster, as the API server tells it, with times.
//!
//! [`watch`] follows nodes, router pods and pools; [`Timeline`] makes figures of what was
//! seen and knows neither sockets nor clock.

mod timeline;

use anyhow::Result;
use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt as _};
use plenum_crds::{MMRPool, labels};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use timeline::{Drain, RouterCounts, ScaleUp, Timeline};

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A node carries the active label of a pool, or no longer.
    Active {
        /// The node.
        node: String,
        /// Whether it does.
        active: bool,
    },
    /// The operator wants a node's router empty, or no longer.
    Draining {
        /// The node.
        node: String,
        /// Whether it does.
        draining: bool,
    },
    /// A node's router takes participants, or no longer.
    Accepting {
        /// The node.
        node: String,
        /// Whether it does.
        accepting: bool,
    },
    /// A router runs on a node.
    Runs {
        /// The router: the name of its pod.
        router: String,
        /// The node.
        node: String,
    },
    /// What the pool's status says.
    Pool(RouterCounts),
}

/// Follows a pool until the set is dropped; each thing comes with its Unix time in ms.
#[must_use]
pub fn watch(
    client: &Client,
    namespace: &str,
) -> (JoinSet<Result<()>>, mpsc::UnboundedReceiver<(i64, Seen)>) {
    let (seen, receiver) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(watch_nodes(Api::all(client.clone()), seen.clone()));
    tasks.spawn(watch_pods(
        Api::namespaced(client.clone(), namespace),
        seen.clone(),
    ));
    tasks.spawn(watch_pools(
        Api::namespaced(client.clone(), namespace),
        seen,
    ));
    (tasks, receiver)
}

type Sender = mpsc::UnboundedSender<(i64, Seen)>;

/// Nobody listens any more: the watch ends with the next thing seen.
fn tell(sender: &Sender, seen: Seen) {
    let _ = sender.send((Timestamp::now().as_millisecond(), seen));
}

async fn watch_nodes(nodes: Api<Node>, sender: Sender) -> Result<()> {
    let mut stream = watcher::watcher(nodes, watcher::Config::default())
        .default_backoff()
        .touched_objects()
        .boxed();
    while let Some(node) = stream.try_next().await? {
        let name = node.name_any();
        tell(
            &sender,
            Seen::Active {
                node: name.clone(),
                active: node.labels().contains_key(labels::ACTIVE_POOL),
            },
        );
        tell(
            &sender,
            Seen::Draining {
                node: name,
                draining: node.annotations().contains_key(labels::DRAINING_SINCE),
            },
        );
    }
    Ok(())
}

async fn watch_pods(pods: Api<Pod>, sender: Sender) -> Result<()> {
    let selector = format!("{}={}", labels::APP_COMPONENT, labels::COMPONENT_ROUTER);
    let config = watcher::Config::default().labels(&selector);
    let mut stream = watcher::watcher(pods, config).default_backoff().boxed();
    while let Some(event) = stream.try_next().await? {
        let (pod, gone) = match event {
            Event::Apply(pod) | Event::InitApply(pod) => (pod, false),
            Event::Delete(pod) => (pod, true),
            Event::Init | Event::InitDone => continue,
        };
        let Some(node) = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()) else {
            continue;
        };
        let router = pod.name_any();
        tell(
            &sender,
            Seen::Runs {
                router,
                node: node.clone(),
            },
        );
        let accepting = !gone && is_accepting(&pod);
        tell(&sender, Seen::Accepting { node, accepting });
    }
    Ok(())
}

fn is_accepting(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .filter(|condition| condition.type_ == labels::POD_ACCEPTING)
        .any(|condition| condition.status == "True")
}

async fn watch_pools(pools: Api<MMRPool>, sender: Sender) -> Result<()> {
    let mut stream = watcher::watcher(pools, watcher::Config::default())
        .default_backoff()
        .applied_objects()
        .boxed();
    while let Some(pool) = stream.try_next().await? {
        let Some(status) = pool.status else { continue };
        tell(
            &sender,
            Seen::Pool(RouterCounts {
                desired: status.routers.desired,
                active: status.routers.active,
                accepting: status.routers.accepting,
                draining: status.routers.draining,
                participants: status.participants.in_use,
                capacity: status.participants.capacity,
            }),
        );
    }
    Ok(())
}
