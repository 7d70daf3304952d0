//! Nodes, routers, meetings and people; the zone's own rules of placement decide who goes where.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use plenum_operator::pool::observed::Drain;
use plenum_wire::{MeetingId, RouterId};
use plenum_zone::MOVES_PER_ROUTER;
use plenum_zone::placement::{Candidate, choose, hash, roomiest, snuggest};

use crate::calm;
use crate::counted::{Counted, Why};
use crate::day::{Announced, Second};

/// Midnight of a Monday.
const MIDNIGHT: i64 = 1_767_571_200;

/// A directory tells who came so much later: zones report every five seconds, and hear with the
/// answer what others said before.
const TOLD_S: Second = 10;

/// A node for routers.
#[derive(Clone, Default)]
struct SimNode {
    active: bool,
    drain: Option<Drain>,
}

struct Router {
    node: String,
    hash: u64,
    /// When it begins to take people.
    starts: Second,
    people: u32,
    draining: bool,
    /// When people last were moved to it.
    received: Option<Second>,
    meetings: BTreeSet<u32>,
}

struct Meeting {
    name: MeetingId,
    router: RouterId,
    /// Visits, by their number.
    people: BTreeSet<usize>,
}

pub struct Site {
    pub now: Second,
    per_router: u32,
    starts_s: Second,
    nodes: BTreeMap<String, SimNode>,
    routers: BTreeMap<RouterId, Router>,
    meetings: BTreeMap<u32, Meeting>,
    pub counted: Counted,
    /// What the directory knows, and who is still to come by what it told last.
    pub announced: Vec<Announced>,
    expected: BTreeMap<Timestamp, u32>,
    made: u64,
}

impl Site {
    pub fn new(now: Second, nodes: u32, per_router: u32, starts_s: Second) -> Self {
        Self {
            now,
            per_router,
            starts_s,
            nodes: (0..nodes)
                .map(|n| (format!("n{n:03}"), SimNode::default()))
                .collect(),
            routers: BTreeMap::new(),
            meetings: BTreeMap::new(),
            counted: Counted::default(),
            announced: Vec::new(),
            expected: BTreeMap::new(),
            made: 0,
        }
    }

    /// A second passes: meetings leave draining routers, a few at a time.
    pub fn second(&mut self) {
        self.now += 1;
        if self.now % TOLD_S == 0 {
            self.expected = self.to_come();
        }
        let active = self.nodes.values().filter(|node| node.active).count();
        self.counted.router_seconds += active as u64;
        let active = u32::try_from(active).unwrap();
        self.counted.most_routers = self.counted.most_routers.max(active);
        let draining = |(_, router): &(&RouterId, &Router)| router.draining && router.people > 0;
        let draining: Vec<RouterId> = self
            .routers
            .iter()
            .filter(draining)
            .map(|(name, _)| name.clone())
            .collect();
        for from in draining {
            let meetings: Vec<u32> = self.routers[&from].meetings.iter().copied().collect();
            let mut moves = 0;
            for meeting in meetings {
                let size = self.size(meeting);
                if moves == MOVES_PER_ROUTER {
                    break;
                }
                if let Some(to) = self.refuge(meeting, size) {
                    self.move_meeting(meeting, &to, Why::Drained);
                    moves += 1;
                }
            }
        }
    }

    /// As a directory answers: of what begins within twenty minutes or began within five,
    /// who is still to come.
    fn to_come(&self) -> BTreeMap<Timestamp, u32> {
        let mut minutes = BTreeMap::new();
        let soon = self.now - 299..=self.now + 1_200;
        for one in self.announced.iter().filter(|it| soon.contains(&it.begins)) {
            let there = self.meetings.get(&one.meeting);
            let there = there.map_or(0, |it| u32::try_from(it.people.len()).unwrap());
            *minutes.entry(moment(one.begins)).or_default() += one.people.saturating_sub(there);
        }
        minutes
    }

    /// Somebody comes; `false`: there is no room.
    pub fn join(&mut self, visit: usize, meeting: u32) -> bool {
        let Some(router) = self.place(meeting) else {
            return false;
        };
        self.routers.get_mut(&router).unwrap().people += 1;
        self.meetings
            .get_mut(&meeting)
            .unwrap()
            .people
            .insert(visit);
        true
    }

    /// Somebody goes.
    pub fn leave(&mut self, visit: usize, meeting: u32) {
        let Some(known) = self.meetings.get_mut(&meeting) else {
            return;
        };
        if !known.people.remove(&visit) {
            return;
        }
        let router = self.routers.get_mut(&known.router).unwrap();
        router.people -= 1;
        if known.people.is_empty() {
            router.meetings.remove(&meeting);
            self.meetings.remove(&meeting);
        }
    }

    fn open(&self, router: &Router) -> bool {
        !router.draining && router.starts <= self.now
    }

    fn room(&self, router: &Router) -> u32 {
        if self.open(router) {
            self.per_router.saturating_sub(router.people)
        } else {
            0
        }
    }

    fn size(&self, meeting: u32) -> u32 {
        u32::try_from(self.meetings[&meeting].people.len()).unwrap()
    }

