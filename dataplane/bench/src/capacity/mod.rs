//! What one core carries, and what a second one adds.
//!
//! | part | question | file |
//! |---|---|---|
//! | `loss` | the most packets a second of which none is lost | `loss` |
//! | `delay` | how long a packet takes at 75,000 packets/s, the half of 150,000 | `half` |
//! | `memory` | what a connection costs at 1,000 connections | `half` |
//! | `small` | what a packet costs in 1,000 meetings of 4 and in one of 100 at the same rate, in turns | `small` |
//! | `cores` | what two cores carry against one, in turns | `cores` |

mod cores;
mod half;
mod loss;
mod small;

use std::fs;

use anyhow::Result;
use serde::Serialize;

use crate::command::Measure;
use crate::meetings::Meetings;
use crate::trial::{Cores, Figures, Trial};

/// How long one measurement lasts.
const SECONDS: u64 = 5;

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    rounds: usize,
    packet_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<loss::Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<Figures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<half::Memory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    small: Option<small::Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cores: Option<cores::Found>,
}

/// How often each is measured, and on which cores.
struct Bench<'a> {
    rounds: usize,
    allowed: &'a [usize],
}

impl Bench<'_> {
    fn trial(&self, trial: Trial) -> Result<Figures> {
        trial.run(self.allowed)
    }
}

/// Measures the parts whose names are wanted, writes `bench-capacity.json` and prints it.
pub fn run(measure: &Measure) -> Result<()> {
    let rounds = measure.rounds;
    let allowed = crate::cores::allowed()?;
    let bench = Bench {
        rounds,
        allowed: &allowed,
    };
    fs::create_dir_all(&measure.reports)?;
    println!("\n  capacity, 1,200-byte packets, medians of {rounds} rounds\n");
    let wanted = |part: &str| part.contains(&measure.only);
    let report = Report {
        schema: "plenum.capacity/1",
        rounds,
        packet_bytes: 1_200,
        loss: wanted("loss").then(|| loss::find(&bench)).transpose()?,
        delay: wanted("delay").then(|| half::delay(&bench)).transpose()?,
        memory: wanted("memory").then(|| half::memory(&bench)).transpose()?,
        small: wanted("small").then(|| small::find(&bench)).transpose()?,
        cores: wanted("cores").then(|| cores::find(&bench)).transpose()?,
    };
    let path = measure.reports.join("bench-capacity.json");
    fs::write(&path, serde_json::to_string_pretty(&report)?)?;
    println!("\n  figures: {}", path.display());
    Ok(())
}

/// Ours on one core, the load on another.
const fn ours(meetings: Meetings, rate: u32) -> Trial {
    Trial {
        forwarder: "ours",
        meetings,
        rate,
        burst: 1,
        seconds: SECONDS,
        cores: Cores::Apart,
    }
}
