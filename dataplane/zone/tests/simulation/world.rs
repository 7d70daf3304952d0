//! The world around two replicas: routers, people, an operator, and the time messages take.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use plenum_wire::join::Endpoint;
use plenum_wire::link::Member;
use plenum_wire::{Boot, Fingerprint, MeetingId, ParticipantId, RouterId};
use plenum_zone::{Action, Answer, Broker, Event, Join, Link, Order, Request};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::model::View;
use crate::router::{Leg, Moving, Router, Uplink};

/// Something that is on its way.
enum Later {
    ToReplica(usize, u64, Event),
    ToRouter(RouterId, u64, Order),
    Reports(RouterId, u64),
    Connect(RouterId, usize),
    Enters(ParticipantId, RouterId),
    Asks(ParticipantId, Vec<RouterId>),
    Arrived(RouterId, MeetingId, u64),
    GivesUp(RouterId, MeetingId, u64),
    Leaves(RouterId, MeetingId, ParticipantId, Leg),
    OperatorSpeaks(usize),
    Restarts(RouterId),
    Trouble,
}

pub struct Person {
    pub meeting: MeetingId,
    pub router: Option<RouterId>,
}

struct Replica {
    broker: Broker,
    view: View,
    run: u64,
}

pub struct World {
    random: StdRng,
    start: Instant,
    /// Milliseconds since the start.
    now: u64,
    until: u64,
    later: BTreeMap<(u64, u64), Later>,
    counter: u64,
    in_order: BTreeMap<(u64, bool), u64>,
    replicas: [Replica; 2],
    links: BTreeMap<u64, (RouterId, usize)>,
    pub routers: BTreeMap<RouterId, Router>,
    pub people: BTreeMap<ParticipantId, Person>,
    asking: BTreeMap<u64, ParticipantId>,
    pub draining: BTreeSet<RouterId>,
    pub moves_ordered: u64,
    pub placed: u64,
    pub moved: u64,
}

const ROUTERS: u64 = 7;
const CAPACITY: u32 = 30;
const MEETINGS: u64 = 12;
/// Well below what the routers hold that are never drained, so that there is always a way.
const PEOPLE: usize = 60;
const DRAINED_AT_MOST: usize = 2;

