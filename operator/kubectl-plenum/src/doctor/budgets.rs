//! Do disruption budgets protect the controllers, and does none of them block a node for ever?

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt as _;
use kube::core::{Selector, SelectorExt as _};
use plenum_crds::{MeetingZone, labels};

use crate::finding::{Finding, Object, unseen};
use crate::snapshot::{Snapshot, label, name_of, namespace_of};

const KIND: &str = "PodDisruptionBudget";

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<Finding> = unseen(KIND, &snapshot.budgets.troubles).collect();
    findings.extend(unseen("MeetingZone", &snapshot.zones.troubles));
    if !snapshot.budgets.is_whole() {
        return findings;
    }
    findings.extend(
        snapshot
            .zones
            .iter()
            .filter_map(|it| unprotected(snapshot, it)),
    );
    findings.extend(
        snapshot
            .budgets
            .iter()
            .filter_map(|it| blocks(snapshot, it)),
    );
    findings
}

fn unprotected(snapshot: &Snapshot, zone: &MeetingZone) -> Option<Finding> {
    let (namespace, name) = (namespace_of(zone), format!("{}-zc", name_of(zone)));
    let there = snapshot
        .budgets
        .iter()
        .any(|it| namespace_of(it) == namespace && name_of(it) == name);
    let runs = zone
        .status
        .as_ref()
        .is_some_and(|it| it.controllers.ready > 0);
    (runs && !there).then(|| {
        let what = "the zone's controllers have no disruption budget";
        Finding::advice("BudgetMissing", Object::named(KIND, namespace, &name), what)
            .why("all of them could be evicted at once; the operator makes it when it runs")
            .remedy("kubectl plenum doctor   # whether the operator runs and may")
    })
}

/// A budget that never allows an eviction of pods of ours.
fn blocks(snapshot: &Snapshot, budget: &PodDisruptionBudget) -> Option<Finding> {
    let status = budget.status.as_ref()?;
    let pods = covered(snapshot, budget);
    let stuck = status.disruptions_allowed == Some(0) && status.expected_pods > Some(0);
    // One that waits for a pod to come back is at its work.
    let whole = status.current_healthy >= status.expected_pods;
    if pods.is_empty() || !stuck || !whole {
        return None;
    }
    let routers = pods
        .iter()
        .any(|pod| label(*pod, labels::APP_COMPONENT) == Some(labels::COMPONENT_ROUTER));
    let what = format!(
        "it never allows an eviction of {} pods, though all are healthy",
        pods.len()
    );
    let why = if routers {
        "routers need no budget: the operator drains them when their node is cordoned"
    } else {
        "kubectl drain of their nodes waits for ever"
    };
    let delete = format!(
        "kubectl -n {} delete pdb {}",
        namespace_of(budget),
        name_of(budget)
    );
    Some(
        Finding::advice("BudgetBlocksNodes", Object::of(KIND, budget), what)
            .why(why)
            .remedy(delete),
    )
}

fn covered<'a>(snapshot: &'a Snapshot, budget: &PodDisruptionBudget) -> Vec<&'a Pod> {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.clone());
    // None is for no pod, an empty one for every pod.
    let Some(Ok(selector)) = selector.map(Selector::try_from) else {
        return Vec::new();
    };
    let pods = snapshot.pods.iter();
    pods.filter(|pod| namespace_of(*pod) == namespace_of(budget) && selector.matches(pod.labels()))
        .collect()
}
