//! What pools read of a node.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Taint};
use kube::ResourceExt as _;
use plenum_crds::conditions::DrainReason;
use plenum_crds::{NoAddress, RouterAddresses, labels};

use super::{Identity, Labels};
use crate::apply::FIELD_MANAGER;
use crate::cache::{Item, Key};
use crate::pool::observed::Drain;

/// A node: its labels, by which pools select; its marks; what keeps routers off.
#[derive(Debug, Clone)]
pub struct NodeOutline {
    identity: Identity,
    facts: Facts,
}

#[derive(Debug, Clone, PartialEq)]
// Independent facts of a node, each read by itself; no states hide in them.
#[allow(clippy::struct_excessive_bools)]
struct Facts {
    labels: Labels,
    taints: Box<[Taint]>,
    drain: Option<Drain>,
    drain_requested: bool,
    kept: bool,
    ours: bool,
    ready: bool,
    cordoned: bool,
    deleting: bool,
    external: Address,
    annotated: Address,
}

/// Of its router, or why there is none.
type Address = Result<RouterAddresses, NoAddress>;

impl NodeOutline {
    /// Of this node.
    #[must_use]
    pub fn of(node: &Node) -> Self {
        let spec = node.spec.as_ref();
        let kept = |key: &str| node.annotations().get(key).is_some_and(|v| v == "true");
        let protections = [labels::CLUSTER_AUTOSCALER_KEEP, labels::KARPENTER_KEEP];
        Self {
            identity: Identity::of(node),
            facts: Facts {
                labels: node.labels().into(),
                taints: spec.map(taints).unwrap_or_default(),
                drain: drain(node),
                drain_requested: node.annotations().contains_key(labels::DRAIN_REQUESTED),
                kept: protections.into_iter().all(kept),
                ours: marked_by_us(node),
                ready: is_ready(node),
                cordoned: spec.and_then(|spec| spec.unschedulable) == Some(true),
                deleting: node.metadata.deletion_timestamp.is_some(),
                external: RouterAddresses::external(node),
                annotated: RouterAddresses::annotated(node),
            },
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.identity.key.name()
    }

    /// What it is selected by.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.facts.labels
    }

    /// The taints of it.
    #[must_use]
    pub fn taints(&self) -> &[Taint] {
        &self.facts.taints
    }

    /// The drain of its router.
    #[must_use]
    pub fn drain(&self) -> Option<Drain> {
        self.facts.drain
    }

    /// Somebody asked, by an annotation, to have its router drained.
    #[must_use]
    pub fn drain_is_requested(&self) -> bool {
        self.facts.drain_requested
    }

    /// The annotations against node autoscalers are there, whoever wrote them.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.facts.kept
    }

    /// We have written something of it.
    #[must_use]
    pub fn is_marked_by_us(&self) -> bool {
        self.facts.ours
    }

    /// Its kubelet is alive.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.facts.ready
    }

    /// It is there to stay, and not cordoned.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.facts.cordoned && !self.facts.deleting
    }

    /// The address of its router by whoever made the node.
    pub(in crate::pool) fn external_address(&self) -> &Address {
        &self.facts.external
    }

    /// The addresses of its router that somebody wrote on it.
    pub(in crate::pool) fn annotated_address(&self) -> &Address {
        &self.facts.annotated
    }

    /// The pool whose active label it carries. No namespace has a dot in its name.
    #[must_use]
    pub fn active_pool(&self) -> Option<Key> {
        let (namespace, name) = self.labels().get(labels::ACTIVE_POOL)?.split_once('.')?;
        Some(Key::new(namespace, name))
    }

    /// Nothing that is read differs.
    #[must_use]
    pub fn is_the_same(&self, other: &Self) -> bool {
        self.identity.names(&other.identity) && self.facts == other.facts
    }

    /// What names it to the API server, in the version that was read.
    #[must_use]
    pub fn reference(&self) -> Node {
        Node {
            metadata: self.identity.meta(),
            ..Node::default()
        }
    }
}

impl Item for NodeOutline {
    type Kept = Arc<Self>;

    fn key(&self) -> Key {
        self.identity.key.clone()
    }

    fn keep(this: &Arc<Self>) -> Arc<Self> {
        this.clone()
    }

