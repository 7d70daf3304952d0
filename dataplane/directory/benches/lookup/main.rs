//! How long a lookup takes: 1,000 a second at one directory, on one core, with 100,000 meetings
//! and 10,000 users in `PostgreSQL`.
//!
//! `make bench-directory`. The directory runs here on a thread that is pinned to the first core;
//! whoever asks is a thread on the others, and asks when it is time, whether or not the former
//! answers have come: the time is measured from when it was due. Each asks from another address,
//! which the directory believes this machine's proxy. `PostgreSQL` runs where the kernel puts it,
//! and does not wait for the disk: lookups write nothing.
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on ends there"
)]

#[path = "../../tests/common/postgres.rs"]
mod postgres;

mod asking;
mod house;
#[path = "../measuring/mod.rs"]
mod measuring;
mod seed;

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use crate::measuring::aims::{Row, verdict};

/// Lookups a second.
const RATE: u32 = 1_000;
const SECONDS: u32 = 20;
const ROUNDS: u32 = 5;
const USERS: usize = 10_000;
const MEETINGS: usize = 100_000;
/// The aim.
const P99_MS: f64 = 10.0;

/// The contents of `bench-lookup.json`.
#[derive(Serialize)]
struct Figures {
    schema: &'static str,
    users: usize,
    meetings: usize,
    per_second: u32,
    rounds: Vec<Round>,
    median_p99_ms: f64,
}

/// What came of one round.
#[derive(Serialize)]
struct Round {
    answered: u64,
    failed: u64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    /// CPU time of the directory's core by time.
    busy: f64,
}

fn main() -> ExitCode {
    let Some(programs) = postgres::Postgres::installed() else {
        eprintln!("PostgreSQL is missing: run `make packages`");
        return ExitCode::FAILURE;
    };
    let database = postgres::Postgres::start(programs);
    let url = database.database();
    let house = house::House::open(&url);
    println!("  {USERS} users and {MEETINGS} meetings move in");
    let numbers = seed::seed(&url, &house);
    let mut rounds: Vec<Round> = (0..ROUNDS)
        .map(|round| asking::round(&house, &numbers, round))
        .inspect(print)
        .collect();
    rounds.sort_by(|a, b| a.p99_ms.total_cmp(&b.p99_ms));
    let figures = Figures {
        schema: "plenum.bench-lookup/1",
        users: USERS,
        meetings: MEETINGS,
        per_second: RATE,
        median_p99_ms: rounds[rounds.len() / 2].p99_ms,
        rounds,
    };
    let reports = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/reports");
    std::fs::create_dir_all(reports).unwrap();
    let text = serde_json::to_string_pretty(&figures).unwrap();
    std::fs::write(format!("{reports}/bench-lookup.json"), text).unwrap();
    let answered: u64 = figures.rounds.iter().map(|round| round.answered).sum();
    let answered = f64::from(u32::try_from(answered).unwrap());
    verdict(&[
        Row::at_most(
            "p99 of a lookup, median",
            figures.median_p99_ms,
            P99_MS,
            " ms",
        ),
        Row::at_least(
            "lookups answered",
            answered,
            f64::from(RATE * SECONDS * ROUNDS),
            "",
        ),
    ])
}

fn print(round: &Round) {
    println!(
        "  {} answered, {} failed; p50 {:.1} ms, p99 {:.1} ms, longest {:.0} ms; core {:.0} %",
        round.answered,
        round.failed,
        round.p50_ms,
        round.p99_ms,
        round.max_ms,
        round.busy * 100.0
    );
}

/// The interval between two lookups.
fn interval() -> Duration {
    Duration::from_secs(1) / RATE
}
