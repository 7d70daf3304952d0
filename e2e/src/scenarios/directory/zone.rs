//! A zone of its own that belongs to the directory, and its pool on a node of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use plenum_crds::labels;
use serde_json::{Value, json};

use crate::cluster::addresses::NodeNumber;
use crate::scenarios::world::{World, node_of};
use crate::site::NAMESPACE;

/// Zone and pool, both of this name.
const NAME: &str = "office";
/// What the directory calls it.
pub const QUALIFIED: &str = "meetings.office";
/// The Secret with its credential, and who vouches for the directory.
const SECRET: &str = "office-directory";
const CONTROLLER_PORT: u16 = 30453;
const TUNNEL_PORT: u16 = 30454;
/// The label of the nodes for routers of all other zones, and of this one.
const USUAL_NODES: &str = "plenum.dev/routers";
const OWN_NODES: &str = "plenum.dev/office";

/// What it says while a Secret is missing that it names: condition, reason and a word of the
/// message.
pub const MISSING_SECRET: (&str, &str, &str) = ("ControllersReady", "SecretNotFound", SECRET);

/// The zone.
pub struct Zone<'a> {
    world: &'a World,
    /// Taken from the others' nodes.
    node: String,
}

impl<'a> Zone<'a> {
    /// Not yet applied. Looks for a node without a router.
    pub async fn new(world: &'a World) -> Result<Self> {
        let routers = world.pods(labels::COMPONENT_ROUTER).await?;
        let busy: Vec<&str> = routers.iter().map(node_of).collect::<Result<_>>()?;
        let nodes = world.cluster.nodes().into_iter().map(NodeNumber::name);
        let free = nodes.rev().find(|name| !busy.contains(&name.as_str()));
        Ok(Self {
            world,
            node: free.context("every node has a router")?,
        })
    }

    /// Applies zone and pool.
    pub async fn apply(&self, directory: &str) -> Result<()> {
        self.label(&format!("{USUAL_NODES}-"), &format!("{OWN_NODES}=true"))
            .await?;
        let resources = self.resources(directory);
        self.world.site.apply(&resources).await.map(drop)
    }

    async fn label(&self, first: &str, second: &str) -> Result<()> {
        let label = ["label", "node", &self.node, first, second, "--overwrite"];
        self.world.site.kubectl(label).await.map(drop)
    }

    fn resources(&self, directory: &str) -> String {
        let metadata = json!({ "name": NAME, "namespace": NAMESPACE });
        let nodes = self.world.cluster.nodes();
        let addresses: Vec<Ipv4Addr> = nodes.iter().map(|node| node.ip()).collect();
        let on = |port| json!({ "type": "NodePort", "nodePort": port, "hostnames": addresses });
        let zone = json!({
            "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone", "metadata": metadata,
            "spec": {
                "exposure": on(CONTROLLER_PORT),
                "tunnels": { "replicas": 1, "exposure": on(TUNNEL_PORT) },
                "admission": { "mode": "Directory" },
                "directory": {
                    "url": directory,
                    "credentialSecret": { "name": SECRET },
                    "authoritySecret": { "name": SECRET },
                },
                "drainDeadlineSeconds": 0,
            },
        });
        let pool = json!({
            "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool", "metadata": metadata,
            "spec": {
                "zone": NAME,
                "nodeSelector": { OWN_NODES: "true" },
                "drainDeadlineSeconds": 0,
                "resources": { "requests": { "cpu": "100m", "memory": "64Mi" } },
            },
        });
        json!({ "apiVersion": "v1", "kind": "List", "items": [zone, pool] }).to_string()
    }

    /// Makes the Secret that it names.
    pub async fn give_secret(&self, credential: &str, authority: &str) -> Result<()> {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": SECRET, "namespace": NAMESPACE },
            "stringData": { "credential": credential, "ca.crt": authority },
        });
        self.world.site.apply(&secret.to_string()).await.map(drop)
    }

    /// Waits until a condition is false for this reason, and says so with this word.
    pub async fn until_it_says(&self, (kind, reason, word): (&str, &str, &str)) -> Result<()> {
        let path = format!("{{.status.conditions[?(@.type==\"{kind}\")].reason}}");
        let said = format!("jsonpath={path}={reason}");
        self.wait(&said).await?;
        let get = ["-n", NAMESPACE, "get", &object(), "-o", "json"];
        let zone: Value = serde_json::from_str(&self.world.site.kubectl(get).await?)?;
        let conditions = zone["status"]["conditions"].as_array();
        let condition = conditions.into_iter().flatten().find(|c| c["type"] == kind);
        let condition = condition.with_context(|| format!("no condition {kind}"))?;
        let message = condition["message"].as_str().unwrap_or_default();
        ensure!(
            condition["status"] == "False" && message.contains(word),
            "nothing of {word} in {condition}"
        );
        Ok(())
    }

    /// Waits until controllers, tunnels and a router are there, and it says where the tunnels are.
    pub async fn until_it_serves(&self) -> Result<()> {
        for condition in [
            "ControllersReady",
            "TunnelsReady",
            "RoutersAccepting",
            "Ready",
        ] {
            let condition = format!("condition={condition}");
            self.wait(&condition).await?;
        }
        let url = "jsonpath={.status.tunnelUrl}";
        let get = ["-n", NAMESPACE, "get", &object(), "-o", url];
        let url = self.world.site.kubectl(get).await?;
        let expected = format!("https://{}", tunnels(self.world));
        ensure!(
            url == expected,
            "its tunnels are at {url:?}, not {expected}"
        );
        Ok(())
    }

    async fn wait(&self, until: &str) -> Result<()> {
        let until = format!("--for={until}");
        let wait = ["-n", NAMESPACE, "wait", &object(), &until, "--timeout=90s"];
        let waited = self.world.site.kubectl(wait).await.map(drop);
        waited.with_context(|| format!("the zone does not get to {until}"))
    }

    /// Where its controllers are, for those who ask them without a directory.
    pub fn controller(&self) -> String {
        format!("https://{}", door(self.world, CONTROLLER_PORT))
    }

    /// Who vouches for it.
    pub async fn authority(&self) -> Result<PathBuf> {
        self.world.site.zone_authority(NAME).await
    }

    /// Takes it away, and gives the node back.
    pub async fn remove(&self) -> Result<()> {
        let both = [
            object(),
            format!("mmrpool/{NAME}"),
            format!("secret/{SECRET}"),
        ];
        let both = both.iter().map(String::as_str);
        let delete = ["-n", NAMESPACE, "delete", "--ignore-not-found"];
        let delete = delete.into_iter().chain(["--timeout=90s"]).chain(both);
        self.world.site.kubectl(delete).await?;
        self.label(&format!("{OWN_NODES}-"), &format!("{USUAL_NODES}=true"))
            .await
    }
}

/// Where the tunnels of the zone are.
pub fn tunnels(world: &World) -> SocketAddr {
    door(world, TUNNEL_PORT)
}

/// The first of the addresses that all are reached at.
fn door(world: &World, port: u16) -> SocketAddr {
    let nodes = world.cluster.nodes();
    let first = nodes
        .first()
        .map_or(Ipv4Addr::UNSPECIFIED, |node| node.ip());
    (first, port).into()
}

fn object() -> String {
    format!("meetingzone/{NAME}")
}
