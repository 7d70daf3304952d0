//! One controller may be evicted at a time. Each is enough for the zone, so this also holds
//! for zones with one: a node can always be emptied.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{metadata, selector};
use crate::zone::names;
use crate::zone::validate::ValidZone;

/// The disruption budget.
#[must_use]
pub fn budget(zone: &ValidZone) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: metadata(zone, names::controllers(&zone.names.name)),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(selector(zone)),
            // A controller that does not answer anyway must not hold up the node.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}
