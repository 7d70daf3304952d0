//! Where nothing happens, nothing is written: an idle operator renews its Lease and is silent.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

mod api_server;

use std::time::Duration;

use plenum_crds::labels::PUBLIC_ADDRESS;
use serde_json::{Value, json};
use tokio::time::sleep;

use api_server::{ApiServer, operate};

const ZONE: &str = "/apis/plenum.dev/v1alpha1/namespaces/n/meetingzones/z";
const POOL: &str = "/apis/plenum.dev/v1alpha1/namespaces/n/mmrpools/p";
const NODE: &str = "/api/v1/nodes/node";
const ROUTER: &str = "/api/v1/namespaces/n/pods/p-mmr-1";

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
    ApiServer::that_applies(&[(ZONE, zone), (POOL, pool), (NODE, node), (ROUTER, router)])
}

/// What was written, but for the Lease.
fn writes(server: &ApiServer) -> Vec<String> {
    let mut writes = server.writes();
    writes.retain(|write| !write.contains("/leases/"));
    writes
}

/// Returns when the pod of the router says this of its address.
async fn until_told(server: &ApiServer, address: &str) {
    for _ in 0..1_000_000 {
        sleep(Duration::from_secs(1)).await;
        if server.object(ROUTER).unwrap()["metadata"]["annotations"][PUBLIC_ADDRESS] == address {
            return;
        }
    }
    panic!("{:?}", server.object(ROUTER));
}

/// Returns when the pool says what it found. It waits for reports of controllers for some time
/// before, and that is time which tests cannot move.
async fn until_said(server: &ApiServer, condition: &str, reason: &str) {
    for _ in 0..1_000_000 {
        sleep(Duration::from_mins(1)).await;
        let pool = server.object(POOL).unwrap();
        let conditions = pool["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten();
        let says = |one: &Value| one["type"] == condition && one["reason"] == reason;
        if conditions.into_iter().any(says) {
            return;
        }
    }
    panic!("{:?}", server.object(POOL));
}

#[tokio::test(start_paused = true)]
async fn where_nothing_happens_nothing_is_written() {
    let server = cluster();
    let operator = tokio::spawn(operate(server.clone()));
    until_said(&server, "ZoneFound", "ZoneFound").await;
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

/// Once the pool says this of its nodes, nothing is written any more.
async fn rests(server: &ApiServer, reason: &str) {
    until_said(server, "NodesAvailable", reason).await;
    // The Event that tells it.
    sleep(Duration::from_mins(1)).await;
    let made = writes(server);
    sleep(Duration::from_mins(90)).await;
    assert_eq!(writes(server)[made.len()..], [""; 0], "after {made:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_router_is_told_the_address_of_its_node_once_and_again_when_that_changes_or_is_lost() {
    let server = cluster();
    let annotate = |path: &str, address: &str| {
        server.edit(path, |object| {
            object["metadata"]["annotations"][PUBLIC_ADDRESS] = address.into();
        });
    };
    annotate(NODE, "203.0.113.7");
    server.edit(POOL, |pool| {
        pool["spec"]["publicAddress"] = json!({"source": "Annotation"});
    });
    let operator = tokio::spawn(operate(server.clone()));
    until_told(&server, "203.0.113.7").await;
    annotate(NODE, "203.0.113.8");
    until_told(&server, "203.0.113.8").await;
    annotate(ROUTER, "somewhere");
    until_told(&server, "203.0.113.8").await;
    // The node is not ours: the fixture has a pod on it before anybody labelled it.
    rests(&server, "NotEnoughNodes").await;
    // What a router announces is not taken from it.
    annotate(NODE, "somewhere");
    rests(&server, "AddressUnknown").await;
    let pod = server.object(ROUTER).unwrap();
    let told = &pod["metadata"]["annotations"][PUBLIC_ADDRESS];
    assert_eq!(told, "203.0.113.8");
    let all = writes(&server);
    let mut ours = all.iter().filter(|write| write.contains(ROUTER));
    let status = format!("PATCH {ROUTER}/status");
    assert!(ours.all(|write| *write == status), "{all:#?}");
    operator.abort();
}
