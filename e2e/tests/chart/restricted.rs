//! The chart's pods keep to the Pod Security level `restricted`, rule by rule:
//! <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>. A scenario
//! tries the operator's against the admission of a real API server.

use serde_yaml::Value;

use crate::render::{Object, all, at};

/// Kinds of volumes that the level allows.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

#[test]
#[ignore = "needs helm: make test-chart"]
fn all_pods_keep_to_it() {
    let mut looked_at = 0;
    for (file, object) in all() {
        let Some(pods) = object.pods() else { continue };
        looked_at += 1;
        let complaints = complaints(&pods);
        assert!(
            complaints.is_empty(),
            "{file}: {}: {complaints:?}",
            object.id()
        );
    }
    assert!(looked_at >= 6, "only {looked_at} pods were looked at");
}

fn complaints(pods: &Object) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut demand = |holds: bool, what: &str| {
        if !holds {
            complaints.push(what.to_owned());
        }
    };
    for shared in ["hostNetwork", "hostPID", "hostIPC"] {
        demand(pods.at(&format!("spec.{shared}")).is_null(), shared);
    }
    let pod = pods.at("spec.securityContext");
    demand(pod["runAsNonRoot"] == true, "runAsNonRoot");
    demand(pod["runAsUser"] != 0, "runAsUser");
    let profile = &at(pod, "seccompProfile.type");
    demand(*profile == "RuntimeDefault", "seccompProfile");
    for container in pods.at("spec.containers").as_sequence().expect("a list") {
        let security = &container["securityContext"];
        demand(
            security["allowPrivilegeEscalation"] == false,
            "allowPrivilegeEscalation",
        );
        demand(security["privileged"].is_null(), "privileged");
        demand(
            at(security, "capabilities.drop.0") == "ALL",
            "capabilities.drop",
        );
        demand(
            at(security, "capabilities.add").is_null(),
            "capabilities.add",
        );
        // Not of the standard, but of ours.
        demand(security["readOnlyRootFilesystem"] == true, "read-only root");
        let ports = container["ports"].as_sequence().into_iter().flatten();
        let host_ports = ports.filter(|port| !port["hostPort"].is_null());
        demand(host_ports.count() == 0, "hostPort");
    }
    let volumes = pods.at("spec.volumes").as_sequence().into_iter().flatten();
    for volume in volumes {
        let kinds = volume.as_mapping().expect("a volume").keys();
        let others = kinds
            .filter_map(Value::as_str)
            .filter(|kind| *kind != "name" && !VOLUMES.contains(kind));
        demand(others.count() == 0, "volumes");
    }
    complaints
}
