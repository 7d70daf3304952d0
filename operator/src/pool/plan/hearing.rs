//! Which routers no zone controller ever heard of: nobody can have been sent to them.
//!
//! It is written on a router's pod before anything of it runs, and unwritten when a controller
//! hears of it. Of one that ran before anybody looked nothing is written: it may have been heard,
//! and forgotten by controllers that began anew. A router that can come back to them does so
//! within seconds. When every controller has been listened to for as long as a new router may take
//! until it takes people, and none had a word of it, it counts as never heard.

use std::time::Duration;

use jiff::Timestamp;

use super::Draft;
use super::size::{Memory, elapsed};
use crate::pool::observed::{Coverage, Observed, Pod, Word};
use crate::pool::validate::ValidPool;

/// How well controllers are listened to.
#[derive(Clone, Copy)]
pub(super) struct Hearing {
    /// Since when all of them are heard without a break; `None` while some are not.
    since: Option<Timestamp>,
    /// How long a router that runs may be silent.
    patience: Duration,
    now: Timestamp,
}

impl Hearing {
    pub(super) fn new(pool: &ValidPool, seen: &Observed, memory: &Memory, now: Timestamp) -> Self {
        let all = seen.view.coverage == Coverage::Complete;
        Self {
            since: all.then(|| memory.listening.unwrap_or(now)),
            patience: pool.rollout_deadline,
            now,
        }
    }

    /// Since when all controllers are heard without a break.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// No controller ever heard of this router, and all of them are heard now. While some are not
    /// nobody knows.
    pub(super) fn never(&self, pod: &Pod, word: Option<&Word>) -> bool {
        let unheard = !pod.said.heard || self.is_silent_for_long(pod);
        self.since.is_some() && word.is_none() && unheard
    }

    /// Whether a controller ever heard of this router cannot be told yet.
    pub(super) fn is_unclear(&self, pod: &Pod, word: Option<&Word>) -> bool {
        let unwritten = pod.said.heard && !pod.said.written;
        word.is_none() && unwritten && !self.is_silent_for_long(pod)
    }

    /// It ran before anybody looked, and has had the time to be heard since.
    fn is_silent_for_long(&self, pod: &Pod) -> bool {
        let silent = |since: Timestamp| elapsed(since.max(pod.born), self.now) >= self.patience;
        !pod.said.written && self.since.is_some_and(silent)
    }

    /// When it will have had that time.
    fn clear_at(&self, pod: &Pod) -> Option<Timestamp> {
        let from = self.since?.max(pod.born);
        from.checked_add(self.patience).ok()
    }
}

impl Draft<'_> {
    /// Remembers to look when it will be known of a router whether anybody ever heard of it.
    pub(super) fn await_first_words(&mut self, hearing: Hearing) {
        let routers = &self.seen.view.routers;
        let unclear = self.seen.pods.iter().filter(|(router, pod)| {
            !pod.terminating && hearing.is_unclear(pod, routers.get(*router))
        });
        let moments = unclear.filter_map(|(_, pod)| hearing.clear_at(pod));
        self.moments.extend(moments);
    }
}
