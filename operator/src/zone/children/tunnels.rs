//! The tunnels.

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use plenum_crds::Tunnels;

use super::controllers::{admission, directory_keys};
use super::mount::Mount;
use super::pod::{HEALTH_PORT, POD_NAME, Pods};
use super::services::{HTTPS_PORT, LINK_PORT};
use super::{Part, metadata, selector};
use crate::pki::leaf::Role;
use crate::zone::names::{self, ZoneSecret};
use crate::zone::validate::ValidZone;

/// Whoever is in a meeting through a tunnel goes on for so long while it stops, and has set up
/// the way again through another when it ends.
const GRACE_SECONDS: i64 = 60;

/// The tunnels of the zone. With 0 replicas it stays, empty: the operator deletes nothing.
#[must_use]
pub fn tunnels(zone: &ValidZone) -> Deployment {
    let part = Part::Tunnels;
    Deployment {
        metadata: metadata(zone, part, part.name(zone)),
        spec: Some(DeploymentSpec {
            replicas: i32::try_from(zone.spec.tunnels.replicas).ok(),
            revision_history_limit: Some(3),
            selector: selector(zone, part),
            // The next one takes clients before the last one lets go of its own.
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(IntOrString::Int(1)),
                    max_unavailable: Some(IntOrString::Int(0)),
                }),
            }),
            template: pods(zone).template(zone),
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn pods(zone: &ValidZone) -> Pods {
    let tunnels = zone.spec.tunnels.clone();
    Pods {
        part: Part::Tunnels,
        role: "ht",
        arguments: arguments(zone),
        ports: vec![("https", HTTPS_PORT)],
        environment: Vec::new(),
        mounts: mounts(zone),
        grace_seconds: GRACE_SECONDS,
        resources: tunnels.resources,
        node_selector: tunnels.node_selector,
        tolerations: tunnels.tolerations,
        priority_class_name: tunnels.priority_class_name,
        metadata: tunnels.pod_metadata,
    }
}

fn arguments(zone: &ValidZone) -> Vec<String> {
    let service = names::link_service(&zone.names.name);
    let controllers = format!("{service}.{}.svc:{LINK_PORT}", zone.names.namespace);
    let pairs = [
        ("--zone", zone.names.qualified()),
        ("--name", format!("$({POD_NAME})")),
        ("--listen", format!("[::]:{HTTPS_PORT}")),
        ("--health", format!("[::]:{HEALTH_PORT}")),
        ("--tls", Mount::TLS.to_owned()),
        ("--link-tls", Mount::LINK_TLS.to_owned()),
        ("--controllers", controllers),
    ];
    let mut arguments: Vec<String> = pairs
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect();
    arguments.extend(admission(zone));
    arguments.extend(directory_keys(zone));
    arguments.extend(limits(&zone.spec.tunnels));
    arguments
}

/// Nothing where nothing is asked for: its own defaults are the tunnel's, whose image may be an
/// older one.
fn limits(tunnels: &Tunnels) -> impl Iterator<Item = String> {
    [
        ("--connections", tunnels.connections),
        ("--connections-per-network", tunnels.connections_per_network),
        ("--rate", tunnels.rate_mbps),
    ]
    .into_iter()
    .filter_map(|(flag, value)| Some([flag.to_owned(), value?.to_string()]))
    .flatten()
}

fn mounts(zone: &ValidZone) -> Vec<Mount> {
    let public = ZoneSecret::Certificate(Role::Public);
    let link = ZoneSecret::Certificate(Role::Tunnel);
    let mut mounts = vec![
        Mount::of_the_zone(zone, "tls", public, Mount::TLS),
        Mount::of_the_zone(zone, "link", link, Mount::LINK_TLS),
    ];
    mounts.extend(Mount::directory_keys(zone));
    mounts
}
