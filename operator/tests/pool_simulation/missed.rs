//! Whom controllers hear, and who was missed for how long: by their reports, and not by what the
//! planner makes of them.

use std::collections::{BTreeMap, BTreeSet};

use plenum_operator::pool::observed::{self, Observed};
use plenum_operator::pool::plan::Plan;
use plenum_wire::RouterId;

use crate::world::World;

/// How old a word may be to be acted on, in milliseconds.
pub const FRESH_MS: i64 = 3_000;
/// How far an operator's caches may be behind, in milliseconds.
const BEHIND_MS: i64 = 5_000;

/// A router that some controller does not hear, while all of these are heard.
#[derive(Clone, Copy)]
pub struct Missed {
    /// Since when an operator may say so.
    since: i64,
    /// Since when any has to, whatever it did not see yet.
    surely: i64,
    /// Another controller heard it since, while all of them were heard.
    by_some: bool,
    /// It was heard since its process began.
    known: bool,
}

impl World {
    /// An operator looks, and this is what it hears.
    pub fn looked(&mut self) {
        self.missed = if self.listens() {
            self.listened.get_or_insert(self.now);
            self.missed_now()
        } else {
            self.listened = None;
            self.missed_still()
        };
        let silent = self.missed.keys().filter(|it| self.is_silent(it));
        self.silent = silent.cloned().collect();
    }

    /// It remembers nothing.
    pub fn forgotten(&mut self) {
        self.listened = None;
        self.missed.clear();
        self.silent.clear();
        self.stuck.clear();
    }

    fn missed_now(&self) -> BTreeMap<RouterId, Missed> {
        let missed = self.pods.iter().filter(|(it, _)| !self.is_heard_by_all(it));
        let missed = missed.map(|(router, pod)| {
            let before = self.missed.get(router);
            let as_ever = before.filter(|before| before.known == pod.known);
            let missed = Missed {
                since: before.map_or(self.now, |before| before.since),
                surely: as_ever.map_or(self.now, |before| before.surely),
                by_some: !self.hearers(router).is_empty()
                    || before.is_some_and(|before| before.by_some),
                known: pod.known,
            };
            (router.clone(), missed)
        });
        missed.collect()
    }

    /// While a controller is away: who was missed for long is so still, but for one that nobody heard
    /// since, and somebody does now.
    fn missed_still(&self) -> BTreeMap<RouterId, Missed> {
        let long = |since: i64| self.now - since >= self.patience();
        let stays = |(router, missed): &(&RouterId, &Missed)| {
            let comes_back = !missed.by_some && !self.hearers(router).is_empty();
            long(missed.since) && !comes_back
        };
        let missed = self.missed.iter().filter(stays).map(|(router, missed)| {
            let surely = if long(missed.surely + BEHIND_MS) {
                missed.surely
            } else {
                self.now
            };
            let missed = Missed { surely, ..*missed };
            (router.clone(), missed)
        });
        missed.collect()
    }

    /// Nobody need wait for it any more: the trouble is its own.
    fn is_silent(&self, router: &RouterId) -> bool {
        let its_own =
            self.hearers(router).is_empty() || self.pods.keys().any(|it| self.is_heard_by_all(it));
        self.listens() && its_own && self.is_missed_for_long(router)
    }

    /// It had the time of a new router to be heard by all controllers, and was not.
    pub fn is_missed_for_long(&self, router: &RouterId) -> bool {
        let missed = self.missed.get(router);
        missed.is_some_and(|missed| self.now - missed.since >= self.patience())
    }

    /// The pool waits for no router that was missed for long, however often a controller was away
    /// meanwhile. Of one whose process began anew the operator may know less.
    pub fn check_patience(&self, seen: &Observed, decided: &Plan) {
        let partial = |reason: &str| reason == "ReportsPartial";
        let stays = self.pods.iter().filter(|(_, pod)| pod.gone.is_none());
        let its_own = stays
            .clone()
            .any(|(router, _)| self.is_heard_by_all(router));
        if !its_own || !decided.verdicts.iter().any(|it| partial(it.reason)) {
            return;
        }
        let long = |missed: &Missed| self.now - missed.surely >= self.patience() + BEHIND_MS;
        let surely_missed = |router: &RouterId| self.missed.get(router).is_some_and(long);
        let waited_for = |(router, pod): (&RouterId, &observed::Pod)| {
            let anew = self.pods.get(router).is_none_or(|pod| pod.run > 0);
            let heard = self.is_heard_by_all(router);
            pod.ready && (anew || (!heard && !surely_missed(router)))
        };
        assert!(
            seen.pods.iter().any(waited_for),
            "the pool waits for routers that were missed for long"
        );
    }

    /// Every controller was heard just now.
    fn listens(&self) -> bool {
        let heard = |name: &String| {
            let last = self.heard.get(name);
            last.is_some_and(|(at, _)| self.now - at <= FRESH_MS)
        };
        !self.controllers.is_empty() && self.controllers.keys().all(heard)
    }

    fn is_heard_by_all(&self, router: &RouterId) -> bool {
        let hearers = self.hearers(router);
        !hearers.is_empty()
            && self
                .controllers
                .keys()
                .all(|it| hearers.contains(it.as_str()))
    }

    /// The controllers that tell of its newest process, in touch with it just now.
    fn hearers(&self, router: &RouterId) -> BTreeSet<&str> {
        let told = self.heard.iter().filter_map(|(name, (at, reports))| {
            let report = reports.iter().find(|report| report.router == *router)?;
            let age = self.now - at + i64::try_from(report.age_ms).unwrap();
            Some((age, name.as_str(), report))
        });
        let told: Vec<_> = told.collect();
        let newest = told.iter().min_by_key(|(age, ..)| *age);
        let Some(boot) = newest.map(|(.., report)| report.boot) else {
            return BTreeSet::new();
        };
        let in_touch = told
            .iter()
            .filter(|(age, _, report)| report.connected && *age <= FRESH_MS && report.boot == boot);
        in_touch.map(|(_, name, _)| *name).collect()
    }

    pub fn patience(&self) -> i64 {
        i64::try_from(self.pool.rollout_deadline.as_millis()).unwrap()
    }
}
