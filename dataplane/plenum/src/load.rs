//! `plenum load`: many participants in many meetings, and an honest account of them.
//!
//! | module | what it does |
//! |---|---|
//! | [`args`] | what it is told |
//! | [`account`], [`gap`], [`sight`], [`histogram`] | pure: what a receiver should have got, what it got, when |
//! | [`ledger`], [`figures`] | one participant's books, and what they come to |
//! | [`participant`], [`gallery`] | one participant: joins, receives what it shows, leaves |
//! | [`speaker`], [`talk`], [`camera`], [`stream`], [`payload`] | what it sends |
//! | [`board`], [`happening`] | what they share, and tell as it happens |
//! | [`tally`] | what came of all of them |
//! | [`progress`], [`report`] | what is seen while it runs, and at the end |

mod account;
mod args;
mod board;
mod camera;
mod figures;
mod gallery;
mod gap;
mod happening;
mod histogram;
mod ledger;
mod participant;
mod payload;
mod progress;
mod report;
mod sight;
mod speaker;
mod stream;
mod talk;
mod tally;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use plenum_client::{JoinConfig, Network};
use plenum_emulator::{Phase, Phases};
use plenum_wire::MeetingId;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::Output;
use crate::join::{WrongUse, exit_status};
pub use args::LoadArgs;
use board::Board;
use happening::What;
use participant::{Common, Outcome, Seat};
use payload::Epoch;
use progress::Progress;
use report::Report;
use tally::Tally;

/// How long receivers stay after the last packet was sent.
const LINGER: Duration = Duration::from_secs(1);

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
            ExitCode::from(exit_status(&error))
        }
    }
}

async fn load(args: LoadArgs, stop: CancellationToken) -> anyhow::Result<(Report, u8)> {
    args.check().map_err(WrongUse)?;
    let config = args.config()?;
    let start = Instant::now();
    let lasts = Duration::from_secs_f64(args.lasts);
    let board = Arc::new(Board::new(start, args.timeline.is_some()));
    let common = Common {
        board: Arc::clone(&board),
        epoch: Epoch(start),
        pictures: args.pictures(),
        look: args.look(),
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
