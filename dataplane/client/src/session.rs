//! One participant in one meeting: drives the pure parts and the legs.
//!
//! There is no task behind a session: it advances while [`Session::next_event`],
//! [`Session::publish`] or [`Session::leave`] are awaited, so call `next_event` all the
//! time. Nothing is lost when its future is dropped, as in a `select!`.

mod drive;
mod journey;
mod mend;
mod messages;
mod publish;
mod publishing;
mod roaming;
mod routes;
mod settle;
mod wants;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::time::{Duration, Instant};

use plenum_transport::dial::Changes;
use plenum_wire::control::{FromClient, Interest, Present};
use plenum_wire::join::Endpoint;
use plenum_wire::{DisplayName, Kind, MeetingId, ParticipantId, RouterId, Rung};
use tokio::sync::{mpsc, watch};
use tokio::time::Sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::connect::{Connector, Waiting, Way};
use crate::error::JoinError;
use crate::event::Event;
use crate::ladder::RungPolicy;
use crate::leg::{Leg, Note};
use crate::moving::{Ending, Input, LegId, Moving};
use crate::network::Network;
use crate::proxy::ProxySettings;
use crate::repair::Repair;
use crate::roster::Roster;
use crate::speakers::Speakers;
use crate::whereabouts::{self, Whereabouts};
use journey::Journey;
pub use publish::PublishError;
pub use publishing::LayerSize;
use publishing::Publishing;
use settle::Settling;
use wants::Wants;

/// How many notes of the legs' tasks may wait: 0.1 s of a large meeting's packets. A session
/// that is not driven makes its receiving tasks wait, and the sockets drop.
const INBOX: usize = 1_024;
/// How many notes are handled before the timers are looked at.
const BATCH: usize = 64;

/// What to join, and how.
#[derive(Clone)]
pub struct JoinConfig {
    /// Shared by the sessions of a process.
    pub network: Network,
    /// Directories that know the meeting, `https://HOST[:PORT]` each, the preferred first;
    /// or none, and the zone's controllers instead.
    pub directories: Vec<String>,
    /// The controllers of an open zone, `https://HOST[:PORT]` each, where there is no directory.
    pub zones: Vec<String>,
    /// For the directory the token of who signed in; for a zone the directory's.
    pub token: Option<String>,
    /// What opens the meeting, where it has one.
    pub passcode: Option<String>,
    /// Which proxy there is; none, if nothing is said.
    pub proxy: ProxySettings,
    /// Which meeting.
    pub meeting: MeetingId,
    /// The name to show to the others.
    pub name: Option<DisplayName>,
    /// Which rungs may carry media.
    pub rungs: RungPolicy,
    /// Which tracks to receive without asking for each.
    pub subscribe: Interest,
    /// The kinds whose media connections are opened at once; content is opened when there
    /// is content.
    pub kinds: Vec<Kind>,
    /// Whether lost packets are asked for also where a key frame made them useless to a viewer,
    /// as a recording wants them.
    pub whole: bool,
    /// How long to try.
    pub join_within: Duration,
    /// How long to wait for a host who lets people in, or for the meeting to begin.
    pub patience: Duration,
}

impl JoinConfig {
    /// Everything by default: all rungs, all tracks, audio and video, 15 s to join.
    #[must_use]
    pub fn new(network: Network, zones: Vec<String>, meeting: MeetingId) -> Self {
        Self {
            network,
            directories: Vec::new(),
            zones,
            token: None,
            passcode: None,
            proxy: ProxySettings::default(),
            meeting,
            name: None,
            rungs: RungPolicy::Race,
            subscribe: Interest::All,
            kinds: vec![Kind::Audio, Kind::Video],
            whole: false,
            join_within: Duration::from_secs(15),
            patience: Duration::from_secs(600),
        }
    }
}

/// One participant in one meeting. Dropping it closes its connections without a goodbye.
pub struct Session {
    config: JoinConfig,
    connector: Connector,
    /// By which the last router was found.
    network: Network,
    way: Option<(Way, Instant)>,
    endpoint: Option<Endpoint>,
    changes: Changes,
    whereabouts: Whereabouts,
    moving: Moving,
    roster: Roster,
    repair: Repair,
    speakers: Speakers,
    legs: BTreeMap<LegId, Leg>,
    settling: Option<Settling>,
    publishing: BTreeMap<Kind, Publishing>,
    subscriptions: BTreeSet<(ParticipantId, Kind)>,
    wants: Wants,
    /// When to look at the ways up of tracks with layers; `None` without any.
    uplinks_due: Option<Instant>,
    /// The sender of knocks and of requests for what was lost.
    ssrc: u32,
    participant: Option<ParticipantId>,
    notes: mpsc::Sender<Note>,
    inbox: mpsc::Receiver<Note>,
    batch: Vec<Note>,
    asking: Option<AbortOnDropHandle<()>>,
    /// Whether what was asked last had to wait for somebody, also once it has been answered.
    waiting: watch::Receiver<Option<Waiting>>,
    events: VecDeque<Event>,
    /// The join that goes on; none while there is a router.
    journey: Journey,
    timer: Pin<Box<Sleep>>,
    /// Something changed that the timer or the routes depend on.
    stale: bool,
    ended: Option<Ending>,
}

