//! Rolling the routers to another template: which is replaced next, what holds it up, and what is
//! said of it.
//!
//! A router is replaced when it is empty, and the next one begins to drain when the new one takes
//! people. One that does not halts the rollout, first without a word, after
//! `rolloutDeadlineSeconds` with a reason to read. One that took its node down before it said a word,
//! or said none though it was told an address that its node lost since, is one of `maxDraining` to the
//! rollout, though to nothing else. Routers that never came up stand
//! in nobody's way: they carry nobody, and go first when the template changes again. Those that are
//! silent go last.

use std::collections::BTreeSet;

use jiff::Timestamp;
use plenum_crds::conditions::{DrainReason, PoolCondition, PoolReason};
use plenum_wire::RouterId;

use super::member::Member;
use super::members::Members;
use super::sentences::{came_in_vain, dead, ends, halted, paused, progress, some_of, unready};
use super::shrink::by_participants;
use super::size::Size;
use super::{Change, Draft, NodeWrite};
use crate::conditions::Verdict;
use crate::pool::observed::Pod;
use crate::pool::validate::ValidPool;

impl Draft<'_> {
    /// Starts to replace routers of another template, but for overloaded ones, once those of the
    /// one wanted now are seen to work: a template that does not must not use up the pool.
    pub(super) fn roll(&mut self, members: &Members, size: &Size) {
        if self.pool.rollout_paused {
            return;
        }
        self.roll_broken(members);
        let starts_one = |write: &NodeWrite| write.change == Change::Label;
        if members.unproven().next().is_some() || self.writes.values().any(starts_one) {
            return;
        }
        // Their nodes have no mark any more that would count.
        let in_vain = members.never_came().count();
        let surging = size.grow_to > size.wanted;
        let outdated = members.to_replace();
        // With a silent kubelet nobody would make its router anew.
        let may = |member: &Member| member.node.ready && !member.carries_too_much();
        let mut outdated = by_participants(outdated.filter(|(_, member)| may(member)));
        // Nobody can tell the people of silent ones to move: each of them takes its whole time.
        outdated.sort_by_key(|(_, member)| (member.silent, member.accepting()));
        for (name, member) in outdated {
            // With nowhere to go but nobody to move, a short absence is better than never; one
            // that takes nobody will not be missed at all.
            let missed = surging && member.accepting();
            let alone = !missed && member.participants_at_most() == 0;
            let stays = matches!(self.active.get(name), Some(None));
            let may = stays && self.may_drain_beside(self.draining_but(name).count() + in_vain);
            if may && (alone || self.has_room(name, members)) {
                self.start_drain(name, DrainReason::Rollout);
            }
        }
    }

    /// Routers that nobody would miss: nobody has to move for them, and nothing has to work before.
    /// One that merely began anew is none of them: the template wanted now may be the one that does
    /// not work.
    fn roll_broken(&mut self, members: &Members) {
        let broken = members.to_replace();
        let broken = broken.filter(|(_, member)| member.no_loss());
        for (name, _) in by_participants(broken) {
            if self.below_limit(name) {
                self.start_drain(name, DrainReason::Rollout);
            }
        }
    }

    /// Remembers to look when a new router will have had its time.
    pub(super) fn await_new_routers(&mut self, members: &Members) {
        let pool = self.pool;
        let ends = arriving(members).filter_map(|(_, _, pod)| time_ends(pool, pod));
        self.moments.extend(ends);
    }
}

/// The nodes of the new routers without which a rollout does not go on, for people.
pub(super) fn awaited(members: &Members) -> Option<String> {
    let nodes: Vec<&str> = members.unproven().collect();
    (rolls(members) && !nodes.is_empty()).then(|| some_of(&nodes))
}

/// Whether some routers are of another template than the one wanted now, or were just made anew
/// and do not take people yet.
fn rolls(members: &Members) -> bool {
    members.outdated().next().is_some()
        || !members.rolling.is_empty()
        || members.silent.values().any(Member::renewed)
}

