//! What the pool says of itself. Messages hold nothing that changes by itself: no ages, and
//! no loads.

use plenum_crds::conditions::{PoolCondition, PoolReason};

use super::members::Members;
use super::rollout::awaited;
use super::sentences::{
    AT_BOUND, brings_nodes, ends, held, paused, silent, some_of, took_down, without,
};
use super::size::Size;
use super::{addresses, ahead};
use crate::conditions::Verdict;
use crate::metrics::PoolNumbers;
use crate::pool::observed::{Observed, Zone};
use crate::pool::validate::ValidPool;

pub(super) fn verdicts(
    pool: &ValidPool,
    seen: &Observed,
    members: &Members,
    size: &Size,
    numbers: &PoolNumbers,
) -> Vec<Verdict> {
    let zone = zone(pool, seen);
    let nodes = nodes(pool, seen, members, size);
    let scaling = scaling(pool, seen, members, size);
    let ready = ready(pool, members, size, numbers, [&zone, &nodes]);
    vec![ready, zone, nodes, scaling]
}

fn verdict(
    condition: PoolCondition,
    holds: bool,
    reason: PoolReason,
    message: impl Into<String>,
) -> Verdict {
    Verdict::new(condition.as_str(), holds, reason.as_str(), message)
}

fn zone(pool: &ValidPool, seen: &Observed) -> Verdict {
    let zone = &pool.spec.zone;
    let say = |holds, reason, message| verdict(PoolCondition::ZoneFound, holds, reason, message);
    match seen.zone {
        Zone::Found => say(
            true,
            PoolReason::ZoneFound,
            format!("the zone {zone} is there"),
        ),
        Zone::NotReady => say(
            false,
            PoolReason::ZoneNotReady,
            format!("the zone {zone} has no certificate for routers yet: see its conditions"),
        ),
        Zone::Deleting { .. } => say(
            false,
            PoolReason::ZoneDeleting,
            format!("the zone {zone} is being deleted: {}", ends(pool)),
        ),
        Zone::Missing => say(
            false,
            PoolReason::ZoneNotFound,
            format!(
                "there is no MeetingZone {zone} in this namespace: create it, \
                 or delete this pool and create one with another spec.zone"
            ),
        ),
    }
}

fn nodes(pool: &ValidPool, seen: &Observed, members: &Members, size: &Size) -> Verdict {
    let say = |holds, reason, message: String| {
        verdict(PoolCondition::NodesAvailable, holds, reason, message)
    };
    let matching = seen.nodes.values().filter(|node| node.selected).count();
    if !seen.rivals.is_empty() {
        let rivals: Vec<&str> = seen.rivals.iter().map(String::as_str).collect();
        return say(
            false,
            PoolReason::NodesShared,
            format!(
                "spec.nodeSelector matches nodes that {} selects too; each node goes to the \
                 oldest pool that selects it: give each pool a label of its own",
                some_of(&rivals)
            ),
        );
    }
    let bringing = ahead::placeholders(pool, members, size);
    if let Some(trouble) = seen.placeholder_trouble.as_ref().filter(|_| bringing > 0) {
        return say(
            false,
            PoolReason::PlaceholdersRefused,
            format!("no nodes are asked for, as there are no pods to ask with: {trouble}"),
        );
    }
    if matching == 0 {
        let what_to_do = match brings_nodes(pool) {
            Some(who) => format!("{who}; the nodes that it brings need these labels"),
            None => "label nodes for routers".to_owned(),
        };
        return say(
            false,
            PoolReason::NoMatchingNodes,
            format!("no node has the labels of spec.nodeSelector: {what_to_do}"),
        );
    }
    enough(pool, seen, members, size)
}

/// Whether the routers that are wanted and may come have nodes to come to. Which nodes have no
/// address is said beside every answer, and is one by itself where that is what is missing.
fn enough(pool: &ValidPool, seen: &Observed, members: &Members, size: &Size) -> Verdict {
    let condition = PoolCondition::NodesAvailable;
    let come = members.may_come(pool, members.missing(size.wanted)) as usize;
    let lacking = come.saturating_sub(seen.free_nodes().count());
    let would_do = members.waiting.len() + seen.unreached_nodes().count();
    let needed = lacking > 0 || members.out_of_reach().next().is_some();
    let unknown = addresses::unknown(seen, members);
    if let Some(unknown) = unknown.as_ref().filter(|_| needed && lacking <= would_do) {
        return verdict(condition, false, PoolReason::AddressUnknown, unknown);
    }
    let (reason, mut message) = if lacking > 0 {
        let message = shortage(pool, seen, members, size);
        (PoolReason::NotEnoughNodes, message)
    } else if members.kept_from_coming(pool, size.wanted) {
        let message = "there are nodes for the routers that may come: see ScalingActive";
        (PoolReason::EnoughNodes, message.to_owned())
    } else {
        let message = "there are nodes for the routers wanted";
        (PoolReason::EnoughNodes, message.to_owned())
    };
    if let Some(unknown) = unknown {
        message = format!("{message}; {unknown}");
    }
    verdict(condition, lacking == 0, reason, message)
}

