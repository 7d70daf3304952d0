//! What a zone costs in which nobody meets: memory of each pod, requests of the operator.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use serde::Serialize;

use super::operator_counts::operator_counts;
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
    /// Resident memory of each pod's programs.
    pod_rss_bytes: BTreeMap<String, u64>,
}

pub async fn an_idle_zone_costs_little(world: &World) -> Result<()> {
    world.settle().await?;
    let before = operator_counts(world, REQUESTS).await?;
    tokio::time::sleep(WATCHED).await;
    let after = operator_counts(world, REQUESTS).await?;
    let per_minute = after.into_iter().map(|(labels, count)| {
        let made = count - before.get(&labels).copied().unwrap_or_default();
        let verb = labels.trim_start_matches("verb=").trim_matches('"');
        (verb.to_owned(), made * WATCHED_A_MINUTE)
    });
    let figures = Figures {
        schema: "plenum.idle/1",
        operator_requests_per_minute: per_minute.collect(),
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
