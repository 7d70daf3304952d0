//! When a draining router may go: its node loses the label, or its pod is made anew.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use plenum_crds::conditions::DrainReason;
use plenum_wire::RouterId;
use plenum_wire::link::HEARTBEAT_MS;

use super::hearing::Hearing;
use super::member::{Member, runs_nowhere};
use super::members::{self, Members};
use super::{Change, Draft, Marks, Replaced};
use crate::pool::observed::{Coverage, Drain, Pod, Word, Zone};

/// Whether a draining router may be taken away.
enum Fate {
    /// Nobody is on it.
    Empty,
    /// Somebody may be on it; its time is over.
    Late,
    /// Nobody ever heard of it, and its time is over.
    Unheard,
    /// Not yet.
    Wait,
}

impl Draft<'_> {
    /// Takes the label off nodes whose routers are empty or late, or has the pod made anew.
    pub(super) fn give_back(&mut self, members: &Members) {
        let by_name: BTreeMap<&str, Member> = members.all().collect();
        for (name, member) in by_name {
            let to_be_empty = member.drains() && !self.writes.contains_key(name);
            let Some(drain) = member.node.drain.filter(|_| to_be_empty) else {
                continue;
            };
            let deadline = self.deadline(&member, drain, &members.hearing);
            let fate = self.fate(name, &member, drain, deadline);
            if matches!(fate, Fate::Wait) {
                self.moments.extend(deadline);
                self.moments.extend(self.next_word(name, drain));
            } else if members.rolling.contains_key(name) {
                if matches!(fate, Fate::Late | Fate::Unheard) && self.began_in(&member, drain) {
                    self.start_drain(name, drain.reason);
                } else {
                    self.replace_pods(name, &fate);
                }
            } else if self.may_unlabel(members) {
                let change = match fate {
                    Fate::Late => Change::UnlabelLate,
                    Fate::Unheard => Change::UnlabelUnheard,
                    _ => Change::UnlabelEmpty,
                };
                self.write(name, Marks::Bare, change);
            }
        }
    }

    fn may_unlabel(&self, members: &Members) -> bool {
        members.ending.is_some() || self.active.len() > self.pool.min as usize
    }

    /// The router was made anew in this drain, and is of an old template again. Its people get
    /// their time, and no more: the drain that begins for it now is younger than it.
    fn began_in(&self, member: &Member, drain: Drain) -> bool {
        // Kubernetes says in which second a pod was made.
        let from = drain.since.checked_sub(Duration::from_secs(1));
        let from = from.unwrap_or(drain.since);
        let young = |(_, pod): (&RouterId, &Pod)| from < pod.born && pod.born <= self.now;
        member.pod.is_some_and(young) && !self.pool.drain_deadline.is_zero()
    }

    fn replace_pods(&mut self, node: &str, fate: &Fate) {
        let replaced = match fate {
            Fate::Late => Replaced::Late,
            Fate::Unheard => Replaced::Unheard,
            _ => Replaced::Empty,
        };
        let outdated = members::pods_on(self.seen, node)
            .filter(|(_, pod)| pod.outdated && !pod.terminating)
            .map(|(router, _)| (router.clone(), replaced));
        self.replace.extend(outdated);
    }

    /// Nobody can have been sent to a router that nobody ever heard of since it runs: it gets the
    /// time in which any new one has to take people, from when it ran and could be heard. Of one that
    /// ends time and again that is when the first of the processes began that nobody heard, and the
    /// pauses between them count too.
    fn deadline(&self, member: &Member, drain: Drain, hearing: &Hearing) -> Option<Timestamp> {
        let longest = drain.since.checked_add(self.pool.drain_deadline).ok();
        let unheard = member.pod.filter(|_| member.unheard);
        let unheard = unheard.and_then(|(router, pod)| {
            let from = hearing.could_hear(router, pod)?.max(drain.since);
            from.checked_add(self.pool.rollout_deadline).ok()
        });
        let own = longest.into_iter().chain(unheard).min();
        match self.seen.zone {
            Zone::Deleting { until } if drain.reason == DrainReason::ZoneDeleted => Some(until),
            // The zone waits for no drain that began before.
            Zone::Deleting { until } => Some(own.map_or(until, |own| own.min(until))),
            _ => own,
        }
    }

    /// When an empty router whose words are older than its drain will have said so again. No
    /// news comes of it: only the age of what it says is new.
    fn next_word(&self, node: &str, drain: Drain) -> Option<Timestamp> {
        let waits = members::pods_on(self.seen, node)
            .filter_map(|(router, _)| self.seen.view.routers.get(router))
            .any(|word| word.empty_everywhere.is_some() && !self.empty_since(word, drain));
        let after = Duration::from_millis(HEARTBEAT_MS);
        let next = self.now.max(drain.since).checked_add(after).ok();
        next.filter(|_| waits)
    }

    fn fate(&self, node: &str, member: &Member, drain: Drain, deadline: Option<Timestamp>) -> Fate {
        let mut pods = members::pods_on(self.seen, node).peekable();
        if pods.peek().is_none() || pods.all(|(router, _)| self.surely_empty(router, drain)) {
            return Fate::Empty;
        }
        match deadline {
            Some(at) if at <= self.now && member.unheard => Fate::Unheard,
            Some(at) if at <= self.now => Fate::Late,
            _ => Fate::Wait,
        }
    }

    /// Every controller has heard since the drain began that the router drains and is empty.
    fn empty_since(&self, word: &Word, drain: Drain) -> bool {
        word.empty_everywhere
            .and_then(|age| self.now.checked_sub(age).ok())
            .is_some_and(|heard| heard > drain.since)
    }

    /// Nobody is on this router, and nobody can be sent to it. Words from before this drain
    /// do not count: they may be of an earlier one that was called back.
    fn surely_empty(&self, router: &RouterId, drain: Drain) -> bool {
        if self.seen.view.coverage != Coverage::Complete {
            return false;
        }
        let word = self.seen.view.routers.get(router);
        if word.is_some_and(|word| self.empty_since(word, drain)) {
            return true;
        }
        // A controller that restarted may have forgotten a router that runs: that none hears of
        // it is not enough, and its kubelet, alive, has to say the same.
        self.seen.pods.get(router).is_some_and(|pod| {
            let node = self.seen.nodes.get(&pod.node);
            node.is_some_and(|node| node.ready) && runs_nowhere(pod, word)
        })
    }
}
