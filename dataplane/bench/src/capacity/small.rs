//! Many small meetings beside a large one at the same rate.

use anyhow::Result;
use serde::Serialize;

use super::{Bench, ours};
use crate::meetings::Meetings;
use crate::trial::{Figures, median};

/// Of both; both servers keep up with it, and the small meetings' receivers get 20 a second each.
const RATE: u32 = 60_000;

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    rate: u32,
    thousand_of_4: Figures,
    one_of_100: Figures,
    /// Of CPU by packet received.
    ratio: f64,
    /// Of CPU by packet in or out: a small meeting's packet is not shared by as many, so more
    /// packets come in for the same number out.
    ratio_in_or_out: f64,
    /// Of CPU by UDP datagram: a receiver of few packets acknowledges nearly each by itself,
    /// because QUIC lets it wait for 25 ms and no longer.
    ratio_by_datagram: f64,
}

pub(super) fn find(bench: &Bench<'_>) -> Result<Found> {
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds {
        eprintln!("  small: round {round} of {}", bench.rounds);
        small.push(bench.trial(ours(Meetings::SMALL, RATE))?);
        large.push(bench.trial(ours(Meetings::HUNDRED, RATE))?);
    }
    let ratio = |of: fn(&Figures) -> f64| {
        let pairs = small.iter().zip(&large);
        median(pairs.map(|(small, large)| of(small) / of(large)))
    };
    let found = Found {
        rate: RATE,
        ratio: ratio(|one| one.cpu_us_per_packet),
        ratio_in_or_out: ratio(|one| one.cpu_us_per_packet_in_or_out),
        ratio_by_datagram: ratio(|one| one.cpu_us_per_packet / one.datagrams_per_packet),
        thousand_of_4: Figures::medians(&small),
        one_of_100: Figures::medians(&large),
    };
    println!(
        "  {:<46} {:.2} and {:.2} us by packet out: {:.2}; by packet in or out {:.2}, by datagram {:.2}",
        "1,000 meetings of 4 and one of 100, 60,000/s",
        found.thousand_of_4.cpu_us_per_packet,
        found.one_of_100.cpu_us_per_packet,
        found.ratio,
        found.ratio_in_or_out,
        found.ratio_by_datagram
    );
    Ok(found)
}
