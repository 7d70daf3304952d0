//! Where nothing happens, nothing is written: an idle operator renews its Lease and is silent.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

mod api_server;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use api_server::{ApiServer, operate};

const ZONE: &str = "/apis/plenum.dev/v1alpha1/namespaces/n/meetingzones/z";
const POOL: &str = "/apis/plenum.dev/v1alpha1/namespaces/n/mmrpools/p";

/// A zone, and a pool with a router on the only node.
fn cluster() -> ApiServer {
    let meta = |name: &str| json!({"name": name, "namespace": "n", "uid": name, "generation": 1});
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let zone = json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone",
        "metadata": meta("z"), "spec": {},
    });
    let pool = json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool", "metadata": meta("p"),
        "spec": {"zone": "z", "nodeSelector": {"routers": "true"}},
    });
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "node", "uid": "node", "labels": {"routers": "true"}},
        "status": {"conditions": ready},
    });
    let mut router = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": meta("p-mmr-1"),
        "spec": {"nodeName": "node", "containers": []},
        "status": {"phase": "Running", "containerStatuses": [{
            "name": "router", "image": "i", "imageID": "i", "restartCount": 0, "ready": true,
            "state": {"running": {}},
        }]},
    });
    router["metadata"]["labels"] = json!({
        "app.kubernetes.io/component": "router", "plenum.dev/pool": "p", "plenum.dev/zone": "z",
    });
    ApiServer::that_applies(&[
        (ZONE, zone),
        (POOL, pool),
        ("/api/v1/nodes/node", node),
        ("/api/v1/namespaces/n/pods/p-mmr-1", router),
    ])
}

/// What was written, but for the Lease.
fn writes(server: &ApiServer) -> Vec<String> {
    let mut writes = server.writes();
    writes.retain(|write| !write.contains("/leases/"));
    writes
}

/// Returns when the pool says what it found. It waits for reports of controllers for some time
/// before, and that is time which tests cannot move.
async fn until_said(server: &ApiServer) {
    for _ in 0..1_000_000 {
        sleep(Duration::from_mins(1)).await;
        let pool = server.object(POOL).unwrap();
        let found = json!({"type": "ZoneFound", "status": "True"});
        let conditions = pool["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten();
        let same = |one: &Value| one["type"] == found["type"] && one["status"] == found["status"];
        if conditions.into_iter().any(same) {
            return;
        }
    }
    panic!("{:?}", server.object(POOL));
}

#[tokio::test(start_paused = true)]
async fn where_nothing_happens_nothing_is_written() {
    let server = cluster();
    let operator = tokio::spawn(operate(server.clone()));
    until_said(&server).await;
    let made = writes(&server);
    assert!(made.iter().any(|write| write.contains("/statefulsets/")));
    assert!(made.iter().any(|write| write.contains("/daemonsets/")));
    // A resync of everything, and many of what is looked at more often.
    sleep(Duration::from_mins(90)).await;
    let all = writes(&server);
    assert_eq!(all[made.len()..], [""; 0], "after {made:#?}");
    let leases = server.writes().len() - all.len();
    assert!(leases > 500, "it did not lead: {leases}");
    operator.abort();
}
