//! A player of the `StatefulSet` and `DaemonSet` controllers and of kubelets: what the operator
//! asks for becomes pods that run at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::{StreamExt as _, stream};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Node;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, Event};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use plenum_crds::labels;
use plenum_wire::{PoolName, RouterId};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use super::hands::{AT_ONCE, delete, merge, post};
use super::links::ADDRESS;
use super::zones::Zones;

/// A `DaemonSet` may be asked for before this player's own view has it.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// Plays until it is dropped.
pub(super) struct Player {
    counts: Counts,
    failed: watch::Receiver<Option<String>>,
    _tasks: [AbortOnDropHandle<()>; 3],
}

/// Nodes with the active label, by pool.
type Counts = Arc<Mutex<HashMap<String, watch::Sender<usize>>>>;

/// Something to do.
enum Task {
    /// Make the pods of a `StatefulSet`, and say that they run.
    Controllers(Box<StatefulSet>),
    /// Start the router of a pool on a node.
    Start { pool: String, node: String },
    /// Stop it.
    Stop { pool: String, node: String },
}

struct Worker {
    client: Client,
    zones: Arc<Zones>,
    templates: Mutex<HashMap<String, Arc<Value>>>,
}

impl Player {
    pub(super) fn start(client: Client, zones: Arc<Zones>) -> Self {
        let counts = Counts::default();
        let (todo, mut tasks) = mpsc::unbounded_channel();
        let (failing, failed) = watch::channel(None);
        let worker = Arc::new(Worker {
            client: client.clone(),
            zones,
            templates: Mutex::default(),
        });
        let tasks = stream::poll_fn(move |context| tasks.poll_recv(context));
        let work = tasks.for_each_concurrent(AT_ONCE, move |task| {
            let (worker, failing) = (worker.clone(), failing.clone());
            async move {
                if let Err(error) = worker.work(task).await {
                    failing.send_replace(Some(format!("{error:#}")));
                }
            }
        });
        let sets = watch_sets(client.clone(), todo.clone());
        let nodes = watch_nodes(client, todo, counts.clone());
        Self {
            counts,
            failed,
            _tasks: [
                AbortOnDropHandle::new(tokio::spawn(work)),
                AbortOnDropHandle::new(tokio::spawn(sets)),
                AbortOnDropHandle::new(tokio::spawn(nodes)),
            ],
        }
    }

    /// How many nodes have the label of this pool.
    pub(super) fn labelled(&self, pool: &str) -> watch::Receiver<usize> {
        subscribe(&self.counts, pool)
    }

    /// What went wrong, if something did.
    pub(super) fn check(&self) -> Result<()> {
        match &*self.failed.borrow() {
            Some(error) => bail!("playing kubelets: {error}"),
            None => Ok(()),
        }
    }
}

fn subscribe(counts: &Counts, pool: &str) -> watch::Receiver<usize> {
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    counts.entry(pool.to_owned()).or_default().subscribe()
}

fn count(counts: &Counts, pool: &str, change: impl FnOnce(&mut usize)) {
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    counts
        .entry(pool.to_owned())
        .or_default()
        .send_modify(change);
}

async fn watch_sets(client: Client, todo: mpsc::UnboundedSender<Task>) {
    let config = Config::default();
    let sets = watcher(Api::<StatefulSet>::all(client), config).default_backoff();
    let mut sets = Box::pin(sets.applied_objects());
    // The status that we write comes back; only what is asked for is news.
    let mut known: HashMap<String, Option<i64>> = HashMap::new();
    while let Some(event) = sets.next().await {
        let Ok(set) = event else { continue };
        let generation = set.metadata.generation;
        if known.insert(set.uid().unwrap_or_default(), generation) != Some(generation) {
            let _ = todo.send(Task::Controllers(Box::new(set)));
        }
    }
}

async fn watch_nodes(client: Client, todo: mpsc::UnboundedSender<Task>, counts: Counts) {
    let config = Config::default().labels(labels::ACTIVE_POOL);
    let nodes = Api::<PartialObjectMeta<Node>>::all(client);
    let mut nodes = Box::pin(watcher(nodes, config).default_backoff());
    let mut known: HashMap<String, String> = HashMap::new();
    while let Some(event) = nodes.next().await {
        match event {
            Ok(Event::Apply(node) | Event::InitApply(node)) => {
                let pool = node.labels().get(labels::ACTIVE_POOL).cloned();
                let (node, pool) = (node.name_any(), pool.unwrap_or_default());
                if known.insert(node.clone(), pool.clone()).is_none() {
                    count(&counts, &pool, |count| *count += 1);
                    let _ = todo.send(Task::Start { pool, node });
                }
            }
            // It left the selection.
            Ok(Event::Delete(node)) => {
                let node = node.name_any();
                if let Some(pool) = known.remove(&node) {
                    count(&counts, &pool, |count| *count -= 1);
                    let _ = todo.send(Task::Stop { pool, node });
                }
            }
            Ok(Event::Init | Event::InitDone) | Err(_) => {}
        }
    }
}

impl Worker {
    async fn work(&self, task: Task) -> Result<()> {
        match task {
            Task::Controllers(set) => self.controllers(&set).await,
            Task::Start { pool, node } => self.start(&pool, &node).await,
            Task::Stop { pool, node } => self.stop(&pool, &node).await,
        }
    }

