//! Where clients reach the zone and its tunnels, as far as the operator can know.

use kube::ResourceExt as _;
use plenum_crds::{Exposure, ExposureType};

use super::children::Part;
use super::fetch::Fetched;

/// The URLs at which clients reach a part of the zone, the first of them foremost: those outside,
/// else its name inside the cluster.
#[must_use]
pub fn urls(fetched: &Fetched, part: Part) -> Vec<String> {
    let outside = outside(fetched, part);
    if outside.is_empty() {
        vec![inside(fetched, part)]
    } else {
        outside
    }
}

/// The URLs at which clients outside the cluster reach a part, as far as the operator knows: what
/// the spec calls it, else its load balancer.
#[must_use]
pub fn outside(fetched: &Fetched, part: Part) -> Vec<String> {
    let exposure = exposure(fetched, part);
    let on = outside_port(fetched, part);
    let written = exposure.hostnames.iter();
    let written: Vec<String> = written.map(|host| address(host, on)).collect();
    if !written.is_empty() || exposure.type_ != ExposureType::LoadBalancer {
        return written;
    }
    let balancers = fetched.ingress(part);
    balancers
        .map(|host| address(&host, exposure.port))
        .collect()
}

fn inside(fetched: &Fetched, part: Part) -> String {
    let service = part.name_in(&fetched.zone.name_any());
    let namespace = fetched.zone.namespace().unwrap_or_default();
    let host = format!("{service}.{namespace}.svc");
    address(&host, exposure(fetched, part).port)
}

/// Whether the port of the part is known: one that Kubernetes chooses is not until the Service
/// is there.
#[must_use]
pub fn has_port(fetched: &Fetched, part: Part) -> bool {
    let chosen = exposure(fetched, part);
    chosen.type_ != ExposureType::NodePort
        || chosen.node_port.is_some()
        || allocated_port(fetched, part).is_some()
}

/// How a part is to be reached.
#[must_use]
pub fn exposure(fetched: &Fetched, part: Part) -> &Exposure {
    match part {
        Part::Controllers => &fetched.zone.spec.exposure,
        Part::Tunnels => &fetched.zone.spec.tunnels.exposure,
    }
}

/// The port that people outside reach: of the node, where the Service is on nodes.
fn outside_port(fetched: &Fetched, part: Part) -> u16 {
    let exposure = exposure(fetched, part);
    if exposure.type_ != ExposureType::NodePort {
        return exposure.port;
    }
    exposure
        .node_port
        .or_else(|| allocated_port(fetched, part))
        .unwrap_or(exposure.port)
}

fn allocated_port(fetched: &Fetched, part: Part) -> Option<u16> {
    let ports = fetched.service(part)?.spec.as_ref()?.ports.as_ref()?;
    u16::try_from(ports.first()?.node_port?).ok()
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
