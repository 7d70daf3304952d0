//! The chart's network policies, enforced: meetings go on under them, zones and operator find each
//! other, and whoever has no business there is not let through.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use plenum_crds::labels;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::world::{World, unharmed};
use crate::cluster::addresses::NODE_NETWORK;
use crate::cluster::images::BUSYBOX_REFERENCE;
use crate::site::{NAMESPACE, RELEASE, SYSTEM_NAMESPACE};

/// Who may read metrics, by the values.
const MONITORS: &str = "monitors";
/// Pods from which it is tried: namespace and name.
type Place = (&'static str, &'static str);
const STRANGER: Place = ("default", "stranger");
const READER: Place = (MONITORS, "reader");
/// With the labels of a tunnel, of which the zone has none.
const TUNNEL: Place = (NAMESPACE, "like-a-tunnel");

/// What is dropped is not answered. A connection that is let through takes milliseconds, and is
/// tried again for [`WITHIN`].
const PATIENCE_S: &str = "3";
const WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

pub async fn network_policies_let_meetings_through_and_nothing_else(world: &World) -> Result<()> {
    let enforced = world.cluster.enforce_policies().await?;
    world.site.apply(&places()).await?;
    let story = story(world).await;
    // Before the policies: a queue that nobody reads lets nothing through.
    drop(enforced);
    let rollback = ["rollback", RELEASE, "--namespace", SYSTEM_NAMESPACE];
    let wait = ["--wait", "--timeout", "120s"];
    let rolled_back = world
        .site
        .commands
        .helm([&rollback[..], &wait].concat())
        .await;
    let removed = world.site.delete(&places()).await;
    let size = world.change_pool(json!({ "replicas": null })).await;
    story?;
    rolled_back?;
    removed?;
    size
}

async fn story(world: &World) -> Result<()> {
    for (namespace, name) in [STRANGER, READER, TUNNEL] {
        let wait = [
            "-n",
            namespace,
            "wait",
            "--for=condition=Ready",
            "pod",
            name,
        ];
        world
            .site
            .kubectl(wait.into_iter().chain(["--timeout=60s"]))
            .await?;
    }
    let targets = Targets::of(world).await?;
    // Otherwise it would be something else that keeps them out.
    let all = [
        &targets.operator_metrics,
        &targets.metrics,
        &targets.links,
        &targets.people,
        &targets.names,
    ];
    try_join_all(all.map(|target| let_through(world, STRANGER, target))).await?;
    set_policies(world).await?;
    refused_soon(world, STRANGER, &targets.operator_metrics).await?;

    try_join_all([
        refused(world, STRANGER, &targets.metrics),
        refused(world, STRANGER, &targets.links),
        refused(world, READER, &targets.links),
        refused(world, TUNNEL, &targets.names),
    ])
    .await?;
    for (place, target) in [
        (STRANGER, &targets.people),
        (READER, &targets.metrics),
        (READER, &targets.operator_metrics),
        (TUNNEL, &targets.links),
    ] {
        let_through(world, place, target).await?;
    }
    meetings_go_on(world).await
}

/// Operator, controllers and routers find each other anew, and people get in.
async fn meetings_go_on(world: &World) -> Result<()> {
    let pods = ["-n", SYSTEM_NAMESPACE, "delete", "pods", "--all"];
    world.site.kubectl(pods).await?;
    world.change_pool(json!({ "replicas": 2 })).await?;
    let accepting = |pool: &plenum_crds::MMRPool| {
        let status = pool.status.as_ref();
        status.is_some_and(|status| status.routers.accepting == 2)
    };
    world.until("two routers accept", WITHIN, accepting).await?;
    let load = world.load("policies", 4, 2, 8)?;
    unharmed(&load.report().await?)
}

