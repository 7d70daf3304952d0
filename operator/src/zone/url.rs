//! Where clients reach the zone, as far as the operator can know.

use plenum_crds::ExposureType;

use super::fetch::Fetched;
use super::names;
use kube::ResourceExt as _;

/// The first URL at which clients reach the zone: what the spec calls it, else its load
/// balancer, else its name inside the cluster.
#[must_use]
pub fn url(fetched: &Fetched) -> String {
    let exposure = &fetched.zone.spec.exposure;
    let balancer = (exposure.type_ == ExposureType::LoadBalancer)
        .then(|| fetched.ingress().next())
        .flatten();
    match (exposure.hostnames.first(), balancer) {
        (Some(host), _) => address(host, outside_port(fetched)),
        (None, Some(host)) => address(&host, exposure.port),
        (None, None) => {
            let service = names::controllers(&fetched.zone.name_any());
            let namespace = fetched.zone.namespace().unwrap_or_default();
            address(&format!("{service}.{namespace}.svc"), exposure.port)
        }
    }
}

/// The port that people outside reach: of the node, where the Service is on nodes.
fn outside_port(fetched: &Fetched) -> u16 {
    let exposure = &fetched.zone.spec.exposure;
    if exposure.type_ != ExposureType::NodePort {
        return exposure.port;
    }
    let allocated = || {
        let port = fetched
            .service
            .as_ref()?
            .spec
            .as_ref()?
            .ports
            .as_ref()?
            .first()?
            .node_port?;
        u16::try_from(port).ok()
    };
    exposure
        .node_port
        .or_else(allocated)
        .unwrap_or(exposure.port)
}

fn address(host: &str, port: u16) -> String {
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    match port {
        443 => format!("https://{host}"),
        port => format!("https://{host}:{port}"),
    }
}