impl Session {
    /// Joins: returns when the router has let us in and every kind's media connection is
    /// bound. The first event is [`Event::Joined`].
    pub async fn join(config: JoinConfig) -> Result<Self, JoinError> {
        let mut session = Self::begin(config)?;
        while session.participant.is_none() {
            if let Some(ending) = session.ended.take() {
                return Err(ending.of_join(&session.config.meeting));
            }
            session.step().await;
        }
        Ok(session)
    }

    /// Sets out.
    fn begin(config: JoinConfig) -> Result<Self, JoinError> {
        let connector = Connector::new(&config)?;
        let now = Instant::now();
        let (notes, inbox) = mpsc::channel(INBOX);
        let mut session = Self {
            connector,
            network: config.network.clone(),
            way: None,
            endpoint: None,
            changes: config.network.dialer().changes(),
            whereabouts: Whereabouts::towards(&[], whereabouts::source),
            moving: Moving::new(now, now + config.join_within, rand::random()),
            roster: Roster::default(),
            repair: Repair::new(config.whole),
            config,
            speakers: Speakers::default(),
            legs: BTreeMap::new(),
            settling: None,
            publishing: BTreeMap::new(),
            subscriptions: BTreeSet::new(),
            wants: Wants::default(),
            uplinks_due: None,
            ssrc: rand::random(),
            participant: None,
            notes,
            inbox,
            batch: Vec::with_capacity(BATCH),
            asking: None,
            waiting: watch::channel(None).1,
            events: VecDeque::new(),
            journey: Journey::default(),
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            stale: true,
            ended: None,
        };
        session.act(now);
        Ok(session)
    }

    /// The next thing that happened; `None` after [`Event::Ended`].
    pub async fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.ended.is_some() {
                return None;
            }
            self.step().await;
        }
    }

    /// Who we are in the meeting.
    #[must_use]
    pub fn participant(&self) -> &ParticipantId {
        let known = self.participant.as_ref();
        known.expect("join returns a session only once the zone has named the participant")
    }

    /// The router that we are on; `None` while coming back.
    #[must_use]
    pub fn router(&self) -> Option<&RouterId> {
        self.moving.router()
    }

    /// How the router that we are on was found.
    #[must_use]
    pub fn way(&self) -> Option<&Way> {
        self.way.as_ref().map(|(way, _)| way)
    }

    /// Where the router is that was offered last.
    #[must_use]
    pub const fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref()
    }

    /// What carries each kind of media now.
    #[must_use]
    pub fn rungs(&self) -> BTreeMap<Kind, Rung> {
        let legs = self.legs.values();
        legs.flat_map(|leg| {
            Kind::ALL
                .into_iter()
                .filter_map(|kind| Some((kind, leg.rung(kind)?)))
        })
        .collect()
    }

    /// How many second copies of packets were removed: in moves each packet has one, and
    /// routers send some to find out how much our way carries.
    #[must_use]
    pub const fn copies_removed(&self) -> u64 {
        self.roster.copies()
    }

    /// Asks for a track, with [`Interest::None`]. Kept through moves.
    pub fn subscribe(&mut self, participant: ParticipantId, kind: Kind) {
        self.say(&FromClient::Subscribe {
            participant: participant.clone(),
            kind,
        });
        self.subscriptions.insert((participant, kind));
    }

    /// No longer asks for a track.
    pub fn unsubscribe(&mut self, participant: ParticipantId, kind: Kind) {
        self.subscriptions.remove(&(participant.clone(), kind));
        self.say(&FromClient::Unsubscribe { participant, kind });
    }

    /// Leaves the meeting; returns when the goodbye has been said, within about a second.
    pub async fn leave(mut self) {
        let now = Instant::now();
        self.moving.handle(Input::Leave, now);
        self.act(now);
        while !self.legs.is_empty() {
            self.step().await;
            self.events.clear();
        }
    }

    fn say(&self, message: &FromClient) {
        self.legs.values().for_each(|leg| leg.say(message));
    }

    fn is_me(&self, present: &Present) -> bool {
        self.participant.as_ref() == Some(&present.participant)
    }
}
