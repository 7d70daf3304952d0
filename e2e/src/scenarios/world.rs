//! The zone that scenarios run on, and what they do to it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client, ResourceExt as _};
use plenum_crds::{MMRPool, labels};
use serde_json::Value;
use tokio::time::Instant;

use crate::Cluster;
use crate::load::{Load, Plan, Report};
use crate::pod_processes;
use crate::site::{NAMESPACE, RELEASE, SYSTEM_NAMESPACE, Site};

/// Zone and pool, both of this name.
pub const ZONE: &str = "demo";

/// A running zone on a cluster of ours.
pub struct World {
    /// What it is driven by.
    pub site: Site,
    /// The cluster, for hurting it.
    pub cluster: Cluster,
    /// Its API.
    pub client: Client,
    /// The zone's URLs.
    pub zones: Vec<String>,
    /// The zone's authority.
    pub ca: PathBuf,
}

/// How often something is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(100);

impl World {
    /// Installs operator, zone and pool.
    pub async fn install(site: Site, cluster: Cluster, image: &str) -> Result<Self> {
        site.install(image).await?;
        let zones = site.install_zone(ZONE).await?;
        let ca = site.zone_authority(ZONE).await?;
        let client = cluster.client().clone();
        Ok(Self {
            site,
            cluster,
            client,
            zones,
            ca,
        })
    }

    /// Changes values of the release, and waits until it runs with them.
    pub async fn set_values(&self, values: &[&str]) -> Result<()> {
        let chart = self.site.chart.display().to_string();
        let mut args = vec!["upgrade", RELEASE, &chart, "--namespace", SYSTEM_NAMESPACE];
        args.extend(["--reset-then-reuse-values", "--wait", "--timeout", "120s"]);
        args.extend(values.iter().flat_map(|value| ["--set", value]));
        self.site.commands.helm(args).await.map(drop)
    }

    /// Changes some of the spec of the pool.
    pub async fn change_pool(&self, spec: Value) -> Result<()> {
        self.site.change(&format!("mmrpool/{ZONE}"), spec).await
    }

    /// The pool.
    pub async fn pool(&self) -> Result<MMRPool> {
        let pools: Api<MMRPool> = Api::namespaced(self.client.clone(), NAMESPACE);
        Ok(pools.get(ZONE).await?)
    }

    /// Waits until the pool is as wanted.
    pub async fn until(
        &self,
        what: &str,
        limit: Duration,
        is: impl Fn(&MMRPool) -> bool,
    ) -> Result<MMRPool> {
        let deadline = Instant::now() + limit;
        loop {
            let pool = self.pool().await?;
            if is(&pool) {
                return Ok(pool);
            }
            ensure!(
                Instant::now() < deadline,
                "{what}: not within {} s; the pool's status is {}",
                limit.as_secs(),
                serde_json::to_string(&pool.status)?
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// Pods of one component that are there to stay, in the zone's namespace.
    pub async fn pods(&self, component: &str) -> Result<Vec<Pod>> {
        let selector = format!("{}={component}", labels::APP_COMPONENT);
        let list = ListParams::default().labels(&selector);
        let mut pods = self.pods_api().list(&list).await?.items;
        pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
        Ok(pods)
    }

    /// Deletes a pod; `at_once` as a crash would, otherwise with its grace.
    pub async fn delete_pod(&self, pod: &Pod, at_once: bool) -> Result<()> {
        let params = if at_once {
            DeleteParams {
                grace_period_seconds: Some(0),
                ..DeleteParams::default()
            }
        } else {
            DeleteParams::default()
        };
        self.pods_api().delete(&pod.name_any(), &params).await?;
        Ok(())
    }

    /// Kills the programs of a pod of the zone as a crash would: nobody is told.
    pub fn crash(&self, pod: &Pod) -> Result<()> {
        pod_processes::kill(pod)
    }

    /// Stops the programs of a pod of the zone where they are, until they are killed.
    pub fn freeze(&self, pod: &Pod) -> Result<()> {
        pod_processes::freeze(pod)
    }

    /// Kills every replica of the operator as a crash would.
    pub async fn crash_operator(&self) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), SYSTEM_NAMESPACE);
        for pod in pods.list(&ListParams::default()).await? {
            self.crash(&pod)?;
        }
        Ok(())
    }

    /// People for a while: meetings of 4, two of whom speak and show themselves.
    pub fn load(&self, name: &str, meetings: u32, ramp: u64, lasts: u64) -> Result<Load> {
        Load::start(
            &self.site,
            &Plan {
                name,
                zones: &self.zones,
                ca: &self.ca,
                meetings,
                participants: 4,
                speakers: 2,
                video_kbps: 60,
                ramp: Duration::from_secs(ramp),
                lasts: Duration::from_secs(lasts),
            },
        )
    }

    /// Waits until this many people are in meetings.
    pub async fn until_people(&self, people: u32) -> Result<()> {
        self.until(
            &format!("{people} people are in"),
            Duration::from_secs(40),
            |pool| {
                pool.status
                    .as_ref()
                    .is_some_and(|status| status.participants.in_use >= people)
            },
        )
        .await
        .map(drop)
    }

    /// Waits until nobody is in a meeting and one router is left.
    pub async fn settle(&self) -> Result<()> {
        self.until(
            "nobody in meetings, one router",
            Duration::from_secs(90),
            |pool| {
                pool.status.as_ref().is_some_and(|status| {
                    status.participants.in_use == 0
                        && status.routers.active == 1
                        && status.routers.accepting == 1
                        && status.routers.draining == 0
                })
            },
        )
        .await?;
        let zone = format!("meetingzone/{ZONE}");
        self.site
            .wait_for(&zone, "Ready", Duration::from_secs(60))
            .await
    }

    /// Writes the state of everything into the reports.
    pub async fn dump(&self, name: &str) {
        let directory = self
            .site
            .reports
            .join("failed")
            .join(name.replace("::", "-"));
        match self.cluster.dump(&directory).await {
            Ok(()) => eprintln!("state and logs: {}", directory.display()),
            Err(error) => eprintln!("no dump of {name}: {error:#}"),
        }
    }

    fn pods_api(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }
}

/// Nothing of a load went wrong.
pub fn unharmed(report: &Report) -> Result<()> {
    let wrongs = report.wrongs();
    ensure!(wrongs.is_empty(), "{}: {report}", wrongs.join("; "));
    Ok(())
}

/// The node that a pod runs on.
pub fn node_of(pod: &Pod) -> Result<&str> {
    let spec = pod.spec.as_ref().context("a pod without spec")?;
    spec.node_name.as_deref().context("the pod runs on no node")
}

/// Which pods run, and how often each was restarted.
pub async fn restarts(world: &World) -> Result<Vec<(String, i32)>> {
    let mut pods = world.pods(labels::COMPONENT_ROUTER).await?;
    pods.extend(world.pods(labels::COMPONENT_CONTROLLER).await?);
    let restarts = pods.iter().map(|pod| {
        let statuses = pod
            .status
            .iter()
            .flat_map(|status| status.container_statuses.iter().flatten());
        (
            pod.name_any(),
            statuses.map(|status| status.restart_count).sum(),
        )
    });
    Ok(restarts.collect())
}