    fn candidates<'a>(&'a self, without: &'a RouterId) -> impl Iterator<Item = Candidate<'a>> {
        self.routers
            .iter()
            .filter(move |(name, _)| *name != without)
            .map(|(name, router)| Candidate {
                router: name,
                hash: router.hash,
                room: self.room(router),
                capacity: self.per_router,
            })
    }

    /// Where somebody goes, as `Broker::join` has it: to their meeting; when its router takes
    /// nobody the meeting goes where there is room for all of it; when there is none, and its
    /// router is only being emptied, they join it there.
    fn place(&mut self, meeting: u32) -> Option<RouterId> {
        let Some(known) = self.meetings.get(&meeting) else {
            return self.place_new(meeting);
        };
        let home = known.router.clone();
        if self.room(&self.routers[&home]) > 0 {
            return Some(home);
        }
        let size = self.size(meeting);
        if let Some(to) = self.larger(meeting, size + 1) {
            self.move_meeting(meeting, &to, Why::Grew);
            return Some(to);
        }
        let router = &self.routers[&home];
        (router.people < self.per_router).then_some(home)
    }

    fn place_new(&mut self, meeting: u32) -> Option<RouterId> {
        let name: MeetingId = format!("m{meeting}").parse().unwrap();
        let nobody = "none".parse().unwrap();
        let router = choose(&name, self.candidates(&nobody))?.clone();
        let hosts = &mut self.routers.get_mut(&router).unwrap().meetings;
        hosts.insert(meeting);
        let new = Meeting {
            name,
            router: router.clone(),
            people: BTreeSet::new(),
        };
        self.meetings.insert(meeting, new);
        Some(router)
    }

    /// Where a meeting goes off a router that is emptied.
    fn refuge(&self, meeting: u32, need: u32) -> Option<RouterId> {
        let known = &self.meetings[&meeting];
        snuggest(&known.name, need, self.candidates(&known.router)).cloned()
    }

    /// Where a meeting goes that outgrew its router.
    fn larger(&self, meeting: u32, need: u32) -> Option<RouterId> {
        let known = &self.meetings[&meeting];
        roomiest(&known.name, need, self.candidates(&known.router)).cloned()
    }

    fn move_meeting(&mut self, meeting: u32, to: &RouterId, why: Why) {
        let from = self.meetings[&meeting].router.clone();
        let (size, now) = (self.size(meeting), self.now);
        let old = self.routers.get_mut(&from).unwrap();
        old.people -= size;
        old.meetings.remove(&meeting);
        let new = self.routers.get_mut(to).unwrap();
        new.people += size;
        new.received = Some(now);
        new.meetings.insert(meeting);
        let known = self.meetings.get_mut(&meeting).unwrap();
        known.router = to.clone();
        for visit in &known.people {
            self.counted.note(*visit, now, why);
        }
    }
}

/// That second of the day.
fn moment(second: Second) -> Timestamp {
    Timestamp::from_second(MIDNIGHT + second).unwrap()
}

impl calm::Site for Site {
    fn now(&self) -> Timestamp {
        moment(self.now)
    }

    fn expected(&self) -> BTreeMap<Timestamp, u32> {
        self.expected.clone()
    }

    fn nodes(&self) -> impl Iterator<Item = (&String, calm::Node)> {
        self.nodes.iter().map(|(name, node)| {
            let seen = calm::Node {
                schedulable: true,
                ready: true,
                active: node.active,
                protected: node.active,
                drain: node.drain,
            };
            (name, seen)
        })
    }

    fn routers(&self) -> impl Iterator<Item = (&RouterId, calm::Router<'_>)> {
        self.routers.iter().map(|(name, router)| {
            let since = |at: Second| Duration::from_secs(u64::try_from(self.now - at).unwrap());
            let seen = calm::Router {
                node: &router.node,
                runs: router.starts <= self.now,
                people: router.people,
                capacity: self.per_router,
                draining: router.draining,
                received: router.received.map(since),
            };
            (name, seen)
        })
    }

    fn mark(&mut self, node: &str, active: bool, drain: Option<Drain>) {
        let node = self.nodes.get_mut(node).unwrap();
        (node.active, node.drain) = (active, drain);
    }

    fn label(&mut self, node: &str) {
        self.made += 1;
        let name: RouterId = format!("r{:05}", self.made).parse().unwrap();
        let router = Router {
            node: node.to_owned(),
            hash: hash(name.as_str()),
            starts: self.now + self.starts_s,
            people: 0,
            draining: false,
            received: None,
            meetings: BTreeSet::new(),
        };
        self.routers.insert(name, router);
    }

    /// The router is gone at once, and nobody may be on it.
    fn unlabel(&mut self, node: &str) {
        let here = |router: &Router| router.node == node;
        let people = self
            .routers
            .values()
            .filter(|router| here(router))
            .map(|router| router.people);
        assert_eq!(people.sum::<u32>(), 0, "people on {node} are cut off");
        self.routers.retain(|_, router| !here(router));
    }

    fn order(&mut self, draining: &BTreeSet<RouterId>) {
        for (name, router) in &mut self.routers {
            router.draining = draining.contains(name);
        }
    }
}