fn member(who: &ParticipantId) -> Member {
    Member {
        participant: who.clone(),
        admitted: 0,
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        #[allow(clippy::disallowed_methods, reason = "only an origin")]
        let start = Instant::now();
        let replica = || Replica {
            broker: Broker::new(),
            view: View::default(),
            run: 0,
        };
        let mut world = Self {
            random: StdRng::seed_from_u64(seed),
            start,
            now: 0,
            until: 0,
            later: BTreeMap::new(),
            counter: 0,
            in_order: BTreeMap::new(),
            replicas: [replica(), replica()],
            links: BTreeMap::new(),
            routers: BTreeMap::new(),
            people: BTreeMap::new(),
            asking: BTreeMap::new(),
            draining: BTreeSet::new(),
            moves_ordered: 0,
            placed: 0,
            moved: 0,
        };
        for index in 0..ROUTERS {
            let name: RouterId = format!("r{index}").parse().expect("a name");
            world.routers.insert(name.clone(), Router::default());
            world.after(index, Later::Restarts(name));
        }
        for replica in 0..2 {
            world.after(1, Later::OperatorSpeaks(replica));
        }
        world
    }

    /// Everything happens, for so many milliseconds.
    pub fn trouble(&mut self, ms: u64) {
        self.until = self.now + ms;
        self.after(500, Later::Trouble);
        self.run();
    }

    /// Nothing happens but what goes on of itself, for so many milliseconds.
    pub fn quiet(&mut self, ms: u64) {
        self.later
            .retain(|_, later| !matches!(later, Later::Trouble));
        self.until = self.now + ms;
        self.run();
    }

    fn run(&mut self) {
        while let Some((&(at, _), _)) = self.later.first_key_value() {
            if at > self.until {
                break;
            }
            self.pass_to(at);
            if let Some((_, later)) = self.later.pop_first() {
                self.happens(later);
            }
        }
        self.pass_to(self.until);
    }

    fn instant(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn pass_to(&mut self, at: u64) {
        for replica in 0..2 {
            while let Some(due) = self.replicas[replica].broker.next_timeout() {
                if due > self.instant(at) {
                    break;
                }
                self.replicas[replica].broker.handle_timeout(due);
                self.take(replica);
            }
        }
        self.now = at;
    }

    fn after(&mut self, ms: u64, later: Later) {
        self.counter += 1;
        self.later.insert((self.now + ms, self.counter), later);
    }

    /// A message on a link: after some time, and never before an earlier one.
    fn on_link(&mut self, link: u64, up: bool, later: Later) {
        let at = self.now + self.random.random_range(1..30);
        let last = self.in_order.entry((link, up)).or_default();
        *last = at.max(*last);
        let wait = *last - self.now;
        self.after(wait, later);
    }

    fn happens(&mut self, later: Later) {
        match later {
            Later::ToReplica(replica, run, event) => {
                if self.replicas[replica].run == run {
                    self.hear(replica, event);
                }
            }
            Later::ToRouter(router, link, order) => self.ordered(&router, link, order),
            Later::Reports(router, boot) => self.reports(&router, boot),
            Later::Connect(router, replica) => self.connect(&router, replica),
            Later::Enters(who, router) => self.enters(who, router),
            Later::Asks(who, exclude) => self.asks(&who, exclude),
            Later::Arrived(from, meeting, number) => self.arrived(&from, &meeting, number),
            Later::GivesUp(from, meeting, number) => self.ends(&from, &meeting, number, 1),
            Later::Leaves(router, meeting, who, leg) => {
                if let Some(router) = self.routers.get_mut(&router) {
                    router.ends(&meeting, &who, leg);
                }
            }
            Later::OperatorSpeaks(replica) => self.operator_speaks(replica),
            Later::Restarts(router) => self.restarts(&router),
            Later::Trouble => self.one_trouble(),
        }
    }

    fn hear(&mut self, replica: usize, event: Event) {
        let now = self.instant(self.now);
        let it = &mut self.replicas[replica];
        it.view.hear(&event);
        it.broker.handle(event, now);
        self.take(replica);
    }

    fn take(&mut self, replica: usize) {
        while let Some(action) = self.replicas[replica].broker.poll() {
            match action {
                Action::Answer { request, answer } => self.answered(replica, request.0, answer),
                Action::Tell { link, order } => {
                    if matches!(order, Order::Move { .. }) {
                        self.moves_ordered += 1;
                    }
                    if let Some((router, _)) = self.links.get(&link.0).cloned() {
                        self.on_link(link.0, false, Later::ToRouter(router, link.0, order));
                    }
                }
                Action::Close { link } => {
                    self.replicas[replica].view.close(link);
                    self.close(link.0);
                }
            }
        }
    }

    fn answered(&mut self, replica: usize, request: u64, answer: Answer) {
        let view = &mut self.replicas[replica].view;
        let who = self.asking.remove(&request).expect("somebody asked");
        match answer {
            Answer::Placed { router, .. } => {
                view.placed(request, &router);
                self.placed += 1;
                let wait = self.random.random_range(20..200);
                self.after(wait, Later::Enters(who, router));
            }
            Answer::Refused(_) => {
                view.refused(request);
                let wait = self.random.random_range(500..1_500);
                self.after(wait, Later::Asks(who, vec![]));
            }
        }
    }

    fn asks(&mut self, who: &ParticipantId, exclude: Vec<RouterId>) {
        let Some(person) = self.people.get(who).filter(|it| it.router.is_none()) else {
            return;
        };
        self.counter += 1;
        let request = self.counter;
        let join = Join {
            request: Request(request),
            meeting: person.meeting.clone(),
            participant: who.clone(),
            from: None,
            exclude,
        };
        self.asking.insert(request, who.clone());
        let replica = self.random.random_range(0..2);
        self.hear(replica, Event::Join(join));
    }

    fn leg(&mut self) -> Leg {
        self.counter += 1;
        Leg(self.counter)
    }

    fn enters(&mut self, who: ParticipantId, name: RouterId) {
        let leg = self.leg();
        let Some(person) = self.people.get_mut(&who) else {
            return;
        };
        let Some(router) = self.routers.get_mut(&name) else {
            return;
        };
        if router.admits(&person.meeting) {
            router.enter(&person.meeting, who, leg);
            person.router = Some(name);
        } else {
            let wait = self.random.random_range(50..300);
            self.after(wait, Later::Asks(who, vec![name]));
        }
    }

    fn ordered(&mut self, name: &RouterId, link: u64, order: Order) {
        let (Some(router), Some((_, replica))) =
            (self.routers.get_mut(name), self.links.get(&link))
        else {
            return;
        };
        let replica = *replica;
        match order {
            Order::Drain(draining) => router.draining = draining,
            Order::Move { meeting, to } => {
                let Some(hosted) = router.meetings.get_mut(&meeting) else {
                    return;
                };
                if hosted.moving.is_some() {
                    return;
                }
                self.counter += 1;
                let number = self.counter;
                hosted.moving = Some(Moving {
                    to: to.clone(),
                    number,
                });
                let wanted = Event::TicketsWanted {
                    link: Link(link),
                    meeting: meeting.clone(),
                    to,
                    participants: hosted.people.keys().map(member).collect(),
                };
                let run = self.replicas[replica].run;
                self.on_link(link, true, Later::ToReplica(replica, run, wanted));
                self.after(10_000, Later::GivesUp(name.clone(), meeting, number));
            }
            Order::Tickets { meeting, to, .. } => {
                let moving = router
                    .meetings
                    .get(&meeting)
                    .and_then(|it| it.moving.as_ref());
                if let Some(number) = moving.filter(|it| it.to == to).map(|it| it.number) {
                    let wait = self.random.random_range(50..600);
                    self.after(wait, Later::Arrived(name.clone(), meeting, number));
                }
            }
        }
    }

    /// The legs to the new router are up, or some of them are not.
    fn arrived(&mut self, from: &RouterId, meeting: &MeetingId, number: u64) {
        let Some(hosted) = self
            .routers
            .get(from)
            .and_then(|it| it.meetings.get(meeting))
        else {
            return;
        };
        let Some(to) = hosted.moving.as_ref().filter(|it| it.number == number) else {
            return;
        };
        let to = to.to.clone();
        let people = hosted.people.clone();
        let unlucky = self.random.random_range(0..20) == 0;
        let mut there = vec![];
        if let Some(target) = self.routers.get_mut(&to).filter(|_| !unlucky) {
            for (who, old) in &people {
                if target.admits(meeting) {
                    self.counter += 1;
                    let new = Leg(self.counter);
                    target.enter(meeting, who.clone(), new);
                    there.push((who.clone(), *old, new));
                }
            }
        }
        if there.len() == people.len() {
            for (who, old, _) in there {
                if let Some(person) = self.people.get_mut(&who) {
                    person.router = Some(to.clone());
                }
                let wait = self.random.random_range(0..300);
                self.after(wait, Later::Leaves(from.clone(), meeting.clone(), who, old));
            }
            self.moved += 1;
            self.ends(from, meeting, number, 0);
        } else {
            for (who, _, new) in there {
                self.after(20, Later::Leaves(to.clone(), meeting.clone(), who, new));
            }
            self.ends(from, meeting, number, 1);
        }
    }

    fn ends(&mut self, from: &RouterId, meeting: &MeetingId, number: u64, failed: u32) {
        let Some(router) = self.routers.get_mut(from) else {
            return;
        };
        let Some(hosted) = router.meetings.get_mut(meeting) else {
            return;
        };
        if hosted.moving.as_ref().is_none_or(|it| it.number != number) {
            return;
        }
        let to = hosted.moving.take().expect("just seen").to;
        let links: Vec<u64> = router.links.iter().flatten().map(|it| it.link).collect();
        for link in links {
            let replica = self.links[&link].1;
            let event = Event::MoveEnded {
                link: Link(link),
                meeting: meeting.clone(),
                to: to.clone(),
                failed,
            };
            let run = self.replicas[replica].run;
            self.on_link(link, true, Later::ToReplica(replica, run, event));
        }
    }

    fn reports(&mut self, name: &RouterId, boot: u64) {
        for replica in 0..2 {
            let now = self.now;
            let Some(router) = self.routers.get_mut(name) else {
                return;
            };
            if !router.alive || router.boot != boot {
                return;
            }
            let Some((load, meetings, ended)) = router.report(replica, now) else {
                continue;
            };
            let link = router.links[replica].as_ref().map_or(0, |it| it.link);
            let event = Event::RouterReport {
                link: Link(link),
                load,
                meetings,
                ended,
            };
            let run = self.replicas[replica].run;
            self.on_link(link, true, Later::ToReplica(replica, run, event));
        }
        self.after(50, Later::Reports(name.clone(), boot));
    }

    fn connect(&mut self, name: &RouterId, replica: usize) {
        self.counter += 1;
        let link = self.counter;
        let Some(router) = self.routers.get_mut(name) else {
            return;
        };
        if !router.alive || router.links[replica].is_some() {
            return;
        }
        router.links[replica] = Some(Uplink {
            link,
            said: BTreeMap::new(),
            last: None,
        });
        self.links.insert(link, (name.clone(), replica));
        let hello = Event::RouterHello {
            link: Link(link),
            router: name.clone(),
            pool: "site.pool".parse().expect("a name"),
            boot: Boot(router.boot),
            endpoint: Endpoint {
                addresses: vec![],
                https_port: 443,
                media_port: 8801,
                fingerprint: Fingerprint([0; 32]),
            },
        };
        let run = self.replicas[replica].run;
        self.on_link(link, true, Later::ToReplica(replica, run, hello));
    }

    /// A replica closed a link: its router connects again.
    fn close(&mut self, link: u64) {
        let Some((name, replica)) = self.links.remove(&link) else {
            return;
        };
        if let Some(router) = self.routers.get_mut(&name)
            && router.links[replica]
                .as_ref()
                .is_some_and(|it| it.link == link)
        {
            router.links[replica] = None;
            self.after(100, Later::Connect(name, replica));
        }
    }

    fn operator_speaks(&mut self, replica: usize) {
        let event = Event::OperatorWord {
            link: Link(u64::MAX),
            pool: "site.pool".parse().expect("a name"),
            draining: self.draining.clone(),
        };
        self.hear(replica, event);
        self.after(1_000, Later::OperatorSpeaks(replica));
    }

    fn restarts(&mut self, name: &RouterId) {
        self.counter += 1;
        let boot = self.counter;
        let Some(router) = self.routers.get_mut(name) else {
            return;
        };
        *router = Router {
            boot,
            alive: true,
            capacity: CAPACITY,
            ..Router::default()
        };
        for replica in 0..2 {
            let wait = self.random.random_range(1..100);
            self.after(wait, Later::Connect(name.clone(), replica));
        }
        self.after(50, Later::Reports(name.clone(), boot));
    }

    fn one_trouble(&mut self) {
        match self.random.random_range(0..100) {
            0..70 => self.somebody_comes(),
            70..90 => self.somebody_goes(),
            90..95 => self.drains_or_not(),
            95..98 => self.router_crashes(),
            _ => self.replica_restarts(),
        }
        let wait = self.random.random_range(1..60);
        self.after(wait, Later::Trouble);
    }

    fn somebody_comes(&mut self) {
        if self.people.len() >= PEOPLE {
            return self.somebody_goes();
        }
        self.counter += 1;
        let who: ParticipantId = format!("p{}", self.counter).parse().expect("a name");
        let meeting = format!("m{}", self.random.random_range(0..MEETINGS));
        let person = Person {
            meeting: meeting.parse().expect("a name"),
            router: None,
        };
        self.people.insert(who.clone(), person);
        self.asks(&who, vec![]);
    }

    fn somebody_goes(&mut self) {
        if self.people.is_empty() {
            return;
        }
        let index = self.random.random_range(0..self.people.len());
        let who = self.people.keys().nth(index).expect("in range").clone();
        let person = self.people.remove(&who).expect("just seen");
        for router in self.routers.values_mut() {
            router.leave(&person.meeting, &who);
        }
    }

    fn any_router(&mut self) -> RouterId {
        let index = self.random.random_range(0..self.routers.len());
        self.routers.keys().nth(index).expect("in range").clone()
    }

    fn drains_or_not(&mut self) {
        let name = self.any_router();
        if !self.draining.remove(&name) && self.draining.len() < DRAINED_AT_MOST {
            self.draining.insert(name);
        }
    }

    fn router_crashes(&mut self) {
        let name = self.any_router();
        let quietly = self.random.random_range(0..2) == 0;
        let Some(router) = self.routers.get_mut(&name).filter(|it| it.alive) else {
            return;
        };
        router.alive = false;
        let links = std::mem::take(&mut router.links);
        router.meetings.clear();
        for uplink in links.into_iter().flatten().filter(|_| !quietly) {
            let Some((_, replica)) = self.links.remove(&uplink.link) else {
                continue;
            };
            let lost = Event::RouterLost {
                link: Link(uplink.link),
            };
            let run = self.replicas[replica].run;
            self.on_link(uplink.link, true, Later::ToReplica(replica, run, lost));
        }
        let here = self.people.iter_mut();
        let here = here.filter(|(_, person)| person.router.as_ref() == Some(&name));
        let left: Vec<ParticipantId> = here
            .map(|(who, person)| {
                person.router = None;
                who.clone()
            })
            .collect();
        for who in left {
            let wait = self.random.random_range(50..1_000);
            self.after(wait, Later::Asks(who, vec![name.clone()]));
        }
        let wait = self.random.random_range(500..4_000);
        self.after(wait, Later::Restarts(name));
    }

    fn replica_restarts(&mut self) {
        let replica = self.random.random_range(0..2);
        let run = self.replicas[replica].run + 1;
        self.replicas[replica] = Replica {
            broker: Broker::new(),
            view: View::default(),
            run,
        };
        let links = self.links.iter().filter(|(_, (_, of))| *of == replica);
        let links: Vec<u64> = links.map(|(link, _)| *link).collect();
        for link in links {
            self.close(link);
        }
        self.after(200, Later::OperatorSpeaks(replica));
    }
}
