//! How the controllers are found: by clients through one Service, by routers and the operator
//! each one by itself through a headless one.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{metadata, selector_labels};
use crate::zone::names;
use crate::zone::validate::ValidZone;

/// Port of the controllers for clients.
pub const HTTPS_PORT: u16 = 8443;
/// Port of the controllers for routers and the operator.
pub const LINK_PORT: u16 = 9443;

/// IPv6 too, where the cluster has it.
const FAMILIES: &str = "PreferDualStack";

/// The Service for clients.
#[must_use]
pub fn client(zone: &ValidZone) -> Service {
    let exposure = &zone.spec.exposure;
    let mut metadata = metadata(zone, names::controllers(&zone.names.name));
    if !exposure.annotations.is_empty() {
        metadata.annotations = Some(exposure.annotations.clone());
    }
    let mut port = port("https", exposure.port, HTTPS_PORT);
    port.app_protocol = Some("https".to_owned());
    port.node_port = exposure.node_port.map(i32::from);
    Service {
        metadata,
        spec: Some(ServiceSpec {
            type_: Some(exposure.type_.as_str().to_owned()),
            ip_family_policy: Some(FAMILIES.to_owned()),
            selector: Some(selector_labels(zone)),
            ports: Some(vec![port]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// The headless Service: every controller has a name, ready or not, since a router that knows
/// a controller early has told it everything by the time it serves.
#[must_use]
pub fn link(zone: &ValidZone) -> Service {
    Service {
        metadata: metadata(zone, names::link_service(&zone.names.name)),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            cluster_ip: Some("None".to_owned()),
            ip_family_policy: Some(FAMILIES.to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(selector_labels(zone)),
            ports: Some(vec![port("link", LINK_PORT, LINK_PORT)]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

fn port(name: &str, number: u16, target: u16) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number.into(),
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::Int(target.into())),
        ..ServicePort::default()
    }
}
