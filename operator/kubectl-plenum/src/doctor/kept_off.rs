//! What keeps routers off nodes that have the labels of their pool.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Taint, Toleration};
use plenum_crds::MMRPool;

use super::nodes::silence;
use super::pools::selects;
use super::{autoscaled, some_of};
use crate::finding::Finding;
use crate::snapshot::{Snapshot, name_of};

/// Taints of Kubernetes itself: of a cordon, and of troubles of the node.
const KUBERNETES: &str = "node.kubernetes.io/";

/// Adds it, with what lets routers in, to the finding that there are too few nodes.
pub(super) fn explained(snapshot: &Snapshot, pool: &MMRPool, finding: Finding) -> Finding {
    let selected: Vec<&Node> = snapshot
        .nodes
        .iter()
        .filter(|node| selects(pool, node))
        .collect();
    let is = |keeps: &dyn Fn(&Node) -> bool| -> Vec<&str> {
        let kept = selected.iter().filter(|node| keeps(node));
        kept.map(|node| name_of(*node)).collect()
    };
    let (mut why, mut remedies) = (Vec::new(), Vec::new());
    let cordoned = is(&|node| node.spec.as_ref().and_then(|it| it.unschedulable) == Some(true));
    if !cordoned.is_empty() {
        why.push(format!("cordoned: {}", some_of(&cordoned)));
        remedies.push(format!("kubectl uncordon {}", cordoned.join(" ")));
    }
    for (taint, nodes) in tainted(pool, &selected) {
        why.push(format!("tainted with {taint}: {}", some_of(&nodes)));
        remedies.push(format!(
            "kubectl taint node {} {taint}-   # or tolerate it in spec.tolerations of the pool",
            nodes.join(" ")
        ));
    }
    let silent = is(&|node| silence(node).is_some());
    if !silent.is_empty() {
        why.push(format!("not ready: {}", some_of(&silent)));
        remedies.push(format!("kubectl describe node {}", silent.join(" ")));
    }
    remedies.extend(autoscaled::more_nodes(pool));
    let mut finding = if why.is_empty() {
        finding
    } else {
        finding.why(why.join("; "))
    };
    finding.remedies.extend(remedies);
    finding
}

/// The taints that routers of the pool do not tolerate, as `kubectl taint` takes them off.
fn tainted<'a>(pool: &MMRPool, nodes: &[&'a Node]) -> BTreeMap<String, Vec<&'a str>> {
    let tolerations = pool.spec.tolerations.as_deref().unwrap_or_default();
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for node in nodes {
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
        let repelling = taints.into_iter().flatten().filter(|taint| {
            taint.effect != "PreferNoSchedule"
                && !taint.key.starts_with(KUBERNETES)
                && !tolerations.iter().any(|it| tolerates(it, taint))
        });
        for taint in repelling {
            let name = format!("{}:{}", taint.key, taint.effect);
            found.entry(name).or_default().push(name_of(*node));
        }
    }
    found
}

/// As the scheduler reads it.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let is = |given: &Option<String>, theirs: &str| given.as_deref().unwrap_or_default() == theirs;
    let exists = is(&toleration.operator, "Exists");
    let key = is(&toleration.key, &taint.key) || (exists && is(&toleration.key, ""));
    let effect = is(&toleration.effect, &taint.effect) || is(&toleration.effect, "");
    let value = exists
        || is(
            &toleration.value,
            taint.value.as_deref().unwrap_or_default(),
        );
    key && effect && value
}
