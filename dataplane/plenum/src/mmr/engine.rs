//! The one task that owns the shard: takes what happened in batches, lets the shard decide,
//! does what it says.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use plenum_router::{ChannelId, Counters, Input, LinkId, Output, Shard};
use plenum_transport::{channel, media};
use plenum_wire::control::{FromClient, FromRouter};
use plenum_wire::link::{self, Load, ToRouter};
use plenum_wire::{BadMessage, frame};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, sleep_until};
use tokio_util::sync::CancellationToken;

use super::connections::Connections;

/// Control messages and link messages that may wait; then their connections wait.
pub(super) const HAPPENINGS: usize = 1_024;
/// Packets decided upon before any are sent: enough to share the wake-ups, and at 50 µs a
/// packet with its receivers still below 10 ms.
const PACKETS: usize = 128;
/// Control messages at once: each may cost a message to everybody in a large meeting.
const MESSAGES: usize = 32;
/// Close code of RFC 6455 section 7.4.1.
const GOING_AWAY: u16 = 1001;
/// How long a router that leaves waits for what it said last to be sent.
const FAREWELL: Duration = Duration::from_secs(1);
/// How old the status may be that metrics are made from.
const STATUS: Duration = Duration::from_millis(250);

/// Something that happened, but for media.
pub(super) enum Happening {
    ControlOpened {
        channel: ChannelId,
        sender: channel::Sender<FromRouter>,
    },
    ControlSaid {
        channel: ChannelId,
        message: FromClient,
    },
    ControlBad {
        channel: ChannelId,
        bad: BadMessage,
    },
    ControlClosed {
        channel: ChannelId,
    },
    LinkOpened {
        link: LinkId,
        sender: channel::Sender<link::FromRouter>,
    },
    LinkSaid {
        link: LinkId,
        message: ToRouter,
    },
    LinkClosed {
        link: LinkId,
    },
}

/// How the router is.
#[derive(Debug, Clone)]
pub struct Status {
    /// As controllers are told.
    pub load: Load,
    /// Meetings that are here.
    pub meetings: usize,
    /// Links to controllers that are up.
    pub links: usize,
    /// What the shard counted.
    pub counters: Counters,
    /// What the media ports counted.
    pub media: media::Counters,
}

pub(super) struct Engine {
    shard: Shard,
    server: media::Server,
    connections: Connections,
    clients: HashMap<ChannelId, channel::Sender<FromRouter>>,
    controllers: HashMap<LinkId, channel::Sender<link::FromRouter>>,
    /// Control channels and links that have not reported their end.
    open: usize,
    status: watch::Sender<Status>,
}

impl Engine {
    pub(super) fn new(
        config: plenum_router::Config,
        server: media::Server,
    ) -> (Self, watch::Receiver<Status>) {
        let shard = Shard::new(config);
        let (status, watching) = watch::channel(Status {
            load: shard.load(),
            meetings: 0,
            links: 0,
            counters: Counters::default(),
            media: server.counters(),
        });
        let engine = Self {
            shard,
            server,
            connections: Connections::default(),
            clients: HashMap::new(),
            controllers: HashMap::new(),
            open: 0,
            status,
        };
        (engine, watching)
    }

    /// Runs until a stop, and then until the router is empty or `drain` has passed.
    pub(super) async fn run(
        mut self,
        mut events: mpsc::Receiver<media::Event>,
        mut happened: mpsc::Receiver<Happening>,
        stop: CancellationToken,
        drain: Duration,
    ) {
        let mut packets = Vec::with_capacity(PACKETS);
        let mut messages = Vec::with_capacity(MESSAGES);
        let mut looks = tokio::time::interval(STATUS);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut leave_at = None;
        loop {
            let timeout = [self.shard.next_timeout(), leave_at]
                .into_iter()
                .flatten()
                .min();
            tokio::select! {
                _ = events.recv_many(&mut packets, PACKETS) => {}
                _ = happened.recv_many(&mut messages, MESSAGES) => {}
                () = until(timeout) => {}
                _ = looks.tick() => self.publish(),
                () = stop.cancelled(), if leave_at.is_none() => {
                    leave_at = Some(Instant::now() + drain);
                    self.shard.handle(Input::Drain, Instant::now());
                }
            }
            let full = packets.len() == PACKETS || messages.len() == MESSAGES;
            self.decide(&mut packets, &mut messages);
            if let Some(at) = leave_at
                && (self.shard.load().participants == 0 || at <= Instant::now())
            {
                return self.leave(&mut happened).await;
            }
            if full {
                // The tasks that send must have their turn before more comes in.
                tokio::task::yield_now().await;
            }
        }
    }

    fn decide(&mut self, packets: &mut Vec<media::Event>, messages: &mut Vec<Happening>) {
        let now = Instant::now();
        for event in packets.drain(..) {
            self.media(event, now);
        }
        for happening in messages.drain(..) {
            self.happens(happening, now);
        }
        self.shard.handle_timeout(now);
        while let Some(output) = self.shard.poll() {
            self.act(output);
        }
    }

