//! What is asked of the API server, and how much of it at once: no look weighs on a large cluster.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response, header};
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{AT_ONCE, Cluster};
use crate::snapshot::{Seen, Snapshot};

/// How long each answer takes, by the clock of the tests.
const LATENCY: Duration = Duration::from_millis(100);

/// What was asked, and how much of it at the same time.
#[derive(Default)]
struct Asked {
    paths: Vec<String>,
    under_way: usize,
    most: usize,
}

/// An API server that answers each path by `answer`; what comes of the path `/metrics` is a page.
fn cluster(answer: fn(&str) -> Value) -> (Cluster, Arc<Mutex<Asked>>) {
    let asked = Arc::new(Mutex::new(Asked::default()));
    let seen = asked.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let seen = seen.clone();
        async move {
            let accepted = request.headers().get(header::ACCEPT);
            let metadata = accepted.is_some_and(|it| {
                let words = it.to_str().unwrap();
                words.contains("as=PartialObjectMetadata")
            });
            let path = request.uri().to_string();
            {
                let mut seen = seen.lock().unwrap();
                let form = if metadata { "metadata of " } else { "" };
                seen.paths.push(format!("{form}{path}"));
                seen.under_way += 1;
                seen.most = seen.most.max(seen.under_way);
            }
            sleep(LATENCY).await;
            seen.lock().unwrap().under_way -= 1;
            let body = if path.ends_with("/metrics") {
                "plenum_participants 37\n".to_owned()
            } else {
                answer(&path).to_string()
            };
            Ok::<_, Infallible>(Response::new(Body::from(body.into_bytes())))
        }
    });
    let cluster = Cluster {
        client: Client::new(service, "default"),
        namespace: "default".to_owned(),
    };
    (cluster, asked)
}

fn sorted(asked: &Mutex<Asked>) -> Vec<String> {
    let mut paths = asked.lock().unwrap().paths.clone();
    paths.sort();
    paths
}

fn router(name: &str, zone: &str) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "meetings",
            "labels": {"app.kubernetes.io/component": "router", "plenum.dev/zone": zone},
        },
        "spec": {"containers": [
            {"name": "router", "ports": [{"name": "health", "containerPort": 9808}]},
        ]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    })
}

fn list(items: &[Value]) -> Value {
    json!({"metadata": {}, "items": items})
}

#[tokio::test(start_paused = true)]
async fn who_watches_a_drain_asks_for_one_node_its_router_and_its_pool() {
    let (cluster, asked) = cluster(|path| match path {
        "/api/v1/nodes/n1" => json!({
            "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
            "metadata": {"name": "n1", "labels": {"plenum.dev/active-pool": "meetings.main"}},
        }),
        pods if pods.starts_with("/api/v1/pods?") => list(&[router("r", "main")]),
        _ => json!({
            "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool",
            "metadata": {"name": "main", "namespace": "meetings"},
            "spec": {"zone": "main", "nodeSelector": {"a": "b"}},
        }),
    });
    let (node, seen) = cluster.on_node("n1").await.unwrap().unwrap();
    assert_eq!(
        sorted(&asked),
        [
            "/api/v1/namespaces/meetings/pods/r:9808/proxy/metrics",
            "/api/v1/pods?&fieldSelector=spec.nodeName%3Dn1&labelSelector=app.kubernetes.io%2Fcomponent%3Drouter",
            "/apis/plenum.dev/v1alpha1/namespaces/meetings/mmrpools/main",
            "metadata of /api/v1/nodes/n1",
        ]
    );
    assert_eq!(node.metadata.name.as_deref(), Some("n1"));
    assert_eq!(
        (seen.pods.len(), seen.pools.len(), seen.figures.len()),
        (1, 1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_drain_of_a_node_that_no_pool_marked_looks_for_one_that_selects_it() {
    let (cluster, asked) = cluster(|path| match path {
        "/api/v1/nodes/n1" => json!({
            "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
            "metadata": {"name": "n1"},
        }),
        nodes if nodes.starts_with("/api/v1/nodes?") => list(&[json!({
            "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
            "metadata": {"name": "n2", "labels": {"plenum.dev/active-pool": "meetings.main"}},
        })]),
        _ => list(&[]),
    });
    let (_, seen) = cluster.before_drain("n1").await.unwrap();
    assert_eq!(
        sorted(&asked)[1..],
        [
            "/apis/plenum.dev/v1alpha1/mmrpools?",
            "metadata of /api/v1/nodes/n1",
            "metadata of /api/v1/nodes?&labelSelector=plenum.dev%2Factive-pool&limit=10",
        ]
    );
    assert_eq!(seen.nodes.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn figures_are_asked_of_the_routers_that_are_shown_and_of_nobody_else() {
    let (cluster, asked) = cluster(|_| json!({}));
    let pod = |value: Value| serde_json::from_value(value).unwrap();
    let mut controller = router("zc-0", "main");
    controller["metadata"]["labels"]["app.kubernetes.io/component"] = "zone-controller".into();
    let mut seen = Snapshot::at(Timestamp::UNIX_EPOCH);
    let pods = [router("a", "main"), router("b", "other"), controller];
    seen.pods = Seen::of(pods.map(pod).into());
    cluster.ask_routers(&mut seen, Some("main")).await;
    let path = |pod: &str| format!("/api/v1/namespaces/meetings/pods/{pod}:9808/proxy/metrics");
    assert_eq!(sorted(&asked), [path("a")]);
    cluster.ask_routers(&mut seen, None).await;
    assert_eq!(sorted(&asked), [path("a"), path("a"), path("b")]);
}

#[tokio::test(start_paused = true)]
async fn certificates_of_many_zones_are_read_side_by_side_and_within_bounds() {
    let (cluster, asked) = cluster(|path| json!({"metadata": {"name": path}}));
    let zone = |number: usize| {
        serde_json::from_value(json!({
            "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone",
            "metadata": {"name": format!("z{number:03}"), "namespace": "meetings"}, "spec": {},
        }))
        .unwrap()
    };
    let zones = Seen::of((0..10 * AT_ONCE).map(zone).collect());
    let began = Instant::now();
    let found = cluster.certificates(&zones, &Seen::default()).await;
    let rounds = u32::try_from(found.len() / AT_ONCE).unwrap();
    assert!(
        began.elapsed() < LATENCY * (rounds + 10),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(asked.lock().unwrap().most, AT_ONCE);
    let mut in_order: Vec<&str> = found.iter().map(|it| it.zone.as_str()).collect();
    in_order.dedup();
    assert_eq!(in_order.len(), zones.len(), "as the zones are listed");
}

#[tokio::test(start_paused = true)]
async fn namespaces_and_their_warnings_are_read_side_by_side_and_within_bounds() {
    let (cluster, asked) = cluster(|path| {
        if path.contains("/events") {
            return list(&[]);
        }
        json!({"metadata": {"name": path.rsplit('/').next()}})
    });
    let names: Vec<String> = (0..10 * AT_ONCE).map(|it| format!("n{it:03}")).collect();
    let began = Instant::now();
    let (namespaces, events) = cluster.surroundings(&names).await;
    assert!(namespaces.is_whole() && events.is_whole());
    assert!(began.elapsed() < LATENCY * 12, "{:?}", began.elapsed());
    let most = asked.lock().unwrap().most;
    assert!((AT_ONCE..=2 * AT_ONCE).contains(&most), "{most}");
    let found: Vec<_> = namespaces
        .iter()
        .map(|it| it.metadata.name.clone().unwrap())
        .collect();
    assert_eq!(found, names);
}
