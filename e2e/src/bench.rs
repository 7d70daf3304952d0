//! What a join, a forwarded packet and a participant cost: `plenum serve` and `plenum load`
//! on the loopback interface, one rung after the other in each round.
//!
//! These machines are noisy: each figure is the median of several rounds, and figures of
//! one run compare with each other better than with those of another.

mod process;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use crate::children;
use crate::load::Report;
pub use process::Usage;

/// Rounds; the median of an odd number is one of them.
const ROUNDS: usize = 3;
/// People: 10 meetings of 10, two of whom speak and show themselves.
const MEETINGS: u32 = 10;
const PARTICIPANTS: u32 = 10;
/// Seconds of each load, and over which people come.
const LASTS: u32 = 12;
const RAMP: u32 = 3;
/// Not the default ports, so that a site on this machine is left alone.
const PORT: u16 = 42_443;

/// The contents of `bench-rungs.json`.
#[derive(Debug, Serialize)]
struct Figures {
    schema: &'static str,
    participants: u32,
    rounds: usize,
    /// Of a site without anybody in it.
    idle_rss_bytes: u64,
    rungs: Vec<Rung>,
}

/// The medians of one rung.
#[derive(Debug, Clone, Serialize)]
struct Rung {
    name: &'static str,
    join_p50_ms: f64,
    join_p95_ms: f64,
    packets_received_per_s: f64,
    /// CPU time of the whole site process by packets that listeners received.
    cpu_us_per_packet: f64,
    latency_p50_ms: f64,
    latency_p99_ms: f64,
    rss_bytes_per_participant: f64,
    lost: u64,
}

/// Runs the benchmark, writes `bench-rungs.json` and prints a table.
pub async fn run(plenum: &Path, reports: &Path) -> Result<()> {
    std::fs::create_dir_all(reports)?;
    let mut rounds: Vec<Vec<Rung>> = Vec::new();
    let mut idle = Vec::new();
    for round in 1..=ROUNDS {
        println!("round {round} of {ROUNDS} ...");
        let mut rungs = Vec::new();
        for rung in ["udp", "tcp", "tls"] {
            let site = Site::start(plenum).await?;
            idle.push(site.usage()?.rss_bytes);
            rungs.push(site.measure(rung, reports).await?);
        }
        rounds.push(rungs);
    }
    idle.sort_unstable();
    let figures = Figures {
        schema: "plenum.bench/1",
        participants: MEETINGS * PARTICIPANTS,
        rounds: ROUNDS,
        idle_rss_bytes: idle[idle.len() / 2],
        rungs: (0..3)
            .map(|rung| {
                middle(
                    &rounds
                        .iter()
                        .map(|round| round[rung].clone())
                        .collect::<Vec<_>>(),
                )
            })
            .collect(),
    };
    std::fs::write(
        reports.join("bench-rungs.json"),
        serde_json::to_vec_pretty(&figures)?,
    )?;
    print(&figures);
    ensure!(
        figures.rungs.iter().all(|rung| rung.lost == 0),
        "media was lost, see {}",
        reports.display()
    );
    Ok(())
}

/// Each figure by its own median.
fn middle(rounds: &[Rung]) -> Rung {
    let median = |figure: fn(&Rung) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Rung {
        name: rounds[0].name,
        join_p50_ms: median(|rung| rung.join_p50_ms),
        join_p95_ms: median(|rung| rung.join_p95_ms),
        packets_received_per_s: median(|rung| rung.packets_received_per_s),
        cpu_us_per_packet: median(|rung| rung.cpu_us_per_packet),
        latency_p50_ms: median(|rung| rung.latency_p50_ms),
        latency_p99_ms: median(|rung| rung.latency_p99_ms),
        rss_bytes_per_participant: median(|rung| rung.rss_bytes_per_participant),
        lost: rounds.iter().map(|rung| rung.lost).sum(),
    }
}