    async fn controllers(&self, set: &StatefulSet) -> Result<()> {
        let (namespace, name) = (set.namespace().unwrap_or_default(), set.name_any());
        let spec = set.spec.as_ref().context("a StatefulSet without spec")?;
        let replicas = spec.replicas.unwrap_or(1);
        let template = serde_json::to_value(&spec.template)?;
        for index in 0..replicas {
            let owner = json!({
                "apiVersion": "apps/v1", "kind": "StatefulSet", "name": name,
                "uid": set.uid(), "controller": true,
            });
            let pod = pod(&format!("{name}-{index}"), &template, &owner, None);
            self.run(&namespace, pod).await?;
        }
        let status = json!({"status": {
            "observedGeneration": set.metadata.generation, "replicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
            "currentReplicas": replicas, "updatedReplicas": replicas,
            "currentRevision": "1", "updateRevision": "1",
        }});
        let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}/status");
        merge(&self.client, &path, &status).await
    }

    async fn start(&self, pool: &str, node: &str) -> Result<()> {
        let (namespace, name) = parts(pool)?;
        let set = self.daemonset(pool, namespace, name).await?;
        let owner = json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "name": set["metadata"]["name"],
            "uid": set["metadata"]["uid"], "controller": true,
        });
        let router = router(name, node);
        let pod = pod(&router, &set["spec"]["template"], &owner, Some(node));
        let zone = &pod["metadata"]["labels"][labels::ZONE];
        let zone = format!("{namespace}.{}", zone.as_str().unwrap_or_default());
        self.run(namespace, pod).await?;
        let router = RouterId::try_from(router)?;
        self.zones
            .starts(&zone, PoolName::try_from(pool.to_owned())?, router);
        Ok(())
    }

    async fn stop(&self, pool: &str, node: &str) -> Result<()> {
        let (namespace, name) = parts(pool)?;
        let set = self.daemonset(pool, namespace, name).await?;
        let zone = &set["spec"]["template"]["metadata"]["labels"][labels::ZONE];
        let zone = format!("{namespace}.{}", zone.as_str().unwrap_or_default());
        let router = router(name, node);
        let path = format!("/api/v1/namespaces/{namespace}/pods/{router}");
        self.zones.ends(&zone, &RouterId::try_from(router)?);
        delete(&self.client, &path).await
    }

    async fn daemonset(&self, pool: &str, namespace: &str, name: &str) -> Result<Arc<Value>> {
        let known = |worker: &Self| {
            let templates = worker.templates.lock();
            let templates = templates.unwrap_or_else(PoisonError::into_inner);
            templates.get(pool).cloned()
        };
        if let Some(set) = known(self) {
            return Ok(set);
        }
        let path = format!("/apis/apps/v1/namespaces/{namespace}/daemonsets/{name}-mmr");
        for _ in 0..TRIES {
            let request = http::Request::get(&path).body(Vec::new())?;
            if let Ok(set) = self.client.request::<Value>(request).await {
                let set = Arc::new(set);
                let templates = self.templates.lock();
                let mut templates = templates.unwrap_or_else(PoisonError::into_inner);
                templates.insert(pool.to_owned(), set.clone());
                return Ok(set);
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("a node is labelled for {pool}, which has no DaemonSet")
    }

    /// Makes the pod, and says that it runs.
    async fn run(&self, namespace: &str, pod: Value) -> Result<()> {
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        post(&self.client, &pods, &pod).await?;
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let status = json!({ "status": running(&pod) });
        merge(&self.client, &format!("{pods}/{name}/status"), &status).await
    }
}

fn parts(pool: &str) -> Result<(&str, &str)> {
    pool.split_once('.')
        .with_context(|| format!("{pool:?} is no <namespace>.<pool>"))
}

fn router(pool: &str, node: &str) -> String {
    format!("{pool}-mmr-{}", node.trim_start_matches("node-"))
}

/// A pod of this template.
fn pod(name: &str, template: &Value, owner: &Value, node: Option<&str>) -> Value {
    let mut pod = template.clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"]["name"] = name.into();
    pod["metadata"]["ownerReferences"] = json!([owner]);
    // Nobody schedules: those of the controllers just run.
    pod["spec"]["nodeName"] = node.unwrap_or("elsewhere").into();
    pod
}

/// The status of a pod that runs, as its kubelet would write it.
fn running(pod: &Value) -> Value {
    let since = "2026-01-01T00:00:00Z";
    let condition =
        |type_: &str| json!({"type": type_, "status": "True", "lastTransitionTime": since});
    let containers = pod["spec"]["containers"].as_array();
    let containers: Vec<Value> = containers
        .into_iter()
        .flatten()
        .map(|container| {
            json!({
                "name": container["name"], "image": container["image"],
                "imageID": container["image"], "ready": true, "restartCount": 0,
                "started": true, "state": {"running": {"startedAt": since}},
            })
        })
        .collect();
    let conditions = ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map(condition);
    json!({
        "phase": "Running", "podIP": ADDRESS.to_string(),
        "podIPs": [{"ip": ADDRESS.to_string()}], "startTime": since,
        "conditions": conditions,
        "containerStatuses": containers,
    })
}
