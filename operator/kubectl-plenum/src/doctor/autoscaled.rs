//! Pools whose nodes a node autoscaler brings: to label nodes is its work, by what its node groups
//! say, and nobody does it by hand.

use plenum_crds::{MMRPool, NodeAutoscaler, labels};

use crate::snapshot::{name_of, namespace_of};

/// Who brings nodes; `None`: people label them.
pub(super) fn by(pool: &MMRPool) -> Option<&'static str> {
    match pool.spec.node_autoscaler {
        NodeAutoscaler::None => None,
        NodeAutoscaler::ClusterAutoscaler => Some("Cluster Autoscaler"),
        NodeAutoscaler::Karpenter => Some("Karpenter"),
    }
}

/// How nodes for the pool come to be: by hand, or by whoever brings them.
pub(super) fn more_nodes(pool: &MMRPool) -> Vec<String> {
    let asked = asked(pool);
    match pool.spec.node_autoscaler {
        NodeAutoscaler::None => vec![format!("kubectl label node NODE {}", asked.join(" "))],
        _ => vec![
            format!(
                "kubectl -n {} describe pods -l {}={},{}={}   # why no node comes: these pods ask for one",
                namespace_of(pool),
                labels::APP_COMPONENT,
                labels::COMPONENT_PLACEHOLDER,
                labels::POOL,
                name_of(pool)
            ),
            labelled(pool, &asked.join(",")),
        ],
    }
}

/// Where the labels of the nodes that come are written.
fn labelled(pool: &MMRPool, labels: &str) -> String {
    match pool.spec.node_autoscaler {
        NodeAutoscaler::Karpenter => {
            format!("kubectl edit nodepool NAME   # spec.template.metadata.labels: {labels}")
        }
        _ => format!("give the nodes of a node group that may grow these labels: {labels}"),
    }
}

/// How those that come are machines which can run the image: `amd64` and `linux`.
pub(super) fn of_kind(pool: &MMRPool, (arch, os): (&str, &str)) -> String {
    match pool.spec.node_autoscaler {
        NodeAutoscaler::Karpenter => format!(
            "kubectl edit nodepool NAME   # spec.template.spec.requirements: kubernetes.io/arch In [{arch}], kubernetes.io/os In [{os}]"
        ),
        _ => format!(
            "leave these labels to node groups of {arch} and {os}: {}",
            asked(pool).join(",")
        ),
    }
}

/// The labels that the pool selects by, as `kubectl` writes them.
pub(super) fn asked(pool: &MMRPool) -> Vec<String> {
    let selector = pool.spec.node_selector.iter();
    selector
        .map(|(key, value)| format!("{key}={value}"))
        .collect()
}
