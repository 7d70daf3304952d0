//! The most packets a second of which none is lost.

use anyhow::Result;
use serde::Serialize;

use super::{Bench, ours};
use crate::meetings::Meetings;
use crate::trial::{Figures, median};

/// Tried from the first up, until one loses a packet.
const RATES: [u32; 9] = [
    100_000, 150_000, 200_000, 250_000, 300_000, 350_000, 400_000, 450_000, 500_000,
];
/// A load that is busier than this may itself be what lost the packets.
const LOAD_FULL: f64 = 0.95;

/// What one round came to.
#[derive(Debug, Clone, Copy, Serialize)]
struct Round {
    /// The highest rate without loss; 0 if there was none.
    highest: u32,
    /// There: `None` if there was none.
    without_loss: Option<Figures>,
    /// At the next rate: `None` if none was higher.
    with_loss: Option<Figures>,
    /// What was full where packets were lost.
    limit: Limit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Limit {
    Server,
    Load,
    /// Neither was busy all the time: a burst, or somebody else on the machine.
    Neither,
    /// Nothing was lost.
    None,
}

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    highest_without_loss: f64,
    rounds: Vec<Round>,
}

pub(super) fn find(bench: &Bench<'_>) -> Result<Found> {
    let mut rounds = Vec::new();
    for round in 1..=bench.rounds {
        eprintln!("  loss: round {round} of {}", bench.rounds);
        rounds.push(one(bench)?);
    }
    let highest = median(rounds.iter().map(|round| f64::from(round.highest)));
    for round in &rounds {
        println!(
            "  {:<46} {:>8}   limit: {:?}{}",
            "packets/s on one core without loss",
            round.highest,
            round.limit,
            round.with_loss.map_or(String::new(), |figures| format!(
                " ({:.0} lost, server {:.2}, load {:.2} busy)",
                figures.lost, figures.busy, figures.load_busy
            ))
        );
    }
    Ok(Found {
        highest_without_loss: highest,
        rounds,
    })
}

fn one(bench: &Bench<'_>) -> Result<Round> {
    let mut found = Round {
        highest: 0,
        without_loss: None,
        with_loss: None,
        limit: Limit::None,
    };
    for rate in RATES {
        let figures = bench.trial(ours(Meetings::HUNDRED, rate))?;
        // A load that cannot send what it should has not tried this rate.
        let reached = figures.received_per_s >= 0.99 * f64::from(rate);
        if figures.lost > 0.0 || !reached {
            found.limit = limit(&figures);
            found.with_loss = Some(figures);
            break;
        }
        found.highest = rate;
        found.without_loss = Some(figures);
    }
    Ok(found)
}

fn limit(figures: &Figures) -> Limit {
    if figures.load_busy > LOAD_FULL {
        Limit::Load
    } else if figures.busy > LOAD_FULL {
        Limit::Server
    } else {
        Limit::Neither
    }
}
