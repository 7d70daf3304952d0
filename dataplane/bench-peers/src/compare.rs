//! Rounds of ours, tuned Janus and Janus as Debian ships it, in turns.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use plenum_bench::cores;
use plenum_bench::meetings::Meetings;
use plenum_bench::running::{Running, Seat, this_program};
use plenum_bench::trial::{Cores, Figures, Trial, measure, median};
use serde::Serialize;

use crate::janus::{Janus, Settings};

/// How it is compared.
#[derive(Debug, clap::Args)]
pub struct Peers {
    /// Where the figures go
    #[arg(long)]
    reports: PathBuf,
    /// Rounds of each; the medians count
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Subscribers of each server
    #[arg(long, default_value_t = 100)]
    subscribers: u32,
    /// Packets a second that each server forwards
    #[arg(long, default_value_t = 20_000)]
    rate: u32,
    /// How long each is measured
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    rounds: usize,
    packet_bytes: usize,
    subscribers: u32,
    packets_per_s: u32,
    ours: Figures,
    janus_tuned: Figures,
    janus_default: Figures,
    /// Medians of the ratios of the rounds, CPU by packet: Janus by ours.
    tuned_by_ours: f64,
    default_by_ours: f64,
}

impl Peers {
    /// Measures, writes `bench-peers.json` and prints a table.
    pub fn run(&self) -> Result<()> {
        let allowed = cores::allowed()?;
        ensure!(allowed.len() >= 2, "server and load need a core each");
        fs::create_dir_all(&self.reports)?;
        let (mut ours, mut tuned, mut default) = (Vec::new(), Vec::new(), Vec::new());
        for round in 1..=self.rounds {
            eprintln!("  round {round} of {}", self.rounds);
            ours.push(self.ours().run(&allowed)?);
            tuned.push(self.janus(Settings::Tuned, &allowed)?);
            default.push(self.janus(Settings::Default, &allowed)?);
        }
        let ratio = |theirs: &[Figures]| {
            let pairs = theirs.iter().zip(&ours);
            median(pairs.map(|(theirs, ours)| theirs.cpu_us_per_packet / ours.cpu_us_per_packet))
        };
        let report = Report {
            schema: "plenum.peers/1",
            rounds: self.rounds,
            packet_bytes: 1_200,
            subscribers: self.subscribers,
            packets_per_s: self.rate,
            tuned_by_ours: ratio(&tuned),
            default_by_ours: ratio(&default),
            ours: Figures::medians(&ours),
            janus_tuned: Figures::medians(&tuned),
            janus_default: Figures::medians(&default),
        };
        report.print();
        let path = self.reports.join("bench-peers.json");
        fs::write(&path, serde_json::to_string_pretty(&report)?)?;
        println!("\n  figures: {}", path.display());
        Ok(())
    }

    fn ours(&self) -> Trial {
        Trial {
            forwarder: "ours",
            meetings: Meetings {
                meetings: 1,
                people: self.subscribers + 1,
            },
            rate: self.rate,
            burst: 1,
            seconds: self.seconds,
            cores: Cores::Apart,
        }
    }

    fn janus(&self, settings: Settings, allowed: &[usize]) -> Result<Figures> {
        let folder = self.reports.join("janus");
        let janus = Janus::start(settings, &folder, Seat::on(&allowed[..1]))?;
        let empty = cores::resident(janus.pid())?;
        let mut command = this_program()?;
        command
            .arg("subscribe")
            .arg("--api")
            .arg(janus.api())
            .args(["--media-port", &janus.media_port().to_string()])
            .args(["--subscribers", &self.subscribers.to_string()])
            .args(["--rate", &self.rate.to_string()]);
        if settings == Settings::Tuned {
            command.arg("--lean");
        }
        let mut load = [Running::start(command, Seat::on(&allowed[1..2]))?];
        load[0].until("ready")?;
        let counted = measure(janus.pid(), empty, &mut load, self.seconds)?;
        Ok(counted.figures(self.subscribers, self.subscribers))
    }
}

impl Report {
    fn print(&self) {
        println!(
            "\n  {} subscribers, {} packets/s of 1,200 bytes, one at a time; medians of {} rounds\n",
            self.subscribers, self.packets_per_s, self.rounds
        );
        println!(
            "  {:<26} {:>10} {:>8} {:>6} {:>6} {:>14} {:>8} {:>8}",
            "", "us/packet", "by ours", "busy", "load", "delay p50/p99", "lost", "kB/conn"
        );
        let rows = [
            ("ours", self.ours, 1.0),
            ("Janus, tuned", self.janus_tuned, self.tuned_by_ours),
            (
                "Janus, as in Debian",
                self.janus_default,
                self.default_by_ours,
            ),
        ];
        for (name, figures, ratio) in rows {
            println!(
                "  {:<26} {:>10.2} {:>8.2} {:>6.2} {:>6.2} {:>14} {:>8.0} {:>8.0}",
                name,
                figures.cpu_us_per_packet,
                ratio,
                figures.busy,
                figures.load_busy,
                format!("{:.2}/{:.1} ms", figures.delay_p50_ms, figures.delay_p99_ms),
                figures.lost,
                figures.bytes_per_connection / 1_000.0,
            );
        }
    }
}
