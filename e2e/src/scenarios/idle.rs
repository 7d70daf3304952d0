//! What a zone costs in which nobody meets: memory of each pod, requests of the operator.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use serde::Serialize;

use super::operator_counts::operator_counts;
use super::steady::{WRITES, writes_at_rest};
use super::world::World;
use crate::bench::Usage;
use crate::pod_processes;
use crate::site::{NAMESPACE, SYSTEM_NAMESPACE};

const WATCHED: Duration = Duration::from_secs(30);
const WATCHED_A_MINUTE: u64 = 2;
/// One a second: what an operator may ask of an API server for which there is nothing to do (T13).
const REQUESTS_PER_MINUTE: u64 = 60;
const REQUESTS: &str = "plenum_operator_api_requests_total";

/// The contents of `idle.json`.
#[derive(Debug, Serialize)]
struct Figures {
    schema: &'static str,
    /// Of all replicas of the operator together.
    operator_requests_per_minute: BTreeMap<String, u64>,
    /// What it wrote meanwhile, by kind and verb, the Lease left out.
    operator_writes: BTreeMap<String, u64>,
    /// Resident memory of each pod's programs.
    pod_rss_bytes: BTreeMap<String, u64>,
}

pub async fn an_idle_zone_costs_little(world: &World) -> Result<()> {
    world.settle().await?;
    // What an earlier scenario has left to be put right is not what an idle zone costs.
    let written = writes_at_rest(world).await?;
    let before = operator_counts(world, REQUESTS).await?;
    tokio::time::sleep(WATCHED).await;
    let after = operator_counts(world, REQUESTS).await?;
    let per_minute = made(&before, after).map(|(labels, requests)| {
        let verb = labels.trim_start_matches("verb=").trim_matches('"');
        (verb.to_owned(), requests * WATCHED_A_MINUTE)
    });
    let writes = made(&written, operator_counts(world, WRITES).await?);
    let figures = Figures {
        schema: "plenum.idle/1",
        operator_requests_per_minute: per_minute.collect(),
        operator_writes: writes.filter(|(_, writes)| *writes > 0).collect(),
        pod_rss_bytes: memory(world).await?,
    };
    let text = serde_json::to_string_pretty(&figures)?;
    std::fs::write(world.site.reports.join("idle.json"), &text)?;
    println!("{text}");
    let requests: u64 = figures.operator_requests_per_minute.values().sum();
    ensure!(
        (1..=REQUESTS_PER_MINUTE).contains(&requests),
        "{requests} requests a minute: none means none were counted, more than {REQUESTS_PER_MINUTE} are too many"
    );
    Ok(())
}

/// By how much counts grew.
fn made(
    before: &BTreeMap<String, u64>,
    after: BTreeMap<String, u64>,
) -> impl Iterator<Item = (String, u64)> {
    after.into_iter().map(|(labels, count)| {
        let before = before.get(&labels).copied().unwrap_or_default();
        // An operator that was started anew counts from zero.
        (labels, count.saturating_sub(before))
    })
}

async fn memory(world: &World) -> Result<BTreeMap<String, u64>> {
    let mut memory = BTreeMap::new();
    for namespace in [SYSTEM_NAMESPACE, NAMESPACE] {
        for pod in pods(world, namespace).await? {
            let used = pod_processes::of(&pod)?.into_iter().map(Usage::of);
            let used: Result<Vec<Usage>> = used.collect();
            let bytes = used?.iter().map(|usage| usage.rss_bytes).sum();
            memory.insert(pod.name_any(), bytes);
        }
    }
    Ok(memory)
}

async fn pods(world: &World, namespace: &str) -> Result<Vec<Pod>> {
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), namespace);
    Ok(pods.list(&ListParams::default()).await?.items)
}
