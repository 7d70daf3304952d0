//! A running `plenum serve`, and people for it.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::cpu_limit::CpuLimit;
use super::process::Usage;
use crate::children;
use crate::load::Report;

/// Not the default ports, so that a site on this machine is left alone.
const PORT: u16 = 42_443;
const HEALTH: &str = "127.0.0.1:42445";
/// How long it may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(15);

/// How long it may take to tell its metrics, though it has next to no time.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
/// Longer than any load that is asked for.
const ENDS_WITHIN: Duration = Duration::from_mins(15);

/// Of two cores, as taskset counts them.
const CORE_OF_THE_SITE: &str = "0";
const CORE_OF_THE_PEOPLE: &str = "1";

/// A site of its own, gone when dropped.
pub struct Site {
    plenum: PathBuf,
    /// Site and people have a core each.
    apart: bool,
    child: Child,
    data: tempfile::TempDir,
    ca: PathBuf,
    zone: String,
    loads: u32,
}

impl Site {
    /// Starts one with room for so many.
    pub async fn start(plenum: &Path, participants: u32) -> Result<Self> {
        Self::start_on(plenum, participants, false).await
    }

    /// Starts one that has a core to itself, and has people come from another.
    pub async fn start_apart(plenum: &Path, participants: u32) -> Result<Self> {
        Self::start_on(plenum, participants, true).await
    }

    async fn start_on(plenum: &Path, participants: u32, apart: bool) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let mut command = command(plenum, apart.then_some(CORE_OF_THE_SITE));
        command
            .args(["serve", "--listen", "127.0.0.1", "--output", "json"])
            .args(["--port-base", &PORT.to_string(), "--health", HEALTH])
            .args(["--participants", &participants.to_string(), "--data-dir"])
            .arg(data.path())
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped());
        let mut child = children::start(command)
            .with_context(|| format!("{} does not start", plenum.display()))?;
        let stdout = child.stdout.take().context("its output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = timeout(READY_WITHIN, lines.next_line()).await;
        let ready = ready.context("plenum serve was not ready within 15 s")??;
        let ready: serde_json::Value = serde_json::from_str(&ready.context("plenum serve ended")?)?;
        let text = |name: &str| {
            ready[name]
                .as_str()
                .map(str::to_owned)
                .context("it is ready, but does not say where")
        };
        let (zone, ca) = (text("zone")?, text("ca")?.into());
        Ok(Self {
            plenum: plenum.to_owned(),
            apart,
            child,
            data,
            ca,
            zone,
            loads: 0,
        })
    }

    /// What it has used until now.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.pid()?)
    }

    /// Cores that it uses, looked at for so long.
    pub async fn cores(&self, time: Duration) -> Result<f64> {
        let (before, since) = (self.usage()?, Instant::now());
        sleep(time).await;
        Ok(self.usage()?.cores_since(before, since.elapsed()))
    }

    /// For limits of its CPU time, while that lives. Needs root.
    pub fn limit(&self) -> Result<CpuLimit> {
        CpuLimit::of(self.pid()?)
    }

    /// Its open file descriptors.
    pub fn descriptors(&self) -> Result<usize> {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.pid()?))?;
        Ok(open.count())
    }

    /// Its process.
    pub fn pid(&self) -> Result<u32> {
        self.child.id().context("plenum serve ended")
    }

    /// The sum over the labels of one of its metrics.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        let page = async {
            let page = reqwest::get(format!("http://{HEALTH}/metrics")).await?;
            page.error_for_status()?.text().await
        };
        let page = timeout(ANSWERS_WITHIN, page).await;
        let page = page.context("plenum serve does not tell its metrics")??;
        sum(&page, name).with_context(|| format!("there is no metric {name}"))
    }

    /// Starts a `plenum load` with these options, besides where to find the site.
    pub fn load(&mut self, options: &[String]) -> Result<Load> {
        self.loads += 1;
        let file = self.data.path().join(format!("load-{}.json", self.loads));
        let mut command = command(&self.plenum, self.apart.then_some(CORE_OF_THE_PEOPLE));
        command
            .args(["load", "--zone", &self.zone, "--output", "json", "--ca"])
            .arg(&self.ca)
            .arg("--report")
            .arg(&file)
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = children::start(command)?;
        Ok(Load { child, file })
    }

    /// Ends it at once.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// The program, on one core if that is said.
fn command(program: &Path, core: Option<&str>) -> Command {
    let Some(core) = core else {
        return children::command(program);
    };
    let mut command = children::command("taskset");
    command.args(["--cpu-list", core]).arg(program);
    command
}

/// Options as `plenum load` wants them.
pub fn options(pairs: &[(&str, String)]) -> Vec<String> {
    let each = pairs.iter();
    each.flat_map(|(name, value)| [(*name).to_owned(), value.clone()])
        .collect()
}

/// A running `plenum load`.
pub struct Load {
    child: Child,
    file: PathBuf,
}

impl Load {
    /// Asks it to end now, as Ctrl-C does.
    pub fn stop(&self) {
        children::terminate(&self.child);
    }

    /// How it ended and its report; none when it could not run, or does not end.
    pub async fn outcome(mut self) -> Result<(ExitStatus, Report)> {
        let ended = timeout(ENDS_WITHIN, self.child.wait()).await;
        let status = ended.context("plenum load did not end within 15 min")??;
        let text = std::fs::read_to_string(&self.file)
            .with_context(|| format!("plenum load ended with {status} and no report"))?;
        Ok((status, Report::parse(&text)?))
    }

    /// Its report, also when joins failed.
    pub async fn finish(self) -> Result<Report> {
        self.outcome().await.map(|(_, report)| report)
    }

    /// The same, where nothing may fail.
    pub async fn succeed(self) -> Result<Report> {
        let report = self.finish().await?;
        ensure!(
            report.joins.failed == 0 && report.dropped == 0,
            "{} of {} could not join, {} were dropped",
            report.joins.failed,
            report.joins.attempted,
            report.dropped
        );
        Ok(report)
    }
}

/// The samples of one metric in the text format of Prometheus; counters end in `_total`.
fn sum(page: &str, name: &str) -> Option<f64> {
    let mut samples = page.lines().filter_map(|line| {
        let (metric, value) = line.rsplit_once(' ')?;
        let metric = metric.split('{').next()?;
        let same = metric == name || metric.strip_suffix("_total") == Some(name);
        same.then(|| value.parse::<f64>().ok())?
    });
    let first = samples.next()?;
    Some(first + samples.sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_the_sum_of_its_samples() {
        let page = "# TYPE a gauge\na{x=\"1\"} 2\na{x=\"2\"} 3\na_b 9\nc_total 4\n# EOF\n";
        assert_eq!(sum(page, "a"), Some(5.0));
        assert_eq!(sum(page, "c"), Some(4.0));
        assert_eq!(sum(page, "d"), None);
    }
}
