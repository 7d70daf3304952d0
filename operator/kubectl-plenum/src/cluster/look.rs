//! One look at the cluster: lists, side by side, of what a command wants to judge.

use std::collections::BTreeMap;
use std::fmt::Debug;

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Event, Namespace, Pod};
use kube::api::{ListParams, LogParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use plenum_crds::labels;
use serde::de::DeserializeOwned;

use super::{AT_ONCE, Cluster, trouble};
use crate::snapshot::{
    Name, Seen, Snapshot, is_ready, label, name_of, namespace_of, restarts, waiting,
};

/// Containers whose last words are read, and how much of them.
const CRASHED: usize = 10;
const LAST_LINES: i64 = 20;
const LAST_BYTES: i64 = 16 << 10;

/// What a command wants to see besides zones, pools and pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    /// Nodes.
    pub nodes: bool,
    /// Why pods do not run, and the certificates.
    pub causes: bool,
    /// The installation: definitions, operator, rights, budgets.
    pub installation: bool,
}

impl Wants {
    /// Which pods there are, and nothing else.
    pub const PODS: Self = Self {
        nodes: false,
        causes: false,
        installation: false,
    };
    /// Everything about zones.
    pub const ZONES: Self = Self {
        nodes: true,
        causes: true,
        installation: false,
    };
    /// Everything.
    pub const ALL: Self = Self {
        installation: true,
        ..Self::ZONES
    };
}

/// Looks at one namespace, or at all.
pub async fn look(cluster: &Cluster, namespace: Option<&str>, wants: Wants) -> Snapshot {
    let mut seen = Snapshot::at(Timestamp::now());
    seen.namespace = namespace.map(str::to_owned);
    let ours = format!("{}={}", labels::APP_NAME, labels::APPLICATION);
    let ours = ListParams::default().labels(&ours);
    let all = ListParams::default();
    (seen.zones, seen.pools, seen.pods) = tokio::join!(
        cluster.list(namespace, "zones", &all),
        cluster.list(namespace, "pools", &all),
        cluster.list(namespace, "pods", &ours),
    );
    if wants.nodes {
        let nodes = Api::all(cluster.client.clone());
        seen.nodes = listed("list nodes", nodes.list(&all).await.map(|it| it.items));
    }
    if wants.installation {
        installation(cluster, &mut seen, &ours).await;
    }
    if wants.causes {
        causes(cluster, &mut seen).await;
    }
    seen
}

async fn installation(cluster: &Cluster, seen: &mut Snapshot, ours: &ListParams) {
    let namespace = seen.namespace.clone();
    let namespace = namespace.as_deref();
    let all = ListParams::default();
    let definitions = Api::all(cluster.client.clone());
    let version = cluster.client.apiserver_version().await;
    seen.server = version.ok().map(|version| version.git_version);
    let (found, deployments, stateful_sets, daemon_sets, budgets) = tokio::join!(
        definitions.list(&all),
        // The operator is in a namespace of its own.
        cluster.list::<Deployment>(None, "deployments", ours),
        cluster.list::<StatefulSet>(namespace, "statefulsets", ours),
        cluster.list::<DaemonSet>(namespace, "daemonsets", ours),
        cluster.list(namespace, "poddisruptionbudgets", &all),
    );
    seen.definitions = listed("list customresourcedefinitions", found.map(|it| it.items));
    (seen.deployments, seen.stateful_sets) = (deployments, stateful_sets);
    (seen.daemon_sets, seen.budgets) = (daemon_sets, budgets);
    for home in homes(&seen.deployments) {
        let leases = cluster.list(Some(&home), "leases", &all).await;
        seen.leases.add(leases);
        if namespace.is_some_and(|namespace| namespace != home) {
            let pods = cluster.list(Some(&home), "pods", ours).await;
            seen.pods.add(pods);
        }
    }
    seen.rights = cluster.rights(&seen.deployments).await;
}

/// The namespaces of operators.
fn homes(deployments: &Seen<Deployment>) -> Vec<String> {
    let mut homes: Vec<String> = deployments
        .items
        .iter()
        .filter(|it| label(*it, labels::APP_COMPONENT) == Some("operator"))
        .map(|it| namespace_of(it).to_owned())
        .collect();
    homes.sort_unstable();
    homes.dedup();
    homes
}

async fn causes(cluster: &Cluster, seen: &mut Snapshot) {
    let inhabited: Vec<String> = seen.inhabited().into_iter().map(str::to_owned).collect();
    (seen.namespaces, seen.events) = cluster.surroundings(&inhabited).await;
    seen.certificates = cluster.certificates(&seen.zones, &seen.deployments).await;
    seen.last_words = cluster.last_words(&seen.pods).await;
}

pub(super) fn listed<T>(doing: &str, result: Result<Vec<T>, kube::Error>) -> Seen<T> {
    match result {
        Ok(items) => Seen::of(items),
        Err(error) => Seen::refused(trouble::of(doing, &error)),
    }
}

impl Cluster {
    /// Objects of a kind in one namespace, or in all.
    pub(super) async fn list<K>(
        &self,
        namespace: Option<&str>,
        plural: &str,
        params: &ListParams,
    ) -> Seen<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned,
    {
        let (api, place): (Api<K>, String) = match namespace {
            Some(namespace) => (
                Api::namespaced(self.client.clone(), namespace),
                format!("in {namespace}"),
            ),
            None => (
                Api::all(self.client.clone()),
                "in all namespaces".to_owned(),
            ),
        };
        let found = api.list(params).await.map(|it| it.items);
        listed(&format!("list {plural} {place}"), found)
    }

    /// These namespaces, and what Kubernetes warns of there.
    pub(super) async fn surroundings(&self, names: &[String]) -> (Seen<Namespace>, Seen<Event>) {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let namespaces = &namespaces;
        stream::iter(names)
            .map(|name| async move {
                let (found, events) = tokio::join!(namespaces.get(name), self.warnings(name));
                let doing = format!("read the namespace {name}");
                (listed(&doing, found.map(|it| vec![it])), events)
            })
            .buffered(AT_ONCE)
            .unzip()
            .await
    }

    /// What containers said before they ended, of those that do not stay up.
    async fn last_words(&self, pods: &Seen<Pod>) -> BTreeMap<Name, String> {
        let crashes = |pod: &&Pod| {
            let backs_off = waiting(pod).any(|it| it.reason == "CrashLoopBackOff");
            backs_off || (!is_ready(pod) && restarts(pod) > 0)
        };
        stream::iter(pods.items.iter().filter(crashes).take(CRASHED))
            .filter_map(|pod| async move {
                let words = self.log(pod, None, true, LAST_LINES, LAST_BYTES).await;
                words.ok().map(|words| (Name::of(pod), words))
            })
            .collect()
            .await
    }

    /// The last lines of a container, or of its last run.
    pub(super) async fn log(
        &self,
        pod: &Pod,
        container: Option<&str>,
        previous: bool,
        lines: i64,
        bytes: i64,
    ) -> Result<String, kube::Error> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace_of(pod));
        let params = LogParams {
            container: container.map(str::to_owned),
            previous,
            tail_lines: Some(lines),
            limit_bytes: Some(bytes),
            ..LogParams::default()
        };
        pods.logs(name_of(pod), &params).await
    }
}
