//! A Kubernetes cluster with Plenum on it, driven as a user drives it: by `helm`, `kubectl`
//! and the `plenum` command.

mod removal;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::process::Child;

use crate::{Commands, children};
pub use removal::Before;

/// The Helm release.
pub(crate) const RELEASE: &str = "plenum";
/// Where the operator is installed.
pub const SYSTEM_NAMESPACE: &str = "plenum-system";
/// Where the zone of demo and scenarios lives.
pub const NAMESPACE: &str = "meetings";

/// What a site is made of.
pub struct Site {
    /// `kubectl` and `helm` on the cluster.
    pub commands: Commands,
    /// The `plenum` command.
    pub plenum: PathBuf,
    /// The chart's directory.
    pub chart: PathBuf,
    /// Speech and moving pictures to play.
    pub samples: PathBuf,
    /// Where reports and recordings go.
    pub reports: PathBuf,
}

impl Site {
    /// As [`Commands::kubectl`].
    pub async fn kubectl<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        self.commands.kubectl(args).await
    }

    /// Runs `kubectl apply -f -` on a manifest.
    pub async fn apply(&self, manifest: &str) -> Result<String> {
        let args = ["apply", "-f", "-"];
        self.commands.kubectl_with_input(args, manifest).await
    }

    /// Runs `kubectl delete -f -` on a manifest; what is not there is no error.
    pub async fn delete(&self, manifest: &str) -> Result<String> {
        let args = ["delete", "--ignore-not-found", "--timeout=30s", "-f", "-"];
        self.commands.kubectl_with_input(args, manifest).await
    }

    /// Waits by `kubectl wait` for a condition of an object in [`NAMESPACE`].
    pub async fn wait_for(&self, object: &str, condition: &str, limit: Duration) -> Result<()> {
        let condition = format!("--for=condition={condition}");
        let limit = format!("--timeout={}s", limit.as_secs());
        self.kubectl(["-n", NAMESPACE, "wait", &condition, object, &limit])
            .await
            .map(drop)
    }

    /// Installs the operator, or upgrades it to this chart and image.
    pub async fn install(&self, image: &str) -> Result<String> {
        let (repository, tag) = image
            .rsplit_once(':')
            .with_context(|| format!("image {image:?}: write REPOSITORY:TAG"))?;
        let repository = format!("image.repository={repository}");
        let tag = format!("image.tag={tag}");
        let mut args: Vec<&OsStr> = ["upgrade", "--install", RELEASE].map(OsStr::new).into();
        args.push(self.chart.as_os_str());
        args.extend(["--namespace", SYSTEM_NAMESPACE, "--create-namespace"].map(OsStr::new));
        args.extend(["--set", &repository, "--set", &tag].map(OsStr::new));
        args.extend(["--wait", "--timeout", "120s"].map(OsStr::new));
        self.commands.helm(args).await
    }

    /// Starts `plenum` with these arguments; it is killed when the handle is dropped, or when
    /// this program ends in any way.
    pub fn plenum<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        log: &Path,
    ) -> Result<Child> {
        let log = std::fs::File::create(log).with_context(|| log.display().to_string())?;
        let mut command = children::command(&self.plenum);
        command.args(args).stdout(Stdio::piped()).stderr(log);
        children::start(command)
            .with_context(|| format!("{} does not start", self.plenum.display()))
    }

    /// Installs zone and pool of the chart's `examples/demo.yaml`, reachable on the nodes' own
    /// addresses; the zone's URLs when both are Ready.
    pub async fn install_zone(&self, zone: &str) -> Result<Vec<String>> {
        let manifest = self.chart.join("examples/demo.yaml");
        let manifest =
            std::fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
        self.apply(&manifest).await?;
        let addresses = self
            .kubectl([
                "get",
                "nodes",
                "-o",
                r#"jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}"#,
            ])
            .await?;
        let addresses: Vec<&str> = addresses.split_whitespace().collect();
        let object = format!("meetingzone/{zone}");
        let hostnames = json!({ "exposure": { "hostnames": addresses } });
        self.change(&object, hostnames).await?;
        let limit = Duration::from_secs(60);
        self.wait_for(&object, "Ready", limit).await?;
        self.wait_for(&format!("mmrpool/{zone}"), "Ready", limit)
            .await?;
        let port = self
            .kubectl([
                "-n",
                NAMESPACE,
                "get",
                &object,
                "-o",
                "jsonpath={.spec.exposure.nodePort}",
            ])
            .await?;
        Ok(addresses
            .iter()
            .map(|address| format!("https://{address}:{port}"))
            .collect())
    }

    /// Changes some of the spec of a zone or a pool, `meetingzone/NAME` or `mmrpool/NAME`.
    pub async fn change(&self, object: &str, spec: Value) -> Result<()> {
        let patch = json!({ "spec": spec }).to_string();
        let merge = ["-n", NAMESPACE, "patch", object, "--type=merge", "-p"];
        let merge = merge.into_iter().chain([patch.as_str()]);
        self.kubectl(merge).await.map(drop)
    }

    /// Writes the certificate of the zone's authority to a file, for `--ca`.
    pub async fn zone_authority(&self, zone: &str) -> Result<PathBuf> {
        let secret = format!("secret/{zone}-zc-tls");
        let template = r#"go-template={{index .data "ca.crt" | base64decode}}"#;
        let pem = self
            .kubectl(["-n", NAMESPACE, "get", &secret, "-o", template])
            .await?;
        let path = self.reports.join(format!("{zone}-ca.crt"));
        std::fs::write(&path, pem).with_context(|| path.display().to_string())?;
        Ok(path)
    }
}
