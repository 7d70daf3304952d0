//! From Kubernetes objects to what planning sees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{ContainerState, Node, Pod, Taint, Toleration};
use kube::api::ListParams;
use kube::runtime::reflector::Store;
use kube::{Api, Client, Resource, ResourceExt};
use plenum_crds::conditions::{DrainReason, ZoneCondition};
use plenum_crds::{MMRPool, MeetingZone, labels};
use plenum_wire::RouterId;

use super::build::{selector, template_hash};
use super::observed::{self, Drain, Observed, Owner, Said, View, Zone};
use super::validate::ValidPool;
use crate::apply::FIELD_MANAGER;
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
    /// all pods as they are.
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
                let seen = observe_node(node, pool, matches && claims.won(node));
                let concerns = matches || seen.owner == Owner::Us;
                concerns.then(|| (node.name_any(), seen))
            })
            .collect();
        let active = nodes.values().any(|node| node.owner == Owner::Us);
        Observed {
            zone: observe_zone(self.zone.as_deref(), active),
            pool_deleting: object.metadata.deletion_timestamp.is_some(),
            nodes,
            pods: self
                .pods
                .iter()
                .filter_map(|pod| observe_pod(pod, template))
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

fn observe_zone(zone: Option<&MeetingZone>, active: bool) -> Zone {
    let Some(zone) = zone else {
        return Zone::Missing;
    };
    if zone.metadata.deletion_timestamp.is_some() {
        let deadline = Duration::from_secs(zone.spec.drain_deadline_seconds.into());
        return Zone::Deleting { deadline };
    }
    let conditions = zone.status.iter().flat_map(|status| &status.conditions);
    let certified = conditions
        .filter(|c| c.type_ == ZoneCondition::CertificatesReady.as_str())
        .any(|c| c.status == "True");
    // A pool that runs goes on growing, whatever has become of the zone's certificates.
    if certified || active {
        Zone::Found
    } else {
        Zone::NotReady
    }
}

fn observe_node(node: &Node, pool: &ValidPool, selected: bool) -> observed::Node {
    let owner = match label(node, labels::ACTIVE_POOL) {
        None => Owner::Nobody,
        Some(value) if value == pool.active.as_str() => Owner::Us,
        Some(_) => Owner::Other,
    };
    let kept = |key: &str| node.annotations().get(key).is_some_and(|v| v == "true");
    let protections = [labels::CLUSTER_AUTOSCALER_KEEP, labels::KARPENTER_KEEP];
    observed::Node {
        selected,
        schedulable: is_schedulable(node, pool.spec.tolerations.as_deref().unwrap_or_default()),
        ready: node_is_ready(node),
        owner,
        // A person may protect a node of his own; only marks of ours are taken off.
        protected: protections.into_iter().all(kept)
            && (owner != Owner::Nobody || marked_by_us(node)),
        drain: observe_drain(node),
    }
}

fn marked_by_us(node: &Node) -> bool {
    node.managed_fields()
        .iter()
        .any(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER) && entry.subresource.is_none())
}

fn observe_drain(node: &Node) -> Option<Drain> {
    let annotations = node.annotations();
    let since = annotations.get(labels::DRAINING_SINCE)?;
    let reason = annotations.get(labels::DRAINING_REASON).map(String::as_str);
    Some(Drain {
        // One that cannot be read began now at the earliest, at every look: it never becomes
        // late, and ends when the router is empty.
        since: since.parse().unwrap_or(Timestamp::MAX),
        reason: reason
            .and_then(DrainReason::from_word)
            .unwrap_or(DrainReason::ScaleDown),
    })
}

fn node_is_ready(node: &Node) -> bool {
    let conditions = node
        .status
        .iter()
        .flat_map(|s| s.conditions.iter().flatten());
    conditions
        .filter(|c| c.type_ == "Ready")
        .any(|c| c.status == "True")
}

fn is_schedulable(node: &Node, tolerations: &[Toleration]) -> bool {
    let spec = node.spec.clone().unwrap_or_default();
    let taints = spec.taints.unwrap_or_default();
    spec.unschedulable != Some(true)
        && node.metadata.deletion_timestamp.is_none()
        && !taints.iter().any(|taint| repels(taint, tolerations))
}

/// Whether the taint keeps routers off. What kubelets and the node controller set for a
/// passing trouble of the node is not somebody's wish to have it empty, and `DaemonSet` pods
/// tolerate it.
fn repels(taint: &Taint, tolerations: &[Toleration]) -> bool {
    const PASSING: [&str; 6] = [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/disk-pressure",
        "node.kubernetes.io/memory-pressure",
        "node.kubernetes.io/pid-pressure",
        "node.kubernetes.io/network-unavailable",
    ];
    taint.effect != "PreferNoSchedule"
        && !PASSING.contains(&taint.key.as_str())
        && !tolerations
            .iter()
            .any(|toleration| tolerates(toleration, taint))
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration
        .effect
        .as_deref()
        .is_none_or(|e| e.is_empty() || e == taint.effect);
    let key = toleration.key.as_deref().unwrap_or_default();
    let same_value = toleration.value.as_deref().unwrap_or_default()
        == taint.value.as_deref().unwrap_or_default();
    let exists = toleration.operator.as_deref() == Some("Exists");
    effect && (key == taint.key || (key.is_empty() && exists)) && (exists || same_value)
}

fn observe_pod(pod: &Pod, template: Option<&str>) -> Option<(RouterId, observed::Pod)> {
    let router = RouterId::try_from(pod.name_any()).ok()?;
    let node = pod.spec.as_ref()?.node_name.clone()?;
    let hash = template_hash(pod.metadata.annotations.as_ref());
    let over = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    let seen = observed::Pod {
        node,
        started: has_started(pod),
        ready: is_ready(pod),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        outdated: template.is_some_and(|wanted| hash != Some(wanted)),
        said: observe_said(pod),
    };
    // A pod that has ended carries nobody; the DaemonSet replaces it.
    (!matches!(over, Some("Failed" | "Succeeded"))).then_some((router, seen))
}

fn observe_said(pod: &Pod) -> Said {
    let condition = |type_: &str| {
        let all = pod
            .status
            .iter()
            .flat_map(|s| s.conditions.iter().flatten());
        all.filter(|c| c.type_ == type_)
            .map(|c| c.status.clone())
            .next()
    };
    let truth = |status: &Option<String>| match status.as_deref() {
        Some("True") => Some(true),
        Some("False") => Some(false),
        _ => None,
    };
    let (accepting, draining) = (
        condition(labels::POD_ACCEPTING),
        condition(labels::POD_DRAINING),
    );
    Said {
        accepting: truth(&accepting),
        draining: truth(&draining),
        written: accepting.is_some() && draining.is_some(),
    }
}

fn has_started(pod: &Pod) -> bool {
    let statuses = pod
        .status
        .iter()
        .flat_map(|s| s.container_statuses.iter().flatten());
    let ran = |state: &ContainerState| state.running.is_some() || state.terminated.is_some();
    let ready = is_ready(pod);
    ready
        || statuses
            .flat_map(|s| s.state.iter().chain(&s.last_state))
            .any(ran)
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|s| s.conditions.iter().flatten());
    conditions
        .filter(|c| c.type_ == "Ready")
        .any(|c| c.status == "True")
}

fn label<'a>(object: &'a impl Resource, key: &str) -> Option<&'a str> {
    object.meta().labels.as_ref()?.get(key).map(String::as_str)
}
