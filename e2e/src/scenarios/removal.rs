//! What stays when the release is taken away, and what when everything is, as `docs/install.md`
//! says.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use plenum_crds::labels;
use tokio::time::Instant;

use super::upgrade::data_plane;
use super::world::{World, ZONE, unharmed};
use crate::cluster::addresses::NodeNumber;
use crate::image::PLENUM_REFERENCE;
use crate::site::{NAMESPACE, RELEASE, SYSTEM_NAMESPACE};

const DEFINITIONS: [&str; 2] = ["meetingzones.plenum.dev", "mmrpools.plenum.dev"];
/// Told to leave earlier.
const STAY_S: u64 = 300;
/// The lease of an operator that could not give it back runs out within 15 s; Kubernetes collects
/// what belonged to a zone within some.
const WITHIN: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(500);

/// What Kubernetes makes in every namespace, the namespaces, and the lease that operators pass on:
/// kind, namespace and name.
const STAYS: [&str; 7] = [
    "ConfigMap meetings kube-root-ca.crt",
    "ConfigMap plenum-system kube-root-ca.crt",
    "Lease plenum-system plenum-operator",
    "Namespace <none> meetings",
    "Namespace <none> plenum-system",
    "ServiceAccount meetings default",
    "ServiceAccount plenum-system default",
];

pub async fn meetings_outlive_the_release_and_nothing_is_left_of_all(world: &World) -> Result<()> {
    let removed = async {
        without_an_operator(world).await?;
        whole(world).await
    }
    .await;
    // Others find the zone as it was; its authority is another one, which goes where they look.
    world.site.install(PLENUM_REFERENCE).await?;
    world.site.install_zone(ZONE).await?;
    world.site.zone_authority(ZONE).await?;
    removed
}

/// The release goes, the meetings stay; another operator takes over what it finds.
async fn without_an_operator(world: &World) -> Result<()> {
    let load = world.load("outliving", 4, 2, STAY_S)?;
    world.until_people(16).await?;
    let before = data_plane(world).await?;
    uninstall(world).await?;
    let objects = [
        "-n",
        NAMESPACE,
        "get",
        "meetingzones,mmrpools",
        "-o",
        "name",
    ];
    let objects = world.site.kubectl(objects).await?;
    ensure!(
        objects.lines().count() == 2,
        "of zone and pool are left: {objects}"
    );
    let roles = world
        .site
        .kubectl(["get", "clusterroles", "-o", "name"])
        .await?;
    ensure!(!roles.contains(RELEASE), "cluster roles are left: {roles}");
    let late = world.load("without-operator", 1, 1, 5)?;
    unharmed(&late.report().await?)?;

    world.site.install(PLENUM_REFERENCE).await?;
    until_one_leads(world).await?;
    let zone = format!("meetingzone/{ZONE}");
    world.site.wait_for(&zone, "Ready", WITHIN).await?;
    let after = data_plane(world).await?;
    ensure!(
        before == after,
        "the data plane changed from {before:?} to {after:?}"
    );
    load.stop();
    unharmed(&load.report().await?)
}

/// Waits until a replica that is there holds the lease.
async fn until_one_leads(world: &World) -> Result<()> {
    let leases: Api<Lease> = Api::namespaced(world.client.clone(), SYSTEM_NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), SYSTEM_NAMESPACE);
    let pods = pods.list(&ListParams::default()).await?;
    let there = |holder: &String| pods.iter().any(|pod| pod.name_any() == *holder);
    let leads = |lease: Option<&Lease>| {
        let holder = lease.and_then(|lease| lease.spec.as_ref()?.holder_identity.as_ref());
        holder.is_some_and(there)
    };
    let wait = kube::runtime::wait::await_condition(leases, "plenum-operator", leads);
    tokio::time::timeout(WITHIN, wait).await??;
    Ok(())
}

async fn uninstall(world: &World) -> Result<()> {
    let uninstall = ["uninstall", RELEASE, "--namespace", SYSTEM_NAMESPACE];
    let wait = ["--wait", "--timeout", "90s"];
    let uninstall = [&uninstall[..], &wait].concat();
    world.site.commands.helm(uninstall).await.map(drop)
}

/// Everything goes, in the order of the docs.
async fn whole(world: &World) -> Result<()> {
    let delete = [
        "delete",
        "mmrpools,meetingzones",
        "--all",
        "--all-namespaces",
    ];
    let delete = [&delete[..], &["--timeout=90s"]].concat();
    world.site.kubectl(delete).await?;
    uninstall(world).await?;
    let definitions = [&["delete", "crd"], &DEFINITIONS[..]].concat();
    world.site.kubectl(definitions).await?;
    let deadline = Instant::now() + WITHIN;
    loop {
        let left = left(world).await?;
        if left == STAYS.map(str::to_owned).into() {
            break;
        }
        ensure!(Instant::now() < deadline, "left are {left:?}");
        tokio::time::sleep(POLL).await;
    }
    let nodes: Api<Node> = Api::all(world.client.clone());
    for node in nodes.list(&ListParams::default()).await? {
        let ours = [
            labels::DRAINING_SINCE,
            labels::CLUSTER_AUTOSCALER_KEEP,
            labels::KARPENTER_KEEP,
        ];
        let marked = ours
            .iter()
            .any(|mark| node.annotations().contains_key(*mark))
            || node.labels().contains_key(labels::ACTIVE_POOL);
        ensure!(!marked, "node {} is marked yet", node.name_any());
    }
    Ok(())
}

/// All objects in our namespaces, and those outside whose names are ours; events aside.
async fn left(world: &World) -> Result<BTreeSet<String>> {
    let kinds = ["api-resources", "--verbs=list", "-o", "name"];
    let kinds = world.site.kubectl(kinds).await?;
    let kinds = kinds.lines().filter(|kind| !kind.starts_with("events"));
    let kinds = kinds.collect::<Vec<_>>().join(",");
    let columns = "custom-columns=:kind,:metadata.namespace,:metadata.name";
    let get = ["get", &kinds, "-A", "--no-headers", "-o", columns];
    let objects = world.site.kubectl(get).await?;
    Ok(objects.lines().filter_map(ours).collect())
}

fn ours(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, namespace, name] = words[..] else {
        return None;
    };
    let of_a_node = name.parse::<NodeNumber>().is_ok();
    let inside = [NAMESPACE, SYSTEM_NAMESPACE].contains(&namespace);
    let named = [NAMESPACE, SYSTEM_NAMESPACE].contains(&name) || name.contains("plenum");
    let outside = namespace == "<none>" && named && !of_a_node;
    (inside || outside).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::ours;

    #[test]
    fn nodes_and_what_belongs_to_others_is_not_ours() {
        assert_eq!(ours("Node   <none>   plenum-n1"), None);
        assert_eq!(ours("Lease  kube-node-lease  plenum-n1"), None);
        assert_eq!(ours("ClusterRole <none> admin"), None);
        assert_eq!(ours(""), None);
    }

    #[test]
    fn what_bears_our_name_or_is_in_our_namespaces_is() {
        for line in [
            "ClusterRole <none> plenum-operator",
            "Secret meetings demo-ca",
        ] {
            assert_eq!(ours(line).as_deref(), Some(line));
        }
    }
}
