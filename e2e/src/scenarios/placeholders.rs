//! Pods that keep room for routers, on a cluster whose nodes a person brings instead of a node
//! autoscaler.
//!
//! Two nodes are for routers; one carries one. Three routers are wanted within five minutes, so
//! there are two placeholders: one holds the free node, and one waits for a node that is not
//! there. Then a router is wanted where the first one runs.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use plenum_crds::labels;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::world::{World, ZONE, node_of};
use crate::site::NAMESPACE;

/// Of the chart, below all others.
const PRIORITY: i32 = -10;
/// Pods are scheduled, started and evicted within seconds.
const WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

pub async fn pods_hold_nodes_for_routers_and_give_way_to_them(world: &World) -> Result<()> {
    world.set_values(&["priorityClasses.enabled=true"]).await?;
    let (held, taken) = nodes(world).await?;
    let story = story(world, &held, &taken).await;
    let put_back = put_back(world, &taken).await;
    story.and(put_back)
}

/// All of it, whatever has gone wrong before.
async fn put_back(world: &World, taken: &[String]) -> Result<()> {
    let nothing = json!({ "nodeAutoscaler": null, "schedule": null, "minRouters": null });
    let mut done = world.change_pool(nothing).await;
    for node in taken {
        done = done.and(label(world, node, true).await);
    }
    done = done.and(
        until_pods(world, "none is left", <[Pod]>::is_empty)
            .await
            .map(drop),
    );
    // It stays with none, as the operator may delete none; it goes with its pool.
    let deployment = format!("deployment/{ZONE}-placeholder");
    let delete = ["-n", NAMESPACE, "delete", "--ignore-not-found", &deployment];
    done = done.and(world.site.kubectl(delete).await.map(drop));
    done.and(world.set_values(&["priorityClasses.enabled=false"]).await)
}

async fn story(world: &World, held: &str, taken: &[String]) -> Result<()> {
    for node in taken {
        label(world, node, false).await?;
    }
    world
        .change_pool(json!({ "nodeAutoscaler": "ClusterAutoscaler", "schedule": [window(3)] }))
        .await?;
    let holds = |pods: &[Pod]| pods.len() == 2 && runs_on(pods) == [held];
    let pods = until_pods(world, "one runs on the free node, one waits", holds).await?;
    for pod in &pods {
        let priority = pod.spec.as_ref().and_then(|spec| spec.priority);
        ensure!(priority == Some(PRIORITY), "the priority is {priority:?}");
    }
    until_status(world, 2).await?;

    // A router comes to that node: the one there goes, and another waits in its stead.
    world.change_pool(json!({ "minRouters": 2 })).await?;
    let gone = |pods: &[Pod]| pods.len() == 1 && runs_on(pods).is_empty();
    until_pods(world, "the one gave way, and one waits", gone).await?;
    let accepting = |routers: u32| {
        move |pool: &plenum_crds::MMRPool| {
            let status = pool.status.as_ref();
            status.is_some_and(|status| status.routers.accepting == routers)
        }
    };
    world
        .until("two routers accept", WITHIN, accepting(2))
        .await?;
    let routers = world.pods(labels::COMPONENT_ROUTER).await?;
    let there: Vec<&str> = routers.iter().map(node_of).collect::<Result<_>>()?;
    ensure!(
        there.contains(&held),
        "routers run on {there:?}, not {held}"
    );
    preempted(world).await?;
    until_status(world, 1).await?;

    // The node comes that the last one asks for.
    let new = taken.first().context("no node was taken away")?;
    label(world, new, true).await?;
    let holds = |pods: &[Pod]| pods.len() == 1 && runs_on(pods) == [new];
    until_pods(world, "the last one holds the new node", holds).await?;
    Ok(())
}

/// A free node for routers that is kept, and the others, of which none has a router.
async fn nodes(world: &World) -> Result<(String, Vec<String>)> {
    let nodes: Api<Node> = Api::all(world.client.clone());
    let ours = ListParams::default().labels(labels::ROUTERS);
    let nodes = nodes.list(&ours).await?;
    let free = |node: &&Node| !node.labels().contains_key(labels::ACTIVE_POOL);
    let mut free = nodes.iter().filter(free).map(Node::name_any);
    let held = free.next().context("every node has a router")?;
    Ok((held, free.collect()))
}

async fn label(world: &World, node: &str, ours: bool) -> Result<()> {
    let label = if ours {
        format!("{}=true", labels::ROUTERS)
    } else {
        format!("{}-", labels::ROUTERS)
    };
    let label = ["label", "--overwrite", "node", node, &label];
    world.site.kubectl(label).await.map(drop)
}

/// Three routers from a time that is four to five minutes ahead: nodes are asked for five minutes
/// before, and routers are started as long before as they take to start, when all this is over.
fn window(routers: u32) -> Value {
    let begins = (Timestamp::now() + 5.minutes()).to_zoned(TimeZone::UTC);
    let cron = format!("{} {} * * *", begins.minute(), begins.hour());
    json!({ "cron": cron, "minutes": 30, "minRouters": routers })
}

/// Waits until the placeholders are as wanted.
async fn until_pods(world: &World, what: &str, are: impl Fn(&[Pod]) -> bool) -> Result<Vec<Pod>> {
    let deadline = Instant::now() + WITHIN;
    loop {
        let pods = world.pods(labels::COMPONENT_PLACEHOLDER).await?;
        if are(&pods) {
            return Ok(pods);
        }
        ensure!(
            Instant::now() < deadline,
            "{what}: not within {} s; they are {:?}, and run on {:?}",
            WITHIN.as_secs(),
            pods.iter().map(Pod::name_any).collect::<Vec<_>>(),
            runs_on(&pods),
        );
        tokio::time::sleep(POLL).await;
    }
}

/// The nodes of those that run.
fn runs_on(pods: &[Pod]) -> Vec<&str> {
    let phase = |pod: &&Pod| {
        let status = pod.status.as_ref();
        status.and_then(|status| status.phase.as_deref()) == Some("Running")
    };
    let running = pods.iter().filter(phase);
    running.filter_map(|pod| node_of(pod).ok()).collect()
}

/// Waits until the pool tells of so many.
async fn until_status(world: &World, count: u32) -> Result<()> {
    let what = format!("the pool tells of {count} placeholders");
    let tells = |pool: &plenum_crds::MMRPool| {
        let status = pool.status.as_ref();
        status.and_then(|status| status.placeholders) == Some(count)
    };
    world.until(&what, WITHIN, tells).await.map(drop)
}

/// The scheduler says that it took the room of one.
async fn preempted(world: &World) -> Result<()> {
    let events = [
        "-n",
        NAMESPACE,
        "get",
        "events",
        "-o",
        "jsonpath={.items[*].involvedObject.name}",
    ];
    let select = ["--field-selector", "reason=Preempted"];
    let told = world.site.kubectl([&events[..], &select].concat()).await?;
    let ours = format!("{ZONE}-placeholder-");
    ensure!(told.contains(&ours), "preempted were only {told:?}");
    Ok(())
}
