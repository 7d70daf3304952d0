//! The second step: which zone, and by which way.
//!
//! A way by which routers could not be reached lately is the last choice: what answers by it is
//! taken when nothing else has answered in time, no other way out and no tunnel.

use std::time::{Duration, Instant};

use super::reserve::Reserve;
use super::round::{Asking, Spot};
use super::{Connecting, State, straight};
use crate::connect::measure::{DECIDE_WITHIN, Door, Plan, Subject, Test};
use crate::connect::words::{Attempt, Failure, Numbers, Out, Server, Target, Trouble};

/// How long what a network test has shown counts while somebody is full: at first, and at most. A
/// cloud that is full is not tested by everybody all the time.
pub(super) const SHOWN: Duration = Duration::from_secs(5);
const SHOWN_LONGEST: Duration = Duration::from_secs(30);

impl Connecting {
    /// The second step, with what is known of the zones.
    pub(super) fn enter(&mut self, now: Instant) {
        self.zones_began = now;
        self.silence = now;
        self.holds = SHOWN;
        self.steps.test = None;
        // Where there is only one there is nothing to choose.
        if self.has_no_choice() {
            self.put_reserve_away();
            let only = Spot {
                zone: 0,
                first: None,
                path: straight(Out(0)),
            };
            return self.ask_round(Asking::only(only), now);
        }
        self.test(now);
    }

    /// There is one zone, which the user gave, and one way to it.
    pub(super) const fn has_no_choice(&self) -> bool {
        self.setting.directories.is_empty() && self.choices() == 1
    }

    /// How many zones by how many ways.
    pub(super) const fn choices(&self) -> usize {
        self.places.zones.len() * self.setting.outs
    }

    pub(super) fn test(&mut self, now: Instant) {
        self.silence = now;
        self.test_on(now);
    }

    /// In the silence of somebody who has just been asked.
    pub(super) fn test_on(&mut self, now: Instant) {
        self.leave_aside();
        let zones = self.places.zones.iter().enumerate();
        let subjects = zones.map(|(index, zone)| Subject {
            hosts: zone.hosts || self.home == Some(index),
            load: zone.load,
            doors: zone.controllers.len(),
        });
        let plan = Plan {
            subjects: subjects.collect(),
            outs: self.ways(),
            // Who could ask the directory straight ahead gets on like that, most likely.
            at_once: self.informant.is_some_and(|(_, out)| out != Out(0)),
            tried: self.turns.controllers.tried(),
        };
        let test = Test::new(plan, &mut self.numbers, now);
        self.prepare_reserve(now);
        self.state = State::Testing(test);
    }

    /// The ways out, the last choice last.
    fn ways(&self) -> Vec<Out> {
        let last = self.last_choice();
        let mut ways: Vec<Out> = (0..self.setting.outs).map(Out).collect();
        ways.sort_by_key(|out| Some(*out) == last);
        ways
    }

    /// The way out by which routers could not be reached.
    pub(super) fn last_choice(&self) -> Option<Out> {
        let straight = self.avoid.filter(|path| path.tunnel.is_none());
        straight.map(|path| path.out)
    }

    /// Whether the network test has shown enough.
    pub(super) fn look_at_test(&mut self, now: Instant) {
        let last = self.last_choice();
        let tunnels = self.reserve.is_left();
        let State::Testing(test) = &mut self.state else {
            return;
        };
        if self.agreeing.is_some() {
            return;
        }
        if let Some(mut doors) = test.verdict(now) {
            self.turns.controllers.break_off();
            doors.sort_by_key(|door| Some(door.out) == last);
            let better = doors.iter().any(|door| Some(door.out) != last);
            if !better && tunnels && now < test.began() + DECIDE_WITHIN {
                return test.go_on();
            }
            if self.agree_on(doors[0].subject, now) {
                return;
            }
            let spots = doors.iter().copied().map(spot).collect();
            self.ask_beyond(spots, &doors, now);
        } else if let Some(failures) = test.failures() {
            let failures = self.turns.controllers.note(test.tried(), failures);
            self.leave_test(now);
            let failures = failures.into_iter();
            let troubles = failures.map(|(door, failure)| trouble(door, failure));
            self.failed_all(troubles.collect(), now);
        } else {
            test.go_on();
        }
    }

    /// Asks zones that answered by these doors, or tunnels, and when that was in vain those of
    /// which nothing has been heard: they may only be slow.
    pub(super) fn ask_beyond(&mut self, spots: Vec<Spot>, doors: &[Door], now: Instant) {
        let State::Testing(test) = &self.state else {
            return;
        };
        let last = self.last_choice();
        let mut left = test.left(doors);
        left.sort_by_key(|(_, out)| Some(*out) == last);
        let later = left.into_iter().map(|(zone, out)| Spot {
            zone,
            first: None,
            path: straight(out),
        });
        let failures = test.so_far();
        let troubles = failures.map(|(door, failure)| trouble(door, failure.clone()));
        let round = Asking::beyond(spots, later.collect(), troubles.collect());
        let full = self.refusal.as_ref().is_some_and(|it| it.code.passes());
        let round = round.shown(full, now + self.holds);
        self.holds = (self.holds * 2).min(SHOWN_LONGEST);
        self.leave_test(now);
        self.ask_round(round, now);
    }

    /// The test is over, one way or the other. Of several the last one chooses.
    pub(super) fn leave_test(&mut self, now: Instant) {
        self.leave_agreeing();
        if let State::Testing(test) = &mut self.state {
            test.stop();
            self.steps.test = Some(now - test.began());
        }
        self.act();
    }

    /// Since when the test goes on that pings this.
    pub(in crate::connect) fn test_of(&self, target: Target) -> Option<Instant> {
        match (target, &self.state, &self.reserve) {
            (Target::Controller(..), State::Testing(test), _)
            | (Target::Tunnel(_), _, Reserve::Testing(test)) => Some(test.began()),
            _ => None,
        }
    }

    /// A ping of the test, or of the tunnels', tells something.
    pub(super) fn handle_ping(
        &mut self,
        attempt: Attempt,
        tell: impl FnOnce(&mut Test, &mut Numbers),
    ) {
        let last = self.last_choice();
        let numbers = &mut self.numbers;
        match (&mut self.state, &mut self.reserve) {
            (_, Reserve::Testing(test)) if test.has(attempt) => {
                tell(test, numbers);
            }
            (State::Testing(test), _) if test.has(attempt) => {
                let before = test.is_answered(last);
                tell(test, numbers);
                if test.is_answered(last) && !before {
                    self.reserve.put_off(self.silence);
                }
            }
            _ => {}
        }
    }
}

const fn spot(door: Door) -> Spot {
    Spot {
        zone: door.subject,
        first: Some(door.door),
        path: straight(door.out),
    }
}

pub(super) const fn trouble(door: Door, failure: Failure) -> Trouble {
    Trouble {
        server: Server::Controller(door.subject, door.door),
        failure,
    }
}
