//! Step 3: the objects without secrets that a valid zone consists of. Deterministic: the same
//! zone gives the same objects.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use super::children::{Part, controllers, pdb, services, tunnels};
use super::validate::ValidZone;

/// What a zone consists of, besides its Secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Children {
    /// The controllers.
    pub stateful_set: StatefulSet,
    /// The tunnels.
    pub deployment: Deployment,
    /// For clients, for routers, and that of the tunnels.
    pub services: [Service; 3],
    /// Of the controllers, and of the tunnels.
    pub budgets: [PodDisruptionBudget; 2],
}

/// Builds them.
#[must_use]
pub fn build(zone: &ValidZone) -> Children {
    Children {
        stateful_set: controllers(zone),
        deployment: tunnels(zone),
        services: [
            services::client(zone),
            services::link(zone),
            services::tunnel(zone),
        ],
        budgets: [Part::Controllers, Part::Tunnels].map(|part| pdb::budget(zone, part)),
    }
}
