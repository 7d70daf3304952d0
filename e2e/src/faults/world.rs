//! A small cluster of its own on the shared API server: a namespace, nodes, who plays on them,
//! a proxy, operators behind it, and the observer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Config};
use plenum_crds::labels;
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::task::AbortOnDropHandle;

use super::kubelets::Kubelets;
use super::mirror::Kind;
use super::observer::{Observer, States};
use super::operator::Operator;
use super::people::People;
use super::proxy::{Proxy, Slice, WORLD};

/// Nodes that routers may have.
pub const NODES: usize = 5;
/// How many people a router takes.
pub const PER_ROUTER: u32 = 10;
/// The name of the only zone.
pub const ZONE: &str = "z";
/// The name of the first pool.
pub const POOL: &str = "p";
/// Who a world's operator is, where there is only one: after a crash it has its Lease still.
pub const ALONE: &str = "operator";

/// What all worlds are made from.
#[derive(Clone)]
pub struct Ground {
    /// Directly to the API server.
    pub config: Config,
    /// Directly to the API server.
    pub client: Client,
    /// The proxies' TLS.
    pub tls: Arc<ServerConfig>,
    /// What all operators reached.
    pub states: States,
}

/// A world; it ends with its value.
pub struct World {
    /// Its name, which is that of its namespace.
    pub name: String,
    /// Directly, not through the proxy.
    pub client: Client,
    /// The way of the operators.
    pub proxy: Arc<Proxy>,
    /// What is seen of it.
    pub observer: Arc<Observer>,
    people: Arc<Mutex<People>>,
    operators: Arc<Operators>,
    _playing: AbortOnDropHandle<()>,
    _reviving: AbortOnDropHandle<()>,
}

/// The operators of a world, by who they are.
struct Operators {
    direct: Config,
    proxy: Arc<Proxy>,
    namespace: String,
    runs: AtomicU32,
    running: Mutex<BTreeMap<String, (u32, Operator)>>,
}

impl World {
    /// Makes nodes; there is no operator yet.
    pub async fn new(ground: &Ground, number: u16, seed: u64) -> Result<Self> {
        let name = format!("w{number:04}");
        let client = ground.client.clone();
        let people = Arc::new(Mutex::new(People::new(seed, PER_ROUTER)));
        let states = ground.states.clone();
        let observer = Observer::start(&client, &name, people.clone(), states).await?;
        let observer = Arc::new(observer);
        let slice = Slice { name: name.clone() };
        let (proxy, crashed) = Proxy::start(client.clone(), ground.tls.clone(), slice).await?;
        let proxy = Arc::new(proxy);
        let operators = Arc::new(Operators {
            direct: ground.config.clone(),
            proxy: proxy.clone(),
            namespace: name.clone(),
            runs: AtomicU32::new(1),
            running: Mutex::default(),
        });
        let elsewhere = format!("{name}-zc");
        let (watched, guests) = (observer.clone(), people.clone());
        let kubelets = Kubelets::new(
            client.clone(),
            (name.clone(), number),
            watched,
            guests,
            elsewhere,
        );
        let world = Self {
            name,
            client,
            proxy,
            observer,
            people,
            operators: operators.clone(),
            _playing: AbortOnDropHandle::new(tokio::spawn(kubelets.run())),
            _reviving: AbortOnDropHandle::new(tokio::spawn(revive(operators, crashed))),
        };
        world.make_nodes().await?;
        Ok(world)
    }

    async fn make_nodes(&self) -> Result<()> {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": self.name}});
        let request = http::Request::post("/api/v1/namespaces")
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(serde_json::to_vec(&namespace)?)?;
        self.client.request_text(request).await?;
        self.make_node(&format!("{}-zc", self.name), false).await?;
        for index in 1..=NODES {
            self.make_node(&self.node(index), true).await?;
        }
        Ok(())
    }

    /// The name of a node for routers, from 1.
    pub fn node(&self, index: usize) -> String {
        format!("{}-n{index}", self.name)
    }

