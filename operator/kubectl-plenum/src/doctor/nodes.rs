//! Are the nodes with routers alive, and do drains end in time?

mod left_behind;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Node, NodeCondition, Pod};
use plenum_crds::MMRPool;
use plenum_crds::conditions::DrainReason;
use plenum_crds::labels::{self, ActivePool};

use super::autoscaled;
use super::pools::selects;
use crate::finding::{Finding, Object, unseen};
use crate::render::span;
use crate::snapshot::{Snapshot, annotation, label, name_of, namespace_of, node_of};

const KIND: &str = "Node";
/// After its deadline a router is taken away; a moment for that.
const MERCY: SignedDuration = SignedDuration::from_mins(2);
/// What kubelets say of the machines that our image is for.
const MACHINES: [(&str, &str); 2] = [
    ("kubernetes.io/arch", "amd64"),
    ("kubernetes.io/os", "linux"),
];

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let pools = snapshot.pools.iter();
    let mut findings: Vec<Finding> = pools.flat_map(|pool| of(snapshot, pool)).collect();
    findings.extend(unseen(KIND, &snapshot.nodes.troubles));
    findings.extend(left_behind::check(snapshot));
    findings
}

pub(super) fn of(snapshot: &Snapshot, pool: &MMRPool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in snapshot.nodes.iter() {
        if is_of(pool, node) {
            findings.extend(dead(node));
            findings.extend(overdue(snapshot, pool, node));
        } else if selects(pool, node) {
            findings.extend(kept_out(node));
        }
        if selects(pool, node) {
            findings.extend(of_another_kind(pool, node));
        }
    }
    findings
}

/// Whether the node carries a router of the pool.
pub(super) fn is_of(pool: &MMRPool, node: &Node) -> bool {
    let Ok(active) = ActivePool::new(namespace_of(pool), name_of(pool)) else {
        return false;
    };
    label(node, labels::ACTIVE_POOL) == Some(active.as_str())
}

/// The condition of a node that is not ready.
pub(super) fn silence(node: &Node) -> Option<&NodeCondition> {
    let conditions = node.status.iter().filter_map(|it| it.conditions.as_ref());
    let ready = conditions.flatten().find(|it| it.type_ == "Ready")?;
    (ready.status != "True").then_some(ready)
}

fn dead(node: &Node) -> Option<Finding> {
    let silence = silence(node)?;
    let what = "the node carries a router, and its kubelet is not heard";
    Some(
        Finding::wrong("NodeNotReady", Object::of(KIND, node), what)
            .why(silence.message.clone().unwrap_or_default())
            .remedy(format!("kubectl describe node {}", name_of(node))),
    )
}

fn of_another_kind(pool: &MMRPool, node: &Node) -> Option<Finding> {
    let (key, theirs) = MACHINES.iter().find_map(|(key, ours)| {
        let theirs = label(node, key)?;
        (theirs != *ours).then_some((key, theirs))
    })?;
    let what = format!(
        "the pool {} selects it, and its {key} is {theirs}",
        name_of(pool)
    );
    Some(
        Finding::advice("NodeOfAnotherKind", Object::of(KIND, node), what)
            .why("the image that make image writes runs on x86_64 Linux only")
            .remedy(without_these(pool, node)),
    )
}

/// How the pool comes to have other nodes.
fn without_these(pool: &MMRPool, node: &Node) -> String {
    if autoscaled::by(pool).is_some() {
        let [(_, arch), (_, os)] = MACHINES;
        return autoscaled::of_kind(pool, (arch, os));
    }
    let labels = pool.spec.node_selector.keys();
    let labels: Vec<String> = labels.map(|key| format!("{key}-")).collect();
    format!("kubectl label node {} {}", name_of(node), labels.join(" "))
}

fn overdue(snapshot: &Snapshot, pool: &MMRPool, node: &Node) -> Option<Finding> {
    let since: Timestamp = annotation(node, labels::DRAINING_SINCE)?.parse().ok()?;
    let lasts = snapshot.now.duration_since(since);
    let deadline = SignedDuration::from_secs(pool.spec.drain_deadline_seconds.into());
    // Of a pause another finding tells.
    let paused = annotation(pool, labels::PAUSED).is_some();
    if lasts <= deadline + MERCY || paused || is_made_anew(snapshot, pool, node, since) {
        return None;
    }
    let what = format!("its router has been draining for {}", span(lasts.as_secs()));
    let finding = Finding::wrong("DrainOverdue", Object::of(KIND, node), what);
    let seconds = pool.spec.drain_deadline_seconds;
    let carrying = snapshot.nodes.iter().filter(|it| is_of(pool, it)).count();
    Some(if carrying <= pool.spec.min_routers as usize {
        finding
            .why(format!(
                "the pool's drainDeadlineSeconds is {seconds}, but it has no more routers than minRouters: this one stays until another node carries one"
            ))
            .remedy(format!(
                "kubectl -n {} describe mmrpool {}   # what keeps it from another node",
                namespace_of(pool),
                name_of(pool)
            ))
    } else {
        finding
            .why(format!(
                "the pool's drainDeadlineSeconds is {seconds}: the operator should have taken the router away"
            ))
            .remedy("kubectl plenum doctor   # whether the operator runs")
    })
}

/// The mark of a rollout stays until the new router takes people; how that goes is told of the
/// pool. The old one is gone when every router of the node was made after the mark, or none is.
fn is_made_anew(snapshot: &Snapshot, pool: &MMRPool, node: &Node, since: Timestamp) -> bool {
    let reason = annotation(node, labels::DRAINING_REASON);
    let of_pool = (labels::POOL, name_of(pool));
    let mut routers = snapshot
        .pods_of(namespace_of(pool), labels::COMPONENT_ROUTER, of_pool)
        .filter(|pod| node_of(pod) == Some(name_of(node)));
    // Kubernetes says in which second a pod was made.
    let from = since.checked_sub(SignedDuration::from_secs(1));
    let from = from.unwrap_or(since);
    let young = |pod: &Pod| {
        let made = pod.metadata.creation_timestamp.as_ref();
        made.is_some_and(|made| made.0 > from)
    };
    reason == Some(DrainReason::Rollout.as_str()) && snapshot.pods.is_whole() && routers.all(young)
}

fn kept_out(node: &Node) -> Option<Finding> {
    annotation(node, labels::DRAIN_REQUESTED)?;
    let what = "somebody asked for its drain: it gets no router";
    let cancel = format!("kubectl plenum drain {} --cancel", name_of(node));
    Some(
        Finding::advice("DrainRequested", Object::of(KIND, node), what)
            .why(format!("the annotation {} is set", labels::DRAIN_REQUESTED))
            .remedy(cancel),
    )
}
