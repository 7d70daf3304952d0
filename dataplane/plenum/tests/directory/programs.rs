//! The `plenum` binary, started and killed.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// A test that hangs fails. Slow ones do not: the machine may be slow.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often a condition is looked at.
const PACE: Duration = Duration::from_millis(50);

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("takes too long")
}

/// Asks until there is an answer.
pub async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    within(async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            sleep(PACE).await;
        }
    })
    .await
}

pub fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// The binary, without anything from the environment that it reads.
pub fn plenum(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plenum"));
    for name in [
        "PLENUM_TOKEN",
        "PLENUM_DATABASE",
        "PLENUM_ZONE",
        "PLENUM_NAME",
        "RUST_LOG",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_SDK_DISABLED",
        "OTEL_SERVICE_NAME",
        "OTEL_TRACES_SAMPLER",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Has it send its traces there, and soon.
pub fn traced(command: &mut Command, collector: Option<&str>) {
    if let Some(endpoint) = collector {
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env("OTEL_BSP_SCHEDULE_DELAY", "100");
    }
}

/// Runs one that ends by itself, and reads what it printed.
pub async fn printed(mut command: Command) -> Value {
    let output = within(command.output()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// What one says that cannot do what it is to do.
pub async fn refused(mut command: Command) -> String {
    let output = within(command.output()).await.unwrap();
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// One that runs until it is killed.
pub struct Program {
    child: Child,
    log: PathBuf,
    health: SocketAddr,
}

impl Program {
    /// Its log goes into `log`, after what is there.
    pub fn start(mut command: Command, log: &Path, health: SocketAddr) -> Self {
        let file = File::options().create(true).append(true).open(log).unwrap();
        Self {
            child: command.stderr(file).spawn().unwrap(),
            log: log.to_owned(),
            health,
        }
    }

    /// The first line that it prints.
    pub async fn first_line(&mut self) -> Value {
        let output = self.child.stdout.take().expect("it is piped");
        let mut line = String::new();
        let mut output = BufReader::new(output);
        within(output.read_line(&mut line)).await.unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}", self.log()))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// At once, as a machine does that loses its power.
    pub async fn die(&mut self) {
        within(self.child.kill()).await.unwrap();
    }

    /// One number of the metrics; `sample` is its name with its labels.
    pub async fn metric(&self, sample: &str) -> u64 {
        let page = self.page("/metrics").await;
        // It may be starting, or have gone.
        let Some(page) = page else { return 0 };
        plenum_documented::check_process(&page);
        let mut values = page.lines().filter_map(|line| line.strip_prefix(sample));
        let value = values.find_map(|value| value.strip_prefix(' '));
        // A family has no samples before its first count.
        value.map_or(0, |value| value.trim().parse().unwrap())
    }

    /// Returns when a metric is above that.
    pub async fn counts_beyond(&self, sample: &str, count: u64) {
        until(async || (self.metric(sample).await > count).then_some(())).await;
    }

    /// Whatever the health port answers, from the status line on.
    pub async fn page(&self, path: &str) -> Option<String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        let mut stream = TcpStream::connect(self.health).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.ok()?;
        Some(answer)
    }
}
