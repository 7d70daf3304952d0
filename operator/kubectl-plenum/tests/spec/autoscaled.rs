//! Pools for which a node autoscaler brings nodes: nobody is told to label one.

use kubectl_plenum::finding::{Finding, Level};
use kubectl_plenum::snapshot::Snapshot;
use plenum_crds::NodeAutoscaler;

use crate::world::{found, with};

const PODS: &str = "kubectl -n meetings describe pods -l app.kubernetes.io/component=placeholder,plenum.dev/pool=main   # why no node comes: these pods ask for one";

fn no_node_matches(since: &str) -> Snapshot {
    let mut seen = with(
        "type: NodesAvailable, status: \"True\", reason: EnoughNodes, message: there are nodes for the routers wanted, lastTransitionTime: \"2026-11-01T08:01:00Z\"",
        &format!(
            "type: NodesAvailable, status: \"False\", reason: NoMatchingNodes, message: none, lastTransitionTime: \"{since}\""
        ),
    );
    seen.pools.items[0].spec.node_selector = [("gpu".to_owned(), "true".to_owned())].into();
    seen
}

fn with_autoscaler(mut seen: Snapshot, who: NodeAutoscaler, reason: &str) -> Finding {
    seen.pools.items[0].spec.node_autoscaler = who;
    found(&seen, reason)
}

#[test]
fn nodes_that_do_not_come_are_looked_for_where_they_are_asked_for() {
    let seen = no_node_matches("2026-11-22T11:00:00Z");
    let finding = with_autoscaler(seen.clone(), NodeAutoscaler::Karpenter, "NoMatchingNodes");
    assert_eq!(finding.level, Level::Wrong);
    assert_eq!(
        finding.why,
        "Karpenter is asked for nodes, and has brought none yet"
    );
    assert_eq!(
        finding.remedies,
        [
            PODS,
            "kubectl edit nodepool NAME   # spec.template.metadata.labels: gpu=true"
        ]
    );
    let finding = with_autoscaler(seen, NodeAutoscaler::ClusterAutoscaler, "NoMatchingNodes");
    assert_eq!(
        finding.remedies,
        [
            PODS,
            "give the nodes of a node group that may grow these labels: gpu=true"
        ]
    );
}

#[test]
fn a_first_node_takes_its_time() {
    let seen = no_node_matches("2026-11-22T11:59:00Z");
    let finding = with_autoscaler(seen, NodeAutoscaler::Karpenter, "NoMatchingNodes");
    assert_eq!(finding.level, Level::Advice);
}

#[test]
fn too_few_nodes_are_a_matter_of_the_autoscaler_too() {
    let seen = with(
        "type: NodesAvailable, status: \"True\", reason: EnoughNodes",
        "type: NodesAvailable, status: \"False\", reason: NotEnoughNodes",
    );
    let finding = with_autoscaler(seen, NodeAutoscaler::ClusterAutoscaler, "NotEnoughNodes");
    assert_eq!(finding.remedies[0], PODS);
    let labels = finding.remedies.iter().any(|it| it.contains("label node"));
    assert!(!labels, "{finding:?}");
}

#[test]
fn machines_that_cannot_run_the_image_are_not_to_be_brought() {
    let seen = with(
        "labels: {plenum.dev/routers: \"true\"}",
        "labels: {plenum.dev/routers: \"true\", kubernetes.io/arch: arm64}",
    );
    let finding = with_autoscaler(seen, NodeAutoscaler::Karpenter, "NodeOfAnotherKind");
    assert_eq!(
        finding.remedies,
        [
            "kubectl edit nodepool NAME   # spec.template.spec.requirements: kubernetes.io/arch In [amd64], kubernetes.io/os In [linux]"
        ]
    );
}

#[test]
fn pods_that_cannot_ask_are_told_with_what_refuses_them() {
    let seen = with(
        "type: NodesAvailable, status: \"True\", reason: EnoughNodes, message: there are nodes for the routers wanted",
        "type: NodesAvailable, status: \"False\", reason: PlaceholdersRefused, message: 'no nodes are asked for: exceeded quota: small'",
    );
    let finding = with_autoscaler(seen, NodeAutoscaler::Karpenter, "PlaceholdersRefused");
    assert!(
        finding.remedies[0].contains("describe resourcequota"),
        "{finding:?}"
    );
}
