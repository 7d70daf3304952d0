//! What the operator and those who look for a person read of pods alike.

use k8s_openapi::api::core::v1::{Pod, PodSpec};

/// The node that a pod is on, or is made for. Until the scheduler has bound a `DaemonSet`'s pod, which
/// may be never, only its affinity names that.
#[must_use]
pub fn node_of(pod: &Pod) -> Option<&str> {
    let spec = pod.spec.as_ref()?;
    spec.node_name.as_deref().or_else(|| made_for(spec))
}

/// As the `DaemonSet`'s controller writes it: the name alone, as a field to match.
fn made_for(spec: &PodSpec) -> Option<&str> {
    let nodes = spec.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = nodes
        .required_during_scheduling_ignored_during_execution
        .as_ref()?;
    let terms = required.node_selector_terms.iter();
    let mut fields = terms.flat_map(|term| term.match_fields.iter().flatten());
    fields.find_map(|field| match field.values.as_deref() {
        Some([name]) if field.key == "metadata.name" && field.operator == "In" => {
            Some(name.as_str())
        }
        _ => None,
    })
}
