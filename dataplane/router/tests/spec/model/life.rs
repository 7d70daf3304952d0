//! The model beside the router under test: each step is done to both.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plenum_router::{ConnectionId, Input, LinkId, Output};
use plenum_wire::control::{FromClient, Interest};
use plenum_wire::link::ToRouter;
use plenum_wire::{FlowId, Kind, Rung};

use super::moves::Moves;
use super::pictures::{Camera, Viewer};
use super::{CAPACITY, MEETINGS, PAUSE, PEOPLE, Step};
use crate::house::{Guest, House, forwarded, rtp_packet};

/// What the model knows of somebody.
pub struct Person {
    pub guest: Guest,
    pub meeting: usize,
    all: bool,
    pub tracks: BTreeMap<Kind, u32>,
    sequences: BTreeMap<Kind, u16>,
    /// Newest last.
    pub connections: BTreeMap<Kind, Vec<ConnectionId>>,
    /// The video track, if it has layers.
    pub camera: Option<Camera>,
    pub viewer: Viewer,
}

pub struct Model {
    pub house: House,
    pub link: LinkId,
    draining: bool,
    pub moves: Moves,
    pub people: BTreeMap<usize, Person>,
    /// Subscriber, publisher, kind: the opposite of the subscriber's interest.
    pub exceptions: BTreeSet<(usize, usize, Kind)>,
    /// Subscriber and publisher: the height at which its video is shown.
    pub heights: BTreeMap<(usize, usize), u16>,
    /// Moments at which somebody saw more than fits, as it may for a short time.
    pub judged: u64,
}

impl Model {
    pub fn new() -> Self {
        let mut house = House::new(u32::try_from(CAPACITY).unwrap());
        let link = house.link();
        Self {
            house,
            link,
            draining: false,
            moves: Moves::default(),
            people: BTreeMap::new(),
            exceptions: BTreeSet::new(),
            heights: BTreeMap::new(),
            judged: 0,
        }
    }

    /// Who is in a meeting.
    pub fn members(&self, meeting: usize) -> BTreeSet<usize> {
        let here = self.people.iter().filter(|(_, it)| it.meeting == meeting);
        here.map(|(who, _)| *who).collect()
    }

    /// Somebody left, and is no longer waited for.
    fn leaves(&mut self, who: usize) {
        let Some(meeting) = self.people.get(&who).map(|it| it.meeting) else {
            return;
        };
        self.forget(who);
        let empty = self.members(meeting).is_empty();
        self.moves.left(meeting, who, empty, self.house.now);
    }

    fn forget(&mut self, who: usize) {
        let Some(person) = self.people.get(&who) else {
            return;
        };
        let meeting = person.meeting;
        self.ends(who);
        let members = self.members(meeting);
        self.heights
            .retain(|(by, of), _| *by != who && (*of != who || !members.contains(by)));
        self.people.remove(&who);
        self.exceptions.retain(|e| e.0 != who && e.1 != who);
    }

    /// Who gets a packet of this track, by the rules and the long way.
    fn expected(&self, who: usize, kind: Kind, ssrc: u32) -> Vec<(ConnectionId, FlowId)> {
        let speaker = &self.people[&who];
        if speaker.tracks.get(&kind) != Some(&ssrc) {
            return vec![];
        }
        let receivers = self.people.keys().copied();
        let mut to: Vec<_> = receivers
            .filter(|other| self.receives(*other, who, kind))
            .filter_map(|other| {
                let person = &self.people[&other];
                let connection = person.connections.get(&kind)?.last()?;
                Some((*connection, person.guest.flows.of(kind)))
            })
            .collect();
        to.sort_unstable();
        to
    }

    /// Whether somebody wants another's packets of a kind and has a connection for them.
    pub fn receives(&self, who: usize, of: usize, kind: Kind) -> bool {
        let person = &self.people[&who];
        let near = who != of && person.meeting == self.people[&of].meeting;
        let wanted = person.all != self.exceptions.contains(&(who, of, kind));
        let shown = kind != Kind::Video || self.heights.get(&(who, of)) != Some(&0);
        let connections = person.connections.get(&kind);
        near && wanted && shown && connections.is_some_and(|all| !all.is_empty())
    }

