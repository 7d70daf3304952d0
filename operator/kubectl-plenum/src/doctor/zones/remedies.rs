//! What to type about a condition of a zone.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use plenum_crds::conditions::{ZoneCondition, ZoneReason};
use plenum_crds::{CertificateSource, MeetingZone};

use super::super::refusals;
use super::Zone;
use crate::snapshot::{name_of, namespace_of};

/// What the API server says of a port of the nodes that another Service has.
const TAKEN: &str = "provided port is already allocated";

/// What mends it, the likeliest first.
pub(super) fn remedies(zone: &MeetingZone, failing: &Condition, subject: &Zone) -> Vec<String> {
    let (namespace, name) = (namespace_of(zone), name_of(zone));
    let pods = |component: &str| {
        format!(
            "kubectl -n {namespace} get pods -l plenum.dev/zone={name},app.kubernetes.io/component={component}"
        )
    };
    let given = zone.spec.certificates.secret_name.as_deref();
    let given = given.filter(|_| zone.spec.certificates.source == CertificateSource::Secret);
    let first = match ZoneReason::from_word(&failing.reason) {
        Some(
            ZoneReason::SecretNotFound | ZoneReason::SecretInvalid | ZoneReason::CertificateExpired,
        ) if given.is_some() => format!(
            "kubectl -n {namespace} create secret tls {} --cert=FILE --key=FILE --dry-run=client -o yaml | kubectl apply -f -",
            given.unwrap_or_default()
        ),
        Some(ZoneReason::NoPool) => format!(
            "kubectl apply -f charts/plenum/examples/pool.yaml   # with metadata.namespace: {namespace} and spec.zone: {name} in it"
        ),
        Some(ZoneReason::NoRouterAccepting) => {
            format!("kubectl -n {namespace} get mmrpools   # the findings about pools say why")
        }
        Some(ZoneReason::ControllersUnavailable | ZoneReason::ControllersStarting) => {
            pods("zone-controller")
        }
        Some(ZoneReason::TunnelsUnavailable | ZoneReason::TunnelsStarting) => pods("tunnel"),
        Some(ZoneReason::InvalidSpec) => subject.command("edit"),
        Some(ZoneReason::ApplyRefused) if failing.message.contains(TAKEN) => {
            return node_port_taken(zone, failing, subject);
        }
        Some(ZoneReason::ApplyRefused) => {
            let mut known = refusals::remedies(&failing.message, namespace);
            known.push(subject.command("describe"));
            return known;
        }
        _ => subject.command("describe"),
    };
    vec![first]
}

fn node_port_taken(zone: &MeetingZone, failing: &Condition, subject: &Zone) -> Vec<String> {
    let of_tunnels = failing.type_ == ZoneCondition::TunnelsReady.as_str();
    let (exposure, null) = if of_tunnels {
        let null = r#"{"spec":{"tunnels":{"exposure":{"nodePort":null}}}}"#;
        (&zone.spec.tunnels.exposure, null)
    } else {
        let null = r#"{"spec":{"exposure":{"nodePort":null}}}"#;
        (&zone.spec.exposure, null)
    };
    let port = exposure.node_port.map(|port| port.to_string());
    let port = port.as_deref().unwrap_or("PORT");
    let patch = subject.command("patch");
    vec![
        format!("kubectl get services --all-namespaces | grep {port}   # who has it"),
        format!("{patch} --type merge -p '{null}'   # Kubernetes chooses another; or write one"),
    ]
}
