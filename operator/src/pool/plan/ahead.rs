//! What planning tells the forecast, and how many routers are wanted by it.

use jiff::Timestamp;
use plenum_crds::NodeAutoscaler;

use super::members::Members;
use super::size::Size;
use crate::pool::forecast::{Forecast, Outlook, Seen, Stage};
use crate::pool::observed::{Coverage, Observed};
use crate::pool::validate::ValidPool;

/// The forecast with what is seen now, and what it says. `people` are those on the routers,
/// `None` where the reports cannot be relied on; `in_use` as far as they are known.
pub(super) fn look(
    pool: &ValidPool,
    seen: &Observed,
    members: &Members,
    forecast: &Forecast,
    (people, in_use): (Option<u32>, u32),
    now: Timestamp,
) -> (Forecast, Outlook) {
    let full = full(pool, members);
    let counted = people.map(|people| Seen { people, full });
    // While controllers are silent no router can be seen to start, nor how long it takes.
    let listening = seen.view.coverage == Coverage::Complete;
    let stages = stages(members).filter(|_| listening);
    let forecast = forecast.with(counted, stages, &seen.view.expected, now);
    let outlook = forecast.outlook(pool, in_use, now);
    (forecast, outlook)
}

/// What the load asks for, or a person did: `least` is the fewest for now.
pub(super) fn asked(pool: &ValidPool, by_load: u32, least: u32) -> u32 {
    match pool.replicas {
        Some(replicas) => replicas.clamp(pool.min, pool.max),
        None => by_load.clamp(least, pool.max),
    }
}

/// Routers wanted soon that have no node yet. Where nobody brings nodes, none.
pub(super) fn placeholders(pool: &ValidPool, members: &Members, size: &Size) -> u32 {
    if pool.spec.node_autoscaler == NodeAutoscaler::None || members.ending.is_some() {
        return 0;
    }
    match members.may_come(pool, members.missing(size.soon)) {
        0 => 0,
        // One that a node without an address holds brings none. Where none gets an address, more
        // nodes are no help.
        come => come.saturating_add(size.unreached.min(pool.max_draining)),
    }
}

/// Hardly anybody fits on the routers that take people: less than a fiftieth of what they hold.
/// Seats on many of them are of no use to a meeting that needs several on one.
fn full(pool: &ValidPool, members: &Members) -> bool {
    let accepting = members.serving.values().filter(|member| member.accepting());
    let (mut holds, mut people) = (0_u64, 0_u64);
    for member in accepting {
        holds += u64::from(member.capacity(pool));
        people += u64::from(member.participants());
    }
    holds > 0 && holds.saturating_sub(people) * 50 < holds
}

/// What the routers that are to serve do, by their nodes.
fn stages<'a>(members: &'a Members) -> impl Iterator<Item = (&'a str, Stage)> {
    members.serving.iter().map(|(name, member)| {
        let stage = if member.accepting() {
            Stage::Accepts
        } else if member.word.is_none() && !member.runs() {
            Stage::Starts
        } else {
            Stage::Other
        };
        (*name, stage)
    })
}
