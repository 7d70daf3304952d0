//! A site of one `plenum serve` with a data directory and ports of its own.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{interval, timeout};

use crate::ports;

/// A test that hangs fails. Slow ones do not: the machine may be slow.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often a condition is looked at.
const PACE: Duration = Duration::from_millis(20);

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("takes too long")
}

/// The binary, without anything from the environment that it reads.
pub fn plenum() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plenum"));
    for name in [
        "PLENUM_TOKEN",
        "PLENUM_PASSCODE",
        "PLENUM_PROXY",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
        "RUST_LOG",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ] {
        command.env_remove(name);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A file that is shipped to be played.
pub fn sample(name: &str) -> PathBuf {
    let samples = Path::new("../../samples").canonicalize();
    samples.unwrap().join(name)
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub async fn of(child: Child) -> Self {
        let output = within(child.wait_with_output()).await.unwrap();
        let ended = Self {
            status: output.status.code().expect("no signal ended it"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
        ended
    }

    /// What `--output json` printed.
    pub fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks the exit status, also as reported, and that the error contains all of `parts`.
    pub fn assert_failed(&self, status: u8, parts: &[&str]) {
        assert_eq!(self.status, i32::from(status), "{self:?}");
        let report = self.report();
        assert_eq!(report["exit_status"], status, "{self:?}");
        let error = report["error"].as_str().unwrap();
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
    }
}

/// Sends a signal as a shell does: `TERM`, `INT`.
pub async fn signal(child: &Child, name: &str) {
    let pid = child.id().expect("it runs").to_string();
    let mut kill = Command::new("kill");
    let killed = kill.args(["-s", name, &pid]).status().await.unwrap();
    assert!(killed.success());
}

pub struct Site {
    process: Child,
    base: u16,
    directory: TempDir,
}

impl Site {
    /// Returns when it is ready.
    pub async fn start(more: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // HTTPS, media, health.
        let base = ports::three();
        Self {
            process: serve(base, directory.path(), more).await,
            base,
            directory,
        }
    }

    /// SIGTERM; returns how it ended.
    pub async fn stop(&mut self) -> Option<i32> {
        signal(&self.process, "TERM").await;
        within(self.process.wait()).await.unwrap().code()
    }

    /// Starts again what was stopped, with the same ports and data.
    pub async fn start_again(&mut self) {
        self.process = serve(self.base, self.directory.path(), &[]).await;
    }

    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.base)
    }

    pub fn https(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.base).into()
    }

    pub fn media(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.base + 1).into()
    }

    pub fn health(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.base + 2).into()
    }

    /// A file in its data directory, which is also free for the test's own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.file("serve.log")).unwrap()
    }

    /// `plenum join` with a meeting and the site's authority.
    pub fn join(&self, meeting: &str) -> Command {
        let mut join = plenum();
        join.args(["join", "--output", "json", "--zone", &self.url()]);
        join.args(["--meeting", meeting]);
        join.arg("--ca").arg(self.file("ca.crt"));
        join
    }

    /// Whatever the health port answers, from the status line on.
    pub async fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        let mut stream = TcpStream::connect(self.health()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.unwrap();
        answer
    }

    /// One number of the metrics; `sample` is its name with its labels.
    pub async fn metric(&self, sample: &str) -> u64 {
        let page = self.get("/metrics").await;
        plenum_documented::check_process(&page);
        let mut values = page.lines().filter_map(|line| line.strip_prefix(sample));
        let value = values.find_map(|value| value.strip_prefix(' '));
        // A family has no samples before its first count.
        value.map_or(0, |value| value.parse().unwrap())
    }

    /// Returns when a metric is as wanted.
    pub async fn until(&self, sample: &str, wanted: impl Fn(u64) -> bool) {
        let mut pace = interval(PACE);
        let waiting = async {
            while !wanted(self.metric(sample).await) {
                pace.tick().await;
            }
        };
        let came = timeout(PATIENCE, waiting).await;
        assert!(came.is_ok(), "{sample}: {}", self.metric(sample).await);
    }
}

async fn serve(base: u16, directory: &Path, more: &[&str]) -> Child {
    let log = directory.join("serve.log");
    let mut serve = plenum();
    serve.args(["serve", "--listen", "127.0.0.1", "--output", "json"]);
    serve.args(["--port-base", &base.to_string()]);
    serve.args(["--health", &format!("127.0.0.1:{}", base + 2)]);
    serve.arg("--data-dir").arg(directory);
    serve.args(more).stderr(
        File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap(),
    );
    let mut process = serve.spawn().unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    within(output.read_line(&mut line)).await.unwrap();
    let ready = serde_json::from_str::<Value>(&line);
    let ready = ready.unwrap_or_else(|_| panic!("{}", fs::read_to_string(&log).unwrap()));
    assert_eq!(ready["ready"], true);
    process
}
