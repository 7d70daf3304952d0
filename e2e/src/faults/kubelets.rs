//! A player of scheduler, kubelets and routers: pods get nodes, run, become ready and go when
//! they are told to; with them come and go routers with people on them, and zone controllers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client};
use plenum_crds::labels;
use plenum_wire::{PoolName, RouterId};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use super::controllers::Controller;
use super::mirror::{Kind, Mirror, is_going, is_router, label, node_of};
use super::observer::Observer;
use super::people::People;

/// One step of people and kubelets.
const TICK: Duration = Duration::from_millis(60);
/// From being told to stop to being gone, with nobody on it.
const STOPPING: Duration = Duration::from_millis(200);
/// Port of the zone controllers' links.
const LINK_PORT: u16 = 9443;
/// Pods whose image says so never become ready.
pub const BROKEN: &str = "broken";

/// Plays for one world.
pub struct Kubelets {
    /// Directly, not through the proxy.
    pub client: Client,
    /// The world's name.
    pub world: String,
    /// Its number, from which the controllers' addresses come.
    pub number: u16,
    /// What it sees.
    pub observer: Arc<Observer>,
    /// Who is where.
    pub people: Arc<Mutex<People>>,
    /// Where pods go that no `DaemonSet` has placed.
    pub elsewhere: String,
    running: BTreeMap<String, Running>,
    bound: BTreeSet<String>,
}

/// A pod that was started, by its UID.
struct Running {
    name: String,
    stopping: Option<Instant>,
    /// Keeps the controller going.
    _controller: Option<Controller>,
}

impl Kubelets {
    /// Nothing runs yet.
    pub fn new(
        client: Client,
        (world, number): (String, u16),
        observer: Arc<Observer>,
        people: Arc<Mutex<People>>,
        elsewhere: String,
    ) -> Self {
        Self {
            client,
            world,
            number,
            observer,
            people,
            elsewhere,
            running: BTreeMap::new(),
            bound: BTreeSet::new(),
        }
    }

