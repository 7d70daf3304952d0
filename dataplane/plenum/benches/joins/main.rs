//! How many joins one core answers: a controller that knows 2,000 routers with 200,000
//! participants in 10,000 meetings, and is asked for offers as fast as they come.
//!
//! `make bench-joins`. The controller runs here on a thread that is pinned to the first core; a
//! thread on the second is its 2,000 routers, each with a link of its own that says hello,
//! reports and beats as a router's does, and whoever asks: over TLS connections that are kept,
//! each from another address, with a token of the directory. Before that the deciding part is
//! driven by itself, on the first core, without sockets and tickets.
//!
//! Nobody who is told where to go arrives: each seat is kept for five seconds and given back,
//! which is part of what is measured.
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on ends there"
)]

mod asking;
mod deciding;
#[path = "../../../directory/benches/measuring/mod.rs"]
mod measuring;
mod people;
mod routers;
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../../tests/zc/support.rs"]
mod support;
mod zone;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::asking::{Crowd, Requests, count};
use crate::measuring::aims::{Row, verdict};
use crate::measuring::cpu::{self, Watch};
use crate::zone::Zone;

const ROUNDS: usize = 5;
/// What a round measures: the links alone, then joins.
const ALONE: Duration = Duration::from_secs(3);
const JOINS: Duration = Duration::from_secs(5);
/// Until what was begun has come to its end: seats that were kept are given back, and before
/// joins are counted, as many are given back as are kept.
const SETTLE: Duration = Duration::from_secs(6);

/// The aims, each for a whole core.
const DECIDED_PER_S: f64 = 50_000.0;
const ANSWERED_PER_S: f64 = 5_000.0;

/// The contents of `bench-joins.json`.
#[derive(Serialize)]
struct Figures {
    schema: &'static str,
    routers: usize,
    participants: usize,
    meetings: usize,
    connections: usize,
    decided: Vec<deciding::Round>,
    median_decided_per_second: f64,
    rounds: Vec<Round>,
    median_per_second: f64,
    median_per_core_second: f64,
}

/// What came of one round over TLS.
#[derive(Serialize)]
struct Round {
    /// Joins answered with an offer, and otherwise.
    offers: usize,
    refused: usize,
    per_second: f64,
    /// What that is for a whole core: others may run on this one too.
    per_core_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Share of its core that the controller used, with joins and with its links alone.
    busy: f64,
    links_busy: f64,
    /// Share of its core that the load used: near 1 it is what limits.
    load_busy: f64,
}

fn main() -> ExitCode {
    let decided: Vec<deciding::Round> = deciding::rounds(ROUNDS).inspect(deciding::print).collect();
    routers::make_room();
    cpu::pin(1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let rounds = runtime.block_on(over_tls());
    let figures = Figures {
        schema: "plenum.bench-joins/1",
        routers: people::ROUTERS,
        participants: people::MEETINGS * people::EACH,
        meetings: people::MEETINGS,
        connections: asking::CONNECTIONS,
        median_decided_per_second: median(decided.iter().map(|round| round.per_second)),
        decided,
        median_per_second: median(rounds.iter().map(|round| round.per_second)),
        median_per_core_second: median(rounds.iter().map(|round| round.per_core_second)),
        rounds,
    };
    let reports = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/reports");
    std::fs::create_dir_all(reports).unwrap();
    let text = serde_json::to_string_pretty(&figures).unwrap();
    std::fs::write(format!("{reports}/bench-joins.json"), text).unwrap();
    verdict(&figures.rows())
}

impl Figures {
    fn rows(&self) -> [Row; 3] {
        let refused = self.rounds.iter().map(|round| round.refused);
        [
            Row::at_least(
                "joins decided by one core, median",
                self.median_decided_per_second,
                DECIDED_PER_S,
                "/s",
            ),
            Row::at_least(
                "joins answered over TLS by one core, median",
                self.median_per_core_second,
                ANSWERED_PER_S,
                "/s",
            ),
            Row::at_most("joins refused", count(refused.sum()), 0.0, ""),
        ]
    }
}

async fn over_tls() -> Vec<Round> {
    let zone = Zone::open();
    // Signing all their tokens takes longer than routers may be silent.
    let requests = Requests::new(&zone);
    println!("  {} routers connect", people::ROUTERS);
    let mut routers = routers::connect(&zone).await;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let round = round(&zone, &requests).await;
        print(&round);
        rounds.push(round);
        routers::all_there(&zone, &mut routers).await;
    }
    rounds
}

async fn round(zone: &Zone, requests: &Arc<Requests>) -> Round {
    tokio::time::sleep(SETTLE).await;
    let watch = zone.watch().await;
    tokio::time::sleep(ALONE).await;
    let links_busy = zone.busy_since(watch).await;
    let crowd = Crowd::of(zone, requests);
    tokio::time::sleep(SETTLE).await;
    let (watch, load) = (zone.watch().await, Watch::now());
    crowd.count();
    tokio::time::sleep(JOINS).await;
    let answers = crowd.counted();
    let (busy, load_busy) = (zone.busy_since(watch).await, load.busy_until(Watch::now()));
    crowd.go().await;
    Round {
        offers: answers.took.len(),
        refused: answers.refused,
        per_second: answers.per_second(),
        per_core_second: whole_core(answers.per_second(), busy, links_busy),
        p50_ms: answers.percentile_ms(50),
        p99_ms: answers.percentile_ms(99),
        busy,
        links_busy,
        load_busy,
    }
}

/// What of a core the links leave goes to joins.
fn whole_core(per_second: f64, busy: f64, links_busy: f64) -> f64 {
    per_second * (1.0 - links_busy) / (busy - links_busy)
}

fn print(round: &Round) {
    println!(
        "  {:.0} joins/s over TLS, {:.0} for a whole core, {} refused; p50 {:.1} ms, p99 {:.1} ms; core {:.0} %, of that \
         links alone {:.0} %; load's core {:.0} %",
        round.per_second,
        round.per_core_second,
        round.refused,
        round.p50_ms,
        round.p99_ms,
        round.busy * 100.0,
        round.links_busy * 100.0,
        round.load_busy * 100.0,
    );
}

fn median(of: impl Iterator<Item = f64>) -> f64 {
    let mut of: Vec<f64> = of.collect();
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
