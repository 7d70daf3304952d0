//! What the operator is shown of the world.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plenum_operator::pool::observed::{self, Coverage, Observed, Owner, Said, View, Word, Zone};
use plenum_operator::reports::merge::{Heard, merge};
use plenum_wire::RouterId;

use crate::world::{Ending, SimNode, SimPod, Works, World};

impl World {
    /// What a fetch sees, with the versions of the nodes.
    pub fn observe(&self) -> (Observed, BTreeMap<String, u64>) {
        let at = |ms: i64| self.epoch + Duration::from_millis(u64::try_from(ms).unwrap());
        let heard = self
            .heard
            .iter()
            .map(|(name, (ms, routers))| (name.clone(), Heard::new(at(*ms), routers.clone())))
            .collect();
        let expected = self.controllers.keys().cloned().collect();
        let node = |node: &SimNode| observed::Node {
            selected: node.selected,
            schedulable: node.schedulable,
            drain_requested: node.requested,
            ready: node.alive,
            owner: if node.active {
                Owner::Us
            } else {
                Owner::Nobody
            },
            protected: node.protected,
            drain: node.drain,
        };
        let seen = Observed {
            zone: match self.ending {
                Some(Ending::Zone { gone: true, .. }) => Zone::Missing,
                Some(Ending::Zone { until, .. }) => Zone::Deleting { until },
                _ => Zone::Found,
            },
            pool_deleting: self.ending == Some(Ending::Pool),
            startable: true,
            nodes: self
                .nodes
                .iter()
                .map(|(k, v)| (k.clone(), node(v)))
                .collect(),
            pods: self
                .pods
                .iter()
                .map(|(k, v)| (k.clone(), self.observe_pod(v)))
                .collect(),
            view: merge(&expected, &heard, &self.pool.wire, at(self.now)),
            rivals: BTreeSet::new(),
            placeholder_trouble: None,
        };
        let versions = self
            .nodes
            .iter()
            .map(|(k, v)| (k.clone(), v.version))
            .collect();
        (seen, versions)
    }

    /// An operator looks, and this is what it hears.
    pub fn looked(&mut self, view: &View) {
        let now = self.now;
        let word = |router: &RouterId| view.routers.get(router);
        if view.coverage != Coverage::Complete {
            // Who was missed for long is missed still, where nobody else hears it.
            let missed = std::mem::take(&mut self.missed).into_iter();
            let patience = self.patience();
            let heard = |router: &RouterId| word(router).is_some_and(Word::counts);
            let stays =
                |(router, since): &(RouterId, i64)| now - since >= patience && !heard(router);
            self.missed = missed.filter(stays).collect();
            self.listened = None;
            return self.silent.clear();
        }
        self.listened.get_or_insert(now);
        let by_all = |router: &&RouterId| word(router).is_some_and(|word| word.fresh_everywhere);
        let (heard, missed): (Vec<_>, Vec<_>) = self.pods.keys().partition(by_all);
        let since = |router: &RouterId| self.missed.get(router).copied().unwrap_or(now);
        let missed = missed
            .into_iter()
            .map(|router| (router.clone(), since(router)));
        let missed: BTreeMap<RouterId, i64> = missed.collect();
        let by_none = |router: &RouterId| !word(router).is_some_and(|word| word.fresh);
        let its_own = |router: &&RouterId| !heard.is_empty() || by_none(router);
        let its_own: BTreeSet<RouterId> = missed.keys().filter(its_own).cloned().collect();
        self.missed = missed;
        let silent = its_own.into_iter();
        self.silent = silent.filter(|it| self.is_missed_for_long(it)).collect();
    }

    /// It had the time of a new router to be heard by all controllers, and was not.
    pub fn is_missed_for_long(&self, router: &RouterId) -> bool {
        let since = self.missed.get(router);
        since.is_some_and(|since| self.now - since >= self.patience())
    }

    fn patience(&self) -> i64 {
        i64::try_from(self.pool.rollout_deadline.as_millis()).unwrap()
    }

    /// It remembers nothing.
    pub fn forgotten(&mut self) {
        self.listened = None;
        self.missed.clear();
        self.silent.clear();
    }

    fn observe_pod(&self, pod: &SimPod) -> observed::Pod {
        let began = pod.starts <= self.now;
        let starts = !matches!(
            pod.template.works,
            Works::NeverScheduled | Works::NeverStarts
        );
        let started = starts && (began || pod.run > 0);
        observed::Pod {
            node: pod.node.clone(),
            born: Self::time_of(pod.born),
            stopped: match pod.template.works {
                Works::Crashes => began,
                _ => started && !began,
            },
            // It counts when the new process begins.
            run: pod.run - u32::from(pod.run > 0 && !began),
            trouble: None,
            started,
            ready: self.runs(pod),
            terminating: pod.gone.is_some(),
            outdated: pod.template != self.template,
            said: Said {
                // Nobody can tell of one that ran before the first look.
                heard: pod.said.heard || (started && !pod.said.written),
                ..pod.said
            },
        }
    }
}
