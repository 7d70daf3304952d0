//! The one thread that owns the shard: takes what happened in batches, lets the shard decide,
//! does what it says. No async runtime runs on it.

mod entrance;
mod leave;

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use plenum_router::{ChannelId, Counters, Input, LinkId, OverloadStep, Shard};
use plenum_transport::channel;
use plenum_transport::media::{self, Switch};
use plenum_wire::control::FromRouter;
use plenum_wire::link::{self, Load, ToRouter};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::happenings::Happening;
use super::media_path::{self, Beside};
use entrance::Entrance;

/// Control messages at once: each may cost a message to everybody in a large meeting.
const MESSAGES: usize = 32;
/// Between two looks at how hard the media threads work.
const STRAIN: Duration = Duration::from_millis(100);
/// How old the status may be that metrics are made from.
const STATUS: Duration = Duration::from_millis(250);

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
    /// Whose first words are being decided on.
    entrance: Entrance,
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
            entrance: Entrance::default(),
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
                self.decide(media_path::input(event), now);
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
        let media::Strain {
            busy,
            limit_used,
            dropped,
        } = self.strain;
        let strain = plenum_router::Strain {
            busy,
            limit_used,
            dropped,
        };
        self.decide(Input::Strain(strain), now);
        let step = self.shard.overload();
        if step != before {
            tracing::info!(
                step = step.as_str(),
                busy,
                limit_used,
                dropped,
                participants = self.shard.load().participants,
                "overload"
            );
        }
    }

    fn happens(&mut self, happening: Happening, now: Instant) {
        let input = match happening {
            Happening::ControlOpened { channel, sender } => {
                self.open += 1;
                self.clients.insert(channel, sender);
                Input::ControlOpened { channel }
            }
            Happening::ControlSaid {
                channel,
                message,
                entrance,
            } => {
                self.entrance = Entrance::of(channel, entrance);
                Input::ControlMessage {
                    channel,
                    message,
                    unix_s: unix_s(),
                }
            }
            Happening::ControlBad { channel, bad } => Input::ControlBad { channel, bad },
            Happening::ControlClosed { channel } => {
                self.open -= 1;
                self.clients.remove(&channel);
                Input::ControlClosed { channel }
            }
            Happening::LinkOpened {
                link,
                sender,
                addresses,
            } => {
                self.decide(Input::Addresses { addresses }, now);
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
        self.entrance = Entrance::default();
    }

    fn act(&mut self) {
        while let Some(output) = self.shard.poll() {
            if let Some(beside) = media_path::carry_out(output, &mut self.switch) {
                self.tell(beside);
            }
        }
    }

    /// A channel that is gone, or goes now because it does not read, reports its end.
    fn tell(&mut self, beside: Beside) {
        match beside {
            Beside::Control { to, message } => {
                self.entrance.told(to, &message);
                if let Some(client) = self.clients.get(&to) {
                    client.send(&message);
                }
            }
            Beside::CloseControl {
                channel,
                code,
                reason,
            } => {
                if let Some(client) = self.clients.remove(&channel) {
                    client.close(code, reason);
                }
            }
            Beside::Link { to, message } => {
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
}

/// Orders are rare and worth a line.
fn tell_of(message: &ToRouter) {
    match message {
        ToRouter::Welcome {
            controller, zone, ..
        } => tracing::info!(controller, %zone, "link to a controller"),
        ToRouter::SetDraining { draining } => tracing::debug!(draining, "order"),
        ToRouter::MoveMeeting { to, .. } => tracing::info!(%to, "order to move a meeting"),
        ToRouter::EndMeeting { .. } => tracing::debug!("order to end a meeting"),
        ToRouter::Tickets { .. } => {}
    }
}

fn unix_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