fn print(figures: &Figures) {
    println!(
        "\n  {} people, medians of {} rounds\n",
        figures.participants, figures.rounds
    );
    println!(
        "  rung   join p50   p95       packets/s   CPU per packet   delay p50   p99       memory per person"
    );
    for rung in &figures.rungs {
        println!(
            "  {:<6} {:>5.0} ms {:>6.0} ms {:>10.0}   {:>9.2} us   {:>8.2} ms {:>6.2} ms {:>12.0} kB",
            rung.name,
            rung.join_p50_ms,
            rung.join_p95_ms,
            rung.packets_received_per_s,
            rung.cpu_us_per_packet,
            rung.latency_p50_ms,
            rung.latency_p99_ms,
            rung.rss_bytes_per_participant / 1_000.0,
        );
    }
    #[expect(clippy::cast_precision_loss, reason = "bytes of one process")]
    let idle = figures.idle_rss_bytes as f64 / 1e6;
    println!("\n  a site without people: {idle:.1} MB");
}

/// A running `plenum serve`.
struct Site {
    plenum: PathBuf,
    child: Child,
    data: tempfile::TempDir,
    ca: PathBuf,
    zone: String,
}

impl Site {
    async fn start(plenum: &Path) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let mut command = children::command(plenum);
        command
            .args(["serve", "--listen", "127.0.0.1", "--output", "json"])
            .args(["--port-base", &PORT.to_string(), "--participants", "1000"])
            .arg("--data-dir")
            .arg(data.path())
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped());
        let mut child = children::start(command)
            .with_context(|| format!("{} does not start", plenum.display()))?;
        let stdout = child.stdout.take().context("its output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(Duration::from_secs(15), lines.next_line()).await;
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
            child,
            data,
            ca,
            zone,
        })
    }

    fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id().context("plenum serve ended")?)
    }

    async fn measure(mut self, rung: &'static str, reports: &Path) -> Result<Rung> {
        let file = self.data.path().join("load.json");
        let before = self.usage()?;
        let mut command = children::command(&self.plenum);
        command
            .args([
                "load",
                "--zone",
                &self.zone,
                "--rung",
                rung,
                "--speakers",
                "2",
                "--video-kbps",
                "300",
            ])
            .arg("--ca")
            .arg(&self.ca)
            .args([
                "--meetings",
                &MEETINGS.to_string(),
                "--participants",
                &PARTICIPANTS.to_string(),
            ])
            .args([
                "--ramp",
                &RAMP.to_string(),
                "--for",
                &LASTS.to_string(),
                "--output",
                "json",
            ])
            .arg("--report")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let load = children::start(command)?;
        let full = Duration::from_secs(u64::from(LASTS) - 2);
        let (load, during) = tokio::join!(load.wait_with_output(), async {
            tokio::time::sleep(full).await;
            self.usage()
        });
        let after = self.usage()?;
        ensure!(
            load?.status.success(),
            "the load on rung {rung} failed, see {}",
            file.display()
        );
        let text = std::fs::read_to_string(&file)?;
        std::fs::write(reports.join(format!("bench-load-{rung}.json")), &text)?;
        self.child.kill().await?;
        let report = Report::parse(&text)?;
        #[expect(clippy::cast_precision_loss, reason = "a few million packets")]
        let received = report.media.received as f64;
        #[expect(clippy::cast_precision_loss, reason = "bytes of one process")]
        let grown = during?.rss_bytes.saturating_sub(before.rss_bytes) as f64;
        Ok(Rung {
            name: rung,
            join_p50_ms: report.joins.p50_ms.unwrap_or_default(),
            join_p95_ms: report.joins.p95_ms.unwrap_or_default(),
            packets_received_per_s: received / report.lasted_s.max(1.0),
            cpu_us_per_packet: after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e6
                / received.max(1.0),
            latency_p50_ms: report.media.latency_p50_ms.unwrap_or_default(),
            latency_p99_ms: report.media.latency_p99_ms.unwrap_or_default(),
            rss_bytes_per_participant: grown / f64::from(MEETINGS * PARTICIPANTS),
            lost: report.media.lost,
        })
    }
}
