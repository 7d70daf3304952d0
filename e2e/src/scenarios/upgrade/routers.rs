//! Routers of another image take the place of those that run, one after another.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use plenum_crds::labels;
use serde_json::json;
use tokio::time::Instant;

use super::{NEXT, all_run, hold, image, judged, next_version, until_rollout};
use crate::image::PLENUM_REFERENCE;
use crate::scenarios::world::{World, unharmed};
use crate::site::NAMESPACE;

const ROUTERS: u32 = 3;
/// A router is emptied, stopped and started in some ten seconds; one comes in addition.
const ROLLED_WITHIN: Duration = Duration::from_secs(240);
/// Longer than all of it: people are told when to leave.
const STAY_S: u64 = 600;
/// They come all the time, so that some join in every state of the rollout.
const RAMP_S: u64 = 40;
/// 8 meetings of 4.
const PEOPLE: u32 = 32;

/// Nobody has this image, and nobody serves it.
const MISSING: &str = "localhost/plenum:missing";
/// The least that the schema takes.
const DEADLINE_S: u32 = 10;
/// The deadline counts from the router's start; before that a node gets its label and pod.
const HALTED_WITHIN: Duration = Duration::from_secs(120);
/// What is broken carries nobody, so there is nothing to wait for but one router's start.
const BACK_WITHIN: Duration = Duration::from_secs(90);

pub async fn a_rolling_upgrade_of_all_routers_under_load_loses_nobody(world: &World) -> Result<()> {
    next_version(world).await?;
    let rolled = under_load(world).await;
    let back = put_back(world).await;
    rolled?;
    back
}

async fn under_load(world: &World) -> Result<()> {
    hold(world, ROUTERS).await?;
    let load = world.load("routers-rolled", PEOPLE / 4, RAMP_S, STAY_S)?;
    world.until_people(PEOPLE / 3).await?;
    let began = Instant::now();
    world.change_pool(json!({ "image": NEXT })).await?;
    until_rollout(world, "UpToDate", ROLLED_WITHIN).await?;
    let took = began.elapsed();
    all_run(&world.pods(labels::COMPONENT_ROUTER).await?, NEXT)?;
    world.until_people(PEOPLE).await?;
    load.stop();
    let report = load.report().await?;
    ensure!(report.migrations.count > 0, "nobody was moved: {report}");
    judged(world, "routers", took, &report)
}

/// The image as before and the size that the load asks for.
async fn put_back(world: &World) -> Result<()> {
    let before = json!({ "image": null, "rolloutDeadlineSeconds": null });
    world.change_pool(before).await?;
    until_rollout(world, "UpToDate", ROLLED_WITHIN).await?;
    world.change_pool(json!({ "replicas": null })).await
}

pub async fn a_rollout_to_an_image_that_is_not_there_halts_and_goes_back(
    world: &World,
) -> Result<()> {
    let halted = halted_and_back(world).await;
    let back = put_back(world).await;
    halted?;
    back
}

async fn halted_and_back(world: &World) -> Result<()> {
    hold(world, 2).await?;
    let load = world.load("rollout-halted", 6, 3, STAY_S)?;
    world.until_people(24).await?;
    let spec = json!({ "image": MISSING, "rolloutDeadlineSeconds": DEADLINE_S });
    world.change_pool(spec).await?;
    let said = until_rollout(world, "RolloutHalted", HALTED_WITHIN).await?;
    let expected = format!("ImagePullBackOff: {MISSING}");
    ensure!(
        said.contains(&expected),
        "nothing of {expected} in {said:?}"
    );
    one_at_most_was_replaced(world, &said).await?;
    was_told(world).await?;
    world.change_pool(json!({ "image": null })).await?;
    until_rollout(world, "UpToDate", BACK_WITHIN).await?;
    load.stop();
    unharmed(&load.report().await?)
}

/// The condition names the router that does not come up, and the others run as before.
async fn one_at_most_was_replaced(world: &World, said: &str) -> Result<()> {
    let routers = world.pods(labels::COMPONENT_ROUTER).await?;
    let broken = routers.iter().filter(|pod| image(pod) == Some(MISSING));
    let broken: Vec<_> = broken.filter_map(|pod| pod.metadata.name.clone()).collect();
    let working = routers
        .iter()
        .filter(|pod| image(pod) == Some(PLENUM_REFERENCE));
    ensure!(working.count() >= 1, "no router is left as it was");
    ensure!(
        broken.len() == 1 && said.contains(&broken[0]),
        "broken are {broken:?}, and the condition says {said:?}"
    );
    Ok(())
}

async fn was_told(world: &World) -> Result<()> {
    let events = ["-n", NAMESPACE, "get", "events.events.k8s.io", "-o", "name"];
    let halted = ["--field-selector", "reason=RolloutHalted"];
    let told = world.site.kubectl([&events[..], &halted].concat()).await?;
    let first = told.lines().next();
    first
        .context("no event RolloutHalted was written")
        .map(drop)
}
