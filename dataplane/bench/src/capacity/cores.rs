//! What two cores carry against one.
//!
//! On a machine of two cores the load needs some of both. So that it cannot be what limits one
//! of the cases more than the other, both cores are the same in both: on each a load that never
//! sleeps, and beside it, with a quarter of the core, a thread of the server, or, on the second
//! core when the server has only one, a process that only turns.
//! Then more is offered than the server can carry, and what comes out a second is its throughput.

use anyhow::Result;
use serde::Serialize;

use super::{Bench, SECONDS};
use crate::meetings::Meetings;
use crate::trial::{Cores, Figures, Trial, median};

/// More than the server can carry.
const OFFERED: u32 = 400_000;
/// As many receivers as in one meeting of 100, in several.
const SEVERAL: Meetings = Meetings {
    meetings: 10,
    people: 11,
};

/// What was found with meetings of one size.
#[derive(Debug, Serialize)]
struct Pair {
    meetings: &'static str,
    one_core: Figures,
    two_cores: Figures,
    /// Of packets that came out a second.
    ratio: f64,
}

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    offered: u32,
    pairs: Vec<Pair>,
}

pub(super) fn find(bench: &Bench<'_>) -> Result<Found> {
    let shapes = [
        ("10 meetings of 10 receivers", SEVERAL),
        ("one meeting of 100 receivers", Meetings::HUNDRED),
    ];
    let pairs = shapes.map(|(name, meetings)| pair(bench, name, meetings));
    Ok(Found {
        offered: OFFERED,
        pairs: pairs.into_iter().collect::<Result<_>>()?,
    })
}

fn pair(bench: &Bench<'_>, name: &'static str, meetings: Meetings) -> Result<Pair> {
    let trial = |cores| Trial {
        forwarder: "ours",
        meetings,
        rate: OFFERED,
        burst: 1,
        seconds: SECONDS,
        cores: Cores::Shared(cores),
    };
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        eprintln!("  cores, {name}: round {round} of {}", bench.rounds);
        one.push(bench.trial(trial(1))?);
        two.push(bench.trial(trial(2))?);
    }
    let ratios = one.iter().zip(&two);
    let pair = Pair {
        meetings: name,
        ratio: median(ratios.map(|(one, two)| two.received_per_s / one.received_per_s)),
        one_core: Figures::medians(&one),
        two_cores: Figures::medians(&two),
    };
    println!(
        "  {:<46} {:.0}/s and {:.0}/s: {:.2} ({:.2} and {:.2} us by packet, {:.2} and {:.2} busy)",
        format!("1 and 2 cores, {name}"),
        pair.one_core.received_per_s,
        pair.two_cores.received_per_s,
        pair.ratio,
        pair.one_core.cpu_us_per_packet,
        pair.two_cores.cpu_us_per_packet,
        pair.one_core.busy,
        pair.two_cores.busy
    );
    Ok(pair)
}
