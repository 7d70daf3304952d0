//! What goes wrong: people in a hurry, drains, crashes, restarts.

use plenum_wire::{ParticipantId, RouterId};
use plenum_zone::{Broker, Event, Link};
use rand::RngExt as _;

use super::{Later, Replica, World};
use crate::model::View;
use crate::router::Router;

const CAPACITY: u32 = 30;
const DRAINED_AT_MOST: usize = 2;

impl World {
    pub(super) fn one_trouble(&mut self) {
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

    pub(super) fn restarts(&mut self, name: &RouterId) {
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
