//! T12: something is away for longer than any probe waits: no router is restarted for it, media
//! flows, and a drain can be taken back.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt as _;
use plenum_crds::labels;
use serde_json::{Value, json};

use super::faults::{is_ready, until_draining, until_node};
use super::kubectl::plugin;
use super::upgrade::{hold, until_rollout};
use super::world::{World, ZONE, unharmed};
use crate::pod_processes;
use crate::site::NAMESPACE;

/// The most patient probe, the liveness of a router, gives up after 6 failures 10 s apart.
const AWAY: Duration = Duration::from_secs(75);
/// Told to leave earlier.
const STAY_S: u64 = 600;
const BACK_WITHIN: Duration = Duration::from_secs(90);
/// A router has to know its deadline, so it is replaced.
const ROLLED_WITHIN: Duration = Duration::from_secs(90);

pub async fn meetings_do_not_need_the_api_server(world: &World) -> Result<()> {
    let load = world.load("no-api-server", 6, 3, STAY_S)?;
    world.until_people(24).await?;
    let before = Running::now(
        world,
        &[labels::COMPONENT_ROUTER, labels::COMPONENT_CONTROLLER],
    )
    .await?;
    let gone = without_api_server(world).await;
    // Whatever became of it, who asks what went wrong finds one.
    world.cluster.stop_api_server().await?;
    world.cluster.start_api_server().await?;
    gone?;
    let late = world.load("api-server-back", 2, 1, 8)?;
    unharmed(&late.report().await?).context("who came afterwards")?;
    before.is_still_so(world).await?;
    load.stop();
    let report = load.report().await?;
    ensure!(report.migrations.count == 0, "somebody was moved: {report}");
    unharmed(&report)
}

/// First it hangs, then it is gone.
async fn without_api_server(world: &World) -> Result<()> {
    world.cluster.pause_api_server()?;
    tokio::time::sleep(AWAY / 2).await;
    world.cluster.stop_api_server().await?;
    tokio::time::sleep(AWAY / 2).await;
    Ok(())
}

pub async fn while_all_controllers_are_away_media_flows_and_a_drain_is_cancelled(
    world: &World,
) -> Result<()> {
    let deadline_s = world.pool().await?.spec.drain_deadline_seconds;
    let happened = a_drain_without_controllers(world).await;
    if happened.is_err() {
        world.dump("controllers-away").await;
    }
    // Whatever became of it, others find the zone as it was.
    let put_right = put_right(world, deadline_s).await;
    happened.and(put_right)
}

async fn put_right(world: &World, deadline_s: u32) -> Result<()> {
    world.cluster.resume_scheduler()?;
    let no_drain = format!("{}-", labels::DRAIN_REQUESTED);
    let annotate = ["annotate", "nodes", "--all", &no_drain];
    world.site.kubectl(annotate).await?;
    let as_before = json!({ "replicas": null, "drainDeadlineSeconds": deadline_s });
    world.change_pool(as_before).await?;
    until_rollout(world, "UpToDate", ROLLED_WITHIN).await?;
    let zone = format!("meetingzone/{ZONE}");
    let ready = world.site.wait_for(&zone, "Ready", BACK_WITHIN).await;
    ready.map(drop).context("the controllers do not come back")
}

async fn a_drain_without_controllers(world: &World) -> Result<()> {
    // There is room for everybody elsewhere, so that the drain begins at once; and time, so that its
    // end is not the deadline.
    let patient = json!({ "drainDeadlineSeconds": 10 * AWAY.as_secs() });
    world.change_pool(patient).await?;
    until_rollout(world, "UpToDate", ROLLED_WITHIN).await?;
    hold(world, 2).await?;
    let load = world.load("no-controllers", 6, 3, STAY_S)?;
    world.until_people(24).await?;
    let before = Running::now(world, &[labels::COMPONENT_ROUTER]).await?;
    let node = fullest(world).await?;
    without_controllers(world, &node).await?;
    tokio::time::sleep(AWAY).await;
    nobody_controls(world).await?;
    cancel(world, &node).await?;
    nobody_controls(world).await?;

    world.cluster.resume_scheduler()?;
    let zone = format!("meetingzone/{ZONE}");
    let wait = world.site.wait_for(&zone, "Ready", BACK_WITHIN);
    wait.await.context("the controllers do not come back")?;
    let late = world.load("controllers-back", 2, 1, 8)?;
    unharmed(&late.report().await?).context("who came afterwards")?;
    let wait = world.until("both take people", BACK_WITHIN, |pool| {
        let routers = pool.status.as_ref().map(|status| status.routers);
        routers.is_some_and(|it| (it.accepting, it.draining) == (2, 0))
    });
    wait.await?;
    before.is_still_so(world).await?;
    load.stop();
    let report = load.report().await?;
    ensure!(report.migrations.count == 0, "somebody was moved: {report}");
    unharmed(&report)
}

