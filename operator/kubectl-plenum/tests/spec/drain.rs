//! Emptying the router of a node.

use kubectl_plenum::drain::{Objection, objection, outcome, patch};
use kubectl_plenum::snapshot::Snapshot;
use serde_json::json;

use crate::world::{healthy, now};

fn annotated(pairs: &[(&str, &str)]) -> Snapshot {
    let mut seen = healthy();
    let pairs = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    seen.nodes.items[0].metadata.annotations = Some(pairs.collect());
    seen
}

const REQUESTED: (&str, &str) = ("plenum.dev/drain-requested", "2026-11-22T12:00:00Z");

#[test]
fn it_is_one_annotation_and_cancelling_takes_it_off() {
    let asked = json!({"metadata": {"annotations": {REQUESTED.0: REQUESTED.1}}});
    assert_eq!(patch(false, now()), asked);
    let cancelled = json!({"metadata": {"annotations": {REQUESTED.0: null}}});
    assert_eq!(patch(true, now()), cancelled);
}

#[test]
fn a_node_that_no_pool_knows_cannot_be_drained() {
    let seen = healthy();
    let Some(Objection::NoRouter(why)) = objection(&seen, &seen.nodes[2]) else {
        panic!("n3 has no router");
    };
    assert_eq!(
        why,
        "node n3 carries no router, and no pool selects it; these nodes do: n1"
    );
    assert_eq!(objection(&seen, &seen.nodes[0]), None);
    assert_eq!(
        objection(&seen, &seen.nodes[1]),
        None,
        "n2 can be kept free"
    );
}

#[test]
fn a_paused_pool_does_nothing_and_that_is_said() {
    let mut seen = healthy();
    let paused = [("plenum.dev/paused".to_owned(), String::new())];
    seen.pools.items[0].metadata.annotations = Some(paused.into());
    assert!(matches!(
        objection(&seen, &seen.nodes[0]),
        Some(Objection::Waits(_))
    ));
}

#[test]
fn it_goes_from_asked_to_draining_to_gone() {
    let seen = annotated(&[REQUESTED]);
    let asked = outcome(&seen, &seen.nodes[0]);
    assert!(asked.requested && !asked.drained);
    assert_eq!(
        asked.message,
        "n1: the operator has not begun yet, 37 people left"
    );

    let since = ("plenum.dev/draining-since", "2026-11-22T11:59:50Z");
    let mut seen = annotated(&[REQUESTED, since]);
    let draining = outcome(&seen, &seen.nodes[0]);
    assert_eq!(
        draining.message,
        "n1: its router drains for 10s, 37 people left"
    );

    let labels = seen.nodes.items[0].metadata.labels.as_mut().unwrap();
    labels.remove("plenum.dev/active-pool");
    let stops = outcome(&seen, &seen.nodes[0]);
    assert!(!stops.drained, "its pod is still there");

    seen.pods
        .items
        .retain(|pod| pod.metadata.name.as_deref() != Some("main-mmr-x7k2p"));
    let gone = outcome(&seen, &seen.nodes[0]);
    assert!(gone.drained);
    assert!(
        gone.message.contains("kubectl plenum drain n1 --cancel"),
        "{}",
        gone.message
    );
}

#[test]
fn who_has_to_wait_for_others_hears_it() {
    let mut seen = annotated(&[REQUESTED]);
    let status = seen.pools.items[0].status.as_mut().unwrap();
    status.routers.draining = 1;
    let waits = outcome(&seen, &seen.nodes[0]);
    assert!(
        waits
            .message
            .ends_with("1 others drain, and the pool's maxDraining is 1"),
        "{}",
        waits.message
    );
}
