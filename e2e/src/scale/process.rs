//! The operator's process, and what it says of itself.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::time::timeout;

use super::samples::Samples;
use crate::bench::Usage;
use crate::{Layout, children};

/// Where its Lease is.
pub(super) const NAMESPACE: &str = "plenum-system";
/// From SIGTERM to the end: reconciles under way, and the Lease given back.
const ENDING: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(10);

/// An operator that runs; it is killed when dropped.
pub(super) struct Operator {
    child: Mutex<Child>,
    pid: u32,
    metrics: String,
    http: reqwest::Client,
    log: PathBuf,
    /// When it was started.
    pub(super) started: Instant,
}

impl Operator {
    /// Starts it on the control plane of this layout.
    pub(super) fn start(program: &Path, layout: &Layout, reports: &Path) -> Result<Self> {
        let health = free_port()?;
        let log = reports.join("scale-operator.log");
        let output = File::options().create(true).append(true).open(&log)?;
        let mut command = children::command(program);
        command
            .env("KUBECONFIG", layout.kubeconfig())
            .env("POD_NAME", "plenum-operator-0")
            .env("POD_NAMESPACE", NAMESPACE)
            .env("PLENUM_IMAGE", "localhost/plenum:scale")
            .env("PLENUM_HEALTH", health.to_string())
            .env("RUST_LOG", "warn")
            .stdout(output.try_clone()?)
            .stderr(output);
        let child =
            children::start(command).with_context(|| format!("starting {}", program.display()))?;
        Ok(Self {
            pid: child.id().context("the operator ended at once")?,
            child: Mutex::new(child),
            metrics: format!("http://{health}/metrics"),
            http: reqwest::Client::builder().timeout(ANSWER).build()?,
            log,
            started: Instant::now(),
        })
    }

    /// What it counted, and what it uses, now.
    pub(super) async fn sample(&self) -> Result<Samples> {
        let text = self.http.get(&self.metrics).send().await?.text().await?;
        let usage = Usage::of(self.pid)?;
        Ok(Samples::read(&text, usage, peak(self.pid)?))
    }

    /// An error if it ended.
    pub(super) fn check(&self) -> Result<()> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = child.try_wait()?;
        ensure!(
            ended.is_none(),
            "the operator ended: {ended:?}, see {}",
            self.log.display()
        );
        Ok(())
    }

    /// Lets it end as Kubernetes does.
    pub(super) async fn stop(self) -> Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        kill_process(pid.context("a process has a number")?, Signal::TERM)?;
        let child = self.child.into_inner();
        let mut child = child.unwrap_or_else(PoisonError::into_inner);
        timeout(ENDING, child.wait())
            .await
            .context("the operator does not end")??;
        Ok(())
    }
}

/// The most memory that was resident at once, in bytes.
fn peak(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kibibytes: u64 = kibibytes.context("no VmHWM in /proc")?.trim().parse()?;
    Ok(kibibytes * 1_024)
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
