//! A zone of routers that say what a test lets them say, around one broker.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plenum_wire::join::{Endpoint, Refusal};
use plenum_wire::link::{Load, MeetingLoad, Member};
use plenum_wire::{Boot, Fingerprint, MeetingId, ParticipantId, PoolName, RouterId};
use plenum_zone::{Action, Answer, Broker, Event, Join, Link, Order, Request};

pub const OPERATOR: Link = Link(1_000_000);

/// Where the test's time begins. The broker itself is always told the time.
#[allow(clippy::disallowed_methods)]
pub fn origin() -> Instant {
    Instant::now()
}

pub fn router(name: &str) -> RouterId {
    name.parse().unwrap()
}

pub fn meeting(name: &str) -> MeetingId {
    name.parse().unwrap()
}

pub fn participant(name: &str) -> ParticipantId {
    name.parse().unwrap()
}

pub fn member(name: &str) -> Member {
    Member {
        participant: participant(name),
        admitted: 1_700_000_000,
        vouched: 1_700_000_000,
    }
}

pub fn pool() -> PoolName {
    "site.pool".parse().unwrap()
}

pub fn endpoint() -> Endpoint {
    Endpoint {
        addresses: vec!["192.0.2.1".parse().unwrap()],
        https_port: 443,
        media_port: 8801,
        fingerprint: Fingerprint([7; 32]),
    }
}

pub fn idle(capacity: u32) -> Load {
    Load {
        participants: 0,
        capacity,
        accepting: true,
        draining: false,
    }
}

pub fn at(name: &str, participants: u32) -> MeetingLoad {
    MeetingLoad {
        meeting: meeting(name),
        participants,
        moving_to: None,
    }
}

pub fn moving(name: &str, participants: u32, to: &str) -> MeetingLoad {
    MeetingLoad {
        moving_to: Some(router(to)),
        ..at(name, participants)
    }
}

pub fn moves(name: &str, from: &str, to: &str) -> (String, Order) {
    let order = Order::Move {
        meeting: meeting(name),
        to: router(to),
    };
    (from.to_owned(), order)
}

pub struct Zone {
    pub broker: Broker,
    pub now: Instant,
    links: BTreeMap<String, (Link, Load)>,
    next_link: u64,
    next_request: u64,
    /// When whoever joins next was vouched for.
    pub vouched: u64,
    orders: Vec<(String, Order)>,
    pub closed: Vec<Link>,
    answers: BTreeMap<Request, Answer>,
}

impl Zone {
    pub fn new() -> Self {
        Self {
            broker: Broker::new(),
            now: origin(),
            links: BTreeMap::new(),
            next_link: 0,
            next_request: 0,
            vouched: 1_000,
            orders: vec![],
            closed: vec![],
            answers: BTreeMap::new(),
        }
    }

    /// Routers that are connected, idle, and take so many.
    pub fn with(routers: &[(&str, u32)]) -> Self {
        let mut zone = Self::new();
        for (name, capacity) in routers {
            zone.connect(name);
            zone.report(name, idle(*capacity), vec![]);
        }
        zone
    }

    pub fn connect(&mut self, name: &str) -> Link {
        self.connect_as(name, 1)
    }

    pub fn connect_as(&mut self, name: &str, boot: u64) -> Link {
        self.next_link += 1;
        let link = Link(self.next_link);
        self.links.insert(name.to_owned(), (link, idle(0)));
        self.handle(Event::RouterHello {
            link,
            router: router(name),
            pool: pool(),
            boot: Boot(boot),
            endpoint: endpoint(),
        });
        link
    }

    pub fn link(&self, name: &str) -> Link {
        self.links[name].0
    }

    pub fn report(&mut self, name: &str, load: Load, meetings: Vec<MeetingLoad>) {
        self.report_ended(name, load, meetings, &[]);
    }

    /// A report with as many participants as its meetings have.
    pub fn hosts(&mut self, name: &str, capacity: u32, meetings: Vec<MeetingLoad>) {
        let participants = meetings.iter().map(|meeting| meeting.participants).sum();
        let load = Load {
            participants,
            ..idle(capacity)
        };
        self.report(name, load, meetings);
    }

