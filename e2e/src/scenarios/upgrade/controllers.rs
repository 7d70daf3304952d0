//! Zone controllers of another image, while people join all the time.

use std::time::Duration;

use anyhow::{Context as _, Result};
use plenum_crds::labels;
use serde_json::json;
use tokio::time::Instant;

use super::{NEXT, all_run, judged, next_version};
use crate::image::PLENUM_REFERENCE;
use crate::scenarios::world::{World, ZONE};
use crate::site::NAMESPACE;

/// Each of the two answers for some seconds more when it is told to stop, and settles for some
/// when it is back.
const RAMP_S: u64 = 45;
const STAY_S: u64 = 600;
/// 10 meetings of 4.
const PEOPLE: u32 = 40;
const ROLLED_WITHIN: Duration = Duration::from_secs(120);

pub async fn controllers_roll_one_by_one_without_a_failed_join(world: &World) -> Result<()> {
    next_version(world).await?;
    let rolled = under_joins(world).await;
    let back = to_image(world, PLENUM_REFERENCE).await;
    rolled?;
    back
}

async fn under_joins(world: &World) -> Result<()> {
    let load = world.load("controllers-rolled", PEOPLE / 4, RAMP_S, STAY_S)?;
    world.until_people(4).await?;
    let began = Instant::now();
    to_image(world, NEXT).await?;
    let took = began.elapsed();
    all_run(&world.pods(labels::COMPONENT_CONTROLLER).await?, NEXT)?;
    world.until_people(PEOPLE).await?;
    load.stop();
    judged(world, "controllers", took, &load.report().await?)
}

async fn to_image(world: &World, image: &str) -> Result<()> {
    let own = (image != PLENUM_REFERENCE).then_some(image);
    let zone = format!("meetingzone/{ZONE}");
    let spec = json!({ "controllers": { "image": own } });
    world.site.change(&zone, spec).await?;
    let set = format!("statefulset/{ZONE}-zc");
    let limit = format!("--timeout={}s", ROLLED_WITHIN.as_secs());
    let template = "{.spec.template.spec.containers[0].image}";
    let asked = format!("--for=jsonpath={template}={image}");
    let wait = ["-n", NAMESPACE, "wait", &set, &asked, &limit];
    world.site.kubectl(wait).await?;
    let status = ["-n", NAMESPACE, "rollout", "status", &set, &limit];
    let rolled = world.site.kubectl(status).await.map(drop);
    rolled.with_context(|| format!("controllers do not come up with {image}"))
}
