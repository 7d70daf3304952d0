//! A Prometheus on this machine that reads what runs on the cluster, and what it answers.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Child;
use tokio::time::Instant;

use crate::{Layout, Tools, children};

/// How long it may take to start: it builds nothing, and reads nothing from before.
const STARTS: Duration = Duration::from_secs(60);
/// Between two looks.
const POLL: Duration = Duration::from_millis(100);

/// Where metrics are, and the labels that the chart's monitors would put on them.
pub struct Target {
    /// `HOST:PORT`.
    pub address: String,
    /// `namespace`, `zone`, `pool` and `pod`, as far as they are known.
    pub labels: Vec<(&'static str, String)>,
}

/// A running Prometheus, which ends with its handle.
pub struct Prometheus {
    _child: Child,
    _data: tempfile::TempDir,
    client: reqwest::Client,
    url: String,
}

impl Prometheus {
    /// Starts one that reads these targets each second, with the rules in this folder.
    pub async fn start(targets: &[Target], rules: &Path, log: &Path) -> Result<Self> {
        let layout = Layout::from_environment()?;
        let program = Tools::prometheus(&layout)?.join("prometheus");
        let data = tempfile::tempdir()?;
        let config = data.path().join("prometheus.yml");
        std::fs::write(&config, configuration(targets, rules).to_string())?;
        let port = free_port()?;
        let log = std::fs::File::create(log).with_context(|| log.display().to_string())?;
        let mut command = children::command(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.path().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(log);
        let started = Self {
            _child: children::start(command).context("Prometheus does not start")?,
            _data: data,
            client: reqwest::Client::builder().timeout(STARTS).build()?,
            url: format!("http://127.0.0.1:{port}"),
        };
        started.until_ready().await?;
        Ok(started)
    }

    async fn until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + STARTS;
        let url = format!("{}/-/ready", self.url);
        loop {
            let asked = self.client.get(&url).send().await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "Prometheus is not ready");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The series that an expression has now.
    pub async fn ask(&self, expression: &str) -> Result<Vec<Value>> {
        let url = format!("{}/api/v1/query", self.url);
        let query = [("query", expression)];
        let request = self
            .client
            .get(reqwest::Url::parse_with_params(&url, query)?);
        let text = request.send().await?.text().await?;
        let answer: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
        ensure!(answer["status"] == "success", "{expression}: {text}");
        let series = answer["data"]["result"].as_array();
        series
            .cloned()
            .with_context(|| format!("{expression}: {text}"))
    }

    /// Waits until an expression has a series.
    pub async fn until(&self, expression: &str, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        while self.ask(expression).await?.is_empty() {
            ensure!(
                Instant::now() < deadline,
                "{expression} has no series after {} s",
                limit.as_secs()
            );
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }
}

/// In JSON, which is YAML.
fn configuration(targets: &[Target], rules: &Path) -> Value {
    let targets: Vec<Value> = targets
        .iter()
        .map(|target| {
            let labels: serde_json::Map<String, Value> = target
                .labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect();
            json!({ "targets": [target.address], "labels": labels })
        })
        .collect();
    json!({
        "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
        "rule_files": [format!("{}/*.yaml", rules.display())],
        "scrape_configs": [{
            "job_name": "plenum",
            // As the chart's monitor for the operator: its labels name pools.
            "honor_labels": true,
            "static_configs": targets,
        }],
    })
}

/// One that nobody has now; Prometheus cannot be asked which it took.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_carry_the_labels_that_monitors_would_put_on_them() {
        let target = Target {
            address: "10.0.0.1:8080".into(),
            labels: vec![("zone", "main".into())],
        };
        let config = configuration(&[target], Path::new("/rules"));
        let job = &config["scrape_configs"][0];
        assert_eq!(job["static_configs"][0]["targets"][0], "10.0.0.1:8080");
        assert_eq!(job["static_configs"][0]["labels"]["zone"], "main");
        assert_eq!(job["honor_labels"], true);
        assert_eq!(config["rule_files"][0], "/rules/*.yaml");
    }
}