/// That there are no nodes for them.
fn shortage(pool: &ValidPool, seen: &Observed, members: &Members, size: &Size) -> String {
    let wanted = size.wanted;
    let free = u32::try_from(seen.free_nodes().count()).unwrap_or(u32::MAX);
    let what_to_do = brings_nodes(pool).unwrap_or_else(|| {
        "label more nodes with spec.nodeSelector, uncordon some, or lower spec.maxRouters"
            .to_owned()
    });
    let there = members.there().saturating_add(free);
    format!("{wanted} routers are wanted and {there} nodes can carry one: {what_to_do}")
}

fn scaling(pool: &ValidPool, seen: &Observed, members: &Members, size: &Size) -> Verdict {
    let say = |holds, reason, message: String| {
        verdict(PoolCondition::ScalingActive, holds, reason, message)
    };
    if pool.paused {
        return say(false, PoolReason::Paused, paused(members));
    }
    if members.ending.is_some() {
        return say(false, PoolReason::Deleting, ends(pool).to_owned());
    }
    if members.takes_nodes_down(pool) && members.missing(size.wanted) > 0 {
        return say(false, PoolReason::NodesLost, took_down(members, "comes"));
    }
    let silent = without(pool, members, size);
    let also = silent.as_deref().unwrap_or_default();
    if let Some(reason) = size.hold {
        return say(false, reason, held(reason, seen, members) + also);
    }
    if let Some(replicas) = pool.replicas {
        let message = format!(
            "spec.replicas holds the pool at {replicas}: remove it to follow the load again{also}"
        );
        return say(false, PoolReason::Held, message);
    }
    if size.capped {
        let message = format!(
            "the load asks for more than spec.maxRouters ({}): raise it, and have nodes for \
             it{also}",
            pool.max
        );
        return say(false, PoolReason::AtMaximum, message);
    }
    if let Some(problem) = pool.schedule.problem() {
        let message = format!("the size follows the load; {problem}{also}");
        return say(true, PoolReason::InvalidSpec, message);
    }
    let reason = match silent {
        Some(_) => PoolReason::RoutersSilent,
        None => PoolReason::FollowingLoad,
    };
    say(true, reason, format!("the size follows the load{also}"))
}

fn ready(
    pool: &ValidPool,
    members: &Members,
    size: &Size,
    numbers: &PoolNumbers,
    causes: [&Verdict; 2],
) -> Verdict {
    let say = |holds, reason: &'static str, message: String| {
        Verdict::new(PoolCondition::Ready.as_str(), holds, reason, message)
    };
    let least = pool.replicas.unwrap_or(pool.min);
    // One that has as much to do as it can is no sign that something is wrong.
    let overloaded = members.serving.values().filter(|it| it.overloaded());
    let serving = numbers.accepting as usize + overloaded.count();
    let serves = serving >= least as usize && members.ending.is_none();
    if pool.paused {
        return say(serves, PoolReason::Paused.as_str(), paused(members));
    }
    if members.ending.is_some() {
        return say(false, PoolReason::Deleting.as_str(), ends(pool).to_owned());
    }
    if serves {
        // A moment of it is not worth a word.
        let too_few = size.overloaded && (numbers.accepting as usize) < least as usize;
        let (reason, mut message) = if too_few {
            let message = "the routers wanted are there, but some have as much to do as they can \
                           and take nobody more: raise spec.maxRouters and have nodes for it, or \
                           lower spec.participantsPerRouter";
            (PoolReason::Overloaded, message.to_owned())
        } else {
            let message = "the routers wanted at least take meetings";
            (PoolReason::Accepting, message.to_owned())
        };
        if let Some(on) = awaited(members) {
            message =
                format!("{message}; the rollout goes on when the routers on {on} take them too");
        }
        return say(true, reason.as_str(), message);
    }
    // Whatever keeps routers from being there is a better answer than their number; shared
    // nodes are only a cause when they are missed.
    let missing = members.count() < size.wanted.min(least);
    let cause = causes
        .into_iter()
        .find(|cause| missing && cause.truth == crate::conditions::Truth::False);
    match cause {
        Some(cause) => say(false, cause.reason, cause.message.clone()),
        None if missing && members.takes_nodes_down(pool) => {
            let message = took_down(members, "comes");
            say(false, PoolReason::NodesLost.as_str(), message)
        }
        None if missing && members.kept_from_coming(pool, size.wanted) => {
            let reason = PoolReason::RoutersSilent.as_str();
            let silent = silent(members);
            let message = format!(
                "{} of at least {least} routers take meetings, and no further one comes in the \
                 place of {}, which not every zone controller hears: {AT_BOUND}. More nodes do not \
                 help: see ScalingActive",
                numbers.accepting,
                some_of(&silent)
            );
            say(false, reason, message)
        }
        None => say(
            false,
            PoolReason::RoutersStarting.as_str(),
            format!(
                "{} of at least {least} routers take meetings",
                numbers.accepting
            ),
        ),
    }
}