async fn set_policies(world: &World) -> Result<()> {
    let monitors = r"namespaceSelector.matchLabels.kubernetes\.io/metadata\.name";
    world
        .set_values(&[
            "networkPolicy.enabled=true",
            &format!("networkPolicy.metricsFrom[0].{monitors}={MONITORS}"),
            &format!("networkPolicy.routersFrom[0].ipBlock.cidr={NODE_NETWORK}"),
            &format!("zoneNamespaces[0]={NAMESPACE}"),
        ])
        .await
}

/// Addresses with ports, as `nc` wants them.
struct Targets {
    operator_metrics: [String; 2],
    /// Of a zone controller.
    metrics: [String; 2],
    /// Where routers, tunnels and the operator come to it.
    links: [String; 2],
    /// Where people come to it.
    people: [String; 2],
    /// A port of the DNS server that is neither DNS nor anybody's business: no policy is about it.
    names: [String; 2],
}

impl Targets {
    async fn of(world: &World) -> Result<Self> {
        let at = async |namespace: &str, selector: &str| {
            let pods: Api<Pod> = Api::namespaced(world.client.clone(), namespace);
            let pods = pods.list(&ListParams::default().labels(selector)).await?;
            let address = pods
                .iter()
                .find_map(|pod| pod.status.as_ref()?.pod_ip.clone());
            address.with_context(|| format!("no pod {selector} in {namespace}"))
        };
        let component = |of: &str| format!("{}={of}", labels::APP_COMPONENT);
        let operator = at(SYSTEM_NAMESPACE, &component("operator")).await?;
        let controller = at(NAMESPACE, &component(labels::COMPONENT_CONTROLLER)).await?;
        let names = at("kube-system", "k8s-app=kube-dns").await?;
        let port = |address: &str, port: &str| [address.to_owned(), port.to_owned()];
        Ok(Self {
            operator_metrics: port(&operator, "8081"),
            metrics: port(&controller, "8080"),
            links: port(&controller, "9443"),
            people: port(&controller, "8443"),
            names: port(&names, "8181"),
        })
    }
}

async fn let_through(world: &World, place: Place, target: &[String; 2]) -> Result<()> {
    let (deadline, (_, from)) = (Instant::now() + WITHIN, place);
    while !connects(world, place, target).await {
        let now = Instant::now();
        ensure!(now < deadline, "{from} is kept from {}", target.join(":"));
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

async fn refused(world: &World, place: Place, target: &[String; 2]) -> Result<()> {
    let (connects, (_, from)) = (connects(world, place, target).await, place);
    ensure!(!connects, "{from} gets through to {}", target.join(":"));
    Ok(())
}

/// What enforces policies hears of them a moment after the API server.
async fn refused_soon(world: &World, place: Place, target: &[String; 2]) -> Result<()> {
    let deadline = Instant::now() + WITHIN;
    loop {
        let refused = refused(world, place, target).await;
        if refused.is_ok() || Instant::now() >= deadline {
            return refused;
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn connects(world: &World, (namespace, pod): Place, target: &[String; 2]) -> bool {
    let [address, port] = target;
    // It ends as soon as it is connected.
    let connect = ["nc", "-w", PATIENCE_S, address, port, "-e", "true"];
    world.cluster.exec(namespace, pod, connect).await.is_ok()
}

fn places() -> String {
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": MONITORS } });
    let pod = |(namespace, name): Place, labels: Value| {
        let sleeps = json!({
            "name": "shell", "image": BUSYBOX_REFERENCE, "command": ["sleep", "infinity"],
        });
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": namespace, "labels": labels },
            "spec": { "terminationGracePeriodSeconds": 0, "containers": [sleeps] },
        })
    };
    let tunnel = json!({
        labels::APP_PART_OF: labels::APPLICATION, labels::APP_COMPONENT: labels::COMPONENT_TUNNEL,
    });
    let items = [
        namespace,
        pod(STRANGER, json!({})),
        pod(READER, json!({})),
        pod(TUNNEL, tunnel),
    ];
    json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}
