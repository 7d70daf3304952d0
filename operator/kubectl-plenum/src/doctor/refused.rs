//! Pods that the API server does not let be made. There is no pod to tell of it: the workload's
//! Events do, or its own condition.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Event;
use plenum_crds::labels;

use super::{refusals, warnings};
use crate::finding::{Finding, Object};
use crate::snapshot::{Snapshot, label};

/// What workloads call it in Events.
const FAILED: &str = "FailedCreate";
/// What Deployments call it in their conditions.
const FAILURE: &str = "ReplicaFailure";
/// Routers that this keeps away are told of with their namespace.
const POD_SECURITY: &str = "violates PodSecurity";

/// Of zones: controllers, routers and tunnels.
pub(super) fn of_zones(snapshot: &Snapshot) -> Vec<Finding> {
    let sets = snapshot.stateful_sets.iter().filter(|it| {
        let wanted = it.spec.as_ref().and_then(|spec| spec.replicas);
        it.status.as_ref().map(|status| status.replicas) < Some(wanted.unwrap_or(1))
    });
    let sets = sets.map(|it| Object::of("StatefulSet", it));
    let routers = snapshot.daemon_sets.iter().filter(|it| {
        let status = it.status.as_ref();
        status.is_some_and(|it| it.current_number_scheduled < it.desired_number_scheduled)
    });
    let routers = routers.map(|it| Object::of("DaemonSet", it));
    let short = sets.chain(routers);
    let mut findings: Vec<Finding> = short
        .filter_map(|about| {
            let said = last_event(snapshot, &about)?;
            let told = about.kind == "DaemonSet" && said.contains(POD_SECURITY);
            (!told).then(|| refused(about, said))
        })
        .collect();
    let tunnels = snapshot.deployments.iter();
    let tunnels = tunnels.filter(|it| label(*it, labels::ZONE).is_some());
    findings.extend(tunnels.filter_map(of_deployment));
    findings
}

/// Of one Deployment.
pub(super) fn of_deployment(deployment: &Deployment) -> Option<Finding> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failure = conditions
        .iter()
        .find(|it| it.type_ == FAILURE && it.status == "True")?;
    let about = Object::of("Deployment", deployment);
    Some(refused(
        about,
        failure.message.as_deref().unwrap_or_default(),
    ))
}

/// What was said last, and of late, about pods that this object wants.
fn last_event<'a>(snapshot: &'a Snapshot, about: &Object) -> Option<&'a str> {
    let ours = |event: &&Event| {
        let involved = &event.involved_object;
        event.reason.as_deref() == Some(FAILED)
            && involved.kind.as_deref() == Some(about.kind)
            && involved.name.as_deref() == Some(about.name.as_str())
            && involved.namespace.as_deref() == Some(about.namespace.as_str())
    };
    let events = warnings::of_now(snapshot).filter(ours);
    let last = events.max_by_key(|event| warnings::said_at(event))?;
    last.message.as_deref()
}

fn refused(about: Object, said: &str) -> Finding {
    let mut known = refusals::remedies(said, &about.namespace);
    if known.is_empty() {
        let kind = about.kind.to_ascii_lowercase();
        known.push(format!(
            "kubectl -n {} describe {kind} {}",
            about.namespace, about.name
        ));
    }
    let what = "the API server does not let its pods be made";
    let mut finding = Finding::wrong("PodsRefused", about, what).why(said);
    finding.remedies = known;
    finding
}
