//! Meetings that need to be on another router, and are too large for what is free on any: seats on
//! many routers are of no use to a meeting, which is on one as a whole.
//!
//! They get a router more than there are, whatever the sum of seats. Where one of those that are
//! there drains because the load asks for fewer, that is the one: it is called back.

use super::member::Member;
use super::members::Members;
use crate::pool::validate::ValidPool;

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
/// there within a moment, and whoever needs more than a router has is not helped by another.
fn needs(pool: &ValidPool, members: &Members) -> u64 {
    let takes = members.serving.values().filter(|it| it.accepting());
    let free = |it: &Member| it.capacity(pool).saturating_sub(it.participants());
    let most_free = takes.map(free).max().unwrap_or(0);
    let said = members
        .all()
        .filter_map(|(_, member)| member.word?.unplaced);
    let needs = said.filter(|seats| *seats > most_free && *seats <= pool.per_router);
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
