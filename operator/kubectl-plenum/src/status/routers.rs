//! The routers of a pool, one a node: what each does, and how full it is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use plenum_crds::MMRPool;
use plenum_crds::labels::{self, ActivePool};
use serde::Serialize;

use crate::exposition::Page;
use crate::snapshot::{
    Name, Snapshot, annotation, condition, is_ready, label, name_of, namespace_of, node_of, waiting,
};

/// A router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Router {
    /// Its node; `null` while its pod waits for one.
    pub node: Option<String>,
    /// Its pod; `null` on a marked node where it has none yet.
    pub pod: Option<String>,
    /// What it does.
    pub state: State,
    /// Its own word; `null` where it could not be asked.
    pub participants: Option<u64>,
    /// How many more people it takes: none when it takes nobody.
    pub room: Option<u64>,
    /// Meetings on it.
    pub meetings: Option<u64>,
    /// Since when it drains, and why.
    pub draining: Option<Drain>,
    /// Somebody asked for its drain.
    pub drain_requested: bool,
}

/// What a router does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It takes new meetings.
    Accepting,
    /// It runs, and takes nobody: it is full, overloaded, or not yet known to the controllers.
    NotAccepting,
    /// It is being emptied.
    Draining,
    /// It does not run yet, or no longer.
    Starting,
    /// Its pod was told to stop.
    Stopping,
    /// Its node is not heard.
    Lost,
}

impl State {
    /// As people read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepting => "accepting",
            Self::NotAccepting => "not accepting",
            Self::Draining => "draining",
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::Lost => "lost",
        }
    }
}

/// A drain, as the operator wrote it on the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// When it began.
    pub since: String,
    /// How long ago; `null` if that cannot be read.
    pub seconds: Option<i64>,
    /// Why.
    pub reason: String,
}

/// The routers of a pool: its pods, and its marked nodes without one.
#[must_use]
pub fn routers(snapshot: &Snapshot, pool: &MMRPool) -> Vec<Router> {
    let (namespace, name) = (namespace_of(pool), name_of(pool));
    let nodes: BTreeMap<&str, &Node> = snapshot.nodes.iter().map(|it| (name_of(it), it)).collect();
    let pods = snapshot.pods_of(namespace, labels::COMPONENT_ROUTER, (labels::POOL, name));
    let mut all: Vec<Router> = pods
        .map(|pod| {
            let node = node_of(pod).and_then(|it| nodes.get(it).copied());
            router(snapshot, pod, node)
        })
        .collect();
    let active = ActivePool::new(namespace, name);
    let marked = |node: &&Node| {
        let active = active.as_ref().map(ActivePool::as_str).ok();
        active.is_some() && label(*node, labels::ACTIVE_POOL) == active
    };
    let without = snapshot.nodes.iter().filter(marked).filter(|node| {
        let here = |router: &Router| router.node.as_deref() == Some(name_of(*node));
        !all.iter().any(here)
    });
    let empty: Vec<Router> = without.map(|node| awaited(snapshot, node)).collect();
    all.extend(empty);
    all.sort_by(|a, b| (&a.node, &a.pod).cmp(&(&b.node, &b.pod)));
    all
}

fn router(snapshot: &Snapshot, pod: &Pod, node: Option<&Node>) -> Router {
    let page = snapshot.figures.get(&Name::of(pod));
    let drain = node.and_then(|node| drain(snapshot, node));
    let state = state(pod, node, drain.is_some());
    Router {
        node: node_of(pod).map(str::to_owned),
        pod: Some(name_of(pod).to_owned()),
        state,
        participants: page.and_then(|page| page.count("plenum_participants")),
        room: page.and_then(|page| room(page, state)),
        meetings: page.and_then(|page| page.count("plenum_meetings")),
        draining: drain,
        drain_requested: node.is_some_and(requested),
    }
}

/// A marked node on which the `DaemonSet` has yet to make a pod.
fn awaited(snapshot: &Snapshot, node: &Node) -> Router {
    Router {
        node: Some(name_of(node).to_owned()),
        pod: None,
        state: if is_alive(node) {
            State::Starting
        } else {
            State::Lost
        },
        participants: None,
        room: None,
        meetings: None,
        draining: drain(snapshot, node),
        drain_requested: requested(node),
    }
}

fn room(page: &Page, state: State) -> Option<u64> {
    let taken = page.count("plenum_participants")?;
    let limit = page.count("plenum_participants_limit")?;
    let is_open = state == State::Accepting;
    Some(if is_open {
        limit.saturating_sub(taken)
    } else {
        0
    })
}

fn state(pod: &Pod, node: Option<&Node>, drains: bool) -> State {
    if node.is_some_and(|node| !is_alive(node)) {
        return State::Lost;
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return State::Stopping;
    }
    if waiting(pod).next().is_some() || !is_ready(pod) {
        return State::Starting;
    }
    if drains || condition(pod, labels::POD_DRAINING) == Some("True") {
        return State::Draining;
    }
    if condition(pod, labels::POD_ACCEPTING) == Some("True") {
        return State::Accepting;
    }
    State::NotAccepting
}

fn is_alive(node: &Node) -> bool {
    let conditions = node.status.iter().filter_map(|it| it.conditions.as_ref());
    let ready = conditions.flatten().find(|it| it.type_ == "Ready");
    ready.is_none_or(|ready| ready.status == "True")
}

fn requested(node: &Node) -> bool {
    annotation(node, labels::DRAIN_REQUESTED).is_some()
}

/// The drain of the node's router, if it drains.
fn drain(snapshot: &Snapshot, node: &Node) -> Option<Drain> {
    let since = annotation(node, labels::DRAINING_SINCE)?;
    let at = since.parse::<Timestamp>().ok();
    Some(Drain {
        since: since.to_owned(),
        seconds: at.map(|at| snapshot.now.duration_since(at).as_secs()),
        reason: annotation(node, labels::DRAINING_REASON)
            .unwrap_or("Unknown")
            .to_owned(),
    })
}
