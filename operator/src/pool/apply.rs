//! Does what a plan says. The order is part of the safety: what gives room is written before
//! what takes it away, and no router is told to empty itself before its node says why.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Resource, ResourceExt};
use plenum_crds::{MMRPool, labels};
use plenum_wire::RouterId;
use serde_json::{Value, json};

use super::fetch::Snapshot;
use super::observed::Said;
use super::outline::{NodeOutline, PodOutline};
use super::plan::{Change, Marks, NodeWrite, Plan, Replaced};
use super::said::conditions;
use super::validate::ValidPool;
use crate::apply::{WriteError, Written};
use crate::cache::Key;
use crate::context::Context;
use crate::events::EventType;

/// Writes of one sort in flight at once, for one pool.
const AT_ONCE: usize = 8;

/// A node that was written, and what is still to be told of it.
pub struct Marked {
    node: Node,
    remark: Remark,
}

/// Writes nodes, in the order that is safe. An error leaves the rest for the next look; the
/// draining orders of the plan must not be given then. What was done until then is given in
/// either case.
pub async fn nodes(
    context: &Context,
    object: &MMRPool,
    pool: &ValidPool,
    snapshot: &Snapshot,
    plan: &Plan,
) -> (Vec<Marked>, Result<(), WriteError>) {
    let takes = |write: &NodeWrite| matches!(write.change, Change::StartDrain(_));
    let drops = |write: &NodeWrite| matches!(write.marks, Marks::Bare);
    // Of thousands, each is looked for by name.
    let there: HashMap<&str, &NodeOutline> = snapshot
        .nodes
        .iter()
        .filter(|_| !plan.nodes.is_empty())
        .map(|node| (node.name(), node.as_ref()))
        .collect();
    let mut marked = Vec::new();
    for phase in 0..3 {
        let in_phase = |write: &NodeWrite| match (takes(write), drops(write)) {
            (false, false) => phase == 0,
            (true, _) => phase == 1,
            (_, true) => phase == 2,
        };
        let writes: Vec<_> = plan
            .nodes
            .iter()
            .filter(|(_, write)| in_phase(write))
            .filter_map(|(name, write)| {
                let node = there.get(name.as_str())?;
                Some(mark(context, object, pool, node.reference(), write))
            })
            .collect();
        let results: Vec<_> = stream::iter(writes)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut errors = Vec::new();
        for result in results {
            match result {
                Ok(done) => marked.push(done),
                Err(error) => errors.push(error),
            }
        }
        // A conflict is looked into at once, and hides nothing.
        if let Some(error) = errors.into_iter().min_by_key(WriteError::is_conflict) {
            return (marked, Err(error));
        }
    }
    (marked, Ok(()))
}

async fn mark(
    context: &Context,
    object: &MMRPool,
    pool: &ValidPool,
    node: Node,
    write: &NodeWrite,
) -> Result<Marked, WriteError> {
    let (labels, annotations) = marks(pool, &write.marks);
    context
        .writer
        .apply_node(&node, &labels, &annotations)
        .await?;
    let on = node.name_any();
    let remark = remark(&on, write.change);
    let (pool, reason, text) = (Key::of(object), remark.reason, &remark.text);
    tracing::info!(%pool, node = on, reason, text, "the marks of a node change");
    Ok(Marked { node, remark })
}

/// The complete set of our labels and annotations on a node.
fn marks(pool: &ValidPool, marks: &Marks) -> (Value, Value) {
    let Marks::Active(drain) = marks else {
        return (json!({}), json!({}));
    };
    let mut annotations = json!({
        labels::CLUSTER_AUTOSCALER_KEEP: "true",
        labels::KARPENTER_KEEP: "true",
    });
    if let Some(drain) = drain {
        annotations[labels::DRAINING_SINCE] = drain.since.to_string().into();
        annotations[labels::DRAINING_REASON] = drain.reason.as_str().into();
    }
    (
        json!({ labels::ACTIVE_POOL: pool.active.as_str() }),
        annotations,
    )
}

/// Tells what was done to nodes.
pub async fn announce(context: &Context, object: &MMRPool, marked: Vec<Marked>) {
    let about = &object.object_ref(&());
    let tell = |Marked { node, remark }: Marked| async move {
        let (what, related) = ((remark.reason, remark.action), node.object_ref(&()));
        let events = &context.events;
        events
            .publish(remark.type_, about, Some(related), what, remark.text)
            .await;
    };
    stream::iter(marked.into_iter().map(tell))
        .buffer_unordered(AT_ONCE)
        .collect::<()>()
        .await;
}

/// What an event says.
struct Remark {
    type_: EventType,
    reason: &'static str,
    action: &'static str,
    text: String,
}

