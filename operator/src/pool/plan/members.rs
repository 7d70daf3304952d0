//! The labelled nodes, sorted by what they are to the pool.

use std::collections::{BTreeMap, BTreeSet};

use plenum_crds::NoAddress;
use plenum_crds::conditions::DrainReason;
use plenum_wire::RouterId;

use super::hearing::Hearing;
use super::member::Member;
use crate::pool::observed::{Node, Observed, Owner, Pod, Word, Zone};
use crate::pool::validate::ValidPool;

/// The nodes of a pool by what they are.
pub(super) struct Members<'a> {
    /// Carry a router that shall stay (or is about to start).
    pub serving: BTreeMap<&'a str, Member<'a>>,
    /// Drain to be made anew from another template, or were just made and do not take people
    /// yet; they come back, and so count as there.
    pub rolling: BTreeMap<&'a str, Member<'a>>,
    /// Shall be emptied for a reason of their own, whatever the load; the drain may have
    /// started or not.
    pub leaving: BTreeMap<&'a str, (Member<'a>, DrainReason)>,
    /// Drain because the load asked for fewer: may be called back.
    pub spare: BTreeMap<&'a str, Member<'a>>,
    /// Dead for all we know: kubelet and router are silent. Replaced, and left alone, without the
    /// mark of a rollout, as nobody there makes a router anew.
    pub lost: BTreeMap<&'a str, Member<'a>>,
    /// Not heard for long, though they may run and carry people. Replaced, and left alone but for a
    /// rollout.
    pub silent: BTreeMap<&'a str, Member<'a>>,
    /// Wait for an address of their node, and serve nobody until then. Replaced, and left alone,
    /// without the mark of a rollout, as dead ones, until there are too many with them.
    pub waiting: BTreeMap<&'a str, Member<'a>>,
    /// Everything ends: the pool or its zone is being deleted.
    pub ending: Option<DrainReason>,
    /// Which of their routers are heard.
    pub hearing: Hearing,
}

/// Nodes with the label of this pool.
pub(super) fn labelled(seen: &Observed) -> impl Iterator<Item = (&String, &Node)> {
    seen.nodes
        .iter()
        .filter(|(_, node)| node.owner == Owner::Us)
}

/// Router pods on a node, terminating ones included.
pub(super) fn pods_on<'a>(
    seen: &'a Observed,
    node: &str,
) -> impl Iterator<Item = (&'a RouterId, &'a Pod)> {
    let node = node.to_owned();
    seen.pods.iter().filter(move |(_, pod)| pod.node == node)
}

impl<'a> Members<'a> {
    pub(super) fn sort(seen: &'a Observed, hearing: Hearing) -> Self {
        let by_node: BTreeMap<&str, (&RouterId, &Pod)> = seen
            .pods
            .iter()
            .filter(|(_, pod)| !pod.terminating)
            .map(|(router, pod)| (pod.node.as_str(), (router, pod)))
            .collect();
        let mut members = Self {
            serving: BTreeMap::new(),
            rolling: BTreeMap::new(),
            leaving: BTreeMap::new(),
            spare: BTreeMap::new(),
            lost: BTreeMap::new(),
            silent: BTreeMap::new(),
            waiting: BTreeMap::new(),
            ending: ending(seen),
            hearing,
        };
        for (name, node) in labelled(seen) {
            let pod = by_node.get(name.as_str()).copied();
            let hearing = &members.hearing;
            let word = pod.and_then(|(router, _)| hearing.word(seen, router));
            let member = Member {
                node,
                pod,
                word,
                unheard: pod.is_some_and(|(router, pod)| hearing.never(router, pod, word)),
                new: pod.is_some_and(|(router, _)| hearing.is_new(router)),
                missed: pod.is_some_and(|(router, _)| hearing.is_missed_for_long(router)),
                silent: pod.is_some_and(|(router, pod)| hearing.is_silent(router, pod, word)),
                lost: hearing.is_lost(name),
            };
            members.place(name, member);
        }
        members
    }

