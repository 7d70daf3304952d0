//! Rounds of ours and stock quinn in turns, and what came out.
//!
//! These machines are noisy, and drift: the two alternate within one run, the medians count, and
//! only their ratio means something elsewhere.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;

use crate::cores;
use crate::load::Noticed;
use crate::meetings::Meetings;
use crate::stock::Ready;

/// One shape of load.
#[derive(Debug, Clone, Copy, Serialize)]
struct Shape {
    name: &'static str,
    #[serde(skip)]
    meetings: Meetings,
    /// Forwarded packets a second.
    rate: u32,
    /// Sent back to back.
    burst: u32,
}

const HUNDRED: Meetings = Meetings {
    meetings: 1,
    people: 101,
};
/// As many connections as one core of load can keep up with.
const SMALL: Meetings = Meetings {
    meetings: 250,
    people: 4,
};
const SHAPES: [Shape; 5] = [
    Shape::new("100 receivers, one at a time, 20,000/s", HUNDRED, 20_000, 1),
    Shape::new("100 receivers, one at a time, 80,000/s", HUNDRED, 80_000, 1),
    Shape::new(
        "100 receivers, one at a time, 150,000/s",
        HUNDRED,
        150_000,
        1,
    ),
    Shape::new(
        "100 receivers, 8 back to back, 80,000/s",
        HUNDRED,
        80_000,
        8,
    ),
    Shape::new(
        "250 meetings of 4, one at a time, 20,000/s",
        SMALL,
        20_000,
        1,
    ),
];

impl Shape {
    const fn new(name: &'static str, meetings: Meetings, rate: u32, burst: u32) -> Self {
        Self {
            name,
            meetings,
            rate,
            burst,
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy, Serialize)]
struct Figures {
    /// CPU time of the server by packet that a receiver got.
    cpu_us_per_packet: f64,
    /// Its share of a core.
    busy: f64,
    /// Packets that did not come, of a thousand.
    lost_per_mille: f64,
    delay_p50_ms: f64,
    delay_p99_ms: f64,
    /// Memory of the server by connection, beyond what it has without any.
    bytes_per_connection: f64,
}

#[derive(Debug, Serialize)]
struct Compared {
    #[serde(flatten)]
    shape: Shape,
    ours: Figures,
    stock: Figures,
    /// Median of the ratios of the rounds, CPU by packet.
    ratio: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    rounds: usize,
    packet_bytes: usize,
    shapes: Vec<Compared>,
}

/// Measures the shapes whose names contain `only`, writes `bench-forwarding.json` and prints a
/// table.
pub fn run(reports: &Path, rounds: usize, only: &str) -> Result<()> {
    ensure!(rounds > 0, "write --rounds 1 or more");
    let allowed = cores::allowed()?;
    ensure!(
        allowed.len() >= 2,
        "a core for the server and one for the load are needed, there is only one"
    );
    fs::create_dir_all(reports)?;
    let mut shapes = Vec::new();
    for shape in SHAPES.into_iter().filter(|shape| shape.name.contains(only)) {
        println!("{} ...", shape.name);
        let (mut ours, mut stock) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            stock.push(measure("stock", shape, &allowed)?);
            ours.push(measure("ours", shape, &allowed)?);
        }
        let ratios = ours.iter().zip(&stock);
        shapes.push(Compared {
            shape,
            ours: medians(&ours),
            stock: medians(&stock),
            ratio: median(
                ratios.map(|(ours, stock)| ours.cpu_us_per_packet / stock.cpu_us_per_packet),
            ),
        });
    }
    let report = Report {
        schema: "plenum.forwarding/1",
        rounds,
        packet_bytes: 1_200,
        shapes,
    };
    print(&report);
    let path = reports.join("bench-forwarding.json");
    fs::write(&path, serde_json::to_string_pretty(&report)?)?;
    println!("\n  figures: {}", path.display());
    Ok(())
}