    fn open(kept: &Arc<Self>) -> Arc<Self> {
        kept.clone()
    }

    fn is(&self, kept: &Arc<Self>) -> bool {
        self.identity.is(&kept.identity)
    }
}

fn taints(spec: &k8s_openapi::api::core::v1::NodeSpec) -> Box<[Taint]> {
    let taints = spec.taints.iter().flatten().map(|taint| Taint {
        // Since when says nothing of whom it keeps off.
        time_added: None,
        ..taint.clone()
    });
    taints.collect()
}

fn marked_by_us(node: &Node) -> bool {
    node.managed_fields()
        .iter()
        .any(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER) && entry.subresource.is_none())
}

fn drain(node: &Node) -> Option<Drain> {
    let annotations = node.annotations();
    let since = annotations.get(labels::DRAINING_SINCE)?;
    let reason = annotations.get(labels::DRAINING_REASON).map(String::as_str);
    Some(Drain {
        // One that cannot be read is put right by planning, as is any that is yet to begin.
        since: since.parse().unwrap_or(Timestamp::MAX),
        reason: reason
            .and_then(DrainReason::from_word)
            .unwrap_or(DrainReason::ScaleDown),
    })
}

fn is_ready(node: &Node) -> bool {
    let status = node.status.iter();
    let mut conditions = status.flat_map(|s| s.conditions.iter().flatten());
    conditions.any(|c| c.type_ == "Ready" && c.status == "True")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn whole() -> Value {
        json!({
            "metadata": {
                "name": "a", "uid": "u", "resourceVersion": "7", "labels": {"zone": "x"},
                "annotations": {
                    "plenum.dev/draining-since": "2026-01-02T03:04:05Z",
                    "karpenter.sh/do-not-disrupt": "true",
                },
                "managedFields": [
                    {"manager": "plenum-operator", "operation": "Apply", "fieldsV1": {"f:a": {}}},
                ],
            },
            "spec": {"podCIDR": "10.0.0.0/24", "taints": [{"key": "k", "effect": "NoSchedule"}]},
            "status": {
                "images": [{"names": ["i"]}], "capacity": {"cpu": "2"},
                "conditions": [
                    {"type": "MemoryPressure", "status": "False"},
                    {"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"},
                ],
            },
        })
    }

    fn outline(node: Value) -> NodeOutline {
        NodeOutline::of(&serde_json::from_value(node).unwrap())
    }

    #[test]
    fn it_has_what_planning_reads_and_what_names_it() {
        let node = outline(whole());
        assert_eq!((node.name(), node.labels().get("zone")), ("a", Some("x")));
        assert!(node.is_ready() && node.is_open() && node.is_marked_by_us());
        assert!(!node.is_kept(), "one of two annotations");
        assert_eq!(node.taints()[0].key, "k");
        assert!(node.drain().is_some() && !node.drain_is_requested());
        let meta = node.reference().metadata;
        let named = (meta.name, meta.uid, meta.resource_version);
        let owned = |word: &str| Some(word.to_owned());
        assert_eq!(named, (owned("a"), owned("u"), owned("7")));
    }

    #[test]
    fn a_heartbeat_is_no_news_and_a_cordon_or_another_address_is() {
        let before = outline(whole());
        let mut later = whole();
        later["metadata"]["resourceVersion"] = "8".into();
        later["status"]["conditions"][1]["lastHeartbeatTime"] = "2026-01-01T00:05:00Z".into();
        later["status"]["images"] = json!([]);
        assert!(before.is_the_same(&outline(later.clone())));
        later["spec"]["unschedulable"] = true.into();
        assert!(!before.is_the_same(&outline(later)));
        let mut moved = whole();
        moved["status"]["addresses"] = json!([{"type": "ExternalIP", "address": "203.0.113.7"}]);
        assert!(!before.is_the_same(&outline(moved)));
        let mut told = whole();
        told["metadata"]["annotations"][labels::PUBLIC_ADDRESS] = "203.0.113.7".into();
        assert!(!before.is_the_same(&outline(told)));
        let mut another = whole();
        another["metadata"]["uid"] = "v".into();
        assert!(!before.is_the_same(&outline(another)));
    }
}
