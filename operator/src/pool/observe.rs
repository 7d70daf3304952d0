//! From one Kubernetes object to what planning sees of it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerState, Node, Pod, PodCondition, Taint, Toleration};
use kube::{Resource, ResourceExt};
use plenum_crds::conditions::{DrainReason, ZoneCondition};
use plenum_crds::{MeetingZone, labels};
use plenum_wire::RouterId;

use super::build::template_hash;
use super::observed::{self, Drain, Owner, Zone};
use super::said;
use super::trouble::trouble;
use super::validate::ValidPool;
use crate::apply::FIELD_MANAGER;

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
pub(super) fn node(node: &Node, pool: &ValidPool, selected: bool) -> observed::Node {
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
        drain_requested: node.annotations().contains_key(labels::DRAIN_REQUESTED),
        ready: node_is_ready(node),
        owner,
        // A person may protect a node of his own; only marks of ours are taken off.
        protected: protections.into_iter().all(kept)
            && (owner != Owner::Nobody || marked_by_us(node)),
        drain: drain(node),
    }
}

fn marked_by_us(node: &Node) -> bool {
    node.managed_fields()
        .iter()
        .any(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER) && entry.subresource.is_none())
}

fn drain(node: &Node) -> Option<Drain> {
    let annotations = node.annotations();
    let since = annotations.get(labels::DRAINING_SINCE)?;
    let reason = annotations.get(labels::DRAINING_REASON).map(String::as_str);
    Some(Drain {
        // One that cannot be read is put right by planning, as is any that is yet to begin.
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

/// A router's pod, once it has a node. `template` is the hash of the one wanted now.
pub(super) fn pod(pod: &Pod, template: Option<&str>) -> Option<(RouterId, observed::Pod)> {
    let router = RouterId::try_from(pod.name_any()).ok()?;
    let node = pod.spec.as_ref()?.node_name.clone()?;
    let hash = template_hash(pod.metadata.annotations.as_ref());
    let over = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    let seen = observed::Pod {
        node,
        born: born(pod),
        run: run(pod),
        started: has_started(pod),
        stopped: has_stopped(pod),
        trouble: trouble(pod),
        ready: is_ready(pod),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        outdated: template.is_some_and(|wanted| hash != Some(wanted)),
        said: said::read(pod),
    };
    // A pod that has ended carries nobody; the DaemonSet replaces it.
    (!matches!(over, Some("Failed" | "Succeeded"))).then_some((router, seen))
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
fn born(pod: &Pod) -> Timestamp {
    let created = pod.metadata.creation_timestamp.as_ref();
    created.map_or(Timestamp::MAX, |time| time.0)
}

/// How often its container was started anew.
fn run(pod: &Pod) -> u32 {
    let statuses = pod.status.as_ref();
    let statuses = statuses.and_then(|s| s.container_statuses.as_ref());
    let first = statuses.and_then(|statuses| statuses.first());
    first.map_or(0, |status| u32::try_from(status.restart_count).unwrap_or(0))
}

/// It has run, and by its kubelet no container of it does now.
fn has_stopped(pod: &Pod) -> bool {
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