    pub fn ssrc_free(&self, who: usize, kind: Kind, ssrc: u32) -> bool {
        let meeting = self.people[&who].meeting;
        !self
            .people
            .iter()
            .filter(|(_, person)| person.meeting == meeting)
            .any(|(other, person)| {
                person
                    .tracks
                    .iter()
                    .any(|(k, s)| *s == ssrc && (*other, *k) != (who, kind))
            })
    }

    fn join(&mut self, who: usize, meeting: usize, all: bool) {
        if self.people.get(&who).is_some_and(|p| p.meeting != meeting) {
            return;
        }
        let interest = if all { Interest::All } else { Interest::None };
        let guest = self.house.enter(MEETINGS[meeting], PEOPLE[who], interest);
        let closed = self.draining && self.members(meeting).is_empty();
        if closed || self.moves.going(meeting) {
            return;
        }
        if !self.people.contains_key(&who) && self.people.len() == CAPACITY {
            return;
        }
        self.forget(who);
        let person = Person {
            guest,
            meeting,
            all,
            tracks: BTreeMap::new(),
            sequences: BTreeMap::new(),
            connections: BTreeMap::new(),
            camera: None,
            viewer: Viewer::default(),
        };
        self.people.insert(who, person);
        self.changes(meeting);
    }

    pub fn step(&mut self, step: Step) {
        match step {
            Step::Join(who, meeting, all) => self.join(who, meeting, all),
            Step::Leave(who, bye) => {
                let Some(person) = self.people.get(&who) else {
                    return;
                };
                let channel = person.guest.channel;
                if bye {
                    self.house.say(channel, FromClient::Bye);
                }
                self.house.handle(Input::ControlClosed { channel });
                self.leaves(who);
            }
            Step::Publish(who, kind, ssrc) => self.publish(who, kind, ssrc),
            Step::Unpublish(who, kind) => {
                let Some(person) = self.people.get_mut(&who) else {
                    return;
                };
                person.tracks.remove(&kind);
                let channel = person.guest.channel;
                self.exceptions.retain(|e| (e.1, e.2) != (who, kind));
                if kind == Kind::Video {
                    self.ends(who);
                }
                self.house.say(channel, FromClient::Unpublish { kind });
            }
            Step::Ask(who, to, kind, wanted) => self.ask(who, to, kind, wanted),
            Step::Connect(who, kind) => {
                if let Some(person) = self.people.get_mut(&who) {
                    let connection = self.house.bind(person.guest, kind, Rung::Udp);
                    let connections = person.connections.entry(kind).or_default();
                    connections.push(connection);
                    if connections.len() > plenum_router::limits::CONNECTIONS_PER_FLOW {
                        connections.remove(0);
                    }
                    self.carrier_changes(who, kind);
                }
            }
            Step::Disconnect(who, kind, which) => {
                let person = self.people.get_mut(&who);
                if let Some(connections) = person.and_then(|p| p.connections.get_mut(&kind))
                    && which < connections.len()
                {
                    let connection = connections.remove(which);
                    self.house.handle(Input::MediaClosed { connection });
                    self.carrier_changes(who, kind);
                }
            }
            Step::Send(who, kind, ssrc) => self.send(who, kind, ssrc),
            Step::Drain(draining) => {
                self.draining = draining;
                let link = self.link;
                self.house.order(link, ToRouter::SetDraining { draining });
            }
            Step::Order(meeting) => self.order(meeting),
            Step::Tickets(meeting, all) => self.tickets(meeting, all),
            Step::Moved(who) => self.moved(who),
            Step::MoveFailed(who) => self.move_failed(who),
            Step::Pass(ms) => self.pass(Duration::from_millis(ms)),
            Step::Layers(who, ssrc, layers) => self.publish_layers(who, ssrc, layers),
            Step::Want(who, of, height, priority) => self.want(who, of, height, priority),
            Step::Estimate(who, kbps) => self.estimate(who, kbps),
            Step::Squeeze(who, kbps) => self.squeeze(who, kbps),
            Step::Pictures(meeting, fate, count) => {
                for _ in 0..count {
                    self.pictures(meeting, fate);
                }
            }
            Step::Late(who) => self.late(who),
            Step::Nack(pair, back) => self.nack(pair, back),
            Step::Wish(pair) => self.wish(pair),
        }
        self.pass(PAUSE);
    }

