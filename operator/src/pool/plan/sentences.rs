//! The sentences that conditions say of routers and nodes. They hold nothing that changes by itself.

use plenum_crds::NodeAutoscaler;
use plenum_crds::conditions::PoolReason;
use plenum_wire::RouterId;

use super::members::Members;
use super::size::{Size, unreported};
use crate::pool::observed::{Observed, Pod};
use crate::pool::placeholders;
use crate::pool::validate::ValidPool;

/// A few names of a long list.
pub(super) fn some_of(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [a] => (*a).to_owned(),
        [a, b] => format!("{a} and {b}"),
        [a, b, rest @ ..] => format!("{a}, {b} and {} more", rest.len()),
    }
}

/// What becomes of the routers when the pool or its zone is deleted.
pub(super) fn ends(pool: &ValidPool) -> &'static str {
    if pool.paused {
        "all routers are to be taken away, and stay while the pool's annotation \
         plenum.dev/paused is set: remove it"
    } else {
        "all routers drain, to be taken away"
    }
}

pub(super) fn paused(members: &Members) -> String {
    let message = if members.ending.is_some() {
        "the deletion waits, and nothing is changed, while the annotation plenum.dev/paused is \
         set: remove it to go on"
    } else {
        "nothing is changed while the annotation plenum.dev/paused is set: remove it to go on"
    };
    message.to_owned()
}

pub(super) fn held(reason: PoolReason, seen: &Observed, members: &Members) -> String {
    match reason {
        PoolReason::ReportsPartial => {
            let missing: Vec<&str> = unreported(seen, members).collect();
            format!(
                "not every zone controller hears of {}: the pool does not shrink until then",
                some_of(&missing)
            )
        }
        PoolReason::ReportsStale => {
            "not every zone controller was heard within 3 s: the pool does not shrink until then"
                .to_owned()
        }
        _ => "no zone controller was heard yet: the pool does not shrink until then".to_owned(),
    }
}

/// That nodes are asked for, where somebody brings them.
pub(super) fn brings_nodes(pool: &ValidPool) -> Option<String> {
    let who = match pool.spec.node_autoscaler {
        NodeAutoscaler::None => return None,
        NodeAutoscaler::ClusterAutoscaler => "Cluster Autoscaler",
        NodeAutoscaler::Karpenter => "Karpenter",
    };
    Some(format!(
        "{who} is asked for more by the pods of the Deployment {}; where none come, the Events of \
         these pods say why",
        placeholders::name(&pool.name)
    ))
}

/// Why no more routers come in the place of silent ones.
pub(super) const AT_BOUND: &str =
    "the pool has as many nodes as spec.maxRouters and spec.maxDraining together";

pub(super) fn silent<'a>(members: &Members<'a>) -> Vec<&'a str> {
    let silent = members.silent.values().filter_map(|member| member.pod);
    silent.map(|(router, _)| router.as_str()).collect()
}

/// Which routers the pool goes on without, as they were not heard for long, and what to do.
pub(super) fn without(pool: &ValidPool, members: &Members, size: &Size) -> Option<String> {
    let routers = silent(members);
    let most = if members.kept_from_coming(pool, size.wanted) {
        format!("; no further one comes in their place: {AT_BOUND}")
    } else {
        String::new()
    };
    (!routers.is_empty()).then(|| {
        format!(
            "; it goes on without {}, of which not every zone controller has heard for {} s: see \
             the router's log and the way from its node to TCP 9443 of the zone controllers, or \
             cordon the node, to have it back at the drain deadline{most}",
            some_of(&routers),
            pool.rollout_deadline.as_secs()
        )
    })
}

/// Which routers of another template nobody waits for.
pub(super) fn dead(members: &Members) -> String {
    let old = members.lost.iter().filter(|(_, member)| member.outdated());
    let nodes: Vec<&str> = old.map(|(node, _)| *node).collect();
    if nodes.is_empty() {
        return String::new();
    }
    let nodes = some_of(&nodes);
    format!(", but for those on {nodes}, which are dead for all anybody knows")
}

/// Which routers of another template wait for their kubelets: nobody else makes them anew.
pub(super) fn unready(members: &Members) -> String {
    let waits = members.outdated().filter(|(_, member)| !member.node.ready);
    let nodes: Vec<&str> = waits.map(|(node, _)| node).collect();
    if nodes.is_empty() {
        return String::new();
    }
    let nodes = some_of(&nodes);
    format!("; those on {nodes} are replaced when the kubelets there are heard again")
}

pub(super) fn progress(members: &Members) -> String {
    let old = members.outdated().count();
    let emptied = members.rolling.values().filter(|m| m.drains()).count();
    let all = members.count() as usize + members.silent.len();
    let new = all.saturating_sub(old + emptied);
    format!("{new} of {all} routers are as the spec has it now")
}

pub(super) fn halted(pool: &ValidPool, router: &RouterId, node: &str, pod: &Pod) -> String {
    let time = pool.rollout_deadline.as_secs();
    let why = match &pod.trouble {
        Some(trouble) => trouble.as_str(),
        None if pod.ready => "it runs, and no zone controller says that it takes people",
        None if pod.started => "its probes do not succeed, see its log",
        None => "nothing of it was started, see its Events",
    };
    format!(
        "the new router {router} on node {node} does not take people within {time} s: {why}. No \
         further one is replaced until it does; to go back, write what the spec said before"
    )
}

/// `is_not_done`: what happens to no further router.
pub(super) fn took_down(members: &Members, is_not_done: &str) -> String {
    let nodes: Vec<&str> = members.died_new().collect();
    in_vain(&nodes, "kubelet and router fell silent there", is_not_done)
}

/// What a rollout does not go on for.
pub(super) fn came_in_vain(members: &Members) -> String {
    let nodes: Vec<&str> = members.never_came().collect();
    let why = "kubelet and router fell silent there, or the node lost its address";
    in_vain(&nodes, why, "is replaced")
}

fn in_vain(nodes: &[&str], what_happened: &str, is_not_done: &str) -> String {
    let nodes = some_of(nodes);
    format!(
        "new routers came to {nodes}, and before any zone controller heard of them {what_happened}: \
         what the spec says now may be why. No further one {is_not_done} until they are heard, or \
         their nodes are deleted; to go back, write what the spec said before"
    )
}
