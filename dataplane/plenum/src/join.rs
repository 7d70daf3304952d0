//! `plenum join`: a participant at a shell, with real encoded files.

mod entrance;
mod gaps;
mod layers;
mod play;
mod record;
mod report;
mod turns;
mod wrong_use;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use plenum_client::{Ending, Event, JoinError, RungPolicy, Session};
use plenum_wire::{DisplayName, Kind, MeetingId, ParticipantId, RouterId, Rung};
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

pub(crate) use entrance::Entrance;
use gaps::Gaps;
use play::Players;
use record::Recordings;
use report::{Failure, Report, Way};
pub(crate) use report::{shares, words};
use turns::Turns;
pub(crate) use wrong_use::{WrongUse, exit_status};

/// How long to stay after the last file was played, for what is still on its way.
const LINGER: Duration = Duration::from_secs(1);

/// Join a meeting, play files into it, record what others say.
///
/// Files are Ogg Opus, and IVF with VP8, VP9, AV1 or H.264; they are sent in real time as
/// they are, without decoding. Without files and without --for you listen until Ctrl-C.
/// Exit status: 0 all went well, also when the meeting was ended meanwhile, 2 wrong use,
/// 3 refused for good, 4 full or not ready after trying again, 5 nobody could be reached
/// safely, 1 anything else.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  plenum join --directory https://meet.example.org --meeting 4711 --audio me.ogg --video me.ivf\n  plenum join --zone https://zone.example.org --meeting 4711 --record out\nIf it does not work, plenum doctor says why."
)]
pub struct JoinArgs {
    #[command(flatten)]
    entrance: Entrance,
    /// The meeting's number.
    #[arg(long, value_name = "ID")]
    meeting: MeetingId,
    /// The name to show to others, of at most 128 bytes.
    #[arg(long)]
    name: Option<DisplayName>,
    /// Speech to send.
    #[arg(long, value_name = "FILE.ogg")]
    audio: Option<PathBuf>,
    /// A camera to send. Again for each larger size of the same picture, with the same frames
    /// and key frames, best one every second: every viewer gets the size that fits
    /// (simulcast), and another one from its next key frame on.
    #[arg(long, value_name = "FILE.ivf")]
    video: Vec<PathBuf>,
    /// A shared screen to send.
    #[arg(long, value_name = "FILE.ivf")]
    content: Option<PathBuf>,
    /// Play the files again and again.
    #[arg(long = "loop")]
    again: bool,
    /// Begin to play when so many others publish something.
    #[arg(long, value_name = "PEOPLE", default_value_t = 0)]
    wait_for: usize,
    /// Write every track received to DIR/<participant>-<kind>.ogg or .ivf.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Leave after so many seconds; otherwise when the files are played.
    #[arg(long = "for", value_name = "SECONDS")]
    lasts: Option<u64>,
    /// How media is carried: the best that works, or only this.
    #[arg(long, value_name = "auto|udp|tcp|tls", default_value = "auto", value_parser = rung_policy)]
    rung: RungPolicy,
    /// What to print at the end.
    #[arg(long, value_enum, default_value_t = crate::Output::Text)]
    output: crate::Output,
}

/// Reads `--rung`.
pub(crate) fn rung_policy(text: &str) -> Result<RungPolicy, String> {
    if text == "auto" {
        return Ok(RungPolicy::Race);
    }
    let rung: Rung = text
        .parse()
        .map_err(|_| format!("write auto, udp, tcp or tls, not {text:?}"))?;
    Ok(RungPolicy::Only(rung))
}

/// Runs `plenum join`.
pub async fn run(args: JoinArgs, stop: CancellationToken) -> ExitCode {
    let output = args.output;
    match attend(args, stop).await {
        Ok(report) => {
            report.print(output);
            ExitCode::SUCCESS
        }
        Err(error) => {
            let status = exit_status(&error);
            Failure::new(&error, status).print(output);
            ExitCode::from(status)
        }
    }
}

async fn attend(args: JoinArgs, stop: CancellationToken) -> anyhow::Result<Report> {
    // Files first: who cannot play should not disturb a meeting.
    let files = [
        (Kind::Audio, paths(args.audio.as_slice())),
        (Kind::Video, paths(&args.video)),
        (Kind::Content, paths(args.content.as_slice())),
    ];
    let mut players = Players::open(files.into_iter(), args.again)?;
    let recordings = Recordings::new(args.record.as_deref())?;
    let mut config = args.entrance.config(args.meeting)?;
    config.name = args.name;
    config.rungs = args.rung;
    config.whole = args.record.is_some();
    // A recording shall have the first packet of a shared screen too.
    config.kinds = Kind::ALL.into();

    let began = Instant::now();
    let joining = Session::join(config);
    let session = tokio::select! {
        session = joining => session?,
        () = stop.cancelled() => anyhow::bail!("stopped before the meeting was joined"),
    };
    let joined = began.elapsed();
    tracing::info!(ms = joined.as_millis(), "joined");
    let mut attendance = Attendance {
        session,
        recordings,
        turns: Turns::default(),
        gaps: Gaps::default(),
        joined,
        began,
        first_media: None,
        rungs: BTreeMap::new(),
        publishers: BTreeSet::new(),
        wait_for: args.wait_for,
        leave_at: args
            .lasts
            .map(|seconds| began + joined + Duration::from_secs(seconds)),
        lost: None,
        meeting_ended: false,
    };
    for track in players.tracks() {
        track.publish(&mut attendance.session).await?;
    }
    attendance.take_part(players, stop).await
}

