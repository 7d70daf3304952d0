//! Step 3: the objects without secrets that a valid zone consists of. Deterministic: the same
//! zone gives the same objects.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use super::children::{pdb, services, statefulset};
use super::validate::ValidZone;

/// What a zone consists of, besides its Secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Children {
    /// The controllers.
    pub stateful_set: StatefulSet,
    /// The Service for clients.
    pub service: Service,
    /// The Service for routers.
    pub link_service: Service,
    /// The disruption budget.
    pub budget: PodDisruptionBudget,
}

/// Builds them.
#[must_use]
pub fn build(zone: &ValidZone) -> Children {
    Children {
        stateful_set: statefulset::controllers(zone),
        service: services::client(zone),
        link_service: services::link(zone),
        budget: pdb::budget(zone),
    }
}
