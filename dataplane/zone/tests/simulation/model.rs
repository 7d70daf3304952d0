//! What one replica has been told, kept beside it in the simplest way, and what its answers
//! must respect.

use std::collections::{BTreeMap, BTreeSet};

use plenum_wire::link::Load;
use plenum_wire::{MeetingId, RouterId};
use plenum_zone::{Event, Join, Link};

#[derive(Default)]
pub struct View {
    links: BTreeMap<Link, RouterId>,
    loads: BTreeMap<RouterId, (Link, Option<Load>)>,
    draining: BTreeSet<RouterId>,
    hosts: BTreeSet<(RouterId, MeetingId)>,
    asked: BTreeMap<u64, Join>,
}

impl View {
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::RouterHello { link, router, .. } => {
                let newer = self.loads.get(router).is_none_or(|(old, _)| old < link);
                if newer {
                    self.links.insert(*link, router.clone());
                    self.loads.insert(router.clone(), (*link, None));
                    self.hosts.retain(|(of, _)| of != router);
                }
            }
            Event::RouterReport {
                link,
                load,
                meetings,
                ended,
            } => {
                if let Some(router) = self.links.get(link)
                    && self.loads[router].0 == *link
                {
                    self.loads.insert(router.clone(), (*link, Some(*load)));
                    for meeting in ended {
                        self.hosts.remove(&(router.clone(), meeting.clone()));
                    }
                    for it in meetings {
                        self.hosts.insert((router.clone(), it.meeting.clone()));
                    }
                }
            }
            Event::RouterLost { link } => self.close(*link),
            Event::OperatorWord { draining, .. } => self.draining.clone_from(draining),
            Event::Join(join) => {
                self.asked.insert(join.request.0, join.clone());
            }
            _ => {}
        }
    }

    pub fn close(&mut self, link: Link) {
        if let Some(router) = self.links.remove(&link)
            && self.loads.get(&router).is_some_and(|(of, _)| *of == link)
        {
            self.loads.insert(router, (link, None));
        }
    }

    /// A join was answered with this router.
    pub fn placed(&mut self, request: u64, router: &RouterId) {
        let join = self.asked.remove(&request).expect("it was asked");
        let load = self.loads.get(router).and_then(|(_, load)| *load);
        let load = load.unwrap_or_else(|| panic!("{join:?} was placed on {router}: out of touch"));
        assert!(load.accepting, "{router} does not accept");
        let home = (router.clone(), join.meeting.clone());
        let drains = load.draining || self.draining.contains(router);
        assert!(!drains || self.hosts.contains(&home), "{router} drains");
        assert!(!join.exclude.contains(router), "{router} was excluded");
        assert!(
            load.participants < load.capacity || join.from.as_ref() == Some(router),
            "{router} is full"
        );
    }

    pub fn refused(&mut self, request: u64) {
        self.asked.remove(&request).expect("it was asked");
    }
}
