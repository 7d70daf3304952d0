//! The one thread that owns the shard: takes what happened in batches, lets the shard decide,
//! does what it says. No async runtime runs on it.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use plenum_router::{ChannelId, ConnectionId, Counters, Input, LinkId, Output, OverloadStep, Shard};
use plenum_transport::channel;
use plenum_transport::media::{self, Switch, Waker};
use plenum_wire::control::{FromClient, FromRouter};
use plenum_wire::link::{self, Load, ToRouter};
use plenum_wire::{BadMessage, frame};
use tokio::sync::mpsc::error::SendError;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Control messages and link messages that may wait; then their connections wait.
const HAPPENINGS: usize = 1_024;
/// Control messages at once: each may cost a message to everybody in a large meeting.
const MESSAGES: usize = 32;
/// Close code of RFC 6455 section 7.4.1.
const GOING_AWAY: u16 = 1001;
/// How long a router that leaves waits for what it said last to be sent.
const FAREWELL: Duration = Duration::from_secs(1);
/// Between two looks at how hard the media threads work.
const STRAIN: Duration = Duration::from_millis(100);
/// How old the status may be that metrics are made from.
const STATUS: Duration = Duration::from_millis(250);

/// Where happenings go, and what wakes the thread that takes them.
#[derive(Clone)]
pub(super) struct Happenings {
    sender: mpsc::Sender<Happening>,
    waker: Waker,
}

impl Happenings {
    pub(super) fn new(waker: Waker) -> (Self, mpsc::Receiver<Happening>) {
        let (sender, happened) = mpsc::channel(HAPPENINGS);
        (Self { sender, waker }, happened)
    }

    /// Waits for room. Fails when the router has ended.
    pub(super) async fn send(&self, happening: Happening) -> Result<(), SendError<Happening>> {
        let sent = self.sender.send(happening).await;
        self.waker.wake();
        sent
    }
}

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
    /// How hard the media threads worked lately.
    pub strain: media::Strain,
    /// What the router does about it.
    pub overload: OverloadStep,
    /// Bytes that fit into the smallest receive buffer of the media port.
    pub receive_buffer: usize,
    /// When it was so.
    pub at: Instant,
}

pub(super) struct Engine {
    shard: Shard,
    switch: Switch,
    clients: HashMap<ChannelId, channel::Sender<FromRouter>>,
    controllers: HashMap<LinkId, channel::Sender<link::FromRouter>>,
    /// Control channels and links that have not reported their end.
    open: usize,
    strain: media::Strain,
    status: watch::Sender<Status>,
}

impl Engine {
    pub(super) fn new(
        config: plenum_router::Config,
        switch: Switch,
    ) -> (Self, watch::Receiver<Status>) {
        let shard = Shard::new(config);
        let (status, watching) = watch::channel(Status {
            load: shard.load(),
            meetings: 0,
            links: 0,
            counters: Counters::default(),
            media: switch.counters(),
            strain: media::Strain::default(),
            overload: shard.overload(),
            receive_buffer: switch.receive_buffer(),
            at: Instant::now(),
        });
        let engine = Self {
            shard,
            switch,
            clients: HashMap::new(),
            controllers: HashMap::new(),
            open: 0,
            strain: media::Strain::default(),
            status,
        };
        (engine, watching)
    }

    /// Runs until a stop, and then until the router is empty or `drain` has passed. Whoever
    /// stops it wakes it.
    pub(super) fn run(
        mut self,
        mut happened: mpsc::Receiver<Happening>,
        stop: &CancellationToken,
        drain: Duration,
    ) -> io::Result<()> {
        let mut events = Vec::new();
        let mut next_look = Instant::now();
        let mut next_strain = next_look + STRAIN;
        let mut leave_at = None;
        let mut more = None;
        loop {
            let looks = Some(next_look.min(next_strain));
            let due = [self.shard.next_timeout(), leave_at, more, looks];
            let now = self.switch.wait(due.into_iter().flatten().min())?;
            self.switch.receive(&mut events)?;
            for event in events.drain(..) {
                self.media(event, now);
            }
            let said = self.take(&mut happened, now);
            more = (said == MESSAGES).then_some(now);
            if stop.is_cancelled() && leave_at.is_none() {
                leave_at = Some(now + drain);
                self.decide(Input::Drain, now);
            }
            if now >= next_strain {
                next_strain = now + STRAIN;
                self.strained(now);
            }
            self.shard.handle_timeout(now);
            self.act();
            self.switch.flush();
            if now >= next_look || self.controllers.len() != self.status.borrow().links {
                next_look = now + STATUS;
                self.publish(now);
            }
            if let Some(at) = leave_at
                && (self.shard.load().participants == 0 || at <= now)
            {
                return self.leave(&mut happened);
            }
        }
    }

