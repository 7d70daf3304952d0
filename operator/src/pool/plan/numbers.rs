//! What is counted, and what each router's pod says of itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use plenum_wire::RouterId;

use super::members::{Members, labelled};
use super::rollout::given_up;
use super::size::Size;
use crate::metrics::PoolNumbers;
use crate::pool::observed::{Observed, Pod, Said};
use crate::pool::validate::ValidPool;

pub(super) fn numbers(
    pool: &ValidPool,
    seen: &Observed,
    members: &Members,
    size: &Size,
    now: Timestamp,
) -> PoolNumbers {
    let given_up = given_up(pool, members, now);
    // Where no pod comes, as something refuses it, nothing is being replaced.
    let has_pod = members.rolling.iter().filter(|(_, it)| it.pod.is_some());
    let replacing = has_pod.filter(|(node, _)| !given_up.contains(*node));
    let accepting: Vec<&RouterId> = seen
        .pods
        .iter()
        .filter(|(router, pod)| {
            let said = said(seen, members, router, pod);
            pod.ready && !pod.terminating && said.accepting == Some(true)
        })
        .map(|(router, _)| router)
        .collect();
    let takes = |router: &&RouterId| {
        let word = seen.view.routers.get(*router);
        word.map_or(pool.per_router, |word| word.capacity)
    };
    let capacity = accepting.iter().map(takes);
    let desired = if members.ending.is_some() {
        0
    } else {
        size.wanted
    };
    PoolNumbers {
        desired,
        active: count(labelled(seen).count()),
        accepting: count(accepting.len()),
        draining: count(labelled(seen).filter(|(_, n)| n.drain.is_some()).count()),
        replacing: count(replacing.count()),
        in_use: size.in_use,
        spare: size.spare,
        expected: size.expected,
        capacity: capacity.fold(0, u32::saturating_add),
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The conditions that a pod should have. What is not known freshly, of a router in touch, is
/// unknown, and does not count as capacity; while the links settle, what was written stands, and
/// nothing is written of one that may have been heard.
fn said(seen: &Observed, members: &Members, router: &RouterId, pod: &Pod) -> Said {
    let hearing = &members.hearing;
    let known = hearing.word(seen, router);
    let word = known.filter(|word| word.counts());
    let settling = word.is_none() && seen.view.settling && pod.said.written;
    if settling || hearing.is_unclear(pod, known) {
        return pod.said;
    }
    Said {
        accepting: word.map(|word| word.accepting && !word.draining),
        draining: word.map(|word| word.draining),
        written: true,
        heard: known.is_some() || (pod.said.heard && !hearing.never(router, pod, known)),
    }
}

/// Pods whose conditions are not what they should be. One that is stopping is left alone: it
/// is gone in a moment, and does not count any more.
pub(super) fn pod_conditions(seen: &Observed, members: &Members) -> BTreeMap<RouterId, Said> {
    let wanted = |router: &RouterId, pod: &Pod| {
        let said = said(seen, members, router, pod);
        (!pod.terminating && pod.said != said).then_some(said)
    };
    seen.pods
        .iter()
        .filter_map(|(router, pod)| Some((router.clone(), wanted(router, pod)?)))
        .collect()
}
