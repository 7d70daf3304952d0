//! One participant of a load: one task.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plenum_client::{Event, JoinConfig, JoinError, PublishError, Session};
use plenum_wire::Kind;
use plenum_wire::control::Want;
use tokio::time::{Interval, MissedTickBehavior, interval, interval_at};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::camera::{Camera, Pictures};
use super::figures::Figures;
use super::gallery::{Gallery, Look};
use super::ledger::Ledger;
use super::payload::Epoch;
use super::speaker::{Speaker, TICK, audio_codec};
use super::stream::Stream;

/// How often the senders' counts are looked at.
const OBSERVE: Duration = Duration::from_millis(100);

/// What all participants are given.
#[derive(Clone)]
pub struct Common {
    pub board: Arc<Board>,
    pub epoch: Epoch,
    pub pictures: Pictures,
    pub look: Look,
    /// The user ends the load early.
    pub stop: CancellationToken,
    /// Publishers stop.
    pub quiet: CancellationToken,
    /// Everybody leaves.
    pub leave: CancellationToken,
}

/// One participant's part.
pub struct Seat {
    pub common: Common,
    pub config: JoinConfig,
    /// The number of its meeting.
    pub meeting: usize,
    /// Its name in the report.
    pub name: String,
    pub speaks: bool,
    /// Its figures are told apart: it is behind the bad network, and others are not.
    pub apart: bool,
    /// Of what it says.
    pub seed: u64,
}

/// How a participant fared.
pub enum Outcome {
    /// It was there.
    Took {
        /// What it measured.
        figures: Box<Figures>,
        /// See [`Seat::apart`].
        apart: bool,
    },
    /// It could not join.
    Failed(JoinError),
    /// The user ended the load before the join was done.
    Abandoned,
}

impl Seat {
    /// Joins, takes part until everybody leaves, leaves.
    pub async fn take(self) -> Outcome {
        let Common { board, quiet, .. } = self.common.clone();
        let start = Instant::now();
        board.attempted.add(1);
        let joined = tokio::select! {
            joined = Session::join(self.config.clone()) => joined,
            () = quiet.cancelled() => return self.give_up(start.elapsed()),
        };
        let mut session = match joined {
            Ok(session) => session,
            Err(error) => {
                board.failed.add(1);
                board.trouble(&self.name, error.to_string());
                return Outcome::Failed(error);
            }
        };
        let epoch = self.common.epoch;
        let mut ledger = Ledger::new(Arc::clone(&board), epoch, self.meeting, self.name.clone());
        ledger.figures.joins.record(start.elapsed());
        board.present.add(1);
        let alive = match self.speaker(&mut session).await {
            Ok(speaker) => self.attend(&mut session, speaker, &mut ledger).await,
            Err(error) => {
                ledger.trouble(error.to_string());
                self.attend(&mut session, None, &mut ledger).await
            }
        };
        let figures = ledger.finish(session.copies_removed());
        board.present.subtract_one();
        if alive {
            session.leave().await;
        }
        Outcome::Took {
            figures: Box::new(figures),
            apart: self.apart,
        }
    }

    /// Who could not join while the load lasted has failed, unless the user cut it short.
    fn give_up(&self, tried: Duration) -> Outcome {
        if self.common.stop.is_cancelled() {
            return Outcome::Abandoned;
        }
        let error = JoinError::Configuration(format!(
            "had not joined after {:.1} s, when the load ended: make --for longer",
            tried.as_secs_f64()
        ));
        self.common.board.failed.add(1);
        self.common.board.trouble(&self.name, error.to_string());
        Outcome::Failed(error)
    }

    async fn speaker(&self, session: &mut Session) -> Result<Option<Speaker>, PublishError> {
        if !self.speaks {
            return Ok(None);
        }
        let Common {
            board, pictures, ..
        } = &self.common;
        let audio = session.publish(Kind::Audio, audio_codec()).await?;
        let audio = Stream::new(audio, 0, audio_codec(), board, self.meeting);
        let camera = Camera::publish(pictures, session, board, self.meeting).await?;
        Ok(Some(Speaker::new(audio, camera, self.seed)))
    }

    /// `false` when the session ended by itself.
    async fn attend(
        &self,
        session: &mut Session,
        mut speaker: Option<Speaker>,
        ledger: &mut Ledger,
    ) -> bool {
        let Common {
            board,
            quiet,
            leave,
            ..
        } = &self.common;
        let mut gallery = Gallery::new(self.common.look, self.seed);
        let mut silent = false;
        let mut pace = pace();
        let mut observe = interval(OBSERVE);
        observe.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = session.next_event() => match event {
                    Some(Event::KeyFrameWanted { layer, .. }) => {
                        if let Some(speaker) = &mut speaker {
                            speaker.make_key_frame(layer);
                        }
                    }
                    Some(event) => {
                        let wants = rearrange(&mut gallery, &event);
                        ledger.enter(event, Instant::now());
                        ledger.show(&wants, Instant::now());
                        session.want(wants);
                    }
                    None => return false,
                },
                due = pace.tick(), if speaker.is_some() => {
                    if let Some(speaker) = &mut speaker {
                        ledger.sent_late(due.elapsed());
                        board.sent.add(speaker.tick(self.common.epoch));
                    }
                }
                _ = observe.tick() => {
                    ledger.observe(Instant::now());
                    for track in ledger.broken_pictures() {
                        session.want_key_frame(&track);
                    }
                }
                () = quiet.cancelled(), if !silent => {
                    silent = true;
                    speaker = None;
                    ledger.quiet(Instant::now());
                }
                () = leave.cancelled() => return true,
            }
        }
    }
}

/// What is to be shown otherwise now that somebody's picture is there, or is not.
fn rearrange(gallery: &mut Gallery, event: &Event) -> Vec<Want> {
    match event {
        Event::TrackAdded(track) if track.kind == Kind::Video => gallery.came(&track.participant),
        Event::TrackRemoved(track) if track.kind == Kind::Video => gallery.left(&track.participant),
        Event::ParticipantLeft(who) => {
            gallery.gone(who);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Everybody's ticks are spread over the 20 ms, as people's are.
fn pace() -> Interval {
    let offset = TICK.mul_f64(rand::random());
    let mut pace = interval_at(tokio::time::Instant::now() + offset, TICK);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    pace
}
