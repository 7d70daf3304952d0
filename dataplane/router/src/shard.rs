//! The shard itself: what it holds, and which module an input goes to.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Instant;

use plenum_wire::control::{ErrorCode, FromRouter};
use plenum_wire::frame::close;
use plenum_wire::join::Endpoint;
use plenum_wire::link::Load;
use plenum_wire::ticket::Keys;
use plenum_wire::{Boot, Kind, MeetingId, PoolName, RouterId};

use crate::binding::{Connection, Owners};
use crate::control::Channel;
use crate::drain::Drain;
use crate::due::Due;
use crate::endings::Endings;
use crate::limits::{Deadlines, HELLO_WITHIN, KNOCK_WITHIN};
use crate::meeting::Meeting;
use crate::moving::Moving;
use crate::overload::{Overload, OverloadStep};
use crate::participant::{Participants, Slot};
use crate::report::Reports;
use crate::tracks::{Address, Look};
use crate::{ChannelId, ConnectionId, Counters, Input, Output};

/// Who the router is.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its name.
    pub router: RouterId,
    /// The pool it belongs to.
    pub pool: PoolName,
    /// This run of it.
    pub boot: Boot,
    /// Where clients reach it, and the certificate they pin.
    pub endpoint: Endpoint,
    /// Participants it takes at most.
    pub capacity: u32,
}

/// The meetings of one core. See the [crate's documentation](crate) for how to drive it.
pub struct Shard {
    pub(crate) config: Config,
    pub(crate) keys: Keys,
    pub(crate) channels: HashMap<ChannelId, Channel>,
    pub(crate) hellos: Deadlines<ChannelId>,
    pub(crate) connections: HashMap<ConnectionId, Connection>,
    pub(crate) knocks: Deadlines<ConnectionId>,
    pub(crate) owners: Owners,
    pub(crate) participants: Participants,
    pub(crate) meetings: BTreeMap<MeetingId, Meeting>,
    pub(crate) moving: BTreeMap<MeetingId, Moving>,
    /// Sources in which something is missing.
    pub(crate) repairs: Due<Address>,
    /// Receivers whose layers are to be looked at.
    pub(crate) receptions: Due<(Slot, Kind)>,
    /// Tracks with a layer that is about to be no longer wanted.
    pub(crate) watches: Due<(Slot, Kind)>,
    /// Receivers, and tracks, to be looked at after what happens now.
    pub(crate) touched: BTreeSet<(Slot, Kind)>,
    pub(crate) rewatched: BTreeSet<(Slot, Kind)>,
    pub(crate) look: Look,
    pub(crate) endings: Endings,
    pub(crate) reports: Reports,
    pub(crate) drain: Drain,
    pub(crate) overload: Overload,
    pub(crate) counters: Counters,
    pub(crate) out: VecDeque<Output>,
}

impl Shard {
    /// An empty router. It admits nobody before a controller has told it the ticket keys.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            keys: Keys::default(),
            channels: HashMap::new(),
            hellos: Deadlines::new(HELLO_WITHIN),
            connections: HashMap::new(),
            knocks: Deadlines::new(KNOCK_WITHIN),
            owners: Owners::default(),
            participants: Participants::default(),
            meetings: BTreeMap::new(),
            moving: BTreeMap::new(),
            repairs: Due::default(),
            receptions: Due::default(),
            watches: Due::default(),
            touched: BTreeSet::new(),
            rewatched: BTreeSet::new(),
            look: Look::default(),
            endings: Endings::default(),
            reports: Reports::default(),
            drain: Drain::default(),
            overload: Overload::default(),
            counters: Counters::default(),
            out: VecDeque::new(),
        }
    }

    /// Something happened.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::Packet {
                connection,
                flow,
                packet,
            } => self.packet(connection, flow, &packet, now),
            Input::ControlOpened { channel } => self.control_opened(channel, now),
            Input::ControlMessage {
                channel,
                message,
                unix_s,
            } => self.control_message(channel, message, unix_s, now),
            Input::ControlBad { channel, bad } => self.control_bad(channel, &bad, now),
            Input::ControlClosed { channel } => self.control_closed(channel, now),
            Input::MediaOpened { connection, rung } => self.media_opened(connection, rung, now),
            Input::Estimate {
                connection,
                bits_per_s,
            } => self.estimated(connection, bits_per_s),
            Input::Strain(strain) => self.strain(strain, now),
            Input::MediaClosed { connection } => self.media_closed(connection),
            Input::Addresses { addresses } => self.config.endpoint.addresses = addresses,
            Input::LinkOpened { link } => self.link_opened(link, now),
            Input::LinkMessage { link, message } => self.link_message(link, message, now),
            Input::LinkClosed { link } => self.reports.close(link),
            Input::Drain => self.drain_for_good(now),
            Input::Stop => self.stop(now),
        }
        self.settle(now);
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(channel) = self.hellos.expired(now) {
            self.hello_overdue(channel, now);
        }
        while let Some(connection) = self.knocks.expired(now) {
            self.knock_overdue(connection);
        }
        self.moves_overdue(now);
        self.repairs_due(now);
        self.receptions_due(now);
        self.watches_due(now);
        self.report_due(now);
        self.settle(now);
    }

    /// What is to be done next, in order. `None`: nothing until the next input or timeout.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Shard::handle_timeout`] has something to do; it may turn out to be nothing.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let move_due = self.moving.values().map(Moving::deadline).min();
        [
            self.hellos.next(),
            self.knocks.next(),
            move_due,
            self.repairs.next(),
            self.receptions.next(),
            self.watches.next(),
            self.reports.next_due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The router's state as controllers are told it.
    #[must_use]
    pub fn load(&self) -> Load {
        let draining = self.drain.draining();
        Load {
            participants: u32::try_from(self.participants.len()).unwrap_or(u32::MAX),
            capacity: self.config.capacity,
            accepting: !draining && self.overload() == OverloadStep::Open,
            draining,
        }
    }

    /// How many meetings are here.
    #[must_use]
    pub fn meetings(&self) -> usize {
        self.meetings.len()
    }

    /// Totals since the start.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn say(&mut self, to: ChannelId, message: FromRouter) {
        let message = Box::new(message);
        self.out.push_back(Output::Control { to, message });
    }

    /// Everybody goes at once, so nobody is told of the others.
    fn stop(&mut self, now: Instant) {
        self.drain_for_good(now);
        let mut channels: Vec<_> = self.channels.drain().map(|(id, _)| id).collect();
        channels.sort_unstable();
        for channel in channels {
            self.send_away(channel, ErrorCode::GoingAway);
        }
        let mut connections: Vec<_> = self.connections.drain().map(|(id, _)| id).collect();
        connections.sort_unstable();
        self.out.extend(
            connections
                .into_iter()
                .map(|connection| Output::CloseMedia {
                    connection,
                    code: close::NONE,
                }),
        );
        self.owners.clear();
        self.moving.clear();
        self.participants = Participants::default();
        for name in std::mem::take(&mut self.meetings).into_keys() {
            self.reports.changed(Some(&name), now);
        }
    }
}
