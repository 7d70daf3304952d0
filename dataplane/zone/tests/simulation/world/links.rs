//! Links of routers and of the operator to the replicas, and what goes over them unasked.

use std::collections::BTreeMap;

use plenum_wire::join::Endpoint;
use plenum_wire::{Boot, Fingerprint, RouterId};
use plenum_zone::{Event, Link};

use super::{Later, World};
use crate::router::Uplink;

impl World {
    pub(super) fn connect(&mut self, name: &RouterId, replica: usize) {
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
    pub(super) fn close(&mut self, link: u64) {
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

    pub(super) fn reports(&mut self, name: &RouterId, boot: u64) {
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

    pub(super) fn operator_speaks(&mut self, replica: usize) {
        let event = Event::OperatorWord {
            link: Link(u64::MAX),
            pool: "site.pool".parse().expect("a name"),
            draining: self.draining.clone(),
        };
        self.hear(replica, event);
        self.after(1_000, Later::OperatorSpeaks(replica));
    }
}
