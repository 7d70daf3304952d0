//! Nodes, zones and pools as people and kubelets would make them.

use std::ops::Range;

use anyhow::{Result, ensure};
use kube::Client;
use plenum_crds::labels;
use serde_json::{Value, json};

use super::hands::create;

/// Zones in a namespace.
const PER_NAMESPACE: usize = 10;
/// Images that a node says it has: kubelets tell of fifty at most.
const IMAGES: usize = 30;

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Zones, each with one pool.
    pub zones: usize,
    /// Routers of each.
    pub per_zone: usize,
    /// Zones with one node more than routers, for a jump of their load.
    pub spares: usize,
}

impl Sizes {
    /// So many zones that share so many routers evenly.
    pub(super) fn new(zones: usize, routers: usize, spares: usize) -> Result<Self> {
        ensure!(zones > 0, "at least one zone");
        ensure!(
            routers >= zones && routers.is_multiple_of(zones),
            "{routers} nodes cannot be shared evenly by {zones} zones"
        );
        Ok(Self {
            zones,
            per_zone: routers / zones,
            spares: spares.min(zones),
        })
    }

    pub(super) fn routers(self) -> usize {
        self.zones * self.per_zone
    }

    pub(super) fn nodes(self) -> usize {
        self.routers() + self.spares
    }

    fn of_zone(self, zone: usize) -> Range<usize> {
        0..self.per_zone + usize::from(zone < self.spares)
    }
}

/// `<namespace>.<name>` of a zone.
pub(super) fn zone_key(zone: usize) -> String {
    format!("{}.{}", namespace(zone), zone_name(zone))
}

/// `<namespace>.<name>` of a zone's pool.
pub(super) fn pool_key(zone: usize) -> String {
    format!("{}.{}", namespace(zone), pool_name(zone))
}

fn namespace(zone: usize) -> String {
    format!("team-{:03}", zone / PER_NAMESPACE)
}

fn zone_name(zone: usize) -> String {
    format!("zone-{zone:04}")
}

fn pool_name(zone: usize) -> String {
    format!("pool-{zone:04}")
}

/// Makes all that is there before the operator comes.
pub(super) async fn make(client: &Client, sizes: Sizes) -> Result<()> {
    let definitions = plenum_crds::yaml::definitions().into_iter();
    let kinds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions".to_owned();
    create(client, definitions.map(|crd| (kinds.clone(), crd))).await?;
    let namespaces = (0..sizes.zones).step_by(PER_NAMESPACE).map(namespace);
    let namespaces = namespaces.chain([super::process::NAMESPACE.to_owned()]);
    let namespaces = namespaces.map(|name| {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        ("/api/v1/namespaces".to_owned(), object)
    });
    create(client, namespaces).await?;
    let nodes = (0..sizes.zones).flat_map(|zone| sizes.of_zone(zone).map(move |n| node(zone, n)));
    create(client, nodes.map(|node| ("/api/v1/nodes".to_owned(), node))).await?;
    let resources = (0..sizes.zones).flat_map(|zone| [a_zone(zone), a_pool(zone, sizes)]);
    until_served(client).await?;
    create(client, resources).await
}

/// The API server serves a new kind a moment after its definition is there.
async fn until_served(client: &Client) -> Result<()> {
    let mut tries = 0;
    loop {
        let request = http::Request::get("/apis/plenum.dev/v1alpha1/mmrpools?limit=1");
        match client.request_text(request.body(Vec::new())?).await {
            Ok(_) => return Ok(()),
            Err(error) if tries == 600 => return Err(error.into()),
            Err(_) => tries += 1,
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

fn a_zone(zone: usize) -> (String, Value) {
    let namespace = namespace(zone);
    let object = json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone",
        "metadata": {"name": zone_name(zone), "namespace": namespace}, "spec": {},
    });
    let path = format!("/apis/plenum.dev/v1alpha1/namespaces/{namespace}/meetingzones");
    (path, object)
}

fn a_pool(zone: usize, sizes: Sizes) -> (String, Value) {
    let namespace = namespace(zone);
    let object = json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool",
        "metadata": {"name": pool_name(zone), "namespace": namespace},
        "spec": {
            "zone": zone_name(zone),
            "nodeSelector": {labels::ROUTERS: "true", "example.com/site": site(zone)},
            "minRouters": sizes.per_zone,
            "maxRouters": sizes.per_zone + 1,
            "participantsPerRouter": super::FULL,
        },
    });
    let path = format!("/apis/plenum.dev/v1alpha1/namespaces/{namespace}/mmrpools");
    (path, object)
}

fn site(zone: usize) -> String {
    format!("site-{zone:04}")
}

/// A node as large as the kubelet of a cloud's makes it.
fn node(zone: usize, number: usize) -> Value {
    let name = format!("node-{zone:04}-{number}");
    let condition = |type_: &str, status: &str, reason: &str| {
        json!({
            "type": type_, "status": status, "reason": reason,
            "message": format!("kubelet says {reason}"),
            "lastHeartbeatTime": "2026-01-01T00:00:00Z",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    };
    let image = |n: usize| {
        let repository = format!("registry.example.com/platform/component-{n}");
        json!({
            "names": [format!("{repository}@sha256:{n:064}"), format!("{repository}:v1.{n}.0")],
            "sizeBytes": 50_000_000 + n,
        })
    };
    let resources = json!({
        "cpu": "8", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi",
        "hugepages-1Gi": "0", "hugepages-2Mi": "0",
    });
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                labels::ROUTERS: "true",
                "example.com/site": site(zone),
                "beta.kubernetes.io/arch": "amd64",
                "beta.kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": name,
                "node.kubernetes.io/instance-type": "c8.2xlarge",
                "topology.kubernetes.io/region": "region-1",
                "topology.kubernetes.io/zone": format!("region-1{}", ["a", "b", "c"][number % 3]),
            },
            "annotations": {
                "node.alpha.kubernetes.io/ttl": "0",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                "csi.volume.kubernetes.io/nodeid": format!("{{\"csi.example.com\":\"{name}\"}}"),
            },
        },
        "spec": {"providerID": format!("cloud:///region-1/{name}")},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "10.1.2.3"},
                {"type": "Hostname", "address": name},
            ],
            "capacity": resources,
            "allocatable": resources,
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID"),
                condition("Ready", "True", "KubeletReady"),
            ],
            "images": (0..IMAGES).map(image).collect::<Vec<_>>(),
            "nodeInfo": {
                "machineID": "m", "systemUUID": "s", "bootID": "b", "kernelVersion": "6.12",
                "osImage": "Linux", "containerRuntimeVersion": "containerd://2.1",
                "kubeletVersion": "v1.36.3", "kubeProxyVersion": "", "operatingSystem": "linux",
                "architecture": "amd64",
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routers_are_shared_evenly_and_some_zones_have_room_to_grow() {
        let sizes = Sizes::new(1_000, 5_000, 20).unwrap();
        assert_eq!((sizes.routers(), sizes.nodes()), (5_000, 5_020));
        assert_eq!(sizes.of_zone(19).len(), 6);
        assert_eq!(sizes.of_zone(20).len(), 5);
        assert!(Sizes::new(3, 10, 0).is_err());
        assert!(Sizes::new(0, 10, 0).is_err());
    }
}
