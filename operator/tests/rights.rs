//! The chart grants the operator what it uses, and nothing else.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

mod api_server;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use api_server::{ApiServer, Right, operate};

const CLUSTER_ROLE: &str = include_str!("../../charts/plenum/templates/clusterrole.yaml");
const ROLE: &str = include_str!("../../charts/plenum/templates/role.yaml");

/// Asked for by an admission plugin of some clusters (`OwnerReferencesPermissionEnforcement`)
/// when a child is created, not by a request of its own.
const FOR_ADMISSION: [&str; 2] = ["meetingzones/finalizers", "mmrpools/finalizers"];

/// The rules of the first document, which is the operator's own role.
fn granted(template: &str) -> BTreeSet<Right> {
    let document = template.split("\n---").next().unwrap();
    let rules = &document[document.find("\nrules:").unwrap()..];
    // Names that Helm fills in restrict a rule further.
    let plain: Vec<&str> = rules.lines().filter(|line| !line.contains("{{")).collect();
    let parsed: Value = serde_yaml::from_str(&plain.join("\n")).unwrap();
    let mut all = BTreeSet::new();
    for rule in parsed["rules"].as_array().unwrap() {
        let each = |key: &str| rule[key].as_array().unwrap().clone();
        for group in each("apiGroups") {
            for resource in each("resources") {
                for verb in each("verbs") {
                    let [group, resource, verb] =
                        [&group, &resource, &verb].map(|word| word.as_str().unwrap().to_owned());
                    all.insert((group, resource, verb));
                }
            }
        }
    }
    all
}

/// A zone, a pool with a node to grow to, and a router of an old template whose drain is late.
fn cluster() -> ApiServer {
    let meta = |name: &str| json!({"name": name, "namespace": "n", "uid": name, "generation": 1});
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let zone = json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone",
        "metadata": meta("z"), "spec": {},
    });
    let pool = json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool", "metadata": meta("p"),
        "spec": {"zone": "z", "nodeSelector": {"routers": "true"}, "minRouters": 2},
    });
    let free = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "free", "uid": "free", "labels": {"routers": "true"}},
        "status": {"conditions": ready},
    });
    let mut late = free.clone();
    late["metadata"] = json!({
        "name": "late", "uid": "late",
        "labels": {"routers": "true", "plenum.dev/active-pool": "n.p"},
        "annotations": {
            "plenum.dev/draining-since": "2026-01-01T00:00:00Z",
            "plenum.dev/draining-reason": "Rollout",
            "cluster-autoscaler.kubernetes.io/scale-down-disabled": "true",
            "karpenter.sh/do-not-disrupt": "true",
        },
    });
    let mut router = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": meta("p-mmr-1"),
        "spec": {"nodeName": "late", "containers": []},
        // Of one that ran before anybody looked nothing is written before it is heard.
        "status": {"phase": "Pending"},
    });
    router["metadata"]["labels"] = json!({
        "app.kubernetes.io/component": "router", "plenum.dev/pool": "p", "plenum.dev/zone": "z",
    });
    let plenum = "/apis/plenum.dev/v1alpha1/namespaces/n";
    ApiServer::new(&[
        (&format!("{plenum}/meetingzones/z"), zone),
        (&format!("{plenum}/mmrpools/p"), pool),
        ("/api/v1/nodes/free", free),
        ("/api/v1/nodes/late", late),
        ("/api/v1/namespaces/n/pods/p-mmr-1", router),
    ])
}

#[tokio::test(start_paused = true)]
async fn what_the_chart_grants_is_what_the_operator_uses() {
    let mut granted: BTreeSet<Right> = granted(CLUSTER_ROLE)
        .union(&granted(ROLE))
        .cloned()
        .collect();
    granted.retain(|(_, resource, _)| !FOR_ADMISSION.contains(&resource.as_str()));

    let server = cluster();
    let mut used = server.used();
    let operator = tokio::spawn(operate(server.clone()));
    let all = used.wait_for(|used| granted.is_subset(used));
    let _ = tokio::time::timeout(Duration::from_mins(10), all).await;
    operator.abort();

    let used = used.borrow().clone();
    let unused: Vec<_> = granted.difference(&used).collect();
    let missing: Vec<_> = used.difference(&granted).collect();
    assert!(unused.is_empty(), "granted without use: {unused:?}");
    assert!(missing.is_empty(), "used and not granted: {missing:?}");
}
