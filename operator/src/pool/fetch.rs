//! From Kubernetes objects to what planning sees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::ListParams;
use kube::runtime::reflector::Store;
use kube::{Api, Client, ResourceExt};
use plenum_crds::{MMRPool, MeetingZone, labels};

use super::build::selector;
use super::observe::{self, is_ready, label};
use super::observed::{Observed, Owner, View};
use super::validate::ValidPool;
use crate::reports::Controller;

/// Caches of everything that pools are planned from.
#[derive(Clone)]
pub struct Caches {
    /// All nodes.
    pub nodes: Store<Node>,
    /// Router and controller pods.
    pub pods: Store<Pod>,
    /// All pools.
    pub pools: Store<MMRPool>,
    /// All zones.
    pub zones: Store<MeetingZone>,
    /// The routers' `DaemonSet`s.
    pub daemonsets: Store<DaemonSet>,
}

/// The objects that one pool is planned from.
pub struct Snapshot {
    /// All nodes, or all that the pool can be concerned with.
    pub nodes: Vec<Arc<Node>>,
    /// Router pods of the pool.
    pub pods: Vec<Arc<Pod>>,
    /// Its zone.
    pub zone: Option<Arc<MeetingZone>>,
    /// The other pools of the cluster.
    pub others: Vec<Arc<MMRPool>>,
    /// Its `DaemonSet`.
    pub daemonset: Option<Arc<DaemonSet>>,
    /// The controllers of its zone.
    pub controllers: Vec<Controller>,
}

impl Caches {
    /// The objects of `pool` as cached.
    #[must_use]
    pub fn snapshot(&self, pool: &ValidPool) -> Snapshot {
        let name = super::build::daemonset_name(&pool.name);
        let here = |meta: &dyn Fn() -> Option<String>| meta().as_deref() == Some(&pool.namespace);
        let wanted = selector(pool);
        Snapshot {
            nodes: self.nodes.state(),
            pods: self.pods.state_filter(|pod| {
                here(&|| pod.namespace())
                    && wanted.iter().all(|(k, v)| pod.labels().get(k) == Some(v))
            }),
            zone: self
                .zones
                .find(|zone| here(&|| zone.namespace()) && zone.name_any() == pool.spec.zone),
            others: self
                .pools
                .state_filter(|p| !here(&|| p.namespace()) || p.name_any() != pool.name),
            daemonset: self
                .daemonsets
                .find(|set| here(&|| set.namespace()) && set.name_any() == name),
            controllers: self.controllers(&pool.namespace, &pool.spec.zone),
        }
    }

    fn controllers(&self, namespace: &str, zone: &str) -> Vec<Controller> {
        let of_zone = |pod: &Pod| {
            pod.namespace().as_deref() == Some(namespace)
                && label(pod, labels::ZONE) == Some(zone)
                && label(pod, labels::APP_COMPONENT) == Some(labels::COMPONENT_CONTROLLER)
                && pod.metadata.deletion_timestamp.is_none()
        };
        let mut controllers: Vec<Controller> = self
            .pods
            .state_filter(of_zone)
            .iter()
            .filter_map(|pod| {
                let ip = pod.status.as_ref()?.pod_ip.as_deref()?.parse().ok()?;
                let (name, ready) = (pod.name_any(), is_ready(pod));
                Some(Controller { name, ip, ready })
            })
            .collect();
        controllers.sort();
        controllers
    }
}

impl Snapshot {
    /// The same with nodes and pods as the API server has them now. A cache may be behind
    /// (after a restart even by much); what is taken away is decided on this.
    pub async fn confirmed(self, client: &Client, pool: &ValidPool) -> Result<Self, kube::Error> {
        let ours = format!("{}={}", labels::ACTIVE_POOL, pool.active.as_str());
        let nodes: Api<Node> = Api::all(client.clone());
        let marked = nodes.list(&ListParams::default().labels(&ours)).await?;
        let wanted: Vec<String> = selector(pool)
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        let pods: Api<Pod> = Api::namespaced(client.clone(), &pool.namespace);
        let pods = pods
            .list(&ListParams::default().labels(&wanted.join(",")))
            .await?;
        let fresh: BTreeSet<String> = marked.items.iter().map(ResourceExt::name_any).collect();
        let stale = |node: &Arc<Node>| {
            fresh.contains(&node.name_any())
                || label(&**node, labels::ACTIVE_POOL) == Some(pool.active.as_str())
        };
        let mut nodes: Vec<_> = self.nodes.into_iter().filter(|node| !stale(node)).collect();
        nodes.extend(marked.items.into_iter().map(Arc::new));
        Ok(Self {
            nodes,
            pods: pods.items.into_iter().map(Arc::new).collect(),
            ..self
        })
    }

    /// What planning sees. `template` is the hash of the template wanted now; `None` leaves
    /// all pods as they are, and nodes without: nothing would start routers on them.
    #[must_use]
    pub fn observed(
        &self,
        object: &MMRPool,
        pool: &ValidPool,
        template: Option<&str>,
        view: View,
    ) -> Observed {
        let claims = Claims::new(object, &self.others);
        let mut rivals = BTreeSet::new();
        let nodes: BTreeMap<_, _> = self
            .nodes
            .iter()
            .filter_map(|node| {
                let matches = selects(object, node);
                if matches {
                    rivals.extend(claims.rivals(node));
                }
                let seen = observe::node(node, pool, matches && claims.won(node));
                let concerns = matches || seen.owner == Owner::Us;
                concerns.then(|| (node.name_any(), seen))
            })
            .collect();
        let active = nodes.values().any(|node| node.owner == Owner::Us);
        Observed {
            zone: observe::zone(self.zone.as_deref(), active),
            pool_deleting: object.metadata.deletion_timestamp.is_some(),
            startable: template.is_some(),
            nodes,
            pods: self
                .pods
                .iter()
                .filter_map(|pod| observe::pod(pod, template))
                .collect(),
            view,
            rivals,
        }
    }
}

/// Who may have which node.
struct Claims<'a> {
    object: &'a MMRPool,
    others: Vec<&'a MMRPool>,
}

impl<'a> Claims<'a> {
    fn new(object: &'a MMRPool, others: &'a [Arc<MMRPool>]) -> Self {
        let stays = |pool: &&MMRPool| pool.metadata.deletion_timestamp.is_none();
        let others = others.iter().map(AsRef::as_ref).filter(stays).collect();
        Self { object, others }
    }

    fn rivals(&self, node: &Node) -> impl Iterator<Item = String> {
        self.others
            .iter()
            .filter(|other| selects(other, node))
            .map(|other| {
                format!(
                    "{}/{}",
                    other.namespace().unwrap_or_default(),
                    other.name_any()
                )
            })
    }

    /// No older pool selects it.
    fn won(&self, node: &Node) -> bool {
        let age = |pool: &MMRPool| {
            let born = pool.metadata.creation_timestamp.as_ref().map(|t| t.0);
            (born, pool.namespace(), pool.name_any())
        };
        let ours = age(self.object);
        !self
            .others
            .iter()
            .any(|other| age(other) < ours && selects(other, node))
    }
}

/// Whether the pool's `nodeSelector` matches the node.
#[must_use]
pub fn selects(pool: &MMRPool, node: &Node) -> bool {
    let selector = &pool.spec.node_selector;
    !selector.is_empty()
        && selector
            .iter()
            .all(|(k, v)| node.labels().get(k) == Some(v))
}
