//! The chart's directory, set up as `docs/install.md` says: with `SQLite` on a volume, and an
//! authority of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::chown;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::matrix::schedule;
use crate::scenarios::world::World;
use crate::site::SYSTEM_NAMESPACE;

const DEPLOYMENT: &str = "deployment/plenum-directory";
/// Its pods.
const PODS: &str = "app.kubernetes.io/component=directory";
/// What zones in the same cluster call it.
pub const INSIDE: &str = "plenum-directory.plenum-system.svc";
/// Where clients outside reach it, on the node that it runs on.
const NODE_PORT: u16 = 30444;
/// Volume and claim, both of this name.
const VOLUME: &str = "plenum-directory-test";
const SIZE: &str = "1Gi";
/// Whom the chart's pods run as. A volume of a real cluster is given to them by the kubelet.
const USER: u32 = 65532;
/// As in the pod.
const DATA: &str = "/var/lib/plenum";

/// The directory of a cluster.
pub struct Service<'a> {
    world: &'a World,
    /// What is mounted into its pod.
    data: PathBuf,
    /// Its node, where its volume is.
    node: (String, Ipv4Addr),
}

impl<'a> Service<'a> {
    /// Not yet installed.
    pub fn new(world: &'a World) -> Result<Self> {
        let node = world.cluster.nodes().into_iter().next();
        let node = node.context("a cluster has nodes")?;
        Ok(Self {
            world,
            // Goes with the cluster, whatever happens.
            data: world.cluster.layout().state().join("directory"),
            node: (node.name(), node.ip()),
        })
    }

    /// Makes its volume, and turns it on in the release.
    pub async fn install(&self) -> Result<()> {
        fs::create_dir_all(&self.data).with_context(|| self.data.display().to_string())?;
        chown(&self.data, Some(USER), Some(USER))?;
        self.world.site.apply(&self.volume()).await?;
        let hostnames = format!("directory.hostnames={{{INSIDE},{}}}", self.node.1);
        let claim = format!("directory.persistence.existingClaim={VOLUME}");
        let port = format!("directory.service.nodePort={NODE_PORT}");
        let kind = "directory.service.type=NodePort";
        let values = ["directory.enabled=true", &hostnames, &claim, kind, &port];
        self.world.set_values(&values).await
    }

    /// A volume on one node, so that the pod comes back to it.
    fn volume(&self) -> String {
        let here =
            json!({ "key": "kubernetes.io/hostname", "operator": "In", "values": [self.node.0] });
        let metadata = json!({ "name": VOLUME, "namespace": SYSTEM_NAMESPACE });
        let volume = json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": VOLUME },
            "spec": {
                "capacity": { "storage": SIZE },
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "",
                "hostPath": { "path": self.data, "type": "Directory" },
                "claimRef": metadata,
                "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [here] }] } },
            },
        });
        let claim = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata,
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "",
                "volumeName": VOLUME,
                "resources": { "requests": { "storage": SIZE } },
            },
        });
        json!({ "apiVersion": "v1", "kind": "List", "items": [volume, claim] }).to_string()
    }

    /// Makes the first account; its password.
    pub async fn add_administrator(&self, name: &str) -> Result<String> {
        let said = self.run(&["user", "add", "--admin", name]).await?;
        text(&said, "password")
    }

    /// Registers a zone; its credential.
    pub async fn add_zone(&self, zone: &str) -> Result<String> {
        let said = self.run(&["zone", "add", zone]).await?;
        text(&said, "credential")
    }

    /// Runs `plenum directory` beside the one that serves.
    async fn run(&self, arguments: &[&str]) -> Result<Value> {
        let command = ["plenum", "directory"];
        let options = ["--data-dir", DATA, "--output", "json"];
        let command = [&command[..], arguments, &options[..]].concat();
        let cluster = &self.world.cluster;
        let said = cluster.exec(SYSTEM_NAMESPACE, DEPLOYMENT, &command).await?;
        serde_json::from_str(&said).with_context(|| format!("plenum directory says {said:?}"))
    }

    /// Makes a meeting over its API, when a zone is there that can host it; its number.
    pub async fn meeting(&self, name: &str, password: &str) -> Result<String> {
        schedule::meeting(&self.url(), name, password, &self.authority_file()).await
    }

    /// Where clients reach it.
    pub fn door(&self) -> SocketAddr {
        (self.node.1, NODE_PORT).into()
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("https://{}", self.door())
    }

    /// Who vouches for it, in PEM, as its administrator asks for it.
    pub async fn authority(&self) -> Result<String> {
        let command = ["plenum", "directory", "ca", "--data-dir", DATA];
        let cluster = &self.world.cluster;
        let pem = cluster.exec(SYSTEM_NAMESPACE, DEPLOYMENT, &command).await?;
        ensure!(
            pem.starts_with("-----BEGIN CERTIFICATE-----"),
            "plenum directory ca says {pem:?}"
        );
        Ok(pem)
    }

    /// The file with that, on the volume.
    pub fn authority_file(&self) -> PathBuf {
        self.data.join("ca.crt")
    }

    /// Ends it: nobody is there who could be asked.
    pub async fn stop(&self) -> Result<()> {
        self.scale("0").await?;
        let pods = ["-n", SYSTEM_NAMESPACE, "wait", "pod", "-l", PODS];
        let gone = ["--for=delete", "--timeout=60s"];
        self.world
            .site
            .kubectl([&pods[..], &gone].concat())
            .await
            .map(drop)
    }

    /// Starts it again, in another pod.
    pub async fn start(&self) -> Result<()> {
        self.scale("1").await?;
        let status = ["-n", SYSTEM_NAMESPACE, "rollout", "status", DEPLOYMENT];
        let limit = ["--timeout=90s"];
        self.world
            .site
            .kubectl([&status[..], &limit].concat())
            .await
            .map(drop)
    }

    async fn scale(&self, replicas: &str) -> Result<()> {
        let replicas = format!("--replicas={replicas}");
        let scale = ["-n", SYSTEM_NAMESPACE, "scale", DEPLOYMENT, &replicas];
        self.world.site.kubectl(scale).await.map(drop)
    }

    /// Turns it off, and takes its volume away.
    pub async fn remove(&self) -> Result<()> {
        self.world.set_values(&["directory.enabled=false"]).await?;
        self.world.site.delete(&self.volume()).await?;
        match fs::remove_dir_all(&self.data) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn text(said: &Value, field: &str) -> Result<String> {
    let value = said[field].as_str().map(str::to_owned);
    value.with_context(|| format!("{said} has no {field}"))
}
