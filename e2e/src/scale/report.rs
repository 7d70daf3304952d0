//! The figures, and what they should be.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

use super::objects::Sizes;
use super::process::Operator;
use super::samples::{Samples, quantile};

const RECONCILES: &str = "plenum_operator_reconcile_duration_seconds";
/// The aims (T13).
const P99_S: f64 = 0.1;
const RSS_MB: f64 = 150.0;
const REQUESTS_PER_S: f64 = 1.0;
const RESTART_S: f64 = 30.0;
const JUMP_S: f64 = 1.0;

/// The contents of `scale.json`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: &'static str,
    zones: usize,
    routers: usize,
    nodes: usize,
    phases: BTreeMap<String, Phase>,
    #[serde(skip)]
    order: Vec<String>,
    /// From a load that asks for one router more to the label on its node.
    #[serde(serialize_with = "seconds")]
    pub jumps: Vec<Duration>,
}

/// What the operator did and used in one part of the story.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Phase {
    seconds: f64,
    reconciles: BTreeMap<&'static str, Reconciles>,
    requests: BTreeMap<String, f64>,
    requests_per_second: f64,
    writes: BTreeMap<String, f64>,
    cpu_percent: f64,
    rss_bytes: u64,
    /// Since its start.
    peak_rss_bytes: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Reconciles {
    count: f64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
}

impl Samples {
    /// What happened from here until now.
    pub(super) async fn until(&self, operator: &Operator) -> Result<Phase> {
        let now = operator.sample().await?;
        // What began with the process began before its first answer.
        let began = if self.is_empty() {
            operator.started
        } else {
            self.at
        };
        let seconds = now.at.duration_since(began).as_secs_f64();
        let requests = now.grown(self, "plenum_operator_api_requests_total");
        let cpu = now.usage.cpu.saturating_sub(self.usage.cpu);
        let of = |controller: &'static str| {
            let buckets = now.buckets(self, RECONCILES, controller);
            let ms = |part| quantile(&buckets, part).map(|s| s * 1_000.0);
            let reconciles = Reconciles {
                count: buckets.last().map_or(0.0, |(_, count)| *count),
                p50_ms: ms(0.5),
                p99_ms: ms(0.99),
            };
            (controller, reconciles)
        };
        Ok(Phase {
            seconds,
            reconciles: BTreeMap::from([of("zone"), of("pool")]),
            requests_per_second: requests.values().sum::<f64>() / seconds,
            requests,
            writes: now.grown(self, "plenum_operator_writes_total"),
            cpu_percent: 100.0 * cpu.as_secs_f64() / seconds,
            rss_bytes: now.usage.rss_bytes,
            peak_rss_bytes: now.peak_bytes,
        })
    }
}

impl Phase {
    /// Writes, without the Lease's. Nothing added up is minus zero, which reads badly.
    fn made(&self) -> f64 {
        self.writes.values().fold(0.0, |sum, writes| sum + writes)
    }
}

impl Report {
    pub(super) fn new(sizes: Sizes) -> Self {
        Self {
            schema: "plenum.scale/1",
            zones: sizes.zones,
            routers: sizes.routers(),
            nodes: sizes.nodes(),
            phases: BTreeMap::new(),
            order: Vec::new(),
            jumps: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, name: &str, phase: Phase) {
        println!(
            "  {name}: {:.1} s, {:.1} requests/s, {:.0} writes, CPU {:.0} %, RSS {:.0} MB \
             (peak {:.0})",
            phase.seconds,
            phase.requests_per_second,
            phase.made(),
            phase.cpu_percent,
            megabytes(phase.rss_bytes),
            megabytes(phase.peak_rss_bytes),
        );
        for (controller, reconciles) in &phase.reconciles {
            if let (Some(p50), Some(p99)) = (reconciles.p50_ms, reconciles.p99_ms) {
                let count = reconciles.count;
                println!(
                    "    {controller}: {count:.0} reconciles, p50 {p50:.1} ms, p99 {p99:.1} ms"
                );
            }
        }
        self.order.push(name.to_owned());
        self.phases.insert(name.to_owned(), phase);
    }

    /// Writes the figures and the table; an error for what is missed.
    pub(super) fn finish(&self, reports: &Path) -> Result<()> {
        std::fs::write(
            reports.join("scale.json"),
            serde_json::to_string_pretty(self)?,
        )?;
        let rows = self.rows();
        println!("\n  {:44} {:>12} {:>10}", "", "measured", "aim");
        for row in &rows {
            let missed = if row.holds { "" } else { "  missed" };
            println!(
                "  {:44} {:>12} {:>10}{missed}",
                row.what, row.measured, row.aim
            );
        }
        let missed: Vec<&str> = rows
            .iter()
            .filter(|r| !r.holds)
            .map(|r| r.what.as_str())
            .collect();
        ensure!(missed.is_empty(), "missed: {}", missed.join("; "));
        Ok(())
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for name in self.order.iter().filter(|name| !name.starts_with("made")) {
            for (controller, reconciles) in &self.phases[name].reconciles {
                rows.extend(reconciles.p99_ms.map(|p99| Row {
                    what: format!("reconcile p99, {controller}, {name}"),
                    measured: format!("{p99:.1} ms"),
                    aim: "< 100 ms".to_owned(),
                    holds: p99 < P99_S * 1_000.0,
                }));
            }
        }
        let rss = self.phases.values().map(|phase| phase.peak_rss_bytes).max();
        let rss = megabytes(rss.unwrap_or_default());
        rows.push(Row {
            what: "most resident memory".to_owned(),
            measured: format!("{rss:.0} MB"),
            aim: "< 150 MB".to_owned(),
            holds: rss < RSS_MB,
        });
        if let Some(steady) = self.phases.get("steady") {
            let writes = steady.made();
            rows.push(Row {
                what: "requests in the steady state".to_owned(),
                measured: format!("{:.2}/s", steady.requests_per_second),
                aim: "< 1/s".to_owned(),
                holds: steady.requests_per_second < REQUESTS_PER_S,
            });
            rows.push(Row {
                what: "writes in the steady state".to_owned(),
                measured: format!("{writes:.0}"),
                aim: "0".to_owned(),
                holds: writes < 1.0,
            });
        }
        if let Some(restart) = self.phases.get("restart") {
            rows.push(Row {
                what: "restart until all is looked at".to_owned(),
                measured: format!("{:.1} s", restart.seconds),
                aim: "< 30 s".to_owned(),
                holds: restart.seconds < RESTART_S,
            });
        }
        if let Some(longest) = self.jumps.iter().max() {
            rows.push(Row {
                what: "load jump to node label, the slowest".to_owned(),
                measured: format!("{:.0} ms", longest.as_secs_f64() * 1_000.0),
                aim: "< 1 s".to_owned(),
                holds: longest.as_secs_f64() < JUMP_S,
            });
        }
        rows
    }
}

struct Row {
    what: String,
    measured: String,
    aim: String,
    holds: bool,
}

/// Tenths are exact enough.
fn megabytes(bytes: u64) -> f64 {
    u32::try_from(bytes / 100_000).map_or(f64::INFINITY, f64::from) / 10.0
}

fn seconds<S: serde::Serializer>(times: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(times.iter().map(Duration::as_secs_f64))
}
