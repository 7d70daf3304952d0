//! One leg: everything between a participant and one router.
//!
//! A control channel and, for each kind of media, a [`Carrier`] that keeps the best rung.
//! Media connections are dialled while the control channel still is, which saves round
//! trips; they knock only after the welcome, because the router knows the flow ids only then.

mod announcements;
mod carrier;
mod control;
mod note;
mod silence;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_transport::channel::Sender;
use plenum_transport::dial::Dialer;
use plenum_wire::control::{FromClient, Interest};
use plenum_wire::join::{Endpoint, Offer};
use plenum_wire::{DisplayName, Flows, Kind, RouterId, Rung, rtp};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::Span;

use crate::ladder::RungPolicy;
use crate::moving::{Cause, LegId};
use crate::terrain::{Spot, Terrain};
use crate::track::Outlet;
use announcements::Announcements;
use carrier::Carrier;
pub(crate) use note::{LegNote, MediaNote, Note};

/// How long a leg that was released still receives: packets sent to the old router just
/// before the sender left it are on their way.
const RECEIVE_ON: Duration = Duration::from_millis(300);
/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// What every task of a leg needs.
#[derive(Clone)]
pub(crate) struct Wiring {
    pub leg: LegId,
    pub dialer: Dialer,
    pub endpoint: Endpoint,
    /// What is known of the network between.
    pub terrain: Terrain,
    pub spot: Spot,
    pub notes: mpsc::Sender<Note>,
}

/// How to introduce oneself.
pub(crate) struct Introduction {
    pub name: Option<DisplayName>,
    pub subscribe: Interest,
    pub moved_from: Option<RouterId>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Serving,
    /// Left; still receiving until then.
    ReceivingOn {
        until: Instant,
    },
    /// The goodbye is on its way; dropped then at the latest.
    Goodbye {
        until: Instant,
    },
}

pub(crate) struct Leg {
    wiring: Wiring,
    policy: RungPolicy,
    flows: Flows,
    hello: Option<FromClient>,
    control: Option<Sender<FromClient>>,
    knock: Bytes,
    welcomed: bool,
    /// From dialling to the welcome.
    entering: Span,
    carriers: BTreeMap<Kind, Carrier>,
    announcements: Announcements,
    phase: Phase,
    _control: AbortOnDropHandle<()>,
}

impl Leg {
    /// Starts to connect. `ssrc` is the sender of the knocks; `entering` ends with the welcome.
    pub fn open(
        wiring: Wiring,
        offer: Offer,
        introduction: Introduction,
        policy: RungPolicy,
        ssrc: u32,
        entering: Span,
    ) -> Self {
        let hello = FromClient::Hello {
            ticket: offer.ticket,
            name: introduction.name,
            subscribe: introduction.subscribe,
            moved_from: introduction.moved_from,
        };
        let task = tokio::spawn(control::run(wiring.clone(), entering.clone()));
        Self {
            wiring,
            policy,
            flows: offer.flows,
            hello: Some(hello),
            control: None,
            knock: rtp::knock(ssrc),
            welcomed: false,
            entering,
            carriers: BTreeMap::new(),
            announcements: Announcements::default(),
            phase: Phase::Serving,
            _control: AbortOnDropHandle::new(task),
        }
    }

    /// Opens the media connection of a kind, unless it is there.
    pub fn want(&mut self, kind: Kind, now: Instant) {
        if !matches!(self.phase, Phase::Serving) {
            return;
        }
        let flow = self.flows.of(kind);
        let (wiring, knock) = (&self.wiring, &self.knock);
        let (policy, welcomed) = (self.policy, self.welcomed);
        self.carriers.entry(kind).or_insert_with(|| {
            let knock = knock.clone();
            let mut carrier = Carrier::new(wiring.clone(), kind, flow, knock, policy, now);
            if welcomed {
                carrier.handle_welcome(now);
            }
            carrier
        });
    }

    /// Announces a track with this source, once the router has let us in.
    pub fn publish(&mut self, kind: Kind, ssrc: u32, announcement: &FromClient) {
        if self.welcomed {
            self.announcements.announce(kind, ssrc);
            self.say(announcement);
        }
    }

    /// Ends a track.
    pub fn unpublish(&mut self, kind: Kind) {
        if self.announcements.withdraw(kind) {
            self.say(&FromClient::Unpublish { kind });
        }
    }

    /// The router acknowledged a track.
    pub fn handle_published(&mut self, kind: Kind) {
        self.announcements.handle_published(kind);
    }

    /// The router refused what was announced first of what it has not answered: this kind's.
    pub fn handle_refused(&mut self) -> Option<Kind> {
        self.announcements.handle_objection()
    }