    pub fn report_ended(
        &mut self,
        name: &str,
        load: Load,
        meetings: Vec<MeetingLoad>,
        ended: &[&str],
    ) {
        let known = self.links.get_mut(name).unwrap();
        known.1 = load;
        let link = known.0;
        self.handle(Event::RouterReport {
            link,
            load,
            meetings,
            ended: ended.iter().map(|name| meeting(name)).collect(),
        });
    }

    pub fn lose(&mut self, name: &str) {
        let (link, _) = self.links.remove(name).unwrap();
        self.handle(Event::RouterLost { link });
    }

    pub fn operator(&mut self, draining: &[&str]) {
        self.operator_on(OPERATOR, draining);
    }

    pub fn operator_on(&mut self, link: Link, draining: &[&str]) {
        self.handle(Event::OperatorWord {
            link,
            pool: pool(),
            draining: draining.iter().map(|name| router(name)).collect(),
        });
    }

    /// So many are over there, and so many could not go.
    pub fn move_ended(&mut self, from: &str, name: &str, to: &str, (moved, failed): (u32, u32)) {
        let link = self.link(from);
        self.handle(Event::MoveEnded {
            link,
            meeting: meeting(name),
            to: router(to),
            moved,
            failed,
        });
    }

    pub fn handle(&mut self, event: Event) {
        self.broker.handle(event, self.now);
        self.take();
    }

    /// Time passes; every router connected says every 500 ms that it lives.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut beat = self.now + Duration::from_millis(500);
        while self.now < end {
            let timeout = self.broker.next_timeout().unwrap_or(end);
            self.now = timeout.max(self.now).min(beat).min(end);
            self.broker.handle_timeout(self.now);
            self.take();
            if self.now == beat {
                beat += Duration::from_millis(500);
                let names: Vec<String> = self.links.keys().cloned().collect();
                for name in names {
                    self.report(&name, self.links[&name].1, vec![]);
                }
            }
        }
    }

    /// Time passes, and no router says anything.
    pub fn pass_in_silence(&mut self, time: Duration) {
        self.now += time;
        self.broker.handle_timeout(self.now);
        self.take();
    }

    pub fn join(&mut self, name: &str, who: &str) -> Result<String, Refusal> {
        self.join_without(name, who, &[])
    }

    pub fn join_without(
        &mut self,
        name: &str,
        who: &str,
        exclude: &[&str],
    ) -> Result<String, Refusal> {
        self.rejoin(name, who, None, exclude)
    }

    pub fn rejoin(
        &mut self,
        name: &str,
        who: &str,
        from: Option<&str>,
        exclude: &[&str],
    ) -> Result<String, Refusal> {
        self.next_request += 1;
        let request = Request(self.next_request);
        self.handle(Event::Join(Join {
            request,
            meeting: meeting(name),
            participant: participant(who),
            from: from.map(router),
            exclude: exclude.iter().map(|name| router(name)).collect(),
            vouched: self.vouched,
        }));
        match self
            .answers
            .remove(&request)
            .expect("every join is answered")
        {
            Answer::Placed { router, .. } => Ok(router.to_string()),
            Answer::Refused(refusal) => Err(refusal),
        }
    }

    /// What routers were told since the last call.
    pub fn orders(&mut self) -> Vec<(String, Order)> {
        std::mem::take(&mut self.orders)
    }

    fn take(&mut self) {
        while let Some(action) = self.broker.poll() {
            match action {
                Action::Answer { request, answer } => {
                    let twice = self.answers.insert(request, answer);
                    assert_eq!(twice, None, "a join is answered once");
                }
                Action::Tell { link, order } => {
                    let to = self.links.iter().find(|(_, known)| known.0 == link);
                    let name = to.expect("orders go to links that are open").0;
                    self.orders.push((name.clone(), order));
                }
                Action::Close { link } => self.closed.push(link),
            }
        }
    }
}

pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}
