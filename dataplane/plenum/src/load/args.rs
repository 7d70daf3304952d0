//! What a load is told.

use std::path::PathBuf;

use clap::Args;
use plenum_client::{JoinConfig, RungPolicy};
use plenum_emulator::Phase;
use plenum_wire::Rung;
use plenum_wire::limits::LAYERS;

use super::camera::Pictures;
use super::gallery::Look;
use crate::Output;
use crate::join::Entrance;

/// Put load on a zone: meetings full of participants who speak, listen and count.
///
/// Every participant joins as any client does, sends audio of 50 packets a second (and
/// video), and accounts for each packet that it should have received. Ctrl-C ends the load
/// early, with its report. Exit status: 0 when every join worked and nobody was dropped; 2
/// wrong use, 3 refused for good, 4 full or not ready, 5 nobody could be reached safely, 1 anything else.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  plenum load --zone https://127.0.0.1:8443 --ca ca.crt --meetings 10 --participants 8 --speakers 3 --ramp 10 --for 60 --report load.json"
)]
pub struct LoadArgs {
    #[command(flatten)]
    pub(super) entrance: Entrance,
    /// How many meetings.
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) meetings: u32,
    /// How many participants in each meeting.
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) participants: u32,
    /// How many of them speak; all if not given.
    #[arg(long, value_name = "S")]
    pub(super) speakers: Option<u32>,
    /// Speakers also send video of so many kbit/s.
    #[arg(long, value_name = "K", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=50_000))]
    pub(super) video_kbps: u32,
    /// Speakers send video in layers of so many kbit/s each instead, the lowest first: 720
    /// pixels high the highest, each other half as high as the next.
    #[arg(long, value_name = "K,K,..", value_delimiter = ',', num_args = 1..=LAYERS, conflicts_with = "video_kbps", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub(super) layers: Vec<u32>,
    /// Everybody shows only so many of the others' pictures; the others are paused.
    #[arg(long, value_name = "N")]
    pub(super) shown: Option<usize>,
    /// Everybody shows pictures so many pixels high; as high as they are if not given.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) height: Option<u16>,
    /// Spread the joins evenly over so many seconds, meeting after meeting.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = span)]
    pub(super) ramp: f64,
    /// How long the load lasts in all, the ramp included.
    #[arg(long = "for", value_name = "SECONDS", value_parser = span)]
    pub(super) lasts: f64,
    /// Meetings are called PREFIX-1, PREFIX-2 and so on; different in each run if not given.
    #[arg(long, value_name = "PREFIX")]
    pub(super) meeting_prefix: Option<String>,
    /// Put participants behind a bad network, in user space; only media over UDP is. Keys are
    /// delay, jitter, queue (50ms), loss, reorder (10%) and rate (500k), of one direction with
    /// up- or down- in front. Again with after=20s: how it is from then on.
    #[arg(long = "network", value_name = "KEY=VALUE,...")]
    pub(super) network: Vec<Phase>,
    /// Only so many participants of each meeting are behind it, those who joined last.
    #[arg(long, value_name = "N", requires = "network")]
    pub(super) behind: Option<u32>,
    /// The chances of the bad network come from this number.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(super) network_seed: u64,
    /// How media is carried: the best that works, or only this.
    #[arg(long, value_name = "auto|udp|tcp|tls", default_value = "auto", value_parser = crate::join::rung_policy)]
    pub(super) rung: RungPolicy,
    /// Write the report as JSON to this file too.
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Write to this file what happens each second and to each participant, one JSON object
    /// a line.
    #[arg(long, value_name = "FILE")]
    pub(super) timeline: Option<PathBuf>,
    /// What to print at the end.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(super) output: Output,
}

/// Reads a number of seconds, at most a week.
fn span(text: &str) -> Result<f64, String> {
    let wrong = || format!("write seconds from 0 to 604800, not {text:?}");
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if (0.0..=604_800.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(wrong())
    }
}

impl LoadArgs {
    /// What does not go together, in a sentence.
    pub(super) fn check(&self) -> Result<(), String> {
        let rising = self.layers.is_sorted_by(|lower, higher| lower < higher);
        if !rising {
            return Err(format!(
                "--layers {:?}: the lowest comes first, and each takes more than the one before",
                self.layers
            ));
        }
        let (ramp, lasts) = (self.ramp, self.lasts);
        if ramp >= lasts {
            return Err(format!(
                "--ramp {ramp} leaves no time of --for {lasts}: make --for longer"
            ));
        }
        if self.shown.is_some() && self.pictures() == Pictures::None {
            return Err("--shown needs pictures: add --layers or --video-kbps".to_owned());
        }
        if self.height.is_some() && self.layers.is_empty() {
            return Err("--height chooses a layer: add --layers".to_owned());
        }
        let carried = matches!(self.rung, RungPolicy::Only(rung) if rung != Rung::Udp);
        if carried && !self.network.is_empty() {
            return Err("only UDP goes through --network: write --rung udp".to_owned());
        }
        let people = self.participants;
        match self.behind {
            Some(behind) if behind > people => Err(format!(
                "--behind {behind} is more than the --participants {people} of a meeting"
            )),
            _ => Ok(()),
        }
    }

    /// What speakers send besides audio.
    pub(super) fn pictures(&self) -> Pictures {
        match (&self.layers[..], self.video_kbps) {
            ([], 0) => Pictures::None,
            ([], kbps) => Pictures::One(kbps),
            (layers, _) => Pictures::Layers(layers.to_vec()),
        }
    }

    /// How everybody looks at the others.
    pub(super) const fn look(&self) -> Look {
        Look {
            shown: self.shown,
            height: self.height,
        }
    }

    /// How everybody joins; `meeting` is the prefix of the meetings.
    pub(super) fn config(&self) -> anyhow::Result<JoinConfig> {
        let prefix = match &self.meeting_prefix {
            Some(prefix) => prefix.clone(),
            None => format!("load-{:06x}", rand::random::<u32>() >> 8),
        };
        let mut config = self.entrance.config(prefix.parse()?)?;
        config.rungs = self.rung;
        Ok(config)
    }
}
