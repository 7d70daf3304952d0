//! One controller and one tunnel may be evicted at a time. Each is enough for the zone, so this
//! also holds for zones with one: a node can always be emptied.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Part, metadata, selector};
use crate::zone::validate::ValidZone;

/// The disruption budget of a part.
#[must_use]
pub fn budget(zone: &ValidZone, part: Part) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: metadata(zone, part, part.name(zone)),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(selector(zone, part)),
            // One that does not answer anyway must not hold up the node.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}