fn remark(on: &str, change: Change) -> Remark {
    let (reason, action, text) = match change {
        Change::Label => (
            "RouterAdded",
            "Label",
            format!("a router starts on node {on}"),
        ),
        Change::StartDrain(reason) => (
            "DrainStarted",
            "Drain",
            format!("the router on node {on} is being emptied: {reason}"),
        ),
        Change::CancelDrain => (
            "DrainCancelled",
            "CancelDrain",
            format!("the router on node {on} stays"),
        ),
        Change::UnlabelEmpty => (
            "RouterRemoved",
            "Unlabel",
            format!("node {on} is given back: its router is empty"),
        ),
        Change::UnlabelLate => {
            let text = format!(
                "node {on} is given back at its drain deadline; people on its router reconnect"
            );
            ("DrainDeadlinePassed", "Unlabel", text)
        }
        Change::UnlabelUnheard => (
            "RouterRemoved",
            "Unlabel",
            format!("node {on} is given back: nobody ever heard of its router, so nobody is on it"),
        ),
        Change::Repair => (
            "MarksRepaired",
            "Label",
            format!("labels or annotations on node {on} were put right"),
        ),
    };
    let type_ = match change {
        Change::UnlabelLate => EventType::Warning,
        _ => EventType::Normal,
    };
    Remark {
        type_,
        reason,
        action,
        text,
    }
}

/// Writes on the pods of routers where clients reach them. A pod that went meanwhile is no error.
pub async fn addresses(
    context: &Context,
    snapshot: &Snapshot,
    plan: &Plan,
) -> Result<(), WriteError> {
    let there = by_name(snapshot, !plan.addresses.is_empty());
    let writes = plan.addresses.iter().filter_map(|(router, addresses)| {
        let pod = there.get(router.as_str())?.reference();
        tracing::info!(pod = %router, %addresses, "a router is told its address");
        Some(tell_address(context, pod, addresses.to_string()))
    });
    let writes: Vec<_> = writes.collect();
    let results: Vec<_> = stream::iter(writes)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    results.into_iter().try_for_each(gone_is_fine)
}

async fn tell_address(
    context: &Context,
    pod: Pod,
    addresses: String,
) -> Result<Written, WriteError> {
    let writer = &context.writer;
    writer
        .annotate_pod(&pod, labels::PUBLIC_ADDRESS, &addresses)
        .await
}

/// The pods of the pool by their names, where somebody looks for one.
fn by_name(snapshot: &Snapshot, needed: bool) -> HashMap<&str, &PodOutline> {
    let pods = snapshot.pods.iter().filter(|_| needed);
    pods.map(|pod| (pod.name(), pod.as_ref())).collect()
}

/// Writes pod conditions and deletes pods that are to be made anew. A pod that went meanwhile
/// is no error.
pub async fn pods(
    context: &Context,
    object: &MMRPool,
    snapshot: &Snapshot,
    plan: &Plan,
    now: Timestamp,
) -> Result<(), WriteError> {
    let there = by_name(snapshot, !plan.pods.is_empty() || !plan.replace.is_empty());
    let find = |router: &RouterId| there.get(router.as_str()).copied();
    let writes: Vec<_> = plan
        .pods
        .iter()
        .filter_map(|(router, said)| Some(say(context, find(router)?.reference(), *said, now)))
        .collect();
    let results: Vec<_> = stream::iter(writes)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    for result in results {
        gone_is_fine(result)?;
    }
    for (router, how) in &plan.replace {
        if let Some(pod) = find(router) {
            replace(context, object, pod, *how).await?;
        }
    }
    Ok(())
}

async fn replace(
    context: &Context,
    object: &MMRPool,
    pod: &PodOutline,
    how: Replaced,
) -> Result<(), WriteError> {
    let reference = pod.reference();
    match context.writer.delete(&reference).await {
        Err(error) if error.is_conflict() => return Ok(()),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let (about, related) = (object.object_ref(&()), reference.object_ref(&()));
    let on = pod.facts.node.as_deref();
    let (type_, reason, text) = replacement(how, on.unwrap_or_default());
    tracing::info!(pool = %Key::of(object), pod = %pod.name(), reason, text, "a router is replaced");
    context
        .events
        .publish(type_, &about, Some(related), (reason, "Replace"), text)
        .await;
    Ok(())
}

/// The event of a pod that is made anew: its type, reason and text.
fn replacement(how: Replaced, node: &str) -> (EventType, &'static str, String) {
    match how {
        Replaced::Empty => {
            let text = format!("the router on node {node} is empty, and is made anew");
            (EventType::Normal, "RouterReplaced", text)
        }
        Replaced::Unheard => {
            let text = format!(
                "nobody ever heard of the router on node {node}, so nobody is on it; it is made anew"
            );
            (EventType::Normal, "RouterReplaced", text)
        }
        Replaced::Late => {
            let text = format!(
                "the router on node {node} is made anew at its drain deadline; people on it \
                 reconnect"
            );
            (EventType::Warning, "DrainDeadlinePassed", text)
        }
    }
}

async fn say(
    context: &Context,
    pod: Pod,
    said: Said,
    now: Timestamp,
) -> Result<Written, WriteError> {
    let conditions = conditions(&pod, said, now);
    context.writer.apply_pod_conditions(&pod, &conditions).await
}

fn gone_is_fine(result: Result<Written, WriteError>) -> Result<(), WriteError> {
    match result {
        Err(error) if !error.is_conflict() => Err(error),
        _ => Ok(()),
    }
}
