//! T15: the operator goes from one version to the next and back while people meet. Nothing of the
//! data plane is restarted, and each version goes on with what the other began.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use plenum_crds::labels;
use serde_json::json;
use tokio::time::Instant;

use super::{NEXT, all_run, hold, judged, next_version};
use crate::image::PLENUM_REFERENCE;
use crate::scenarios::world::World;
use crate::site::{RELEASE, SYSTEM_NAMESPACE};

const STAY_S: u64 = 600;
/// A new leader has looked at everything by now, and later looks change nothing either.
const LOOKS: Duration = Duration::from_secs(15);

/// UID of each pod by its name, and how often its program was restarted.
type Pods = BTreeMap<String, (Option<String>, i32)>;

pub async fn an_operator_is_upgraded_and_back_with_live_meetings(world: &World) -> Result<()> {
    next_version(world).await?;
    let changed = there_and_back(world).await;
    // Whatever became of it, the version of before goes on.
    let back = to_version(world, PLENUM_REFERENCE).await;
    let size = world.change_pool(json!({ "replicas": null })).await;
    changed?;
    back?;
    size
}

async fn there_and_back(world: &World) -> Result<()> {
    let load = world.load("operator-upgraded", 6, 3, STAY_S)?;
    world.until_people(24).await?;
    let before = data_plane(world).await?;
    let began = Instant::now();
    to_version(world, NEXT).await?;
    all_stay(world, &before).await?;
    // The next version has something to do, which the last one then goes on with.
    hold(world, 2).await?;
    let grown = data_plane(world).await?;
    to_version(world, PLENUM_REFERENCE).await?;
    all_stay(world, &grown).await?;
    hold(world, 1).await?;
    let took = began.elapsed();
    load.stop();
    judged(world, "operator", took, &load.report().await?)
}

/// Upgrades the operator alone: the image of the data plane is pinned to what runs.
async fn to_version(world: &World, image: &str) -> Result<()> {
    let (_, tag) = image.rsplit_once(':').context("an image has a tag")?;
    let chart = world.site.chart.display().to_string();
    let tag = format!("image.tag={tag}");
    let pinned = format!("dataPlane.image={PLENUM_REFERENCE}");
    let mut args = vec!["upgrade", RELEASE, &chart, "--namespace", SYSTEM_NAMESPACE];
    args.extend(["--reset-then-reuse-values", "--wait", "--timeout", "120s"]);
    args.extend(["--set", &tag, "--set", &pinned]);
    world.site.commands.helm(args).await?;
    all_run(&operators(world).await?, image)
}

async fn operators(world: &World) -> Result<Vec<Pod>> {
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), SYSTEM_NAMESPACE);
    let list = ListParams::default().labels("app.kubernetes.io/component=operator");
    let mut pods = pods.list(&list).await?.items;
    pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
    Ok(pods)
}

/// Routers and zone controllers.
pub(in crate::scenarios) async fn data_plane(world: &World) -> Result<Pods> {
    let mut pods = world.pods(labels::COMPONENT_ROUTER).await?;
    pods.extend(world.pods(labels::COMPONENT_CONTROLLER).await?);
    let restarts = |pod: &Pod| {
        let statuses = pod
            .status
            .iter()
            .flat_map(|status| &status.container_statuses);
        statuses
            .flatten()
            .map(|status| status.restart_count)
            .sum::<i32>()
    };
    let all = pods
        .iter()
        .map(|pod| (pod.name_any(), (pod.uid(), restarts(pod))));
    Ok(all.collect())
}

async fn all_stay(world: &World, before: &Pods) -> Result<()> {
    tokio::time::sleep(LOOKS).await;
    let now = data_plane(world).await?;
    ensure!(
        now == *before,
        "the data plane changed from {before:?} to {now:?}"
    );
    Ok(())
}
