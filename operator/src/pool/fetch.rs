//! From Kubernetes objects to what planning sees.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use kube::api::ListParams;
use kube::{Api, Client, Resource, ResourceExt};
use plenum_crds::{MMRPool, MeetingZone, labels};
use serde::de::DeserializeOwned;

use super::build::selector;
use super::observe;
use super::observed::{Observed, Owner, View};
use super::outline::{NodeOutline, PodOutline};
use super::validate::ValidPool;
use crate::cache::watch::PAGE;
use crate::reports::Controller;

/// The objects that one pool is planned from.
pub struct Snapshot {
    /// All nodes that the pool can be concerned with.
    pub nodes: Vec<Arc<NodeOutline>>,
    /// Router pods of the pool.
    pub pods: Vec<Arc<PodOutline>>,
    /// Its zone.
    pub zone: Option<Arc<MeetingZone>>,
    /// The other pools that select some of these nodes.
    pub others: Vec<Arc<MMRPool>>,
    /// Its `DaemonSet`.
    pub daemonset: Option<Arc<DaemonSet>>,
    /// The Deployment of its placeholders.
    pub placeholders: Option<Arc<Deployment>>,
    /// The controllers of its zone.
    pub controllers: Vec<Controller>,
}

impl Snapshot {
    /// The same with nodes and pods as the API server has them now. A cache may be behind
    /// (after a restart even by much); what is taken away is decided on this.
    pub async fn confirmed(self, client: &Client, pool: &ValidPool) -> Result<Self, kube::Error> {
        let ours = format!("{}={}", labels::ACTIVE_POOL, pool.active.as_str());
        let marked = listed(Api::all(client.clone()), &ours, NodeOutline::of).await?;
        let wanted: Vec<String> = selector(pool)
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        let pods = Api::namespaced(client.clone(), &pool.namespace);
        let pods = listed(pods, &wanted.join(","), PodOutline::of).await?;
        let fresh: BTreeSet<&str> = marked.iter().map(|node| node.name()).collect();
        let stale = |node: &Arc<NodeOutline>| {
            fresh.contains(node.name())
                || node.labels().get(labels::ACTIVE_POOL) == Some(pool.active.as_str())
        };
        let mut nodes: Vec<_> = self.nodes.into_iter().filter(|node| !stale(node)).collect();
        nodes.extend(marked.iter().cloned());
        Ok(Self {
            nodes,
            pods,
            ..self
        })
    }

    /// What planning sees, but for what is known of placeholders. `template` is the hash of the
    /// template wanted now; `None` leaves all pods as they are, and nodes without: nothing would
    /// start routers on them.
    #[must_use]
    pub fn observed(
        &self,
        object: &MMRPool,
        pool: &ValidPool,
        template: Option<&str>,
        view: View,
    ) -> Observed {
        let claims = Claims::new(object, &self.others);
        let mut rivals = BTreeSet::new();
        let nodes: BTreeMap<_, _> = self
            .nodes
            .iter()
            .filter_map(|node| {
                let matches = selects(object, node);
                if matches {
                    rivals.extend(claims.rivals(node));
                }
                let seen = observe::node(node, pool, matches && claims.won(node));
                let concerns = matches || seen.owner == Owner::Us;
                concerns.then(|| (node.name().to_owned(), seen))
            })
            .collect();
        let pods = self.pods.iter();
        let pods = pods.filter_map(|pod| observe::pod(pod, template, &nodes));
        let pods = pods.collect();
        let active = nodes.values().any(|node| node.owner == Owner::Us);
        Observed {
            zone: observe::zone(self.zone.as_deref(), active),
            pool_deleting: object.metadata.deletion_timestamp.is_some(),
            startable: template.is_some(),
            nodes,
            pods,
            view,
            rivals,
            placeholder_trouble: None,
        }
    }
}

/// What the API server has with these labels, page by page: of a pool of thousands, whole
/// objects would be hundreds of megabytes.
async fn listed<K, T>(api: Api<K>, labels: &str, form: fn(&K) -> T) -> kube::Result<Vec<Arc<T>>>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let mut params = ListParams::default().labels(labels).limit(PAGE);
    let mut all = Vec::new();
    loop {
        let page = api.list(&params).await?;
        all.extend(page.items.iter().map(|object| Arc::new(form(object))));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(all),
        }
    }
}

/// Who may have which node.
struct Claims<'a> {
    object: &'a MMRPool,
    others: Vec<&'a MMRPool>,
}

impl<'a> Claims<'a> {
    fn new(object: &'a MMRPool, others: &'a [Arc<MMRPool>]) -> Self {
        let stays = |pool: &&MMRPool| pool.metadata.deletion_timestamp.is_none();
        let others = others.iter().map(AsRef::as_ref).filter(stays).collect();
        Self { object, others }
    }

    fn rivals(&self, node: &NodeOutline) -> impl Iterator<Item = String> {
        self.others
            .iter()
            .filter(|other| selects(other, node))
            .map(|other| {
                format!(
                    "{}/{}",
                    other.namespace().unwrap_or_default(),
                    other.name_any()
                )
            })
    }

    /// No older pool selects it.
    fn won(&self, node: &NodeOutline) -> bool {
        let age = |pool: &MMRPool| {
            let born = pool.metadata.creation_timestamp.as_ref().map(|t| t.0);
            (born, pool.namespace(), pool.name_any())
        };
        let ours = age(self.object);
        !self
            .others
            .iter()
            .any(|other| age(other) < ours && selects(other, node))
    }
}

/// Whether the pool's `nodeSelector` matches the node.
#[must_use]
pub fn selects(pool: &MMRPool, node: &NodeOutline) -> bool {
    let selector = &pool.spec.node_selector;
    !selector.is_empty()
        && selector
            .iter()
            .all(|(k, v)| node.labels().get(k) == Some(v.as_str()))
}
