//! Nodes of which it is not known where clients reach a router.

use kubectl_plenum::finding::Level;
use kubectl_plenum::snapshot::Snapshot;
use plenum_crds::AddressSource;
use plenum_crds::labels::PUBLIC_ADDRESS;

use crate::world::{found, with};

fn unknown(source: AddressSource) -> Snapshot {
    let mut seen = with(
        "type: NodesAvailable, status: \"True\", reason: EnoughNodes",
        "type: NodesAvailable, status: \"False\", reason: AddressUnknown",
    );
    seen.pools.items[0].spec.public_address.source = source;
    seen
}

fn annotated(seen: &mut Snapshot, node: usize, address: &str) {
    let annotations = &mut seen.nodes.items[node].metadata.annotations;
    annotations
        .get_or_insert_default()
        .insert(PUBLIC_ADDRESS.to_owned(), address.to_owned());
}

#[test]
fn a_node_that_nobody_wrote_an_address_on_is_named_with_what_to_type() {
    let mut seen = unknown(AddressSource::Annotation);
    annotated(&mut seen, 0, "203.0.113.7");
    annotated(&mut seen, 1, "r1.example.com");
    let finding = found(&seen, "AddressUnknown");
    assert_eq!(finding.level, Level::Advice, "the pool is ready");
    let why =
        "node n2: in the annotation plenum.dev/public-address \"r1.example.com\" is no IP address";
    assert_eq!(finding.why, why);
    let typed = "kubectl annotate node n2 plenum.dev/public-address=ADDRESS --overwrite";
    assert_eq!(finding.remedies, [typed]);
}

#[test]
fn where_nodes_have_no_external_address_writing_them_is_the_other_way() {
    let finding = found(&unknown(AddressSource::NodeExternalIp), "AddressUnknown");
    assert!(
        finding
            .why
            .contains("n2: its status has no address of type ExternalIP")
    );
    let typed = "kubectl annotate node n2 plenum.dev/public-address=ADDRESS   # on each node";
    let mut remedies = finding.remedies.iter();
    assert!(remedies.any(|it| it.starts_with(typed)), "{finding:?}");
    let last = finding.remedies.last().unwrap();
    let patch = r#"-p '{"spec":{"publicAddress":{"source":"Annotation"}}}'"#;
    assert!(
        last.contains("patch mmrpool main") && last.contains(patch),
        "{last}"
    );
}
