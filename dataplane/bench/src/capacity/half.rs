//! Delay at half of what a core should carry, and what a connection costs.

use anyhow::Result;
use serde::Serialize;

use super::{Bench, ours};
use crate::meetings::Meetings;
use crate::trial::{Figures, Trial, median};

/// Half of 150,000 packets/s.
const HALF: u32 = 75_000;
/// 1,000 connections.
const THOUSAND: Meetings = Meetings {
    meetings: 10,
    people: 100,
};
const THOUSAND_RATE: u32 = 20_000;

/// What a connection costs.
#[derive(Debug, Serialize)]
pub(super) struct Memory {
    connections: u32,
    ours_bytes_per_connection: f64,
    stock_bytes_per_connection: f64,
}

pub(super) fn delay(bench: &Bench<'_>) -> Result<Figures> {
    let figures = rounds(bench, ours(Meetings::HUNDRED, HALF))?;
    println!(
        "  {:<46} p50 {:.2} ms, p99 {:.2} ms, lost {:.0}, server {:.2}, load {:.2} busy",
        "delay at 75,000 packets/s",
        figures.delay_p50_ms,
        figures.delay_p99_ms,
        figures.lost,
        figures.busy,
        figures.load_busy
    );
    Ok(figures)
}

pub(super) fn memory(bench: &Bench<'_>) -> Result<Memory> {
    let trial = ours(THOUSAND, THOUSAND_RATE);
    let (mut ours, mut stock) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        eprintln!("  memory: round {round} of {}", bench.rounds);
        ours.push(bench.trial(trial)?);
        stock.push(bench.trial(Trial {
            forwarder: "stock",
            ..trial
        })?);
    }
    let bytes = |of: &[Figures]| median(of.iter().map(|one| one.bytes_per_connection));
    let memory = Memory {
        connections: THOUSAND.meetings * THOUSAND.people,
        ours_bytes_per_connection: bytes(&ours),
        stock_bytes_per_connection: bytes(&stock),
    };
    println!(
        "  {:<46} ours {:.1} kB, stock {:.1} kB",
        "memory by connection, 1,000 of them",
        memory.ours_bytes_per_connection / 1_000.0,
        memory.stock_bytes_per_connection / 1_000.0
    );
    Ok(memory)
}

fn rounds(bench: &Bench<'_>, trial: Trial) -> Result<Figures> {
    let mut all = Vec::new();
    for round in 1..=bench.rounds {
        eprintln!("  delay: round {round} of {}", bench.rounds);
        all.push(bench.trial(trial)?);
    }
    Ok(Figures::medians(&all))
}
