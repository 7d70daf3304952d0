//! Something dies under a running load.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Api, ResourceExt as _};
use plenum_crds::labels;

use super::world::{World, node_of, unharmed};

/// People rejoin within this after their router died.
const BACK_MS: f64 = 5_000.0;

pub async fn a_deleted_controller_is_not_noticed(world: &World) -> Result<()> {
    // People come all the time, while the controller goes and comes back.
    let load = world.load("zc-deleted", 8, 14, 20)?;
    world.until_people(6).await?;
    let controllers = world.pods(labels::COMPONENT_CONTROLLER).await?;
    world
        .delete_pod(controllers.first().context("no controller runs")?, false)
        .await?;
    unharmed(&load.report().await?)
}

pub async fn both_controllers_deleted_media_flows_on(world: &World) -> Result<()> {
    let load = world.load("zcs-deleted", 6, 3, 20)?;
    world.until_people(24).await?;
    for controller in world.pods(labels::COMPONENT_CONTROLLER).await? {
        world.crash(&controller)?;
        world.delete_pod(&controller, true).await?;
    }
    let ready = world.pods(labels::COMPONENT_CONTROLLER).await?;
    let ready = ready.iter().filter(|pod| is_ready(pod)).count();
    ensure!(ready == 0, "{ready} controllers were there all the time");
    // Asks on until a controller is back.
    let late = world.load("zcs-deleted-late", 1, 1, 12)?;
    unharmed(&late.report().await?).context("who came while no controller was there")?;
    unharmed(&load.report().await?).context("who was there already")
}

pub async fn people_of_a_killed_router_are_back_soon(world: &World) -> Result<()> {
    let load = world.load("router-killed", 6, 3, 25)?;
    world.until_people(24).await?;
    let routers = world.pods(labels::COMPONENT_ROUTER).await?;
    world.crash(routers.first().context("no router runs")?)?;
    let report = load.report().await?;
    ensure!(report.joins.failed == 0, "somebody stayed out: {report}");
    let back = report.reconnections.max_ms.unwrap_or_default();
    ensure!(
        report.reconnections.count >= 24,
        "not everybody noticed: {report}"
    );
    ensure!(report.dropped == 0, "somebody stayed out: {report}");
    ensure!(back <= BACK_MS, "the last was back after {back} ms");
    Ok(())
}

pub async fn a_cordoned_node_drains(world: &World) -> Result<()> {
    let load = world.load("cordoned", 6, 3, 30)?;
    world.until_people(24).await?;
    let node = node_with_router(world).await?;
    world.site.kubectl(["cordon", &node]).await?;
    let drained = until_inactive(world, &node).await;
    world.site.kubectl(["uncordon", &node]).await?;
    drained?;
    let report = load.report().await?;
    ensure!(report.migrations.count >= 24, "nobody was moved: {report}");
    unharmed(&report)
}

pub async fn a_killed_operator_resumes_its_drain(world: &World) -> Result<()> {
    let load = world.load("operator-killed", 6, 3, 45)?;
    world.until_people(24).await?;
    let node = node_with_router(world).await?;
    world.site.kubectl(["cordon", &node]).await?;
    let drained = async {
        until_draining(world, &node).await?;
        world.crash_operator().await?;
        let nodes: Api<Node> = Api::all(world.client.clone());
        ensure!(
            is_active(&nodes.get(&node).await?),
            "the drain had ended before the operator died"
        );
        until_inactive(world, &node).await
    }
    .await;
    world.site.kubectl(["uncordon", &node]).await?;
    drained?;
    unharmed(&load.report().await?)
}

async fn node_with_router(world: &World) -> Result<String> {
    let routers = world.pods(labels::COMPONENT_ROUTER).await?;
    node_of(routers.first().context("no router runs")?).map(str::to_owned)
}

pub(super) async fn until_draining(world: &World, node: &str) -> Result<()> {
    until_node(world, node, "drains", |node| {
        node.annotations().contains_key(labels::DRAINING_SINCE)
    })
    .await
}

async fn until_inactive(world: &World, node: &str) -> Result<()> {
    until_node(world, node, "is drained", |node| !is_active(node)).await
}

fn is_active(node: &Node) -> bool {
    node.labels().contains_key(labels::ACTIVE_POOL)
}

pub(super) fn is_ready(pod: &Pod) -> bool {
    let status = pod.status.iter();
    status
        .flat_map(|status| status.conditions.iter().flatten())
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

pub(super) async fn until_node(
    world: &World,
    name: &str,
    what: &str,
    is: impl Fn(&Node) -> bool,
) -> Result<()> {
    let nodes: Api<Node> = Api::all(world.client.clone());
    let condition = |node: Option<&Node>| node.is_some_and(&is);
    let wait = kube::runtime::wait::await_condition(nodes, name, condition);
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .with_context(|| format!("node {name} {what}: not within 60 s"))??;
    Ok(())
}
