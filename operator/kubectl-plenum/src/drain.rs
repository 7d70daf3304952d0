//! How far the drain of a node's router is. The operator does it; here it is asked for by one
//! annotation of the node, and watched.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use plenum_crds::MMRPool;
use plenum_crds::labels;
use serde::Serialize;
use serde_json::{Value, json};

use crate::render::span;
use crate::snapshot::{Name, Snapshot, annotation, label, name_of, namespace_of, node_of};

/// The shape of [`Outcome`] as JSON.
pub const SCHEMA: &str = "kubectl-plenum.drain/1";

/// What became of the command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The node.
    pub node: String,
    /// Whether the node is asked to be without a router.
    pub requested: bool,
    /// Whether it carries none.
    pub drained: bool,
    /// People still on it, where that is known.
    pub participants: Option<u64>,
    /// A sentence.
    pub message: String,
}

/// The patch of a node that asks for the drain, or takes the wish back.
#[must_use]
pub fn patch(cancel: bool, now: Timestamp) -> Value {
    let value = if cancel {
        Value::Null
    } else {
        // Any value will do; this one tells who looks at the node since when.
        json!(format!("{now:.0}"))
    };
    json!({"metadata": {"annotations": {labels::DRAIN_REQUESTED: value}}})
}

/// Why this node cannot be drained, or what to know before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// It has nothing to do with any pool.
    NoRouter(String),
    /// It is not the operator's turn.
    Waits(String),
}

/// What speaks against asking for the drain of this node.
#[must_use]
pub fn objection(snapshot: &Snapshot, node: &Node) -> Option<Objection> {
    let name = name_of(node);
    let Some(pool) = pool_of(snapshot, node) else {
        if label(node, labels::ACTIVE_POOL).is_some() || !snapshot.pools.is_whole() {
            return None;
        }
        let mut others: Vec<&str> = snapshot
            .nodes
            .iter()
            .filter(|node| label(*node, labels::ACTIVE_POOL).is_some())
            .map(name_of)
            .collect();
        others.truncate(10);
        let others = match others.as_slice() {
            [] => "no node carries one".to_owned(),
            some => format!("these nodes do: {}", some.join(", ")),
        };
        return Some(Objection::NoRouter(format!(
            "node {name} carries no router, and no pool selects it; {others}"
        )));
    };
    annotation(pool, labels::PAUSED).map(|_| {
        Objection::Waits(format!(
            "the pool {} is paused: nothing happens until kubectl -n {} annotate mmrpool {} {}-",
            name_of(pool),
            namespace_of(pool),
            name_of(pool),
            labels::PAUSED
        ))
    })
}

/// The pool whose router is on the node, or would be.
fn pool_of<'a>(snapshot: &'a Snapshot, node: &Node) -> Option<&'a MMRPool> {
    let active = label(node, labels::ACTIVE_POOL);
    let marks = |pool: &&MMRPool| {
        let value = format!("{}.{}", namespace_of(*pool), name_of(*pool));
        active == Some(value.as_str())
    };
    let has = |key: &str, value: &str| label(node, key) == Some(value);
    let selects = |pool: &&MMRPool| pool.spec.node_selector.iter().all(|(k, v)| has(k, v));
    let mut pools = snapshot.pools.iter();
    pools
        .clone()
        .find(marks)
        .or_else(|| pools.find(|pool| active.is_none() && selects(pool)))
}

/// The node went while somebody waited, as node autoscalers take drained ones.
#[must_use]
pub fn gone(name: &str) -> Outcome {
    Outcome {
        schema: SCHEMA,
        node: name.to_owned(),
        requested: false,
        drained: true,
        participants: None,
        message: format!("{name} is no node of the cluster any more"),
    }
}

/// How far it is.
#[must_use]
pub fn outcome(snapshot: &Snapshot, node: &Node) -> Outcome {
    let name = name_of(node);
    let pod = snapshot.pods.iter().find(|pod| {
        node_of(pod) == Some(name)
            && label(*pod, labels::APP_COMPONENT) == Some(labels::COMPONENT_ROUTER)
    });
    let page = pod.and_then(|pod| snapshot.figures.get(&Name::of(pod)));
    let participants = page.and_then(|page| page.count("plenum_participants"));
    let marked = label(node, labels::ACTIVE_POOL).is_some();
    let requested = annotation(node, labels::DRAIN_REQUESTED).is_some();
    let drained = !marked && pod.is_none();
    let people = participants.map_or_else(String::new, |it| format!(", {it} people left"));
    let message = match (drained, marked, annotation(node, labels::DRAINING_SINCE)) {
        (true, ..) if requested => {
            format!(
                "{name} carries no router, and gets none until: kubectl plenum drain {name} --cancel"
            )
        }
        (true, ..) => format!("{name} carries no router"),
        (false, false, _) => format!("{name}: its router is empty and stops"),
        (false, true, Some(since)) => {
            let since = since.parse::<Timestamp>().ok();
            let since = since.map_or_else(String::new, |since| {
                let seconds = snapshot.now.duration_since(since).as_secs();
                format!(" for {}", span(seconds))
            });
            format!("{name}: its router drains{since}{people}")
        }
        (false, true, None) if requested => {
            format!(
                "{name}: the operator has not begun yet{people}{}",
                held_up(snapshot, node)
            )
        }
        (false, true, None) => format!("{name}: its router takes meetings{people}"),
    };
    Outcome {
        schema: SCHEMA,
        node: name.to_owned(),
        requested,
        drained,
        participants,
        message,
    }
}

/// Why the operator may not begin: others drain first, or there is nowhere to go.
fn held_up(snapshot: &Snapshot, node: &Node) -> String {
    let Some(pool) = pool_of(snapshot, node) else {
        return String::new();
    };
    let status = pool.status.as_ref();
    let draining = status.map_or(0, |status| status.routers.draining);
    let most = pool.spec.max_draining;
    if draining >= most {
        return format!("; {draining} others drain, and the pool's maxDraining is {most}");
    }
    let conditions = pool.status.iter().flat_map(|status| &status.conditions);
    let mut failing = conditions.filter(|it| it.status == "False" && it.type_ != "ScalingActive");
    failing
        .next()
        .map_or_else(String::new, |it| format!("; {}", it.message))
}
