//! Which routers zone controllers hear, and since when they do not.
//!
//! Nobody can have been sent to a router of which no controller ever heard. It is written on a
//! router's pod before anything of it runs, and when its container was seen to be started anew, as a
//! new process has to be heard anew; it is unwritten when a controller hears of it. Of one that ran
//! before anybody looked nothing is written: it may have been heard, and forgotten by controllers
//! that began anew. A router that can come back to them does so within seconds. When every
//! controller has been listened to for as long as a new router may take until it takes people, and
//! none had a word of it, it counts as never heard.
//!
//! One that was heard, and is not by every controller, is missed: there may be people on it, and
//! nothing is taken away meanwhile. That ends when it has been missed for as long, and it is the
//! router's own trouble: no controller hears it, or all of them hear some other router of the pool.
//! Such a router is silent: nobody waits for it any more, and what it needs is a person.
//!
//! All this is found out while every controller is heard, as is which nodes are dead. When one is away
//! it stands, until somebody is heard of whom nobody had a word, and nothing more is found out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use plenum_wire::RouterId;

use super::Draft;
use super::members::{labelled, pods_on};
use super::runs::Runs;
use super::size::elapsed;
use crate::pool::observed::{Coverage, Observed, Pod, Word};
use crate::pool::validate::ValidPool;

/// What earlier plans heard. Lost with the process: then routers are waited for anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Since when every controller is heard without a break; `None` while some are not.
    all: Option<Timestamp>,
    /// Routers that are not heard by some controller, while all of these are. Those that were missed
    /// for long stay so until they are heard: by all, or by any while another is away, if none did
    /// since they are missed.
    missed: BTreeMap<RouterId, Missed>,
    /// Some router was heard by every controller, when all of these were heard last.
    any: bool,
    /// Nodes of which neither kubelet nor router was heard when every controller was heard last, nor
    /// since.
    lost: BTreeSet<String>,
    runs: Runs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Missed {
    since: Timestamp,
    /// It was never heard since it runs. That it was begins its time anew, as does the first run
    /// after one that was; not each of a process that ends time and again.
    unheard: bool,
    /// Some controller hears it all the same, or did since it is missed: that this one begins anew, and
    /// then hears it again, does not bring the router back to the others.
    by_some: bool,
}

impl Heard {
    fn with(&self, seen: &Observed, patience: Duration, now: Timestamp) -> Self {
        let runs = self.runs.with(seen, now);
        let lost = self.lost(seen, &runs);
        if seen.view.coverage != Coverage::Complete {
            return Self {
                all: None,
                missed: self.missed_still(seen, patience, now),
                any: self.any,
                lost,
                runs,
            };
        }
        let by_all = |router: &RouterId| {
            let word = seen.view.routers.get(router);
            word.is_some_and(|word| word.fresh_everywhere)
        };
        let pods = seen.pods.iter().filter(|(_, pod)| !pod.terminating);
        let (heard, missed): (Vec<_>, Vec<_>) = pods.partition(|(router, _)| by_all(router));
        let missed = missed.into_iter().map(|(router, pod)| {
            let missed = self.missed_now(seen, &runs, (router, pod), now);
            (router.clone(), missed)
        });
        Self {
            all: self.all.or(Some(now)),
            missed: missed.collect(),
            any: !heard.is_empty(),
            lost,
            runs,
        }
    }

    fn missed_now(
        &self,
        seen: &Observed,
        runs: &Runs,
        (router, pod): (&RouterId, &Pod),
        now: Timestamp,
    ) -> Missed {
        let may_be_heard = pod.said.heard && !runs.begins(router);
        let unheard = !may_be_heard && runs.word(seen, router).is_none();
        let goes_on = |before: &&Missed| {
            if before.unheard {
                unheard
            } else {
                !runs.begins(router)
            }
        };
        let before = self.missed.get(router).filter(goes_on);
        Missed {
            since: before.map_or(now, |before| before.since),
            unheard,
            by_some: in_touch(seen, router) || before.is_some_and(|before| before.by_some),
        }
    }

    /// That a controller is away brings nobody back who was missed for long before: only that another
    /// one hears the router, and none did before, does. The one that was away will need a moment, too.
    fn missed_still(
        &self,
        seen: &Observed,
        patience: Duration,
        now: Timestamp,
    ) -> BTreeMap<RouterId, Missed> {
        let stays = |(router, missed): &(&RouterId, &Missed)| {
            let long = elapsed(missed.since, now) >= patience;
            let comes_back = !missed.by_some && in_touch(seen, router);
            long && seen.pods.contains_key(*router) && !comes_back
        };
        let missed = self.missed.iter().filter(stays);
        missed.map(|(router, it)| (router.clone(), *it)).collect()
    }

    /// Nor does it bring a node back that was dead before, or tell of one that dies now.
    fn lost(&self, seen: &Observed, runs: &Runs) -> BTreeSet<String> {
        let listened = seen.view.coverage == Coverage::Complete;
        let known = |name: &str| listened || self.lost.contains(name);
        let labelled = labelled(seen).filter(|(name, _)| known(name));
        let dead = labelled.filter(|(name, node)| !node.ready && !is_heard_on(seen, runs, name));
        dead.map(|(name, _)| name.clone()).collect()
    }
}

