//! Whether clients outside the cluster reach the zone, as far as it says itself.

use plenum_crds::{ExposureType, MeetingZone};

use super::Zone;
use crate::finding::Finding;
use crate::snapshot::{name_of, namespace_of};

/// A zone that is to be reached from outside, and knows nothing but its name inside.
pub(super) fn unreached(zone: &MeetingZone, subject: &Zone) -> Option<Finding> {
    let (namespace, name) = (namespace_of(zone), name_of(zone));
    let exposure = &zone.spec.exposure;
    let url = zone.status.as_ref()?.url.as_deref()?;
    let inside = format!("https://{name}-zc.{namespace}.svc");
    if !url.starts_with(&inside) || !exposure.hostnames.is_empty() {
        return None;
    }
    let patch = subject.command("patch");
    let hostnames = format!(
        "{patch} --type merge -p '{{\"spec\":{{\"exposure\":{{\"hostnames\":[\"NAME-OR-ADDRESS\"]}}}}}}'"
    );
    match exposure.type_ {
        // By choice.
        ExposureType::ClusterIp => None,
        ExposureType::NodePort => {
            let what = "it is on a port of every node, and says only its name inside the cluster";
            Some(
                Finding::advice("HostnamesMissing", subject.about(), what)
                    .why("what clients call the nodes is not known, and in no certificate of the zone's authority")
                    .remedy(hostnames),
            )
        }
        // Clouds take a minute.
        ExposureType::LoadBalancer if subject.is_new() => None,
        ExposureType::LoadBalancer => {
            let what = "its load balancer has no address: clients outside do not reach it";
            Some(
                Finding::wrong("LoadBalancerPending", subject.about(), what)
                    .why("the cluster has no load balancers, or could not make this one")
                    .remedy(format!(
                        "kubectl -n {namespace} describe service {name}-zc   # what its Events say"
                    ))
                    .remedy(format!(
                        "{patch} --type merge -p '{{\"spec\":{{\"exposure\":{{\"type\":\"NodePort\",\"nodePort\":30443,\"hostnames\":[\"ADDRESS-OF-A-NODE\"]}}}}}}'   # without load balancers"
                    )),
            )
        }
    }
}