/// Pods that nobody told to stop, and their programs as the kernel knows them: what a kubelet does
/// while it reaches no API server it reports late.
struct Running {
    components: &'static [&'static str],
    programs: BTreeMap<String, Vec<u32>>,
}

impl Running {
    async fn now(world: &World, components: &'static [&'static str]) -> Result<Self> {
        let mut programs = BTreeMap::new();
        for component in components {
            for pod in world.pods(component).await? {
                programs.insert(pod.name_any(), pod_processes::of(&pod)?);
            }
        }
        Ok(Self {
            components,
            programs,
        })
    }

    async fn is_still_so(&self, world: &World) -> Result<()> {
        let (before, now) = (
            &self.programs,
            Self::now(world, self.components).await?.programs,
        );
        ensure!(now == *before, "ran {before:?}, and run {now:?}");
        Ok(())
    }
}

/// The node whose router has the most people.
async fn fullest(world: &World) -> Result<String> {
    let (_, status) = plugin(world, &["status", ZONE, "-n", NAMESPACE]).await?;
    let routers = status["zones"][0]["pools"][0]["routers"].as_array();
    let people = |router: &&Value| router["participants"].as_u64();
    let fullest = routers.and_then(|all| all.iter().max_by_key(people));
    let node = fullest
        .filter(|it| people(it) > Some(0))
        .map(|it| &it["node"]);
    let node = node.and_then(Value::as_str);
    Ok(node
        .with_context(|| format!("nobody is on any router: {status:#}"))?
        .to_owned())
}

/// The node's drain begins when no controller can move anybody any more, and then none is there.
async fn without_controllers(world: &World, node: &str) -> Result<()> {
    world.cluster.pause_scheduler()?;
    let controllers = world.pods(labels::COMPONENT_CONTROLLER).await?;
    // What they said last is believed for 3 s, in which the operator begins.
    for controller in &controllers {
        world.freeze(controller)?;
    }
    let (done, outcome) = plugin(world, &["drain", node]).await?;
    ensure!(done, "not drained: {outcome}");
    let drains = until_draining(world, node).await;
    // Before the kubelet does, and for good.
    for controller in &controllers {
        world.crash(controller)?;
        world.delete_pod(controller, true).await?;
    }
    drains
}

async fn nobody_controls(world: &World) -> Result<()> {
    let controllers = world.pods(labels::COMPONENT_CONTROLLER).await?;
    let ready = controllers.iter().filter(|pod| is_ready(pod)).count();
    ensure!(ready == 0, "{ready} controllers are back");
    Ok(())
}

/// Takes the wish back; the router is there, with its label, and drains no more.
async fn cancel(world: &World, node: &str) -> Result<()> {
    let still = |node: &Node| {
        node.labels().contains_key(labels::ACTIVE_POOL)
            && node.annotations().contains_key(labels::DRAINING_SINCE)
    };
    until_node(world, node, "drains still", still).await?;
    let (done, outcome) = plugin(world, &["drain", node, "--cancel"]).await?;
    ensure!(done, "not cancelled: {outcome}");
    until_node(world, node, "drains no more", |node| {
        node.labels().contains_key(labels::ACTIVE_POOL)
            && !node.annotations().contains_key(labels::DRAINING_SINCE)
    })
    .await
}