/// Some controller has just heard the router of this node.
fn is_heard_on(seen: &Observed, runs: &Runs, node: &str) -> bool {
    let mut stay = pods_on(seen, node).filter(|(_, pod)| !pod.terminating);
    stay.any(|(router, _)| runs.word(seen, router).is_some_and(|word| word.fresh))
}

/// Some controller hears it.
fn in_touch(seen: &Observed, router: &RouterId) -> bool {
    seen.view.routers.get(router).is_some_and(Word::counts)
}

/// How well controllers and routers are heard.
pub(super) struct Hearing {
    heard: Heard,
    /// How long a router may be silent.
    patience: Duration,
    now: Timestamp,
}

impl Hearing {
    pub(super) fn new(pool: &ValidPool, seen: &Observed, heard: &Heard, now: Timestamp) -> Self {
        Self {
            heard: heard.with(seen, pool.rollout_deadline, now),
            patience: pool.rollout_deadline,
            now,
        }
    }

    /// Neither kubelet nor router of this node is heard, as far as every controller was listened to.
    pub(super) fn is_lost(&self, node: &str) -> bool {
        self.heard.lost.contains(node)
    }

    /// For the memory.
    pub(super) fn heard(&self) -> &Heard {
        &self.heard
    }

    /// Since when all controllers are heard without a break.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.heard.all
    }

    /// Since when this router could be heard, as far as anybody knows.
    pub(super) fn could_hear(&self, router: &RouterId, pod: &Pod) -> Option<Timestamp> {
        let began = self.heard.runs.began(router, pod);
        self.since().map(|since| since.max(began))
    }

    /// The newest word of this router since it runs.
    pub(super) fn word<'a>(&self, seen: &'a Observed, router: &RouterId) -> Option<&'a Word> {
        self.heard.runs.word(seen, router)
    }

    /// No controller ever heard of this router since it runs, and all of them are heard now. While
    /// some are not nobody knows.
    pub(super) fn never(&self, router: &RouterId, pod: &Pod, word: Option<&Word>) -> bool {
        self.since().is_some() && self.is_unheard(router, pod, word)
    }

    /// The same as far as anybody knows.
    fn is_unheard(&self, router: &RouterId, pod: &Pod, word: Option<&Word>) -> bool {
        let begins = self.heard.runs.begins(router);
        word.is_none() && (!pod.said.heard || begins || self.is_silent_for_long(pod))
    }

    /// Nor of any run of its container before, as far as anybody knows.
    pub(super) fn is_new(&self, router: &RouterId) -> bool {
        self.heard.runs.is_new(router)
    }

    /// Whether a controller ever heard of this router cannot be told yet.
    pub(super) fn is_unclear(&self, pod: &Pod, word: Option<&Word>) -> bool {
        let unwritten = pod.said.heard && !pod.said.written;
        word.is_none() && unwritten && !self.is_silent_for_long(pod)
    }

    /// Not every controller has heard this router for as long as a new one may take.
    pub(super) fn is_missed_for_long(&self, router: &RouterId) -> bool {
        let missed = self.heard.missed.get(router);
        missed.is_some_and(|missed| elapsed(missed.since, self.now) >= self.patience)
    }

    /// It was heard once, and nobody waits for it any more. A controller that is away makes no such
    /// router of one that nobody had heard before.
    pub(super) fn is_silent(&self, router: &RouterId, pod: &Pod, word: Option<&Word>) -> bool {
        let its_own = self.heard.any || !word.is_some_and(|word| word.fresh);
        its_own && self.is_missed_for_long(router) && !self.is_unheard(router, pod, word)
    }

    /// It ran before anybody looked, and has had the time to be heard since.
    fn is_silent_for_long(&self, pod: &Pod) -> bool {
        let silent = |since: Timestamp| elapsed(since.max(pod.born), self.now) >= self.patience;
        !pod.said.written && self.since().is_some_and(silent)
    }

    /// When it will have had that time.
    fn clear_at(&self, pod: &Pod) -> Option<Timestamp> {
        let from = self.since()?.max(pod.born);
        from.checked_add(self.patience).ok()
    }

    /// When routers will have been missed for so long.
    fn missed_for_long_at(&self) -> impl Iterator<Item = Timestamp> + '_ {
        let missed = self.heard.missed.values();
        missed.filter_map(|missed| missed.since.checked_add(self.patience).ok())
    }
}

impl Draft<'_> {
    /// Remembers to look when it will be known of a router whether anybody ever heard of it, and
    /// when one will have been missed for so long that nobody waits for it any more.
    pub(super) fn await_words(&mut self, hearing: &Hearing) {
        let unclear = self.seen.pods.iter().filter(|(router, pod)| {
            !pod.terminating && hearing.is_unclear(pod, hearing.word(self.seen, router))
        });
        let moments = unclear.filter_map(|(_, pod)| hearing.clear_at(pod));
        self.moments.extend(moments);
        self.moments.extend(hearing.missed_for_long_at());
    }
}
