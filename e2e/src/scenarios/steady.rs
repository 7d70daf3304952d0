//! When nothing changes nothing is written; what somebody else changed is put right.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
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

/// Versions of everything that the operator may write. What Kubernetes writes too, such as
/// the counts in a StatefulSet's status, has the version of the operator's own fields.
async fn versions(world: &World) -> Result<BTreeMap<String, String>> {
    let mut versions = BTreeMap::new();
    let client = || world.client.clone();
    collect::<MeetingZone>(Api::namespaced(client(), NAMESPACE), whole, &mut versions).await?;
    collect::<MMRPool>(Api::namespaced(client(), NAMESPACE), whole, &mut versions).await?;
    collect::<Service>(Api::namespaced(client(), NAMESPACE), whole, &mut versions).await?;
    collect::<Secret>(Api::namespaced(client(), NAMESPACE), whole, &mut versions).await?;
    collect::<ConfigMap>(Api::namespaced(client(), NAMESPACE), whole, &mut versions).await?;
    collect::<StatefulSet>(Api::namespaced(client(), NAMESPACE), ours, &mut versions).await?;
    collect::<Deployment>(Api::namespaced(client(), NAMESPACE), ours, &mut versions).await?;
    collect::<PodDisruptionBudget>(Api::namespaced(client(), NAMESPACE), ours, &mut versions)
        .await?;
    collect::<DaemonSet>(Api::namespaced(client(), NAMESPACE), ours, &mut versions).await?;
    collect::<Pod>(Api::namespaced(client(), NAMESPACE), ours, &mut versions).await?;
    collect::<Node>(Api::all(client()), ours, &mut versions).await?;
    Ok(versions)
}

/// When anybody last wrote an object.
fn whole<K: kube::Resource>(object: &K) -> String {
    object.meta().resource_version.clone().unwrap_or_default()
}

/// What the operator last wrote of an object, and when.
fn ours<K: kube::Resource>(object: &K) -> String {
    let fields = object.meta().managed_fields.iter().flatten();
    let written = fields.filter(|entry| {
        let manager = entry.manager.as_deref();
        manager.is_some_and(|manager| manager.starts_with("plenum"))
    });
    let written = written.map(|entry| format!("{:?} {:?}", entry.time, entry.fields_v1));
    written.collect::<Vec<_>>().join(" ")
}

async fn collect<K>(
    api: Api<K>,
    version: fn(&K) -> String,
    versions: &mut BTreeMap<String, String>,
) -> Result<()>
where
    K: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    for object in api.list(&ListParams::default()).await? {
        let name = format!("{} {}", K::kind(&()), object.name_any());
        versions.insert(name, version(&object));
    }
    Ok(())
}
