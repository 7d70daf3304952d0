//! How many routers are wanted, and how surely.

use std::time::Duration;

use jiff::Timestamp;
use plenum_crds::conditions::PoolReason;

use super::addresses::Unreached;
use super::ahead;
use super::hearing::Heard;
use super::members::Members;
use super::overload::Overloaded;
use super::unplaced::{self, Stuck};
use crate::pool::forecast::Forecast;
pub(super) use crate::pool::forecast::elapsed;
use crate::pool::observed::{Coverage, Observed, Word};
use crate::pool::validate::ValidPool;

/// What earlier plans saw of the load. Lost with the process, which only makes the pool
/// shrink later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Since when the reports were complete without a break.
    since: Option<Timestamp>,
    /// Sizes wanted since, each larger than all that follow: the first within the delay is
    /// the largest.
    peaks: Vec<(Timestamp, u32)>,
    overloaded: Overloaded,
    unreached: Unreached,
    pub(super) stuck: Stuck,
    forecast: Forecast,
    pub(super) heard: Heard,
}

impl Memory {
    /// With what is wanted now, and without what is older than `delay`.
    fn with(&self, wanted: u32, delay: Duration, now: Timestamp) -> Self {
        let mut peaks = self.peaks.clone();
        while peaks.last().is_some_and(|(_, peak)| *peak < wanted) {
            peaks.pop();
        }
        // A size that stands is remembered from its beginning.
        if peaks.last().is_none_or(|(_, peak)| *peak != wanted) {
            peaks.push((now, wanted));
        }
        // A peak counts until the one below it has stood for the whole delay.
        while peaks.len() > 1 && elapsed(peaks[1].0, now) >= delay {
            peaks.remove(0);
        }
        Self {
            since: self.since.or(Some(now)),
            peaks,
            ..Self::default()
        }
    }

    /// The largest size wanted at any time within `delay`, and when that may become less;
    /// `None` while the reports were not complete for so long.
    fn peak(&self, delay: Duration, now: Timestamp) -> (Option<u32>, Option<Timestamp>) {
        let later = |from: Timestamp| from.checked_add(delay).ok();
        match self.since {
            Some(since) if elapsed(since, now) >= delay => (
                self.peaks.first().map(|(_, peak)| *peak),
                self.peaks.get(1).and_then(|(at, _)| later(*at)),
            ),
            since => (None, since.and_then(later)),
        }
    }
}

/// How many routers.
pub(super) struct Size {
    /// That the load (or `replicas`) asks for.
    pub wanted: u32,
    /// To have at least: `wanted`, and one more for each that is replaced at a time.
    pub grow_to: u32,
    /// To have at most; `None`: do not shrink.
    pub shrink_to: Option<u32>,
    /// Why the reports cannot be acted on.
    pub hold: Option<PoolReason>,
    /// The load asks for more than the maximum.
    pub capped: bool,
    /// Participants on all routers.
    pub in_use: u32,
    /// Seats to be free beside them.
    pub spare: u32,
    /// Some routers have had as much to do as they can for longer than a moment.
    pub overloaded: bool,
    /// To be given to the next plan.
    pub memory: Memory,
    /// When another size may become possible.
    pub look_again: Option<Timestamp>,
    /// Routers wanted by the time that a node takes to come: nodes are asked for now.
    pub soon: u32,
    /// Free nodes that get no address: each holds a pod that was to bring another.
    pub unreached: u32,
    /// People of meetings that are known ahead.
    pub expected: u32,
}

pub(super) fn size(
    pool: &ValidPool,
    seen: &Observed,
    members: &Members,
    memory: &Memory,
    now: Timestamp,
) -> Size {
    let at_most = in_use(seen, members, |word| word.participants_at_most);
    let in_use = in_use(seen, members, |word| word.participants);
    let hold = hold(seen, members);
    let overloaded = memory.overloaded.with(members, now);
    let unreached = memory.unreached.with(seen, now);
    let stuck = memory.stuck.with(pool, members, now);
    let out_of_reach = overloaded.out_of_reach(pool, members, now);
    let people = (hold.is_none().then_some(in_use), in_use);
    let (forecast, outlook) = ahead::look(pool, seen, members, &memory.forecast, people, now);
    let with = |people: u32, spare: u32| {
        let needed = [people, spare, out_of_reach];
        let needed: u64 = needed.into_iter().map(u64::from).sum();
        routers_for(needed, supply(pool, members), pool.per_router)
    };
    let by_seats = with(in_use, outlook.spare);
    let by_load = by_seats.max(unplaced::routers(pool, members));
    let asked = ahead::asked(pool, by_load, outlook.min);
    let soon = with(in_use, outlook.soon.spare);
    let soon = ahead::asked(pool, soon, outlook.soon.min);
    let wanted = match hold {
        // Holding is a lower bound only: people we know of get their routers all the same.
        Some(_) if pool.replicas.is_none() => asked.max(members.count().min(pool.max)),
        _ => asked,
    };
    // An explicit size is an order and needs no delay; it needs reports all the same, to
    // choose who drains.
    let delay = pool
        .replicas
        .map_or(pool.scale_down_delay, |_| Duration::ZERO);
    let mut memory = match hold {
        Some(_) => Memory::default(),
        None => memory.with(wanted, delay, now),
    };
    let (peak, later) = memory.peak(delay, now);
    // One that says that nobody is there takes no router from those whom another one sees.
    let kept = ahead::asked(pool, with(at_most, outlook.spare), outlook.min);
    let moments = [
        later.filter(|_| members.with_waiting() > wanted),
        overloaded.look_again(now),
        unreached.look_again(pool.rollout_deadline, now),
        outlook.look_again,
    ];
    let lasting = overloaded.lasting(now);
    let without_address = unreached.lasting(pool.rollout_deadline, now);
    (memory.overloaded, memory.forecast) = (overloaded, forecast);
    (memory.unreached, memory.stuck) = (unreached, stuck);
    memory.heard = members.hearing.heard().clone();
    let surge = match hold {
        // None is drained for a rollout now, and one that came for it would count as wanted at
        // the next look.
        Some(_) => 0,
        None => surge(pool, seen, members, wanted),
    };
    Size {
        wanted,
        // One that comes for a rollout is there for a meeting that fits on no other as well.
        grow_to: wanted.max(ahead::asked(pool, by_seats, outlook.min) + surge),
        shrink_to: peak.map(|peak| peak.max(wanted).max(kept) + surge),
        hold,
        capped: pool.replicas.is_none() && by_load > pool.max,
        in_use,
        spare: outlook.spare,
        overloaded: lasting,
        memory,
        look_again: moments.into_iter().flatten().min(),
        soon: soon.max(wanted),
        unreached: without_address,
        expected: outlook.known,
    }
}

