//! `plenum load`: many participants in many meetings, and an honest account of them.
//!
//! | module | what it does |
//! |---|---|
//! | [`account`], [`histogram`] | pure: what a receiver should have got, what it got, when |
//! | [`ledger`] | one participant's books |
//! | [`participant`], [`gallery`] | one participant: joins, receives what it shows, leaves |
//! | [`speaker`], [`talk`], [`camera`], [`stream`], [`payload`] | what it sends |
//! | [`board`], [`happening`] | what they share, and tell as it happens |
//! | [`tally`] | what came of all of them |
//! | [`progress`], [`report`] | what is seen while it runs, and at the end |

mod account;
mod board;
mod camera;
mod gallery;
mod happening;
mod histogram;
mod ledger;
mod participant;
mod payload;
mod progress;
mod report;
mod speaker;
mod stream;
mod talk;
mod tally;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use plenum_client::{JoinConfig, JoinError, Network, RungPolicy, exit};
use plenum_emulator::{Phase, Phases};
use plenum_wire::MeetingId;
use plenum_wire::limits::LAYERS;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::Output;
use board::Board;
use camera::Pictures;
use gallery::Look;
use happening::What;
use participant::{Common, Outcome, Seat};
use payload::Epoch;
use progress::Progress;
use report::Report;
use tally::Tally;

/// How long receivers stay after the last packet was sent.
const LINGER: Duration = Duration::from_secs(1);

/// Put load on a zone: meetings full of participants who speak, listen and count.
///
/// Every participant joins as any client does, sends audio of 50 packets a second (and
/// video), and accounts for each packet that it should have received. Ctrl-C ends the load
/// early, with its report. Exit status: 0 when every join worked and nobody was dropped; 3
/// refused for good, 4 full or not ready, 5 nobody could be reached safely, 1 anything else.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  plenum load --zone https://127.0.0.1:8443 --ca ca.crt --meetings 10 --participants 8 --speakers 3 --ramp 10 --for 60 --report load.json"
)]
pub struct LoadArgs {
    /// The address of a zone controller; more than one are asked together.
    #[arg(long = "zone", value_name = "https://HOST[:PORT]", required = true)]
    zones: Vec<String>,
    /// The certificate authority of the zone in PEM; the public web's if not given.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The directory's token, where the zone asks for one.
    #[arg(long, env = "PLENUM_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// How many meetings.
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    meetings: u32,
    /// How many participants in each meeting.
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    participants: u32,
    /// How many of them speak; all if not given.
    #[arg(long, value_name = "S")]
    speakers: Option<u32>,
    /// Speakers also send video of so many kbit/s.
    #[arg(long, value_name = "K", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=50_000))]
    video_kbps: u32,
    /// Speakers send video in layers of so many kbit/s each instead, the lowest first: 720
    /// pixels high the highest, each other half as high as the next.
    #[arg(long, value_name = "K,K,..", value_delimiter = ',', num_args = 1..=LAYERS, conflicts_with = "video_kbps", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    layers: Vec<u32>,
    /// Everybody shows only so many of the others' pictures; the others are paused.
    #[arg(long, value_name = "N")]
    shown: Option<usize>,
    /// Everybody shows pictures so many pixels high; as high as they are if not given.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..))]
    height: Option<u16>,
    /// Spread the joins evenly over so many seconds, meeting after meeting.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = span)]
    ramp: f64,
    /// How long the load lasts in all, the ramp included.
    #[arg(long = "for", value_name = "SECONDS", value_parser = span)]
    lasts: f64,
    /// Meetings are called PREFIX-1, PREFIX-2 and so on; different in each run if not given.
    #[arg(long, value_name = "PREFIX")]
    meeting_prefix: Option<String>,
    /// Put participants behind a bad network, in user space; only media over UDP is. Keys are
    /// delay, jitter, queue (50ms), loss, reorder (10%) and rate (500k), of one direction with
    /// up- or down- in front. Again with after=20s: how it is from then on.
    #[arg(long = "network", value_name = "KEY=VALUE,...")]
    network: Vec<Phase>,
    /// Only so many participants of each meeting are behind it, those who joined last.
    #[arg(long, value_name = "N", requires = "network")]
    behind: Option<u32>,
    /// The chances of the bad network come from this number.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    network_seed: u64,
    /// How media is carried: the best that works, or only this.
    #[arg(long, value_name = "auto|udp|tcp|tls", default_value = "auto", value_parser = crate::join::rung_policy)]
    rung: RungPolicy,
    /// Write the report as JSON to this file too.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write to this file what happens each second and to each participant, one JSON object
    /// a line.
    #[arg(long, value_name = "FILE")]
    timeline: Option<PathBuf>,
    /// What to print at the end.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
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

/// Runs `plenum load`; `stop` ends it early.
pub async fn run(args: LoadArgs, stop: CancellationToken) -> ExitCode {
    let output = args.output;
    match load(args, stop).await {
        Ok((report, status)) => {
            match output {
                Output::Text => print!("{report}"),
                Output::Json => match serde_json::to_string(&report) {
                    Ok(json) => println!("{json}"),
                    Err(error) => eprintln!("error: {error}"),
                },
            }
            ExitCode::from(status)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            let status = error.downcast_ref();
            ExitCode::from(status.map_or(exit::OTHER, JoinError::exit_status))
        }
    }
}

async fn load(args: LoadArgs, stop: CancellationToken) -> anyhow::Result<(Report, u8)> {
    let config = config(&args)?;
    let start = Instant::now();
    let lasts = Duration::from_secs_f64(args.lasts);
    let board = Arc::new(Board::new(start, args.timeline.is_some()));
    let common = Common {
        board: Arc::clone(&board),
        epoch: Epoch(start),
        pictures: pictures(&args),
        look: Look {
            shown: args.shown,
            height: args.height,
        },
        quiet: stop.child_token(),
        stop,
        leave: CancellationToken::new(),
    };
    let seats = seats(&args, &config, &common)?;
    let plain = matches!(args.output, Output::Json);
    let timeline = args.timeline.as_deref();
    let progress = Progress::new(Arc::clone(&board), seats.len(), lasts, plain, timeline)?;
    let phases = announce(args.network.clone(), start, Arc::clone(&board));
    let _phases = AbortOnDropHandle::new(tokio::spawn(phases));
    let ended = CancellationToken::new();
    let mut progress = AbortOnDropHandle::new(tokio::spawn(progress.run(ended.clone())));

    let seating = seat(
        seats,
        Duration::from_secs_f64(args.ramp),
        start,
        &common.quiet,
    );
    let whole = async {
        let mut tasks = seating.await;
        tokio::select! {
            () = sleep_until((start + lasts).into()) => {}
            () = common.quiet.cancelled() => {}
        }
        common.quiet.cancel();
        sleep(LINGER).await;
        common.leave.cancel();
        Tally::collect(&mut tasks).await
    };
    let tally = tokio::select! {
        tally = whole => tally,
        // It ends by itself only when the timeline cannot be written.
        broken = &mut progress => {
            broken.context("the progress display broke")??;
            anyhow::bail!("the progress display ended");
        }
    };
    ended.cancel();
    progress.await.context("the progress display broke")??;
    let report = Report::new(&board, &tally, start.elapsed());
    if let Some(path) = &args.report {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, json + "\n")
            .with_context(|| format!("--report {} cannot be written", path.display()))?;
    }
    Ok((report, tally.status()))
}

