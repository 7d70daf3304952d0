//! What a cache keeps of an object: what planning and writing read of it, and no more. Of
//! 5,000 nodes and pods the rest (images, templates, volumes, who wrote which field) would be
//! most of the operator's memory.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, DeploymentStatus};
use k8s_openapi::api::core::v1::{
    ContainerStatus, Node, NodeSpec, NodeStatus, Pod, PodSpec, PodStatus,
};
use kube::{Resource, ResourceExt as _};
use plenum_crds::labels;

use super::build::TEMPLATE;
use super::placeholders::FAILURE;
use crate::apply::FIELD_MANAGER;
use crate::cache::watch::unmanaged;

/// Annotations of ours, and those that people write for us.
const OURS: &str = "plenum.dev/";

/// Of a node: its labels, by which pools select; marks; taints; whether it is ready; and whether
/// we wrote it.
pub(super) fn node(node: &mut Node) {
    let meta = node.meta_mut();
    meta.managed_fields.iter_mut().flatten().for_each(|entry| {
        entry.fields_v1 = None;
    });
    node.managed_fields_mut()
        .retain(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER));
    node.annotations_mut().retain(|key, _| {
        key.starts_with(OURS)
            || [labels::CLUSTER_AUTOSCALER_KEEP, labels::KARPENTER_KEEP].contains(&key.as_str())
    });
    node.spec = node.spec.take().map(|spec| NodeSpec {
        taints: spec.taints,
        unschedulable: spec.unschedulable,
        ..NodeSpec::default()
    });
    node.status = node.status.take().map(|status| NodeStatus {
        conditions: status.conditions.map(|mut all| {
            all.retain(|condition| condition.type_ == "Ready");
            for condition in &mut all {
                condition.message = None;
                condition.last_heartbeat_time = None;
            }
            all.shrink_to_fit();
            all
        }),
        ..NodeStatus::default()
    });
}

/// Of a pod: where it is, from which template it was made, and how it is.
pub(super) fn pod(pod: &mut Pod) {
    unmanaged(pod);
    pod.annotations_mut().retain(|key, _| key == TEMPLATE);
    pod.spec = pod.spec.take().map(|spec| PodSpec {
        node_name: spec.node_name,
        ..PodSpec::default()
    });
    pod.status = pod.status.take().map(pod_status);
}

fn pod_status(status: PodStatus) -> PodStatus {
    const READ: [&str; 5] = [
        "Ready",
        "PodScheduled",
        labels::POD_ACCEPTING,
        labels::POD_DRAINING,
        labels::POD_HEARD,
    ];
    let reduced = |all: Option<Vec<ContainerStatus>>| {
        let all = all.into_iter().flatten().map(container).collect();
        Some(all).filter(|all: &Vec<_>| !all.is_empty())
    };
    PodStatus {
        phase: status.phase,
        reason: status.reason,
        message: status.message,
        pod_ip: status.pod_ip,
        conditions: status.conditions.map(|mut all| {
            all.retain(|condition| READ.contains(&condition.type_.as_str()));
            for condition in &mut all {
                condition.last_probe_time = None;
            }
            all.shrink_to_fit();
            all
        }),
        container_statuses: reduced(status.container_statuses),
        init_container_statuses: reduced(status.init_container_statuses),
        ..PodStatus::default()
    }
}

/// Of a container: whether it runs, and if not, why.
fn container(status: ContainerStatus) -> ContainerStatus {
    ContainerStatus {
        name: status.name,
        // Named where it cannot be pulled.
        image: status.image,
        state: status.state,
        last_state: status.last_state,
        ready: status.ready,
        restart_count: status.restart_count,
        ..ContainerStatus::default()
    }
}

/// Of a `DaemonSet`: what we make it of. Its status counts what the pods say themselves.
pub(super) fn daemonset(set: &mut DaemonSet) {
    unmanaged(set);
    set.status = None;
}

/// Of a Deployment of placeholders: what we make it of, how many there are, and why there are not.
pub(super) fn deployment(deployment: &mut Deployment) {
    unmanaged(deployment);
    deployment.status = deployment.status.take().map(|status| DeploymentStatus {
        replicas: status.replicas,
        conditions: status.conditions.map(|mut all| {
            all.retain(|condition| condition.type_ == FAILURE);
            for condition in &mut all {
                condition.last_update_time = None;
            }
            all.shrink_to_fit();
            all
        }),
        ..DeploymentStatus::default()
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_keeps_what_planning_reads() {
        let whole = json!({
            "metadata": {
                "name": "a", "uid": "u", "resourceVersion": "7", "labels": {"zone": "x"},
                "annotations": {
                    "plenum.dev/draining-since": "t", "karpenter.sh/do-not-disrupt": "true",
                    "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                },
                "managedFields": [
                    {"manager": "plenum-operator", "operation": "Apply", "fieldsV1": {"f:a": {}}},
                    {"manager": "kubelet", "operation": "Update", "fieldsV1": {"f:b": {}}},
                ],
            },
            "spec": {"podCIDR": "10.0.0.0/24", "taints": [{"key": "k", "effect": "NoSchedule"}]},
            "status": {
                "images": [{"names": ["i"]}], "capacity": {"cpu": "2"},
                "conditions": [
                    {"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"},
                    {"type": "MemoryPressure", "status": "False"},
                ],
            },
        });
        let mut pruned: Node = serde_json::from_value(whole).unwrap();
        node(&mut pruned);
        let left = serde_json::to_value(&pruned).unwrap();
        let wanted = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {
                "name": "a", "uid": "u", "resourceVersion": "7", "labels": {"zone": "x"},
                "annotations": {
                    "plenum.dev/draining-since": "t", "karpenter.sh/do-not-disrupt": "true",
                },
                "managedFields": [{"manager": "plenum-operator", "operation": "Apply"}],
            },
            "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        });
        assert_eq!(left, wanted);
    }

    #[test]
    fn a_pod_keeps_where_and_how_it_is() {
        let whole = json!({
            "metadata": {"name": "p", "annotations": {TEMPLATE: "hash", "other": "x"}},
            "spec": {"nodeName": "a", "containers": [{"name": "c", "image": "i"}]},
            "status": {
                "phase": "Running", "podIP": "10.0.0.1", "hostIP": "10.0.0.1",
                "conditions": [
                    {"type": "Ready", "status": "False", "message": "m"},
                    {"type": "Initialized", "status": "True"},
                    {"type": labels::POD_ACCEPTING, "status": "True"},
                    {"type": labels::POD_HEARD, "status": "True"},
                ],
                "containerStatuses": [{
                    "name": "c", "image": "i", "imageID": "i", "ready": false, "restartCount": 1,
                    "lastState": {"terminated": {"exitCode": 1}},
                }],
            },
        });
        let mut pruned: Pod = serde_json::from_value(whole).unwrap();
        pod(&mut pruned);
        assert_eq!(pruned.annotations().len(), 1);
        let spec = pruned.spec.as_ref().unwrap();
        assert_eq!(spec.node_name.as_deref(), Some("a"));
        assert!(spec.containers.is_empty());
        let status = pruned.status.as_ref().unwrap();
        assert_eq!(status.pod_ip.as_deref(), Some("10.0.0.1"));
        assert_eq!(status.conditions.as_ref().unwrap().len(), 3);
        let container = &status.container_statuses.as_ref().unwrap()[0];
        let last = container.last_state.as_ref().unwrap();
        assert!(last.terminated.is_some() && container.image == "i");
    }
}
