//! From one Kubernetes object to what planning sees of it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerState, Pod, PodCondition, Taint, Toleration};
use kube::Resource;
use plenum_crds::conditions::ZoneCondition;
use plenum_crds::{MeetingZone, labels};
use plenum_wire::RouterId;

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

/// A router's pod, once it has a node. `template` is the hash of the one wanted now.
pub(super) fn pod(pod: &PodOutline, template: Option<&str>) -> Option<(RouterId, observed::Pod)> {
    let router: RouterId = pod.name().parse().ok()?;
    let facts = &pod.facts;
    let seen = observed::Pod {
        node: facts.node.as_deref()?.to_owned(),
        born: facts.born,
        run: facts.run,
        started: facts.started,
        stopped: facts.stopped,
        trouble: facts.trouble.as_deref().map(str::to_owned),
        ready: facts.ready,
        terminating: facts.terminating,
        outdated: template.is_some_and(|wanted| facts.template.as_deref() != Some(wanted)),
        said: facts.said,
    };
    // A pod that has ended carries nobody; the DaemonSet replaces it.
    (!facts.over).then_some((router, seen))
}

pub(super) fn has_started(pod: &Pod) -> bool {
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

/// One of unknown age never is late.
pub(super) fn born(pod: &Pod) -> Timestamp {
    let created = pod.metadata.creation_timestamp.as_ref();
    created.map_or(Timestamp::MAX, |time| time.0)
}

/// How often the router's container was started anew. What was put beside it begins no run.
pub(super) fn run(pod: &Pod) -> u32 {
    let mut statuses = pod
        .status
        .iter()
        .flat_map(|s| s.container_statuses.iter().flatten());
    let router = statuses.find(|status| status.name == CONTAINER);
    router.map_or(0, |status| u32::try_from(status.restart_count).unwrap_or(0))
}

/// It has run, and by its kubelet no container of it does now.
pub(super) fn has_stopped(pod: &Pod) -> bool {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|s| s.container_statuses.as_ref());
    let Some(statuses) = statuses.filter(|statuses| !statuses.is_empty()) else {
        return false;
    };
    let down = |state: Option<&ContainerState>| state.is_some_and(|s| s.running.is_none());
    has_started(pod) && statuses.iter().all(|status| down(status.state.as_ref()))
}

pub(super) fn is_ready(pod: &Pod) -> bool {
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
