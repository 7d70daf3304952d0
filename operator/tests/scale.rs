//! What a look at a pool costs does not depend on how many other pools there are.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, Pod};
use plenum_crds::{MMRPool, MeetingZone};
use plenum_operator::pool::caches::{Caches, Objects};
use plenum_operator::pool::fetch::Snapshot;
use plenum_operator::pool::observed::View;
use plenum_operator::pool::validate::validate;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const ROUTERS: usize = 5;
const CONTROLLERS: usize = 2;

fn parsed<K: DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).unwrap()
}

fn zone(n: usize) -> MeetingZone {
    parsed(json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone",
        "metadata": {"name": format!("z{n}"), "namespace": "n"}, "spec": {},
    }))
}

fn pool(n: usize) -> MMRPool {
    parsed(json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool",
        "metadata": {"name": format!("p{n}"), "namespace": "n", "uid": format!("p{n}")},
        "spec": {
            "zone": format!("z{n}"),
            "nodeSelector": {"plenum.dev/routers": "true", "site": format!("s{n}")},
        },
    }))
}

/// Half of the nodes carry a router already.
fn node(n: usize, k: usize) -> Node {
    let mut labels = json!({"plenum.dev/routers": "true", "site": format!("s{n}")});
    if k < ROUTERS / 2 {
        labels["plenum.dev/active-pool"] = format!("n.p{n}").into();
    }
    parsed(json!({"metadata": {"name": format!("node-{n}-{k}"), "labels": labels}}))
}

fn pod(n: usize, k: usize, component: &str, of: &Value) -> Pod {
    let mut labels = json!({"app.kubernetes.io/component": component});
    labels
        .as_object_mut()
        .unwrap()
        .extend(of.as_object().unwrap().clone());
    parsed(json!({
        "metadata": {"name": format!("{component}-{n}-{k}"), "namespace": "n", "labels": labels},
        "spec": {"nodeName": format!("node-{n}-{k}"), "containers": []},
        "status": {"phase": "Running", "podIP": "10.0.0.1"},
    }))
}

/// So many zones, each with a pool of nodes of its own.
fn caches(zones: usize) -> Caches {
    let all = || 0..zones;
    let each = |count: usize| all().flat_map(move |n| (0..count).map(move |k| (n, k)));
    let routers = each(ROUTERS / 2).map(|(n, k)| {
        let of = json!({"plenum.dev/pool": format!("p{n}"), "plenum.dev/zone": format!("z{n}")});
        pod(n, k, "router", &of)
    });
    let controllers = each(CONTROLLERS).map(|(n, k)| {
        let of = json!({"plenum.dev/zone": format!("z{n}")});
        pod(n, k, "zone-controller", &of)
    });
    Caches::of(Objects {
        nodes: each(ROUTERS).map(|(n, k)| node(n, k)).collect(),
        pods: routers.chain(controllers).collect(),
        zones: all().map(zone).collect(),
        pools: all().map(pool).collect(),
        ..Objects::default()
    })
}

/// A look at a pool, and how many objects it took.
fn look(caches: &Caches, pool: &MMRPool) -> (Snapshot, u64) {
    let before = caches.visited();
    let snapshot = caches.snapshot(&validate(pool).unwrap());
    (snapshot, caches.visited() - before)
}

#[test]
fn a_look_at_a_pool_of_a_thousand_takes_what_a_look_at_one_of_two_takes() {
    let (few, many) = (caches(2), caches(1_000));
    let (_, cost_of_few) = look(&few, &pool(1));
    // Each node and pod once; and its zone, its DaemonSet and its placeholders.
    let each_once = ROUTERS + ROUTERS / 2 + CONTROLLERS + 3;
    assert_eq!(cost_of_few, u64::try_from(each_once).unwrap());
    for n in [0, 1, 500, 999] {
        let (snapshot, cost) = look(&many, &pool(n));
        assert_eq!(cost, cost_of_few, "objects looked at for pool {n}");
        assert_eq!(snapshot.nodes.len(), ROUTERS);
        assert_eq!(snapshot.pods.len(), ROUTERS / 2);
        assert_eq!(snapshot.controllers.len(), CONTROLLERS);
        assert!(snapshot.zone.is_some() && snapshot.others.is_empty());
    }
}

#[test]
fn pools_that_select_the_same_nodes_know_of_each_other() {
    let mut rival = pool(7);
    rival.metadata.name = Some("rival".into());
    rival.spec.node_selector = [("site".to_owned(), "s7".to_owned())].into();
    let mut objects = Objects {
        nodes: (0..1_000).map(|n| node(n, 4)).collect(),
        pools: (0..1_000).map(pool).collect(),
        ..Objects::default()
    };
    objects.pools.push(rival.clone());
    let caches = Caches::of(objects);
    let object = pool(7);
    let (snapshot, cost) = look(&caches, &object);
    assert!(cost < 10, "{cost} objects looked at");
    assert_eq!(snapshot.others.len(), 1);
    let valid = validate(&object).unwrap();
    let seen = snapshot.observed(&object, &valid, Some("template"), View::default());
    assert_eq!(seen.rivals, BTreeSet::from(["n/rival".to_owned()]));
    let (snapshot, _) = look(&caches, &rival);
    assert_eq!(snapshot.others.len(), 1);
}
