//! What two cores carry against one.
//!
//! On a machine of two cores the load needs some of both. So that it cannot be what limits one
//! of the cases more than the other, both cores are the same in both: on each a load that never
//! sleeps, and beside it, with a quarter of the core, a thread of the server, or, on the second
//! core when the server has only one, a process that only turns.
//! Then the offered rate is doubled until more than a hundredth is lost, and what is between
//! the last two rates is halved until they are near each other.

use anyhow::{Result, bail};
use serde::Serialize;

use super::Bench;
use crate::meetings::Meetings;
use crate::trial::{Cores, Figures, Trial, median};

/// Tried first.
const FIRST: f64 = 40_000.0;
/// A rate is carried if no more than this of a thousand is lost.
const LOST_PER_MILLE: f64 = 10.0;
/// The search ends when the rates are this near: 2^(1/16).
const NEAR: f64 = 1.045;
const SECONDS: u64 = 3;

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
    lost_per_mille_at_most: f64,
    pairs: Vec<Pair>,
}

pub(super) fn find(bench: &Bench<'_>) -> Result<Found> {
    let shapes = [
        ("10 meetings of 10 receivers", SEVERAL),
        ("one meeting of 100 receivers", Meetings::HUNDRED),
    ];
    let pairs = shapes.map(|(name, meetings)| pair(bench, name, meetings));
    Ok(Found {
        lost_per_mille_at_most: LOST_PER_MILLE,
        pairs: pairs.into_iter().collect::<Result<_>>()?,
    })
}

fn pair(bench: &Bench<'_>, name: &'static str, meetings: Meetings) -> Result<Pair> {
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        eprintln!("  cores, {name}: round {round} of {}", bench.rounds);
        one.push(most(bench, meetings, 1)?);
        two.push(most(bench, meetings, 2)?);
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

/// The figures at the highest rate that is carried.
fn most(bench: &Bench<'_>, meetings: Meetings, cores: u8) -> Result<Figures> {
    let at = |rate: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "some 100,000")]
        #[expect(clippy::cast_sign_loss, reason = "at least FIRST")]
        let rate = rate as u32;
        bench.trial(Trial {
            forwarder: "ours",
            meetings,
            rate,
            burst: 1,
            seconds: SECONDS,
            cores: Cores::Shared(cores),
        })
    };
    let (mut carried, mut too_many) = (None, None);
    let mut rate = FIRST;
    loop {
        let figures = at(rate)?;
        if figures.lost_per_mille <= LOST_PER_MILLE {
            carried = Some((rate, figures));
        } else {
            too_many = Some(rate);
        }
        rate = match (carried, too_many) {
            (None, _) => bail!("{FIRST} packets/s are too many for this machine"),
            (Some((most, _)), None) => most * 2.0,
            (Some((most, figures)), Some(more)) if more / most <= NEAR => return Ok(figures),
            (Some((most, _)), Some(more)) => (most * more).sqrt(),
        };
    }
}
