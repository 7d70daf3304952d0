//! The second step: which zone, and by which way.

use std::time::Instant;

use super::asking::Spot;
use super::{Connecting, State, straight};
use crate::connect::measure::{Subject, Test};
use crate::connect::words::{Attempt, Numbers, Out};

use super::reserve::Reserve;

impl Connecting {
    /// The second step, with what is known of the zones.
    pub(super) fn enter(&mut self, now: Instant) {
        self.zones_began = now;
        self.steps.test = None;
        let choices = self.places.zones.len() * self.ways().len();
        // Where there is only one there is nothing to choose.
        if self.setting.directories.is_empty() && choices == 1 {
            self.put_reserve_away();
            let path = straight(self.ways()[0]);
            return self.ask(
                vec![Spot {
                    zone: 0,
                    first: None,
                    path,
                }],
                None,
                now,
            );
        }
        self.test(now);
    }

    pub(super) fn test(&mut self, now: Instant) {
        let back = self.setting.back.map(|(zone, _)| zone);
        let zones = self.places.zones.iter().enumerate();
        let subjects = zones.map(|(index, zone)| Subject {
            hosts: zone.hosts || back == Some(index),
            load: zone.load,
            doors: zone.controllers.len(),
        });
        let subjects: Vec<Subject> = subjects.collect();
        let ways = self.ways();
        // Who could ask the directory straight ahead gets on like that, most likely.
        let at_once = self.informant.is_some_and(|(_, out)| out != Out(0));
        let test = Test::new(subjects, ways, at_once, &mut self.numbers, now);
        self.prepare_reserve(now);
        self.state = State::Testing(test);
    }

    /// The ways out that are worth trying.
    fn ways(&self) -> Vec<Out> {
        let avoid = self.setting.avoid.filter(|path| path.tunnel.is_none());
        let all = (0..self.setting.outs).map(Out);
        let left: Vec<Out> = all
            .filter(|out| avoid.is_none_or(|path| path.out != *out))
            .collect();
        let helps = !left.is_empty() || self.has_tunnels();
        if helps {
            left
        } else {
            (0..self.setting.outs).map(Out).collect()
        }
    }

    /// A ping of the test, or of the tunnels', tells something.
    pub(super) fn handle_ping(
        &mut self,
        attempt: Attempt,
        tell: impl FnOnce(&mut Test, &mut Numbers),
    ) {
        let numbers = &mut self.numbers;
        match (&mut self.state, &mut self.reserve) {
            (_, Reserve::Testing(test)) if test.has(attempt) => {
                tell(test, numbers);
            }
            (State::Testing(test), _) if test.has(attempt) => {
                let before = test.is_answered();
                tell(test, numbers);
                if test.is_answered() && !before {
                    self.reserve.put_off(self.zones_began);
                }
            }
            _ => {}
        }
    }
}