    fn place(&mut self, name: &'a str, member: Member<'a>) {
        if let Some(reason) = self.ending.or_else(|| must_leave(&member)) {
            self.leaving.insert(name, (member, reason));
            return;
        }
        let reason = member.node.drain.map(|drain| drain.reason);
        let part = match reason {
            // Its router comes back with its node, if ever, and is rolled then.
            None | Some(DrainReason::Rollout | DrainReason::Requested) if member.lost => {
                &mut self.lost
            }
            None | Some(DrainReason::Rollout | DrainReason::Requested) if member.waits() => {
                &mut self.waiting
            }
            // It stays as it is where a new one would wait.
            Some(DrainReason::Rollout) if !member.renewed() && !member.out_of_reach() => {
                &mut self.rolling
            }
            // Whoever asked for the drain has taken it back: it serves again.
            None | Some(DrainReason::Rollout | DrainReason::Requested) => {
                if member.silent {
                    &mut self.silent
                } else if member.renewed() && !member.accepting() {
                    &mut self.rolling
                } else {
                    &mut self.serving
                }
            }
            // It would serve nobody: it is not called back.
            Some(reason) if member.silent || member.waits() => {
                self.leaving.insert(name, (member, reason));
                return;
            }
            Some(_) => &mut self.spare,
        };
        part.insert(name, member);
    }