/// What each router that is there, or comes back, takes by itself. One that is to be made
/// anew counts for no more than its successor will take.
fn supply(pool: &ValidPool, members: &Members) -> Vec<u32> {
    let serving = members.serving.values().map(|member| {
        let now = member.capacity(pool);
        if member.outdated() {
            now.min(pool.per_router)
        } else {
            now
        }
    });
    let rolling = members.rolling.values().map(|member| {
        if member.drains() {
            pool.per_router
        } else {
            member.capacity(pool)
        }
    });
    serving.chain(rolling).collect()
}

/// How many routers take `needed` people: of those that are there (the smallest first, as any
/// of them may be the ones that stay), then of new ones that take `each`.
fn routers_for(needed: u64, mut there: Vec<u32>, each: u32) -> u32 {
    there.sort_unstable();
    let mut missing = needed;
    for (n, takes) in (0..).zip(&there) {
        if missing == 0 {
            return n;
        }
        missing = missing.saturating_sub(u64::from(*takes));
    }
    let there = u64::try_from(there.len()).unwrap_or(u64::MAX);
    let all = there.saturating_add(missing.div_ceil(u64::from(each)));
    u32::try_from(all).unwrap_or(u32::MAX)
}

/// People on the pool's routers, as `counted` of what is known of each since it runs.
fn in_use(seen: &Observed, members: &Members, counted: fn(&Word) -> u32) -> u32 {
    seen.pods
        .keys()
        .filter_map(|router| members.hearing.word(seen, router))
        .fold(0, |sum, word| sum.saturating_add(counted(word)))
}

fn hold(seen: &Observed, members: &Members) -> Option<PoolReason> {
    match seen.view.coverage {
        Coverage::Missing => Some(PoolReason::ReportsMissing),
        Coverage::Stale => Some(PoolReason::ReportsStale),
        Coverage::Complete => {
            let partial = unreported(seen, members).next().is_some();
            partial.then_some(PoolReason::ReportsPartial)
        }
    }
}

/// Ready routers that some controller has not freshly heard. One that none ever heard is not
/// missed, as nobody is on it, and one that is silent for long is not any more: neither must keep
/// the pool as it is for ever.
pub(super) fn unreported<'a>(
    seen: &'a Observed,
    members: &Members,
) -> impl Iterator<Item = &'a str> {
    seen.pods
        .iter()
        .filter(|(_, pod)| pod.ready && !pod.terminating)
        .filter(|(router, pod)| {
            let hearing = &members.hearing;
            let word = hearing.word(seen, router);
            let heard = word.is_some_and(|word| word.fresh_everywhere);
            !heard && !hearing.never(router, pod, word) && !hearing.is_silent(router, pod, word)
        })
        .map(|(router, _)| router.as_str())
}

/// Routers above `wanted` while some are replaced, so that their people have a place to go;
/// never above the maximum.
fn surge(pool: &ValidPool, seen: &Observed, members: &Members, wanted: u32) -> u32 {
    if members.never_came().count() >= pool.max_draining as usize {
        // No further one is replaced for now.
        return 0;
    }
    let replacing = members.to_replace().count() + members.rolling.len();
    let spare_nodes = seen.free_nodes().count() + members.spare.len();
    if replacing == 0 || (spare_nodes == 0 && members.count() <= wanted) {
        return 0;
    }
    let replacing = u32::try_from(replacing).unwrap_or(u32::MAX);
    replacing
        .min(pool.max_draining)
        .min(pool.max.saturating_sub(wanted))
}