/// New routers that have not taken people yet, with their nodes and pods. One that did and does
/// not just now has no mark of the rollout any more, its kubelet finds it well, and somebody has
/// heard of it, and not only long ago.
fn arriving<'a>(
    members: &'a Members<'a>,
) -> impl Iterator<Item = (&'a str, &'a RouterId, &'a Pod)> + 'a {
    let rolls = rolls(members);
    let came = |member: &Member| {
        let known = !member.unheard && !member.silent;
        member.node.drain.is_none() && ready(member) && known
    };
    members
        .serving
        .iter()
        .chain(&members.rolling)
        .chain(&members.silent)
        .filter(move |(_, member)| rolls && member.unproven() && !came(member))
        .filter_map(|(node, member)| member.pod.map(|(router, pod)| (*node, router, pod)))
}

fn ready(member: &Member) -> bool {
    member.pod.is_some_and(|(_, pod)| pod.ready)
}

/// When a new router will have had its time to take people.
fn time_ends(pool: &ValidPool, pod: &Pod) -> Option<Timestamp> {
    pod.born.checked_add(pool.rollout_deadline).ok()
}

fn had_its_time(pool: &ValidPool, pod: &Pod, now: Timestamp) -> bool {
    time_ends(pool, pod).is_some_and(|at| at <= now)
}

/// Nodes with the mark of a rollout whose new routers had their time, and do not take people.
pub(super) fn given_up<'a>(
    pool: &ValidPool,
    members: &Members<'a>,
    now: Timestamp,
) -> BTreeSet<&'a str> {
    let had_its_time = |member: &Member| {
        let pod = member.pod.map(|(_, pod)| pod);
        pod.is_some_and(|pod| had_its_time(pool, pod, now))
    };
    members
        .all()
        .filter(|(_, member)| member.renewed() && !member.accepting() && had_its_time(member))
        .map(|(node, _)| node)
        .collect()
}

/// What is said of the rollout.
pub(super) fn verdict(pool: &ValidPool, members: &Members, size: &Size, now: Timestamp) -> Verdict {
    let say = |holds: bool, reason: PoolReason, message: String| {
        let condition = PoolCondition::RolloutComplete.as_str();
        Verdict::new(condition, holds, reason.as_str(), message)
    };
    if pool.paused {
        return say(!rolls(members), PoolReason::Paused, paused(members));
    }
    if members.ending.is_some() {
        return say(!rolls(members), PoolReason::Deleting, ends(pool).to_owned());
    }
    if !rolls(members) {
        let message = format!("every router is as the spec has it now{}", dead(members));
        return say(true, PoolReason::UpToDate, message);
    }
    let stuck = arriving(members).find(|(_, _, pod)| had_its_time(pool, pod, now));
    if let Some((node, router, pod)) = stuck {
        return say(
            false,
            PoolReason::RolloutHalted,
            halted(pool, router, node, pod),
        );
    }
    let in_vain = members.never_came().count();
    if members.outdated().next().is_some() && in_vain >= pool.max_draining as usize {
        let message = came_in_vain(members);
        return say(false, PoolReason::RolloutHalted, message);
    }
    if pool.rollout_paused {
        let message = format!(
            "{}, and no further one is replaced while the annotation plenum.dev/rollout-paused is \
             set: remove it to go on",
            progress(members)
        );
        return say(false, PoolReason::RolloutPaused, message);
    }
    say(false, PoolReason::Rolling, rolling(members, size))
}

/// How far it is, and what it waits for.
fn rolling(members: &Members, size: &Size) -> String {
    let far = progress(members) + &dead(members) + &unready(members);
    if size.hold.is_some() {
        return format!(
            "{far}; the next is replaced when the reports of the zone controllers are whole again: \
             see ScalingActive"
        );
    }
    if let Some(on) = awaited(members) {
        return format!("{far}; the next is replaced when those on {on} take people");
    }
    match out_of_reach(members).as_slice() {
        [] => far,
        nodes => format!(
            "{far}; the addresses of {} are not known: see NodesAvailable",
            some_of(nodes)
        ),
    }
}

/// Nodes whose routers stay as they are, as new ones would have no address.
fn out_of_reach<'a>(members: &Members<'a>) -> Vec<&'a str> {
    let outdated = members.outdated();
    let stay = outdated.filter(|(_, member)| member.out_of_reach());
    stay.map(|(node, _)| node).collect()
}