    /// Routers that are there, or come back by themselves.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.serving.len() + self.rolling.len()).unwrap_or(u32::MAX)
    }

    /// The same, with those that wait for an address: all whose nodes are kept for them.
    pub(super) fn with_waiting(&self) -> u32 {
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        self.count().saturating_add(waiting)
    }

    /// Those that are there, with those that can be called back.
    pub(super) fn there(&self) -> u32 {
        let spare = u32::try_from(self.spare.len()).unwrap_or(u32::MAX);
        self.count().saturating_add(spare)
    }

    /// How many of so many routers are not there.
    pub(super) fn missing(&self, wanted: u32) -> u32 {
        wanted.saturating_sub(self.there())
    }

    /// People who need a place elsewhere when these nodes are emptied. One that somebody wants empty does
    /// not wait for those whom nobody can tell to move: the last word of a silent router stands as
    /// long as it is silent.
    pub(super) fn to_move(&self, nodes: &BTreeSet<&str>) -> u64 {
        let told = |(node, member): &(&str, Member)| {
            let in_touch = member.word.is_some_and(Word::counts);
            !member.silent || in_touch || !self.leaving.contains_key(*node)
        };
        let emptied = self.all().filter(|(node, _)| nodes.contains(node));
        let moved = emptied.filter(told);
        moved
            .map(|(_, it)| u64::from(it.participants_at_most()))
            .sum()
    }

    /// How many of so many missing routers may come: none of a template that takes nodes down. Those
    /// in the place of silent ones may fall silent as well, and are replaced again: with all that
    /// carry a router, but for dead nodes, those that wait for an address, and silent ones that
    /// somebody wants empty, no more than the largest pool has, and beside it as many as may drain at
    /// once, which are replaced too.
    pub(super) fn may_come(&self, pool: &ValidPool, missing: u32) -> u32 {
        if self.takes_nodes_down(pool) {
            return 0;
        }
        let count = |nodes: usize| u32::try_from(nodes).unwrap_or(u32::MAX);
        let in_place_of_silent = missing.min(count(self.silent.len()));
        let others = missing - in_place_of_silent;
        let given_up = self.leaving.values().filter(|(member, _)| member.silent);
        let carry_none = self.lost.len() + self.waiting.len() + given_up.count();
        let carry = self.all().count() - carry_none;
        let most = pool.max.saturating_add(pool.max_draining);
        let room = most.saturating_sub(count(carry).saturating_add(others));
        others + in_place_of_silent.min(room)
    }

    /// That bound keeps some of those that are wanted from coming, whatever nodes there are.
    pub(super) fn kept_from_coming(&self, pool: &ValidPool, wanted: u32) -> bool {
        let missing = self.missing(wanted);
        self.may_come(pool, missing) < missing
    }

    /// Routers of another template than the one wanted now that serve, or are silent.
    pub(super) fn outdated(&self) -> impl Iterator<Item = (&'a str, Member<'a>)> + '_ {
        self.serving
            .iter()
            .chain(&self.silent)
            .filter(|(_, m)| m.outdated())
            .map(|(name, m)| (*name, *m))
    }

    /// Of these, those that may be made anew: without an address the new one would wait for that.
    pub(super) fn to_replace(&self) -> impl Iterator<Item = (&'a str, Member<'a>)> + '_ {
        self.outdated().filter(|(_, member)| !member.out_of_reach())
    }

    /// Nodes that are to carry a router and could not tell clients where it is, and why.
    pub(super) fn out_of_reach(&self) -> impl Iterator<Item = (&'a str, &'a NoAddress)> + '_ {
        let stay = [&self.serving, &self.rolling, &self.silent, &self.waiting];
        let stay = stay.into_iter().flatten();
        stay.filter_map(|(name, member)| Some((*name, member.node.no_address()?)))
    }

    /// Nodes whose routers of the template wanted now are to take people and do not.
    pub(super) fn unproven(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.serving
            .iter()
            .chain(&self.rolling)
            .chain(&self.silent)
            .filter(|(_, m)| m.unproven())
            .map(|(name, _)| *name)
    }

    /// Nodes that died with a router of the template wanted now, before anybody heard of it: that
    /// template may be what they died of.
    pub(super) fn died_new(&self) -> impl Iterator<Item = &'a str> + '_ {
        let never_came = |m: &Member| m.pod.is_some() && m.new && !m.outdated();
        let died = self.lost.iter().filter(move |(_, m)| never_came(m));
        died.map(|(name, _)| *name)
    }

    /// These, and nodes that lost the address that such a router was told: it had its time, and as it
    /// is not heard the template may be why. To a rollout both are the same.
    pub(super) fn never_came(&self) -> impl Iterator<Item = &'a str> + '_ {
        let told = |m: &Member| m.pod.is_some_and(|(_, pod)| pod.announced.is_some());
        let in_vain = move |m: &Member| m.new && !m.outdated() && told(m);
        let waiting = self.waiting.iter().filter(move |(_, m)| in_vain(m));
        self.died_new().chain(waiting.map(|(name, _)| *name))
    }

    /// More nodes died with a router of the template wanted now than may drain at once, before
    /// anybody heard of it, and nobody ever heard of any: it is sent to no further one. A node that
    /// dies by itself while its router starts is no sign of that, least of all where others work.
    pub(super) fn takes_nodes_down(&self, pool: &ValidPool) -> bool {
        let heard = |m: &Member| m.pod.is_some() && !m.outdated() && !m.new;
        self.died_new().count() > pool.max_draining as usize
            && !self.all().any(|(_, member)| heard(&member))
    }

    /// Every member.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'a str, Member<'a>)> + '_ {
        let leaving = self.leaving.iter().map(|(name, (m, _))| (*name, *m));
        let parts = [
            &self.serving,
            &self.rolling,
            &self.spare,
            &self.lost,
            &self.silent,
            &self.waiting,
        ];
        parts
            .into_iter()
            .flat_map(|part| part.iter().map(|(name, m)| (*name, *m)))
            .chain(leaving)
    }
}

fn ending(seen: &Observed) -> Option<DrainReason> {
    if seen.pool_deleting {
        return Some(DrainReason::PoolDeleted);
    }
    // A zone that is gone before its routers left the reason on their nodes.
    let marked = |(_, node): (&String, &Node)| {
        let drain = node.drain;
        drain.is_some_and(|drain| drain.reason == DrainReason::ZoneDeleted)
    };
    let ending = match seen.zone {
        Zone::Deleting { .. } => true,
        Zone::Missing => labelled(seen).any(marked),
        Zone::NotReady | Zone::Found => false,
    };
    ending.then_some(DrainReason::ZoneDeleted)
}

fn must_leave(member: &Member) -> Option<DrainReason> {
    if !member.node.selected {
        Some(DrainReason::NodeNotSelected)
    } else if !member.node.schedulable {
        Some(DrainReason::NodeCordoned)
    } else if member.node.drain_requested {
        Some(DrainReason::Requested)
    } else {
        None
    }
}