    fn media(&mut self, event: media::Event, now: Instant) {
        let input = match event {
            media::Event::Packet {
                connection,
                flow,
                packet,
            } => self
                .connections
                .number(connection)
                .map(|connection| Input::Packet {
                    connection,
                    flow,
                    packet,
                }),
            media::Event::Opened {
                connection, rung, ..
            } => Some(Input::MediaOpened {
                connection: self.connections.open(connection),
                rung,
            }),
            media::Event::Closed { connection } => self
                .connections
                .close(connection)
                .map(|connection| Input::MediaClosed { connection }),
        };
        if let Some(input) = input {
            self.shard.handle(input, now);
        }
    }

    fn happens(&mut self, happening: Happening, now: Instant) {
        let input = match happening {
            Happening::ControlOpened { channel, sender } => {
                self.open += 1;
                self.clients.insert(channel, sender);
                Input::ControlOpened { channel }
            }
            Happening::ControlSaid { channel, message } => Input::ControlMessage {
                channel,
                message,
                unix_s: unix_s(),
            },
            Happening::ControlBad { channel, bad } => Input::ControlBad { channel, bad },
            Happening::ControlClosed { channel } => {
                self.open -= 1;
                self.clients.remove(&channel);
                Input::ControlClosed { channel }
            }
            Happening::LinkOpened { link, sender } => {
                self.open += 1;
                self.controllers.insert(link, sender);
                Input::LinkOpened { link }
            }
            Happening::LinkSaid { link, message } => {
                tell_of(&message);
                Input::LinkMessage { link, message }
            }
            Happening::LinkClosed { link } => {
                self.open -= 1;
                self.controllers.remove(&link);
                Input::LinkClosed { link }
            }
        };
        self.shard.handle(input, now);
    }

    fn act(&mut self, output: Output) {
        match output {
            Output::Forward { to, flow, packet } => {
                if let Some(to) = self.connections.name(to) {
                    self.server.send(to, flow, &packet);
                }
            }
            Output::Carries { connection, kind } => {
                if let Some(connection) = self.connections.name(connection) {
                    self.server.carries(connection, kind);
                }
            }
            Output::CloseMedia { connection, code } => {
                if let Some(connection) = self.connections.name(connection) {
                    self.server.close(connection, code, reason(code));
                }
            }
            // A channel that is gone, or goes now because it does not read, reports its end.
            Output::Control { to, message } => {
                if let Some(client) = self.clients.get(&to) {
                    client.send(&message);
                }
            }
            Output::CloseControl {
                channel,
                code,
                reason,
            } => {
                if let Some(client) = self.clients.remove(&channel) {
                    client.close(code, reason);
                }
            }
            Output::Link { to, message } => {
                if let link::FromRouter::MoveEnded { .. } = *message {
                    tracing::info!(ended = ?message, "move of a meeting");
                }
                if let Some(controller) = self.controllers.get(&to) {
                    controller.send(&message);
                }
            }
        }
    }

    fn publish(&self) {
        self.status.send_replace(Status {
            load: self.shard.load(),
            meetings: self.shard.meetings(),
            links: self.controllers.len(),
            counters: self.shard.counters().clone(),
            media: self.server.counters(),
        });
    }

    /// Whoever is still here is sent away; then the ports close.
    async fn leave(mut self, happened: &mut mpsc::Receiver<Happening>) {
        let left = self.shard.load().participants;
        tracing::info!(participants = left, "router leaves");
        self.shard.handle(Input::Stop, Instant::now());
        while let Some(output) = self.shard.poll() {
            self.act(output);
        }
        for controller in self.controllers.values() {
            controller.close(GOING_AWAY, "the router leaves");
        }
        self.publish();
        let told = async {
            while self.open > 0
                && let Some(happening) = happened.recv().await
            {
                self.farewell(&happening);
            }
        };
        if tokio::time::timeout(FAREWELL, told).await.is_err() {
            tracing::debug!("some connections did not end in time");
        }
        self.server.stop().await;
    }

    /// Nobody comes in any more; that somebody went is good news.
    fn farewell(&mut self, happening: &Happening) {
        match happening {
            Happening::ControlOpened { sender, .. } => {
                self.open += 1;
                sender.close(GOING_AWAY, "the router leaves");
            }
            Happening::LinkOpened { sender, .. } => {
                self.open += 1;
                sender.close(GOING_AWAY, "the router leaves");
            }
            Happening::ControlClosed { .. } | Happening::LinkClosed { .. } => self.open -= 1,
            Happening::ControlSaid { .. }
            | Happening::ControlBad { .. }
            | Happening::LinkSaid { .. } => {}
        }
    }
}

/// Orders are rare and worth a line.
fn tell_of(message: &ToRouter) {
    match message {
        ToRouter::Welcome {
            controller, zone, ..
        } => tracing::info!(controller, %zone, "link to a controller"),
        ToRouter::SetDraining { draining } => tracing::debug!(draining, "order"),
        ToRouter::MoveMeeting { to, .. } => tracing::info!(%to, "order to move a meeting"),
        ToRouter::Tickets { .. } => {}
    }
}

const fn reason(code: u32) -> &'static str {
    match code {
        frame::close::NONE => "",
        frame::close::UNKNOWN_FLOW => "the flow id is nobody's",
        _ => "no packet showed whose connection this is",
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn unix_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
