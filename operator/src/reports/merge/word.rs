//! What is known of one router, out of what each controller says of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plenum_wire::link::RouterReport;
use plenum_wire::{PoolName, RouterId};

use super::{FRESH, Heard};
use crate::pool::observed::Word;

/// What one controller says of it.
#[derive(Clone, Copy)]
struct Saying<'a> {
    report: &'a RouterReport,
    /// Since the report came.
    since: Duration,
}

impl<'a> Saying<'a> {
    fn by(said: &'a Heard, pool: &PoolName, router: &RouterId, now: Instant) -> Option<Self> {
        Some(Self {
            report: said.routers.get(pool)?.get(router)?,
            since: now.duration_since(said.at),
        })
    }

    /// Since the router's own word.
    fn age(&self) -> Duration {
        self.since + Duration::from_millis(self.report.age_ms)
    }

    fn fresh(&self) -> bool {
        self.age() <= FRESH
    }

    fn in_touch(&self) -> bool {
        self.report.connected && self.fresh()
    }

    fn empty(&self) -> bool {
        self.report.load.draining && self.report.load.participants == 0
    }
}

/// `voices` are the controllers for which something has to be true that is true everywhere.
pub(super) fn word(
    (pool, router): (&PoolName, &RouterId),
    voices: &[&Heard],
    heard: &BTreeMap<String, Heard>,
    now: Instant,
) -> Option<Word> {
    let by = |said| Saying::by(said, pool, router, now);
    let all = || heard.values().filter_map(by);
    // Of words equally old the one with more people: the careful reading.
    let newest = all().min_by_key(|it| (it.age(), Reverse(it.report.load.participants)))?;
    let is_of_this_run = |it: &Saying| it.report.boot == newest.report.boot;
    let of_this_run: Vec<Saying> = all().filter(is_of_this_run).collect();
    let in_touch = |said| by(said).filter(is_of_this_run).filter(Saying::in_touch);
    let everywhere: Option<Vec<Saying>> = voices.iter().copied().map(in_touch).collect();
    let everywhere = everywhere.filter(|all| !all.is_empty());
    let load = newest.report.load;
    Some(Word {
        boot: newest.report.boot,
        participants: load.participants,
        participants_at_most: at_most(&newest, &of_this_run),
        capacity: load.capacity,
        accepting: load.accepting,
        draining: load.draining,
        fresh: newest.fresh(),
        connected: of_this_run.iter().any(Saying::in_touch),
        fresh_everywhere: everywhere.is_some(),
        empty_everywhere: everywhere.and_then(|all| empty(&all)),
        received: received(&of_this_run),
        unplaced: unplaced(&newest, &of_this_run),
    })
}

/// The most people that anybody says now.
fn at_most(newest: &Saying, of_this_run: &[Saying]) -> u32 {
    let now = of_this_run.iter().filter(|it| it.fresh());
    let people = now.map(|it| it.report.load.participants);
    people.fold(newest.report.load.participants, u32::max)
}

/// The age of the oldest of these words, where all say that it drains and is empty.
fn empty(everywhere: &[Saying]) -> Option<Duration> {
    let oldest = everywhere.iter().map(Saying::age).max();
    oldest.filter(|_| everywhere.iter().all(Saying::empty))
}

/// Since people were last moved to it.
fn received(of_this_run: &[Saying]) -> Option<Duration> {
    let received = of_this_run.iter().filter_map(|it| {
        let before_report = Duration::from_millis(it.report.received_ms?);
        Some(it.since + before_report)
    });
    received.min()
}

/// Seats that a meeting needs elsewhere. A word about a drain that was called back since says
/// nothing.
fn unplaced(newest: &Saying, of_this_run: &[Saying]) -> Option<u32> {
    let draining = newest.report.load.draining;
    let said_now = of_this_run
        .iter()
        .filter(|it| it.since <= FRESH && it.report.load.draining == draining);
    said_now.filter_map(|it| it.report.unplaced).max()
}
