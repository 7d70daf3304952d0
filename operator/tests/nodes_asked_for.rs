//! Whether a pool has pods that ask for nodes is told by what is known of them, not by whether
//! somebody could be asked just now.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

mod api_server;

use std::sync::Arc;
use std::time::Duration;

use plenum_crds::MMRPool;
use plenum_operator::context::{Context, Image};
use plenum_operator::lease::Fence;
use plenum_operator::metrics::Metrics;
use plenum_operator::pool::caches::{Caches, Objects};
use plenum_operator::pool::reconcile::Pools;
use plenum_operator::reports::Reports;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use api_server::ApiServer;

const POOL: &str = "/apis/plenum.dev/v1alpha1/namespaces/n/mmrpools/p";
const PLACEHOLDERS: &str = "/apis/apps/v1/namespaces/n/deployments/p-placeholder";

fn pool() -> Value {
    json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool",
        "metadata": {"name": "p", "namespace": "n", "uid": "p", "generation": 1},
        "spec": {"zone": "z", "nodeSelector": {"routers": "true"}, "nodeAutoscaler": "Karpenter"},
    })
}

/// Somebody else's, which no cache of ours has.
fn foreign() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "p-placeholder", "namespace": "n", "labels": {"app": "shop"}},
        "spec": {"selector": {}, "template": {}},
    })
}

/// A pool that nobody has looked at, with a cluster that has no nodes for it.
fn pools(server: &ApiServer) -> Pools {
    let (client, metrics) = (server.client(), Arc::new(Metrics::default()));
    let reports = Reports::new(client.clone(), CancellationToken::new(), |_| ());
    let context = Context::new(client, Fence::open(), metrics, "me", Image::default());
    let caches = Caches::of(Objects {
        pools: vec![serde_json::from_value(pool()).unwrap()],
        ..Objects::default()
    });
    Pools::new(context, caches, reports)
}

/// Why the pool has nodes, or has not.
fn said(server: &ApiServer) -> Value {
    let pool = server.object(POOL).unwrap();
    let conditions = pool["status"]["conditions"].as_array().unwrap();
    let nodes = conditions.iter().find(|it| it["type"] == "NodesAvailable");
    nodes.unwrap()["reason"].clone()
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_them_stays_while_nobody_can_be_asked() {
    let server = ApiServer::that_applies(&[(POOL, pool()), (PLACEHOLDERS, foreign())]);
    let pools = pools(&server);
    let object: Arc<MMRPool> = Arc::new(serde_json::from_value(pool()).unwrap());
    let again = pools.reconcile(object.clone()).await.unwrap();
    let at_once = kube::runtime::controller::Action::requeue(Duration::ZERO);
    assert_eq!(
        again, at_once,
        "it found something that the next look tells"
    );
    let again = pools.reconcile(object.clone()).await.unwrap();
    assert_ne!(again, at_once);
    assert_eq!(said(&server), "PlaceholdersRefused");
    // Some minutes later it is to be asked whether it is so yet, and nobody answers.
    tokio::time::advance(Duration::from_mins(6)).await;
    server.be_deaf_to(Some(&format!("GET {PLACEHOLDERS}")));
    assert!(pools.reconcile(object.clone()).await.is_err());
    assert_eq!(said(&server), "PlaceholdersRefused");
}
