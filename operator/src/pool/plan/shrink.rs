//! Fewer routers: stop brokering -> people are moved -> the router is empty -> unlabel.

use jiff::Timestamp;
use plenum_crds::conditions::DrainReason;
use plenum_wire::RouterId;

use super::members::{self, Member, Members};
use super::size::Size;
use super::{Change, Draft, Marks};
use crate::pool::observed::{Coverage, Drain, Zone};

/// Whether a draining router may be taken away.
enum Fate {
    /// Nobody is on it.
    Empty,
    /// Somebody may be on it; its time is over.
    Late,
    /// Not yet.
    Wait,
}

impl Draft<'_> {
    /// Everything drains at once: there is no other router to keep room on.
    pub(super) fn end_all(&mut self, members: &Members) {
        for (name, (member, reason)) in &members.leaving {
            if member.node.drain.is_none() {
                self.start_drain(name, *reason);
            }
        }
    }

    /// Starts drains: of nodes that somebody wants empty, of routers to be made anew, and of
    /// those that are too many, in this order.
    pub(super) fn shrink(&mut self, members: &Members, size: &Size) {
        if size.hold.is_some() {
            return;
        }
        for (name, (member, reason)) in &members.leaving {
            if member.node.drain.is_none() && self.may_drain(name, *member, members) {
                self.start_drain(name, *reason);
            }
        }
        let surging = size.grow_to > size.wanted;
        for (name, member) in by_participants(members.outdated()) {
            // With nowhere to go but nobody to move, a short absence is better than never.
            let alone = !surging && member.participants() == 0 && self.below_limit();
            if alone || self.may_drain(name, member, members) {
                self.start_drain(name, DrainReason::Rollout);
            }
        }
        let excess = match size.shrink_to {
            Some(most) => members.count().saturating_sub(most),
            None => 0,
        };
        let serving = members.serving.iter().map(|(name, m)| (*name, *m));
        for (name, member) in by_participants(serving).into_iter().take(excess as usize) {
            let stays = matches!(self.active.get(name), Some(None));
            if stays && self.may_drain(name, member, members) {
                self.start_drain(name, DrainReason::ScaleDown);
            }
        }
    }

    fn below_limit(&self) -> bool {
        self.draining() < self.pool.max_draining as usize
    }

    /// One more may drain, and the people on all that drain have room on those that stay.
    fn may_drain(&self, name: &str, candidate: Member, members: &Members) -> bool {
        let stays = |node: &str| node != name && matches!(self.active.get(node), Some(None));
        let mut rest = members
            .serving
            .iter()
            .filter(|(node, member)| stays(node) && member.accepting())
            .map(|(_, member)| self.pool.per_router.saturating_sub(member.participants()))
            .peekable();
        if rest.peek().is_none() {
            return false;
        }
        let room: u64 = rest.map(u64::from).sum();
        let moving: u64 = members
            .all()
            .filter(|(node, _)| matches!(self.active.get(*node), Some(Some(_))))
            .map(|(_, member)| u64::from(member.participants()))
            .sum();
        self.below_limit() && moving + u64::from(candidate.participants()) <= room
    }

    /// Takes the label off nodes whose routers are empty or late, or has the pod made anew.
    pub(super) fn give_back(&mut self, members: &Members) {
        let seen = self.seen;
        for (name, node) in members::labelled(seen) {
            let untouched = !self.writes.contains_key(name);
            let Some(drain) = node.drain.filter(|_| untouched) else {
                continue;
            };
            let deadline = self.deadline(drain);
            let fate = self.fate(name, drain, deadline);
            if matches!(fate, Fate::Wait) {
                self.deadlines.extend(deadline);
            } else if members.rolling.contains_key(name.as_str()) {
                self.replace_pods(name);
            } else if self.may_unlabel(members) {
                let change = match fate {
                    Fate::Late => Change::UnlabelLate,
                    _ => Change::UnlabelEmpty,
                };
                self.write(name, Marks::Bare, change);
            }
        }
    }

    fn may_unlabel(&self, members: &Members) -> bool {
        members.ending.is_some() || self.active.len() > self.pool.min as usize
    }

    fn replace_pods(&mut self, node: &str) {
        let outdated = members::pods_on(self.seen, node)
            .filter(|(_, pod)| pod.outdated && !pod.terminating)
            .map(|(router, _)| router.clone());
        self.replace.extend(outdated);
    }

    fn deadline(&self, drain: Drain) -> Option<Timestamp> {
        let allowed = match (drain.reason, self.seen.zone) {
            (DrainReason::ZoneDeleted, Zone::Deleting { deadline }) => deadline,
            _ => self.pool.drain_deadline,
        };
        drain.since.checked_add(allowed).ok()
    }

    fn fate(&self, node: &str, drain: Drain, deadline: Option<Timestamp>) -> Fate {
        let mut pods = members::pods_on(self.seen, node).peekable();
        if pods.peek().is_none() || pods.all(|(router, _)| self.surely_empty(router, drain)) {
            return Fate::Empty;
        }
        if deadline.is_some_and(|at| at <= self.now) {
            return Fate::Late;
        }
        Fate::Wait
    }

    /// Nobody is on this router, and nobody can be sent to it. Words from before this drain
    /// do not count: they may be of an earlier one that was called back.
    fn surely_empty(&self, router: &RouterId, drain: Drain) -> bool {
        if self.seen.view.coverage != Coverage::Complete {
            return false;
        }
        match self.seen.view.routers.get(router) {
            Some(word) => word
                .empty_everywhere
                .and_then(|age| self.now.checked_sub(age).ok())
                .is_some_and(|heard| heard > drain.since),
            // No controller has ever heard of it, and its kubelet, which is alive, has never
            // run it. A controller that restarted may have forgotten one that did run.
            None => self.seen.pods.get(router).is_some_and(|pod| {
                let kubelet = self
                    .seen
                    .nodes
                    .get(&pod.node)
                    .is_some_and(|node| node.ready);
                kubelet && !pod.started && !pod.ready
            }),
        }
    }
}

/// Fewest participants first; of equals the last by name, as growing takes the first.
fn by_participants<'a>(
    members: impl Iterator<Item = (&'a str, Member<'a>)>,
) -> Vec<(&'a str, Member<'a>)> {
    let mut sorted: Vec<_> = members.collect();
    sorted.sort_by(|(a, x), (b, y)| x.participants().cmp(&y.participants()).then(b.cmp(a)));
    sorted
}