    /// Time passes; what the router closed is reported as closed, as its shell does.
    pub fn pass(&mut self, duration: Duration) {
        let mut out = self.house.pass(duration);
        while !out.is_empty() {
            self.deliver(&out);
            for output in out {
                match output {
                    Output::CloseControl { channel, .. } => {
                        self.house.handle(Input::ControlClosed { channel });
                    }
                    Output::CloseMedia { connection, .. } => {
                        self.house.handle(Input::MediaClosed { connection });
                    }
                    _ => {}
                }
            }
            out = self.house.take();
        }
        for meeting in self.moves.pass(self.house.now) {
            for who in self.members(meeting) {
                self.leaves(who);
            }
        }
    }

    fn publish(&mut self, who: usize, kind: Kind, ssrc: u32) {
        if !self.people.contains_key(&who) {
            return;
        }
        let free = self.ssrc_free(who, kind, ssrc);
        let person = self.people.get_mut(&who).unwrap();
        let guest = person.guest;
        let layered = kind == Kind::Video && person.camera.is_some();
        if free && (person.tracks.insert(kind, ssrc) != Some(ssrc) || layered) {
            self.exceptions.retain(|e| (e.1, e.2) != (who, kind));
            if kind == Kind::Video {
                self.ends(who);
            }
        }
        self.house.publish(guest, kind, ssrc);
    }

    fn ask(&mut self, who: usize, to: usize, kind: Kind, wanted: bool) {
        let Some(person) = self.people.get(&who) else {
            return;
        };
        let participant = PEOPLE[to].parse().unwrap();
        let message = if wanted {
            FromClient::Subscribe { participant, kind }
        } else {
            FromClient::Unsubscribe { participant, kind }
        };
        let (channel, all, meeting) = (person.guest.channel, person.all, person.meeting);
        self.house.say(channel, message);
        self.changes(meeting);
        let there = self
            .people
            .get(&to)
            .is_some_and(|p| p.meeting == meeting && p.tracks.contains_key(&kind));
        if there && to != who {
            if wanted == all {
                self.exceptions.remove(&(who, to, kind));
            } else {
                self.exceptions.insert((who, to, kind));
            }
        }
    }

    fn send(&mut self, who: usize, kind: Kind, ssrc: u32) {
        let Some(person) = self.people.get_mut(&who) else {
            return;
        };
        let Some(from) = person.connections.get(&kind).and_then(|c| c.first()) else {
            return;
        };
        let (from, flow) = (*from, person.guest.flows.of(kind));
        let sequence = person.sequences.entry(kind).or_default();
        *sequence = sequence.wrapping_add(1);
        // What does not belong to any layer is nobody's.
        let layered = kind == Kind::Video && person.camera.is_some();
        let packet = rtp_packet(ssrc, *sequence);
        self.house.send(from, flow, packet);
        let out = self.house.take();
        let expected = if layered {
            vec![]
        } else {
            self.expected(who, kind, ssrc)
        };
        assert_eq!(forwarded(&out), expected);
    }

    pub fn check(&self) {
        let load = self.house.shard.load();
        assert_eq!(load.draining, self.draining);
        assert_eq!(
            usize::try_from(load.participants).unwrap(),
            self.people.len()
        );
        let meetings: BTreeSet<_> = self.people.values().map(|p| p.meeting).collect();
        assert_eq!(self.house.shard.meetings(), meetings.len());
    }
}
