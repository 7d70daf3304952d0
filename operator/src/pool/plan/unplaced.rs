//! Meetings that need to be on another router, and are too large for what is free on any: seats on
//! many routers are of no use to a meeting, which is on one as a whole.
//!
//! They get a router more than there are, whatever the sum of seats. Where one of those that are
//! there drains because the load asks for fewer, that is the one: it is called back. A meeting larger
//! than a router that comes would be brings none, and is reason enough to call back its own. Whose own
//! meeting it was is not emptied for that again within `movePauseSeconds`, or it would be tried for
//! as long as the meeting lasts.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use plenum_wire::RouterId;

use super::member::Member;
use super::members::Members;
use super::size::elapsed;
use crate::pool::validate::ValidPool;

/// Routers that were to be emptied because the load asked for fewer, and had a meeting that fits on
/// no other: when that was said last. Lost with the process, and then found out by one more try.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stuck(BTreeMap<RouterId, Timestamp>);

impl Stuck {
    /// With those that say so now.
    pub(super) fn with(&self, pool: &ValidPool, members: &Members, now: Timestamp) -> Self {
        let lasts = |at: Timestamp| elapsed(at, now) < pool.move_pause;
        let before = self.0.iter().filter(|(_, at)| lasts(**at));
        let before = before.map(|(router, at)| (router.clone(), *at));
        let says_so = |it: &&Member| it.word.is_some_and(|word| word.unplaced.is_some());
        let said = members.spare.values().filter(says_so);
        let said = said.filter_map(|it| it.pod.map(|(router, _)| (router.clone(), now)));
        Self(before.chain(said).collect())
    }

    /// For how long this one has been known to be.
    pub(super) fn known_for(&self, router: &RouterId, now: Timestamp) -> Option<Duration> {
        self.0.get(router).map(|at| elapsed(*at, now))
    }
}

/// How many routers are wanted for them; 0 where there are none.
pub(super) fn routers(pool: &ValidPool, members: &Members) -> u32 {
    let needs = needs(pool, members);
    if needs == 0 {
        return 0;
    }
    let more = needs.div_ceil(u64::from(pool.per_router));
    let there = members.count() - coming(members);
    there.saturating_add(u32::try_from(more).unwrap_or(u32::MAX))
}

/// Seats that such meetings need. One that has enough of them before it needs none, as it goes
/// there within a moment. Whoever needs more than a router has is not helped by another, but by their
/// own where that need not be emptied.
fn needs(pool: &ValidPool, members: &Members) -> u64 {
    let takes = members.serving.values().filter(|it| it.accepting());
    let free = |it: &Member| it.capacity(pool).saturating_sub(it.participants());
    let most_free = takes.map(free).max().unwrap_or(0);
    // One that is no longer to be empty, and has not heard of it yet, keeps its meetings.
    let keeps = |member: &Member| member.word.is_some_and(|it| it.draining) && !member.drains();
    let all = members.all().filter(|(_, member)| !keeps(member));
    let needs = all.filter_map(|(name, member)| {
        let seats = member.word?.unplaced.filter(|seats| *seats > most_free)?;
        let helped = seats <= pool.per_router || members.spare.contains_key(name);
        helped.then_some(seats.min(pool.per_router))
    });
    needs.map(u64::from).sum()
}

/// Routers that are about to take people, with nobody on them: any of them may be the one. Reports
/// say so a moment before kubelets do.
fn coming(members: &Members) -> u32 {
    let renewed = members.rolling.values().filter(|it| it.renewed());
    let there = members.serving.values().chain(renewed);
    let about_to = |it: &&Member| !it.accepting() && !it.overloaded() && it.participants() == 0;
    u32::try_from(there.filter(about_to).count()).unwrap_or(u32::MAX)
}
