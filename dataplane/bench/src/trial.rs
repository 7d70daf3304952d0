//! One server under one load.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::cores;
use crate::meetings::Meetings;
use crate::running::{Running, Seat, this_program};
use crate::stamp::Noticed;
use crate::stock::Ready;

/// Sent but not measured: congestion windows open, buffers fill.
const WARM_UP: Duration = Duration::from_secs(1);
/// What a server has of a core that loads share: 24.6 % beside a load that never sleeps.
const SHARE_NICE: u8 = 5;
/// Sockets of a load on a server of several cores.
const MANY_SOCKETS: usize = 32;

/// A server, a load, and where they are.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// `ours` or `stock`.
    pub forwarder: &'static str,
    /// Who is in which meeting.
    pub meetings: Meetings,
    /// Forwarded packets a second.
    pub rate: u32,
    /// Sent back to back.
    pub burst: u32,
    /// How long it is measured.
    pub seconds: u64,
    /// Who runs where.
    pub cores: Cores,
}

/// Who runs where, on a machine with two cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    /// The server on the first core, the load on the second.
    Apart,
    /// A load that never sleeps on each of both cores, and the server on this many of them too,
    /// so niced that it gets a quarter of each: a machine of slow cores for the server, with
    /// the same load whatever their number.
    Shared(u8),
}

/// What came out.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figures {
    /// CPU time of the server by packet that a receiver got.
    pub cpu_us_per_packet: f64,
    /// The same by packet that came in or went out.
    pub cpu_us_per_packet_in_or_out: f64,
    /// UDP datagrams on the machine, acknowledgements among them, by packet that a receiver got.
    pub datagrams_per_packet: f64,
    /// Packets that receivers got a second.
    pub received_per_s: f64,
    /// The server's CPU time by time: 1 is a core.
    pub busy: f64,
    /// The load's.
    pub load_busy: f64,
    /// Packets that did not come.
    pub lost: f64,
    /// The same of a thousand.
    pub lost_per_mille: f64,
    /// From sender to receiver.
    pub delay_p50_ms: f64,
    /// 99th percentile.
    pub delay_p99_ms: f64,
    /// Memory of the server by connection, beyond what it has without any.
    pub bytes_per_connection: f64,
}

impl Figures {
    /// Each figure's median.
    #[must_use]
    pub fn medians(figures: &[Self]) -> Self {
        let of = |field: fn(&Self) -> f64| median(figures.iter().map(field));
        Self {
            cpu_us_per_packet: of(|one| one.cpu_us_per_packet),
            cpu_us_per_packet_in_or_out: of(|one| one.cpu_us_per_packet_in_or_out),
            datagrams_per_packet: of(|one| one.datagrams_per_packet),
            received_per_s: of(|one| one.received_per_s),
            busy: of(|one| one.busy),
            load_busy: of(|one| one.load_busy),
            lost: of(|one| one.lost),
            lost_per_mille: of(|one| one.lost_per_mille),
            delay_p50_ms: of(|one| one.delay_p50_ms),
            delay_p99_ms: of(|one| one.delay_p99_ms),
            bytes_per_connection: of(|one| one.bytes_per_connection),
        }
    }
}

/// Of an even number the upper of the two in the middle.
#[must_use]
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What was counted while it was measured.
#[derive(Debug, Clone)]
pub struct Counted {
    /// CPU time of the server.
    pub used: Duration,
    /// CPU time of the load.
    pub load_used: Duration,
    /// UDP datagrams on the machine.
    pub datagrams: u64,
    /// How long.
    pub lasted: Duration,
    /// How much the server's memory had grown since it was empty.
    pub bytes: u64,
    /// What the load noticed.
    pub noticed: Noticed,
}

impl Counted {
    /// The figures of a server to which so many were connected, and each packet was to go to
    /// so many.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
    pub fn figures(&self, connections: u32, receivers: u32) -> Figures {
        let Noticed { sent, received, .. } = self.noticed;
        let expected = sent * u64::from(receivers);
        let lost = expected.saturating_sub(received) as f64;
        let (used, lasted) = (self.used.as_secs_f64(), self.lasted.as_secs_f64());
        Figures {
            cpu_us_per_packet: used * 1e6 / received.max(1) as f64,
            cpu_us_per_packet_in_or_out: used * 1e6 / (sent + received).max(1) as f64,
            datagrams_per_packet: self.datagrams as f64 / received.max(1) as f64,
            received_per_s: received as f64 / lasted,
            busy: used / lasted,
            load_busy: self.load_used.as_secs_f64() / lasted,
            lost,
            lost_per_mille: lost * 1_000.0 / expected.max(1) as f64,
            delay_p50_ms: self.noticed.delay_ms(0.5),
            delay_p99_ms: self.noticed.delay_ms(0.99),
            bytes_per_connection: self.bytes as f64 / f64::from(connections),
        }
    }
}

