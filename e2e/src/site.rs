//! A Kubernetes cluster with Plenum on it, driven as a user drives it: by `helm`, `kubectl`
//! and the `plenum` command.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// Where the operator is installed.
pub const SYSTEM_NAMESPACE: &str = "plenum-system";
/// Where the zone of demo and scenarios lives.
pub const NAMESPACE: &str = "meetings";

/// What a site is made of.
pub struct Site {
    /// The cluster's kubeconfig.
    pub kubeconfig: PathBuf,
    /// `kubectl`, of the cluster's version.
    pub kubectl: PathBuf,
    /// `helm`.
    pub helm: PathBuf,
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
    /// Runs `kubectl`; its output, or what it said when it failed.
    pub async fn kubectl<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        run(self.kubectl_command(args), None).await
    }

    /// Runs `kubectl apply -f -` on a manifest.
    pub async fn apply(&self, manifest: &str) -> Result<String> {
        run(self.kubectl_command(["apply", "-f", "-"]), Some(manifest)).await
    }

    /// Runs `kubectl delete -f -` on a manifest; what is not there is no error.
    pub async fn delete(&self, manifest: &str) -> Result<String> {
        let args = ["delete", "--ignore-not-found", "--timeout=30s", "-f", "-"];
        run(self.kubectl_command(args), Some(manifest)).await
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
        let mut command = Command::new(&self.helm);
        command
            .args(["upgrade", "--install", "plenum"])
            .arg(&self.chart)
            .args(["--namespace", SYSTEM_NAMESPACE, "--create-namespace"])
            .args(["--set", &format!("image.repository={repository}")])
            .args(["--set", &format!("image.tag={tag}")])
            .args(["--wait", "--timeout", "120s"])
            .env("KUBECONFIG", &self.kubeconfig);
        run(command, None).await
    }

    /// Removes the operator and its definitions, and with them every zone.
    pub async fn uninstall(&self) -> Result<()> {
        let mut command = Command::new(&self.helm);
        command
            .args(["uninstall", "plenum", "--namespace", SYSTEM_NAMESPACE])
            .args(["--ignore-not-found", "--wait"])
            .env("KUBECONFIG", &self.kubeconfig);
        run(command, None).await.map(drop)
    }

    /// Starts `plenum` with these arguments; it is killed when the handle is dropped.
    pub fn plenum<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        log: &Path,
    ) -> Result<Child> {
        let log = std::fs::File::create(log).with_context(|| log.display().to_string())?;
        Command::new(&self.plenum)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
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
        let patch = serde_json::json!({"spec": {"exposure": {"hostnames": addresses}}}).to_string();
        let object = format!("meetingzone/{zone}");
        self.kubectl([
            "-n",
            NAMESPACE,
            "patch",
            &object,
            "--type=merge",
            "-p",
            &patch,
        ])
        .await?;
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

    fn kubectl_command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.args(args).env("KUBECONFIG", &self.kubeconfig);
        command
    }
}

async fn run(mut command: Command, input: Option<&str>) -> Result<String> {
    command
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let said = format!("{:?}", command.as_std());
    let mut child = command.spawn().with_context(|| said.clone())?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(input.as_bytes()).await?;
    }
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{said} failed: {}", error.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
