//! What controllers and people do about moves, to the model and the router.

use std::collections::BTreeSet;

use plenum_wire::control::FromClient;
use plenum_wire::link::ToRouter;

use super::life::Model;
use super::{MEETINGS, PEOPLE};

impl Model {
    pub fn order(&mut self, meeting: usize) {
        let message = ToRouter::MoveMeeting {
            meeting: MEETINGS[meeting].parse().unwrap(),
            to: "b".parse().unwrap(),
        };
        self.house.order(self.link, message);
        if !self.members(meeting).is_empty() {
            self.moves.ordered(meeting, self.house.now);
        }
    }

    pub fn tickets(&mut self, meeting: usize, all: bool) {
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

    pub fn moved(&mut self, who: usize) {
        let Some(person) = self.people.get(&who) else {
            return;
        };
        let to = "b".parse().unwrap();
        self.house
            .say(person.guest.channel, FromClient::Moved { to });
        self.moves.moved(person.meeting, who, self.house.now);
    }

    pub fn move_failed(&mut self, who: usize) {
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
}
