//! What a former operator left behind is taken over as it is: no pod is made anew, no key is
//! drawn anew, nobody is drained.
//!
//! Zone and pool were deleted with `--cascade=orphan` and are created again: they have other UIDs,
//! and their children have no owners any more, and a label of the former operator's version.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

mod api_server;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use api_server::{ApiServer, operate};

const ZONE: &str = "/apis/plenum.dev/v1alpha1/namespaces/n/meetingzones/z";
const POOL: &str = "/apis/plenum.dev/v1alpha1/namespaces/n/mmrpools/p";
const NODE: &str = "/api/v1/nodes/node";
const ROUTER: &str = "/api/v1/namespaces/n/pods/p-mmr-1";
const DAEMON_SET: &str = "/apis/apps/v1/namespaces/n/daemonsets/p-mmr";
/// `StatefulSet`, `Deployment`, `DaemonSet`, three Services, two budgets and seven Secrets.
const CHILDREN: usize = 15;

fn zone(uid: &str) -> Value {
    json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone",
        "metadata": {"name": "z", "namespace": "n", "uid": uid, "generation": 1}, "spec": {},
    })
}

fn pool(uid: &str) -> Value {
    json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool",
        "metadata": {"name": "p", "namespace": "n", "uid": uid, "generation": 1},
        "spec": {"zone": "z", "nodeSelector": {"routers": "true"}},
    })
}

fn node() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "node", "uid": "node", "labels": {"routers": "true"}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    })
}

/// A router of this template, which runs.
fn router(template: &Value) -> Value {
    let labels = json!({
        "app.kubernetes.io/component": "router", "plenum.dev/pool": "p", "plenum.dev/zone": "z",
    });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "p-mmr-1", "namespace": "n", "uid": "p-mmr-1", "labels": labels,
            "annotations": template["metadata"]["annotations"],
        },
        "spec": {"nodeName": "node", "containers": []},
        "status": {"phase": "Running", "containerStatuses": [{
            "name": "router", "image": "i", "imageID": "i", "restartCount": 0, "ready": true,
            "state": {"running": {}},
        }]},
    })
}

/// Everything that an operator made for the zone and the pool, by its path.
fn children(server: &ApiServer) -> BTreeMap<String, Value> {
    let kinds = [
        "statefulsets",
        "deployments",
        "daemonsets",
        "services",
        "poddisruptionbudgets",
        "secrets",
    ];
    let is_child = |path: &str| {
        let parts: Vec<&str> = path.split('/').collect();
        let kind = parts.len().checked_sub(2).and_then(|at| parts.get(at));
        kind.is_some_and(|kind| kinds.contains(kind))
    };
    let writes = server.writes();
    let paths = writes
        .iter()
        .filter_map(|write| write.strip_prefix("PATCH "));
    paths
        .filter(|path| is_child(path))
        .map(|path| (path.to_owned(), server.object(path).unwrap()))
        .collect()
}

/// Lets an operator work until what it did is as wanted. It waits for reports of controllers for
/// some time before, and that is time which tests cannot move.
async fn operate_until(server: &ApiServer, done: impl Fn() -> bool) {
    let operator = tokio::spawn(operate(server.clone()));
    for _ in 0..1_000_000 {
        sleep(Duration::from_mins(1)).await;
        if done() {
            operator.abort();
            return;
        }
    }
    panic!("{:#?}", server.writes());
}

/// Whether the pool has said what it found.
fn said(server: &ApiServer) -> bool {
    let pool = server.object(POOL).unwrap();
    let conditions = pool["status"]["conditions"].as_array();
    let found = |one: &Value| one["type"] == "ZoneFound" && one["status"] == "True";
    conditions.into_iter().flatten().any(found)
}

async fn left_by_a_former_operator() -> BTreeMap<String, Value> {
    let server = ApiServer::that_applies(&[
        (ZONE, zone("former zone")),
        (POOL, pool("former pool")),
        (NODE, node()),
    ]);
    operate_until(&server, || {
        said(&server) && children(&server).len() == CHILDREN
    })
    .await;
    let mut left = children(&server);
    for child in left.values_mut() {
        let metadata = child["metadata"].as_object_mut().unwrap();
        assert!(metadata.remove("ownerReferences").is_some());
        metadata["labels"]["app.kubernetes.io/version"] = "0.0.9".into();
    }
    left.insert(NODE.into(), server.object(NODE).unwrap());
    let template = &left[DAEMON_SET]["spec"]["template"];
    left.insert(ROUTER.into(), router(template));
    left
}

#[tokio::test(start_paused = true)]
async fn what_a_former_operator_left_is_taken_over_as_it_is() {
    let left = left_by_a_former_operator().await;
    let mut objects: Vec<(&str, Value)> = vec![(ZONE, zone("zone")), (POOL, pool("pool"))];
    objects.extend(
        left.iter()
            .map(|(path, object)| (path.as_str(), object.clone())),
    );
    let server = ApiServer::that_applies(&objects);
    let owner = |path: &str| {
        let object = server.object(path).unwrap();
        object["metadata"]["ownerReferences"][0]["uid"].clone()
    };
    let adopted = |path: &String| {
        let by = if path == DAEMON_SET { "pool" } else { "zone" };
        path == NODE || path == ROUTER || owner(path) == by
    };
    operate_until(&server, || said(&server) && left.keys().all(adopted)).await;

    for (path, before) in &left {
        let after = server.object(path).unwrap();
        for field in ["spec", "data"] {
            assert_eq!(after[field], before[field], "{field} of {path}");
        }
        let uid = |object: &Value| object["metadata"]["uid"].clone();
        assert_eq!(uid(&after), uid(before), "{path} was made anew");
    }
    let node = server.object(NODE).unwrap();
    assert_eq!(node["metadata"]["labels"]["plenum.dev/active-pool"], "n.p");
    let drained = &node["metadata"]["annotations"]["plenum.dev/draining-since"];
    assert_eq!(*drained, Value::Null);
    let writes = server.writes();
    let deleted = writes.iter().find(|write| write.starts_with("DELETE"));
    assert_eq!(deleted, None, "{writes:#?}");
}
