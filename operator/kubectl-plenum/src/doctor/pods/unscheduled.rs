//! Pods for which the scheduler finds no node, by its words.

use k8s_openapi::api::core::v1::Pod;
use plenum_crds::labels;

use super::{KIND, command, other_ports};
use crate::finding::{Finding, Object};
use crate::snapshot::{label, namespace_of};

pub(super) fn judge(pod: &Pod) -> Option<Finding> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions.iter().find(|it| it.type_ == "PodScheduled")?;
    if scheduled.status == "True" {
        return None;
    }
    let message = scheduled.message.clone().unwrap_or_default();
    let wrong = |reason: &str, what: &str| {
        Finding::wrong(reason, Object::of(KIND, pod), what).why(message.clone())
    };
    if message.contains("free ports") {
        let what = "another pod on its node has a port that it needs";
        return Some(other_ports(pod, wrong("PortInUse", what)));
    }
    if message.contains("Insufficient") {
        let finding = wrong(
            "NodeTooSmall",
            "its node has too little room for what it asks for",
        );
        return Some(finding.remedy(ask_for_less(pod)));
    }
    let mut finding = wrong("NotScheduled", "it finds no node");
    finding.remedies = let_in(pod, &message);
    Some(finding.remedy(command(pod, "describe pod")))
}

fn ask_for_less(pod: &Pod) -> String {
    match label(pod, labels::POOL) {
        Some(pool) => format!(
            "kubectl -n {} patch mmrpool {pool} --type merge -p '{{\"spec\":{{\"resources\":{{\"requests\":{{\"cpu\":\"500m\"}}}}}}}}'   # or a larger node",
            namespace_of(pod)
        ),
        None => command(pod, "describe pod"),
    }
}

/// What opens the nodes that keep it out.
fn let_in(pod: &Pod, message: &str) -> Vec<String> {
    let mut remedies = Vec::new();
    if message.contains("were unschedulable") {
        remedies.push(
            "kubectl uncordon NODE   # those that kubectl get nodes shows as SchedulingDisabled"
                .to_owned(),
        );
    }
    if message.contains("untolerated taint") {
        remedies.extend(tolerating(pod));
        remedies.push("kubectl taint node NODE KEY:EFFECT-   # or take the taint off".to_owned());
    }
    // "unbound immediate PersistentVolumeClaims", "volume node affinity conflict", ...
    if message.to_ascii_lowercase().contains("volume") {
        let namespace = namespace_of(pod);
        remedies.push(format!(
            "kubectl -n {namespace} describe pvc   # why its volume is not there"
        ));
        remedies
            .push("kubectl get storageclasses   # one has to be the default, or named".to_owned());
    }
    remedies
}

/// A toleration of every taint where the pod's are written.
fn tolerating(pod: &Pod) -> Option<String> {
    let part = match label(pod, labels::APP_COMPONENT)? {
        labels::COMPONENT_CONTROLLER => "controllers",
        labels::COMPONENT_TUNNEL => "tunnels",
        _ => return None,
    };
    let (namespace, zone) = (namespace_of(pod), label(pod, labels::ZONE)?);
    Some(format!(
        "kubectl -n {namespace} patch meetingzone {zone} --type merge -p '{{\"spec\":{{\"{part}\":{{\"tolerations\":[{{\"operator\":\"Exists\"}}]}}}}}}'   # or the taint's key alone"
    ))
}