/// Lets a load, which is ready, be measured on a server.
pub fn measure(server: u32, empty: u64, loads: &mut [Running], seconds: u64) -> Result<Counted> {
    let used_by = |loads: &[Running]| -> Result<Duration> {
        loads.iter().map(|load| cores::used(load.pid())).sum()
    };
    std::thread::sleep(WARM_UP);
    for load in &mut *loads {
        load.tell("measure")?;
    }
    let (before, loads_before) = (cores::used(server)?, used_by(loads)?);
    let (datagrams_before, begun) = (cores::udp_datagrams()?, Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    let used = cores::used(server)?.saturating_sub(before);
    let load_used = used_by(loads)?.saturating_sub(loads_before);
    let (datagrams, lasted) = (cores::udp_datagrams()?, begun.elapsed());
    let full = cores::resident(server)?;
    for load in &mut *loads {
        load.tell("stop")?;
    }
    let mut noticed = Noticed::default();
    for load in &mut *loads {
        noticed = noticed.and(&serde_json::from_str(&load.line()?)?);
    }
    Ok(Counted {
        used,
        load_used,
        datagrams: datagrams.saturating_sub(datagrams_before),
        lasted,
        bytes: full.saturating_sub(empty),
        noticed,
    })
}

impl Trial {
    /// Starts the server and the load, and measures them.
    pub fn run(self, allowed: &[usize]) -> Result<Figures> {
        ensure!(
            allowed.len() >= 2,
            "server and load need a core each, and this process may use {allowed:?}"
        );
        let server_on = match self.cores {
            Cores::Apart => Seat::on(&allowed[..1]),
            Cores::Shared(cores) => Seat {
                cores: &allowed[..usize::from(cores)],
                nice: SHARE_NICE,
            },
        };
        let mut server = Running::start(self.server()?, server_on)?;
        let ready: Ready = serde_json::from_str(&server.line()?)?;
        let empty = cores::resident(server.pid())?;
        // In place of the server on a core that it does not have.
        let _idler = match self.cores {
            Cores::Shared(1) => Some(idler(&allowed[1..2])?),
            _ => None,
        };
        let mut loads = self.loads(&ready, allowed)?;
        for load in &mut loads {
            load.until("ready").context("the load")?;
        }
        let counted = measure(server.pid(), empty, &mut loads, self.seconds)?;
        let people = self.meetings.meetings * self.meetings.people;
        Ok(counted.figures(people, self.meetings.receivers()))
    }

    fn server(&self) -> Result<Command> {
        let mut command = this_program()?;
        command.args(["serve", self.forwarder]);
        if let Cores::Shared(cores) = self.cores {
            command.args(["--cores", &cores.to_string()]);
        }
        self.meetings.arguments(&mut command);
        Ok(command)
    }

    fn loads(&self, ready: &Ready, allowed: &[usize]) -> Result<Vec<Running>> {
        if self.cores == Cores::Apart {
            let load = Running::start(self.load(ready)?, Seat::on(&allowed[1..2]))?;
            return Ok(vec![load]);
        }
        let part = |part: usize| {
            let mut command = self.load(ready)?;
            command
                .args(["--sockets", &MANY_SOCKETS.to_string()])
                .args(["--parts", "2", "--part", &part.to_string(), "--spin"]);
            Running::start(command, Seat::on(&allowed[part..=part]))
        };
        [0, 1].into_iter().map(part).collect()
    }

    fn load(&self, ready: &Ready) -> Result<Command> {
        let mut command = this_program()?;
        command
            .args(["load", "--server", &ready.server.to_string()])
            .args(["--fingerprint", &ready.fingerprint])
            .args(["--rate", &self.rate.to_string()])
            .args(["--burst", &self.burst.to_string()]);
        self.meetings.arguments(&mut command);
        Ok(command)
    }
}

fn idler(core: &[usize]) -> Result<Running> {
    let mut command = this_program()?;
    command.arg("spin");
    let seat = Seat {
        cores: core,
        nice: SHARE_NICE,
    };
    Running::start(command, seat)
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
