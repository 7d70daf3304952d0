//! What `plenum join` prints at its end.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use plenum_client::connect::{self, RouteKind};
use plenum_client::quality::{Heights, Quality};
use plenum_wire::{Kind, ParticipantId, RouterId, Rung};
use serde::Serialize;

use crate::Output;

/// It went well.
#[derive(Debug, Serialize)]
pub struct Report {
    /// From the start to being in, media connections included.
    pub joined_ms: u128,
    /// From the start to the first packet received.
    pub first_media_ms: Option<u128>,
    /// What carried each kind at the end.
    pub rungs: BTreeMap<Kind, Rung>,
    /// The last router.
    pub router: Option<RouterId>,
    /// How it was found.
    #[serde(flatten)]
    pub way: Option<Way>,
    /// How long each was the active speaker, in seconds.
    pub active_s: BTreeMap<ParticipantId, f64>,
    /// The longest time without a packet of somebody's audio who was heard before and after.
    pub audio_gap_ms: BTreeMap<ParticipantId, u128>,
    /// Whether somebody ended the meeting meanwhile.
    pub meeting_ended: bool,
    /// What was received.
    pub tracks: Vec<Received>,
}

/// How the router was found.
#[derive(Debug, Serialize)]
pub struct Way {
    /// The zone: its name, or the address that was given.
    pub zone: String,
    /// How it is reached.
    pub route: RouteKind,
    /// How long the steps of the last join took, in milliseconds.
    pub steps: Steps,
}

/// The steps of a join; `None` for those that were not needed.
#[derive(Debug, Serialize)]
pub struct Steps {
    /// The directory.
    pub lookup_ms: Option<u128>,
    /// The network test.
    pub test_ms: Option<u128>,
    /// The zone's answer.
    pub router_ms: Option<u128>,
    /// Control channel and media.
    pub media_ms: Option<u128>,
}

impl From<connect::Way> for Way {
    fn from(way: connect::Way) -> Self {
        let ms = |step: Option<Duration>| step.map(|step| step.as_millis());
        Self {
            zone: way.zone,
            route: way.route,
            steps: Steps {
                lookup_ms: ms(way.steps.lookup),
                test_ms: ms(way.steps.test),
                router_ms: ms(way.steps.router),
                media_ms: ms(way.steps.media),
            },
        }
    }
}

/// One track.
#[derive(Debug, Serialize)]
pub struct Received {
    /// Whose.
    pub participant: ParticipantId,
    /// Which.
    pub kind: Kind,
    /// Where it was recorded.
    pub file: Option<PathBuf>,
    /// Packets received.
    pub packets: u64,
    /// Packets between the first and the last that never came. Audio that was not among the
    /// loudest is not sent on, and not lost.
    pub lost: u64,
    /// What of it could be heard or seen in time.
    #[serde(flatten)]
    pub quality: Seen,
}

/// As a player would have it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Seen {
    /// Audio.
    Voice {
        /// Packets of a thousand that a jitter buffer had to conceal, late or lost.
        unrecovered_per_mille: Option<f64>,
        /// Times that something was concealed.
        concealments: u64,
        /// The longest playout delay.
        playout_delay_max_ms: u128,
    },
    /// Video and content.
    Picture {
        /// Times that the picture stood for more than 150 ms too long.
        freezes: u64,
        /// The longest of these.
        freeze_max_ms: u128,
        /// By height in pixels: the share of the time for which the picture had it, 0 to 1.
        heights: BTreeMap<u16, f64>,
        /// Times that the height changed.
        height_switches: u64,
    },
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Voice {
                unrecovered_per_mille,
                ..
            } => {
                let share = unrecovered_per_mille.unwrap_or(0.0);
                write!(f, "{share:.1} ‰ concealed")
            }
            Self::Picture {
                freezes,
                freeze_max_ms,
                heights,
                ..
            } => {
                write!(f, "{freezes} freezes, longest {freeze_max_ms} ms")?;
                for (height, share) in heights {
                    write!(f, ", {height}p {:.0} %", share * 100.0)?;
                }
                Ok(())
            }
        }
    }
}

impl Seen {
    /// The figures that fit the kind.
    pub fn of(kind: Kind, quality: &Quality) -> Self {
        let Quality { voice, picture } = quality;
        match kind {
            Kind::Audio => Self::Voice {
                unrecovered_per_mille: voice.unrecovered_per_mille(),
                concealments: voice.concealments,
                playout_delay_max_ms: voice.delay_max.as_millis(),
            },
            Kind::Video | Kind::Content => Self::Picture {
                freezes: picture.freezes,
                freeze_max_ms: picture.longest.as_millis(),
                heights: shares(&picture.heights),
                height_switches: picture.heights.switches,
            },
        }
    }
}

/// For how much of the time a picture was of each height, 0 to 1.
pub fn shares(heights: &Heights) -> BTreeMap<u16, f64> {
    #[allow(clippy::cast_precision_loss)] // at most 1,000
    let share = |per_mille: u64| per_mille as f64 / 1_000.0;
    let all = heights.per_mille().into_iter();
    all.map(|(height, lasted)| (height, share(lasted)))
        .collect()
}

/// It did not.
#[derive(Debug, Serialize)]
pub struct Failure {
    error: String,
    exit_status: u8,
}

impl Failure {
    /// The error with all that led to it.
    pub fn new(error: &anyhow::Error, exit_status: u8) -> Self {
        Self {
            error: format!("{error:#}"),
            exit_status,
        }
    }

    /// On standard error for people, on standard output for scripts.
    pub fn print(&self, output: Output) {
        match output {
            Output::Json => println!("{}", plenum_wire::encode(self)),
            Output::Text => eprintln!("plenum join: {}", self.error),
        }
    }
}

impl Report {
    /// Prints it.
    pub fn print(&self, output: Output) {
        match output {
            Output::Json => println!("{}", plenum_wire::encode(self)),
            Output::Text => self.print_text(),
        }
    }

    fn print_text(&self) {
        let rungs: Vec<_> = self
            .rungs
            .iter()
            .map(|(kind, rung)| format!("{kind} {rung}"))
            .collect();
        println!("joined in {} ms ({})", self.joined_ms, rungs.join(", "));
        if let Some(way) = &self.way {
            println!("zone {}, {}", way.zone, words(way.route));
        }
        if self.meeting_ended {
            println!("the meeting was ended");
        }
        for (who, seconds) in &self.active_s {
            println!("{who} was the active speaker for {seconds:.1} s");
        }
        for track in &self.tracks {
            let file = track
                .file
                .as_ref()
                .map_or(String::new(), |file| format!(" -> {}", file.display()));
            println!(
                "{} {}: {} packets, {} lost, {}{file}",
                track.participant, track.kind, track.packets, track.lost, track.quality
            );
        }
    }
}

/// How a zone is reached, for a person.
pub const fn words(route: RouteKind) -> &'static str {
    match route {
        RouteKind::Direct => "reached straight",
        RouteKind::Proxy => "reached by this network's proxy",
        RouteKind::Tunnel => "reached through a tunnel",
    }
}