fn paths(files: &[PathBuf]) -> Vec<&Path> {
    files.iter().map(PathBuf::as_path).collect()
}

/// Being in a meeting.
struct Attendance {
    session: Session,
    recordings: Recordings,
    turns: Turns,
    gaps: Gaps,
    began: Instant,
    joined: Duration,
    first_media: Option<Duration>,
    rungs: BTreeMap<Kind, Rung>,
    publishers: BTreeSet<ParticipantId>,
    wait_for: usize,
    leave_at: Option<Instant>,
    /// Why there is no router now.
    lost: Option<String>,
    meeting_ended: bool,
}

impl Attendance {
    async fn take_part(
        mut self,
        mut players: Players,
        stop: CancellationToken,
    ) -> anyhow::Result<Report> {
        let mut router = self.session.router().cloned();
        let stayed = self.stay(&mut players, &stop, &mut router).await;
        let way = self.session.way().cloned();
        players.stop();
        self.session.leave().await;
        // What was recorded until a failure is kept too.
        let tracks = self.recordings.finish()?;
        let active_s = self.turns.finish(Instant::now());
        stayed?;
        if let Some(reason) = self.lost {
            let router = router.map_or_else(|| "of the meeting".to_owned(), |id| id.to_string());
            let error = JoinError::RouterUnreachable { router, reason };
            return Err(anyhow::Error::new(error).context("the meeting was lost"));
        }
        Ok(Report {
            joined_ms: self.joined.as_millis(),
            first_media_ms: self.first_media.map(|first| first.as_millis()),
            rungs: self.rungs,
            router,
            way: way.map(Way::from),
            active_s,
            audio_gap_ms: self.gaps.finish(),
            meeting_ended: self.meeting_ended,
            tracks,
        })
    }

    /// Plays and listens until it is time to leave; `router` is the last one known.
    async fn stay(
        &mut self,
        players: &mut Players,
        stop: &CancellationToken,
        router: &mut Option<RouterId>,
    ) -> anyhow::Result<()> {
        loop {
            if self.publishers.len() >= self.wait_for {
                players.start();
            }
            let leave = leave(self.leave_at);
            tokio::select! {
                event = self.session.next_event() => match event {
                    Some(event) => self.take(event)?,
                    None => return Ok(()),
                },
                ended = players.ended(), if players.playing() => {
                    ended?;
                    if self.leave_at.is_none() {
                        self.leave_at = Some(Instant::now() + LINGER);
                    }
                }
                () = leave => return Ok(()),
                () = stop.cancelled() => return Ok(()),
            }
            if let Some(now) = self.session.router() {
                *router = Some(now.clone());
            }
        }
    }

    fn take(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::TrackAdded(track) => {
                tracing::info!(participant = %track.participant, kind = %track.kind, codec = track.codec.name, "track");
                self.publishers.insert(track.participant.clone());
            }
            Event::Packet { track, packet, at } => {
                self.first_media
                    .get_or_insert_with(|| at.saturating_duration_since(self.began));
                if track.kind == Kind::Audio {
                    self.gaps.packet(&track.participant, at);
                }
                self.recordings.packet(&track, packet, at)?;
            }
            Event::TrackRemoved(track) => self.recordings.end(&track)?,
            Event::Bound { kind, rung } => {
                self.rungs.insert(kind, rung);
            }
            Event::Speakers { slots, active } => {
                tracing::debug!(?active, heard = slots.iter().flatten().count(), "speakers");
                self.turns.pass(active, Instant::now());
                self.gaps.heard(&slots);
                self.recordings.heard(slots)?;
            }
            Event::MoveStarted { to } => tracing::info!(%to, "moving"),
            Event::MoveEnded { ok, router } => tracing::info!(ok, %router, "moved"),
            Event::Reconnecting { reason } => {
                tracing::warn!(reason, "the router was lost");
                self.lost = Some(reason);
            }
            Event::Reconnected { router } => {
                tracing::info!(%router, "back");
                self.lost = None;
            }
            Event::Objection { code, message } => {
                tracing::warn!(?code, message, "the router objected");
            }
            Event::Ended(ending) => return self.ended(ending),
            Event::LayersWanted { kind, layers } => tracing::debug!(%kind, ?layers, "wanted"),
            Event::ParticipantLeft(who) => self.gaps.left(&who),
            // A file has its key frames where they are.
            Event::KeyFrameWanted { .. } | Event::Joined { .. } | Event::ParticipantJoined(_) => {}
        }
        Ok(())
    }

    /// We leave by ourselves, and meetings are ended: whoever is put out otherwise has to know, and
    /// so has a script.
    fn ended(&mut self, ending: Ending) -> anyhow::Result<()> {
        match ending {
            Ending::Left => Ok(()),
            Ending::MeetingEnded => {
                self.meeting_ended = true;
                // There is nothing to come back to.
                self.lost = None;
                Ok(())
            }
            // By itself, because the exit status goes by it.
            Ending::Failed(error) => Err(error.into()),
            Ending::Replaced => Err(ending.into()),
        }
    }
}

/// Comes at that time, or never.
async fn leave(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