    /// So many control and link messages.
    fn take(&mut self, happened: &mut mpsc::Receiver<Happening>, now: Instant) -> usize {
        for said in 0..MESSAGES {
            let Ok(happening) = happened.try_recv() else {
                return said;
            };
            self.happens(happening, now);
        }
        MESSAGES
    }

    fn decide(&mut self, input: Input, now: Instant) {
        self.shard.handle(input, now);
        self.act();
    }

    /// Tells the shard how hard the media threads worked, and the log what it makes of it.
    fn strained(&mut self, now: Instant) {
        let before = self.shard.overload();
        self.strain = self.switch.strain();
        let media::Strain { busy, dropped } = self.strain;
        self.decide(Input::Strain { busy, dropped }, now);
        let step = self.shard.overload();
        if step != before {
            tracing::info!(
                step = step.as_str(),
                busy,
                dropped,
                participants = self.shard.load().participants,
                "overload"
            );
        }
    }

    fn media(&mut self, event: media::Event, now: Instant) {
        let input = match event {
            media::Event::Packet {
                connection,
                flow,
                packet,
            } => Input::Packet {
                connection: ConnectionId(connection.0),
                flow,
                packet,
            },
            media::Event::Opened {
                connection, rung, ..
            } => Input::MediaOpened {
                connection: ConnectionId(connection.0),
                rung,
            },
            media::Event::Estimate {
                connection,
                bits_per_s,
            } => Input::Estimate {
                connection: ConnectionId(connection.0),
                bits_per_s,
            },
            media::Event::Closed { connection } => Input::MediaClosed {
                connection: ConnectionId(connection.0),
            },
        };
        self.decide(input, now);
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
        self.decide(input, now);
    }

    fn act(&mut self) {
        while let Some(output) = self.shard.poll() {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Forward {
                to,
                flow,
                packet,
                rewrite,
            } => {
                let to = media::ConnectionId(to.0);
                self.switch.send(to, flow, &packet, rewrite);
            }
            Output::Carries { connection, kind } => {
                self.switch.carries(media::ConnectionId(connection.0), kind);
            }
            Output::CloseMedia { connection, code } => {
                let connection = media::ConnectionId(connection.0);
                self.switch.close(connection, code, reason(code));
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

    fn publish(&self, at: Instant) {
        self.status.send_replace(Status {
            load: self.shard.load(),
            meetings: self.shard.meetings(),
            links: self.controllers.len(),
            counters: self.shard.counters().clone(),
            media: self.switch.counters(),
            strain: self.strain,
            overload: self.shard.overload(),
            receive_buffer: self.switch.receive_buffer(),
            at,
        });
    }

    /// Whoever is still here is sent away; then the ports close.
    fn leave(mut self, happened: &mut mpsc::Receiver<Happening>) -> io::Result<()> {
        let left = self.shard.load().participants;
        tracing::info!(participants = left, "router leaves");
        let mut now = Instant::now();
        self.decide(Input::Stop, now);
        for controller in self.controllers.values() {
            controller.close(GOING_AWAY, "the router leaves");
        }
        self.switch.flush();
        self.publish(now);
        let patience = now + FAREWELL;
        let mut late = Vec::new();
        while self.open > 0 && now < patience {
            now = self.switch.wait(Some(patience))?;
            // Media goes on to nobody.
            self.switch.receive(&mut late)?;
            late.clear();
            while let Ok(happening) = happened.try_recv() {
                self.farewell(&happening);
            }
            self.switch.flush();
        }
        if self.open > 0 {
            tracing::debug!(open = self.open, "some connections did not end in time");
        }
        self.switch.stop();
        Ok(())
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

fn unix_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
