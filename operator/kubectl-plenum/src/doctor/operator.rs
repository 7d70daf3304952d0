//! Is there one operator, does it run, and does one of its replicas lead?

use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;

use super::deployment::Part;
use super::{chart, some_of};
use crate::finding::{Finding, Object, unseen};
use crate::render::span;
use crate::snapshot::{Snapshot, name_of, namespace_of};

/// The chart's word in [`labels::APP_COMPONENT`].
pub(super) const COMPONENT: &str = "operator";
const WITHOUT: &str = "nothing happens to zones and pools without it; meetings that run go on";
const PART: Part = Part {
    component: COMPONENT,
    not_running: "OperatorNotRunning",
    replica_missing: "OperatorReplicaMissing",
    without: WITHOUT,
    with_less: "one is enough; without a second nobody takes over at once",
    replicas: 2,
};
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
    findings.extend(PART.judge(snapshot));
    findings.extend(operators.iter().filter_map(|it| leads(snapshot, it)));
    findings
}

/// The Deployments of operators.
pub(super) fn operators(snapshot: &Snapshot) -> impl Iterator<Item = &Deployment> {
    PART.deployments(snapshot)
}

fn missing() -> Finding {
    let about = Object::named("Deployment", "", "plenum-operator");
    Finding::wrong("OperatorMissing", about, "no operator is installed")
        .why(WITHOUT)
        .remedy(chart::INSTALL)
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