fn pictures(args: &LoadArgs) -> Pictures {
    match (&args.layers[..], args.video_kbps) {
        ([], 0) => Pictures::None,
        ([], kbps) => Pictures::One(kbps),
        (layers, _) => Pictures::Layers(layers.to_vec()),
    }
}

fn config(args: &LoadArgs) -> anyhow::Result<JoinConfig> {
    anyhow::ensure!(
        args.ramp < args.lasts,
        "--ramp {} leaves no time of --for {}: make --for longer",
        args.ramp,
        args.lasts
    );
    let read = |path: &PathBuf| {
        std::fs::read(path).with_context(|| format!("--ca {} cannot be read", path.display()))
    };
    let authority = args.ca.as_ref().map(read).transpose()?;
    let network = Network::new(authority.as_deref())?;
    let prefix = match &args.meeting_prefix {
        Some(prefix) => prefix.clone(),
        None => format!("load-{:06x}", rand::random::<u32>() >> 8),
    };
    let mut config = JoinConfig::new(network, args.zones.clone(), prefix.parse()?);
    config.rungs = args.rung;
    config.token.clone_from(&args.token);
    Ok(config)
}

/// Meeting after meeting, the speakers first. `config.meeting` is the prefix.
fn seats(args: &LoadArgs, config: &JoinConfig, common: &Common) -> anyhow::Result<Vec<Seat>> {
    let speakers = args.speakers.unwrap_or(args.participants);
    let in_front = args
        .behind
        .map_or(0, |behind| args.participants.saturating_sub(behind));
    let mut seats = Vec::new();
    for meeting in 1..=args.meetings {
        let id: MeetingId = format!("{}-{meeting}", config.meeting).parse()?;
        for number in 1..=args.participants {
            let name = format!("{meeting}/{number}");
            let mut config = config.clone();
            config.meeting = id.clone();
            config.name = Some(name.parse()?);
            let seed = u64::from(meeting) << 32 | u64::from(number);
            let behind = !args.network.is_empty() && number > in_front;
            if behind {
                config.network = put_behind(args, &config.network, seed, common.epoch.0);
            }
            seats.push(Seat {
                common: common.clone(),
                config,
                meeting: meeting as usize,
                name,
                speaks: number <= speakers,
                apart: behind && in_front > 0,
                seed,
            });
        }
    }
    Ok(seats)
}

/// One participant's own bad network.
fn put_behind(args: &LoadArgs, network: &Network, seed: u64, start: Instant) -> Network {
    let phases = Phases::new(args.network.clone());
    let bad =
        plenum_emulator::Network::new(phases, start, args.network_seed.wrapping_add(seed << 8));
    network.through(Arc::new(move |router| bad.way_to(router)))
}

/// Tells the timeline when the bad network changes.
async fn announce(phases: Vec<Phase>, start: Instant, board: Arc<Board>) {
    let mut begins: Vec<Duration> = phases.iter().map(|phase| phase.after).collect();
    begins.sort_unstable();
    for (after, phase) in begins.into_iter().zip(1..) {
        sleep_until((start + after).into()).await;
        board.announce(What::Network { phase });
    }
}

/// Lets everybody come, evenly over the ramp.
async fn seat(
    seats: Vec<Seat>,
    ramp: Duration,
    start: Instant,
    quiet: &CancellationToken,
) -> JoinSet<Outcome> {
    let count = u32::try_from(seats.len()).unwrap_or(u32::MAX);
    let step = ramp / count.max(1);
    let mut tasks = JoinSet::new();
    for (seat, number) in seats.into_iter().zip(0..) {
        tokio::select! {
            () = sleep_until((start + step * number).into()) => {}
            () = quiet.cancelled() => break,
        }
        tasks.spawn(seat.take());
    }
    tasks
}
