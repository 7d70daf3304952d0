//! The size of the pool, and what its status says of it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use plenum_crds::{MMRPool, labels};
use tokio::time::Instant;

use super::world::{World, ZONE};
use crate::site::NAMESPACE;

pub async fn kubectl_scale_sets_the_size(world: &World) -> Result<()> {
    let pool = format!("mmrpool/{ZONE}");
    world
        .site
        .kubectl(["-n", NAMESPACE, "scale", &pool, "--replicas=3"])
        .await?;
    let grown = world
        .until("three routers accept", Duration::from_secs(40), |pool| {
            accepting(pool) == 3
        })
        .await;
    let follow = r#"[{"op":"remove","path":"/spec/replicas"}]"#;
    world
        .site
        .kubectl(["-n", NAMESPACE, "patch", &pool, "--type=json", "-p", follow])
        .await?;
    grown?;
    world
        .until("back to one", Duration::from_secs(60), |pool| {
            accepting(pool) == 1
        })
        .await
        .map(drop)
}

pub async fn capacity_is_that_of_accepting_pods(world: &World) -> Result<()> {
    let per_router = world.pool().await?.spec.participants_per_router;
    ensure!(
        capacity(&world.pool().await?) == per_router,
        "one router accepts"
    );
    let routers = world.pods(labels::COMPONENT_ROUTER).await?;
    let router = routers.first().context("no router runs")?;
    let died = Instant::now();
    world.crash(router)?;
    // Otherwise the kubelet would have it back before anybody missed it.
    world.delete_pod(router, true).await?;
    world
        .until("capacity falls", Duration::from_secs(10), |pool| {
            capacity(pool) == 0
        })
        .await?;
    let noticed = died.elapsed();
    world
        .until("the router is back", Duration::from_secs(30), |pool| {
            capacity(pool) == per_router
        })
        .await?;
    ensure!(
        noticed < Duration::from_secs(2),
        "the status told of it after {noticed:?}"
    );
    Ok(())
}

fn accepting(pool: &MMRPool) -> u32 {
    pool.status
        .as_ref()
        .map_or(0, |status| status.routers.accepting)
}

fn capacity(pool: &MMRPool) -> u32 {
    pool.status
        .as_ref()
        .map_or(0, |status| status.participants.capacity)
}
