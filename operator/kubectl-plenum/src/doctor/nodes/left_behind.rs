//! Nodes that are marked for a pool that is not there: nobody gives them back.

use k8s_openapi::api::core::v1::{Node, Pod};
use plenum_crds::labels;

use super::{KIND, is_of};
use crate::finding::{Finding, Object};
use crate::snapshot::{Snapshot, annotation, label, name_of, node_of};

/// What the operator writes on a node besides the label, and takes off with it.
const ANNOTATIONS: [&str; 4] = [
    labels::CLUSTER_AUTOSCALER_KEEP,
    labels::KARPENTER_KEEP,
    labels::DRAINING_SINCE,
    labels::DRAINING_REASON,
];

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    // Only who sees all pools can tell.
    if snapshot.namespace.is_some() || !snapshot.pools.is_whole() {
        return Vec::new();
    }
    let owned = |node: &Node| snapshot.pools.iter().any(|pool| is_of(pool, node));
    let nodes = snapshot.nodes.iter().filter(|node| !owned(node));
    nodes.filter_map(|node| judge(snapshot, node)).collect()
}

fn judge(snapshot: &Snapshot, node: &Node) -> Option<Finding> {
    let pool = label(node, labels::ACTIVE_POOL)?;
    let what = format!("it is marked for the pool {pool}, which is not there");
    let finding = Finding::advice("NodeLeftBehind", Object::of(KIND, node), what);
    let here = |pod: &Pod| {
        label(pod, labels::APP_COMPONENT) == Some(labels::COMPONENT_ROUTER)
            && node_of(pod) == Some(name_of(node))
    };
    if snapshot.pods.is_whole() && !snapshot.pods.iter().any(here) {
        let why = "a pool was removed while no operator ran; no other pool can use the node";
        return Some(finding.why(why).remedy(bare(node)));
    }
    Some(with_router(finding, pool))
}

/// Takes everything off that the operator writes. The label is the last: as long as it is there,
/// the node is found here.
fn bare(node: &Node) -> String {
    let name = name_of(node);
    let unlabel = format!("kubectl label node {name} {}-", labels::ACTIVE_POOL);
    let there = ANNOTATIONS
        .iter()
        .filter(|key| annotation(node, key).is_some());
    let keys: Vec<String> = there.map(|key| format!("{key}-")).collect();
    if keys.is_empty() {
        return unlabel;
    }
    format!(
        "kubectl annotate node {name} {} && {unlabel}",
        keys.join(" ")
    )
}

/// Without its label the router would end at once, with whoever is on it: only the operator can
/// empty it, and it does that for a pool.
fn with_router(finding: Finding, pool: &str) -> Finding {
    // No namespace has a dot in its name.
    let (namespace, name) = pool.split_once('.').unwrap_or(("NAMESPACE", pool));
    finding
        .why("a pool was removed, and its routers were not; people may be on the one here, and nobody drains it")
        .remedy(format!(
            "kubectl -n {namespace} apply -f POOL.yaml   # {name} as it was: it takes its routers and nodes over"
        ))
        .remedy(format!(
            "kubectl -n {namespace} delete mmrpool {name}   # when that has a status: it empties them and gives them back"
        ))
}
