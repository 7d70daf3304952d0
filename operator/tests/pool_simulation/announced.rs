//! Meetings that are announced: a directory tells controllers who is still to come, and these the
//! operator. At times it is away, and what it told last is said on. All of them come, or some, or
//! nobody.

use std::collections::BTreeMap;

use plenum_wire::directory::Expected;

use crate::faults::Rng;
use crate::people::PATIENCE_MS;
use crate::world::{PER_ROUTER, World};

/// Most people of one meeting.
const MOST: u64 = 40;
/// People come so long before and after their meeting begins, and are expected until then, in
/// seconds.
const EARLY: i64 = 120;
const LATE: i64 = 300;
/// There is to be room for them so long before it begins, in seconds.
const READY: i64 = 600;

/// Which meetings are known ahead.
pub struct Announced {
    /// Of its own, so that whatever else happens is what it would be without.
    rng: Rng,
    /// By the second in which they begin.
    meetings: BTreeMap<i64, Meeting>,
    /// The directory answers nobody.
    away: bool,
    /// Since when there has been too little room for them.
    cramped: Option<i64>,
}

#[derive(Default)]
struct Meeting {
    still_to_come: u32,
    /// That one of them comes in one step, in a thousand.
    comes: u64,
}

impl Announced {
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(!seed),
            meetings: BTreeMap::new(),
            away: false,
            cramped: None,
        }
    }

    /// A meeting of so many begins in the minute after `second`.
    fn add(&mut self, second: i64, people: u32, comes: u64) {
        let minute = second - second.rem_euclid(60) + 60;
        let meeting = self.meetings.entry(minute).or_default();
        meeting.still_to_come += people;
        meeting.comes = comes;
    }

    /// One person at most for each of those that are about to begin.
    fn come(&mut self, second: i64) -> u32 {
        self.meetings.retain(|begins, _| second < begins + LATE);
        let mut came = 0;
        for (_, meeting) in self.meetings.range_mut(..=second + EARLY) {
            let comes = self.rng.chance(meeting.comes);
            let one = meeting.still_to_come.min(u32::from(comes));
            meeting.still_to_come -= one;
            came += one;
        }
        came
    }

    fn told(&self) -> Vec<Expected> {
        let told = self.meetings.iter().map(|(at, meeting)| Expected {
            at: *at,
            people: meeting.still_to_come,
        });
        told.collect()
    }

    /// For whom there is to be room.
    fn due(&self, second: i64) -> u32 {
        let due = self.meetings.range(..=second + READY);
        due.map(|(_, meeting)| meeting.still_to_come).sum()
    }
}

impl World {
    /// People come, and the directory tells who is still to.
    pub fn come_as_announced(&mut self) {
        let second = self.time().as_second();
        let Some(announced) = &mut self.announced else {
            return;
        };
        self.target += announced.come(second);
        for controller in self.controllers.values_mut() {
            if !announced.away && announced.rng.chance(100) {
                controller.told = announced.told();
            }
        }
    }

    /// Somebody announces a meeting; the directory goes away and comes back.
    pub fn announce_meetings(&mut self) {
        let second = self.time().as_second();
        let Some(announced) = &mut self.announced else {
            return;
        };
        let rng = &mut announced.rng;
        let (away, one_more) = (rng.chance(10), rng.chance(10));
        let ahead = i64::try_from(rng.below(READY.unsigned_abs())).unwrap();
        let people = 1 + u32::try_from(rng.below(MOST)).unwrap();
        let comes = [0, 20, 100][usize::try_from(rng.below(3)).unwrap()];
        announced.away ^= away;
        if one_more {
            announced.add(second + ahead, people, comes);
        }
    }

    /// The directory is back, and one more meeting is known ahead.
    pub fn announce_one_more(&mut self) {
        let second = self.time().as_second();
        if let Some(announced) = &mut self.announced {
            announced.away = false;
            announced.add(second + READY - 60, u32::try_from(MOST).unwrap(), 100);
        }
    }

    /// In quiet times there is room for those who are to come, while the pool may grow.
    pub fn check_room(&mut self) {
        let (now, second) = (self.now, self.time().as_second());
        let open = self
            .pods
            .iter()
            .filter(|(router, pod)| self.runs(pod) && !pod.draining && self.is_known(router));
        let free: u32 = open
            .map(|(_, pod)| PER_ROUTER.saturating_sub(pod.people))
            .sum();
        let may_grow = self.may_grow();
        let Some(announced) = &mut self.announced else {
            return;
        };
        let due = announced.due(second);
        let since = announced.cramped.unwrap_or(now);
        announced.cramped = (may_grow && free < due).then_some(since);
        assert!(
            announced
                .cramped
                .is_none_or(|since| now - since < PATIENCE_MS),
            "{due} people are to come, and have {free} seats"
        );
    }
}
