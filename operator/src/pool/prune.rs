//! What a cache keeps of our children: what planning and writing read of them, and no more. Who
//! wrote which field would be half of it. Nodes and pods have an [outline](super::outline).

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, DeploymentStatus};

use super::placeholders::FAILURE;
use crate::cache::watch::unmanaged;

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
    fn of_placeholders_there_is_how_many_and_why_there_are_not() {
        let whole = json!({
            "metadata": {"name": "d", "managedFields": [{"manager": "x"}]},
            "spec": {"replicas": 3, "selector": {}, "template": {}},
            "status": {
                "replicas": 2, "readyReplicas": 1, "observedGeneration": 7,
                "conditions": [
                    {"type": "Progressing", "status": "True"},
                    {
                        "type": FAILURE, "status": "True", "message": "exceeded quota",
                        "lastUpdateTime": "2026-01-01T00:00:00Z",
                    },
                ],
            },
        });
        let mut pruned: Deployment = serde_json::from_value(whole).unwrap();
        deployment(&mut pruned);
        assert!(pruned.metadata.managed_fields.is_none());
        let left = serde_json::to_value(pruned.status).unwrap();
        let wanted = json!({
            "replicas": 2,
            "conditions": [{"type": FAILURE, "status": "True", "message": "exceeded quota"}],
        });
        assert_eq!(left, wanted);
    }
}
