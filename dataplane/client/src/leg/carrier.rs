//! The media connections of one kind to one router: does what its [`Ladder`] decides.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_transport::dial::MediaSender;
use plenum_wire::rtp::{self, Header};
use plenum_wire::{FlowId, Kind, Rung};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::silence::{Change, LOOK, Silence};
use super::{LegNote, MediaNote, Note, Wiring};
use crate::ladder::{Action, Ladder, RungPolicy};
use crate::track::Outlet;

/// How long one rung may take to connect.
const DIAL_WITHIN: Duration = Duration::from_secs(4);

struct Connection {
    attempt: u32,
    sender: Option<MediaSender>,
    _task: AbortOnDropHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.close();
        }
    }
}

pub(super) struct Carrier {
    wiring: Wiring,
    kind: Kind,
    flow: FlowId,
    knock: Bytes,
    ladder: Ladder,
    connections: BTreeMap<Rung, Connection>,
    attempts: u32,
    failures: BTreeMap<Rung, String>,
    was_bound: bool,
    /// A sentence, when no rung worked in a whole race.
    exhausted: Option<String>,
}

impl Carrier {
    pub fn new(
        wiring: Wiring,
        kind: Kind,
        flow: FlowId,
        knock: Bytes,
        policy: RungPolicy,
        now: Instant,
    ) -> Self {
        let blocked = wiring.terrain.blocked(wiring.spot, now);
        let mut carrier = Self {
            wiring,
            kind,
            flow,
            knock,
            ladder: Ladder::new(policy, &blocked, now),
            connections: BTreeMap::new(),
            attempts: 0,
            failures: BTreeMap::new(),
            was_bound: false,
            exhausted: None,
        };
        carrier.act();
        carrier
    }

    pub fn handle_welcome(&mut self, now: Instant) {
        self.ladder.handle_welcome(now);
        self.act();
    }

    pub fn handle_bound(&mut self, rung: Rung, now: Instant) {
        self.ladder.handle_bound(rung, now);
        self.was_bound |= self.is_bound();
        self.act();
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.ladder.handle_timeout(now);
        self.act();
    }

    pub fn handle(&mut self, rung: Rung, attempt: u32, note: MediaNote, now: Instant) {
        let current = self.connections.get_mut(&rung);
        let Some(connection) = current.filter(|current| current.attempt == attempt) else {
            return;
        };
        match note {
            MediaNote::Opened(sender) => {
                connection.sender = Some(sender);
                self.ladder.handle_opened(rung, now);
            }
            MediaNote::Failed(reason) => {
                self.connections.remove(&rung);
                self.failures.insert(rung, reason);
                self.ladder.handle_failed(rung, now);
            }
            MediaNote::Silent => {
                tracing::debug!(kind = %self.kind, %rung, "nothing comes back");
                self.ladder.handle_silent(rung, now);
            }
            MediaNote::Heard => self.ladder.handle_heard(rung),
            MediaNote::Lost => {
                self.connections.remove(&rung);
                self.failures
                    .insert(rung, "the router closed it".to_owned());
                self.ladder.handle_lost(rung, now);
            }
        }
        self.act();
    }

    pub fn next_timeout(&self) -> Option<Instant> {
        self.ladder.next_timeout()
    }

    pub fn is_bound(&self) -> bool {
        self.ladder.carrying().is_some()
    }

    /// What carries.
    pub fn rung(&self) -> Option<Rung> {
        self.ladder.carrying()
    }

    /// Why no rung worked, once each time.
    pub fn take_exhausted(&mut self) -> Option<String> {
        self.exhausted.take()
    }

    pub fn was_bound(&self) -> bool {
        self.was_bound
    }

    /// What carries now: its rung, its number and the way out.
    pub fn outlet(&self) -> Option<(Rung, u32, Outlet)> {
        let rung = self.ladder.carrying()?;
        let connection = self.connections.get(&rung)?;
        let sender = connection.sender.clone()?;
        let flow = self.flow;
        Some((rung, connection.attempt, Outlet { sender, flow }))
    }

    fn act(&mut self) {
        for lesson in self.ladder.take_lessons() {
            let Wiring { terrain, spot, .. } = &self.wiring;
            terrain.learn(*spot, lesson, Instant::now());
        }
        while let Some(action) = self.ladder.poll() {
            match action {
                Action::Dial(rung) => self.dial(rung),
                Action::Knock(rung) => {
                    let connection = self.connections.get(&rung);
                    if let Some(sender) = connection.and_then(|c| c.sender.as_ref()) {
                        sender.send(self.flow, &self.knock);
                    }
                }
                Action::Close(rung) => {
                    self.connections.remove(&rung);
                }
                Action::Exhausted => self.exhausted = Some(self.obituary()),
            }
        }
    }

    fn dial(&mut self, rung: Rung) {
        self.attempts += 1;
        let attempt = self.attempts;
        let (kind, flow) = (self.kind, self.flow);
        let task = tokio::spawn(run(self.wiring.clone(), kind, rung, attempt, flow));
        let connection = Connection {
            attempt,
            sender: None,
            _task: AbortOnDropHandle::new(task),
        };
        self.connections.insert(rung, connection);
    }

    fn obituary(&self) -> String {
        let each = self.failures.iter();
        let each: Vec<String> = each.map(|(rung, why)| format!("{rung}: {why}")).collect();
        format!("no way for {} works ({})", self.kind, each.join("; "))
    }
}

/// Whether the path has gone dead, or is back.
fn look(silence: &mut Silence, sender: &MediaSender) -> Option<MediaNote> {
    let (sent, received) = sender.exchanged()?;
    silence.look(sent, received).map(|change| match change {
        Change::Silent => MediaNote::Silent,
        Change::Heard => MediaNote::Heard,
    })
}

/// The task of one connection: dials, then passes on what comes.
async fn run(wiring: Wiring, kind: Kind, rung: Rung, attempt: u32, flow: FlowId) {
    let send = |note| wiring.notes.send(Note::Leg(wiring.leg, note));
    let media = |note| {
        send(LegNote::Media {
            kind,
            rung,
            attempt,
            note,
        })
    };
    let dialling = wiring.dialer.media(kind, rung, &wiring.endpoint);
    let dialled = timeout(DIAL_WITHIN, dialling).await;
    let failure = match dialled {
        Ok(Ok(connection)) => {
            let (sender, mut receiver) = connection.split();
            let mut told = media(MediaNote::Opened(sender.clone())).await;
            let mut silence = Silence::default();
            let mut looks = interval(LOOK);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while told.is_ok() {
                let came = tokio::select! {
                    came = receiver.recv() => came,
                    _ = looks.tick() => {
                        if let Some(change) = look(&mut silence, &sender) {
                            told = media(change).await;
                        }
                        continue;
                    }
                };
                let Some((from, packet)) = came else {
                    break;
                };
                // What is not ours is no packet of a track.
                if from != flow {
                    continue;
                }
                let note = if rtp::is_rtcp(&packet) {
                    LegNote::Feedback { kind, packet }
                } else if let Some(header) = Header::parse(&packet) {
                    LegNote::Packet {
                        header,
                        packet,
                        at: Instant::now(),
                    }
                } else {
                    continue;
                };
                told = send(note).await;
            }
            MediaNote::Lost
        }
        Ok(Err(error)) => MediaNote::Failed(error.to_string()),
        Err(_) => MediaNote::Failed("no answer".to_owned()),
    };
    // A session that is gone needs no notes.
    let _ = media(failure).await;
}
