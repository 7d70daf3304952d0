//! Nodes of which it is not known at which address clients reach a router.

use k8s_openapi::api::core::v1::Node;
use plenum_crds::{AddressSource, MMRPool, NoAddress, RouterAddresses};

use super::nodes::is_of;
use super::pools::selects;
use crate::finding::Finding;
use crate::snapshot::{Snapshot, name_of, namespace_of};

/// Most nodes that are told one by one.
const TOLD: usize = 5;

/// Adds which nodes they are, and what to type for each.
pub(super) fn explained(snapshot: &Snapshot, pool: &MMRPool, finding: Finding) -> Finding {
    let concerned = |node: &&Node| is_of(pool, node) || selects(pool, node);
    let nodes = snapshot.nodes.iter().filter(concerned);
    let nodes: Vec<(&str, NoAddress)> = nodes
        .filter_map(|node| Some((name_of(node), missing(pool, node)?)))
        .collect();
    let why = nodes
        .iter()
        .map(|(node, why)| format!("node {node}: {why}"));
    let mut why: Vec<String> = why.take(TOLD).collect();
    if nodes.len() > TOLD {
        why.push(format!("and {} more nodes", nodes.len() - TOLD));
    }
    let remedies = nodes.iter().map(|(node, why)| why.remedy(node));
    let remedies: Vec<String> = remedies.take(TOLD).collect();
    let mut finding = if why.is_empty() {
        finding
    } else {
        finding.why(why.join("; "))
    };
    finding.remedies.extend(remedies);
    if pool.spec.public_address.source == AddressSource::NodeExternalIp {
        let patch = r#"'{"spec":{"publicAddress":{"source":"Annotation"}}}'"#;
        finding = finding.remedy(format!(
            "kubectl -n {} patch mmrpool {} --type merge -p {patch}   # to write them yourself",
            namespace_of(pool),
            name_of(pool)
        ));
    }
    finding
}

fn missing(pool: &MMRPool, node: &Node) -> Option<NoAddress> {
    match pool.spec.public_address.source {
        AddressSource::NodeInternalIp => None,
        AddressSource::NodeExternalIp => RouterAddresses::external(node).err(),
        AddressSource::Annotation => RouterAddresses::annotated(node).err(),
    }
}