fn print(report: &Report) {
    println!(
        "\n  1,200-byte packets, medians of {} rounds; us of CPU by packet received\n",
        report.rounds
    );
    println!(
        "  {:<46} {:>6} {:>6} {:>6}   {:>9} {:>14} {:>14} {:>7} {:>9}",
        "", "ours", "stock", "ratio", "busy", "delay p50/p99", "of stock", "lost", "kB/conn"
    );
    for compared in &report.shapes {
        let (ours, stock) = (compared.ours, compared.stock);
        let delay = |figures: Figures| {
            format!("{:.2}/{:.1} ms", figures.delay_p50_ms, figures.delay_p99_ms)
        };
        println!(
            "  {:<46} {:>6.2} {:>6.2} {:>6.2}   {:>4.2}/{:<4.2} {:>14} {:>14} {:>3.1}/{:<3.1} {:>4.0}/{:<4.0}",
            compared.shape.name,
            ours.cpu_us_per_packet,
            stock.cpu_us_per_packet,
            compared.ratio,
            ours.busy,
            stock.busy,
            delay(ours),
            delay(stock),
            ours.lost_per_mille,
            stock.lost_per_mille,
            ours.bytes_per_connection / 1_000.0,
            stock.bytes_per_connection / 1_000.0,
        );
    }
}

/// One server under one load, the server on the first core, the load on the second.
fn measure(forwarder: &str, shape: Shape, allowed: &[usize]) -> Result<Figures> {
    let meetings = |command: &mut Command| {
        command
            .args(["--meetings", &shape.meetings.meetings.to_string()])
            .args(["--people", &shape.meetings.people.to_string()]);
    };
    let mut command = this_program()?;
    command.args(["serve", forwarder]);
    meetings(&mut command);
    let mut server = Running::start(command, &allowed[..1])?;
    let ready: Ready = serde_json::from_str(&server.line()?)?;
    let empty = cores::resident(server.child.id())?;

    let mut command = this_program()?;
    command
        .args(["load", "--server", &ready.server.to_string()])
        .args(["--fingerprint", &ready.fingerprint])
        .args(["--rate", &shape.rate.to_string()])
        .args(["--burst", &shape.burst.to_string()]);
    meetings(&mut command);
    let mut load = Running::start(command, &allowed[1..2])?;
    load.until("begin")?;
    let (before, begun) = (cores::used(server.child.id())?, Instant::now());
    load.until("end")?;
    let used = cores::used(server.child.id())?.saturating_sub(before);
    let lasted = begun.elapsed();
    let full = cores::resident(server.child.id())?;
    let noticed: Noticed = serde_json::from_str(&load.line()?)?;
    Ok(figures(
        &noticed,
        used,
        lasted,
        full.saturating_sub(empty),
        shape.meetings,
    ))
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
fn figures(
    noticed: &Noticed,
    used: Duration,
    lasted: Duration,
    bytes: u64,
    meetings: Meetings,
) -> Figures {
    let received = noticed.received.max(1) as f64;
    let missing = noticed.expected.saturating_sub(noticed.received) as f64;
    Figures {
        cpu_us_per_packet: used.as_secs_f64() * 1e6 / received,
        busy: used.as_secs_f64() / lasted.as_secs_f64(),
        lost_per_mille: missing * 1_000.0 / noticed.expected.max(1) as f64,
        delay_p50_ms: noticed.delay_p50_ms,
        delay_p99_ms: noticed.delay_p99_ms,
        bytes_per_connection: bytes as f64 / f64::from(meetings.meetings * meetings.people),
    }
}

fn medians(figures: &[Figures]) -> Figures {
    let of = |field: fn(&Figures) -> f64| median(figures.iter().map(field));
    Figures {
        cpu_us_per_packet: of(|one| one.cpu_us_per_packet),
        busy: of(|one| one.busy),
        lost_per_mille: of(|one| one.lost_per_mille),
        delay_p50_ms: of(|one| one.delay_p50_ms),
        delay_p99_ms: of(|one| one.delay_p99_ms),
        bytes_per_connection: of(|one| one.bytes_per_connection),
    }
}

/// Of an even number the upper of the two in the middle.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn this_program() -> Result<Command> {
    Ok(Command::new(std::env::current_exe()?))
}

/// A process of ours that talks by lines; killed when it is dropped.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// A server ends when this does.
    _input: Option<ChildStdin>,
}

impl Running {
    fn start(mut command: Command, on: &[usize]) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        cores::pin(child.id(), on)?;
        let lines = child.stdout.take().context("the output is piped")?;
        Ok(Self {
            _input: child.stdin.take(),
            lines: BufReader::new(lines),
            child,
        })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            bail!("it ended with {}", self.child.wait()?);
        }
        Ok(line)
    }

    fn until(&mut self, wanted: &str) -> Result<()> {
        while self.line()?.trim() != wanted {}
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < f64::EPSILON);
        assert!(median(std::iter::empty()).is_nan());
    }
}
