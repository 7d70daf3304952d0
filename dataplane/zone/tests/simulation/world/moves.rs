//! Orders to a router: it drains, or takes a meeting to another.

use plenum_wire::link::Member;
use plenum_wire::{MeetingId, ParticipantId, RouterId};
use plenum_zone::{Event, Link, Order};
use rand::RngExt as _;

use super::{Later, World};
use crate::router::{Leg, Moving};

impl World {
    pub(super) fn ordered(&mut self, name: &RouterId, link: u64, order: Order) {
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
            Order::End { .. } => unreachable!("no directory ends a meeting here"),
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
    pub(super) fn arrived(&mut self, from: &RouterId, meeting: &MeetingId, number: u64) {
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
                self.met_full += u64::from(target.is_full());
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

    pub(super) fn ends(&mut self, from: &RouterId, meeting: &MeetingId, number: u64, failed: u32) {
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
        let here = u32::try_from(hosted.people.len()).expect("small");
        let moved = if failed == 0 { here } else { 0 };
        let links: Vec<u64> = router.links.iter().flatten().map(|it| it.link).collect();
        for link in links {
            let replica = self.links[&link].1;
            let event = Event::MoveEnded {
                link: Link(link),
                meeting: meeting.clone(),
                to: to.clone(),
                moved,
                failed,
            };
            let run = self.replicas[replica].run;
            self.on_link(link, true, Later::ToReplica(replica, run, event));
        }
    }
}

fn member(who: &ParticipantId) -> Member {
    Member {
        participant: who.clone(),
        admitted: 0,
        vouched: 0,
    }
}