    /// Makes a node that is ready.
    pub async fn make_node(&self, name: &str, for_routers: bool) -> Result<()> {
        let mut node = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {WORLD: self.name}},
        });
        if for_routers {
            node["metadata"]["labels"][labels::ROUTERS] = self.name.clone().into();
        }
        self.create(Kind::Node, &node).await?;
        self.set_node_ready(name, true).await
    }

    /// What a node's kubelet says.
    pub async fn set_node_ready(&self, name: &str, ready: bool) -> Result<()> {
        let truth = if ready { "True" } else { "Unknown" };
        let condition = json!({"type": "Ready", "status": truth, "reason": "Played",
            "lastHeartbeatTime": now(), "lastTransitionTime": now()});
        let status = json!({"status": {"conditions": [condition]}});
        let params = PatchParams::default();
        let nodes: Api<k8s_openapi::api::core::v1::Node> = Api::all(self.client.clone());
        nodes
            .patch_status(name, &params, &Patch::Strategic(status))
            .await?;
        Ok(())
    }

    /// A zone as small as it can be.
    pub async fn make_zone(&self) -> Result<()> {
        self.create(Kind::Zone, &zone()).await
    }

    /// A pool of the zone.
    pub async fn make_pool(&self, name: &str) -> Result<()> {
        self.create(Kind::Pool, &self.pool(name)).await
    }

    /// What [`World::make_pool`] makes.
    pub fn pool(&self, name: &str) -> Value {
        json!({
            "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool",
            "metadata": {"name": name, "namespace": self.name},
            "spec": {
                "zone": ZONE, "nodeSelector": {labels::ROUTERS: self.name},
                "minRouters": 1, "maxRouters": NODES, "participantsPerRouter": PER_ROUTER,
                "spareParticipants": 3, "scaleDownDelaySeconds": 1, "maxDraining": 1,
                "drainDeadlineSeconds": 60,
            },
        })
    }

    /// Who is where.
    pub fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the operator `identity`; one of this name that runs is killed first.
    pub fn operate(&self, identity: &str) -> Result<()> {
        self.operators.start(identity)
    }

    /// Which run of which operator is under way.
    pub fn run_of(&self, identity: &str) -> Option<u32> {
        let running = lock(&self.operators.running);
        running.get(identity).map(|(run, _)| *run)
    }

    /// Takes away what others would go on looking after.
    pub async fn end(self) {
        lock(&self.operators.running).clear();
        self.observer.excuse(|rules| rules.excuse_everything(true));
        let free = json!({"metadata": {"finalizers": null}});
        for kind in [Kind::Pool, Kind::Zone, Kind::DaemonSet] {
            let names: Vec<String> = self
                .observer
                .look(|mirror| mirror.all(kind).map(|(name, _)| name.to_owned()).collect());
            for name in names {
                // Whatever goes wrong here costs only somebody's time.
                let _ = self.try_merge(kind, &name, &free).await;
                let _ = self.delete(kind, &name).await;
            }
        }
        let nodes: Vec<String> = self.observer.look(|mirror| {
            mirror
                .all(Kind::Node)
                .map(|(name, _)| name.to_owned())
                .collect()
        });
        for node in nodes {
            let _ = self.delete(Kind::Node, &node).await;
        }
    }
}

impl Operators {
    fn start(&self, identity: &str) -> Result<()> {
        self.kill(identity);
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let config = self.proxy.config(&self.direct, run)?;
        let operator = Operator::start(config, &self.namespace, identity)?;
        lock(&self.running).insert(identity.to_owned(), (run, operator));
        Ok(())
    }

    fn kill(&self, identity: &str) {
        if let Some((run, operator)) = lock(&self.running).remove(identity) {
            self.proxy.kill(run);
            drop(operator);
        }
    }
}

/// Starts anew whom the script killed, as a Deployment would.
async fn revive(operators: Arc<Operators>, mut crashed: UnboundedReceiver<u32>) {
    while let Some(run) = crashed.recv().await {
        let identity = lock(&operators.running)
            .iter()
            .find(|(_, (running, _))| *running == run)
            .map(|(identity, _)| identity.clone());
        if let Some(identity) = identity
            && let Err(error) = operators.start(&identity)
        {
            eprintln!("{}: {error:#}", operators.namespace);
        }
    }
}

/// What [`World::make_zone`] makes.
pub fn zone() -> Value {
    json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone",
        "metadata": {"name": ZONE},
        "spec": {"drainDeadlineSeconds": 60},
    })
}

/// As the API server writes times.
pub fn now() -> String {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second())
        .unwrap_or(now)
        .to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