    /// Whether what the router says of a track of this kind is about the one announced last.
    pub fn knows(&self, kind: Kind) -> bool {
        self.announcements.is_acknowledged(kind)
    }

    /// The router wants another source for a track: for this kind's.
    pub fn handle_ssrc_taken(&mut self) -> Option<Kind> {
        self.announcements.handle_objection()
    }

    /// The control channel is open.
    pub fn handle_control(&mut self, control: Sender<FromClient>) {
        if let Some(hello) = self.hello.take() {
            control.send(&hello);
        }
        self.control = Some(control);
    }

    /// Whether not even the control channel could be opened.
    pub const fn was_never_heard(&self) -> bool {
        self.hello.is_some()
    }

    /// The router let us in.
    pub fn handle_welcome(&mut self, now: Instant) {
        self.welcomed = true;
        self.entering = Span::none();
        for carrier in self.carriers.values_mut() {
            carrier.handle_welcome(now);
        }
    }

    /// The router said which connection carries a kind.
    pub fn handle_bound(&mut self, kind: Kind, rung: Rung, now: Instant) {
        if let Some(carrier) = self.carriers.get_mut(&kind) {
            carrier.handle_bound(rung, now);
        }
    }

    /// Something happened to a media connection.
    pub fn handle_media(
        &mut self,
        kind: Kind,
        rung: Rung,
        attempt: u32,
        note: MediaNote,
        now: Instant,
    ) {
        if let Some(carrier) = self.carriers.get_mut(&kind) {
            carrier.handle(rung, attempt, note, now);
        }
    }

    /// A cause, when the leg has turned out to be of no use. One kind that fails on a router
    /// that otherwise works is tried on and on.
    pub fn take_failure(&mut self) -> Option<Cause> {
        let mut exhausted = self.carriers.values_mut();
        let failure = exhausted.find_map(Carrier::take_exhausted)?;
        let others = self.carriers.values().any(Carrier::is_bound);
        (!self.was_complete() || !others).then_some(Cause::Broke(failure))
    }

    /// Does what is due. `false` when a leg that was left is done with.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        for carrier in self.carriers.values_mut() {
            carrier.handle_timeout(now);
        }
        match self.phase {
            Phase::ReceivingOn { until } if until <= now => self.leave(now),
            Phase::Goodbye { until } if until <= now => return false,
            _ => {}
        }
        true
    }

    /// When [`Leg::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> Option<Instant> {
        let own = match self.phase {
            Phase::Serving => None,
            Phase::ReceivingOn { until } | Phase::Goodbye { until } => Some(until),
        };
        let carriers = self.carriers.values().filter_map(Carrier::next_timeout);
        carriers.chain(own).min()
    }

    /// Let in, every kind bound, every track acknowledged.
    pub fn is_complete(&self) -> bool {
        self.welcomed
            && self.carriers.values().all(Carrier::is_bound)
            && self.announcements.are_acknowledged()
    }

    fn was_complete(&self) -> bool {
        self.welcomed && self.carriers.values().all(Carrier::was_bound)
    }

    /// What carries a kind.
    pub fn rung(&self, kind: Kind) -> Option<Rung> {
        self.carriers.get(&kind)?.rung()
    }

    /// Where packets of an acknowledged track go.
    pub fn outlet(&self, kind: Kind) -> Option<(Rung, u32, Outlet)> {
        let acknowledged = self.announcements.is_acknowledged(kind);
        if !acknowledged || !matches!(self.phase, Phase::Serving) {
            return None;
        }
        self.carriers.get(&kind)?.outlet()
    }

    /// Sends RTCP, or a packet of ours again, as long as the leg serves.
    pub fn send(&self, kind: Kind, packet: &Bytes) {
        if !matches!(self.phase, Phase::Serving) {
            return;
        }
        let carrier = self.carriers.get(&kind);
        if let Some((.., outlet)) = carrier.and_then(Carrier::outlet) {
            outlet.sender.send(outlet.flow, packet);
        }
    }

    pub fn say(&self, message: &FromClient) {
        if let Some(control) = &self.control {
            control.send(message);
        }
    }

    /// Stops sending now, and says goodbye a little later.
    pub fn retire(&mut self, now: Instant) {
        let until = now + RECEIVE_ON;
        self.phase = Phase::ReceivingOn { until };
    }

    /// Whether it brings nothing any more.
    pub const fn has_left(&self) -> bool {
        matches!(self.phase, Phase::Goodbye { .. })
    }

    /// Says goodbye now.
    pub fn leave(&mut self, now: Instant) {
        self.say(&FromClient::Bye);
        if let Some(control) = &self.control {
            control.close(1_000, "bye");
        }
        self.carriers.clear();
        let until = now + GOODBYE;
        self.phase = Phase::Goodbye { until };
    }
}
