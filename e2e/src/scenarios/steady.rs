//! When nothing changes nothing is written; what somebody else changed is put right.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::{DaemonSet, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, Secret, Service};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use plenum_crds::{MMRPool, MeetingZone};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::Instant;

use super::operator_counts::operator_counts;
use super::world::{World, ZONE};
use crate::site::NAMESPACE;

pub(super) const WRITES: &str = "plenum_operator_writes_total";
/// No write for this long: what brought the zone to rest is written.
const REST: Duration = Duration::from_secs(3);
const REST_WITHIN: Duration = Duration::from_secs(30);
/// Several resyncs and heartbeats of everything.
const STEADY: Duration = Duration::from_secs(20);

pub async fn nothing_changes_nothing_is_written(world: &World) -> Result<()> {
    world.settle().await?;
    let writes = writes_at_rest(world).await?;
    let before = versions(world).await?;
    tokio::time::sleep(STEADY).await;
    // A write that changes nothing leaves no trace in the objects, so both are looked at.
    let written = operator_counts(world, WRITES).await?;
    ensure!(
        written == writes,
        "written without a reason: {written:?}, before {writes:?}"
    );
    let after = versions(world).await?;
    let changed: Vec<&String> = before
        .iter()
        .filter(|(object, version)| after.get(*object) != Some(version))
        .map(|(object, _)| object)
        .chain(after.keys().filter(|object| !before.contains_key(*object)))
        .collect();
    ensure!(changed.is_empty(), "written without a reason: {changed:?}");
    ensure!(
        before.len() > 10,
        "only {} objects were looked at",
        before.len()
    );
    Ok(())
}

pub(super) async fn writes_at_rest(world: &World) -> Result<BTreeMap<String, u64>> {
    let deadline = Instant::now() + REST_WITHIN;
    let mut before = operator_counts(world, WRITES).await?;
    loop {
        tokio::time::sleep(REST).await;
        let now = operator_counts(world, WRITES).await?;
        if now == before && !now.is_empty() {
            return Ok(now);
        }
        ensure!(
            Instant::now() < deadline,
            "still writing after {} s: {now:?}, before {before:?}",
            REST_WITHIN.as_secs()
        );
        before = now;
    }
}

pub async fn an_edited_child_is_repaired(world: &World) -> Result<()> {
    let services: Api<Service> = Api::namespaced(world.client.clone(), NAMESPACE);
    let name = format!("{ZONE}-zc-link");
    let edit = json!({
        "metadata": {"annotations": {"example.org/ours": "stays"}},
        "spec": {"publishNotReadyAddresses": false},
    });
    services
        .patch(&name, &PatchParams::default(), &Patch::Merge(edit))
        .await?;
    let repaired = |service: Option<&Service>| {
        let spec = service.and_then(|service| service.spec.as_ref());
        spec.is_some_and(|spec| spec.publish_not_ready_addresses == Some(true))
    };
    let wait = kube::runtime::wait::await_condition(services.clone(), &name, repaired);
    tokio::time::timeout(Duration::from_secs(15), wait).await??;
    let service = services.get(&name).await?;
    ensure!(
        service.annotations().contains_key("example.org/ours"),
        "a foreign annotation was removed"
    );

    services
        .delete(&name, &kube::api::DeleteParams::default())
        .await?;
    let old = service.uid();
    let anew = move |service: Option<&Service>| service.is_some_and(|service| service.uid() != old);
    let wait = kube::runtime::wait::await_condition(services, &name, anew);
    tokio::time::timeout(Duration::from_secs(15), wait).await??;
    Ok(())
}

/// Resource versions of everything that the operator may write. Nodes and pods are
/// written by kubelets too: of them, what the operator's own fields say.
async fn versions(world: &World) -> Result<BTreeMap<String, String>> {
    let mut versions = BTreeMap::new();
    collect::<MeetingZone>(world, &mut versions).await?;
    collect::<MMRPool>(world, &mut versions).await?;
    collect::<StatefulSet>(world, &mut versions).await?;
    collect::<DaemonSet>(world, &mut versions).await?;
    collect::<Service>(world, &mut versions).await?;
    collect::<Secret>(world, &mut versions).await?;
    collect::<ConfigMap>(world, &mut versions).await?;
    let nodes: Api<Node> = Api::all(world.client.clone());
    for node in nodes.list(&ListParams::default()).await? {
        versions.insert(
            format!("node {}", node.name_any()),
            ours(node.managed_fields()),
        );
    }
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), NAMESPACE);
    for pod in pods.list(&ListParams::default()).await? {
        versions.insert(
            format!("pod {}", pod.name_any()),
            ours(pod.managed_fields()),
        );
    }
    Ok(versions)
}

/// When the operator last wrote an object.
fn ours(fields: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry]) -> String {
    let written = fields
        .iter()
        .filter(|entry| {
            entry
                .manager
                .as_deref()
                .is_some_and(|manager| manager.starts_with("plenum"))
        })
        .map(|entry| format!("{:?}", entry.time));
    written.collect::<Vec<_>>().join(" ")
}

async fn collect<K>(world: &World, versions: &mut BTreeMap<String, String>) -> Result<()>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(world.client.clone(), NAMESPACE);
    for object in api.list(&ListParams::default()).await? {
        let name = format!("{} {}", K::kind(&()), object.name_any());
        versions.insert(name, object.resource_version().unwrap_or_default());
    }
    Ok(())
}
