//! Of which run of a router's container the newest word is.
//!
//! A container that was started anew has nobody on it, and nobody can have been sent to its new
//! process before a controller heard of that: what is still said of the one before is no word of
//! it. Which word is of which run is known of a run that was seen to begin, when the process
//! before was heard by its own number (boot). Of any other the newest word counts, as does one of
//! the process before that somebody is in touch with: the careful reading.
//!
//! A new leader has none of this. What it needs of a run that the last one saw begin is on the pod:
//! `plenum.dev/Heard` is `False`. Of one that began while nobody led it cannot be told whether it was
//! heard, though the pod says when and how often its container was started: a controller may have
//! heard the process meanwhile, sent people there, and forgotten it or lost touch. That the
//! condition is older than the run says nothing, as it keeps the time of the first word, and by
//! another clock; nor do numbers of processes, which are random. So there, too, the newest word
//! counts, and a router without one is missed before it is given up.

use std::collections::BTreeMap;

use jiff::Timestamp;
use plenum_wire::{Boot, RouterId};

use crate::pool::observed::{Observed, Pod, Word};

/// The runs of all routers' containers. Lost with the process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Runs(BTreeMap<RouterId, Run>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    number: u32,
    /// Its process, by the first word of it.
    boot: Option<Boot>,
    /// The process that was last heard before.
    before: Option<Boot>,
    /// When it was seen to follow another. Of several that nobody heard, one after the other, when
    /// the first of them began: one that ends time and again has no more time to be heard than one
    /// that runs on, or its drain would not end before the deadline of those with people.
    began: Option<Timestamp>,
    /// This process or one before it was heard, or may have been: of a pod that was not seen from
    /// its first run on nobody knows.
    heard: bool,
}

impl Runs {
    /// With what is seen now.
    pub(super) fn with(&self, seen: &Observed, now: Timestamp) -> Self {
        let run = |(router, pod): (&RouterId, &Pod)| {
            let word = seen.view.routers.get(router);
            let run = Run::new(self.0.get(router), pod, word, now);
            (router.clone(), run)
        };
        Self(seen.pods.iter().map(run).collect())
    }

    /// The newest word of the process that runs there now.
    pub(super) fn word<'a>(&self, seen: &'a Observed, router: &RouterId) -> Option<&'a Word> {
        let heard = self.0.get(router).is_some_and(|run| run.boot.is_some());
        seen.view.routers.get(router).filter(|_| heard)
    }

    /// Its container was seen to be started anew, and nobody has heard of the new process.
    pub(super) fn begins(&self, router: &RouterId) -> bool {
        let begins = |run: &Run| run.began.is_some() && run.boot.is_none();
        self.0.get(router).is_some_and(begins)
    }

    /// No process of this pod was ever heard.
    pub(super) fn is_new(&self, router: &RouterId) -> bool {
        self.0.get(router).is_some_and(|run| !run.heard)
    }

    /// Since when the process that runs there now may do so, or the first of several that nobody
    /// heard, as far as anybody knows.
    pub(super) fn began(&self, router: &RouterId, pod: &Pod) -> Timestamp {
        let began = self.0.get(router).and_then(|run| run.began);
        began.unwrap_or(pod.born)
    }
}

impl Run {
    fn new(last: Option<&Self>, pod: &Pod, word: Option<&Word>, now: Timestamp) -> Self {
        let new = |before: Option<Boot>| {
            let of_it = |word: &&Word| Some(word.boot) != before || word.counts();
            word.filter(of_it).map(|word| word.boot)
        };
        let heard = pod.said.heard || word.is_some();
        match last {
            // A cache may be behind what was seen before.
            Some(run) if pod.run <= run.number => Self {
                boot: run.boot.or_else(|| new(run.before)),
                heard: run.heard || heard,
                ..*run
            },
            Some(run) => {
                let before = run.boot.or(run.before);
                let unheard = run.boot.is_none() && (run.began.is_some() || !run.heard);
                let began = unheard.then(|| run.began.unwrap_or(pod.born));
                Self {
                    number: pod.run,
                    boot: new(before),
                    before,
                    began: Some(began.unwrap_or(now)),
                    heard: run.heard || heard,
                }
            }
            None => Self {
                number: pod.run,
                boot: new(None),
                before: None,
                began: None,
                heard: heard || pod.run > 0,
            },
        }
    }
}
