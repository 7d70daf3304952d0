//! From one Kubernetes object to what planning sees of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStatus, Pod, PodCondition, Taint, Toleration,
};
use kube::Resource;
use plenum_crds::conditions::ZoneCondition;
use plenum_crds::{MeetingZone, labels};
use plenum_wire::RouterId;

use super::address;
use super::build::CONTAINER;
use super::observed::{self, Owner, Zone};
use super::outline::{NodeOutline, PodOutline};
use super::validate::ValidPool;

/// The pool's zone. `active`: the pool has nodes already.
pub(super) fn zone(zone: Option<&MeetingZone>, active: bool) -> Zone {
    let Some(zone) = zone else {
        return Zone::Missing;
    };
    if let Some(deleted) = &zone.metadata.deletion_timestamp {
        let grace = Duration::from_secs(zone.spec.drain_deadline_seconds.into());
        let until = deleted.0.saturating_add(grace).unwrap_or(Timestamp::MAX);
        return Zone::Deleting { until };
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

/// A node that `pool` has marked, or may (`selected`).
pub(super) fn node(node: &NodeOutline, pool: &ValidPool, selected: bool) -> observed::Node {
    let owner = match node.labels().get(labels::ACTIVE_POOL) {
        None => Owner::Nobody,
        Some(value) if value == pool.active.as_str() => Owner::Us,
        Some(_) => Owner::Other,
    };
    let tolerations = pool.spec.tolerations.as_deref().unwrap_or_default();
    let mut taints = node.taints().iter();
    observed::Node {
        selected,
        schedulable: node.is_open() && !taints.any(|taint| repels(taint, tolerations)),
        drain_requested: node.drain_is_requested(),
        ready: node.is_ready(),
        owner,
        // A person may protect a node of his own; only marks of ours are taken off.
        protected: node.is_kept() && (owner != Owner::Nobody || node.is_marked_by_us()),
        drain: node.drain(),
        reached: address::reached(pool.spec.public_address.source, node),
    }
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

/// A router's pod on its node, bound to it or not. `template` is the hash of the one wanted now.
pub(super) fn pod(
    pod: &PodOutline,
    template: Option<&str>,
    nodes: &BTreeMap<String, observed::Node>,
) -> Option<(RouterId, observed::Pod)> {
    let router: RouterId = pod.name().parse().ok()?;
    let facts = &pod.facts;
    let node = facts.node.as_deref()?;
    // The last word of a kubelet that is silent is not unsaid on the container.
    let tells = nodes.get(node).is_none_or(|node| node.ready);
    let seen = observed::Pod {
        node: node.to_owned(),
        born: facts.born,
        run: facts.run,
        started: facts.started,
        stopped: facts.stopped,
        trouble: facts.trouble.as_deref().map(str::to_owned),
        ready: facts.ready && tells,
        terminating: facts.terminating,
        outdated: template.is_some_and(|wanted| facts.template.as_deref() != Some(wanted)),
        said: facts.said,
        announced: facts.announced.clone(),
    };
    // A pod that has ended carries nobody; the DaemonSet replaces it.
    (!facts.over).then_some((router, seen))
}

/// What the kubelet says of the router's own container. What was put beside it runs, ends and is
/// started anew by itself.
pub(super) fn router_status(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == CONTAINER)
}

pub(super) fn has_started(pod: &Pod) -> bool {
    let ran = |state: &ContainerState| state.running.is_some() || state.terminated.is_some();
    let of_router = |it: &ContainerStatus| it.state.iter().chain(&it.last_state).any(ran);
    router_status(pod).is_some_and(of_router)
}

/// One of unknown age never is late.
pub(super) fn born(pod: &Pod) -> Timestamp {
    let created = pod.metadata.creation_timestamp.as_ref();
    created.map_or(Timestamp::MAX, |time| time.0)
}

/// How often its process was started anew.
pub(super) fn run(pod: &Pod) -> u32 {
    router_status(pod).map_or(0, |it| u32::try_from(it.restart_count).unwrap_or(0))
}

/// It has run, and by its kubelet does not now.
pub(super) fn has_stopped(pod: &Pod) -> bool {
    let down = |state: &ContainerState| state.running.is_none();
    let is_down = |it: &ContainerStatus| it.state.as_ref().is_some_and(down);
    has_started(pod) && router_status(pod).is_some_and(is_down)
}

/// The router's own probes succeed, whatever is beside it.
pub(super) fn router_is_ready(pod: &Pod) -> bool {
    router_status(pod).is_some_and(|router| router.ready)
}

/// The probes of all its containers succeed, as the Services of a zone controller ask.
pub(super) fn controller_is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|condition| condition.status == "True")
}

/// A condition of a pod, if it has it.
pub(super) fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|c| c.type_ == type_)
}

pub(super) fn label<'a>(object: &'a impl Resource, key: &str) -> Option<&'a str> {
    object.meta().labels.as_ref()?.get(key).map(String::as_str)
}
