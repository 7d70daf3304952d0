//! The world around two replicas: routers, people, an operator, and the time messages take.

mod links;
mod moves;
mod people;
mod troubles;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use plenum_wire::{MeetingId, ParticipantId, RouterId};
use plenum_zone::{Action, Answer, Broker, Event, Order};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::model::View;
use crate::router::{Leg, Router};

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
    /// People who moved to a router and found it full.
    pub met_full: u64,
}

const ROUTERS: u64 = 7;

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
            met_full: 0,
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
}
