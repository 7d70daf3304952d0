//! Rounds of ours and stock quinn in turns, and what came out.
//!
//! These machines are noisy, and drift: the two alternate within one run, the medians count, and
//! only their ratio means something elsewhere.

use std::fs;

use anyhow::Result;
use serde::Serialize;

use crate::command::Measure;
use crate::cores;
use crate::meetings::Meetings;
use crate::trial::{Cores, Figures, Trial, median};

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

const SHAPES: [Shape; 5] = [
    Shape::new(
        "100 receivers, one at a time, 20,000/s",
        Meetings::HUNDRED,
        20_000,
        1,
    ),
    Shape::new(
        "100 receivers, one at a time, 80,000/s",
        Meetings::HUNDRED,
        80_000,
        1,
    ),
    Shape::new(
        "100 receivers, one at a time, 150,000/s",
        Meetings::HUNDRED,
        150_000,
        1,
    ),
    Shape::new(
        "100 receivers, 8 back to back, 80,000/s",
        Meetings::HUNDRED,
        80_000,
        8,
    ),
    Shape::new(
        "1,000 meetings of 4, one at a time, 20,000/s",
        Meetings::SMALL,
        20_000,
        1,
    ),
];
const SECONDS: u64 = 5;

impl Shape {
    const fn new(name: &'static str, meetings: Meetings, rate: u32, burst: u32) -> Self {
        Self {
            name,
            meetings,
            rate,
            burst,
        }
    }

    const fn trial(self, forwarder: &'static str) -> Trial {
        Trial {
            forwarder,
            meetings: self.meetings,
            rate: self.rate,
            burst: self.burst,
            seconds: SECONDS,
            cores: Cores::Apart,
        }
    }
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

/// Measures the shapes whose names are wanted, writes `bench-forwarding.json` and prints a
/// table.
pub fn run(measure: &Measure) -> Result<()> {
    let Measure {
        reports,
        rounds,
        only,
    } = measure;
    let (rounds, only) = (*rounds, only.as_str());
    let allowed = cores::allowed()?;
    fs::create_dir_all(reports)?;
    let mut shapes = Vec::new();
    for shape in SHAPES.into_iter().filter(|shape| shape.name.contains(only)) {
        let (mut ours, mut stock) = (Vec::new(), Vec::new());
        for round in 1..=rounds {
            eprintln!("  {}: round {round} of {rounds}", shape.name);
            ours.push(shape.trial("ours").run(&allowed)?);
            stock.push(shape.trial("stock").run(&allowed)?);
        }
        let ratios = ours.iter().zip(&stock);
        shapes.push(Compared {
            shape,
            ours: Figures::medians(&ours),
            stock: Figures::medians(&stock),
            ratio: median(
                ratios.map(|(ours, stock)| ours.cpu_us_per_packet / stock.cpu_us_per_packet),
            ),
        });
    }
    let report = Report {
        schema: "plenum.forwarding/2",
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
