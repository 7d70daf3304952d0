//! Do the versions of the cluster, the operator, this program and what runs fit together?

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use plenum_crds::{MeetingZone, labels};

use super::operator::operators;
use super::some_of;
use crate::finding::{Finding, Object};
use crate::snapshot::{Snapshot, label, name_of, namespace_of};

/// What says how old the cluster may be.
const CHART: &str = include_str!("../../../../charts/plenum/Chart.yaml");
/// Of this program.
pub const OURS: &str = env!("CARGO_PKG_VERSION");

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<Finding> = too_old(snapshot).into_iter().collect();
    findings.extend(operators(snapshot).filter_map(another));
    findings.extend(snapshot.zones.iter().filter_map(|it| mixed(snapshot, it)));
    findings
}

fn too_old(snapshot: &Snapshot) -> Option<Finding> {
    let version = snapshot.server.as_deref()?;
    let oldest = oldest()?;
    (numbers(version)? < oldest).then(|| {
        let what = format!("the cluster is Kubernetes {version}");
        let about = Object::named("Cluster", "", "(this)");
        let (major, minor) = oldest;
        Finding::wrong("KubernetesTooOld", about, what)
            .why(format!("Plenum needs Kubernetes {major}.{minor} or later"))
            .remedy("upgrade the cluster")
    })
}

/// Of the chart's `kubeVersion: ">=1.31.0-0"`.
fn oldest() -> Option<(u32, u32)> {
    let line = CHART
        .lines()
        .find(|line| line.starts_with("kubeVersion:"))?;
    let (_, version) = line.split_once(">=")?;
    numbers(version)
}

/// The first two of `v1.36.3`.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim_start_matches('v').split('.');
    let mut number = || numbers.next()?.parse().ok();
    Some((number()?, number()?))
}

fn another(operator: &Deployment) -> Option<Finding> {
    let theirs = label(operator, labels::APP_VERSION)?;
    (theirs != OURS).then(|| {
        let what = format!("the operator is {theirs}, this kubectl-plenum is {OURS}");
        Finding::advice("AnotherVersion", Object::of("Deployment", operator), what)
            .why("what one of them knows the other may not")
            .remedy("install the kubectl-plenum of the operator's version")
    })
}

/// Routers and controllers of one zone that run different images: a rollout, or one that
/// stands still.
fn mixed(snapshot: &Snapshot, zone: &MeetingZone) -> Option<Finding> {
    let ours = |pod: &&Pod| {
        namespace_of(*pod) == namespace_of(zone)
            && label(*pod, labels::ZONE) == Some(name_of(zone))
            && pod.metadata.deletion_timestamp.is_none()
    };
    let pods = snapshot.pods.iter().filter(ours);
    let images: BTreeSet<&str> = pods
        .filter_map(|pod| pod.spec.as_ref()?.containers.first()?.image.as_deref())
        .collect();
    let images: Vec<&str> = images.into_iter().collect();
    (images.len() > 1).then(|| {
        let what = format!("its pods run different images: {}", some_of(&images));
        Finding::advice("ImagesDiffer", Object::of("MeetingZone", zone), what)
            .why("routers are replaced one after another, as they drain; or a pool pins its image")
            .remedy(format!(
                "kubectl plenum status {} -n {}",
                name_of(zone),
                namespace_of(zone)
            ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_says_how_old_a_cluster_may_be() {
        assert!(oldest().is_some_and(|oldest| oldest >= (1, 30)));
        assert_eq!(numbers("v1.36.3+k3s1"), Some((1, 36)));
    }
}
