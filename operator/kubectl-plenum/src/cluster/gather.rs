//! What support needs to see, as it is; [`crate::bundle`] takes out what is secret.

use k8s_openapi::api::core::v1::{Node, Pod, Secret, Service};
use kube::Resource;
use kube::api::ListParams;
use plenum_crds::labels;
use serde::Serialize;
use serde_json::{Value, json};

use super::Cluster;
use super::look::{Wants, look};
use crate::bundle::{File, Gathered, SecretOutline, pods};
use crate::snapshot::{Seen, Snapshot, label, name_of, namespace_of};

/// Nodes taken besides those with routers.
const NODES: usize = 50;
const LOG_LINES: i64 = 1_000;
const LOG_BYTES: i64 = 1 << 20;

/// Gathers everything about one namespace, or about all; `say` is told what is done.
pub async fn gather(cluster: &Cluster, namespace: Option<&str>, say: impl Fn(&str)) -> Gathered {
    say("looking at the cluster");
    let mut snapshot = look(cluster, namespace, Wants::ALL).await;
    cluster.ask_routers(&mut snapshot, None).await;
    let mut gathered = Gathered {
        objects: objects(&snapshot),
        secrets: Vec::new(),
        secret_values: Vec::new(),
        texts: Vec::new(),
        troubles: snapshot.troubles().cloned().collect(),
        snapshot,
    };
    gathered
        .troubles
        .extend(pods::left_out(&gathered.snapshot.pods));
    secrets(cluster, &mut gathered).await;
    services(cluster, &mut gathered).await;
    let chosen = pods::chosen(&gathered.snapshot.pods);
    let pods: Vec<Pod> = chosen.into_iter().cloned().collect();
    for (index, pod) in pods.iter().enumerate() {
        say(&format!(
            "logs and metrics, pod {} of {}",
            index + 1,
            pods.len()
        ));
        texts(cluster, pod, &mut gathered).await;
    }
    gathered
}

fn objects(snapshot: &Snapshot) -> Vec<Value> {
    let mut all = Vec::new();
    all.extend(described(&snapshot.definitions));
    all.extend(described(&snapshot.zones));
    all.extend(described(&snapshot.pools));
    all.extend(described(&snapshot.pods));
    all.extend(described(&snapshot.deployments));
    all.extend(described(&snapshot.stateful_sets));
    all.extend(described(&snapshot.daemon_sets));
    all.extend(described(&snapshot.budgets));
    all.extend(described(&snapshot.namespaces));
    all.extend(described(&snapshot.leases));
    all.extend(described(&snapshot.events));
    let with_router = |it: &&Node| label(*it, labels::ACTIVE_POOL).is_some();
    let routers = snapshot.nodes.iter().filter(with_router);
    let others = snapshot.nodes.iter().filter(|it| !with_router(it));
    let nodes = Seen::of(routers.chain(others.take(NODES)).cloned().collect());
    all.extend(described(&nodes));
    all
}

/// With their kind, which lists leave out.
fn described<K>(seen: &Seen<K>) -> Vec<Value>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let objects = seen.items.iter().map(|object| {
        let mut value = serde_json::to_value(object).unwrap_or_default();
        value["apiVersion"] = json!(K::api_version(&()));
        value["kind"] = json!(K::kind(&()));
        value
    });
    objects.collect()
}

/// Names of Secrets and of their keys. The values stay in this process: they are what is looked
/// for in everything else.
async fn secrets(cluster: &Cluster, gathered: &mut Gathered) {
    let mut namespaces: Vec<String> = gathered
        .snapshot
        .inhabited()
        .into_iter()
        .chain(gathered.snapshot.deployments.iter().map(namespace_of))
        .map(str::to_owned)
        .collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    for namespace in namespaces {
        let all = ListParams::default();
        let found: Seen<Secret> = cluster.list(Some(&namespace), "secrets", &all).await;
        gathered.troubles.extend(found.troubles);
        for secret in found.items {
            let data = secret.data.clone().unwrap_or_default();
            gathered.secrets.push(SecretOutline {
                namespace: namespace.clone(),
                name: name_of(&secret).to_owned(),
                type_: secret.type_.clone().unwrap_or_default(),
                keys: data.keys().cloned().collect(),
            });
            let values = data.into_values();
            let texts = values.filter_map(|value| String::from_utf8(value.0).ok());
            gathered.secret_values.extend(texts);
        }
    }
}

async fn services(cluster: &Cluster, gathered: &mut Gathered) {
    let ours = format!("{}={}", labels::APP_NAME, labels::APPLICATION);
    let ours = ListParams::default().labels(&ours);
    let namespace = gathered.snapshot.namespace.clone();
    let found: Seen<Service> = cluster.list(namespace.as_deref(), "services", &ours).await;
    gathered.objects.extend(described(&found));
    gathered.troubles.extend(found.troubles);
}

async fn texts(cluster: &Cluster, pod: &Pod, gathered: &mut Gathered) {
    let place = format!("{}/{}", namespace_of(pod), name_of(pod));
    let mut add = |path: String, text: String| {
        if !text.is_empty() {
            gathered.texts.push(File { path, text });
        }
    };
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    for container in containers {
        let name = &container.name;
        for (previous, ending) in [(false, ""), (true, "-previous")] {
            let log = cluster.log(pod, Some(name), previous, LOG_LINES, LOG_BYTES);
            // Most containers have no previous run, and one that waits has no log at all.
            if let Ok(text) = log.await {
                add(format!("logs/{place}-{name}{ending}.log"), text);
            }
        }
    }
    if let Ok(text) = cluster.ask(pod, "/metrics").await {
        add(format!("metrics/{place}.txt"), text);
    }
}
