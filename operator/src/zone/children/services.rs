//! How controllers and tunnels are found: by clients through one Service each, and controllers
//! by routers, tunnels and the operator each one by itself through a headless one.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use plenum_crds::Exposure;

use super::{Part, metadata, selector_labels};
use crate::zone::names;
use crate::zone::validate::ValidZone;

/// Port of controllers and tunnels for clients.
pub const HTTPS_PORT: u16 = 8443;
/// Port of the controllers for routers, tunnels and the operator.
pub const LINK_PORT: u16 = 9443;

/// IPv6 too, where the cluster has it.
const FAMILIES: &str = "PreferDualStack";

/// The Service of the controllers for clients.
#[must_use]
pub fn client(zone: &ValidZone) -> Service {
    exposed(zone, Part::Controllers, &zone.spec.exposure)
}

/// The Service of the tunnels.
#[must_use]
pub fn tunnel(zone: &ValidZone) -> Service {
    exposed(zone, Part::Tunnels, &zone.spec.tunnels.exposure)
}

fn exposed(zone: &ValidZone, part: Part, exposure: &Exposure) -> Service {
    let mut metadata = metadata(zone, part, part.name(zone));
    if !exposure.annotations.is_empty() {
        metadata.annotations = Some(exposure.annotations.clone());
    }
    let mut https = port("https", exposure.port, HTTPS_PORT);
    https.app_protocol = Some("https".to_owned());
    https.node_port = exposure.node_port.map(i32::from);
    Service {
        metadata,
        spec: Some(ServiceSpec {
            type_: Some(exposure.type_.as_str().to_owned()),
            ip_family_policy: Some(FAMILIES.to_owned()),
            external_traffic_policy: exposure
                .external_traffic_policy
                .map(|policy| policy.as_str().to_owned()),
            selector: Some(selector_labels(zone, part)),
            ports: Some(vec![https]),
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
        metadata: metadata(
            zone,
            Part::Controllers,
            names::link_service(&zone.names.name),
        ),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            cluster_ip: Some("None".to_owned()),
            ip_family_policy: Some(FAMILIES.to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(selector_labels(zone, Part::Controllers)),
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
