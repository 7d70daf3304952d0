//! Random lives of a few people beside a model that keeps lists and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use plenum_router::{ConnectionId, Input};
use plenum_wire::control::{FromClient, Interest};
use plenum_wire::{FlowId, Kind, Rung};
use proptest::prelude::*;

use crate::house::{Guest, House, forwarded, rtp_packet};

const PEOPLE: [&str; 5] = ["p0", "p1", "p2", "p3", "p4"];
const MEETINGS: [&str; 2] = ["m0", "m1"];
const CAPACITY: usize = 4;

#[derive(Debug, Clone, Copy)]
enum Step {
    Join(usize, usize, bool),
    Leave(usize, bool),
    Publish(usize, Kind, u32),
    Unpublish(usize, Kind),
    Ask(usize, usize, Kind, bool),
    Connect(usize, Kind),
    Disconnect(usize, Kind, usize),
    Send(usize, Kind, u32),
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Audio), Just(Kind::Video)]
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..PEOPLE.len();
    let ssrc = 1..4_u32;
    prop_oneof![
        2 => (who.clone(), 0..2_usize, any::<bool>()).prop_map(|(w, m, i)| Step::Join(w, m, i)),
        1 => (who.clone(), any::<bool>()).prop_map(|(w, bye)| Step::Leave(w, bye)),
        3 => (who.clone(), kind(), ssrc.clone()).prop_map(|(w, k, s)| Step::Publish(w, k, s)),
        1 => (who.clone(), kind()).prop_map(|(w, k)| Step::Unpublish(w, k)),
        3 => (who.clone(), who.clone(), kind(), any::<bool>())
            .prop_map(|(w, to, k, on)| Step::Ask(w, to, k, on)),
        3 => (who.clone(), kind()).prop_map(|(w, k)| Step::Connect(w, k)),
        1 => (who.clone(), kind(), 0..3_usize).prop_map(|(w, k, n)| Step::Disconnect(w, k, n)),
        6 => (who, kind(), ssrc).prop_map(|(w, k, s)| Step::Send(w, k, s)),
    ]
}

/// What the model knows of somebody.
struct Person {
    guest: Guest,
    meeting: usize,
    all: bool,
    tracks: BTreeMap<Kind, u32>,
    /// Newest last.
    connections: BTreeMap<Kind, Vec<ConnectionId>>,
}

struct Model {
    house: House,
    people: BTreeMap<usize, Person>,
    /// Subscriber, publisher, kind: the opposite of the subscriber's interest.
    exceptions: BTreeSet<(usize, usize, Kind)>,
}

impl Model {
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
        if !self.people.contains_key(&who) && self.people.len() == CAPACITY {
            return;
        }
        self.forget(who);
        let person = Person {
            guest,
            meeting,
            all,
            tracks: BTreeMap::new(),
            connections: BTreeMap::new(),
        };
        self.people.insert(who, person);
    }

    fn step(&mut self, step: Step) {
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
                self.forget(who);
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
        let Some(person) = self.people.get(&who) else {
            return;
        };
        let Some(from) = person.connections.get(&kind).and_then(|c| c.first()) else {
            return;
        };
        let (from, flow) = (*from, person.guest.flows.of(kind));
        self.house.take();
        self.house.send(from, flow, rtp_packet(ssrc, 1));
        assert_eq!(
            forwarded(&self.house.take()),
            self.expected(who, kind, ssrc)
        );
    }

    fn check(&self) {
        let load = self.house.shard.load();
        assert_eq!(
            usize::try_from(load.participants).unwrap(),
            self.people.len()
        );
        let meetings: BTreeSet<_> = self.people.values().map(|p| p.meeting).collect();
        assert_eq!(self.house.shard.meetings(), meetings.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn packets_reach_those_whom_the_model_says(steps in prop::collection::vec(step(), 1..120)) {
        let mut model = Model {
            house: House::new(u32::try_from(CAPACITY).unwrap()),
            people: BTreeMap::new(),
            exceptions: BTreeSet::new(),
        };
        for step in steps {
            model.step(step);
            model.check();
        }
    }
}