    /// Plays until it is dropped.
    pub async fn run(mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.people().step();
            let mirror = self.observer.mirror();
            for (name, pod) in mirror.all(Kind::Pod) {
                // What the API server refuses now is tried again at the next tick.
                if let Err(error) = self.play(&mirror, name, pod).await
                    && !is_passing(&error)
                {
                    eprintln!("{}: pod {name}: {error:#}", self.world);
                }
            }
            self.forget_gone(&mirror);
        }
    }

    async fn play(&mut self, mirror: &Mirror, name: &str, pod: &Value) -> Result<()> {
        let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
        if is_going(pod) {
            return self.stop(name, uid, pod).await;
        }
        match node_of(pod) {
            None if self.bound.insert(uid.to_owned()) => self.bind(name, pod).await,
            Some(node) if !self.running.contains_key(uid) => {
                self.begin(mirror, (name, uid), pod, node).await
            }
            _ => Ok(()),
        }
    }

    async fn bind(&self, name: &str, pod: &Value) -> Result<()> {
        let terms = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
            ["nodeSelectorTerms"][0]["matchFields"][0]["values"][0];
        let node = terms.as_str().unwrap_or(&self.elsewhere);
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        });
        let path = format!("/api/v1/namespaces/{}/pods/{name}/binding", self.world);
        let request = http::Request::post(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(serde_json::to_vec(&binding)?)?;
        self.client.request_text(request).await?;
        Ok(())
    }

    async fn begin(
        &mut self,
        mirror: &Mirror,
        (name, uid): (&str, &str),
        pod: &Value,
        node: &str,
    ) -> Result<()> {
        let image = pod["spec"]["containers"][0]["image"]
            .as_str()
            .unwrap_or_default();
        if image.contains(BROKEN) {
            return Ok(());
        }
        let controller = self.controller(mirror, name, pod).await?;
        let address = self.address(name);
        self.say_running(name, pod, address).await?;
        if is_router(pod) {
            let pool = label(pod, labels::POOL).unwrap_or_default();
            let pool: PoolName = format!("{}.{pool}", self.world).parse()?;
            self.people().router_starts(name.parse()?, node, pool);
        } else if controller.is_some() {
            self.people().controller_starts(name);
        }
        let running = Running {
            name: name.to_owned(),
            stopping: None,
            _controller: controller,
        };
        self.running.insert(uid.to_owned(), running);
        Ok(())
    }

    /// The link of a zone controller; its certificate is there before its pod is.
    async fn controller(
        &self,
        mirror: &Mirror,
        name: &str,
        pod: &Value,
    ) -> Result<Option<Controller>> {
        if label(pod, labels::APP_COMPONENT) != Some(labels::COMPONENT_CONTROLLER) {
            return Ok(None);
        }
        let zone = label(pod, labels::ZONE).unwrap_or_default();
        let secret = mirror.get(Kind::Secret, &format!("{zone}-link-zc"));
        let secret = secret.ok_or_else(|| anyhow::anyhow!("no certificate for {name}"))?;
        let address = SocketAddr::from((self.address(name), LINK_PORT));
        let people = self.people.clone();
        Ok(Some(
            Controller::start(name, address, secret, people).await?,
        ))
    }

    /// An address of the loopback network for each controller of each world.
    fn address(&self, pod: &str) -> Ipv4Addr {
        let ordinal = pod.rsplit('-').next().and_then(|it| it.parse::<u8>().ok());
        let [high, low] = [self.number / 250, self.number % 250 + 1];
        let byte = |number: u16| u8::try_from(number).unwrap_or(u8::MAX);
        let last = ordinal.filter(|it| *it < 200).map_or(250, |it| it + 10);
        Ipv4Addr::new(127, 100 + byte(high), byte(low), last)
    }

    async fn say_running(&self, name: &str, pod: &Value, address: Ipv4Addr) -> Result<()> {
        let now = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second())?;
        let container = &pod["spec"]["containers"][0];
        let status = json!({"status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}],
            "podIP": address,
            "podIPs": [{"ip": address}],
            "containerStatuses": [{
                "name": container["name"], "image": container["image"], "imageID": "played",
                "ready": true, "started": true, "restartCount": 0,
                "state": {"running": {"startedAt": now}},
            }],
        }});
        let params = PatchParams::default();
        self.pods()
            .patch_status(name, &params, &Patch::Strategic(status))
            .await?;
        Ok(())
    }

    /// A router ends when it is empty, or at the end of its grace.
    async fn stop(&mut self, name: &str, uid: &str, pod: &Value) -> Result<()> {
        let now = Instant::now();
        let running = self
            .running
            .entry(uid.to_owned())
            .or_insert_with(|| Running {
                name: name.to_owned(),
                stopping: None,
                _controller: None,
            });
        let since = *running.stopping.get_or_insert(now);
        if now.duration_since(since) < self.stops_within(name, pod) {
            return Ok(());
        }
        self.ended(uid);
        let params = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        self.pods().delete(name, &params).await?;
        Ok(())
    }

    fn stops_within(&self, name: &str, pod: &Value) -> Duration {
        let mut people = self.people();
        if let Ok(router) = name.parse() {
            people.router_stops(&router);
        }
        if people.on_router(name) == 0 {
            return STOPPING;
        }
        let grace = pod["metadata"]["deletionGracePeriodSeconds"].as_u64();
        Duration::from_secs(grace.unwrap_or(0)).max(STOPPING)
    }

    fn ended(&mut self, uid: &str) {
        let Some(running) = self.running.remove(uid) else {
            return;
        };
        let mut people = self.people();
        if let Ok(router) = RouterId::try_from(running.name.clone()) {
            people.router_ends(&router);
        }
        people.controller_ends(&running.name);
    }

    /// Pods that went without having been told to stop.
    fn forget_gone(&mut self, mirror: &Mirror) {
        let there: BTreeSet<&str> = mirror
            .all(Kind::Pod)
            .filter_map(|(_, pod)| pod["metadata"]["uid"].as_str())
            .collect();
        let gone: Vec<String> = self
            .running
            .keys()
            .filter(|uid| !there.contains(uid.as_str()))
            .cloned()
            .collect();
        for uid in gone {
            self.ended(&uid);
        }
        self.bound.retain(|uid| there.contains(uid.as_str()));
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.world)
    }

    fn people(&self) -> std::sync::MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pod changed or went meanwhile, or its certificate is yet to come.
fn is_passing(error: &anyhow::Error) -> bool {
    let refused = error.downcast_ref::<kube::Error>();
    match refused {
        Some(kube::Error::Api(status)) => matches!(status.code, 404 | 409),
        Some(_) => false,
        None => error.to_string().starts_with("no certificate"),
    }
}
