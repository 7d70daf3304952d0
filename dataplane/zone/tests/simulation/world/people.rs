//! People: they come, ask where their meeting is, go in, and go.

use plenum_wire::{MeetingId, ParticipantId, RouterId};
use plenum_zone::{Event, Join, Request};
use rand::RngExt as _;

use super::{Later, Person, World};
use crate::router::Leg;

const MEETINGS: u64 = 12;
/// Well below what the routers hold that are never drained, so that there is always a way.
const PEOPLE: usize = 60;

impl World {
    pub(super) fn asks(&mut self, who: &ParticipantId, exclude: Vec<RouterId>) {
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
            vouched: 1,
        };
        self.asking.insert(request, who.clone());
        let replica = self.random.random_range(0..2);
        self.hear(replica, Event::Join(join));
    }

    pub(super) fn enters(&mut self, who: ParticipantId, name: RouterId) {
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

    /// So many people are in a meeting, without a controller having been asked.
    pub fn sits(&mut self, router: &str, meeting: &str, count: u32) {
        let name: RouterId = router.parse().expect("a name");
        let meeting: MeetingId = meeting.parse().expect("a name");
        for index in 0..count {
            let who: ParticipantId = format!("{meeting}-p{index}").parse().expect("a name");
            let leg = self.leg();
            let router = self.routers.get_mut(&name).expect("one of the zone's");
            router.enter(&meeting, who.clone(), leg);
            let person = Person {
                meeting: meeting.clone(),
                router: Some(name.clone()),
            };
            self.people.insert(who, person);
        }
    }

    fn leg(&mut self) -> Leg {
        self.counter += 1;
        Leg(self.counter)
    }

    pub(super) fn somebody_comes(&mut self) {
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

    pub(super) fn somebody_goes(&mut self) {
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
}
