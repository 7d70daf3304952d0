//! Do the namespaces allow pods on the network of their node?

use k8s_openapi::api::core::v1::Event;

use super::warnings;
use crate::finding::{Finding, Object, unseen};
use crate::snapshot::{Snapshot, label, name_of};

/// The label of Pod Security admission that refuses pods.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<Finding> = unseen("Namespace", &snapshot.namespaces.troubles).collect();
    findings.extend(unseen("MeetingZone", &snapshot.zones.troubles));
    for namespace in snapshot.inhabited() {
        findings.extend(of(snapshot, namespace));
    }
    findings
}

/// Routers use the network of their node, which only the level `privileged` allows.
pub(super) fn of(snapshot: &Snapshot, namespace: &str) -> Option<Finding> {
    let found = snapshot
        .namespaces
        .iter()
        .find(|it| name_of(*it) == namespace);
    let level = found.and_then(|it| label(it, ENFORCE));
    let about = Object::named("Namespace", "", namespace);
    let allow = format!("kubectl label namespace {namespace} {ENFORCE}=privileged --overwrite");
    let why = "routers use the network of their node (hostNetwork), which only the Pod Security \
               level privileged allows";
    match level {
        Some("privileged") => None,
        Some(level) => {
            let what = format!("the namespace enforces the Pod Security level {level}");
            let finding = Finding::wrong("PodSecurityForbidsRouters", about, what);
            Some(finding.why(why).remedy(allow))
        }
        // The default of the cluster decides, which nobody can read; its refusals can be.
        None => refusal(snapshot, namespace).map(|refusal| {
            let what = "the cluster's Pod Security level refuses routers in this namespace";
            Finding::wrong("PodSecurityForbidsRouters", about, what)
                .why(format!("{why}; Kubernetes says: {refusal}"))
                .remedy(allow)
        }),
    }
}

fn refusal<'a>(snapshot: &'a Snapshot, namespace: &str) -> Option<&'a str> {
    let refuses = |event: &&Event| {
        let message = event.message.as_deref().unwrap_or_default();
        event.involved_object.kind.as_deref() == Some("DaemonSet")
            && event.involved_object.namespace.as_deref() == Some(namespace)
            && message.contains("violates PodSecurity")
    };
    warnings::of_now(snapshot).find(refuses)?.message.as_deref()
}
