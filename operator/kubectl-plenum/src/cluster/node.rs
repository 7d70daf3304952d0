//! One node, and what the drain of its router is judged by. `drain --wait` looks each second: at
//! this node, its router and its pool, whatever the size of the cluster.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::PartialObjectMeta;
use plenum_crds::{MMRPool, labels};
use serde_json::Value;

use super::look::listed;
use super::{Cluster, trouble};
use crate::snapshot::{Seen, Snapshot, Trouble, label};

/// Who writes the annotation, in server-side bookkeeping.
const FIELD_MANAGER: &str = "kubectl-plenum";
/// Nodes with routers that are named to who meant another.
const OTHERS: u32 = 10;

impl Cluster {
    /// Changes a node: by a merge patch, the only write of this program.
    pub async fn patch_node(&self, name: &str, patch: &Value) -> Result<(), Trouble> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patched = nodes.patch(name, &params, &Patch::Merge(patch)).await;
        let failed = |error| trouble::of(&format!("change node {name}"), &error);
        patched.map(drop).map_err(failed)
    }

    /// How far the drain of a node is: the node without spec and status, its router with what that
    /// says, and the pool that it is marked for. `None` where there is no such node.
    pub async fn on_node(&self, name: &str) -> Result<Option<(Node, Snapshot)>, Trouble> {
        let Some(node) = self.node(name).await? else {
            return Ok(None);
        };
        let routers = format!("{}={}", labels::APP_COMPONENT, labels::COMPONENT_ROUTER);
        let here = ListParams::default()
            .labels(&routers)
            .fields(&format!("spec.nodeName={name}"));
        let mut seen = Snapshot::at(Timestamp::now());
        (seen.pods, seen.pools) =
            tokio::join!(self.list(None, "pods", &here), self.marked_for(&node));
        // A list that failed would look like an empty node.
        if let [trouble, ..] = seen.pods.troubles.as_slice() {
            return Err(trouble.clone());
        }
        self.ask_routers(&mut seen, None).await;
        Ok(Some((node, seen)))
    }

    /// The same, and where the node is marked for no pool, all pools, of which one may select it,
    /// and some nodes that are marked.
    pub async fn before_drain(&self, name: &str) -> Result<(Node, Snapshot), Trouble> {
        let missing = || trouble::trouble(format!("there is no node {name}"), "kubectl get nodes");
        let (node, mut seen) = self.on_node(name).await?.ok_or_else(missing)?;
        if label(&node, labels::ACTIVE_POOL).is_none() {
            let nodes: Api<Node> = Api::all(self.client.clone());
            let all = ListParams::default();
            let marked = all.clone().labels(labels::ACTIVE_POOL).limit(OTHERS);
            let (pools, others) =
                tokio::join!(self.list(None, "pools", &all), nodes.list_metadata(&marked));
            let others = others.map(|it| it.items.into_iter().map(bare).collect());
            seen.pools = pools;
            seen.nodes = listed("list nodes", others);
        }
        Ok((node, seen))
    }

    async fn node(&self, name: &str) -> Result<Option<Node>, Trouble> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let found = nodes.get_metadata_opt(name).await;
        let found = found.map_err(|error| trouble::of(&format!("read node {name}"), &error))?;
        Ok(found.map(bare))
    }

    async fn marked_for(&self, node: &Node) -> Seen<MMRPool> {
        let active = label(node, labels::ACTIVE_POOL);
        // No namespace has a dot in its name.
        let Some((namespace, name)) = active.and_then(|active| active.split_once('.')) else {
            return Seen::default();
        };
        let pools: Api<MMRPool> = Api::namespaced(self.client.clone(), namespace);
        let found = pools.get_opt(name).await.map(|it| it.into_iter().collect());
        listed(&format!("read the pool {namespace}/{name}"), found)
    }
}

fn bare(node: PartialObjectMeta<Node>) -> Node {
    Node {
        metadata: node.metadata,
        ..Node::default()
    }
}
