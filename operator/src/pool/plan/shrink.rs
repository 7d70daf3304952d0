//! Which routers are emptied, and when: stop brokering -> people are moved -> the router is
//! empty -> it is given back (`give_back`). Who was moved for the load is not moved for it again
//! within `movePauseSeconds`, nor is who could not be.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use plenum_crds::conditions::DrainReason;

use super::Draft;
use super::member::Member;
use super::members::Members;
use super::rollout::given_up;
use super::size::Size;
use super::unplaced::Stuck;

impl Draft<'_> {
    /// Everything drains at once: there is no other router to keep room on.
    pub(super) fn end_all(&mut self, members: &Members) {
        for (name, (member, reason)) in &members.leaving {
            if !member.drains() {
                self.start_drain(name, *reason);
            }
        }
    }

    /// Starts drains: of nodes that somebody wants empty, of routers to be made anew, and of
    /// those that are too many, in this order. An overloaded router is emptied only for the
    /// first reason: moving its people is more to do for it.
    pub(super) fn shrink(&mut self, members: &Members, size: &Size) {
        if size.hold.is_some() {
            return;
        }
        let given_up = given_up(self.pool, members, self.now);
        for (name, (member, reason)) in &members.leaving {
            if !member.drains() && self.may_leave(name, member, members, &given_up) {
                self.start_drain(name, *reason);
            }
        }
        self.roll(members, size);
        if let Some(most) = size.shrink_to {
            self.empty_excess(most, members, &size.memory.stuck);
            self.release_waiting(most, members);
        }
    }

    /// Those that are too many, if nobody was moved there or back a while ago.
    fn empty_excess(&mut self, most: u32, members: &Members, stuck: &Stuck) {
        let excess = members.count().saturating_sub(most);
        let serving = members.serving.iter().map(|(name, m)| (*name, *m));
        let serving = serving.filter(|(_, member)| !member.carries_too_much());
        let (rested, moved): (Vec<_>, Vec<_>) =
            serving.partition(|(_, member)| self.rests(member, stuck).is_none());
        for (name, _) in by_participants(rested.into_iter())
            .into_iter()
            .take(excess as usize)
        {
            let stays = matches!(self.active.get(name), Some(None));
            if stays && self.below_limit(name) && self.has_room(name, members) {
                self.start_drain(name, DrainReason::ScaleDown);
            }
        }
        if excess > 0 {
            let next = moved.iter();
            let next = next.filter_map(|(_, member)| self.rests(member, stuck));
            let next = next.min().and_then(|wait| self.now.checked_add(wait).ok());
            self.moments.extend(next);
        }
    }

    /// Nodes that are kept for routers that wait for an address, and would be too many once these had
    /// one: otherwise nobody could take such a node away. Nobody has to move for it.
    fn release_waiting(&mut self, most: u32, members: &Members) {
        let excess = members.with_waiting().saturating_sub(most);
        for name in members.waiting.keys().rev().take(excess as usize) {
            if self.below_limit(name) {
                self.start_drain(name, DrainReason::ScaleDown);
            }
        }
    }

    /// How long the people on a router are not to be moved yet because some of them just were, or
    /// because a meeting of theirs just fitted on no other. `None`: they may be, or there are none.
    fn rests(&self, member: &Member, stuck: &Stuck) -> Option<Duration> {
        let word = member.word.filter(|word| word.participants_at_most > 0)?;
        let tried = stuck.known_for(member.pod?.0, self.now);
        let last = word.received.into_iter().chain(tried).min()?;
        let wait = self.pool.move_pause.checked_sub(last)?;
        (!wait.is_zero()).then_some(wait)
    }

    /// With `name` no more than allowed drain.
    pub(super) fn below_limit(&self, name: &str) -> bool {
        self.may_drain_beside(self.draining_but(name).count())
    }

    /// One more may drain beside so many.
    pub(super) fn may_drain_beside(&self, others: usize) -> bool {
        others < self.pool.max_draining as usize
    }

    /// Those that drain beside `name`, if that does.
    pub(super) fn draining_but<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.active
            .iter()
            .filter(move |(node, drain)| drain.is_some() && *node != name)
            .map(|(node, _)| node.as_str())
    }

    /// A node that somebody wants empty may be emptied: as any other, but that a rollout that came to
    /// a halt does not keep it, as the routers that it waits for, perhaps for ever, have nobody to move.
    /// Nor has one that is broken for long: it needs no room elsewhere, of which there may never be
    /// any.
    fn may_leave(
        &self,
        name: &str,
        candidate: &Member,
        members: &Members,
        given_up: &BTreeSet<&str>,
    ) -> bool {
        // One that is to be empty itself since a moment ago counts.
        let counts = |node: &&str| self.writes.contains_key(*node) || !given_up.contains(node);
        let others = self.draining_but(name).filter(counts).count();
        let goes = candidate.broken_for_long() || self.has_room(name, members);
        goes && self.may_drain_beside(others)
    }

    /// The people on all that drain, with `name`, have room on those that stay. What is our own
    /// choice, a rollout or fewer routers, takes nobody's router away before there is another.
    pub(super) fn has_room(&self, name: &str, members: &Members) -> bool {
        let stays = |node: &str| node != name && matches!(self.active.get(node), Some(None));
        let mut rest = members
            .serving
            .iter()
            .filter(|(node, member)| stays(node) && member.accepting())
            .map(|(_, member)| {
                let takes = member.capacity(self.pool);
                takes.saturating_sub(member.participants_at_most())
            })
            .peekable();
        if rest.peek().is_none() {
            return false;
        }
        let room: u64 = rest.map(u64::from).sum();
        let drains: BTreeSet<&str> = self.draining_but(name).chain([name]).collect();
        members.to_move(&drains) <= room
    }
}

/// Fewest participants first; of equals the last by name, as growing takes the first.
pub(super) fn by_participants<'a>(
    members: impl Iterator<Item = (&'a str, Member<'a>)>,
) -> Vec<(&'a str, Member<'a>)> {
    let mut sorted: Vec<_> = members.collect();
    sorted.sort_by_key(|(name, it)| (it.participants_at_most(), Reverse(*name)));
    sorted
}
