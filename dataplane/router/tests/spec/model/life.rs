//! The model beside the router under test: each step is done to both.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plenum_router::{ConnectionId, Input, LinkId, Output};
use plenum_wire::control::{FromClient, Interest};
use plenum_wire::link::ToRouter;
use plenum_wire::{FlowId, Kind, Rung};

use super::moves::Moves;
use super::{CAPACITY, MEETINGS, PAUSE, PEOPLE, Step};
use crate::house::{Guest, House, forwarded, rtp_packet};

/// What the model knows of somebody.
struct Person {
    guest: Guest,
    meeting: usize,
    all: bool,
    tracks: BTreeMap<Kind, u32>,
    sequences: BTreeMap<Kind, u16>,
    /// Newest last.
    connections: BTreeMap<Kind, Vec<ConnectionId>>,
}

pub struct Model {
    pub house: House,
    link: LinkId,
    draining: bool,
    moves: Moves,
    people: BTreeMap<usize, Person>,
    /// Subscriber, publisher, kind: the opposite of the subscriber's interest.
    exceptions: BTreeSet<(usize, usize, Kind)>,
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
        }
    }

    /// Who is in a meeting.
    fn members(&self, meeting: usize) -> BTreeSet<usize> {
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
        self.people.remove(&who);
        self.exceptions.retain(|e| e.0 != who && e.1 != who);
    }

    /// Who gets a packet of this track, by the rules and the long way.
    fn expected(&self, who: usize, kind: Kind, ssrc: u32) -> Vec<(ConnectionId, FlowId)> {
        let speaker = &self.people[&who];
        if speaker.tracks.get(&kind) != Some(&ssrc) {
            return vec![];
        }
        let mut to: Vec<_> = self
            .people
            .iter()
            .filter(|(other, person)| **other != who && person.meeting == speaker.meeting)
            .filter(|(other, person)| person.all != self.exceptions.contains(&(**other, who, kind)))
            .filter_map(|(_, person)| {
                let connection = person.connections.get(&kind)?.last()?;
                Some((*connection, person.guest.flows.of(kind)))
            })
            .collect();
        to.sort_unstable();
        to
    }

    fn ssrc_free(&self, who: usize, kind: Kind, ssrc: u32) -> bool {
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
        };
        self.people.insert(who, person);
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
                self.exceptions.retain(|e| (e.1, e.2) != (who, kind));
                let channel = person.guest.channel;
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
                }
            }
            Step::Disconnect(who, kind, which) => {
                let person = self.people.get_mut(&who);
                if let Some(connections) = person.and_then(|p| p.connections.get_mut(&kind))
                    && which < connections.len()
                {
                    let connection = connections.remove(which);
                    self.house.handle(Input::MediaClosed { connection });
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
        }
        self.pass(PAUSE);
    }

    fn order(&mut self, meeting: usize) {
        let message = ToRouter::MoveMeeting {
            meeting: MEETINGS[meeting].parse().unwrap(),
            to: "b".parse().unwrap(),
        };
        self.house.order(self.link, message);
        if !self.members(meeting).is_empty() {
            self.moves.ordered(meeting, self.house.now);
        }
    }

    fn tickets(&mut self, meeting: usize, all: bool) {
        let members = self.members(meeting);
        let offered: BTreeSet<usize> = members.iter().copied().skip(usize::from(!all)).collect();
        let offers = offered
            .iter()
            .map(|who| self.house.zone.offer("b", MEETINGS[meeting], PEOPLE[*who]))
            .collect();
        let message = ToRouter::Tickets {
            meeting: MEETINGS[meeting].parse().unwrap(),
            to: "b".parse().unwrap(),
            offers,
        };
        self.house.order(self.link, message);
        self.moves
            .tickets(meeting, &offered, &members, self.house.now);
    }

    fn moved(&mut self, who: usize) {
        let Some(person) = self.people.get(&who) else {
            return;
        };
        let to = "b".parse().unwrap();
        self.house
            .say(person.guest.channel, FromClient::Moved { to });
        self.moves.moved(person.meeting, who, self.house.now);
    }

    fn move_failed(&mut self, who: usize) {
        let Some(person) = self.people.get(&who) else {
            return;
        };
        let message = FromClient::MoveFailed {
            to: "b".parse().unwrap(),
            reason: "no rung reaches it".into(),
        };
        self.house.say(person.guest.channel, message);
        self.moves.failed(person.meeting);
    }

    /// Time passes; what the router closed is reported as closed, as its shell does.
    fn pass(&mut self, duration: Duration) {
        let mut out = self.house.pass(duration);
        while !out.is_empty() {
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
        if free && person.tracks.insert(kind, ssrc) != Some(ssrc) {
            self.exceptions.retain(|e| (e.1, e.2) != (who, kind));
        }
        let guest = person.guest;
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
        let packet = rtp_packet(ssrc, *sequence);
        self.house.send(from, flow, packet);
        let out = self.house.take();
        assert_eq!(forwarded(&out), self.expected(who, kind, ssrc));
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
