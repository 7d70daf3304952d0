//! Is there one operator, does it run, and does one of its replicas lead?

use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use plenum_crds::labels;

use super::{pods, refused, some_of};
use crate::finding::{Finding, Object, unseen};
use crate::render::span;
use crate::snapshot::{Snapshot, label, name_of, namespace_of};

/// The chart's word in [`labels::APP_COMPONENT`].
pub(super) const COMPONENT: &str = "operator";
/// A Lease is renewed every few seconds and passes on after 12; the clocks of this machine and
/// the operator's may differ by the rest.
const SILENT: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<Finding> = unseen("Deployment", &snapshot.deployments.troubles).collect();
    let operators: Vec<&Deployment> = operators(snapshot).collect();
    if operators.is_empty() && snapshot.deployments.is_whole() {
        findings.push(missing());
    }
    if let [first, _, ..] = operators.as_slice() {
        let places: Vec<String> = operators
            .iter()
            .map(|it| format!("{}/{}", namespace_of(*it), name_of(*it)))
            .collect();
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        let what = format!("there are several operators: {}", some_of(&places));
        findings.push(
            Finding::wrong("SeveralOperators", Object::of("Deployment", *first), what)
                .why("each looks after all zones of the cluster, and they would undo each other's work")
                .remedy("helm list --all-namespaces   # uninstall all but one"),
        );
    }
    for operator in operators {
        findings.extend(runs(operator));
        findings.extend(refused::of_deployment(operator));
        findings.extend(leads(snapshot, operator));
    }
    findings.extend(pods::of_component(snapshot, COMPONENT));
    findings
}

/// The Deployments of operators.
pub(super) fn operators(snapshot: &Snapshot) -> impl Iterator<Item = &Deployment> {
    let of_operator = |it: &&Deployment| label(*it, labels::APP_COMPONENT) == Some(COMPONENT);
    snapshot.deployments.iter().filter(of_operator)
}

fn missing() -> Finding {
    let about = Object::named("Deployment", "", "plenum-operator");
    Finding::wrong("OperatorMissing", about, "no operator is installed")
        .why("nothing happens to zones and pools without it; meetings that run go on")
        .remedy("helm install plenum charts/plenum --namespace plenum-system --create-namespace")
}

fn runs(operator: &Deployment) -> Option<Finding> {
    let wanted = operator.spec.as_ref().and_then(|spec| spec.replicas);
    let ready = operator.status.as_ref().and_then(|it| it.ready_replicas);
    let (wanted, ready) = (wanted.unwrap_or(1), ready.unwrap_or(0));
    let (namespace, name) = (namespace_of(operator), name_of(operator));
    let about = Object::of("Deployment", operator);
    let look = format!("kubectl -n {namespace} get pods -l app.kubernetes.io/component=operator");
    if wanted == 0 {
        let what = "the operator is scaled to 0";
        return Some(
            Finding::wrong("OperatorNotRunning", about, what)
                .why("nothing happens to zones and pools without it; meetings that run go on")
                .remedy(format!(
                    "kubectl -n {namespace} scale deployment {name} --replicas=2"
                )),
        );
    }
    if ready == 0 {
        let what = format!("none of {wanted} replicas of the operator is ready");
        return Some(
            Finding::wrong("OperatorNotRunning", about, what)
                .why("see its pods")
                .remedy(look),
        );
    }
    (ready < wanted).then(|| {
        let what = format!("{ready} of {wanted} replicas of the operator are ready");
        Finding::advice("OperatorReplicaMissing", about, what)
            .why("one is enough; without a second nobody takes over at once")
            .remedy(look)
    })
}

fn leads(snapshot: &Snapshot, operator: &Deployment) -> Option<Finding> {
    let (namespace, name) = (namespace_of(operator), name_of(operator));
    if !snapshot.leases.is_whole() {
        return unseen("Lease", &snapshot.leases.troubles).next();
    }
    // The chart calls the Lease as the Deployment.
    let ours = |it: &&Lease| namespace_of(*it) == namespace && name_of(*it) == name;
    let lease = snapshot.leases.iter().find(ours);
    let spec = lease.and_then(|lease| lease.spec.as_ref());
    let holder = spec.and_then(|spec| spec.holder_identity.as_deref());
    let about = Object::named("Lease", namespace, name);
    let logs = format!("kubectl -n {namespace} logs deployment/{name} --tail=50");
    let Some(holder) = holder.filter(|holder| !holder.is_empty()) else {
        return Some(
            Finding::wrong("NobodyLeads", about, "no replica of the operator leads")
                .why("it does not run, or may not write its Lease")
                .remedy(logs),
        );
    };
    let renewed = spec.and_then(|spec| spec.renew_time.as_ref())?.0;
    let silent = snapshot.now.duration_since(renewed);
    (silent > SILENT).then(|| {
        let what = format!(
            "{holder} leads, and has not said so for {}",
            span(silent.as_secs())
        );
        Finding::wrong("NobodyLeads", about, what)
            .why("the operator is dead or cannot reach the API server, or the clock of this machine is wrong")
            .remedy(logs)
    })
}
